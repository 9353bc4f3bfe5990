"""Imports history from other status pages: read, checked and written once, without sending notifications."""

from app.transfer.status_pages.importing import import_cachet, import_instatus, import_statuspage, import_uptime_kuma
from app.transfer.status_pages.json_files import files as json_files
from app.transfer.status_pages.report import Report, ReportRow

__all__ = [
    "Report",
    "ReportRow",
    "import_cachet",
    "import_instatus",
    "import_statuspage",
    "import_uptime_kuma",
    "json_files",
]
