"""A folder that replaces the database when it can't be written: deliveries are on disk before they're answered."""

import base64
import json
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.errors import Unavailable
from app.settings import Settings

logger = logging.getLogger(__name__)
SUFFIX = ".inbound"
UNREADABLE = ".unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledDelivery:
    """An authentic delivery, as it's stored."""

    source: str
    key: str
    received_at: datetime
    path: str
    headers: Mapping[str, str]
    body: bytes


def folder(settings: Settings) -> Path:
    """Where spooled deliveries are."""
    return settings.home / "spool"


def write(settings: Settings, kept: SpooledDelivery) -> None:
    """Write a delivery, and return when it's on disk.

    Raises:
        Unavailable: the folder can't be written.
    """
    where = folder(settings)
    name = f"{kept.received_at:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}"
    draft = where / f".{name}"
    facts = {
        "source": kept.source,
        "key": kept.key,
        "received_at": kept.received_at.isoformat(),
        "path": kept.path,
        "headers": dict(kept.headers),
        "body": base64.b64encode(kept.body).decode(),
    }
    try:
        if not where.is_dir():
            where.mkdir(mode=0o700, exist_ok=True)
            _sync(where.parent)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(facts, file)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(where / f"{name}{SUFFIX}")
        _sync(where)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise Unavailable("Neither the database nor the spool folder can be written. Try again soon.") from error


def waiting(settings: Settings) -> list[Path]:
    """The spooled deliveries, oldest first."""
    return sorted(folder(settings).glob(f"*{SUFFIX}"))


def unreadable(settings: Settings) -> list[Path]:
    """What was in the spool and can't be read."""
    return sorted(folder(settings).glob(f"*{UNREADABLE}"))


def read_all(settings: Settings) -> Iterator[tuple[Path, SpooledDelivery]]:
    """Each spooled delivery with its file, oldest first.  What makes no sense is put aside under another name."""
    for path in waiting(settings):
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            kept = SpooledDelivery(
                source=str(facts["source"]),
                key=str(facts["key"]),
                received_at=datetime.fromisoformat(facts["received_at"]),
                path=str(facts["path"]),
                headers={str(name): str(value) for name, value in facts["headers"].items()},
                body=base64.b64decode(facts["body"], validate=True),
            )
        except FileNotFoundError:
            continue  # another process of this machine took it in
        except OSError as error:
            logger.error("%s in the spool can't be read: %s", path.name, error.strerror)
            continue
        except (ValueError, KeyError, TypeError, AttributeError):
            logger.error("%s in the spool can't be read and is put aside", path.name)
            with suppress(OSError):
                path.rename(path.with_suffix(UNREADABLE))
            continue
        yield path, kept


def _sync(where: Path) -> None:
    """Have a folder's entries on disk, and not only its files."""
    handle = os.open(where, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
