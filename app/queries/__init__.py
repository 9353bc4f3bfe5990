"""Read models: what a screen, the API or a command shows.  They select and never write."""
