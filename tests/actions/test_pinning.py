"""Pinning: a post that is over stays on top of the page for as long as somebody wants it there."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.actions.posts.editing import pin_post
from app.actions.posts.publishing import open_post, publish_update
from app.db import session
from app.errors import NotFound
from app.models.audit import AuditEntry
from app.models.page import Page
from app.publish.refresh import refresh
from app.settings import Settings
from app.shapes import UpdateDraft
from app.vocabulary import PostStatus
from tests.deliver.conftest import draft
from tests.factories import LENA

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def revision(page_id: int) -> int:
    session().rollback()
    return session().scalar(select(Page.revision).where(Page.id == page_id)) or 0


def page_of(settings: Settings) -> str:
    return (settings.public_root / "default" / "current" / "index.html").read_text()


def test_a_pinned_post_stays_on_the_page_when_its_day_is_long_past(settings: Settings, page_id: int) -> None:
    with clock.frozen(NOON):
        made = open_post(settings, LENA, page_id, draft())
        over = UpdateDraft(PostStatus.RESOLVED, "It is over.", "key-00000002", version=1)
        publish_update(settings, LENA, page_id, made.post_id, over)
    with clock.frozen(NOON + timedelta(days=20)):
        refresh(settings, page_id)
        assert "Slow answers" not in page_of(settings)
        pin_post(settings, LENA, page_id, made.post_id, True)
        assert "Slow answers" in page_of(settings)
        pin_post(settings, LENA, page_id, made.post_id, False)
        assert "Slow answers" not in page_of(settings)


def test_pinning_twice_changes_nothing(settings: Settings, page_id: int) -> None:
    made = open_post(settings, LENA, page_id, draft())
    pin_post(settings, LENA, page_id, made.post_id, True)
    stood = revision(page_id)
    pin_post(settings, LENA, page_id, made.post_id, True)
    assert revision(page_id) == stood
    verbs = session().scalars(select(AuditEntry.verb).where(AuditEntry.noun == "post").order_by(AuditEntry.id))
    assert list(verbs) == ["open", "pin"]


def test_there_is_no_such_post(settings: Settings, page_id: int) -> None:
    with pytest.raises(NotFound):
        pin_post(settings, LENA, page_id, "bcdf12345678", True)
