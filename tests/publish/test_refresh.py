"""From committed to served: bounded work, whole revisions, and healing after every kind of failure."""

import threading
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.test import Client

from app import clock
from app.actions.pages.pages import edit_page
from app.actions.posts.publishing import open_post, publish_update
from app.db import db, session
from app.publish import store
from app.publish.needed import Before
from app.publish.refresh import published_revision, refresh, stale_pages, try_refresh
from app.publish.render import DOCUMENTS
from app.publish.snapshot import read
from app.settings import Settings
from app.shapes import UpdateDraft
from app.vocabulary import PostStatus
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA, make_component

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def history(settings: Settings, page_id: int, posts: int, first: int = 0) -> None:
    """Resolved posts, one a day, going back from NOON; committed, and not written yet."""
    with pytest.MonkeyPatch.context() as unwritten:
        unwritten.setattr("app.actions.frame.try_refresh", lambda *_: True)
        for number in range(first, first + posts):
            with clock.frozen(NOON - timedelta(days=number)):
                made = open_post(settings, LENA, page_id, draft(f"history-{number:04}", notify=False))
                closing = UpdateDraft(PostStatus.RESOLVED, "Over.", f"closing-{number:04}", 1, notify=False)
                publish_update(settings, LENA, page_id, made.post_id, closing)


def queries_of_a_read(page_id: int, revision: int) -> int:
    counted: list[str] = []

    def count(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        counted.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        with clock.frozen(NOON):
            read(session(), page_id, Before(revision, NOON))
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
        session().rollback()
    return len([statement for statement in counted if statement.startswith("SELECT")])


def test_the_number_of_queries_does_not_grow_with_history(app: Flask, settings: Settings, page_id: int) -> None:
    make_component(page_id)
    history(settings, page_id, 3)
    few = queries_of_a_read(page_id, 0), queries_of_a_read(page_id, 10_000)
    history(settings, page_id, 60, first=3)
    many = queries_of_a_read(page_id, 0), queries_of_a_read(page_id, 10_000)
    assert few == many
    assert max(many) <= 21, "of them five for the texts in other languages"


def test_only_what_changed_is_written_again(app: Flask, settings: Settings, page_id: int) -> None:
    history(settings, page_id, 70)
    with clock.frozen(NOON):
        refresh(settings, page_id)
        lasting = settings.public_root / "default" / "lasting"
        before = {path: path.stat().st_mtime_ns for path in lasting.rglob("*.html")}
        made = open_post(settings, LENA, page_id, draft())
        after = {path: path.stat().st_mtime_ns for path in lasting.rglob("*.html")}
    changed = {path.relative_to(lasting).as_posix() for path in after if before.get(path) != after[path]}
    pages = {f"incidents/{made.post_id}.html", "history/2026-03.html"}
    assert changed == pages


@pytest.mark.parametrize("days", [20, 31, 75])
def test_a_month_that_begins_gets_a_page_and_the_one_before_leads_to_it(
    app: Flask, settings: Settings, page_id: int, reader: Client, days: int
) -> None:
    history(settings, page_id, 3)
    before, later = datetime(2026, 3, 15, tzinfo=UTC), datetime(2026, 3, 15, tzinfo=UTC) + timedelta(days=days)
    with clock.frozen(before):
        refresh(settings, page_id)
    assert b"/history/2026-04" not in reader.get("/history/2026-03").data
    with clock.frozen(later):
        refresh(settings, page_id)
    assert b"/history/2026-04" in reader.get("/history/2026-03").data
    assert reader.get(f"/history/{later:%Y-%m}").status_code == 200


def test_what_did_not_change_is_the_same_file_in_the_next_revision(
    app: Flask, settings: Settings, page_id: int
) -> None:
    refresh(settings, page_id)
    current = settings.public_root / "default" / "current"
    before = {path.name: path.stat().st_ino for path in current.iterdir() if path.is_file()}
    open_post(settings, LENA, page_id, draft())
    after = {path.name: path.stat().st_ino for path in current.iterdir() if path.is_file()}
    same = {name for name in before if before[name] == after[name]}
    assert {"robots.txt", "robots.txt.br", "robots.txt.gz"} <= same
    assert not any(name.startswith("index.") for name in same)


def test_a_new_name_writes_everything_again(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    made = open_post(settings, LENA, page_id, draft())
    edit_page(settings, ALICE, page_id, name="Novel Status", url="", time_zone="Asia/Tokyo", locale="en")
    assert b"Novel Status" in reader.get(f"/incidents/{made.post_id}").data


@pytest.mark.parametrize("broken", ["_point", "_sync_folder", "_replace", "_write_all"])
def test_a_death_before_the_flip_leaves_the_old_truth_and_heals(
    app: Flask, settings: Settings, page_id: int, reader: Client, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    refresh(settings, page_id)
    before = reader.get("/").data
    with monkeypatch.context() as patched:
        patched.setattr(store, broken, _die)
        open_post(settings, LENA, page_id, draft())  # committed, and said to be so
        assert reader.get("/").data == before
        assert not try_refresh(settings, page_id)
        assert len(revisions_and_drafts(settings)) == 1, "each try takes room that a full disk does not have"
    assert stale_pages(settings, session()) == [page_id]
    assert try_refresh(settings, page_id)
    assert b"Slow answers" in reader.get("/").data
    assert stale_pages(settings, session()) == []
    assert len(revisions_and_drafts(settings)) == 2


def test_a_failed_write_waits_for_the_others_before_it_cleans_up(
    app: Flask, settings: Settings, page_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(settings, page_id)
    whole, failed, late = store._write, threading.Event(), []

    def full(path: Path, content: bytes, *, sync: bool) -> None:
        if path.name == "index.html" and not failed.is_set():
            failed.set()
            raise OSError(28, "No space left on device")
        if failed.wait(0.2):  # the others are under way when one fails
            late.append(path)
        whole(path, content, sync=sync)

    with monkeypatch.context() as patched:
        patched.setattr(store, "_write", full)
        open_post(settings, LENA, page_id, draft())
    assert late
    assert len(revisions_and_drafts(settings)) == 1
    assert not list((settings.public_root / "default").rglob(".draft-*"))


def test_the_plain_file_takes_its_place_after_its_encodings(
    app: Flask, settings: Settings, page_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies between them leaves a plain file that differs, and so all of them are written again."""
    made, whole = open_post(settings, LENA, page_id, draft()), Path.replace
    placed: list[str] = []

    def replace(path: Path, target: Path) -> Path:
        placed.append(target.name)
        return whole(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    refresh(settings, page_id)
    mine = [name for name in placed if name.startswith(f"{made.post_id}.html")]
    assert mine and [name[-5:] for name in mine[:3]] == ["ml.gz", "ml.br", ".html"]


def test_who_waited_for_the_lock_does_not_render_what_the_other_did(
    app: Flask, settings: Settings, page_id: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refresh(settings, page_id)
    open_post(settings.with_changes(home=tmp_path / "elsewhere"), LENA, page_id, draft())
    entering = store.locked

    def outrun(folder: Path) -> AbstractContextManager[None]:
        monkeypatch.setattr(store, "locked", entering)
        refresh(settings, page_id)  # somebody else holds the lock first
        return entering(folder)

    monkeypatch.setattr(store, "locked", outrun)
    assert try_refresh(settings, page_id)
    assert len(revisions_and_drafts(settings)) == 2


def revisions_and_drafts(settings: Settings) -> list[str]:
    """What holds pages or parts of them, besides the shared files that are whole."""
    found = list((settings.public_root / "default").rglob("*"))
    drafts = [path.name for path in found if path.name.startswith(".draft-") and not path.is_symlink()]
    return drafts + [path.parent.name for path in found if path.name == "meta.json" and path.parent.name != "current"]


def _die(*_args: object) -> None:
    raise OSError(28, "No space left on device")


def test_three_revisions_are_kept(app: Flask, settings: Settings, page_id: int) -> None:
    for number in range(6):
        open_post(settings, LENA, page_id, draft(f"key-{number:08}"))
    folder = settings.public_root / "default"
    revisions = sorted(path.name for path in folder.iterdir() if path.name[:1].isdigit())
    assert len(revisions) == 3
    assert (folder / "current").readlink() == Path(revisions[-1])
    assert published_revision(settings, "default") == int(revisions[-1].split("-")[0])


def test_as_of_is_renewed_after_two_minutes(app: Flask, settings: Settings, page_id: int) -> None:
    with clock.frozen(NOON):
        refresh(settings, page_id)
        assert stale_pages(settings, session()) == []
    for minutes in (3, -3):  # the clock may be put back, too
        with clock.frozen(NOON + timedelta(minutes=minutes)):
            assert stale_pages(settings, session()) == [page_id]
    with clock.frozen(NOON + timedelta(minutes=1)):
        assert stale_pages(settings, session()) == []


def test_a_document_that_fails_keeps_its_last_good_file(
    app: Flask, settings: Settings, page_id: int, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh(settings, page_id)
    before = reader.get("/history.atom").data
    monkeypatch.setitem(cast(dict[str, object], DOCUMENTS), "history.atom", _die)
    open_post(settings, LENA, page_id, draft())
    assert reader.get("/history.atom").data == before
    assert b"Slow answers" in reader.get("/").data
