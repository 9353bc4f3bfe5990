"""What can be changed about a post without saying anything: its title, its window, what a program keeps with it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import audit, wording
from app.actions.revisions import lock_page, touch
from app.clock import now
from app.db import session as read_session
from app.db import transaction
from app.errors import Conflict, Invalid, NotFound
from app.models.page import Page
from app.models.post import Post
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor
from app.vocabulary import PostKind, PostStatus


@dataclass(frozen=True, slots=True)
class PostFacts:
    """The facts to change; None leaves one as it is.  Times are UTC."""

    title: str | None = None
    scheduled_for: datetime | None = None
    scheduled_until: datetime | None = None
    starts_itself: bool | None = None
    ends_itself: bool | None = None
    metadata_json: str | None = None


def edit_post(settings: Settings, actor: Actor, public_id: str, facts: PostFacts) -> None:
    """Change facts of a post.  Nobody is notified; saying what is already so changes nothing.

    Raises:
        NotFound: there is no such post.
        Invalid: a fact can not be taken, or belongs to planned work alone.
        NeedsConfirmation: the title looks as if it held something internal.
        Unavailable: the database can not be written; nothing was changed.
    """
    title = None if facts.title is None else wording.read_title(facts.title)
    if title is not None:
        wording.ask_about_leaks([title], (), acknowledged=False)
    page_id = _page_of(public_id)
    with transaction() as session:
        page, post = _held(session, page_id, public_id)
        wanted = {name: value for name, value in _values(post, facts, title).items() if getattr(post, name) != value}
        for name, value in wanted.items():
            setattr(post, name, value)
        if not wanted:
            return
        post.version += 1
        touch(session, page, post)
        audit.record(session, actor, "edit", "post", public_id, ", ".join(sorted(wanted)))
    try_refresh(settings, page_id)


def draft_postmortem(settings: Settings, actor: Actor, public_id: str, body: str | None) -> None:
    """Keep a post-mortem that is not published yet, or, with None, throw the draft away.

    Raises:
        NotFound: there is no such post.
        Conflict: there is no draft to throw away.
        Invalid: the text can not be taken, or the post is still open.
    """
    text = None if body is None else wording.read_body(body)
    page_id = _page_of(public_id)
    with transaction() as session:
        _, post = _held(session, page_id, public_id)
        if text is None and post.postmortem_draft is None:
            raise Conflict("There is no draft of a post-mortem. What was published stays, and can be corrected.")
        if text is not None and not PostStatus(post.status).is_terminal:
            raise Invalid("A post-mortem follows a resolved post. Resolve it first.")
        post.postmortem_draft, post.postmortem_draft_at = text, now() if text is not None else None
        audit.record(session, actor, "draft post-mortem", "post", public_id)


def _values(post: Post, facts: PostFacts, title: str | None) -> dict[str, object]:
    values: dict[str, object] = {"title": title, "metadata_json": facts.metadata_json}
    planned: dict[str, object] = {
        "scheduled_for": facts.scheduled_for, "scheduled_until": facts.scheduled_until,
        "starts_itself": facts.starts_itself, "ends_itself": facts.ends_itself,
    }  # fmt: skip
    if post.kind == PostKind.MAINTENANCE:
        begin, end = facts.scheduled_for or post.scheduled_for, facts.scheduled_until or post.scheduled_until
        if facts.scheduled_for or facts.scheduled_until:
            wording.check_window(PostStatus(post.status), begin, end)
        values |= planned
    elif any(value for value in planned.values()):
        raise Invalid.field("scheduled_for", "Only planned work has a window. This is an incident.")
    return {name: value for name, value in values.items() if value is not None}


def _page_of(public_id: str) -> int:
    page_id = read_session().scalar(select(Post.page_id).where(Post.public_id == public_id))
    if page_id is None:
        raise NotFound("There is no such post.")
    return page_id


def _held(session: Session, page_id: int, public_id: str) -> tuple[Page, Post]:
    """The page and its post, locked in the order that publishing locks them."""
    page = lock_page(session, page_id)
    return page, session.scalars(select(Post).where(Post.public_id == public_id).with_for_update()).one()
