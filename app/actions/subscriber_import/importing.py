"""Writes the subscribers of a sheet, some thousand lines in one transaction.  Nothing is sent to anyone."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import sheets
from app.actions import audit
from app.actions.subscriber_import.outcome import TAKEN, UNCHANGED, UPDATED, ImportReport
from app.actions.subscriber_import.reading import Wish, wishes
from app.actions.subscriber_import.writing import Entry, known, write
from app.actions.subscriber_rows import address_hash
from app.channels.registry import channel as channel_named
from app.db import release, transaction
from app.db import session as read_session
from app.errors import Invalid
from app.models.component import Component, ComponentGroup
from app.models.post import Post
from app.models.subscriber import Suppression
from app.settings import Settings
from app.shapes import Actor
from app.states.subscribers import ASKED_NEVER

LINES_AT_ONCE = 2000


def import_subscribers(
    settings: Settings, actor: Actor, page_id: int, file: BinaryIO, *, dry_run: bool = False
) -> ImportReport:
    """Take the subscribers of a sheet, with their states; the same sheet again changes nothing.

    Whoever unsubscribed or was quarantined here stays so, whatever the sheet says.  With `dry_run` the report says what
    would happen.  When it ends half-way, what was taken stays: run it again.

    Raises:
        Invalid: the file is no sheet of subscribers; then nothing is taken at all.
        Unavailable: the database can not be written.
    """
    sheets.check_encoding(file)
    for _ in sheets.read(file):
        pass
    file.seek(0)
    report = ImportReport(dry_run)
    for entries in _batches(_Reader(settings, page_id, report).entries(file)):
        if dry_run:
            _count(report, known(read_session(), page_id, entries))
            release()
            continue
        with transaction() as session:
            done = known(session, page_id, entries)
            write(session, page_id, done)
            _count(report, done)
            _record(session, actor, done)
    return report


class _Reader:
    """Turns lines into entries: addresses normalised and hashed, components found, what can not be taken refused."""

    def __init__(self, settings: Settings, page_id: int, report: ImportReport) -> None:
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

    def entries(self, file: BinaryIO) -> Iterator[Entry]:
        """The lines that can be taken."""
        for wish in wishes(sheets.read(file)):
            if not isinstance(wish, Wish):
                self._report.refuse(*wish)
                continue
            try:
                yield self._entry(wish)
            except Invalid as error:
                self._report.refuse(wish.line, error.sentence)

    def _entry(self, wish: Wish) -> Entry:
        address = channel_named(wish.channel).normalise(wish.address, self._settings)
        hashed = address_hash(self._settings, wish.channel, address)
        if hashed in self._seen:
            raise Invalid(f"The same address as in line {self._seen[hashed]}.")
        if hashed in self._never:
            raise Invalid("Whoever has this address asked never to be written to.")
        chosen = frozenset(self._component(name) for name in wish.components)
        self._seen[hashed] = wish.line
        return Entry(wish, address, hashed, chosen, frozenset(self._post(name) for name in wish.posts))

    def _post(self, name: str) -> int:
        found = self._posts.get(name)
        if found is None:
            raise Invalid(f"There is no incident “{name[:80]}” on this page.")
        return found

    def _component(self, name: str) -> int:
        found = self._components.get(name.lower())
        if found is None:
            raise Invalid(f"There is no component “{name[:80]}” on this page.")
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
    for row_id, public_id, name, group in rows:
        found[public_id] = row_id
        for words in (name, f"{group} - {name}"):
            found.setdefault(words.lower(), row_id)
    return found


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == LINES_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _count(report: ImportReport, entries: Iterable[Entry]) -> None:
    for entry in entries:
        before = entry.before
        report.counts[TAKEN if before is None else UPDATED if entry.is_changed else UNCHANGED] += 1
        if entry.stays:
            report.kept[entry.stays] += 1
        report.new_secrets += int(entry.needs_secret)


def _record(session: Session, actor: Actor, entries: list[Entry]) -> None:
    taken = sum(entry.before is None for entry in entries)
    changed = sum(entry.is_changed for entry in entries)
    if taken or changed:
        lines = f"lines {entries[0].wish.line} to {entries[-1].wish.line}"
        audit.record(session, actor, "import", "subscribers", "", f"{lines}: {taken} taken, {changed} updated")
