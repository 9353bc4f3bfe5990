"""From entries to rows: compared with what is known, written in bulk."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from app.actions.subscriber_import.reading import Wish
from app.actions.subscriptions import new_secret
from app.clock import now
from app.models.subscriber import Subscriber, SubscriberComponent, destination
from app.text import public_id
from app.vocabulary import ChannelName, SubscriberState

STRICTNESS = (
    SubscriberState.UNCONFIRMED,
    SubscriberState.ACTIVE,
    SubscriberState.QUARANTINED,
    SubscriberState.UNSUBSCRIBED,
)
"""Of what is here and what the sheet says, the later one counts: nobody is subscribed again by a sheet."""

Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What a subscriber is now."""

    id: int
    state: SubscriberState
    label: str
    locale: str
    time_zone: str
    everything: bool
    confirmed_at: datetime | None
    unsubscribed_at: datetime | None
    chosen: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """A wish with its normalised address; `chosen` are components' row ids.  `before` is None for somebody new."""

    wish: Wish
    address: str
    address_hash: str
    chosen: frozenset[int]
    before: Known | None = None

    @property
    def state(self) -> SubscriberState:
        """What they will be."""
        given = self.wish.state
        return given if self.before is None else max(given, self.before.state, key=STRICTNESS.index)

    @property
    def stays(self) -> str:
        """The state that is kept though the sheet says another; empty when it is as the sheet says."""
        return str(self.state) if self.state is not self.wish.state else ""

    @property
    def needs_secret(self) -> bool:
        """Whether this is a new webhook that came without its secret."""
        return self.before is None and self.wish.channel is ChannelName.WEBHOOK and not self.wish.secret

    @property
    def chooses(self) -> bool:
        """Whether the sheet says what they want to hear, other than they do now."""
        before = self.before
        if before is None:
            return bool(self.chosen)
        return "components" in self.wish.has and (not self.chosen, self.chosen) != (before.everything, before.chosen)

    @property
    def is_changed(self) -> bool:
        """Whether somebody known becomes another."""
        return self.before is not None and (self.chooses or self.changes() != _now(self.before))

    def changes(self) -> Columns:
        """The columns of somebody known that the sheet may change."""
        before, wish = self.before, self.wish
        assert before is not None
        return {
            "state": self.state,
            "label": wish.label or before.label,
            "locale": wish.locale or before.locale,
            "time_zone": wish.time_zone or before.time_zone,
        }


def _now(before: Known) -> Columns:
    return {"state": before.state, "label": before.label, "locale": before.locale, "time_zone": before.time_zone}


def known(session: Session, page_id: int, entries: Sequence[Entry]) -> list[Entry]:
    """The entries, each with who is known by its address.  Two queries, and one for each channel among them."""
    by_hash: dict[str, Known] = {}
    chosen: dict[int, set[int]] = defaultdict(set)
    for channel in sorted({entry.wish.channel for entry in entries}):
        for row in session.execute(
            select(
                Subscriber.id, Subscriber.address_hash, Subscriber.state, Subscriber.label, Subscriber.locale,
                Subscriber.time_zone, Subscriber.everything, Subscriber.confirmed_at, Subscriber.unsubscribed_at,
            ).where(
                Subscriber.page_id == page_id,
                Subscriber.channel == channel,
                Subscriber.address_hash.in_([one.address_hash for one in entries if one.wish.channel is channel]),
            )
        ):  # fmt: skip
            state = SubscriberState(row.state)
            by_hash[row.address_hash] = Known(
                row.id,
                state,
                row.label,
                row.locale,
                row.time_zone,
                row.everything,
                row.confirmed_at,
                row.unsubscribed_at,
            )
    picky = [one.id for one in by_hash.values() if not one.everything]
    for subscriber_id, component_id in session.execute(
        select(SubscriberComponent.subscriber_id, SubscriberComponent.component_id).where(
            SubscriberComponent.subscriber_id.in_(picky)
        )
    ):
        chosen[subscriber_id].add(component_id)
    return [
        replace(entry, before=replace(before, chosen=frozenset(chosen[before.id]))) if before else entry
        for entry, before in ((entry, by_hash.get(entry.address_hash)) for entry in entries)
    ]


def write(session: Session, page_id: int, entries: Sequence[Entry]) -> None:
    """Write who is new, and what is different of the others."""
    fresh = [entry for entry in entries if entry.before is None]
    ids = _insert(session, page_id, fresh) if fresh else {}
    changed = [entry for entry in entries if entry.is_changed and entry.before]
    if changed:
        session.execute(update(Subscriber), [_changed(entry) for entry in changed])
    choosing = {entry.before.id: entry for entry in changed if entry.chooses and entry.before}
    if choosing:
        session.execute(delete(SubscriberComponent).where(SubscriberComponent.subscriber_id.in_(list(choosing))))
    pairs = [(ids[entry.address_hash], entry) for entry in fresh if entry.chosen] + list(choosing.items())
    rows = [
        {"subscriber_id": row_id, "component_id": component_id}
        for row_id, entry in pairs
        for component_id in sorted(entry.chosen)
    ]
    if rows:
        session.execute(insert(SubscriberComponent), rows)


def _insert(session: Session, page_id: int, fresh: Sequence[Entry]) -> dict[str, int]:
    """Write new subscribers; the ids of those who chose components, by their hash."""
    wanted = [entry.wish.public_id for entry in fresh if entry.wish.public_id]
    taken = set(session.scalars(select(Subscriber.public_id).where(Subscriber.public_id.in_(wanted))))
    rows = [_row(page_id, entry, taken) for entry in fresh]
    session.connection().execute(insert(Subscriber), rows)  # as they are: the session would group them by what is None
    names = [row["public_id"] for row, entry in zip(rows, fresh, strict=True) if entry.chosen]
    found = session.execute(select(Subscriber.address_hash, Subscriber.id).where(Subscriber.public_id.in_(names)))
    return {row[0]: row[1] for row in found}


def _row(page_id: int, entry: Entry, taken: set[str]) -> Columns:
    wish, at = entry.wish, now()
    created = wish.created_at or at
    name = wish.public_id if wish.public_id and wish.public_id not in taken else public_id()
    taken.add(name)
    secret = wish.secret or (new_secret() if entry.needs_secret else "")
    is_over = entry.state is SubscriberState.UNSUBSCRIBED
    is_confirmed = entry.state is not SubscriberState.UNCONFIRMED
    return {
        "page_id": page_id, "public_id": name, "channel": wish.channel, "address": entry.address,
        "address_hash": entry.address_hash, "domain": destination(wish.channel, entry.address), "label": wish.label,
        "secret": secret, "owner_email": wish.owner_email, "state": entry.state, "everything": not entry.chosen,
        "locale": wish.locale or "en", "time_zone": wish.time_zone, "created_at": created,
        "confirmed_at": wish.confirmed_at or (created if is_confirmed else None),
        "unsubscribed_at": (wish.unsubscribed_at or at) if is_over else None,
    }  # fmt: skip


def _changed(entry: Entry) -> Columns:
    before, state = entry.before, entry.state
    assert before is not None
    begins = state is SubscriberState.ACTIVE and before.state is SubscriberState.UNCONFIRMED
    ends = state is SubscriberState.UNSUBSCRIBED and before.state is not state
    return {
        "id": before.id,
        "everything": not entry.chosen if entry.chooses else before.everything,
        "confirmed_at": entry.wish.confirmed_at or now() if begins else before.confirmed_at,
        "unsubscribed_at": entry.wish.unsubscribed_at or now() if ends else before.unsubscribed_at,
        **entry.changes(),
    }
