"""Components and their groups."""
