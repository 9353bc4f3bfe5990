"""Discovers all tables, so that a new noun is one new file."""

import importlib
import pkgutil
from pathlib import Path


def load_all() -> None:
    """Import every module of this folder: afterwards the metadata is complete."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"app.models.{module.name}")
