"""Reading Statuspage v2 documents: each row checked and frozen, or refused with a sentence.

The shape is that of /api/v2 documents: https://developer.statuspage.io and captured samples.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from app.actions.imports.fields import (
    ID_LIMIT,
    Fields,
    RowError,
    read_date,
    read_id,
    read_instant,
    read_line,
    read_list,
    read_maybe,
    read_status,
    read_text,
    read_whole,
    read_word,
)
from app.actions.imports.report import SKIPPED, Row
from app.errors import Invalid
from app.text import clean, markdown_to_html, shorten
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus

LARGEST_FILE = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A component, or a group of them."""

    id: str
    name: str
    status: ComponentStatus
    description: str
    position: int
    is_group: bool
    group_id: str | None
    showcase: bool
    only_show_if_degraded: bool
    start_date: date | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class EffectRow:
    """What an update said it did to a component."""

    component_id: str
    name: str
    old_status: ComponentStatus
    new_status: ComponentStatus


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """One statement."""

    id: str
    status: PostStatus
    body: str
    body_html: str
    display_at: datetime
    created_at: datetime
    updated_at: datetime
    notify: bool
    effects: tuple[EffectRow, ...]


@dataclass(frozen=True, slots=True)
class PostRow:
    """An incident or a maintenance, its updates oldest first."""

    id: str
    kind: PostKind
    title: str
    status: PostStatus
    impact: Impact
    started_at: datetime
    created_at: datetime
    updated_at: datetime
    monitoring_at: datetime | None
    resolved_at: datetime | None
    scheduled_for: datetime | None
    scheduled_until: datetime | None
    component_ids: tuple[str, ...]
    updates: tuple[UpdateRow, ...]


@dataclass(frozen=True, slots=True)
class PageRow:
    """What the document says of its page."""

    id: str
    name: str
    url: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Document:
    """One file's rows, and those that could not be read.  `page` is None when what it says of it can not be read."""

    name: str
    page: PageRow | None
    components: tuple[ComponentRow, ...]
    posts: tuple[PostRow, ...]
    refused: tuple[Row, ...]


AnyRow = TypeVar("AnyRow", ComponentRow, PostRow)


def files(source: Path) -> list[Path]:
    """The documents to read: the file, or every .json file below the folder.

    Raises:
        Invalid: there is nothing to read.
    """
    found = sorted(source.rglob("*.json")) if source.is_dir() else [source]
    if not found or not found[0].is_file():
        raise Invalid(f"{source} is neither a file nor a folder with .json files. Check the path.")
    return found


def read_document(path: Path) -> Document:
    """Read one file.

    Raises:
        Invalid: it is not a v2 document at all; the sentence names the file.
    """
    raw = _load(path)
    keys = ("components", "incidents", "scheduled_maintenances")
    if not isinstance(raw, dict) or not any(isinstance(raw.get(key), list) for key in keys):
        raise Invalid(f"{path.name} is no Statuspage v2 document: it has no list of components or incidents.")
    refused: list[Row] = []
    components = _rows("component", raw.get("components"), _component, refused, set())
    seen: set[str] = set()
    posts = _rows("incident", raw.get("incidents"), _post, refused, seen)
    posts += _rows("maintenance", raw.get("scheduled_maintenances"), _post, refused, seen)
    return Document(path.name, _page(raw.get("page"), refused), tuple(components), tuple(posts), tuple(refused))


def _page(raw: Any, refused: list[Row]) -> PageRow | None:
    if not isinstance(raw, dict):
        return None
    try:
        zone = read_line(raw, "time_zone", 64) if raw.get("time_zone") else "Etc/UTC"
        return PageRow(read_id(raw), read_line(raw, "name", 100), read_line(raw, "url", 500), zone)
    except (RowError, Invalid) as error:
        refused.append(Row("page", clean(str(raw.get("id", "")))[:ID_LIMIT], "", SKIPPED, str(error)))
        return None


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid(f"{path.name} is larger than 50 MB. Split it.")
        return json.loads(path.read_text("utf-8"), parse_constant=lambda _: None)
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Invalid(f"{path.name} can not be read as JSON ({type(error).__name__}).") from None


def _rows(kind: str, raw: Any, read: Callable[[Fields], AnyRow], refused: list[Row], seen: set[str]) -> list[AnyRow]:
    found: list[AnyRow] = []
    for one in raw if isinstance(raw, list) else []:
        known = one if isinstance(one, dict) else {}
        name = clean(str(known.get("name", "")))[:80]
        try:
            row = read(known)
            ids = _ids(row)
            if row.id in seen:
                raise RowError("its id stands twice in the document")
            if ids & seen:
                raise RowError("an update of it has an id that stands twice in the document")
        except (RowError, Invalid, RecursionError) as error:
            refused.append(Row(kind, clean(str(known.get("id", "")))[:ID_LIMIT], name, SKIPPED, str(error)))
            continue
        seen |= ids
        found.append(row)
    return found


def _ids(row: ComponentRow | PostRow) -> set[str]:
    """The row's id and those of its updates, which are another namespace."""
    updates = row.updates if isinstance(row, PostRow) else ()
    return {row.id, *(f"update {update.id}" for update in updates)}


def _component(raw: Fields) -> ComponentRow:
    created = read_instant(raw, "created_at")
    return ComponentRow(
        id=read_id(raw),
        name=read_line(raw, "name", 200),
        status=read_word(raw, "status", ComponentStatus),
        description=read_text(raw, "description"),
        position=read_whole(raw, "position"),
        is_group=raw.get("group") is True,
        group_id=read_id(raw, "group_id") if raw.get("group_id") else None,
        showcase=raw.get("showcase") is True,
        only_show_if_degraded=raw.get("only_show_if_degraded") is True,
        start_date=read_date(raw, "start_date"),
        created_at=created,
        updated_at=read_instant(raw, "updated_at", created),
    )


def _post(raw: Fields) -> PostRow:
    kind = PostKind.MAINTENANCE if raw.get("scheduled_for") else PostKind.INCIDENT
    created = read_instant(raw, "created_at")
    updates = sorted(
        (_update(one, kind) for one in read_list(raw, "incident_updates")), key=lambda u: (u.display_at, u.id)
    )
    if len({update.id for update in updates}) != len(updates):
        raise RowError("an update's id stands twice in it")
    return PostRow(
        id=read_id(raw),
        kind=kind,
        title=read_line(raw, "name", 500),
        status=read_status(raw, kind),
        impact=read_word(raw, "impact", Impact),
        started_at=read_instant(raw, "started_at", created),
        created_at=created,
        updated_at=read_instant(raw, "updated_at", created),
        monitoring_at=read_maybe(raw, "monitoring_at"),
        resolved_at=read_maybe(raw, "resolved_at"),
        scheduled_for=read_maybe(raw, "scheduled_for"),
        scheduled_until=read_maybe(raw, "scheduled_until"),
        component_ids=tuple(dict.fromkeys(read_id(one) for one in read_list(raw, "components"))),
        updates=tuple(updates),
    )


def _update(raw: Fields, kind: PostKind) -> UpdateRow:
    body = read_text(raw, "body")
    created = read_instant(raw, "created_at")
    return UpdateRow(
        id=read_id(raw),
        status=read_status(raw, kind),
        body=body,
        body_html=markdown_to_html(body),
        display_at=read_instant(raw, "display_at", created),
        created_at=created,
        updated_at=read_instant(raw, "updated_at", created),
        notify=raw.get("deliver_notifications") is True,
        effects=tuple(_effects(raw)),
    )


def _effects(raw: Fields) -> Iterable[EffectRow]:
    seen = set()
    for one in read_list(raw, "affected_components"):
        code = read_id(one, "code")
        if code not in seen:
            seen.add(code)
            yield EffectRow(
                code,
                shorten(read_line(one, "name", 1000), 420),
                read_word(one, "old_status", ComponentStatus),
                read_word(one, "new_status", ComponentStatus),
            )
