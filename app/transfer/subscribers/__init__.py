"""Subscribers from a CSV file: ours, or Statuspage's."""

from app.transfer.subscribers.importing import SubscriberImportReport, import_subscribers

__all__ = ["SubscriberImportReport", "import_subscribers"]
