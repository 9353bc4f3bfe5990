"""Checks before publishing: values in, values out."""
