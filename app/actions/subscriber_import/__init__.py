"""Subscribers from a sheet: ours, or Statuspage's."""

from app.actions.subscriber_import.importing import import_subscribers
from app.actions.subscriber_import.outcome import ImportReport

__all__ = ["ImportReport", "import_subscribers"]
