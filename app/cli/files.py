"""Files that commands write for people: written completely, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from app.cli import sqlite_files
from app.errors import Conflict

FORCE = click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")


@contextmanager
def new_file(file: Path, *, force: bool) -> Iterator[BinaryIO]:
    """A stream that becomes `file` at the end, readable by this user only.  After an error `file` is unchanged.

    Raises:
        Conflict: it exists, and `force` is false.
        OSError: it can't be written.
    """
    file = file.absolute()
    if file.is_dir() or (file.exists() and not force):
        raise Conflict(f"{file} already exists. Choose another name{'' if file.is_dir() else ', or pass --force'}.")
    draft = sqlite_files.draft_beside(file)
    try:
        with draft.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
        sqlite_files.sync(file.parent)
    finally:
        draft.unlink(missing_ok=True)
