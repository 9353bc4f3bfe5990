"""What can be changed about a post without saying anything: its title, its window, what a program keeps with it."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import audit, effects, wording
from app.actions.revisions import lock_page, touch
from app.clock import now
from app.db import session as read_session
from app.db import transaction
from app.errors import Conflict, Invalid, NotFound
from app.models.page import Page
from app.models.post import Post
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor, PostFacts
from app.vocabulary import PostKind, PostStatus


def edit_post(
    settings: Settings, actor: Actor, public_id: str, facts: PostFacts, *, acknowledged: bool = False
) -> None:
    """Change facts of a post.  Nobody is notified; saying what is already so changes nothing.

    Raises:
        NotFound: there is no such post.
        Invalid: a fact can not be taken, or belongs to planned work alone.
        NeedsConfirmation: the new title looks as if it held something internal, and `acknowledged` is not set.
        Unavailable: the database can not be written; nothing was changed.
    """
    facts = read_facts(facts)
    page_id = _page_of(public_id)
    with transaction() as session:
        page, post = _held(session, page_id, public_id)
        changed = set_facts(session, post, facts, acknowledged=acknowledged)
        if not changed:
            return
        post.version += 1
        touch(session, page, post)
        audit.record(session, actor, "edit", "post", public_id, ", ".join(sorted(changed)))
    try_refresh(settings, page_id)


def read_facts(facts: PostFacts) -> PostFacts:
    """The facts with their title cleaned.  Raises Invalid."""
    return facts if facts.title is None else replace(facts, title=wording.read_title(facts.title))


def set_facts(session: Session, post: Post, facts: PostFacts, *, acknowledged: bool) -> set[str]:
    """Change what differs, in the caller's transaction; the names of what did.

    Raises:
        Invalid, NeedsConfirmation: as `edit_post`.
    """
    wanted = {name: value for name, value in _values(post, facts).items() if getattr(post, name) != value}
    if "title" in wanted:
        wording.ask_about_leaks([str(wanted["title"])], (), acknowledged=acknowledged)
    for name, value in wanted.items():
        setattr(post, name, value)
    if "scheduled_for" in wanted and post.status == PostStatus.SCHEDULED:
        post.next_update_by = post.scheduled_for  # until it begins, that is when more is promised
    session.flush()
    if facts.component_ids is not None and effects.set_components(session, post, facts.component_ids):
        return {*wanted, "components"}
    return set(wanted)


def draft_postmortem(actor: Actor, public_id: str, body: str | None) -> None:
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


def _values(post: Post, facts: PostFacts) -> dict[str, object]:
    values: dict[str, object] = {
        "title": facts.title, "metadata_json": facts.metadata_json,
        "impact": facts.impact, "impact_override": facts.impact,
    }  # fmt: skip
    planned: dict[str, object] = {
        "scheduled_for": facts.scheduled_for, "scheduled_until": facts.scheduled_until,
        "starts_itself": facts.starts_itself, "ends_itself": facts.ends_itself,
    }  # fmt: skip
    if post.kind == PostKind.MAINTENANCE:
        _check_window(post, facts)
        values |= planned
    elif any(planned.values()):
        raise Invalid.field("scheduled_for", "Only planned work has a window. This is an incident.")
    return {name: value for name, value in values.items() if value is not None}


def _check_window(post: Post, facts: PostFacts) -> None:
    begin, end = facts.scheduled_for or post.scheduled_for, facts.scheduled_until or post.scheduled_until
    if (begin, end) == (post.scheduled_for, post.scheduled_until):
        return
    if post.closed_at is not None:
        raise Invalid.field("scheduled_for", "This maintenance is over. Its window can not be moved any more.")
    wording.check_window(PostStatus(post.status), begin, end)


def _page_of(public_id: str) -> int:
    page_id = read_session().scalar(select(Post.page_id).where(Post.public_id == public_id))
    if page_id is None:
        raise NotFound("There is no such post.")
    return page_id


def _held(session: Session, page_id: int, public_id: str) -> tuple[Page, Post]:
    """The page and its post, locked in the order that publishing locks them."""
    page = lock_page(session, page_id)
    return page, session.scalars(select(Post).where(Post.public_id == public_id).with_for_update()).one()
