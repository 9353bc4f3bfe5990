"""Writes a revision to disk atomically: a reader sees the old one or the new one, complete, even after a crash."""

import fcntl
import gzip
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import brotli

from app.publish.artifact import SUFFIXES

KEPT_REVISIONS = 3
WRITERS = 8
SYNC_ALL_ABOVE = 100
COMPRESSED = {".html", ".json", ".atom", ".rss", ".css", ".js", ".svg", ".txt", ".ics", ".md", ".xml", ".webmanifest"}
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
    """One renderer of a page at a time, among all processes of this machine; a dead one releases the lock."""
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

    `live` ones make the new revision folder; `lasting` ones are in the `shared` folders, which all revisions have in
    common, and are replaced one by one; what of them is `gone` is deleted.
    """

    @property
    def live(self) -> Mapping[str, bytes]: ...

    @property
    def lasting(self) -> Mapping[str, bytes]: ...

    @property
    def shared(self) -> Sequence[str]: ...

    @property
    def gone(self) -> Sequence[str]: ...


def write(folder: Path, meta: Meta, files: Files, purge_before: int = 0) -> None:
    """Write a revision and point to it; text gets its br and gzip beside it.  The caller holds the lock.

    No revision before `purge_before` is left on the disk: it may hold what was taken back since.
    """
    lasting = folder / "lasting"
    for parent in {lasting / name for name in files.shared} | {(lasting / path).parent for path in files.lasting}:
        parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with ThreadPoolExecutor(WRITERS) as pool:
        _write_revision(folder, meta, files, pool)
    sweep(folder, purge_before)


def _write_revision(folder: Path, meta: Meta, files: Files, pool: Executor) -> None:
    """All files are written under names that no one reads, and waited for together; then they take their places."""
    name = f"{meta.revision:010d}-{meta.rendered:%Y%m%dT%H%M%S%f}"
    draft = folder / f".draft-{name}"
    lasting = _drafts(folder / "lasting", files.lasting)
    live = {**files.live, "meta.json": json.dumps(asdict(meta)).encode()}
    try:
        written = _begin(draft, live, folder / "current", files.shared)
        written |= {lasting[folder / "lasting" / path]: body for path, body in files.lasting.items()}
        _write_all(written, pool)
        _replace(lasting)
        _delete(folder / "lasting", files.gone)
        for child in [draft, *(path for path in draft.rglob("*") if path.is_dir() and not path.is_symlink())]:
            _sync_folder(child)
        draft.rename(folder / name)
        _point(folder / "current", name)
    except BaseException:  # left where it is, each try on a full disk would take what room there is
        _discard(folder, draft, name)
        _discard_drafts(lasting)
        raise


def _begin(draft: Path, files: Mapping[str, bytes], last: Path, shared_folders: Sequence[str]) -> dict[Path, bytes]:
    """Make the folder of a revision, and say what has to be written into it: what is as it was in the `last` one is the
    same file, by a hard link.
    """
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o755)
    for parent in {(draft / path).parent for path in files}:
        parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    for shared in shared_folders:
        link = draft / shared
        link.parent.mkdir(mode=0o755, exist_ok=True)
        link.symlink_to(f"{'../' * (shared.count('/') + 1)}lasting/{shared}")
    return {draft / path: body for path, body in files.items() if not _taken_over(last, draft, path, body)}


def _taken_over(last: Path, draft: Path, path: str, body: bytes) -> bool:
    try:
        if (last / path).read_bytes() != body:
            return False
        for suffix in _suffixes(path):
            (draft / f"{path}{suffix}").hardlink_to(last / f"{path}{suffix}")
    except OSError:  # not there, or a disk without hard links: it is written instead
        for suffix in _suffixes(path):
            (draft / f"{path}{suffix}").unlink(missing_ok=True)
        return False
    return True


def _discard(folder: Path, draft: Path, name: str) -> None:
    shutil.rmtree(draft, ignore_errors=True)
    with suppress(OSError):
        if (folder / "current").readlink().name != name:
            shutil.rmtree(folder / name, ignore_errors=True)


def _discard_drafts(drafts: Mapping[Path, Path]) -> None:
    for target, draft in drafts.items():
        for suffix in _suffixes(target.name):
            with suppress(OSError):
                draft.with_name(f"{draft.name}{suffix}").unlink()


def point_default(root: Path, slug: str) -> None:
    """Make `slug` the page that is served by default, unless there is one already."""
    if not (root / "default" / "current").exists() and slug != "default":
        _point(root / "default", slug)


def sweep(folder: Path, purge_before: int = 0) -> None:
    """Delete revisions that no one reads any more or that must not be kept, and drafts that a crash left."""
    revisions = sorted(path for path in folder.iterdir() if _REVISION.fullmatch(path.name))
    current = (folder / "current").readlink().name
    drafts = [path for path in folder.iterdir() if path.name.startswith(".draft-")]
    purged = [path for path in revisions if int(path.name.partition("-")[0]) < purge_before]
    for path in [*revisions[:-KEPT_REVISIONS], *purged, *drafts]:
        if path.name != current:
            shutil.rmtree(path, ignore_errors=True)


def _drafts(folder: Path, paths: Iterable[str]) -> dict[Path, Path]:
    """Where each lasting file is written before it takes its place."""
    return {folder / path: (folder / path).with_name(f".draft-{Path(path).name}") for path in paths}


def _replace(drafts: Mapping[Path, Path]) -> None:
    """The plain file last: by it everyone, also after a crash, tells whether the others are to be had or made."""
    for target, draft in drafts.items():
        for suffix in reversed(_suffixes(target.name)):
            draft.with_name(f"{draft.name}{suffix}").replace(target.with_name(f"{target.name}{suffix}"))
    for parent in {target.parent for target in drafts}:
        _sync_folder(parent)


def _delete(folder: Path, paths: Iterable[str]) -> None:
    for path in paths:
        shutil.rmtree(folder / path, ignore_errors=True)
        for suffix in _suffixes(path):
            (folder / f"{path}{suffix}").unlink(missing_ok=True)


def _write_all(files: Mapping[Path, bytes], pool: Executor) -> None:
    """Write files with their encodings and wait until the disk has them; many at once, because it takes them together.

    Raises OSError when one can't be written.
    """
    few = len(files) <= SYNC_ALL_ABOVE

    def write_encodings(item: tuple[Path, bytes]) -> None:
        path, body = item
        for suffix, content in _encodings(path.name, body):
            _write(path.with_name(f"{path.name}{suffix}"), content, sync=few)

    begun = [pool.submit(write_encodings, item) for item in files.items()]
    _, undone = wait(begun, return_when=FIRST_EXCEPTION)
    for one in undone:
        one.cancel()
    wait(begun)  # who cleans up after a failure must not be overtaken by what is still being written
    for one in begun:
        if not one.cancelled():
            one.result()
    if not few:
        os.sync()


def compressed(body: bytes) -> dict[str, bytes]:
    """`body` by content coding; "" is as it is."""
    return {
        "": body,
        "br": brotli.compress(body, quality=BROTLI_QUALITY),
        "gzip": gzip.compress(body, GZIP_LEVEL, mtime=0),
    }


def _suffixes(path: str) -> Sequence[str]:
    return tuple(SUFFIXES.values()) if Path(path).suffix in COMPRESSED else ("",)


def _encodings(path: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    if Path(path).suffix not in COMPRESSED:
        yield "", body
        return
    for coding, content in compressed(body).items():
        yield SUFFIXES[coding], content


def _write(path: Path, content: bytes, *, sync: bool) -> None:
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
