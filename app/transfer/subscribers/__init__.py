"""Subscribers from a sheet: ours, or Statuspage's."""

from app.transfer.subscribers.importing import ImportReport, import_subscribers

__all__ = ["ImportReport", "import_subscribers"]
