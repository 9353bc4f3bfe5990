"""Where messages are kept when no server is configured: one file each, named so that they sort by time."""

import os
import re
import secrets
from pathlib import Path

from app.clock import now


def keep(folder: Path, key: str, suffix: str, content: bytes) -> Path:
    """Write `content` as a whole file or not at all; the file's path.

    Raises:
        OSError: the folder can't be written.
    """
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    safe_key = re.sub(r"[^A-Za-z0-9_-]", "-", key)[:80]
    name = f"{now():%Y%m%dT%H%M%S.%f}-{safe_key}-{secrets.token_hex(2)}{suffix}"
    draft = folder / f".{name}.draft"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return draft.replace(folder / name)
