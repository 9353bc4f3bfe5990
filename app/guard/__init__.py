"""What to ask before publishing: values in, values out."""
