"""A whole page in one file, and back.  docs/reference/archive-format.md describes the format."""

from app.transfer.archive.importing import ArchiveReport, import_archive
from app.transfer.archive.writing import Archived, write_archive

__all__ = ["ArchiveReport", "Archived", "import_archive", "write_archive"]
