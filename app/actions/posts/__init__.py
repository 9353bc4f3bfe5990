"""Posts and their updates: one verb, one function, one transaction, one audit line."""
