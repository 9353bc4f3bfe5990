"""Subscribers: what they do themselves, and what an operator does for them."""
