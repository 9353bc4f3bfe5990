"""A static copy of the published page for any web server, bucket or disk.  Reads only files, not the database."""

import fcntl
import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from app.errors import Conflict, Invalid, NotFound
from app.publish.addresses import DEFAULT_SLUG
from app.publish.link_rewriting import Relinker
from app.publish.revision import LIVE
from app.settings import Settings

MANIFEST = ".candor-export.json"
DRAFT = ".candor-export.draft"
_INCIDENT = re.compile(r"incidents/[a-z0-9]+\.json")
"""What has a second address in the API."""

_ALIASES = {address.strip("/"): path for address, path in LIVE.items() if address not in {"/", "/favicon.ico"}}
"""Second addresses that readers may have kept.  A server tells what a file is by its name, and our icon is no .ico."""

WELL_KNOWN = ".well-known"
"""The one folder with a dot that readers may have (RFC 8615)."""

_ENCODED = {".br", ".gz"}
_META = "meta.json"
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did, in files."""

    folder: Path
    revision: int
    written: int
    unchanged: int
    deleted: int


@dataclass(frozen=True, slots=True)
class _Copy:
    """What is published: `live` files by content, because newer ones sweep their folder away; `lasting` by place."""

    slug: str
    revision: int
    page_url: str
    live: dict[str, bytes]
    lasting: dict[str, Path]

    @property
    def files(self) -> set[str]:
        return {*self.live, *self.lasting}

    def without(self, names: Collection[str]) -> "_Copy":
        """The same but for some files."""
        return replace(self, live={path: body for path, body in self.live.items() if path not in names})

    def body(self, path: str, relinker: Relinker) -> bytes:
        raw = self.live[path] if path in self.live else self.lasting[path].read_bytes()
        if not path.endswith(".html"):
            return raw
        return relinker.relinked(path, raw.decode()).encode()


def exported_files(settings: Settings, slug: str = DEFAULT_SLUG) -> Iterator[tuple[str, bytes]]:
    """The files of a copy of a page, each with its place, in the order of their names.

    Raises:
        NotFound: nothing is published yet.
    """
    copy = _published(settings, slug)
    relinker = Relinker(copy.files, copy.page_url)
    for path in sorted(copy.files):
        yield path, copy.body(path, relinker)


def export(settings: Settings, folder: Path, *, into_existing: bool = False, slug: str = DEFAULT_SLUG) -> Exported:
    """Make `folder` a copy of a page as it is published: write what changed, delete what went.

    Files that no export wrote are never touched; a second address of a document is left out where one of them has its
    name.  `into_existing` allows a folder that holds some already.

    Raises:
        NotFound: nothing is published yet.
        Invalid: the folder can't be used; the sentence says why.
        Conflict: the folder holds files that no export wrote, and they are in the way.
        OSError: a file can't be written; running it again goes on from there.
    """
    copy = _published(settings, slug)
    target = folder.expanduser().resolve()
    _prepare(settings, target)
    with _locked(target):
        before = _ours(target, copy.slug, into_existing=into_existing)
        copy = copy.without({name for name in _ALIASES if name not in before and os.path.lexists(target / name)})
        _refuse_foreign(target, copy.files - before)
        if not copy.files <= before:  # claimed first: after a crash they are still ours
            _replace(target, MANIFEST, _manifest(copy.slug, before | copy.files))
        relinker = Relinker(copy.files, copy.page_url)
        written = sum(_replace(target, path, copy.body(path, relinker)) for path in sorted(copy.files, key=_rank))
        gone = before - copy.files
        for path in gone:
            _delete(target, path)
        _replace(target, MANIFEST, _manifest(copy.slug, copy.files))
    return Exported(target, copy.revision, written, len(copy.files) - written, len(gone))


def _published(settings: Settings, slug: str) -> _Copy:
    for _ in range(_TRIES):  # the folder may be swept away while it is read; then there is a newer one
        with suppress(FileNotFoundError):
            return _read((settings.public_root / slug / "current").resolve(strict=True), settings.base_url)
    raise NotFound("Nothing is published yet. Set the page up, or run candor publish, and try again.")


def _read(revision: Path, base_url: str) -> _Copy:
    found = dict(_walk(revision))
    live = {path: file.read_bytes() for path, file in found.items() if file.is_relative_to(revision)}
    lasting = {path: file for path, file in found.items() if path not in live}
    lasting |= {f"api/v2/{path}": file for path, file in lasting.items() if _INCIDENT.fullmatch(path)}
    live |= {name: live[path] for name, path in _ALIASES.items() if path in live}
    meta = json.loads(live.pop(_META))
    return _Copy(revision.parent.name, int(meta["revision"]), _page_url(live) or base_url, live, lasting)


def _walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Every file that readers may have, with the path at which they have it; links are followed to what lasts."""
    for entry in folder.iterdir():
        if (entry.name.startswith(".") and entry.name != WELL_KNOWN) or entry.suffix in _ENCODED:
            continue
        if entry.is_dir():
            yield from _walk(entry.resolve(), f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def _page_url(live: dict[str, bytes]) -> str:
    try:
        return str(json.loads(live["api/v2/summary.json"])["page"]["url"])
    except (KeyError, ValueError, TypeError):
        return ""


def _prepare(settings: Settings, target: Path) -> None:
    home, public = settings.home.resolve(), settings.public_root.resolve()
    if target.is_relative_to(public) or home.is_relative_to(target):
        raise Invalid(f"{target} holds Candor's own files. Choose a folder outside of {home}.")
    if target.exists() and not target.is_dir():
        raise Invalid(f"{target} is a file. Choose a folder.")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"Can't create {target}: {error.strerror}. Choose another folder.") from None
    if not os.access(target, os.W_OK | os.X_OK):
        raise Invalid(f"{target} isn't writable. Make this user its owner, or choose another folder.")


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """One export into a folder at a time, where the file system supports it."""
    handle = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _ours(target: Path, slug: str, *, into_existing: bool) -> set[str]:
    """What earlier exports of the page wrote.  Raises Conflict when there is something and no list of it."""
    try:
        manifest = json.loads((target / MANIFEST).read_text("utf-8"))
        files = {path for path in manifest["files"] if _is_inside(path)}
        other = manifest.get("page", slug)
    except FileNotFoundError:
        if into_existing or all(entry.name == DRAFT for entry in target.iterdir()):
            return set()
    except (OSError, ValueError, KeyError, TypeError):
        raise Conflict(f"Can't read {target / MANIFEST}. Choose an empty folder.") from None
    else:
        if other != slug:
            raise Conflict(f"{target} holds a copy of page {other}. Export page {slug} to a folder of its own.")
        return files
    raise Conflict(
        f"{target} is not empty, and no export wrote what is there. Choose an empty folder, or pass --into-existing "
        "to put the copy beside it."
    )


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and ".." not in parts and not path.startswith("/")


def _refuse_foreign(target: Path, new: Collection[str]) -> None:
    """Raises Conflict when something that isn't ours is where a file or its folder has to be."""
    folders = {str(parent) for path in new for parent in PurePosixPath(path).parents} - {"."}
    wrong = {name for name in folders if (target / name).is_symlink() or (target / name).is_file()}
    wrong |= {path for path in new if os.path.lexists(target / path)}
    if wrong:
        names = ", ".join(sorted(wrong)[:3]) + (" and more" if len(wrong) > 3 else "")
        raise Conflict(f"{target} holds {names}, which no export wrote. Move that away, or choose another folder.")


def _rank(path: str) -> tuple[bool, bool, str]:
    """What pages need goes before them, and the first page last, so that no reader meets a link to nothing."""
    return (not path.startswith("assets/"), path.endswith("index.html"), path)


def _replace(target: Path, path: str, body: bytes) -> bool:
    """Write a file, whole or not at all; False when it was so already."""
    file = target / path
    with suppress(FileNotFoundError):
        if not file.is_symlink() and file.read_bytes() == body:
            return False
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = target / DRAFT
    draft.unlink(missing_ok=True)
    draft.write_bytes(body)
    draft.replace(file)
    return True


def _delete(target: Path, path: str) -> None:
    file = target / path
    with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
        file.unlink()
    for parent in PurePosixPath(path).parents:
        if str(parent) == ".":
            break
        with suppress(OSError):  # not empty, or not there
            (target / parent).rmdir()


def _manifest(slug: str, files: Collection[str]) -> bytes:
    return json.dumps({"written_by": "candor export", "page": slug, "files": sorted(files)}, indent=1).encode() + b"\n"
