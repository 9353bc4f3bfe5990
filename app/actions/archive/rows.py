"""From an archive's lines to rows: checked, compared with what is here, and written in bulk."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NoReturn

from sqlalchemy import func, insert, select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from app.actions.archive.reading import Archive, Line
from app.actions.archive.report import KEPT, TAKEN, ArchiveReport
from app.actions.archive.tables import POSTS, SUBSCRIBERS, UPDATES, Model, Table, belongs
from app.actions.imports.fields import RowError
from app.actions.subscriber_rows import address_hash
from app.channels import registry as channels
from app.channels.registry import channel as channel_named
from app.errors import Invalid
from app.models.component import Component
from app.models.post import Post
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.states import subscribers
from app.text import markdown_to_html
from app.vocabulary import POST_STATUSES, PostKind, SubscriberState

ROWS_AT_ONCE = 1000
MOST_CHOSEN = 100_000
TWICE = "its id stands twice in the archive"
ELSEWHERE = "its id belongs to something else here"

Values = dict[str, Any]


@dataclass(slots=True)
class Taking:
    """An import under way.  `kept` are the public ids of what was here before, whose parts are not taken either."""

    settings: Settings
    session: Session
    page_id: int
    revision: int
    archive: Archive
    report: ArchiveReport
    kept: dict[Model, set[str]] = field(default_factory=dict)
    kept_hashes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Candidate:
    """A line on its way: `values` are its columns, `named` the public ids it refers to."""

    number: int
    values: Values
    named: dict[str, str | None]
    chosen: tuple[str, ...] = ()


def take(taking: Taking, table: Table) -> None:
    """Take one file of the archive.  Raises Invalid: a line can not be taken; the sentence says which."""
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
            taking.archive.refuse(f"in {where} something stands twice, or is here already under another id.")


def batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Some thousand lines at a time."""
    left = iter(lines)
    while batch := list(islice(left, ROWS_AT_ONCE)):
        yield batch


def refuse(taking: Taking, table: Table, number: int, why: str) -> NoReturn:
    """Raises Invalid with a sentence that names the line."""
    taking.archive.refuse(f"{table.file}, line {number}: {why}.")


def check_keys(table: Table, row: Values) -> None:
    """Raises RowError: a key is none of this version's."""
    strange = set(row) - set(table.keys)
    if strange:
        raise RowError(f"it has a {sorted(strange)[0][:40]!r}, which this Candor does not know")


def _candidate(taking: Taking, table: Table, line: Line) -> Candidate:
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
    raise RowError(f"it does not say its {key}")


def _chosen(row: Values) -> tuple[str, ...]:
    raw = row.get("components", [])
    if not isinstance(raw, list) or len(raw) > MOST_CHOSEN or not all(isinstance(one, str) for one in raw):
        raise RowError("its components are no list of ids")
    if len(set(raw)) != len(raw):
        raise RowError("one of its components stands twice")
    return tuple(raw)


def _check_status(status: str, kind: str) -> None:
    if status not in POST_STATUSES[PostKind(kind)]:
        raise RowError(f"its status is none of a post of kind {kind}")


def _addressed(settings: Settings, values: Values) -> Values:
    """What is found out from an address.  Raises Invalid, RowError: it is not one that Candor would write to."""
    channel, address = values["channel"], values["address"]
    if channel_named(channel).normalise(address, settings) != address:
        raise RowError("its address is not written as Candor writes it")
    return {"address_hash": address_hash(settings, channel, address), "domain": channels.destination(channel, address)}


def _fresh(taking: Taking, table: Table, rows: Sequence[Candidate], newest: int) -> list[Candidate]:
    """Those that are not here yet, nor belong to something that was."""
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


def ids_of(taking: Taking, target: Model, names: Iterable[str | None]) -> dict[str | None, int]:
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
