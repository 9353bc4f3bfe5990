"""The copy elsewhere: every link leads to a file of it, wherever it stands; only what changed is touched."""

import functools
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from flask import Flask

from app import clock
from app.actions.posts.publishing import open_post, publish_update
from app.errors import CandorError, Conflict, Invalid, NotFound
from app.publish.export import MANIFEST, export
from app.settings import Settings
from app.shapes import UpdateDraft
from app.vocabulary import PostStatus
from tests.conftest import make_settings
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component
from tests.processes import get
from tests.publish.by_hand import snapshot as by_hand
from tests.publish.test_link_rewriting import links

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)

ALWAYS = (
    "index.html", "history.html", "404.html", "history.rss", "history.atom", "robots.txt", "favicon.svg",
    "status.md", "llms.txt", "sitemap.xml", "site.webmanifest", "og.png", "icon-192.png", "icon-512.png",
    "api/v2/summary.json", "api/v2/status.json",
)  # fmt: skip

ELSEWHERE = ("http://localhost:8000/subscribe", "http://localhost:8000/console", "data:image/svg+xml,")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "www" / "status"


@pytest.fixture
def posts(app: Flask, settings: Settings, page_id: int) -> list[str]:
    """A page with a resolved post of January and an open one of March; their ids."""
    component = make_component(page_id)
    with clock.frozen(NOON.replace(month=1)):
        old = open_post(settings, LENA, page_id, draft("key-00000001", component, title='a > b href="/history"'))
        publish_update(
            settings, LENA, page_id, old.post_id, UpdateDraft(PostStatus.RESOLVED, "Over.", "key-00000002", 1)
        )
    with clock.frozen(NOON):
        body = 'See [the month](/history/2026-01#month), [us](/) and [the app](/console), not `href="/history"`.'
        new = open_post(settings, LENA, page_id, draft("key-00000003", component, body=body))
    return [old.post_id, new.post_id]


def snapshot(settings: Settings, live: dict[str, str], lasting: dict[str, str] | None = None) -> Path:
    """These files, published for status.example.com."""
    summary = json.dumps({"page": {"url": "https://status.example.com"}})
    return by_hand(settings, {"api/v2/summary.json": summary, **live}, lasting)


def exported(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder behind a web server that knows nothing of it; its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.database
def test_every_link_of_every_page_is_answered_in_a_subfolder(settings: Settings, posts: list[str], copy: Path) -> None:
    export(settings, copy)
    checked = 0
    with served(copy.parent) as root:
        for path in sorted(exported(copy)):
            if not path.endswith(".html") or Path(path).name == "404.html":
                continue
            here = f"{root}status/{path}"
            for link in links(get(here)[1].decode()):
                address = urldefrag(urljoin(here, link))[0]
                if urlsplit(link).scheme:
                    assert link.startswith(ELSEWHERE), link
                    continue
                assert not link.startswith("/"), f"{path} leads to {link}"
                assert address.startswith(f"{root}status/") and not address.endswith("/"), f"{path} leads to {link}"
                assert get(address)[0] == 200, f"{path} leads to {link}"
                checked += 1
    assert checked > 40


SECOND = {
    "feed": "history.rss", "feed.rss": "history.rss", "rss.xml": "history.rss", "feed.atom": "history.atom",
    "apple-touch-icon.png": "icon-192.png",
}  # fmt: skip
"""Second addresses of a file, that feed readers and phones have kept."""


@pytest.mark.database
def test_the_copy_is_complete_and_holds_files_alone(settings: Settings, posts: list[str], copy: Path) -> None:
    export(settings, copy)
    found = exported(copy)
    assert {*ALWAYS, *SECOND, "history/2026-01.html", *(f"incidents/{post}.html" for post in posts)} <= found
    assert not [path for path in found if path.endswith((".br", ".gz", "meta.json"))]
    assert [path for path in found if Path(path).name.startswith(".")] == [MANIFEST]
    assert not [path for path in copy.rglob("*") if path.is_symlink()]
    now = settings.public_root / "default" / "current"
    for path in found - {MANIFEST}:
        if not path.endswith(".html"):
            is_second = path.startswith("api/v2/incidents/") and "unresolved" not in path
            served = path.removeprefix("api/v2/") if is_second else SECOND.get(path, path)
            assert (copy / path).read_bytes() == (now / served).read_bytes()


@pytest.mark.database
def test_what_a_person_wrote_stays_what_it_was(settings: Settings, posts: list[str], copy: Path) -> None:
    export(settings, copy)
    page = (copy / "incidents" / f"{posts[1]}.html").read_text()
    assert '<a href="../history/2026-01.html#month" rel="noopener nofollow ugc">the month</a>' in page
    assert '<a href="../index.html" rel="noopener nofollow ugc">us</a>' in page
    assert '<a href="http://localhost:8000/console" rel="noopener nofollow ugc">the app</a>' in page
    assert '<code>href="/history"</code>' in page
    assert ">a &gt; b href=&#34;/history&#34;</h1>" in (copy / "incidents" / f"{posts[0]}.html").read_text()


@pytest.mark.database
def test_a_second_run_writes_nothing_and_the_next_one_what_changed(
    app: Flask, settings: Settings, page_id: int, posts: list[str], copy: Path
) -> None:
    first = export(settings, copy)
    before = {path: (copy / path).stat().st_mtime_ns for path in exported(copy)}
    assert (first.written, first.unchanged, first.deleted) == (len(before) - 1, 0, 0)
    again = export(settings, copy)
    assert (again.written, again.unchanged, again.deleted) == (0, first.written, 0)
    assert {path: (copy / path).stat().st_mtime_ns for path in exported(copy)} == before
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft("key-00000004"))
    last = export(settings, copy)
    changed = {path for path in exported(copy) if before.get(path) != (copy / path).stat().st_mtime_ns}
    assert changed >= {f"incidents/{made.post_id}.html", "index.html", "history.atom", MANIFEST}
    assert not changed & {f"incidents/{post}.html" for post in posts}
    assert last.written == len(changed) - 1
    assert last.revision > first.revision


def test_languages_and_whatever_else_is_published_go_along(tmp_path: Path, copy: Path) -> None:
    settings = make_settings(tmp_path / "home")
    german = '<a href="/">x</a><a href="/de/">x</a><a href="/de">x</a><a href="/de/history?q=1&amp;r=2#m">x</a>'
    snapshot(
        settings,
        {
            "index.html": '<a href=\'/de/incidents/abc\'>x</a><img src="/assets/logo-1.png" alt="">',
            "de/index.html": german,
            "de/history.html": '<form action="/subscribe?language=de"></form><a href="//other.example/">x</a>',
            "calendar.ics": "BEGIN:VCALENDAR",
        },
        {"de/incidents/abc.html": german, "assets/logo-1.png": "png"},
    )
    export(settings, copy)
    assert (copy / "index.html").read_text() == (
        '<a href="de/incidents/abc.html">x</a><img src="assets/logo-1.png" alt="">'
    )
    assert links((copy / "de" / "index.html").read_text()) == [
        "../index.html", "index.html", "index.html", "history.html?q=1&r=2#m",
    ]  # fmt: skip
    assert links((copy / "de" / "history.html").read_text()) == [
        "https://status.example.com/subscribe?language=de", "//other.example/",
    ]  # fmt: skip
    assert links((copy / "de" / "incidents" / "abc.html").read_text())[:2] == ["../../index.html", "../index.html"]
    assert (copy / "calendar.ics").is_file()


def test_the_page_for_what_is_not_there_works_at_any_depth(tmp_path: Path, copy: Path) -> None:
    settings = make_settings(tmp_path / "home")
    snapshot(settings, {"index.html": "", "404.html": '<a href="/">x</a><a href="#main">x</a>'})
    export(settings, copy)
    assert links((copy / "404.html").read_text()) == ["https://status.example.com/", "#main"]


def test_what_is_no_longer_published_goes_and_what_is_not_ours_stays(tmp_path: Path, copy: Path) -> None:
    settings = make_settings(tmp_path / "home")
    snapshot(settings, {"index.html": "one", "de/index.html": "eins", "de/history.html": "alles"})
    export(settings, copy)
    (copy / "notes.txt").write_text("mine")
    snapshot(settings, {"index.html": "two"})
    done = export(settings, copy)
    assert (done.written, done.deleted) == (1, 2)
    assert exported(copy) == {"index.html", "api/v2/summary.json", "notes.txt", MANIFEST}
    assert not (copy / "de").exists()


def test_a_list_of_files_can_not_reach_out_of_the_folder(tmp_path: Path, copy: Path) -> None:
    settings = make_settings(tmp_path / "home")
    snapshot(settings, {"index.html": ""})
    copy.mkdir(parents=True)
    outside = copy.parent / "outside.txt"
    outside.write_text("mine")
    (copy / MANIFEST).write_text(json.dumps({"files": ["../outside.txt", str(outside)]}))
    export(settings, copy)
    assert outside.read_text() == "mine"


def test_a_folder_that_holds_something_is_taken_only_when_asked(tmp_path: Path, copy: Path) -> None:
    settings = make_settings(tmp_path / "home")
    snapshot(settings, {"index.html": ""}, {"incidents/abc.html": ""})
    copy.mkdir(parents=True)
    (copy / "notes.txt").write_text("mine")
    with pytest.raises(Conflict, match="--into-existing"):
        export(settings, copy)
    assert exported(copy) == {"notes.txt"}
    export(settings, copy, into_existing=True)
    assert export(settings, copy).written == 0
    assert (copy / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["index.html", "incidents"])
def test_a_file_of_somebody_else_in_the_way_is_never_replaced(tmp_path: Path, copy: Path, name: str) -> None:
    settings = make_settings(tmp_path / "home")
    snapshot(settings, {"index.html": ""}, {"incidents/abc.html": ""})
    copy.mkdir(parents=True)
    (copy / name).write_text("mine")
    with pytest.raises(Conflict, match=name):
        export(settings, copy, into_existing=True)
    assert exported(copy) == {name}
    assert (copy / name).read_text() == "mine"


def test_a_second_address_gives_way_to_a_file_of_somebody_else(tmp_path: Path, copy: Path) -> None:
    settings = make_settings(tmp_path / "home")
    snapshot(settings, {"index.html": "", "feed.json": "{}", ".well-known/security.txt": "Contact: us"})
    copy.mkdir(parents=True)
    (copy / "security.txt").write_text("mine")
    export(settings, copy, into_existing=True)
    assert (copy / ".well-known" / "security.txt").read_text() == "Contact: us"
    assert export(settings, copy).written == 0
    assert (copy / "security.txt").read_text() == "mine"


def test_an_export_that_died_is_gone_on_with(tmp_path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = make_settings(tmp_path / "home")
    snapshot(settings, {"index.html": "", "history.html": ""})
    whole, calls = Path.replace, []

    def dies(path: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return whole(path, target)

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(Path, "replace", dies)
        export(settings, copy)
    done = export(settings, copy)
    assert (done.written, done.unchanged) == (2, 1)
    assert exported(copy) == {"index.html", "history.html", "api/v2/summary.json", MANIFEST}


def test_a_revision_that_is_swept_away_meanwhile_gives_way_to_the_next(
    tmp_path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(tmp_path / "home")
    old = snapshot(settings, {"index.html": "one"})
    read = Path.read_bytes

    def swept(path: Path) -> bytes:
        if path.is_relative_to(old) and old.exists():
            snapshot(settings, {"index.html": "two"})
            shutil.rmtree(old)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", swept)
    export(settings, copy)
    assert (copy / "index.html").read_text() == "two"


def refused(settings: Settings, folder: Path) -> CandorError:
    with pytest.raises(CandorError) as raised:
        export(settings, folder)
    return raised.value


def test_folders_that_can_not_be_used_are_refused_with_a_sentence(tmp_path: Path) -> None:
    settings = make_settings(tmp_path / "home")
    assert isinstance(refused(settings, tmp_path / "out"), NotFound)
    snapshot(settings, {"index.html": ""})
    (tmp_path / "file").write_text("")
    for folder in (settings.public_root, settings.public_root / "default" / "x", settings.home, tmp_path):
        assert "own files" in refused(settings, folder).sentence
    assert "is a file" in refused(settings, tmp_path / "file").sentence
    assert isinstance(refused(settings, tmp_path / "file" / "x"), Invalid)
    assert isinstance(refused(settings, Path("/proc/x")), Invalid)
