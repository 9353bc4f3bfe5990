"""Brings history from elsewhere into a page: read, checked, written once, nothing sent to anyone."""

from app.actions.imports.report import Report, Row
from app.actions.imports.statuspage import import_statuspage

__all__ = ["Report", "Row", "import_statuspage"]
