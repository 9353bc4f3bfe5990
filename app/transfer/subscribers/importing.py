"""Subscribers from a CSV file: ours, or Statuspage's."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, BinaryIO

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app import csv_files
from app.actions.frame import Change, changing
from app.channels import registry as channels
from app.channels.registry import channel as channel_named
from app.clock import now
from app.db import release
from app.db import session as read_session
from app.errors import Invalid
from app.models.component import Component, ComponentGroup
from app.models.post import Post
from app.models.subscriber import Subscriber, SubscriberComponent, SubscriberPost, Suppression
from app.settings import Settings
from app.shapes import Actor
from app.states import subscribers
from app.states.subscribers import ASKED_NEVER, Columns, address_hash
from app.text import public_id
from app.transfer.subscribers.reading import Wish, wishes
from app.vocabulary import Role, SubscriberState

TAKEN, UPDATED, UNCHANGED, REFUSED = "taken", "updated", "unchanged", "refused"
SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that wasn't taken."""

    line: int
    reason: str


@dataclass(slots=True)
class SubscriberImportReport:
    """Filled while lines are read.  `new_secrets` counts webhooks that came without the secret that signs for them."""

    dry_run: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    refused: list[Refused] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)
    new_secrets: int = 0

    def refuse(self, line: int, reason: str) -> None:
        self.counts[REFUSED] += 1
        self.refused.append(Refused(line, reason))

    def to_json(self) -> dict[str, Any]:
        """For machines: counts, every refused line, and how many states stayed as they were here and why."""
        return {
            "dry_run": self.dry_run,
            "counts": dict(self.counts),
            "kept": dict(self.kept),
            "new_secrets": self.new_secrets,
            "refused": [{"line": one.line, "reason": one.reason} for one in self.refused],
        }


STRICTNESS = (
    SubscriberState.UNCONFIRMED,
    SubscriberState.ACTIVE,
    SubscriberState.QUARANTINED,
    SubscriberState.UNSUBSCRIBED,
)
"""Of what is here and what the sheet says, the later one counts: no one is subscribed again by a sheet."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a subscriber is now.  `pending` are posts that someone asked to follow for them, which they haven't
    confirmed: no sheet confirms them.
    """

    id: int
    state: SubscriberState
    label: str
    locale: str
    time_zone: str
    everything: bool
    confirmed_at: datetime | None
    unsubscribed_at: datetime | None
    chosen: frozenset[int] = frozenset()
    followed: frozenset[int] = frozenset()
    pending: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SubscriberEntry:
    """A wish with its normalised address; `chosen` are components' row ids, `followed` posts'.

    `before` is None for someone new.  To an address that `is_suppressed` nothing is sent, whatever the sheet says.
    """

    wish: Wish
    address: str
    address_hash: str
    chosen: frozenset[int]
    followed: frozenset[int]
    before: Known | None = None
    is_suppressed: bool = False

    @property
    def state(self) -> SubscriberState:
        """What they will be."""
        given = self.wish.state
        if self.is_suppressed and given is SubscriberState.ACTIVE:
            given = SubscriberState.QUARANTINED
        return given if self.before is None else max(given, self.before.state, key=STRICTNESS.index)

    @property
    def stays(self) -> str:
        """The state that is kept though the sheet says another; empty when it is as the sheet says."""
        return str(self.state) if self.state is not self.wish.state else ""

    @property
    def needs_secret(self) -> bool:
        """Whether this is a new webhook that came without its secret."""
        return self.before is None and not self.wish.secret and channels.channel(self.wish.channel).signs_messages

    @property
    def hears(self) -> tuple[bool, frozenset[int], frozenset[int]]:
        """Whether they get all updates, else those about which components and posts, after the import.

        A column that isn't there leaves what it would say as it is.
        """
        before, has = self.before, self.wish.has
        is_all = not self.chosen and not self.followed
        if before is not None and "components" not in has:
            is_all = before.everything
        if is_all:
            return True, frozenset(), frozenset()
        chosen = before.chosen if before and "components" not in has else self.chosen
        return False, chosen, before.followed if before and "posts" not in has else self.followed

    @property
    def chooses(self) -> bool:
        """Whether the sheet says what they want to hear, other than they do now."""
        before = self.before
        return (
            not self.hears[0] if before is None else self.hears != (before.everything, before.chosen, before.followed)
        )

    @property
    def is_changed(self) -> bool:
        """Whether someone known becomes another."""
        return self.before is not None and (self.chooses or self.changes() != _now(self.before))

    def changes(self) -> Columns:
        """The columns of someone known that the sheet may change."""
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


def known(session: Session, page_id: int, entries: Sequence[SubscriberEntry]) -> list[SubscriberEntry]:
    """The entries, each with who is known by its address.  Four queries, and one for each channel among them."""
    by_hash: dict[str, Known] = {}
    for channel in sorted({entry.wish.channel for entry in entries}):
        for row in session.execute(
            select(
                Subscriber.id,
                Subscriber.address_hash,
                Subscriber.state,
                Subscriber.label,
                Subscriber.locale,
                Subscriber.time_zone,
                Subscriber.everything,
                Subscriber.confirmed_at,
                Subscriber.unsubscribed_at,
            ).where(
                Subscriber.page_id == page_id,
                Subscriber.channel == channel,
                Subscriber.address_hash.in_([one.address_hash for one in entries if one.wish.channel == channel]),
            )
        ):
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
    chosen = _pairs(session, SubscriberComponent.subscriber_id, SubscriberComponent.component_id, picky)
    followed = _pairs(session, SubscriberPost.subscriber_id, SubscriberPost.post_id, picky)
    asked = _pairs(
        session, SubscriberPost.subscriber_id, SubscriberPost.post_id, picky, SubscriberPost.confirmed.is_(False)
    )
    for hashed, one in by_hash.items():
        pending = set() if one.state is SubscriberState.UNCONFIRMED else asked[one.id]
        by_hash[hashed] = replace(
            one,
            chosen=frozenset(chosen[one.id]),
            followed=frozenset(followed[one.id] - pending),
            pending=frozenset(pending),
        )
    suppressed = set(
        session.scalars(
            select(Suppression.address_hash).where(
                Suppression.address_hash.in_([entry.address_hash for entry in entries])
            )
        )
    )
    return [
        replace(
            entry,
            before=by_hash.get(entry.address_hash),
            is_suppressed=entry.address_hash in suppressed,
        )
        for entry in entries
    ]


def _pairs(
    session: Session,
    owner: InstrumentedAttribute[int],
    held: InstrumentedAttribute[int],
    owners: Sequence[int],
    *which: ColumnElement[bool],
) -> dict[int, set[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    for owner_id, held_id in session.execute(select(owner, held).where(owner.in_(owners), *which)):
        found[owner_id].add(held_id)
    return found


def write(session: Session, page_id: int, entries: Sequence[SubscriberEntry]) -> None:
    """Write who is new, and what is different of the others."""
    fresh = [entry for entry in entries if entry.before is None]
    ids = _insert(session, page_id, fresh) if fresh else {}
    changed = [entry for entry in entries if entry.is_changed and entry.before]
    subscribers.update_many(session, [_changed(entry) for entry in changed])
    choosing = {entry.before.id: entry for entry in changed if entry.chooses and entry.before}
    for table in (SubscriberComponent, SubscriberPost) if choosing else ():
        session.execute(delete(table).where(table.subscriber_id.in_(list(choosing))))
    pairs = [(ids[entry.address_hash], entry) for entry in fresh if entry.chooses] + list(choosing.items())
    _choose(session, pairs)


def _choose(session: Session, pairs: Sequence[tuple[int, SubscriberEntry]]) -> None:
    """Write what these subscribers, by their row ids, chose and follow."""
    chosen = [
        {"subscriber_id": row_id, "component_id": component_id}
        for row_id, entry in pairs
        for component_id in sorted(entry.hears[1])
    ]
    followed = [
        {"subscriber_id": row_id, "post_id": post_id, "confirmed": entry.state is not SubscriberState.UNCONFIRMED}
        for row_id, entry in pairs
        for post_id in sorted(entry.hears[2])
    ]
    followed += [
        {"subscriber_id": row_id, "post_id": post_id, "confirmed": False}
        for row_id, entry in pairs
        if entry.before is not None and not entry.hears[0]
        for post_id in sorted(entry.before.pending - entry.hears[2])
    ]
    if chosen:
        session.execute(insert(SubscriberComponent), chosen)
    if followed:
        session.execute(insert(SubscriberPost), followed)


def _insert(session: Session, page_id: int, fresh: Sequence[SubscriberEntry]) -> dict[str, int]:
    """Write new subscribers; the ids of those who chose components, by their hash."""
    wanted = [entry.wish.public_id for entry in fresh if entry.wish.public_id]
    taken = set(session.scalars(select(Subscriber.public_id).where(Subscriber.public_id.in_(wanted))))
    rows = [_row(page_id, entry, taken) for entry in fresh]
    subscribers.insert_many(session, rows)
    names = [row["public_id"] for row, entry in zip(rows, fresh, strict=True) if entry.chooses]
    found = session.execute(select(Subscriber.address_hash, Subscriber.id).where(Subscriber.public_id.in_(names)))
    return {row[0]: row[1] for row in found}


def _row(page_id: int, entry: SubscriberEntry, taken: set[str]) -> Columns:
    wish, at = entry.wish, now()
    created = wish.created_at or at
    name = wish.public_id if wish.public_id and wish.public_id not in taken else public_id()
    taken.add(name)
    secret = wish.secret or (channels.channel(wish.channel).new_secret() if entry.needs_secret else "")
    return {
        "page_id": page_id,
        "public_id": name,
        "channel": wish.channel,
        "address": entry.address,
        "address_hash": entry.address_hash,
        "domain": channels.destination(wish.channel, entry.address),
        "label": wish.label,
        "secret": secret,
        "owner_email": wish.owner_email,
        "everything": entry.hears[0],
        "locale": wish.locale,
        "time_zone": wish.time_zone,
        "created_at": created,
        **subscribers.columns(
            entry.state,
            created_at=created,
            confirmed_at=wish.confirmed_at,
            unsubscribed_at=wish.unsubscribed_at,
        ),
    }


def _changed(entry: SubscriberEntry) -> Columns:
    before, state = entry.before, entry.state
    assert before is not None
    return {
        **entry.changes(),
        "id": before.id,
        "everything": entry.hears[0],
        **subscribers.columns(
            state,
            created_at=now(),
            confirmed_at=before.confirmed_at or entry.wish.confirmed_at,
            unsubscribed_at=before.unsubscribed_at or entry.wish.unsubscribed_at,
        ),
    }


LINES_AT_ONCE = 2000


def import_subscribers(
    settings: Settings, actor: Actor, page_id: int, file: BinaryIO, *, dry_run: bool = False
) -> SubscriberImportReport:
    """Take the subscribers of a sheet, with their states; the same sheet again changes nothing.

    People who unsubscribed or were quarantined here stay so, whatever the file says.  With `dry_run` the report says
    what would happen.  When it ends half-way, what was taken stays: run it again.

    Raises:
        Invalid: the file is no sheet of subscribers; then nothing is taken at all.
        NotAllowed: the actor is no admin of the page.
        NotFound: the page doesn't exist.
        Unavailable: the database can't be written.
    """
    with changing(settings, actor, page_id, needs=Role.ADMIN, lock=False):
        pass  # refused before a line is read, and in a dry run too
    csv_files.check_encoding(file)
    for _ in csv_files.read(file):
        pass
    file.seek(0)
    report = SubscriberImportReport(dry_run)
    for entries in _batches(_Reader(settings, page_id, report).entries(file)):
        if dry_run:
            _count(report, known(read_session(), page_id, entries))
            release()
            continue
        with changing(settings, actor, page_id, needs=Role.ADMIN, lock=False) as change:
            done = known(change.session, page_id, entries)
            write(change.session, page_id, done)
            _count(report, done)
            _record(change, done)
    return report


class _Reader:
    """Turns lines into entries: addresses normalised and hashed, components found, invalid ones refused."""

    def __init__(self, settings: Settings, page_id: int, report: SubscriberImportReport) -> None:
        self._settings = settings
        self._report = report
        self._components = _components(read_session(), page_id)
        posts = select(Post.public_id, Post.id).where(Post.page_id == page_id)
        self._posts: dict[str, int] = {row.public_id: row.id for row in read_session().execute(posts)}
        self._never = set(
            read_session().scalars(select(Suppression.address_hash).where(Suppression.why == ASKED_NEVER))
        )
        self._seen: dict[str, int] = {}
        release()

    def entries(self, file: BinaryIO) -> Iterator[SubscriberEntry]:
        """The lines that can be taken."""
        for wish in wishes(csv_files.read(file)):
            if not isinstance(wish, Wish):
                self._report.refuse(*wish)
                continue
            try:
                yield self._entry(wish)
            except Invalid as error:
                self._report.refuse(wish.line, error.sentence)

    def _entry(self, wish: Wish) -> SubscriberEntry:
        address = channel_named(wish.channel).normalise(wish.address, self._settings)
        hashed = address_hash(self._settings, wish.channel, address)
        if hashed in self._seen:
            raise Invalid(f"This address is already in line {self._seen[hashed]}.")
        if hashed in self._never:
            raise Invalid("This address asked never to be contacted.")
        chosen = frozenset(self._component(name) for name in wish.components)
        self._seen[hashed] = wish.line
        return SubscriberEntry(wish, address, hashed, chosen, frozenset(self._post(name) for name in wish.posts))

    def _post(self, name: str) -> int:
        found = self._posts.get(name)
        if found is None:
            raise Invalid(f"This page has no incident “{name[:80]}”.")
        return found

    def _component(self, name: str) -> int:
        found = self._components.get(name.lower())
        if found is None:
            raise Invalid(f"This page has no component “{name[:80]}”.")
        return found


def _components(session: Session, page_id: int) -> dict[str, int]:
    """The page's components by id and by name, with and without their group; hidden and archived ones too."""
    found: dict[str, int] = {}
    rows = session.execute(
        select(Component.id, Component.public_id, Component.name, ComponentGroup.name)
        .outerjoin(ComponentGroup, ComponentGroup.id == Component.group_id)
        .where(Component.page_id == page_id)
        .order_by(Component.archived_at.is_not(None), Component.id)
    )
    for row_id, own_id, name, group in rows:
        found[own_id] = row_id
        for words in (name, f"{group} - {name}"):
            found.setdefault(words.lower(), row_id)
    return found


def _batches(entries: Iterable[SubscriberEntry]) -> Iterator[list[SubscriberEntry]]:
    batch: list[SubscriberEntry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == LINES_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _count(report: SubscriberImportReport, entries: Iterable[SubscriberEntry]) -> None:
    for entry in entries:
        before = entry.before
        report.counts[TAKEN if before is None else UPDATED if entry.is_changed else UNCHANGED] += 1
        if entry.stays:
            report.kept[entry.stays] += 1
        report.new_secrets += int(entry.needs_secret)


def _record(change: Change, entries: list[SubscriberEntry]) -> None:
    taken = sum(entry.before is None for entry in entries)
    changed = sum(entry.is_changed for entry in entries)
    if taken or changed:
        lines = f"lines {entries[0].wish.line} to {entries[-1].wish.line}"
        change.audit("import", "subscribers", "", f"{lines}: {taken} taken, {changed} updated")
