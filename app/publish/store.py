"""Writes a revision to disk so that a reader sees the old one or the new one, whole, whatever dies and when."""

import fcntl
import gzip
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import brotli

from app.publish.artifact import SUFFIXES

KEPT_REVISIONS = 3
SYNC_ALL_ABOVE = 30
COMPRESSED = {".html", ".json", ".atom", ".rss", ".css", ".js", ".svg", ".txt", ".ics"}
BROTLI_QUALITY = 6
GZIP_LEVEL = 6
_REVISION = re.compile(r"\d{10}-\d{8}T\d{12}")


@dataclass(frozen=True, slots=True)
class Meta:
    """What a revision folder says of itself.  `rendered_at` is ISO 8601, UTC."""

    revision: int
    rendered_at: str
    render_version: str

    @property
    def rendered(self) -> datetime:
        return datetime.fromisoformat(self.rendered_at)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One renderer of a page at a time, over all processes of this machine; a dead one lets go by itself."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def published(folder: Path) -> Meta | None:
    """What `current` points to; None when nothing whole is there."""
    try:
        return Meta(**json.loads((folder / "current" / "meta.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


class Files(Protocol):
    """What a revision is made of: files by relative path.

    `live` ones make the new revision folder; `lasting` ones stand in the `shared` folders, which all revisions have in
    common, and are replaced one by one.
    """

    @property
    def live(self) -> Mapping[str, bytes]: ...

    @property
    def lasting(self) -> Mapping[str, bytes]: ...

    @property
    def shared(self) -> Sequence[str]: ...


def write(folder: Path, meta: Meta, files: Files) -> None:
    """Write a revision and point to it; text gets its br and gzip beside it.  The caller holds the lock."""
    for name in files.shared:
        (folder / "lasting" / name).mkdir(mode=0o755, parents=True, exist_ok=True)
    _replace_lasting(folder / "lasting", files.lasting)
    name = f"{meta.revision:010d}-{meta.rendered:%Y%m%dT%H%M%S%f}"
    draft = folder / f".draft-{name}"
    try:
        _fill(draft, {**files.live, "meta.json": json.dumps(asdict(meta)).encode()}, files.shared)
        draft.rename(folder / name)
        _point(folder / "current", name)
    except BaseException:  # left where it is, each try on a full disk would take what room there is
        _discard(folder, draft, name)
        raise
    sweep(folder)


def _fill(draft: Path, files: Mapping[str, bytes], shared_folders: Sequence[str]) -> None:
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o755)
    for path, body in files.items():
        for suffix, content in _encodings(path, body):
            _write(draft / f"{path}{suffix}", content, sync=True)
    for shared in shared_folders:
        link = draft / shared
        link.parent.mkdir(mode=0o755, exist_ok=True)
        link.symlink_to(f"{'../' * (shared.count('/') + 1)}lasting/{shared}")
    for child in [draft, *(path for path in draft.rglob("*") if path.is_dir() and not path.is_symlink())]:
        _sync_folder(child)


def _discard(folder: Path, draft: Path, name: str) -> None:
    shutil.rmtree(draft, ignore_errors=True)
    with suppress(OSError):
        if (folder / "current").readlink().name != name:
            shutil.rmtree(folder / name, ignore_errors=True)


def point_default(root: Path, slug: str) -> None:
    """Make `slug` the page that is served when no other is asked for, unless one is already."""
    if not (root / "default" / "current").exists() and slug != "default":
        _point(root / "default", slug)


def sweep(folder: Path) -> None:
    """Delete revisions that nobody reads any more, and drafts that a crash left."""
    revisions = sorted(path for path in folder.iterdir() if _REVISION.fullmatch(path.name))
    current = (folder / "current").readlink().name
    drafts = [path for path in folder.iterdir() if path.name.startswith(".draft-")]
    for path in [*revisions[:-KEPT_REVISIONS], *drafts]:
        if path.name != current:
            shutil.rmtree(path, ignore_errors=True)


def _replace_lasting(folder: Path, files: Mapping[str, bytes]) -> None:
    drafts: list[tuple[Path, Path]] = []
    few = len(files) <= SYNC_ALL_ABOVE
    try:
        for path, body in files.items():
            for suffix, content in _encodings(path, body):
                target = folder / f"{path}{suffix}"
                draft = target.with_name(f".draft-{target.name}")
                drafts.append((draft, target))
                _write(draft, content, sync=few)
        if not few:
            os.sync()
        for draft, target in drafts:
            draft.replace(target)
    except BaseException:
        for draft, _ in drafts:
            with suppress(OSError):
                draft.unlink()
        raise
    for parent in {target.parent for _, target in drafts}:
        _sync_folder(parent)


def compressed(body: bytes) -> dict[str, bytes]:
    """`body` by content coding; "" is as it is."""
    return {
        "": body,
        "br": brotli.compress(body, quality=BROTLI_QUALITY),
        "gzip": gzip.compress(body, GZIP_LEVEL, mtime=0),
    }


def _encodings(path: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    if Path(path).suffix not in COMPRESSED:
        yield "", body
        return
    for coding, content in compressed(body).items():
        yield SUFFIXES[coding], content


def _write(path: Path, content: bytes, *, sync: bool) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def _point(link: Path, target: str) -> None:
    draft = link.with_name(f".draft-{link.name}")
    with suppress(FileNotFoundError):
        draft.unlink()
    draft.symlink_to(target)
    draft.replace(link)
    _sync_folder(link.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
