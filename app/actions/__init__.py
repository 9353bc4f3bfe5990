"""The only writers: one verb, one function, one transaction, one audit line."""
