"""What goes into and out of an installation in files: archives, other status pages, sheets of subscribers."""
