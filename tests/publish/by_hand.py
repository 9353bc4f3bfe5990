"""Snapshots as files, made without a database and without the code that writes real ones."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from app.settings import Settings


def snapshot(
    settings: Settings,
    live: Mapping[str, str],
    lasting: Mapping[str, str] | None = None,
    revision: int = 1,
    slug: str = "default",
) -> Path:
    """Publish these files as a page; the revision's folder.  What lasts is reached by links, as always."""
    folder = settings.public_root / slug
    at = datetime.now(UTC)
    made = folder / f"{revision:010d}-{at:%Y%m%dT%H%M%S%f}"
    meta = {"revision": revision, "rendered_at": at.isoformat(), "render_version": "x"}
    _write(made, {**live, "meta.json": json.dumps(meta)})
    _write(folder / "lasting", lasting or {})
    for shared in {Path(path).parent for path in lasting or {}}:
        (made / shared).parent.mkdir(parents=True, exist_ok=True)
        (made / shared).symlink_to(folder / "lasting" / shared)
    draft = folder / ".draft-current"
    draft.symlink_to(made.name)
    draft.replace(folder / "current")
    return made.resolve()


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
        (folder / f"{path}.gz").write_bytes(b"gzip")
        (folder / f"{path}.br").write_bytes(b"brotli")
