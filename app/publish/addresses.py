"""Maps hosts and paths to pages.

Publishing writes the map to `public/pages.json`, so that requests find their page without the database, and as links
below `public/hosts`, by which nginx finds the files of a page that was made after nginx was started.
"""

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

MAP = "pages.json"
DEFAULT_SLUG = "default"
HOSTS = "hosts"
CURRENT = "current"
KEPT_HEADERS = 1000
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def base_path(url: str) -> str:
    """What the addresses below a URL begin with: its path without the last slash, empty at the top of a host."""
    return urlsplit(url).path.rstrip("/")


def host_of(header: str) -> str:
    """The host name in a Host header, without port; empty when there is none in it."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a page: everything on `host` whose path begins with `base`."""

    host: str
    base: str
    slug: str


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """Where a request leads: to the page `slug`, empty for none, at `path` below `base`.

    `is_own_host` says that the host is one of a page's addresses, so that it may be answered.
    """

    slug: str
    base: str
    path: str
    is_own_host: bool


class AddressMap:
    """The places of all pages, the default page's first.  `home` is BASE_URL.

    A host that belongs to no page serves all of them: it is the installation's own, or a machine asking by number.
    """

    def __init__(self, places: Sequence[Place], default: str = DEFAULT_SLUG, home: str = "") -> None:
        self._default = default
        self._home, self._base = host_of(urlsplit(home).netloc), base_path(home)
        self._hosts: dict[str, list[Place]] = {}
        for place in places:
            self._hosts.setdefault(place.host, []).append(place)
        first: dict[str, Place] = {}
        for place in places:
            first.setdefault(place.base, place)
        self._anywhere = _longest_first(first.values())
        self._hosts = {host: _longest_first(found) for host, found in self._hosts.items()}
        self._by_header: dict[str, tuple[bool, list[Place]]] = {}

    def find(self, header: str, path: str) -> RequestTarget:
        """The page at this Host header and path.

        A path that begins with no page's base is the installation's, with or without the base of BASE_URL: some proxies
        take it off.  On a host of a page's own it leads to none.
        """
        is_own_host, places = self._by_header.get(header) or self._read(header)
        for place in places:
            base = place.base
            if not base or (path.startswith(base) and path[len(base) : len(base) + 1] in {"", "/"}):
                return RequestTarget(place.slug, base, path[len(base) :] or "/", is_own_host)
        base = self._base
        if base and path.startswith(base) and path[len(base) : len(base) + 1] in {"", "/"}:
            path = path[len(base) :] or "/"
        slug = "" if is_own_host and host_of(header) != self._home else self._default
        return RequestTarget(slug, base, path, is_own_host)

    @property
    def slugs(self) -> set[str]:
        """The pages that there are."""
        return {place.slug for place in self._anywhere} | {p.slug for found in self._hosts.values() for p in found}

    def _read(self, header: str) -> tuple[bool, list[Place]]:
        own = self._hosts.get(host_of(header))
        found = (own is not None, self._anywhere if own is None else own)
        if len(self._by_header) >= KEPT_HEADERS:  # anybody may make up names
            self._by_header.clear()
        self._by_header[header] = found
        return found


def read_map(root: Path, home: str = "") -> AddressMap:
    """The map that is written below `root`; before the first one, all addresses are the default page's.

    `home` is BASE_URL.
    """
    try:
        written = json.loads((root / MAP).read_text("utf-8"))
        places = [Place(**place) for place in written["places"]]
        return AddressMap(places, written["default"], home)
    except (OSError, ValueError, KeyError, TypeError):
        return AddressMap([], DEFAULT_SLUG, home)


def published_slugs(root: Path) -> list[str]:
    """The slugs of all pages that are published below `root`; before the first map, the default page's alone."""
    return sorted(read_map(root).slugs) or [DEFAULT_SLUG]


def write_map(root: Path, places: Sequence[Place], default: str) -> bool:
    """Write the map and the links for nginx, unless they are so already; whether anything was written."""
    body = json.dumps({"default": default, "places": [asdict(place) for place in places]}, indent=1).encode() + b"\n"
    path = root / MAP
    with suppress(FileNotFoundError):
        if path.read_bytes() == body:
            return False
    _link_hosts(root, places)
    draft = root / f".draft-{MAP}"
    with draft.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return True


def _longest_first(places: Iterable[Place]) -> list[Place]:
    return sorted(places, key=lambda place: -len(place.base))


def _link_hosts(root: Path, places: Sequence[Place]) -> None:
    """`hosts/<host>/<base>/current` leads to the current revision of the page there."""
    wanted = {root / HOSTS / place.host / place.base.strip("/") / CURRENT: place.slug for place in places}
    for link in (root / HOSTS).rglob(CURRENT):
        if link.is_symlink() and link not in wanted:
            link.unlink()
    for link, slug in wanted.items():
        link.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        target = os.path.relpath(root / slug / CURRENT, link.parent)
        if link.is_symlink() and link.readlink() == Path(target):
            continue
        draft = link.with_name(f".draft-{CURRENT}")
        draft.unlink(missing_ok=True)
        draft.symlink_to(target)
        draft.replace(link)
    for folder in sorted((root / HOSTS).glob("**/"), reverse=True):
        if not any(folder.iterdir()) and folder != root / HOSTS:
            shutil.rmtree(folder, ignore_errors=True)
