"""What the public sees, read-only."""
