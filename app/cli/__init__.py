"""`candor`: everything that works without a browser."""

from app.cli.main import main

__all__ = ["main"]
