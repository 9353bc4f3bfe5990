"""`candor import archive`: the whole of a page from a file, in one transaction.  Nothing is sent to anyone."""

import binascii
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from app.actions.deliveries.restoring import pause_everything
from app.actions.frame import Change, changing
from app.actions.pages.pages import kind_of_logo, read_page_fields
from app.actions.posts.auto_start import will_move
from app.channels import registry as channels
from app.channels.registry import channel as channel_named
from app.errors import Conflict, Invalid
from app.models.announcement import Announcement
from app.models.component import Component, ComponentGroup
from app.models.page import Page, PageLogo
from app.models.post import Post
from app.models.subscriber import Subscriber, Suppression
from app.settings import Settings
from app.shapes import Actor
from app.states import subscribers
from app.states.subscribers import address_hash
from app.text import markdown_to_html
from app.transfer.archive.format import (
    FORMER_NAMES,
    PAGE,
    POSTS,
    PUBLIC_ID,
    SUBSCRIBERS,
    SUPPRESSIONS,
    TABLES,
    UPDATES,
    Field,
    MappedClass,
    Table,
    belongs,
)
from app.transfer.archive.reading import Archive, ArchiveLine, opened
from app.transfer.archive.writing import PAGE_FIELDS, key_check
from app.transfer.fields import RowError
from app.vocabulary import POST_STATUSES, PostKind, Role, SubscriberState, Visibility

TAKEN, KEPT, LEFT_OUT = "taken", "kept", "left out"


@dataclass(slots=True)
class ArchiveReport:
    """How many rows of each kind were taken, were here already and kept as they are, or had to be left out."""

    dry_run: bool = False
    page: str = ""
    is_paused: bool = False
    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, file: str, outcome: str, number: int = 1) -> None:
        """Count rows of a file."""
        if number:
            self.counts.setdefault(file.partition(".")[0], Counter())[outcome] += number

    def total(self, outcome: str) -> int:
        """How many rows of all kinds had this outcome."""
        return sum(count[outcome] for count in self.counts.values())

    def to_json(self) -> dict[str, Any]:
        """The report for machines."""
        counts = {kind: dict(count) for kind, count in self.counts.items()}
        return {"dry_run": self.dry_run, "page": self.page, "paused": self.is_paused, "counts": counts}


ROWS_AT_ONCE = 1000
MOST_CHOSEN = 100_000
TWICE = "its id appears twice in the archive"
ELSEWHERE = "its id belongs to something else here"

Values = dict[str, Any]


@dataclass(slots=True)
class Taking:
    """An import under way.  `kept` are the public ids of what was here before, whose parts aren't taken either."""

    settings: Settings
    session: Session
    page_id: int
    revision: int
    archive: Archive
    report: ArchiveReport
    kept: dict[MappedClass, set[str]] = field(default_factory=dict)
    kept_hashes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Candidate:
    """A line on its way: `values` are its columns, `named` the public ids it refers to."""

    number: int
    values: Values
    named: dict[str, str | None]
    chosen: tuple[str, ...] = ()


def take(taking: Taking, table: Table) -> None:
    """Take one file of the archive.  Raises Invalid: a line is invalid; the sentence says which."""
    model = table.model
    newest = taking.session.scalar(select(func.max(model.id))) or 0
    for lines in batches(taking.archive.lines(table.file)):
        rows = [_candidate(taking, table, line) for line in lines]
        fresh = _fresh(taking, table, rows, newest)
        _refer(taking, table, fresh)
        taking.report.count(table.file, TAKEN, len(fresh))
        taking.report.count(table.file, KEPT, len(rows) - len(fresh))
        try:
            _insert(taking, table, fresh)
        except (IntegrityError, DataError):
            where = f"{table.file}, lines {lines[0][0]} to {lines[-1][0]}"
            taking.archive.refuse(f"in {where} something appears twice, or already exists here under another id.")


def batches(lines: Iterable[ArchiveLine]) -> Iterator[list[ArchiveLine]]:
    """Some thousand lines at a time."""
    left = iter(lines)
    while batch := list(islice(left, ROWS_AT_ONCE)):
        yield batch


def refuse(taking: Taking, table: Table, number: int, why: str) -> NoReturn:
    """Raises Invalid with a sentence that names the line."""
    taking.archive.refuse(f"{table.file}, line {number}: {why}.")


def check_keys(table: Table, row: Values) -> None:
    """Raises RowError: a key is none of this version's."""
    strange = set(row) - set(table.keys) - set(FORMER_NAMES.values())
    if strange:
        raise RowError(f"it has a {sorted(strange)[0][:40]!r}, which this version of Candor doesn't know")


def _candidate(taking: Taking, table: Table, line: ArchiveLine) -> Candidate:
    number, row = line
    try:
        check_keys(table, row)
        values = {one.name: one.read(row) for one in table.fields}
        if table.has_html:
            values["body_html"] = markdown_to_html(values["body"])
        if hasattr(table.model, "page_id"):
            values["page_id"] = taking.page_id
        if table is SUBSCRIBERS:
            values |= _addressed(taking.settings, values)
            values |= subscribers.columns(
                SubscriberState(values["state"]),
                created_at=values["created_at"],
                confirmed_at=values["confirmed_at"],
                unsubscribed_at=values["unsubscribed_at"],
            )
        elif table is POSTS:
            _check_status(values["status"], values["kind"])
            values["changed_revision"] = taking.revision
        named = {one.key: _name(row.get(one.key), one.key, one.nullable) for one in table.references}
        return Candidate(number, values, named, _chosen(row) if table.choice else ())
    except RowError as error:
        taking.archive.refuse(f"{table.file}, line {number}: {error}.")
    except Invalid as error:
        taking.archive.refuse(f"{table.file}, line {number}: {error.sentence}")


def _name(raw: Any, key: str, nullable: bool) -> str | None:
    if (raw is None and nullable) or isinstance(raw, str):
        return raw
    raise RowError(f"it has no {key}")


def _chosen(row: Values) -> tuple[str, ...]:
    raw = row.get("components", [])
    if not isinstance(raw, list) or len(raw) > MOST_CHOSEN or not all(isinstance(one, str) for one in raw):
        raise RowError("its components aren't a list of ids")
    if len(set(raw)) != len(raw):
        raise RowError("one of its components is listed twice")
    return tuple(raw)


def _check_status(status: str, kind: str) -> None:
    if status not in POST_STATUSES[PostKind(kind)]:
        raise RowError(f"its status isn't valid for a post of kind {kind}")


def _addressed(settings: Settings, values: Values) -> Values:
    """What is found out from an address.  Raises Invalid, RowError: it isn't one that Candor would write to."""
    channel, address = values["channel"], values["address"]
    if channel_named(channel).normalise(address, settings) != address:
        raise RowError("its address isn't in Candor's format")
    return {"address_hash": address_hash(settings, channel, address), "domain": channels.destination(channel, address)}


def _fresh(taking: Taking, table: Table, rows: Sequence[Candidate], newest: int) -> list[Candidate]:
    """Those that aren't here yet, nor belong to something that was."""
    if not table.has_public_id:
        parent = table.references[0]
        kept = taking.kept.get(parent.target, set())
        return [row for row in rows if row.named[parent.key] not in kept]
    ids = [row.values["public_id"] for row in rows]
    if len(set(ids)) != len(ids):
        refuse(taking, table, next(row.number for n, row in enumerate(rows) if ids[n] in ids[:n]), TWICE)
    known = _known(taking, table, ids)
    kept = taking.kept.setdefault(table.model, set())
    above = taking.kept.get(Post, set()) if table is UPDATES else set()
    doubles = _same_addresses(taking, rows, newest) if table is SUBSCRIBERS else {}
    fresh = []
    for row in rows:
        name = row.values["public_id"]
        found = known.get(name)
        if found is not None and (found[0] > newest or not found[1]):
            refuse(taking, table, row.number, TWICE if found[0] > newest else ELSEWHERE)
        if found is not None or row.named.get("post") in above or name in doubles:
            kept.add(name)
            taking.kept_hashes.update({name: doubles[name]} if name in doubles and found is None else {})
        else:
            fresh.append(row)
    return fresh


def _known(taking: Taking, table: Table, ids: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """The row id of each that is here, and whether it is this page's."""
    model = table.model
    found = taking.session.execute(
        select(model.public_id, model.id, belongs(model, taking.page_id)).where(model.public_id.in_(ids))
    )
    return {row[0]: (row[1], bool(row[2])) for row in found}


def _same_addresses(taking: Taking, rows: Sequence[Candidate], newest: int) -> dict[str, str]:
    """Who was here before with an address of these, though under another id: the hash, by the id in the archive."""
    by_hash = {(row.values["channel"], row.values["address_hash"]): row for row in rows}
    found: dict[str, str] = {}
    for channel, hashed, row_id in taking.session.execute(
        select(Subscriber.channel, Subscriber.address_hash, Subscriber.id).where(
            Subscriber.page_id == taking.page_id, Subscriber.address_hash.in_([hashed for _, hashed in by_hash])
        )
    ):
        row = by_hash.get((channel, hashed))
        if row is not None and row_id <= newest:
            found[row.values["public_id"]] = hashed
    return found


def _refer(taking: Taking, table: Table, rows: Sequence[Candidate]) -> None:
    """Put row ids in the place of public ids."""
    for reference in table.references:
        names = {row.named[reference.key] for row in rows} - {None}
        found = ids_of(taking, reference.target, names)
        for row in rows:
            name = row.named[reference.key]
            if name is not None and name not in found:
                refuse(taking, table, row.number, f"its {reference.key} is not in the archive")
            row.values[reference.column.key] = found[name] if name is not None else None
    if table is UPDATES:
        _check_stages(taking, rows)


def _check_stages(taking: Taking, rows: Sequence[Candidate]) -> None:
    posts = {row.values["post_id"] for row in rows}
    kinds = {
        found.id: found.kind for found in taking.session.execute(select(Post.id, Post.kind).where(Post.id.in_(posts)))
    }
    for row in rows:
        try:
            _check_status(row.values["status"], kinds[row.values["post_id"]])
        except RowError as error:
            refuse(taking, UPDATES, row.number, str(error))


def ids_of(taking: Taking, target: MappedClass, names: Iterable[str | None]) -> dict[str | None, int]:
    """The row ids of this page's rows with these public ids."""
    wanted, found = sorted(str(name) for name in names), {}
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        some = wanted[start : start + ROWS_AT_ONCE]
        rows = taking.session.execute(
            select(target.public_id, target.id).where(target.public_id.in_(some), belongs(target, taking.page_id))
        )
        found.update({row[0]: row[1] for row in rows})
    return found


def _insert(taking: Taking, table: Table, rows: Sequence[Candidate]) -> None:
    if not rows:
        return
    connection = taking.session.connection()  # rows as they are: the session would group them by what is None
    connection.execute(insert(table.model), [row.values for row in rows])
    if table.choice is None:
        return
    owners = ids_of(taking, table.model, {row.values["public_id"] for row in rows if row.chosen})
    components = ids_of(taking, Component, {name for row in rows for name in row.chosen})
    pairs = []
    for row in rows:
        for name in row.chosen:
            if name not in components:
                refuse(taking, table, row.number, "one of its components is not in the archive")
            pairs.append(
                {
                    table.choice.owner.key: owners[row.values["public_id"]],
                    table.choice.component.key: components[name],
                }
            )
    if pairs:
        connection.execute(insert(table.choice.owner.class_), pairs)


_HASH = re.compile(r"[0-9a-f]{64}")


def take_suppressions(taking: Taking, *, left_out: bool) -> None:
    """Take those whose address is known, or whose hash holds here.

    Raises:
        Invalid: some can't be recognised here, and no one said that they may be left out.
    """
    newest = taking.session.scalar(select(func.max(Suppression.id))) or 0
    is_same_key = taking.archive.manifest.key_check == key_check(taking.settings)
    unknown = 0
    for lines in batches(taking.archive.lines(SUPPRESSIONS.file)):
        rows = [(number, *_read(taking, number, row)) for number, row in lines]
        hashes = _hashes(taking, [name for _, name, _ in rows if name is not None])
        wanted: list[tuple[int, Values]] = []
        for number, name, values in rows:
            if name is not None:
                if name not in hashes:
                    refuse(taking, SUPPRESSIONS, number, "its subscriber is not in the archive")
                wanted.append((number, {**values, "address_hash": hashes[name]}))
            elif is_same_key:
                wanted.append((number, values))
            else:
                unknown += 1
        _write(taking, wanted, newest)
    if unknown and not left_out:
        taking.archive.refuse(
            f"{unknown:,} address{'es' * (unknown > 1)} that must never be written to can be told only by a keyed "
            "hash, and this installation has another SECRET_KEY. Set SECRET_KEY to that of the installation which made "
            "the archive, or pass --without-suppressions to leave them out."
        )
    taking.report.count(SUPPRESSIONS.file, LEFT_OUT, unknown)


def _read(taking: Taking, number: int, row: Values) -> tuple[str | None, Values]:
    """Whose address it is, if that is said, and the columns."""
    try:
        check_keys(SUPPRESSIONS, row)
        values: Values = {one.name: one.read(row) for one in SUPPRESSIONS.fields}
        name, hashed = row.get("subscriber"), row.get("address_hash")
        if isinstance(name, str) and hashed is None:
            return name, values
        if name is None and isinstance(hashed, str) and _HASH.fullmatch(hashed):
            return None, {**values, "address_hash": hashed}
        raise RowError("it has neither a subscriber nor an address_hash")
    except RowError as error:
        taking.archive.refuse(f"{SUPPRESSIONS.file}, line {number}: {error}.")


def _hashes(taking: Taking, names: list[str]) -> dict[str, str]:
    found = taking.session.execute(
        select(Subscriber.public_id, Subscriber.address_hash).where(
            Subscriber.page_id == taking.page_id, Subscriber.public_id.in_(names)
        )
    )
    return {row[0]: row[1] for row in found} | taking.kept_hashes


def _write(taking: Taking, wanted: list[tuple[int, Values]], newest: int) -> None:
    pairs: dict[tuple[Any, Any], int] = {}
    for number, values in wanted:
        if pairs.setdefault((values["channel"], values["address_hash"]), number) != number:
            refuse(taking, SUPPRESSIONS, number, "the same address appears twice")
    known = {}
    if pairs:
        here = tuple_(Suppression.channel, Suppression.address_hash).in_(list(pairs))
        for row in taking.session.execute(
            select(Suppression.id, Suppression.channel, Suppression.address_hash).where(here)
        ):
            if row.id > newest:
                refuse(taking, SUPPRESSIONS, pairs[row.channel, row.address_hash], "the same address appears twice")
            known[row.channel, row.address_hash] = row.id
    fresh = [values for _, values in wanted if (values["channel"], values["address_hash"]) not in known]
    taking.report.count(SUPPRESSIONS.file, KEPT, len(wanted) - len(fresh))
    taking.report.count(SUPPRESSIONS.file, TAKEN, len(fresh))
    subscribers.insert_suppressions(taking.session, fresh)


OWN: dict[str, MappedClass] = {
    "posts": Post,
    "components": Component,
    "groups": ComponentGroup,
    "announcements": Announcement,
    "subscribers": Subscriber,
}
PAUSED = (
    "An archive with maintenance that starts or ends automatically was imported. Nothing is sent until you resume it "
    "on the limits screen."
)
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{0,255}")
_THEME = re.compile(r"[a-z0-9_-]{1,64}")
_LOGO_FIELDS = tuple(
    Field(name, kind, nullable=False, limit=None, words=frozenset(), default=None)
    for name, kind in (("content_type", str), ("body", str))
)
_UPDATED_AT = next(one for one in PAGE_FIELDS if one.name == "updated_at")


class _DryRun(Exception):
    pass


def import_archive(
    settings: Settings,
    actor: Actor,
    page_id: int,
    path: Path,
    *,
    dry_run: bool = False,
    without_suppressions: bool = False,
) -> ArchiveReport:
    """Take everything that is in an archive, or nothing.

    A page without content of its own becomes the archive's.  When it is that page already, what is here stays as it is
    and what is missing is put back.  With `dry_run` it is tried in a transaction that is rolled back.  With
    `without_suppressions`, addresses that this installation can't recognise are left out of those never to be written
    to.

    Raises:
        Invalid: the file can't be imported; the sentence says why.
        Conflict: the page has content of its own.
        NotAllowed: the actor is no admin of the page.
        NotFound: the page doesn't exist.
        Unavailable: the database can't be written; nothing was changed.
    """
    report = ArchiveReport(dry_run)
    with opened(path) as archive:
        try:
            with changing(settings, actor, page_id, needs=Role.ADMIN) as change:
                _take(change, settings, archive, report, without_suppressions)
                if dry_run:
                    raise _DryRun
        except _DryRun:
            return report
    return report


def _take(
    change: Change,
    settings: Settings,
    archive: Archive,
    report: ArchiveReport,
    without_suppressions: bool,
) -> None:
    session, page, page_id = change.session, change.page, change.page.id
    row = archive.page()
    report.page = archive.manifest.page_name
    has_own = _has_own(session, page_id)
    if has_own and page.public_id != archive.manifest.page_id:
        raise Conflict(
            f"This page has {has_own} of its own, and the archive is another page's. Import it into an empty "
            "installation: a new CANDOR_HOME, or a new database, and candor init."
        )
    newest = session.scalar(select(func.max(Post.id))) or 0
    taking = Taking(settings, session, page_id, page.revision + 1, archive, report)
    if has_own:
        report.count(PAGE, KEPT)
    else:
        _take_page(taking, page, row)
    session.flush()
    for table in TABLES:
        if table is SUPPRESSIONS:
            take_suppressions(taking, left_out=without_suppressions)
        else:
            take(taking, table)
    subscribers.settle_suppressed(session)
    if session.scalar(select(Post.id).where(Post.page_id == page_id, Post.id > newest, will_move()).limit(1)):
        report.is_paused = True
        pause_everything(session, PAUSED)
    if report.total(TAKEN):
        said_at = page.updated_at
        change.touch(everything=True)
        page.updated_at = said_at
        change.audit("import", "archive", page.public_id, f"{report.total(TAKEN)} rows")


def _has_own(session: Session, page_id: int) -> str:
    """What the page holds, in words; empty when there is nothing."""
    counts = {
        name: session.scalar(select(func.count()).where(model.page_id == page_id)) or 0 for name, model in OWN.items()
    }
    return ", ".join(f"{count:,} {name if count > 1 else name[:-1]}" for name, count in counts.items() if count)


def _take_page(taking: Taking, page: Page, row: dict[str, Any]) -> None:
    """Make the page the archive's: its settings and its logo."""
    session, archive = taking.session, taking.archive
    try:
        strange = set(row) - {one.name for one in PAGE_FIELDS} - {"logo"}
        if strange:
            raise RowError(f"it has a {sorted(strange)[0][:40]!r}, which this version of Candor doesn't know")
        values = {one.name: one.read(row) for one in PAGE_FIELDS}
        values |= _checked(taking.settings, values)
        if not PUBLIC_ID.fullmatch(values["public_id"]) or values["public_id"] != archive.manifest.page_id:
            raise RowError("its public_id is not the manifest's")
        if session.scalar(select(Page.id).where(Page.public_id == values["public_id"], Page.id != page.id)):
            raise RowError("its id belongs to another page here")
        logo = _logo(row.get("logo"), page.id)
    except RowError as error:
        archive.refuse(f"{PAGE}: {error}.")
    except Invalid as error:
        archive.refuse(f"{PAGE}: {'; '.join(error.fields.values()) or error.sentence}")
    for name, value in values.items():
        setattr(page, name, value)
    before = session.get(PageLogo, page.id)
    if before is not None:
        session.delete(before)
        session.flush()
    if logo is not None:
        session.add(logo)
    taking.report.count(PAGE, TAKEN)


def _checked(settings: Settings, values: dict[str, Any]) -> dict[str, str]:
    if values["visibility"] != Visibility.PUBLIC:
        raise RowError("it isn't public, and this version of Candor supports only public pages")
    if not _HOST.fullmatch(values["feed_authority"]) or not _THEME.fullmatch(values["theme"]):
        raise RowError("its feed_authority or theme is not valid")
    return read_page_fields(
        settings,
        name=values["name"],
        url=values["url"],
        time_zone=values["time_zone"],
        locale=values["locale"],
        languages=[code for code in values["languages"].split(",") if code],
        accent=values["accent"],
        mail_from=values["mail_from"],
    )


def _logo(raw: Any, page_id: int) -> PageLogo | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise RowError("its logo is invalid")
    facts = {one.name: one.read(raw) for one in _LOGO_FIELDS}
    try:
        body = b64decode(facts["body"], validate=True)
    except (binascii.Error, ValueError):
        raise RowError("its logo is not in base64") from None
    if kind_of_logo(body) != facts["content_type"]:
        raise RowError("its logo doesn't match its media type")
    return PageLogo(page_id=page_id, content_type=facts["content_type"], body=body, updated_at=_UPDATED_AT.read(raw))
