"""What people and programs send: one model for each input serves the form, the API and the command line."""
