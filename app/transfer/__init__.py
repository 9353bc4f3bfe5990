"""Import and export: archives, other status pages, and subscribers as CSV."""
