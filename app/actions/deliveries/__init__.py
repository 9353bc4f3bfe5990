"""Outgoing messages: dispatches, pauses and limits, and sending after a restore."""
