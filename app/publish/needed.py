"""The render scope: which posts a revision contains, and which lasting pages have to be rendered with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.models.post import Post
from app.publish.months import month_bounds, month_keys, month_of
from app.publish.thread import Names, read_posts
from app.publish.views import MonthView, PageView, PostView
from app.vocabulary import PostKind

PAST_DAYS = 14
NEWEST = 50
"""How many posts of each kind are listed, however old they are: as many as in Statuspage's lists."""

happened_at = func.coalesce(Post.scheduled_for, Post.started_at)
"""When a post began to matter, as `PostView.happened_at` says it: its month is that one's."""


_NEWEST_FIRST = (Post.started_at.desc(), Post.id.desc())


@dataclass(frozen=True, slots=True)
class Before:
    """What was published last: its revision, and when it was rendered."""

    revision: int
    rendered_at: datetime


@dataclass(frozen=True, slots=True)
class Needed:
    """The posts of a revision, newest first: all that are open, recent, among the newest, pinned or `changed`.

    `months` are those whose lasting pages have to be written, `newest_month` is the one that shows first.
    """

    posts: tuple[PostView, ...]
    changed: tuple[PostView, ...]
    months: tuple[MonthView, ...]
    newest_month: MonthView
    all_months: tuple[str, ...]


def read_needed(session: Session, page: PageView, before: Before | None, at: datetime, names: Names) -> Needed:
    """Ten queries, whatever there is.  Without `before`, all lasting pages are to be written."""
    started = _months_changed(session, page, before)
    first = session.scalar(select(func.min(happened_at)).where(Post.page_id == page.id))
    keys = month_keys(first or at, at, page.zone)
    touched = keys if before is None else _touched(keys, started, before, page)
    mine = Post.page_id == page.id
    wanted = (mine,) if before is None else (mine, _wanted(page, at, before, {*touched, keys[0]}))
    posts = read_posts(session, wanted, names)
    by_month: dict[str, list[PostView]] = {}
    for post in sorted(posts, key=lambda post: post.happened_at, reverse=True):
        if not post.is_upcoming:
            by_month.setdefault(month_of(post.happened_at, page.zone), []).append(post)
    return Needed(
        posts=posts,
        changed=tuple(p for p in posts if before is None or _is_written(p, before, at)),
        months=tuple(_month(key, by_month.get(key, ()), keys) for key in touched),
        newest_month=_month(keys[0], by_month.get(keys[0], ()), keys),
        all_months=keys,
    )


def _months_changed(session: Session, page: PageView, before: Before | None) -> set[str]:
    if before is None:
        return set()
    found = session.scalars(select(happened_at).where(Post.page_id == page.id, Post.changed_revision > before.revision))
    return {month_of(at, page.zone) for at in found}


def _touched(keys: Sequence[str], changed: set[str], before: Before, page: PageView) -> tuple[str, ...]:
    """The months of changed posts; and when a month has begun since, it and the one before, which leads to it."""
    began = keys[0] != month_of(before.rendered_at, page.zone)
    touched = {*changed, *(keys[:2] if began else ())}
    return tuple(key for key in keys if key in touched)


def _wanted(page: PageView, at: datetime, before: Before, months: Iterable[str]) -> ColumnElement[bool]:
    newest = [
        select(Post.id).where(Post.page_id == page.id, Post.kind == kind).order_by(*_NEWEST_FIRST).limit(NEWEST)
        for kind in PostKind
    ]
    since = past_since(page, at)
    ranges = [month_bounds(key, page.zone) for key in months]
    return or_(
        Post.closed_at.is_(None),
        Post.pinned,
        happened_at >= since,
        Post.closed_at >= since,
        *(Post.id.in_(of_a_kind) for of_a_kind in newest),
        Post.changed_revision > before.revision,
        *((happened_at >= begin) & (happened_at < end) for begin, end in ranges),
    )


def _is_written(post: PostView, before: Before, at: datetime) -> bool:
    """Whether a post's own page is written: it changed, or it is under way, and its page says for how long."""
    return post.changed_revision > before.revision or (post.is_open and post.happened_at <= at)


def _month(key: str, posts: Iterable[PostView], keys: Sequence[str]) -> MonthView:
    place = keys.index(key)
    return MonthView(
        key=key,
        first_day=date.fromisoformat(f"{key}-01"),
        posts=tuple(posts),
        older=keys[place + 1] if place + 1 < len(keys) else None,
        newer=keys[place - 1] if place else None,
    )


def past_since(page: PageView, at: datetime) -> datetime:
    """The first instant of the past days."""
    return midnight(at.astimezone(page.zone).date() - timedelta(days=PAST_DAYS - 1), page)


def midnight(day: date, page: PageView) -> datetime:
    """The first instant of a day of the page's zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=page.zone).astimezone(UTC)
