"""What is in an archive: one file for each table, in the order in which rows find what they refer to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from app.actions.archive.values import Field, field_of
from app.channels.registry import names as channel_names
from app.models.announcement import Announcement
from app.models.component import Component, ComponentChange, ComponentGroup
from app.models.incident_template import IncidentTemplate
from app.models.post import Post, PostComponent, Update, UpdateEffect, UpdateRevision
from app.models.subscriber import Subscriber, SubscriberComponent, SubscriberPost, Suppression
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus, SubscriberState

Model = type[Any]
"""A mapped class: each has `id`, and those that others refer to a `public_id`."""

ANYWHERE = frozenset(
    {"id", "page_id", "body_html", "changed_revision", "incident_id", "address_hash", "domain", "fingerprint"}
)
"""Columns of this installation alone, of the internal side, or made from others: an import makes them anew."""

WORDS: dict[str, Iterable[str]] = {
    "kind": PostKind, "impact": Impact, "impact_override": Impact, "channel": channel_names(),
    "from_status": ComponentStatus, "to_status": ComponentStatus, "state": SubscriberState,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names another row: in the archive it is `key` with that row's public id."""

    key: str
    column: InstrumentedAttribute[Any]
    target: Model
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The components that a row names, held in a table of pairs."""

    owner: InstrumentedAttribute[int]
    component: InstrumentedAttribute[int]


@dataclass(frozen=True)
class Table:
    """One file of an archive.  `status` is the enum that a column of that name holds."""

    file: str
    model: Model
    references: tuple[Reference, ...] = ()
    choice: Choice | None = None
    status: type[StrEnum] | None = None
    is_shared: bool = False
    words: Mapping[str, Iterable[str]] = field(default_factory=lambda: WORDS)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The columns that stand in the archive as they are."""
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
    "posts.jsonl", Post, choice=Choice(PostComponent.post_id, PostComponent.component_id), status=PostStatus
)  # fmt: skip
UPDATES = Table("updates.jsonl", Update, (Reference("post", Update.post_id, Post),), status=PostStatus)
EFFECTS = Table(
    "effects.jsonl",
    UpdateEffect,
    (
        Reference("update", UpdateEffect.update_id, Update),
        Reference("component", UpdateEffect.component_id, Component),
    ),
)
REVISIONS = Table("revisions.jsonl", UpdateRevision, (Reference("update", UpdateRevision.update_id, Update),))
SUBSCRIBERS = Table(
    "subscribers.jsonl",
    Subscriber,
    choice=Choice(SubscriberComponent.subscriber_id, SubscriberComponent.component_id),
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

TABLES = (
    GROUPS, COMPONENTS, CHANGES, TEMPLATES, ANNOUNCEMENTS, POSTS, UPDATES, EFFECTS, REVISIONS, SUBSCRIBERS,
    FOLLOWS, SUPPRESSIONS,
)  # fmt: skip

MANIFEST, PAGE = "manifest.json", "page.json"


def ids_on(model: Model, page_id: int) -> Select[Any]:
    """The row ids of a table's rows that belong to a page."""
    return select(model.id).where(belongs(model, page_id))


def belongs(model: Model, page_id: int) -> ColumnElement[bool]:
    """Whether a row belongs to a page: by itself, or by what it refers to."""
    if hasattr(model, "page_id"):
        found: ColumnElement[bool] = model.page_id == page_id
        return found
    table = next(one for one in TABLES if one.model is model)
    parent = table.references[0]
    return parent.column.in_(ids_on(parent.target, page_id))
