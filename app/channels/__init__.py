"""Channels for outgoing messages: one file each, discovered by `app.channels.registry`."""
