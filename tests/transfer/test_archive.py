"""The whole of a page goes into one file and comes back as it was, from either database into either."""

import json
import resource
import shutil
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import session, transaction
from app.errors import Conflict, Invalid
from app.models.audit import AuditEntry
from app.models.component import Component
from app.models.delivery import Delivery, Dispatch, Notice, SendLimit
from app.models.incident import Incident
from app.models.page import Page, PageLogo
from app.models.post import Post, Update
from app.models.subscriber import Subscriber, SubscriberPost, Suppression
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.states.subscribers import address_hash
from app.transfer.archive import import_archive, importing, reading
from app.transfer.archive.format import PAGE, TABLES
from app.transfer.archive.writing import PAGE_FIELDS
from tests.factories import make_component, make_page
from tests.transfer.archives import (
    archived,
    changed,
    fill,
    installation,
    manifest_of,
    plan_by_clock,
    rebuilt,
    rows_of,
)

pytestmark = pytest.mark.database
ROOT = Path(__file__).parent.parent.parent


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


def taken(settings: Settings, page_id: int, path: Path, **options: bool) -> dict[str, dict[str, int]]:
    return import_archive(settings, COMMAND_LINE, page_id, path, **options).to_json()["counts"]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a page with everything, from an installation on SQLite."""
    home = tmp_path_factory.mktemp("full")
    with installation(home / "instance") as (_, settings, page_id):
        fill(settings, page_id)
        return archived(settings, page_id, home / "full.zip")


@pytest.fixture
def full(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made_once, tmp_path / "full.zip"))


def test_it_comes_back_byte_for_byte_from_either_database_into_either(
    app: Flask, settings: Settings, page_id: int, full: Path, tmp_path: Path
) -> None:
    """SQLite into this run's database, and from there into SQLite again."""
    first = rows_of(full)
    assert all(first.values()), "the page has something of everything"
    counts = taken(settings, page_id, full)
    assert {name: sum(outcomes.values()) for name, outcomes in counts.items()} == {
        name.partition(".")[0]: facts["rows"] for name, facts in manifest_of(full)["files"].items()
    }
    assert {outcome for outcomes in counts.values() for outcome in outcomes} == {"taken"}
    again = archived(settings, page_id, tmp_path / "again.zip")
    assert rows_of(again) == first
    session().rollback()
    with installation(tmp_path / "third") as (_, third, third_page):
        taken(third, third_page, again)
        assert rows_of(archived(third, third_page, tmp_path / "third.zip")) == first


def test_nothing_is_sent_and_nothing_internal_comes_along(
    app: Flask, settings: Settings, page_id: int, full: Path
) -> None:
    taken(settings, page_id, full)
    assert [count(table) for table in (Dispatch, Delivery, Notice, Incident)] == [0, 0, 0, 0]
    assert session().scalar(select(func.count()).where(Post.incident_id.is_not(None))) == 0
    everything = b"".join(rows_of(full).values())
    assert b"password" not in everything and b"dan@example.com" not in everything
    assert session().scalar(select(func.count()).where(Update.body_html.contains("<b>"))) == 0
    page = (settings.public_root / "default" / "current" / "index.html").read_text()
    assert "Größe &amp; Co. 状態" in page and "We move" in page


def test_hashes_of_addresses_are_those_of_the_new_key(tmp_path: Path, full: Path) -> None:
    """Who is found by address must be found here; who must not be written to, too, or the person is asked."""
    with installation(tmp_path / "other", secret_key="o" * 40) as (_, settings, page_id):
        with pytest.raises(Invalid, match=r"1 address that must never be written to .* another SECRET_KEY"):
            taken(settings, page_id, full)
        assert count(Component) == 0
        counts = taken(settings, page_id, full, without_suppressions=True)
        assert counts["suppressions"] == {"taken": 1, "left out": 1}
        hashed = {row.address: row.address_hash for row in session().scalars(select(Subscriber))}
        assert hashed["ann@example.com"] == address_hash(settings, "email", "ann@example.com")
        assert session().scalars(select(Suppression.address_hash)).one() == hashed["eve@example.com"]


def test_a_dry_run_says_the_same_and_changes_nothing(app: Flask, settings: Settings, page_id: int, full: Path) -> None:
    tables = (Component, Post, Update, Subscriber, Suppression, PageLogo, AuditEntry)
    tried = taken(settings, page_id, full, dry_run=True)
    assert [count(table) for table in tables] == [0] * len(tables)
    session().rollback()
    assert session().get_one(Page, page_id).name == "Acme Status"
    assert tried == taken(settings, page_id, full)


def test_a_page_with_content_of_its_own_is_not_written_over(
    app: Flask, settings: Settings, page_id: int, full: Path
) -> None:
    make_component(page_id)
    with pytest.raises(Conflict, match=r"This page has 1 component of its own.*empty installation"):
        taken(settings, page_id, full)
    assert (count(Component), count(Post)) == (1, 0)


def test_the_same_page_keeps_what_it_has_and_gets_back_what_is_missing(
    app: Flask, settings: Settings, page_id: int, full: Path, tmp_path: Path
) -> None:
    taken(settings, page_id, full)
    again = taken(settings, page_id, full)
    assert {outcome for outcomes in again.values() for outcome in outcomes} == {"kept"}
    with transaction() as writing:
        bob = writing.scalars(select(Subscriber).where(Subscriber.address == "böb@example.com")).one()
        writing.delete(bob)
        ann = writing.scalars(select(Subscriber).where(Subscriber.address == "ann@example.com")).one()
        ann.state = "unsubscribed"
    back = taken(settings, page_id, full)
    assert back["subscribers"]["taken"] == 1
    session().rollback()
    states = {row.address: row.state for row in session().scalars(select(Subscriber))}
    assert (states["böb@example.com"], states["ann@example.com"]) == ("unconfirmed", "unsubscribed")


def test_what_belongs_to_another_page_here_is_not_taken_away(
    app: Flask, settings: Settings, page_id: int, full: Path
) -> None:
    taken(settings, page_id, full)
    other = make_page("Other", slug="other")
    with pytest.raises(Invalid, match="belongs to another page here"):
        taken(settings, other, full)


def test_maintenance_that_goes_by_the_clock_waits_for_a_person(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    """Its time is long past: the next worker says that it has begun, and nobody is written to until sending goes on."""
    with installation(tmp_path / "clock") as (_, first, first_page):
        fill(first, first_page)
        plan_by_clock(first, first_page)
        made = archived(first, first_page, tmp_path / "clock.zip")
    report = import_archive(settings, COMMAND_LINE, page_id, made)
    assert report.is_paused
    session().rollback()
    paused = set(session().scalars(select(SendLimit.channel).where(SendLimit.paused_why != "")))
    assert {"email", "sms", "webhook"} <= paused


def set_to(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row.update(values)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("posts.jsonl", set_to(public_id="../../x"), "public_id"),
        ("posts.jsonl", set_to(public_id=7), "public_id is not of the right kind"),
        ("posts.jsonl", set_to(title=None), "title is empty"),
        ("posts.jsonl", set_to(title="x" * 501), "longer than 500"),
        ("posts.jsonl", set_to(title="a\u202eb"), "characters that Candor"),
        ("posts.jsonl", set_to(title="a\nb"), "characters that Candor"),
        ("posts.jsonl", set_to(title="\ud800"), "valid JSON|characters that Candor"),
        ("posts.jsonl", set_to(status="scheduled"), "valid for a post of kind"),
        ("posts.jsonl", set_to(status="exploded"), "isn't one that Candor knows"),
        ("posts.jsonl", set_to(kind="incidents"), "isn't one that Candor knows"),
        ("posts.jsonl", set_to(started_at="yesterday"), "a time with a time zone"),
        ("posts.jsonl", set_to(started_at="2026-01-01T00:00:00"), "a time with a time zone"),
        ("posts.jsonl", set_to(version=2**40), "out of range"),
        ("posts.jsonl", set_to(version=True), "right kind"),
        ("posts.jsonl", set_to(pinned=1), "right kind"),
        ("posts.jsonl", set_to(components=["nothere"]), "components is not in the archive"),
        ("posts.jsonl", set_to(components="all"), "a list of ids"),
        ("posts.jsonl", set_to(color="red"), "'color', which this version of Candor doesn't know"),
        ("posts.jsonl", lambda row: row.pop("title"), "has no title"),
        ("updates.jsonl", set_to(post="nothere"), "post is not in the archive"),
        ("updates.jsonl", set_to(post=None), "has no post"),
        ("updates.jsonl", set_to(status="in_progress"), "valid for a post of kind"),
        ("updates.jsonl", set_to(body="a" * 10_001), "too long"),
        ("effects.jsonl", set_to(component="nothere"), "component is not in the archive"),
        ("components.jsonl", set_to(status="on fire"), "isn't one that Candor knows"),
        ("subscribers.jsonl", set_to(address="a@b\r\nBcc: all@example.com"), "address"),
        ("subscribers.jsonl", set_to(channel="email", address="ANN@Example.com"), "in Candor's format"),
        ("subscribers.jsonl", set_to(channel="pigeon"), "isn't one that Candor knows"),
        ("subscribers.jsonl", set_to(state="eager"), "isn't one that Candor knows"),
        ("suppressions.jsonl", set_to(subscriber=None, address_hash="x"), "neither"),
        ("suppressions.jsonl", set_to(subscriber="", address_hash=None), "subscriber is not in the archive"),
        ("page.json", set_to(url="javascript:alert(1)"), "valid web address"),
        ("page.json", set_to(time_zone="../../etc/passwd"), "time zone"),
        ("page.json", set_to(feed_authority="a b"), "feed_authority"),
        ("page.json", set_to(visibility="private"), "isn't public"),
        ("page.json", set_to(logo={"content_type": "image/svg+xml", "body": "PHN2Zz4="}), "isn't an image"),
        ("page.json", set_to(logo={"content_type": "image/png", "body": "?"}), "base64"),
        ("page.json", set_to(logo=[1]), "logo"),
        ("page.json", set_to(public_id="someoneelse"), "manifest"),
    ],
)
def test_a_row_that_is_wrong_is_named_and_nothing_is_taken(
    app: Flask,
    settings: Settings,
    page_id: int,
    full: Path,
    file: str,
    change: Callable[[dict[str, Any]], None],
    said: str,
) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        taken(settings, page_id, changed(full, file, change))
    assert file in refused.value.sentence
    assert [count(table) for table in (Component, Post, Subscriber, AuditEntry)] == [0, 0, 0, 0]
    assert session().get_one(Page, page_id).name == "Acme Status"


def _twice(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    first = files[name].splitlines(keepends=True)[0]
    return {**files, name: files[name] + first}


@pytest.mark.parametrize("at_once", [1000, 1])
@pytest.mark.parametrize("name", ["groups.jsonl", "posts.jsonl", "updates.jsonl", "effects.jsonl", "subscribers.jsonl"])
def test_what_stands_twice_is_refused(
    app: Flask,
    settings: Settings,
    page_id: int,
    full: Path,
    name: str,
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importing, "ROWS_AT_ONCE", at_once)
    with pytest.raises(Invalid, match=f"{name}.* twice"):
        taken(settings, page_id, rebuilt(full, _twice(rows_of(full), name)))
    assert count(Component) == 0


def test_ids_of_another_page_here_are_not_taken_away(app: Flask, settings: Settings, page_id: int, full: Path) -> None:
    """The same archive under another page's id: its posts are somebody's already."""
    taken(settings, page_id, full)
    other = make_page("Other", slug="other")
    page = json.loads(rows_of(full)["page.json"])
    files = {**rows_of(full), "page.json": json.dumps({**page, "public_id": "another"}).encode() + b"\n"}
    said = manifest_of(full)
    said["page"]["id"] = "another"
    with pytest.raises(Invalid, match=r"groups.jsonl, line 1: its id belongs to something else here"):
        taken(settings, other, rebuilt(full, files, said))


def _with_version(path: Path) -> Path:
    return rebuilt(path, rows_of(path), {**manifest_of(path), "version": 2})


def _with_wrong_count(path: Path) -> Path:
    said, files = manifest_of(path), rows_of(path)
    made = rebuilt(path, files)
    said["files"]["posts.jsonl"]["rows"] -= 1
    with ZipFile(made, "w") as out:
        for name, body in files.items():
            out.writestr(name, body)
        out.writestr("manifest.json", json.dumps(said))
    return made


def _with_other_rows(path: Path) -> Path:
    """The rows were changed, and the manifest was not."""
    made, files = rebuilt(path, rows_of(path)), rows_of(path)
    with ZipFile(made, "w") as out:
        for name, body in files.items():
            out.writestr(name, body.replace(b"operational", b"major_outage"))
        out.writestr("manifest.json", json.dumps(manifest_of(path)))
    return made


def _with_a_line_of(path: Path, line: bytes) -> Path:
    return rebuilt(path, {**rows_of(path), "posts.jsonl": line + b"\n"})


def _packed(path: Path, method: int) -> Path:
    made = path.with_name("packed.zip")
    with ZipFile(made, "w", method) as out:
        for name, body in {**rows_of(path), "manifest.json": json.dumps(manifest_of(path)).encode()}.items():
            out.writestr(name, body)
    return made


def _renamed(path: Path, old: str, new: str) -> Path:
    files = rows_of(path)
    files[new] = files.pop(old)
    return rebuilt(path, files)


def _plain(path: Path, body: bytes) -> Path:
    made = path.with_name("plain.zip")
    made.write_bytes(body)
    return made


def _flipped(path: Path) -> Path:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 0xFF
    return _plain(path, bytes(body))


def _with_huge_directory(path: Path) -> Path:
    body = path.read_bytes()
    end = bytearray(body[-22:])
    struct.pack_into("<L", end, 12, 1 << 30)
    return _plain(path, body[:-22] + bytes(end))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: _plain(p, b""), "isn't an archive"),
        (lambda p: _plain(p, b"PK\x05\x06" + bytes(18)), "no manifest.json"),
        (lambda p: _plain(p, p.read_bytes()[: p.stat().st_size // 2]), "isn't an archive"),
        (lambda p: _plain(p, p.read_bytes()[:-1]), "isn't an archive"),
        (_flipped, "damaged|valid JSON|Can't import"),
        (_with_huge_directory, "uses a compression"),
        (_with_version, "version 2, and this Candor reads up to 1. Upgrade Candor first"),
        (_with_wrong_count, "posts.jsonl contains more than the manifest says"),
        (_with_other_rows, "match the manifest"),
        (lambda p: _renamed(p, "groups.jsonl", "../../etc/cron.d/x"), "holds “../../etc/cron.d/x”"),
        (lambda p: _renamed(p, "groups.jsonl", "/etc/passwd"), "holds “/etc/passwd”"),
        (lambda p: rebuilt(p, {k: v for k, v in rows_of(p).items() if k != "posts.jsonl"}), "has no posts.jsonl"),
        (lambda p: _packed(p, ZIP_LZMA), "uses a compression"),
        (lambda p: rebuilt(p, rows_of(p), {"format": "candor-archive", "version": 1}), "is incomplete"),
        (lambda p: rebuilt(p, rows_of(p), {"format": "tar"}), "from candor archive"),
        (lambda p: _with_a_line_of(p, b"[" * 200_000), "valid JSON"),
        (lambda p: _with_a_line_of(p, b"7"), "an object"),
        (lambda p: _with_a_line_of(p, b"\xff\xfe"), "valid JSON"),
        (lambda p: _with_a_line_of(p, b'{"version":NaN}'), "valid JSON"),
        (lambda p: _with_a_line_of(p, b'{"version":' + b"9" * 10_000 + b"}"), "valid JSON"),
    ],
)  # fmt: skip
def test_a_hostile_or_broken_file_is_one_sentence(
    app: Flask, settings: Settings, page_id: int, full: Path, make: Callable[[Path], Path], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        taken(settings, page_id, make(full))
    assert [count(table) for table in (Component, Post, Subscriber, AuditEntry)] == [0, 0, 0, 0]


def test_a_bomb_is_refused_before_it_unfolds(
    app: Flask, settings: Settings, page_id: int, full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 MB of one line in some hundred kilobytes: no more of it is unpacked than a line may have."""
    files = rows_of(full)
    made = full.with_name("bomb.zip")
    said = manifest_of(full)
    with ZipFile(made, "w", ZIP_DEFLATED) as out:
        for name, body in files.items():
            with out.open(name, "w") as entry:
                for _ in range(200 if name == "posts.jsonl" else 1):
                    entry.write(b" " * 1_000_000 if name == "posts.jsonl" else body)
        out.writestr("manifest.json", json.dumps(said))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Invalid, match="a line that is too long"):
        taken(settings, page_id, made)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    monkeypatch.setattr(reading, "LARGEST_UNPACKED", 100_000_000)
    with pytest.raises(Invalid, match="unpacked it would be larger"):
        taken(settings, page_id, made)


def test_fields_that_came_later_have_their_defaults(app: Flask, settings: Settings, page_id: int, full: Path) -> None:
    taken(settings, page_id, changed(full, "posts.jsonl", lambda row: row.pop("pinned")))
    assert count(Post) > 0


def test_an_archive_of_before_anybody_followed_a_post_is_taken(
    app: Flask, settings: Settings, page_id: int, full: Path
) -> None:
    said = manifest_of(full)
    del said["files"]["follows.jsonl"]
    older = full.with_name("older.candor")
    with ZipFile(older, "w", ZIP_DEFLATED) as made:
        for name, body in {**rows_of(full), "manifest.json": json.dumps(said).encode()}.items():
            if name != "follows.jsonl":
                made.writestr(name, body)
    taken(settings, page_id, older)
    assert count(Post) > 0
    assert count(SubscriberPost) == 0


def test_every_file_and_field_is_documented() -> None:
    words = (ROOT / "docs" / "reference" / "archive-format.md").read_text("utf-8")
    for name in (PAGE, *(table.file for table in TABLES)):
        section = words.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]
        keys = [one.name for one in PAGE_FIELDS] if name == PAGE else next(t.keys for t in TABLES if t.file == name)
        assert section, f"docs/reference/archive-format.md says nothing of {name}"
        assert [key for key in keys if f"`{key}`" not in section] == [], name


def test_the_time_of_writing_is_all_that_differs(app: Flask, settings: Settings, page_id: int, tmp_path: Path) -> None:
    fill(settings, page_id)
    one = archived(settings, page_id, tmp_path / "one.zip")
    two = archived(settings, page_id, tmp_path / "two.zip")
    assert {k: v for k, v in manifest_of(one).items() if k != "exported_at"} == {
        k: v for k, v in manifest_of(two).items() if k != "exported_at"
    }
    assert datetime.fromisoformat(manifest_of(one)["exported_at"]).tzinfo == UTC
