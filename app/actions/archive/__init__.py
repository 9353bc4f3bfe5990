"""The whole of a page in one file, and back: docs/reference/archive-format.md says what is in it."""

from app.actions.archive.importing import import_archive
from app.actions.archive.report import ArchiveReport
from app.actions.archive.writing import Archived, write_archive

__all__ = ["ArchiveReport", "Archived", "import_archive", "write_archive"]
