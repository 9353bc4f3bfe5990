"""The loop that runs actions when nobody clicks."""
