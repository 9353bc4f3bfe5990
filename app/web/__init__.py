"""The doors: read a form into a value, call one action, render."""
