"""A large fan-out is planned without keeping everybody else from writing."""

import sqlite3
import time

import pytest
from flask import Flask

from app.actions.posts.publishing import open_post
from app.db import session
from app.deliver import plan
from app.settings import Settings
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.faults.test_worker import subscribe_many

pytestmark = pytest.mark.database


def test_between_two_pieces_of_a_plan_others_have_as_long_to_write_as_a_piece_took(
    app: Flask, settings: Settings, page_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not settings.database_url.startswith("sqlite"):
        pytest.skip("PostgreSQL has as many writers as it likes")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        with sqlite3.connect(settings.home / "candor.db", timeout=0) as other:
            other.execute("UPDATE page SET name = name")
        other.close()
        pauses.append(seconds)

    subscribe_many(page_id, 2000)
    open_post(settings, LENA, page_id, draft())
    due = plan.due_dispatches(session())
    session().rollback()
    monkeypatch.setattr(plan, "PIECE", 600)
    monkeypatch.setattr(plan.time, "sleep", pause)
    begun = time.monotonic()
    assert plan.plan(due[0])
    took = time.monotonic() - begun
    assert len(pauses) == 3
    assert took / 4 < sum(pauses) <= took, "all but the last piece"
