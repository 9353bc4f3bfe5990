"""The common result of all readers: checked, frozen rows, and refused ones with the reason.

There is one reader for each source (`from_…`), and one writer for all of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile
from typing import Any, TypeVar

from app.errors import Invalid
from app.text import clean
from app.transfer.fields import Fields, RowError
from app.transfer.status_pages.report import SKIPPED, ReportRow
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus

NAMES = ("name", "title")


@dataclass(frozen=True, slots=True)
class ImportedComponent:
    """A component, or a group of them.

    `status`, `created_at` and `updated_at` are None where the source doesn't say: what is here is kept then, and
    someone new is of unknown status since now.
    """

    id: str
    name: str
    status: ComponentStatus | None
    description: str
    position: int
    is_group: bool
    group_id: str | None = None
    showcase: bool = True
    only_show_if_degraded: bool = False
    start_date: date | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImportedEffect:
    """What an update said it did to a component."""

    component_id: str
    name: str
    old_status: ComponentStatus
    new_status: ComponentStatus


@dataclass(frozen=True, slots=True)
class ImportedUpdate:
    """One statement."""

    id: str
    status: PostStatus
    body: str
    body_html: str
    display_at: datetime
    created_at: datetime
    updated_at: datetime
    notify: bool = False
    effects: tuple[ImportedEffect, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportedPost:
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
    updates: tuple[ImportedUpdate, ...]

    @property
    def named(self) -> dict[str, str]:
        """The components it speaks of: their ids, and their names as far as it says them."""
        effects = {effect.component_id: effect.name for update in self.updates for effect in update.effects}
        return {**dict.fromkeys(self.component_ids, ""), **effects}


@dataclass(frozen=True, slots=True)
class PageRow:
    """What the document says of its page."""

    id: str
    name: str
    url: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class ImportedDocument:
    """What is taken in one transaction, and what could not be read.  `page` is None where nothing is said of it."""

    name: str
    page: PageRow | None
    components: tuple[ImportedComponent, ...]
    posts: tuple[ImportedPost, ...]
    refused: tuple[ReportRow, ...]


AnyRow = TypeVar("AnyRow", ImportedComponent, ImportedPost)


class Gathering:
    """Collects the rows of a document: each id once, and a sentence for each invalid row."""

    def __init__(self) -> None:
        self.components: list[ImportedComponent] = []
        self.posts: list[ImportedPost] = []
        self.refused: list[ReportRow] = []
        self._seen: set[str] = set()

    def add_components(self, kind: str, raw: Any, read: Callable[[Fields], ImportedComponent]) -> None:
        """Read each row of a list; what is no list has none."""
        self.components += self._rows(kind, raw, read)

    def add_posts(self, kind: str, raw: Any, read: Callable[[Fields], ImportedPost]) -> None:
        """Read each row of a list; what is no list has none."""
        self.posts += self._rows(kind, raw, read)

    def refuse(self, kind: str, raw: Any, reason: str) -> None:
        """Say of a row why it isn't taken."""
        known = raw if isinstance(raw, dict) else {}
        name = next((known[key] for key in NAMES if isinstance(known.get(key), str)), "")
        shown_id = str(known.get("id", "")) if isinstance(known.get("id"), str | int) else ""
        self.refused.append(ReportRow(kind, clean(shown_id)[:32], clean(name[:2000])[:80], SKIPPED, reason))

    def document(self, name: str, page: PageRow | None = None) -> ImportedDocument:
        """All of it."""
        return ImportedDocument(name, page, tuple(self.components), tuple(self.posts), tuple(self.refused))

    def _rows(self, kind: str, raw: Any, read: Callable[[Fields], AnyRow]) -> Iterable[AnyRow]:
        found = []
        for one in raw if isinstance(raw, list) else []:
            try:
                row = read(one if isinstance(one, dict) else {})
                ids = _ids(row)
                if row.id in self._seen:
                    raise RowError("its id appears twice in the document")
                if ids & self._seen:
                    raise RowError("an update of it has an id that appears twice in the document")
            except (RowError, Invalid, RecursionError) as error:
                self.refuse(kind, one, str(error))
                continue
            self._seen |= ids
            found.append(row)
        return found


def _ids(row: ImportedComponent | ImportedPost) -> set[str]:
    """The row's id and those of its updates, which are another namespace."""
    updates = row.updates if isinstance(row, ImportedPost) else ()
    return {row.id, *(f"update {update.id}" for update in updates)}


def told(
    *,
    post_id: str,
    kind: PostKind,
    title: str,
    status: PostStatus,
    began_at: datetime,
    created_at: datetime,
    updated_at: datetime,
    updates: Iterable[ImportedUpdate],
    component_ids: Iterable[str] = (),
    over_at: datetime | None = None,
    scheduled_for: datetime | None = None,
    scheduled_until: datetime | None = None,
) -> ImportedPost:
    """A post of a source that keeps no impact, and no times but those of its statements.

    It was resolved at `over_at` or, where that isn't known, with the first of the statements at its end.
    """
    said = tuple(sorted(updates, key=lambda update: (update.display_at, update.id)))
    if len({update.id for update in said}) != len(said):
        raise RowError("an update's id appears twice in it")
    if scheduled_for and scheduled_until and scheduled_until < scheduled_for:
        raise RowError("it ends before it starts")
    watched = next((update.display_at for update in said if update.status is PostStatus.MONITORING), None)
    at_its_end = list(takewhile(lambda update: update.status is status, reversed(said)))
    resolved = over_at or (at_its_end[-1].display_at if at_its_end else updated_at)
    return ImportedPost(
        id=post_id,
        kind=kind,
        title=title,
        status=status,
        impact=Impact.MAINTENANCE if kind is PostKind.MAINTENANCE else Impact.NONE,
        started_at=began_at,
        created_at=created_at,
        updated_at=updated_at,
        monitoring_at=watched,
        resolved_at=resolved if status.is_terminal else None,
        scheduled_for=scheduled_for,
        scheduled_until=scheduled_until,
        component_ids=tuple(dict.fromkeys(component_ids)),
        updates=said,
    )
