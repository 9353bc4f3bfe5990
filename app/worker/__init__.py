"""The loop that runs actions when no one clicks."""
