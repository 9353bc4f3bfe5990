"""Changes to a post without an update: its facts, the pin, the draft of its post-mortem."""

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions.frame import changing
from app.actions.posts import effects, texts, validation
from app.clock import now
from app.errors import Conflict, Invalid, NotFound, Stale
from app.models.component import Component
from app.models.page import Page
from app.models.post import Post, PostComponent, PostRevision
from app.settings import Settings
from app.shapes import Actor, PostFacts
from app.states import posts as states
from app.vocabulary import Impact, PostKind, PostStatus, Role

REDACTED = "[redacted]"
"""What a redacted text is replaced by."""

SHOWN_WHEN_CORRECTED = ("title", "impact", "scheduled_for", "scheduled_until")
"""Facts whose former value readers are shown."""


def hold_post(session: Session, page_id: int, public_id: str) -> Post:
    """A post of this page, locked.  The caller holds the page already, as all verbs lock them in that order.

    Raises:
        NotFound: this page doesn't have that post.
        Conflict: it was withdrawn.
    """
    post = session.scalar(select(Post).where(Post.public_id == public_id, Post.page_id == page_id).with_for_update())
    if post is None:
        raise NotFound("Post not found.")
    if post.withdrawn_at is not None:
        raise Conflict("This post was withdrawn, so you can't change it. Open a new one.")
    return post


def edit_post(
    settings: Settings,
    actor: Actor,
    page_id: int,
    public_id: str,
    facts: PostFacts,
    *,
    version: int | None = None,
    acknowledged: bool = False,
) -> None:
    """Correct facts of a post, visibly: readers are shown what they were.  No one is notified.  `version` is the one
    that the author saw, if any.

    Raises:
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: this page doesn't have that post.
        Conflict: it was withdrawn.
        Stale: it changed since the author saw it.
        Invalid: a fact can't be taken, or belongs to maintenance alone.
        NeedsConfirmation: the new title looks as if it held something internal, and `acknowledged` isn't set.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        post = hold_post(change.session, page_id, public_id)
        if version is not None and post.version != version:
            sentence = "Someone changed this post after you opened the form. Check it, and correct it again."
            raise Stale(sentence, current=post.title, yours="" if REDACTED in post.title else facts.title or "")
        before = _facts(change.session, post)
        changed = set_facts(change.session, actor, post, read_facts(facts), acknowledged=acknowledged)
        if not changed:
            return
        post.version += 1
        change.touch(post)
        detail, after = ", ".join(sorted(changed)), _facts(change.session, post)
        change.audit("edit", "post", public_id, detail, before=before, after=after)


def read_facts(facts: PostFacts) -> PostFacts:
    """The facts with their titles cleaned.  Raises Invalid."""
    title = None if facts.title is None else validation.read_title(facts.title)
    return replace(facts, title=title, titles=texts.read_titles(facts.titles))


def set_facts(
    session: Session, actor: Actor, post: Post, facts: PostFacts, *, acknowledged: bool, with_update: bool = False
) -> set[str]:
    """Change what differs, in the caller's transaction, and keep what it was; the names of what changed.

    An update that comes with it says itself what its impact and components are: those are no correction.

    Raises:
        Invalid, NeedsConfirmation: as `edit_post`.
    """
    wanted = {name: value for name, value in _values(post, facts).items() if getattr(post, name) != value}
    texts.check_languages(session.get_one(Page, post.page_id), facts.titles)
    retitled = [str(wanted["title"])] if "title" in wanted else []
    if retitled or facts.titles:
        validation.ask_about_leaks([*retitled, *facts.titles.values()], (), acknowledged=acknowledged)
    former = {name: getattr(post, name) for name in SHOWN_WHEN_CORRECTED if name in wanted}
    about = _visible_names(session, post)
    if "impact" in wanted or "impact_override" in wanted:
        states.set_impact(post, Impact(facts.impact or post.impact))
    if "scheduled_for" in wanted or "scheduled_until" in wanted:
        states.replan(post, facts.scheduled_for or post.scheduled_for, facts.scheduled_until or post.scheduled_until)
    for name in ("title", "metadata_json", "auto_start", "auto_end"):
        if name in wanted:
            setattr(post, name, wanted[name])
    session.flush()
    changed = set(wanted)
    if texts.set_titles(session, actor.name, post, facts.titles, is_retitled=bool(retitled), at=now()):
        changed.add("titles")
    if facts.component_ids is not None and effects.set_components(session, post, facts.component_ids):
        changed.add("components")
        if _visible_names(session, post) != about:
            former["components"] = "\n".join(about)
    if with_update:
        former.pop("impact", None)
        former.pop("components", None)
    if former:
        session.add(PostRevision(post_id=post.id, replaced_at=now(), replaced_by=actor.name, **former))
        session.flush()
    return changed


def pin_post(settings: Settings, actor: Actor, page_id: int, public_id: str, pinned: bool) -> None:
    """Keep a post on top of the page, or stop keeping it there.  Doing it twice changes nothing; no one is notified.

    Raises:
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: this page doesn't have that post.
        Conflict: it was withdrawn.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        post = hold_post(change.session, page_id, public_id)
        if post.pinned == pinned:
            return
        post.pinned = pinned
        change.touch(post)
        verb = "pin" if pinned else "unpin"
        change.audit(verb, "post", public_id, post.title, before={"pinned": not pinned}, after={"pinned": pinned})


def set_auto(settings: Settings, actor: Actor, page_id: int, public_id: str, is_on: bool) -> None:
    """Have a maintenance start and end automatically, or by hand alone.  Doing it twice changes nothing.

    Raises:
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: this page doesn't have that post.
        Conflict: it was withdrawn.
        Invalid: it is no maintenance.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        post = hold_post(change.session, page_id, public_id)
        if post.kind != PostKind.MAINTENANCE:
            raise Invalid("Only maintenance can start and end automatically.")
        if (post.auto_start, post.auto_end) == (is_on, is_on):
            return
        before = {"auto_start": post.auto_start, "auto_end": post.auto_end}
        post.auto_start = post.auto_end = is_on
        after = {"auto_start": is_on, "auto_end": is_on}
        verb = "set auto" if is_on else "set by hand"
        change.audit(verb, "post", public_id, post.title, before=before, after=after)


def draft_postmortem(settings: Settings, actor: Actor, page_id: int, public_id: str, body: str | None) -> None:
    """Keep a post-mortem that isn't published yet, or, with None, throw the draft away.

    Raises:
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: this page doesn't have that post.
        Conflict: there is no draft to throw away, or the post was withdrawn.
        Invalid: the text can't be taken, or the post is still open.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        text = None if body is None else validation.read_body(body)
        post = hold_post(change.session, page_id, public_id)
        if text is None and post.postmortem_draft is None:
            raise Conflict("There is no post-mortem draft. You can still correct what was published.")
        if text is not None and not PostStatus(post.status).is_terminal:
            raise Invalid("You can publish a post-mortem after the incident is resolved. Resolve it first.")
        before = {"postmortem_draft_at": post.postmortem_draft_at}
        post.postmortem_draft, post.postmortem_draft_at = text, now() if text is not None else None
        after = {"postmortem_draft_at": post.postmortem_draft_at}
        change.audit("draft post-mortem", "post", public_id, before=before, after=after)


def _facts(session: Session, post: Post) -> dict[str, object]:
    """What can be edited, for the audit line.  A former title is kept as a revision, which can be redacted."""
    names = ("impact", "scheduled_for", "scheduled_until", "auto_start", "auto_end", "version")
    about = select(Component.public_id).join(PostComponent, PostComponent.component_id == Component.id)
    return {
        **{name: getattr(post, name) for name in names},
        "components": sorted(session.scalars(about.where(PostComponent.post_id == post.id))),
    }


def _values(post: Post, facts: PostFacts) -> dict[str, object]:
    values: dict[str, object] = {
        "title": facts.title,
        "metadata_json": facts.metadata_json,
        "impact": facts.impact,
        "impact_override": facts.impact,
    }
    planned: dict[str, object] = {
        "scheduled_for": facts.scheduled_for,
        "scheduled_until": facts.scheduled_until,
        "auto_start": facts.auto_start,
        "auto_end": facts.auto_end,
    }
    if post.kind == PostKind.MAINTENANCE:
        _check_window(post, facts)
        values |= planned
    elif any(planned.values()):
        raise Invalid.field("scheduled_for", "Only maintenance has a window. This is an incident.")
    return {name: value for name, value in values.items() if value is not None}


def _check_window(post: Post, facts: PostFacts) -> None:
    begin, end = facts.scheduled_for or post.scheduled_for, facts.scheduled_until or post.scheduled_until
    if (begin, end) == (post.scheduled_for, post.scheduled_until):
        return
    if post.closed_at is not None:
        raise Invalid.field("scheduled_for", "This maintenance is over, so you can't move its window.")
    validation.check_window(PostStatus(post.status), begin, end)


def _visible_names(session: Session, post: Post) -> list[str]:
    """The names of the components that readers see the post to be about."""
    statement = (
        select(Component.name)
        .join(PostComponent, PostComponent.component_id == Component.id)
        .where(PostComponent.post_id == post.id, Component.visible)
        .order_by(Component.position, Component.id)
    )
    return list(session.scalars(statement))
