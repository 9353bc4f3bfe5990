"""Reading Statuspage v2 documents: each row checked and frozen, or refused with a sentence.

The shape is that of /api/v2 documents: https://developer.statuspage.io and captured samples.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from app.actions.imports.report import SKIPPED, Row
from app.errors import Invalid
from app.text import clean, markdown_to_html, shorten
from app.vocabulary import POST_STATUSES, ComponentStatus, Impact, PostKind, PostStatus

LARGEST_FILE = 50 * 1024 * 1024
ID_LIMIT = 32
Fields = Mapping[str, Any]


class RowError(ValueError):
    """A row can not be taken; the words say why."""


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
class Document:
    """One file's rows, and those that could not be read."""

    name: str
    components: tuple[ComponentRow, ...]
    posts: tuple[PostRow, ...]
    refused: tuple[Row, ...]


AnyRow = TypeVar("AnyRow", ComponentRow, PostRow)
AnyWord = TypeVar("AnyWord", ComponentStatus, Impact)


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
    components = _rows("component", raw.get("components"), _component, refused)
    posts = _rows("incident", raw.get("incidents"), _post, refused)
    posts += _rows("maintenance", raw.get("scheduled_maintenances"), _post, refused)
    return Document(path.name, tuple(components), tuple(posts), tuple(refused))


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Invalid(f"{path.name} is larger than 50 MB. Split it.")
        return json.loads(path.read_text("utf-8"), parse_constant=lambda _: None)
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Invalid(f"{path.name} can not be read as JSON ({type(error).__name__}).") from None


def _rows(kind: str, raw: Any, read: Callable[[Fields], AnyRow], refused: list[Row]) -> list[AnyRow]:
    found: list[AnyRow] = []
    seen: set[str] = set()
    for one in raw if isinstance(raw, list) else []:
        known = one if isinstance(one, dict) else {}
        name = clean(str(known.get("name", "")))[:80]
        try:
            row = read(known)
            if row.id in seen:
                raise RowError("its id stands twice in the document")
        except (RowError, Invalid, RecursionError) as error:
            refused.append(Row(kind, clean(str(known.get("id", "")))[:ID_LIMIT], name, SKIPPED, str(error)))
            continue
        seen.add(row.id)
        found.append(row)
    return found


def _component(raw: Fields) -> ComponentRow:
    created = _instant(raw, "created_at")
    return ComponentRow(
        id=_id(raw),
        name=_line(raw, "name", 200),
        status=_word(raw, "status", ComponentStatus),
        description=clean(str(raw.get("description") or ""), multiline=True),
        position=_whole(raw, "position"),
        is_group=raw.get("group") is True,
        group_id=_id(raw, "group_id") if raw.get("group_id") else None,
        showcase=raw.get("showcase") is True,
        only_show_if_degraded=raw.get("only_show_if_degraded") is True,
        start_date=_date(raw, "start_date"),
        created_at=created,
        updated_at=_instant(raw, "updated_at", created),
    )


def _post(raw: Fields) -> PostRow:
    kind = PostKind.MAINTENANCE if raw.get("scheduled_for") else PostKind.INCIDENT
    created = _instant(raw, "created_at")
    updates = sorted((_update(one, kind) for one in _list(raw, "incident_updates")), key=lambda u: (u.display_at, u.id))
    if len({update.id for update in updates}) != len(updates):
        raise RowError("an update's id stands twice in it")
    return PostRow(
        id=_id(raw),
        kind=kind,
        title=_line(raw, "name", 500),
        status=_status(raw, kind),
        impact=_word(raw, "impact", Impact),
        started_at=_instant(raw, "started_at", created),
        created_at=created,
        updated_at=_instant(raw, "updated_at", created),
        monitoring_at=_maybe(raw, "monitoring_at"),
        resolved_at=_maybe(raw, "resolved_at"),
        scheduled_for=_maybe(raw, "scheduled_for"),
        scheduled_until=_maybe(raw, "scheduled_until"),
        component_ids=tuple(dict.fromkeys(_id(one) for one in _list(raw, "components"))),
        updates=tuple(updates),
    )


def _update(raw: Fields, kind: PostKind) -> UpdateRow:
    body = clean(str(raw.get("body") or ""), multiline=True)
    created = _instant(raw, "created_at")
    return UpdateRow(
        id=_id(raw),
        status=_status(raw, kind),
        body=body,
        body_html=markdown_to_html(body),
        display_at=_instant(raw, "display_at", created),
        created_at=created,
        updated_at=_instant(raw, "updated_at", created),
        notify=raw.get("deliver_notifications") is True,
        effects=tuple(_effects(raw)),
    )


def _effects(raw: Fields) -> Iterable[EffectRow]:
    seen = set()
    for one in _list(raw, "affected_components"):
        code = _id(one, "code")
        if code not in seen:
            seen.add(code)
            yield EffectRow(
                code,
                shorten(_line(one, "name", 1000), 420),
                _word(one, "old_status", ComponentStatus),
                _word(one, "new_status", ComponentStatus),
            )


def _id(raw: Fields, key: str = "id") -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not 1 <= len(value) <= ID_LIMIT or not value.isascii() or not value.isalnum():
        raise RowError(f"its {key} is no id of letters and digits")
    return value.lower()


def _line(raw: Fields, key: str, limit: int) -> str:
    value = raw.get(key)
    text = clean(value[: limit * 20]) if isinstance(value, str) else ""
    if not text:
        raise RowError(f"it has no {key}")
    return shorten(text, limit)


def _word(raw: Fields, key: str, words: type[AnyWord]) -> AnyWord:
    try:
        return words(str(raw.get(key)))
    except ValueError:
        raise RowError(f"its {key} is none that Candor knows") from None


def _status(raw: Fields, kind: PostKind) -> PostStatus:
    value = raw.get("status")
    for status in POST_STATUSES[kind]:
        if status.value == value:
            return status
    raise RowError(f"its status is none of a post of kind {kind}")


def _list(raw: Fields, key: str) -> list[Fields]:
    value = raw.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise RowError(f"its {key} is no list")
    return value


def _whole(raw: Fields, key: str) -> int:
    value = raw.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise RowError(f"its {key} is no whole number")
    return value


def _maybe(raw: Fields, key: str) -> datetime | None:
    return _instant(raw, key) if raw.get(key) else None


def _instant(raw: Fields, key: str, default: datetime | None = None) -> datetime:
    value = raw.get(key)
    if value is None and default is not None:
        return default
    try:
        at = datetime.fromisoformat(value if isinstance(value, str) else "")
        if at.tzinfo is None:
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RowError(f"its {key} is no time with a zone") from None


def _date(raw: Fields, key: str) -> date | None:
    value = raw.get(key)
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (ValueError, TypeError):
        raise RowError(f"its {key} is no date") from None
