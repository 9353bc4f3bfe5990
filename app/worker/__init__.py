"""The worker: the loop that runs scheduled and queued work."""
