"""Accounts, their passwords and sessions, and tokens for programs."""
