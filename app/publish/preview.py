"""How an update will look, by the code that renders the real one, with nothing stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.channels.names import EMAIL, SMS
from app.clock import now
from app.guard.sms_length import measure
from app.models.component import Component
from app.models.post import Post
from app.publish import html
from app.publish.letter import LetterContent, word
from app.publish.needed import Before
from app.publish.snapshot import read, read_page
from app.publish.thread import read_posts
from app.publish.views import EffectView, PostView, UpdateView
from app.settings import Settings
from app.shapes import ComponentEffect, Letter
from app.text import clean, markdown_to_html
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus


@dataclass(frozen=True, slots=True)
class Preview:
    """The post as the page, the mail and the text message will show it."""

    page_html: str
    email: Letter
    sms: Letter
    sms_segments: int


def preview(
    settings: Settings,
    session: Session,
    page_id: int,
    *,
    post_public_id: str | None,
    title: str,
    kind: PostKind,
    status: PostStatus,
    impact: Impact,
    body: str,
    effects: Sequence[ComponentEffect] = (),
    next_update_by: datetime | None = None,
    scheduled_for: datetime | None = None,
    scheduled_until: datetime | None = None,
) -> Preview:
    """What would be published.  Raises Invalid when the text is too long."""
    page = read_page(session, page_id)
    snapshot = read(session, page_id, Before(max(page.revision, page.rebuild_revision), now()))
    at = now()
    earlier = read_posts(session, (Post.page_id == page_id, Post.public_id == post_public_id)) if post_public_id else ()
    text = clean(body, multiline=True)
    update = UpdateView(
        0, "preview", len(earlier[0].updates) + 1 if earlier else 1, status, text, markdown_to_html(text), at, at, at,
        None, None if status.is_terminal else next_update_by, True, _effects(session, page_id, effects),
    )  # fmt: skip
    post = PostView(
        0, "preview", kind, clean(title) or "(no title yet)", status, impact, at, at, at, None, None, None,
        scheduled_for, scheduled_until, next_update_by,
    )  # fmt: skip
    if earlier:
        post = replace(earlier[0], status=status, impact=impact, next_update_by=next_update_by)
    post = replace(post, updates=(update, *post.updates))
    of = LetterContent(snapshot, post, update)
    sms = word(settings, of, SMS)
    email = word(settings, of, EMAIL)
    return Preview(html.post_block(snapshot, post), email, sms, measure(sms.text).segments)


def _effects(session: Session, page_id: int, effects: Sequence[ComponentEffect]) -> tuple[EffectView, ...]:
    rows = session.execute(
        select(Component.public_id, Component.name, Component.status).where(
            Component.page_id == page_id,
            Component.visible,
            Component.public_id.in_([effect.component_id for effect in effects]),
        )
    )
    known = {public_id: (name, ComponentStatus(status)) for public_id, name, status in rows}
    return tuple(
        EffectView(effect.component_id, *known[effect.component_id], effect.status or known[effect.component_id][1])
        for effect in effects
        if effect.component_id in known
    )
