"""Withdrawing, which leaves a stub, and redacting, which leaves nothing, what was published."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.actions.frame import Change, changing
from app.actions.posts import incident, texts
from app.actions.posts.editing import REDACTED, hold_post
from app.actions.posts.publishing import reached, standing
from app.clock import now
from app.deliver.plan import urgency
from app.deliver.wake_up import wake_workers
from app.errors import Conflict, Invalid, NotFound
from app.models.component import Component, ComponentChange
from app.models.draft import Draft, DraftText
from app.models.post import Post, PostRevision, Update, UpdateRevision, UpdateText
from app.settings import Settings
from app.shapes import Actor
from app.states import deliveries
from app.states import posts as states
from app.text import clean, markdown_to_html
from app.vocabulary import DispatchKind, PostStatus, Role

WITHDRAWN = "withdrawn before it was sent"
SHORTEST_REDACTION = 3


def withdraw_update(
    settings: Settings,
    actor: Actor,
    page_id: int,
    update_public_id: str,
    *,
    revert_components: bool,
    version: int | None = None,
) -> None:
    """Withdraw one update: a stub takes its place, and the post follows the remaining updates.

    `revert_components` says what becomes of its component changes: undone as if it had never been, or kept.  What waits
    to be sent is cancelled, and the people who got the update get the withdrawal.  `version` is the post's that the
    author saw, if any.  Doing it twice changes nothing.

    Raises:
        NotFound: this page doesn't have that update.
        Conflict: it is the only update of its post, which has to be withdrawn as a whole; or the post was withdrawn or
            changed meanwhile.
        NotAllowed: the actor is no Communications Lead of the page.
        Unavailable: the database can't be written; nothing was changed.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        post, update = _hold_update(change.session, page_id, update_public_id)
        if update.withdrawn_at is not None:
            return
        _check_version(post, version)
        left = [one for one in standing(change.session, post) if one is not update]
        if not left:
            raise Conflict("This is the only update of its post. Withdraw the whole post instead.")
        before = {"status": post.status, "impact": post.impact}
        update.withdrawn_at = update.updated_at = now()
        update.version += 1
        if revert_components:
            _revert(change.session, [update])
        states.follow(post, left, reached(change.session, left), taken=update)
        incident.note_for_post(change.session, actor, post, "Withdrew an update from the public")
        incident.settle_incident(change.session, post, post.status)
        _tell_who_got_it(change, post, [update], update)
        _purge(change, post)
        change.audit(
            "withdraw",
            "update",
            update.public_id,
            "components reverted" if revert_components else "components kept",
            before=before,
            after={"status": post.status, "impact": post.impact},
        )


def withdraw_post(
    settings: Settings,
    actor: Actor,
    page_id: int,
    post_public_id: str,
    *,
    revert_components: bool,
    version: int | None = None,
) -> None:
    """Take back a whole post, such as one opened by mistake.  Its updates and title are gone from public; a stub stays.

    The rest is as with `withdraw_update`.

    Raises:
        NotFound: this page doesn't have that post.
        Conflict, NotAllowed, Unavailable: as `withdraw_update`.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        found = change.session.scalar(select(Post).where(Post.public_id == post_public_id, Post.page_id == page_id))
        if found is not None and found.withdrawn_at is not None:
            return
        post = hold_post(change.session, page_id, post_public_id)
        _check_version(post, version)
        live = standing(change.session, post)
        if revert_components:
            _revert(change.session, live)
        before = {"status": post.status}
        states.withdraw(post, now())
        incident.note_for_post(change.session, actor, post, "Withdrew the whole post from the public")
        incident.settle_incident(change.session, post, PostStatus.CANCELLED)
        _tell_who_got_it(
            change, post, list(change.session.scalars(select(Update).where(Update.post_id == post.id))), None
        )
        _purge(change, post)
        detail = "components reverted" if revert_components else "components kept"
        change.audit("withdraw", "post", post.public_id, detail, before=before, after={"status": "withdrawn"})


def redact_update(settings: Settings, actor: Actor, page_id: int, update_public_id: str) -> None:
    """Remove the whole text of an update, and every text it had before, from all that is public.  No one is notified.

    The update itself, its status and its time stay.  The audit log keeps that it happened, and not the text.

    Raises:
        NotFound: this page doesn't have that update.
        NotAllowed, Unavailable: as `withdraw_update`.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        post, update = _hold_update(change.session, page_id, update_public_id, even_withdrawn=True)
        _rewrite(update, REDACTED)
        change.session.execute(delete(UpdateText).where(UpdateText.update_id == update.id))
        for former in _revisions(change.session, [update.id]):
            former.body, former.body_html = REDACTED, markdown_to_html(REDACTED)
        drafted = select(DraftText).join(Draft, Draft.id == DraftText.draft_id).where(Draft.update_id == update.id)
        for text in change.session.scalars(drafted):
            text.body = REDACTED
        _outdate(change.session, [text.draft_id for text in change.session.scalars(drafted)])
        post.version += 1
        _purge(change, post)
        change.audit("redact", "update", update.public_id)


def redact_text(settings: Settings, actor: Actor, page_id: int, post_public_id: str, text: str) -> int:
    """Remove one piece of text, such as a name or a password, wherever a post holds or held it; in how many places.

    It is looked for in the title, in each update, in what each said before, and in drafts, and replaced by a mark.
    No one is notified.  The audit log keeps that it happened, and not the text.

    Raises:
        NotFound: this page doesn't have that post.
        Invalid: the text is too short, or the post doesn't hold it.
        NotAllowed, Unavailable: as `withdraw_update`.
    """
    sought = clean(text, multiline=True).strip()
    if len(sought) < SHORTEST_REDACTION:
        raise Invalid.field("text", f"Enter the text to redact: at least {SHORTEST_REDACTION} characters.")
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        session = change.session
        post = session.scalar(select(Post).where(Post.public_id == post_public_id, Post.page_id == page_id))
        if post is None:
            raise NotFound("Post not found.")
        count, drafted = 0, set()
        for owner, name in _holders(session, post):
            said = getattr(owner, name)
            if said and sought in said:
                count += 1
                setattr(owner, name, said.replace(sought, REDACTED))
                if isinstance(owner, DraftText):
                    drafted.add(owner.draft_id)
        _outdate(session, drafted)
        updates = list(session.scalars(select(Update).where(Update.post_id == post.id)))
        for update in updates:
            if sought in update.body:
                count += 1
                _rewrite(update, update.body.replace(sought, REDACTED))
        by_id = {update.id: update for update in updates}
        for other in texts.of_updates(session, list(by_id)):
            if sought in other.body:
                count += 1
                other.body = other.body.replace(sought, REDACTED)
                other.body_html = markdown_to_html(other.body)
                _rewrite(by_id[other.update_id], by_id[other.update_id].body)
        for former in _revisions(session, list(by_id)):
            if sought in former.body:
                count += 1
                former.body = former.body.replace(sought, REDACTED)
                former.body_html = markdown_to_html(former.body)
        if not count:
            raise Invalid.field("text", "This post doesn't contain that text. Check its spelling and its line breaks.")
        post.version += 1
        _purge(change, post)
        change.audit("redact", "post", post.public_id, f"{count} places")
        return count


def _holders(session: Session, post: Post) -> list[tuple[object, str]]:
    """What of a post may hold text, beside its updates: each thing and the name of its column."""
    corrected = session.scalars(select(PostRevision).where(PostRevision.post_id == post.id))
    updates = select(Update.id).where(Update.post_id == post.id)
    drafted = session.scalars(
        select(DraftText)
        .join(Draft, Draft.id == DraftText.draft_id)
        .where((Draft.post_id == post.id) | Draft.update_id.in_(updates))
    )
    return [
        *((text, name) for text in drafted for name in ("title", "body")),
        *((text, "title") for text in texts.of_post(session, post)),
        (post, "title"),
        (post, "metadata_json"),
        (post, "postmortem_draft"),
        *((former, name) for former in corrected for name in ("title", "components")),
    ]


def _outdate(session: Session, draft_ids: Collection[int]) -> None:
    """Let no form that still holds the former text save over these drafts.  What was approved or scheduled is refused
    when its time comes, because its content is another now.
    """
    for draft in session.scalars(select(Draft).where(Draft.id.in_(draft_ids))):
        draft.version += 1


def _rewrite(update: Update, body: str) -> None:
    update.body, update.body_html = body, markdown_to_html(body)
    update.redacted_at = update.updated_at = now()
    update.version += 1


def _revisions(session: Session, update_ids: Sequence[int]) -> list[UpdateRevision]:
    return list(session.scalars(select(UpdateRevision).where(UpdateRevision.update_id.in_(update_ids))))


def _hold_update(
    session: Session, page_id: int, public_id: str, *, even_withdrawn: bool = False
) -> tuple[Post, Update]:
    """An update of this page and its post.  Raises NotFound, Conflict."""
    row = session.execute(
        select(Post, Update).join(Update).where(Update.public_id == public_id, Post.page_id == page_id)
    ).first()
    if row is None:
        raise NotFound("Update not found.")
    post, update = row
    if post.withdrawn_at is not None and not even_withdrawn:
        raise Conflict("This post was withdrawn already, with all of its updates.")
    return post, update


def _check_version(post: Post, version: int | None) -> None:
    if version is not None and post.version != version:
        raise Conflict("Someone changed this post since you opened the form. Check it before you withdraw it.")


def _revert(session: Session, updates: Sequence[Update]) -> None:
    """Take the component changes of these updates out of history, so that uptime is as if they had never been.

    A component whose last change this was goes back to what it was before; one that was changed again since stays as it
    is, and its later change now starts from the status before.
    """
    for update in reversed(updates):
        changes = session.scalars(
            select(ComponentChange)
            .where(ComponentChange.by_kind == "update", ComponentChange.by_ref == update.public_id)
            .order_by(ComponentChange.id.desc())
        ).all()
        for change in changes:
            later = session.scalars(
                select(ComponentChange)
                .where(ComponentChange.component_id == change.component_id, ComponentChange.id > change.id)
                .order_by(ComponentChange.id)
                .limit(1)
            ).first()
            if later is None:
                component = session.get_one(Component, change.component_id)
                component.status, component.updated_at = change.from_status, now()
            elif later.to_status == change.from_status:
                session.execute(delete(ComponentChange).where(ComponentChange.id == later.id))
            else:
                later.from_status = change.from_status
            session.execute(delete(ComponentChange).where(ComponentChange.id == change.id))
            session.flush()


def _tell_who_got_it(change: Change, post: Post, updates: Sequence[Update], taken: Update | None) -> None:
    """Send nothing more of these updates, and at once, without a hold, a withdrawal to those who got them."""
    deliveries.cancel_dispatches_of(change.session, [update.id for update in updates], WITHDRAWN)
    deliveries.open_dispatch(
        change.session,
        page_id=post.page_id,
        post_id=post.id,
        update_id=taken.id if taken is not None else None,
        kind=DispatchKind.WITHDRAWAL,
        urgency=urgency(post.impact),
        hold_until=now(),
    )
    wake_workers(change.session)


def _purge(change: Change, post: Post) -> None:
    """Have the page rendered, and no copy from before it left on any machine's disk."""
    post.version += 1
    change.page.purge_revision = change.touch(post)
