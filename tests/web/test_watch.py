"""A web process watches for what was committed: it says once what keeps it from being written, and tries again."""

import logging
from pathlib import Path

import pytest
from flask import Flask

from app.actions.posts.publishing import open_post
from app.publish import store
from app.publish.refresh import published_revision
from app.settings import Settings
from app.web.watch import Watch
from tests.deliver.conftest import draft
from tests.factories import LENA

pytestmark = pytest.mark.database


def test_a_lasting_trouble_is_logged_once_and_so_is_its_end(
    app: Flask,
    settings: Settings,
    page_id: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    watch = Watch(settings)
    assert watch.look()
    assert caplog.messages == []
    open_post(settings.with_changes(home=tmp_path / "elsewhere"), LENA, page_id, draft())
    with monkeypatch.context() as patched:
        patched.setattr(store, "_write_all", _no_room)
        assert [watch.look() for _ in range(3)] == [False, False, False]
    assert watch.look()
    assert watch.look()
    assert caplog.messages == [
        "the page is not rendered yet: No space left on device.",
        "the page is up to date again",
    ]
    assert published_revision(settings, "default") == 2


def _no_room(*_args: object) -> None:
    raise OSError(28, "No space left on device")
