"""A page is read as of one instant: what is committed meanwhile is on the next one, and never half on this one."""

import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from werkzeug.test import Client

from app.actions.posts.publishing import open_post
from app.db import db, session
from app.models.post import Post
from app.publish.refresh import refresh
from app.settings import Settings
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.faults.test_restore import wait_for

pytestmark = pytest.mark.database


def test_what_is_published_while_a_page_is_read_is_not_half_on_it(
    app: Flask, settings: Settings, page_id: int, reader: Client, caplog: pytest.LogCaptureFixture
) -> None:
    refresh(settings, page_id)
    publishing = threading.Thread(target=_publish, args=(app, settings, page_id))
    ours = threading.get_ident()

    def meanwhile(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if (
            threading.get_ident() == ours
            and statement.replace('"', "").startswith("SELECT update.post_id")
            and not publishing.ident
        ):
            publishing.start()
            with app.app_context():
                wait_for(_is_committed)

    event.listen(db.engine, "after_cursor_execute", meanwhile)
    try:
        refresh(settings, page_id)
    finally:
        event.remove(db.engine, "after_cursor_execute", meanwhile)
        publishing.join()
    assert publishing.ident, "it was published in the middle"
    assert [record.message for record in caplog.records if "could not be made" in record.message] == []
    assert b"Slow answers" in reader.get("/").data


def _publish(app: Flask, settings: Settings, page_id: int) -> None:
    with app.app_context():
        open_post(settings, LENA, page_id, draft())
        db.session.remove()


def _is_committed() -> bool:
    found = session().scalar(select(func.count(Post.id)))
    db.session.remove()
    return bool(found)
