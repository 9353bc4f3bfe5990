"""Files that commands write for people: there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from app.cli import sqlite_files
from app.errors import Conflict

FORCE = click.option("--force", is_flag=True, help="Put it in the place of a file that is there already.")


@contextmanager
def new_file(file: Path, *, force: bool) -> Iterator[BinaryIO]:
    """What is written to is `file` in the end, readable by this user alone; after an error it is as it was.

    Raises:
        Conflict: it is there already, and nobody said to take its place.
        OSError: it can not be written.
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
