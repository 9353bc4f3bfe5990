"""Send limits and pauses, for a channel or a destination on it, across all workers."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import audit
from app.actions.frame import changing_installation
from app.channels.registry import names as channel_names
from app.clock import now
from app.deliver.wake_up import wake_workers
from app.errors import Invalid, NotFound
from app.inputs.limits import DOMAIN_LIMIT, FASTEST, MOST_CONNECTIONS
from app.models.delivery import SendLimit
from app.shapes import Actor
from app.text import clean_field
from app.vocabulary import Role

WHY_LIMIT = 200
PAUSED_BY_HAND = "paused by a person"


def set_limit(actor: Actor, channel: str, domain: str, *, per_second: float | None, connections: int | None) -> None:
    """Limit a channel (`domain` empty), or a mail domain or endpoint's host on it ("*": each without a limit of its
    own).  None is no limit; with neither and no pause the row goes.

    Raises:
        Invalid: a number or the domain makes no sense.
    """
    name, domain = _which(channel, domain)
    if per_second is not None and not 0 < per_second <= FASTEST:
        raise Invalid.field("per_second", f"Enter messages per second: more than 0 and at most {FASTEST:,.0f}.")
    if connections is not None and not 0 < connections <= MOST_CONNECTIONS:
        raise Invalid.field("connections", f"Enter a number of connections from 1 to {MOST_CONNECTIONS:,}.")
    with changing_installation(actor, needs=Role.ADMIN) as change:
        session = change.session
        row = _held(session, name, domain) or _new(session, name, domain)
        if (row.per_second, row.connections) == (per_second, connections) and row.id is not None:
            return
        row.per_second, row.connections = per_second, connections
        row.tokens, row.refilled_at = min(per_second or 0.0, 1.0), now()
        said = f"{_rate(per_second)}, {connections or 'any number of'} connections"
        audit.record(session, actor, "set", "send limit", f"{name}:{domain}"[:64], said)
        _drop_if_empty(session, row)
        wake_workers(session)


def pause(actor: Actor, channel: str, domain: str = "", why: str = PAUSED_BY_HAND) -> None:
    """Send nothing on a channel, or to a destination on it, until it is resumed.  Pausing again changes the reason.

    Raises:
        Invalid: the channel or the destination makes no sense.
    """
    name, domain = _which(channel, domain)
    why = clean_field(why, name="why", label="The reason", limit=WHY_LIMIT)
    with changing_installation(actor, needs=Role.LEAD) as change:
        session = change.session
        pause_within(session, actor, name, domain, why)


def pause_within(session: Session, actor: Actor, channel: str, domain: str, why: str) -> bool:
    """The same in the caller's transaction; whether it wasn't paused before."""
    row = _held(session, channel, domain) or _new(session, channel, domain)
    before = row.paused_why
    if before != why:
        row.paused_why = why
        audit.record(session, actor, "pause", "send limit", f"{channel}:{domain}"[:64], why)
    return not before


def resume(actor: Actor, channel: str, domain: str = "") -> None:
    """Send again.  What waited goes first; resuming again changes nothing.

    Raises:
        Invalid: the channel or the destination makes no sense.
        NotFound: nothing is limited or paused there.
    """
    name, domain = _which(channel, domain)
    with changing_installation(actor, needs=Role.LEAD) as change:
        session = change.session
        row = _held(session, name, domain)
        if row is None:
            raise NotFound("This destination has no limit or pause. To list them, run candor limits list.")
        if row.paused_why:
            resume_within(session, actor, row)


def resume_within(session: Session, actor: Actor, row: SendLimit) -> None:
    """The same in the caller's transaction, for a row that is locked and paused."""
    row.paused_why = ""
    audit.record(session, actor, "resume", "send limit", f"{row.channel}:{row.domain}"[:64])
    _drop_if_empty(session, row)
    wake_workers(session)


def _which(channel: str, domain: str) -> tuple[str, str]:
    if channel not in channel_names():
        raise Invalid.field("channel", f"Choose one of: {', '.join(channel_names())}.")
    domain = domain.strip().lower()
    if len(domain) > DOMAIN_LIMIT or any(character.isspace() or character in "@/:" for character in domain):
        raise Invalid.field("domain", "Enter a destination such as example.com, or leave it empty.")
    return channel, domain


def _held(session: Session, channel: str, domain: str) -> SendLimit | None:
    return session.scalar(
        select(SendLimit).where(SendLimit.channel == channel, SendLimit.domain == domain).with_for_update()
    )


def _new(session: Session, channel: str, domain: str) -> SendLimit:
    row = SendLimit(channel=channel, domain=domain, tokens=0.0, refilled_at=now(), paused_why="")
    session.add(row)
    return row


def _drop_if_empty(session: Session, row: SendLimit) -> None:
    if row.per_second is None and row.connections is None and not row.paused_why:
        session.flush()
        session.delete(row)


def _rate(per_second: float | None) -> str:
    return f"{per_second:g} a second" if per_second else "no rate"
