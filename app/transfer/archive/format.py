"""The content of an archive: one file for each table, ordered so that rows come after what they refer to."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Enum, Select, String, Text, select
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import KeyedColumnElement
from sqlalchemy.sql.schema import Column, ScalarElementColumnDefault

from app.channels.registry import names as channel_names
from app.db import UtcDateTime
from app.models.announcement import Announcement, AnnouncementText
from app.models.component import Component, ComponentChange, ComponentGroup, ComponentGroupText, ComponentText
from app.models.incident_template import IncidentTemplate, TemplateText
from app.models.post import (
    Post,
    PostComponent,
    PostRevision,
    PostText,
    Update,
    UpdateEffect,
    UpdateRevision,
    UpdateText,
)
from app.models.subscriber import Subscriber, SubscriberComponent, SubscriberPost, Suppression
from app.text import is_clean
from app.transfer.fields import YEARS, RowError
from app.vocabulary import ComponentStatus, Impact, Language, PostKind, PostStatus, SubscriberState

PUBLIC_ID = re.compile(r"[a-z0-9]{1,32}")
LARGEST_WHOLE = 2**31 - 1


class _Required:
    """Means "there is no default": None is a default of its own."""


REQUIRED = _Required()


FORMER_NAMES = {"auto_start": "starts_itself", "auto_end": "ends_itself"}
"""What columns were called in archives that were written before they were renamed."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a column may hold.  `default` is for archives that were written before the column was there."""

    name: str
    kind: type
    nullable: bool
    limit: int | None
    words: frozenset[str]
    default: Any

    def read(self, row: Mapping[str, Any]) -> Any:
        """The value in a row of an archive.  Raises RowError."""
        raw = row.get(self.name, row.get(FORMER_NAMES.get(self.name, ""), self.default))
        if raw is REQUIRED:
            raise RowError(f"it has no {self.name}")
        if raw is None:
            if not self.nullable:
                raise RowError(f"its {self.name} is empty")
            return None
        return self._checked(raw)

    def _checked(self, raw: Any) -> Any:
        if self.kind in {datetime, date}:
            return _read_time(raw, self)
        if type(raw) is not self.kind:
            raise RowError(f"its {self.name} is not of the right kind")
        if isinstance(raw, str):
            return self._text(raw)
        if isinstance(raw, int) and not 0 <= raw <= LARGEST_WHOLE:
            raise RowError(f"its {self.name} is out of range")
        return raw

    def _text(self, raw: str) -> str:
        if self.limit is not None and len(raw) > self.limit:
            raise RowError(f"its {self.name} is longer than {self.limit} characters")
        if not is_clean(raw) or (self.limit is not None and not raw.isprintable() and ("\n" in raw or "\t" in raw)):
            raise RowError(f"its {self.name} has characters that Candor doesn't allow")
        if self.words and raw not in self.words:
            raise RowError(f"its {self.name} isn't one that Candor knows")
        if self.name == "public_id" and not PUBLIC_ID.fullmatch(raw):
            raise RowError("its public_id isn't an id of lowercase letters and digits")
        return raw


def field_of(column: KeyedColumnElement[Any], words: Iterable[str] | None) -> Field:
    """What a table's column may hold."""
    assert isinstance(column, Column)
    default: Any = REQUIRED
    if column.nullable:
        default = None
    elif isinstance(column.default, ScalarElementColumnDefault):
        default = column.default.arg
    held = column.type
    if isinstance(held, Enum):
        return Field(column.name, str, bool(column.nullable), None, frozenset(held.enums), default)
    limit = held.length if isinstance(held, String) and not isinstance(held, Text) else None
    kind = datetime if isinstance(held, UtcDateTime) else held.python_type
    return Field(column.name, kind, bool(column.nullable), limit, frozenset(words or ()), default)


def to_json(value: Any) -> Any:
    """A column's value as JSON holds it: instants in UTC with Z, days as they are written in ISO 8601."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _read_time(raw: Any, field: Field) -> datetime | date:
    try:
        if field.kind is date:
            day = date.fromisoformat(raw)
            if day.year in YEARS:
                return day
        else:
            at = datetime.fromisoformat(raw)
            if at.tzinfo is not None and at.year in YEARS:
                return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise RowError(f"its {field.name} isn't a {'day' if field.kind is date else 'time with a time zone'}")


MappedClass = type[Any]
"""A mapped class: each has `id`, and those that others refer to a `public_id`."""

ANYWHERE = frozenset(
    {"id", "page_id", "body_html", "changed_revision", "incident_id", "address_hash", "domain", "fingerprint"}
)
"""Columns of this installation alone, of the internal side, or made from others: an import makes them again."""

WORDS: dict[str, Iterable[str]] = {
    "kind": PostKind,
    "impact": Impact,
    "impact_override": Impact,
    "channel": channel_names(),
    "from_status": ComponentStatus,
    "to_status": ComponentStatus,
    "state": SubscriberState,
    "language": Language,
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names another row: in the archive it is `key` with that row's public id."""

    key: str
    column: InstrumentedAttribute[Any]
    target: MappedClass
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class ChosenComponents:
    """The components that a row names, held in a table of pairs."""

    owner: InstrumentedAttribute[int]
    component: InstrumentedAttribute[int]


@dataclass(frozen=True)
class Table:
    """One file of an archive.  `status` is the enum that a column of that name holds."""

    file: str
    model: MappedClass
    references: tuple[Reference, ...] = ()
    choice: ChosenComponents | None = None
    status: type[StrEnum] | None = None
    is_shared: bool = False
    words: Mapping[str, Iterable[str]] = field(default_factory=lambda: WORDS)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The columns that are in the archive unchanged."""
        named = {reference.column.key for reference in self.references} | ANYWHERE
        words: dict[str, Iterable[str]] = {**self.words, **({"status": self.status} if self.status else {})}
        return tuple(
            field_of(column, words.get(column.name)) for column in self.model.__table__.c if column.name not in named
        )

    @property
    def has_public_id(self) -> bool:
        """Whether others may refer to its rows."""
        return hasattr(self.model, "public_id")

    @property
    def has_html(self) -> bool:
        """Whether its body is rendered once, at save."""
        return hasattr(self.model, "body_html")

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that a line of its file has, in order."""
        chosen = ("components",) if self.choice else ()
        shared = ("subscriber", "address_hash") if self.is_shared else ()
        return (*(one.key for one in self.references), *(one.name for one in self.fields), *chosen, *shared)


GROUPS = Table("groups.jsonl", ComponentGroup)
COMPONENTS = Table(
    "components.jsonl",
    Component,
    (Reference("group", Component.group_id, ComponentGroup, nullable=True),),
    status=ComponentStatus,
)
CHANGES = Table(
    "component_changes.jsonl", ComponentChange, (Reference("component", ComponentChange.component_id, Component),)
)
TEMPLATES = Table("templates.jsonl", IncidentTemplate, status=PostStatus)
ANNOUNCEMENTS = Table("announcements.jsonl", Announcement)
POSTS = Table(
    "posts.jsonl", Post, choice=ChosenComponents(PostComponent.post_id, PostComponent.component_id), status=PostStatus
)
UPDATES = Table("updates.jsonl", Update, (Reference("post", Update.post_id, Post),), status=PostStatus)
EFFECTS = Table(
    "effects.jsonl",
    UpdateEffect,
    (
        Reference("update", UpdateEffect.update_id, Update),
        Reference("component", UpdateEffect.component_id, Component),
    ),
)
REVISIONS = Table(
    "revisions.jsonl", UpdateRevision, (Reference("update", UpdateRevision.update_id, Update),), status=PostStatus
)
POST_REVISIONS = Table("post_revisions.jsonl", PostRevision, (Reference("post", PostRevision.post_id, Post),))
GROUP_TEXTS = Table(
    "group_texts.jsonl", ComponentGroupText, (Reference("group", ComponentGroupText.group_id, ComponentGroup),)
)
COMPONENT_TEXTS = Table(
    "component_texts.jsonl", ComponentText, (Reference("component", ComponentText.component_id, Component),)
)
TEMPLATE_TEXTS = Table(
    "template_texts.jsonl", TemplateText, (Reference("template", TemplateText.template_id, IncidentTemplate),)
)
ANNOUNCEMENT_TEXTS = Table(
    "announcement_texts.jsonl",
    AnnouncementText,
    (Reference("announcement", AnnouncementText.announcement_id, Announcement),),
)
POST_TEXTS = Table("post_texts.jsonl", PostText, (Reference("post", PostText.post_id, Post),))
UPDATE_TEXTS = Table("update_texts.jsonl", UpdateText, (Reference("update", UpdateText.update_id, Update),))
SUBSCRIBERS = Table(
    "subscribers.jsonl",
    Subscriber,
    choice=ChosenComponents(SubscriberComponent.subscriber_id, SubscriberComponent.component_id),
)
FOLLOWS = Table(
    "follows.jsonl",
    SubscriberPost,
    (
        Reference("subscriber", SubscriberPost.subscriber_id, Subscriber),
        Reference("post", SubscriberPost.post_id, Post),
    ),
)
SUPPRESSIONS = Table("suppressions.jsonl", Suppression, is_shared=True)

TEXTS = (GROUP_TEXTS, COMPONENT_TEXTS, TEMPLATE_TEXTS, ANNOUNCEMENT_TEXTS, POST_TEXTS, UPDATE_TEXTS)
"""The words in languages other than the page's own."""

TABLES = (
    GROUPS,
    COMPONENTS,
    CHANGES,
    TEMPLATES,
    ANNOUNCEMENTS,
    POSTS,
    UPDATES,
    EFFECTS,
    REVISIONS,
    POST_REVISIONS,
    *TEXTS,
    SUBSCRIBERS,
    FOLLOWS,
    SUPPRESSIONS,
)

MANIFEST, PAGE = "manifest.json", "page.json"


def ids_on(model: MappedClass, page_id: int) -> Select[Any]:
    """The row ids of a table's rows that belong to a page."""
    return select(model.id).where(belongs(model, page_id))


def belongs(model: MappedClass, page_id: int) -> ColumnElement[bool]:
    """Whether a row belongs to a page: directly, or through what it refers to."""
    if hasattr(model, "page_id"):
        found: ColumnElement[bool] = model.page_id == page_id
        return found
    table = next(one for one in TABLES if one.model is model)
    parent = table.references[0]
    return parent.column.in_(ids_on(parent.target, page_id))
