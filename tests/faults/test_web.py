"""The web process is killed while it publishes, and the database is taken away: readers never notice."""

import random
import sqlite3
import threading
import time
from contextlib import suppress
from http.client import HTTPException

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db, session
from app.models.delivery import Dispatch
from app.models.post import Post, Update
from app.publish.refresh import published_revision, refresh
from app.settings import Settings
from app.vocabulary import Role
from tests.faults.visitor import Visitor, declaration
from tests.processes import free_port, get, kill, running, start, wait_until_answers
from tests.web.people import make_account

pytestmark = pytest.mark.faults
KILLS = 50
LOCKED_SECONDS = 30.0
PUBLIC = ("/", "/history", "/history.rss", "/history.atom", "/api/v2/summary.json", "/api/v2/status.json")


def listening(settings: Settings) -> Settings:
    return settings.with_changes(port=free_port())


def test_kill_9_fifty_times_while_publishing(app: Flask, settings: Settings, page_id: int) -> None:
    settings = listening(settings)
    make_account(Role.LEAD, "lena@example.com")
    refresh(settings, page_id)
    db.session.remove()
    visitor = Visitor(settings.port)
    token = ""
    chance = random.Random(7)
    for number in range(KILLS):
        web = start(settings, "web")
        wait_until_answers(f"http://127.0.0.1:{settings.port}/sign-in")
        token = token or visitor.sign_in("lena@example.com")
        sending = threading.Thread(target=_declare, args=(visitor, number, token))
        sending.start()
        time.sleep(chance.uniform(0.0, 0.7))  # somewhere in the publish: that is the point
        kill(web)
        sending.join()
    posts = session().scalar(select(func.count(Post.id))) or 0
    assert 0 < posts < KILLS, "the kills never met a publish half-way"
    assert posts == session().scalar(select(func.count(Update.id))) == session().scalar(select(func.count(Dispatch.id)))
    titles = set(session().scalars(select(Post.title)))
    db.session.remove()
    with running(settings, "web"):
        wait_until_answers(f"http://127.0.0.1:{settings.port}/")
        _wait_until_published(settings)
        page = get(f"http://127.0.0.1:{settings.port}/")[1].decode()
    assert {f"Trouble {number:04}." for number in range(KILLS) if f"Trouble {number:04}." in page} == titles
    print(f"kills {KILLS}, committed {posts}, each with its dispatch and on the page")


def _declare(visitor: Visitor, number: int, token: str) -> None:
    with suppress(OSError, HTTPException):  # the process is killed while it answers
        visitor.post("/console/default/posts", declaration(number, token))


def _wait_until_published(settings: Settings) -> None:
    """Until the files hold the newest revision: the start renders what was committed."""
    from app.models.page import Page

    wanted = session().scalars(select(Page.revision)).one()
    db.session.remove()
    for _ in range(400):
        if published_revision(settings, "default") == wanted:
            return
        time.sleep(0.05)  # another process works: there is nothing to wait on
    raise AssertionError("the committed revision was not rendered")


def test_a_locked_database_leaves_readers_alone_and_answers_writers_soon(
    app: Flask, settings: Settings, page_id: int
) -> None:
    if not settings.database_url.startswith("sqlite"):
        pytest.skip("locks the whole database, which only SQLite does")
    settings = listening(settings)
    make_account(Role.LEAD, "lena@example.com")
    refresh(settings, page_id)
    db.session.remove()
    with running(settings, "web"):
        wait_until_answers(f"http://127.0.0.1:{settings.port}/")
        visitor = Visitor(settings.port)
        token = visitor.sign_in("lena@example.com")
        holder = sqlite3.connect(settings.home / "candor.db", isolation_level=None)
        holder.execute("UPDATE session SET last_seen_at = datetime('now', '-1 hour')")  # the visit is to be noted, too
        holder.execute("BEGIN IMMEDIATE")
        try:
            locked_at = time.monotonic()
            while time.monotonic() - locked_at < LOCKED_SECONDS:
                begun = time.monotonic()
                status, answer = visitor.post("/console/default/posts", declaration(1, token))
                taken = time.monotonic() - begun
                assert (status, taken < 3.0) == (503, True), (status, taken)
                assert "Traceback" not in answer
            for address in PUBLIC:
                assert get(f"http://127.0.0.1:{settings.port}{address}")[0] == 200
            assert visitor.get("/console/default")[0] == 200
        finally:
            holder.execute("ROLLBACK")
            holder.close()
        status, _ = visitor.post("/console/default/posts", declaration(1, token))
        assert status == 200
    assert session().scalar(select(func.count(Post.id))) == 1
