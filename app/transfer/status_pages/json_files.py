"""The files to read, and JSON from them."""

import json
from pathlib import Path
from typing import Any

from app.errors import Invalid

LARGEST_FILE = 50 * 1024 * 1024


def files(source: Path) -> list[Path]:
    """The documents to read: the file, or every .json file below the folder.

    Raises:
        Invalid: there is nothing to read.
    """
    found = sorted(source.rglob("*.json")) if source.is_dir() else [source]
    if not found or not found[0].is_file():
        raise Invalid(f"{source} isn't a file or a folder with .json files. Check the path.")
    return found


def load(path: Path) -> Any:
    """What is in a file.

    Raises:
        Invalid: it is no JSON, or too large; the sentence names the file.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid(f"{path.name} is larger than 50 MB. Split it into smaller files.")
        return json.loads(path.read_text("utf-8-sig"), parse_constant=lambda _: None)
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Invalid(f"{path.name} isn't valid JSON ({type(error).__name__}).") from None
