"""From a committed update to every subscriber."""
