"""Posts, their updates, and what becomes of them: one verb, one function, one transaction, one audit line."""
