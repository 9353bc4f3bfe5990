"""What the world sees, read-only."""
