"""Dispatches: cancel one during its hold, and retry its failed deliveries."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.actions.frame import changing
from app.channels.registry import names as channel_names
from app.deliver.missing import GAVE_UP
from app.deliver.wake_up import wake_workers
from app.errors import Conflict, NotFound
from app.models.delivery import Delivery, Dispatch
from app.models.post import Post, Update
from app.settings import Settings
from app.shapes import Actor
from app.states import deliveries
from app.vocabulary import DispatchKind, DispatchState, Role


def cancel_dispatch(settings: Settings, actor: Actor, page_id: int, dispatch_public_id: str) -> None:
    """Cancel a dispatch that is still held: no one is notified.  The update itself stays published.

    Raises:
        Conflict: it is already being sent.
        NotFound: the dispatch doesn't exist.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        dispatch = _locked(session, page_id, dispatch_public_id)
        if dispatch.state == DispatchState.CANCELLED:
            return
        if dispatch.state != DispatchState.HELD:
            raise Conflict("These notifications are already being sent, so you can't cancel them.")
        deliveries.cancel(session, dispatch)
        change.audit("cancel", "dispatch", dispatch.public_id)


@dataclass(frozen=True, slots=True)
class Retry:
    """Which of a dispatch's failed deliveries are tried again.

    Only those that had failed `before` that instant: the same form sent twice tries no one twice.  `even_permanent`
    takes in those whom trying again can't help as far as the other side said.  `channel` and `reason` narrow it down.
    """

    before: datetime
    even_permanent: bool = False
    channel: str | None = None
    reason: str | None = None


def retry_failed(settings: Settings, actor: Actor, page_id: int, dispatch_public_id: str, retry: Retry) -> int:
    """Put failed deliveries of a dispatch back into the queue; how many they were.

    Deliveries that were skipped, bounced or may have arrived stay as they are; people who have unsubscribed are skipped
    when their turn comes.

    Raises:
        NotFound: the dispatch doesn't exist.
        Conflict: what it sends was withdrawn.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD, lock=False) as change:
        session = change.session
        dispatch = _locked(session, page_id, dispatch_public_id)
        refuse_withdrawn(session, dispatch)
        count = deliveries.retry(session, dispatch, *_retried(retry))
        if count:
            which = "even those refused for good" if retry.even_permanent else "those given up on"
            change.audit("retry", "dispatch", dispatch.public_id, f"{count} deliveries, {which}")
            wake_workers(session)
        return count


def refuse_withdrawn(session: Session, dispatch: Dispatch) -> None:
    """Nothing that was withdrawn is sent again; that it was withdrawn is.

    Raises:
        Conflict: what the dispatch sends was withdrawn.
    """
    if dispatch.kind is DispatchKind.WITHDRAWAL:
        return
    gone = session.scalar(
        select(Post.id)
        .outerjoin(Update, Update.id == dispatch.update_id)
        .where(
            Post.id == dispatch.post_id,
            Post.withdrawn_at.is_not(None) | Update.withdrawn_at.is_not(None),
        )
    )
    if gone is not None:
        raise Conflict("This update was withdrawn, so its notifications can't be sent again.")


def _retried(retry: Retry) -> list[ColumnElement[bool]]:
    which = [
        Delivery.channel.in_([retry.channel] if retry.channel else channel_names()),
        Delivery.settled_at <= retry.before,
    ]
    if not retry.even_permanent:
        which.append(Delivery.reason.startswith(GAVE_UP, autoescape=True))
    return [*which, Delivery.reason == retry.reason] if retry.reason is not None else which


def _locked(session: Session, page_id: int, public_id: str) -> Dispatch:
    dispatch = session.scalar(
        select(Dispatch).where(Dispatch.page_id == page_id, Dispatch.public_id == public_id).with_for_update()
    )
    if dispatch is None:
        raise NotFound("Dispatch not found.")
    return dispatch
