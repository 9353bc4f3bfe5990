"""Transitions: the one writer of each state, with everything that changes together with it."""
