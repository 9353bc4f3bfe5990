"""The web: reads a form into a value, calls one action, and renders."""
