"""Uptime of a component or group over a range of days, counted like the page's bars."""

import calendar
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask.typing import ResponseReturnValue
from sqlalchemy import or_, select

from app.clock import now
from app.db import session
from app.errors import Invalid, NotFound
from app.inputs.lists import UptimeQuery
from app.models.component import Component, ComponentGroup
from app.models.post import Post, PostComponent
from app.publish import uptime
from app.publish.needed import midnight
from app.publish.snapshot import known_since, read_changes
from app.publish.statuspage_json import Document, stamp
from app.publish.views import PageView
from app.vocabulary import ComponentStatus, PostKind, Scope
from app.web.api import bodies, outputs
from app.web.api.blueprint import tagged

route = tagged("Components")
MONTHS = 6
EARLIEST, LATEST_YEAR = date(1970, 1, 1), 2100
_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
END_MOVED = "End date was adjusted to today. See range_end field in response for end date used."
START_MOVED = "Start date was adjusted to the first day of which something is known. See range_start field in response."


@dataclass(frozen=True, slots=True)
class _Range:
    """Days of the page's zone, both counted, and the instants at which they begin and end."""

    first: date
    last: date
    begin: datetime
    end: datetime
    warnings: tuple[str, ...]


@route(
    "/pages/<page_id>/components/<component_id>/uptime",
    "GET",
    scope=Scope.READ,
    asks=UptimeQuery,
    answers=outputs.UptimeOutput,
)
def read_component_uptime(page: PageView, component_id: str) -> ResponseReturnValue:
    """Uptime from `start` to `end`: days, months or years; six months at most, and by default the days of the page."""
    rows = _components(page, component_id)
    if not rows:
        raise NotFound("Component not found.")
    row = rows[0]
    asked = _range(page, row.start_date)
    related = [{"id": name} for name in _incidents(rows, asked)[row.id]]
    return {**_counted(page, rows, asked), "id": row.public_id, "name": row.name, "related_events": related}


@route(
    "/pages/<page_id>/component-groups/<group_id>/uptime", "GET", scope=Scope.READ, asks=UptimeQuery,
    answers=outputs.GroupUptimeOutput,
)  # fmt: skip
def read_group_uptime(page: PageView, group_id: str) -> ResponseReturnValue:
    """Uptime of a group's components together; `major_outage` and `partial_outage` are the sums of theirs."""
    of_it = (ComponentGroup.page_id == page.id, ComponentGroup.public_id == group_id)
    group = session().scalar(select(ComponentGroup).where(*of_it))
    if group is None:
        raise NotFound("Group not found.")
    rows = [row for row in _components(page) if row.group_id == group.id]
    starts = [row.start_date for row in rows]
    asked = _range(page, min((day for day in starts if day), default=None) if all(starts) else None)
    incidents = _incidents(rows, asked)
    related = [
        {"component_id": row.public_id, "incidents": [{"id": name} for name in incidents[row.id]]} for row in rows
    ]
    return {**_counted(page, rows, asked), "id": group.public_id, "name": group.name, "related_events": related}


def _components(page: PageView, public_id: str | None = None) -> Sequence[Component]:
    where = [Component.page_id == page.id, Component.archived_at.is_(None)]
    if public_id is not None:
        where.append(Component.public_id == public_id)
    return session().scalars(select(Component).where(*where).order_by(Component.position, Component.id)).all()


def _range(page: PageView, began_on: date | None) -> _Range:
    """What was asked for, as far as it can be answered.  Raises Invalid."""
    today = now().astimezone(page.zone).date()
    given = bodies.query(UptimeQuery)
    last = _day("end", given.end, is_end=True) or today
    warnings = [END_MOVED] if last > today else []
    last = min(last, today)
    first = _day("start", given.start) or min(last, max(last - timedelta(days=uptime.DAYS - 1), began_on or EARLIEST))
    if began_on is not None and first < began_on <= last:
        first = began_on
        warnings.append(START_MOVED)
    if first > last:
        raise Invalid.field("start", "The start must be before the end, and not in the future.")
    months = (last.year - first.year) * 12 + last.month - first.month
    if (months, last.day) > (MONTHS, first.day):
        raise Invalid.field("start", f"The range is too long. The limit is {MONTHS} months.")
    end = min(midnight(last + timedelta(days=1), page), now())
    return _Range(first, last, midnight(first, page), end, tuple(warnings))


def _day(name: str, raw: str, *, is_end: bool = False) -> date | None:
    """A day of the query, or of its month or year the first or, where it `is_end`, the last.  Raises Invalid."""
    try:
        return _whole(raw, is_end) if raw else None
    except ValueError:
        raise Invalid.field(name, f"{name}: Enter a day such as 2026-08-21, a month or a year.") from None


def _whole(raw: str, is_end: bool) -> date:
    found = _DAY.fullmatch(raw)
    if found is None or not EARLIEST.year <= int(found[1]) <= LATEST_YEAR:
        raise ValueError(raw)
    year, month = int(found[1]), int(found[2] or (12 if is_end else 1))
    return date(year, month, int(found[3] or (calendar.monthrange(year, month)[1] if is_end else 1)))


def _counted(page: PageView, rows: Sequence[Component], asked: _Range) -> Document:
    """The figures of these components together."""
    changes = read_changes(session(), [row.id for row in rows], asked.begin)
    seconds: dict[ComponentStatus, float] = {}
    for row in rows:
        own = changes.get(row.id, ())
        began = known_since(row, own, page.zone)
        for status, length in uptime.between(own, ComponentStatus(row.status), began, asked.begin, asked.end).items():
            seconds[status] = seconds.get(status, 0.0) + length
    up = uptime.percentage(seconds)
    return {
        "range_start": _told(asked.first, page), "range_end": _told(asked.last, page),
        "uptime_percentage": None if up is None else uptime.cut(up),
        "major_outage": round(seconds.get(ComponentStatus.MAJOR_OUTAGE, 0)),
        "partial_outage": round(seconds.get(ComponentStatus.PARTIAL_OUTAGE, 0)),
        "warnings": list(asked.warnings),
    }  # fmt: skip


def _told(day: date, page: PageView) -> str:
    """A day; at Statuspage's address the instant that it begins, as that is what its clients parse."""
    return day.isoformat() if bodies.is_ours() else stamp(midnight(day, page), page.zone)


def _incidents(rows: Sequence[Component], asked: _Range) -> Mapping[int, list[str]]:
    """By component, the ids of the incidents that were about it in these days, newest first.  One query."""
    found: dict[int, list[str]] = {row.id: [] for row in rows}
    named = session().execute(
        select(PostComponent.component_id, Post.public_id)
        .join(Post, Post.id == PostComponent.post_id)
        .where(
            PostComponent.component_id.in_(list(found)),
            Post.kind == PostKind.INCIDENT,
            Post.started_at < asked.end,
            or_(Post.closed_at.is_(None), Post.closed_at > asked.begin),
        )
        .order_by(Post.started_at.desc(), Post.id.desc())
    )
    for component_id, public_id in named:
        found[component_id].append(public_id)
    return found
