"""How words leave: one file per channel, found by `app.channels.registry`."""
