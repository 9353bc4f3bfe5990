"""Reads a page into a `Snapshot`: a fixed number of queries, bounded by what is recent and what changed."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.clock import now
from app.errors import NotFound
from app.models.announcement import Announcement, AnnouncementText
from app.models.component import Component, ComponentChange, ComponentGroup, ComponentGroupText, ComponentText
from app.models.page import Page, PageLogo
from app.publish import uptime
from app.publish.needed import NEWEST, PAST_DAYS, Before, past_since, read_needed
from app.publish.verdict import OpenPost, verdict
from app.publish.views import (
    AnnouncementView,
    ComponentView,
    DayView,
    GroupView,
    LogoView,
    PageView,
    PostView,
    Snapshot,
)
from app.vocabulary import ComponentStatus, Language, PostKind, PostStatus

EARLIEST_DAY = date(1990, 1, 1)
"""Whatever day a component began on by what was typed or imported: before it there is nothing to tell of."""


def read(session: Session, page_id: int, before: Before | None) -> Snapshot:
    """The page as committed.  `before` is what was published last: lasting pages that changed after it are listed in
    `changed` and `months`; None, or a rebuild asked for since, lists all of them.

    Raises:
        NotFound: the page doesn't exist.
    """
    at = now()
    page = read_page(session, page_id)
    if before is not None and page.rebuild_revision > before.revision:
        before = None
    components = _components(session, page, at)
    groups = _groups(session, page, components)
    needed = read_needed(session, page, before, at, full_names(components, groups))
    shown = [post for post in needed.posts if post.is_open and not post.is_upcoming]
    return Snapshot(
        page=page,
        rendered_at=at,
        verdict=verdict([c.status for c in components], [_for_verdict(post) for post in shown]),
        components=components,
        groups=groups,
        open_posts=tuple(shown),
        upcoming=tuple(sorted((p for p in needed.posts if p.is_upcoming), key=_planned)),
        called_off=tuple(sorted((p for p in needed.posts if _is_called_off(p, at)), key=_planned)),
        windows=_windows(needed.posts, past_since(page, at)),
        past_days=_past_days(needed.posts, page, at),
        newest=needed.posts[:NEWEST],
        newest_incidents=_newest(needed.posts, PostKind.INCIDENT),
        newest_maintenances=_newest(needed.posts, PostKind.MAINTENANCE),
        changed=needed.changed,
        months=needed.months,
        newest_month=needed.newest_month,
        all_months=needed.all_months,
        announcements=_announcements(session, page, at),
        pinned=tuple(post for post in needed.posts if post.is_pinned and not post.is_open),
    )


def read_page(session: Session, page_id: int) -> PageView:
    """A page's public facts.  Raises NotFound."""
    row = session.get(Page, page_id, populate_existing=True)
    if row is None:
        raise NotFound("Page not found.")
    return PageView(
        row.id, row.public_id, row.slug, row.feed_authority, row.name, row.url, row.time_zone, row.locale, row.theme,
        row.updated_at, row.revision, row.rebuild_revision, _languages(row), row.accent, _logo(session, row.id),
        row.mail_from, row.purge_revision,
    )  # fmt: skip


def _languages(row: Page) -> tuple[Language, ...]:
    """The languages of the page, its own first."""
    offered = [Language(code) for code in row.languages.split(",") if code in set(Language)]
    own = Language(row.locale) if row.locale in set(Language) else Language.ENGLISH
    return (own, *(language for language in offered if language is not own))


def _logo(session: Session, page_id: int) -> LogoView | None:
    row = session.get(PageLogo, page_id, populate_existing=True)
    if row is None:
        return None
    digest = hashlib.sha256(row.body).hexdigest()[:12]
    return LogoView(f"logo-{digest}.{row.content_type.removeprefix('image/')}", row.body)


def _announcements(session: Session, page: PageView, at: datetime) -> tuple[AnnouncementView, ...]:
    rows = session.scalars(
        select(Announcement)
        .where(
            Announcement.page_id == page.id,
            Announcement.starts_at <= at,
            or_(Announcement.ends_at.is_(None), Announcement.ends_at > at),
        )
        .order_by(Announcement.starts_at.desc(), Announcement.id.desc())
    )
    titles: dict[int, dict[str, str]] = {}
    htmls: dict[int, dict[str, str]] = {}
    for text in session.scalars(
        select(AnnouncementText)
        .join(Announcement, Announcement.id == AnnouncementText.announcement_id)
        .where(Announcement.page_id == page.id)
    ):
        titles.setdefault(text.announcement_id, {})[text.language] = text.title
        htmls.setdefault(text.announcement_id, {})[text.language] = text.body_html
    return tuple(
        AnnouncementView(
            public_id=row.public_id,
            title=row.title,
            body_html=row.body_html,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            titles=titles.get(row.id, {}),
            htmls=htmls.get(row.id, {}),
        )
        for row in rows
    )


def _components(session: Session, page: PageView, at: datetime) -> tuple[ComponentView, ...]:
    """The visible components with their 90 days.  Three queries."""
    rows = session.execute(
        select(Component, ComponentGroup.public_id)
        .outerjoin(ComponentGroup, ComponentGroup.id == Component.group_id)
        .where(Component.page_id == page.id, Component.visible, Component.archived_at.is_(None))
        .order_by(Component.position, Component.id)
    ).all()
    changes = read_changes(session, [component.id for component, _ in rows], uptime.window_start(at, page.zone))
    texts: dict[int, list[ComponentText]] = {}
    for text in session.scalars(
        select(ComponentText)
        .join(Component, Component.id == ComponentText.component_id)
        .where(Component.page_id == page.id)
    ):
        texts.setdefault(text.component_id, []).append(text)
    return tuple(
        _component(row, group, changes.get(row.id, ()), texts.get(row.id, ()), page=page, at=at) for row, group in rows
    )


def _component(
    row: Component,
    group: str | None,
    changes: Sequence[uptime.StatusChange],
    texts: Sequence[ComponentText],
    *,
    page: PageView,
    at: datetime,
) -> ComponentView:
    status, began = ComponentStatus(row.status), known_since(row, changes, page.zone)
    return ComponentView(
        id=row.id,
        public_id=row.public_id,
        name=row.name,
        description=row.description,
        status=status,
        position=row.position,
        group_id=group,
        showcase=row.showcase,
        only_show_if_degraded=row.only_show_if_degraded,
        start_date=row.start_date,
        created_at=row.created_at,
        updated_at=row.updated_at,
        history=uptime.history(changes, status, began, at, page.zone),
        names={text.language: text.name for text in texts},
        descriptions={text.language: text.description for text in texts},
    )


def known_since(row: Component, changes: Sequence[uptime.StatusChange], zone: ZoneInfo) -> datetime:
    """Since when something is known of a component; `changes` are its own, oldest first."""
    began = row.created_at
    if row.start_date is not None:
        first = max(row.start_date, EARLIEST_DAY)
        began = datetime.combine(first, datetime.min.time(), zone).astimezone(UTC)
    return min([began, *(change.at for change in changes[:1])])


def read_changes(
    session: Session, component_ids: Sequence[int], since: datetime
) -> dict[int, list[uptime.StatusChange]]:
    """What happened to components since an instant, oldest first, by row id.  One query."""
    found: dict[int, list[uptime.StatusChange]] = {}
    rows = session.execute(
        select(ComponentChange.component_id, ComponentChange.at, ComponentChange.from_status, ComponentChange.to_status)
        .where(ComponentChange.component_id.in_(component_ids), ComponentChange.at >= since)
        .order_by(ComponentChange.at, ComponentChange.id)
    )
    for component_id, at, before, after in rows:
        change = uptime.StatusChange(at, ComponentStatus(before), ComponentStatus(after))
        found.setdefault(component_id, []).append(change)
    return found


def _groups(session: Session, page: PageView, components: Iterable[ComponentView]) -> tuple[GroupView, ...]:
    members: dict[str, list[ComponentView]] = {}
    for component in components:
        if component.group_id is not None:
            members.setdefault(component.group_id, []).append(component)
    rows = session.scalars(
        select(ComponentGroup)
        .where(ComponentGroup.page_id == page.id)
        .order_by(ComponentGroup.position, ComponentGroup.id)
    )
    names: dict[int, dict[str, str]] = {}
    for text in session.scalars(
        select(ComponentGroupText)
        .join(ComponentGroup, ComponentGroup.id == ComponentGroupText.group_id)
        .where(ComponentGroup.page_id == page.id)
    ):
        names.setdefault(text.group_id, {})[text.language] = text.name
    return tuple(
        GroupView(
            public_id=row.public_id,
            name=row.name,
            description=row.description,
            position=row.position,
            created_at=row.created_at,
            updated_at=row.updated_at,
            components=tuple(members[row.public_id]),
            names=names.get(row.id, {}),
        )
        for row in rows
        if row.public_id in members
    )


def full_names(components: Iterable[ComponentView], groups: Iterable[GroupView]) -> dict[str, dict[str, str]]:
    """What components are called in other languages, with their group, by public id; without those called the same."""
    by_id = {group.public_id: group for group in groups}
    found: dict[str, dict[str, str]] = {}
    for component in components:
        group = by_id.get(component.group_id or "")
        for language in {*component.names, *(group.names if group else ())}:
            name = component.names.get(language, component.name)
            full = f"{group.names.get(language, group.name)} - {name}" if group else name
            found.setdefault(component.public_id, {})[language] = full
    return found


def _past_days(posts: Iterable[PostView], page: PageView, at: datetime) -> tuple[DayView, ...]:
    today = at.astimezone(page.zone).date()
    by_day: dict[date, list[PostView]] = {}
    for post in posts:
        if not post.is_upcoming:
            by_day.setdefault(post.happened_at.astimezone(page.zone).date(), []).append(post)
    days = [today - timedelta(days=offset) for offset in range(PAST_DAYS)]
    told: list[DayView] = []
    for one in (_past_day(day, by_day.get(day, ())) for day in days):
        if told and told[-1].is_quiet and one.is_quiet:
            told[-1] = replace(told[-1], first=one.day)
        else:
            told.append(one)
    return tuple(told)


def _past_day(day: date, posts: Sequence[PostView]) -> DayView:
    over, ongoing = (tuple(post for post in posts if post.is_open is wanted) for wanted in (False, True))
    return DayView(day, day, over, ongoing)


def _for_verdict(post: PostView) -> OpenPost:
    return OpenPost(post.kind, post.status, post.impact, post.is_tied)


def _is_called_off(post: PostView, at: datetime) -> bool:
    """Whether readers may still reckon with a maintenance that will not be."""
    return (
        post.status is PostStatus.CANCELLED
        and post.withdrawn_at is None
        and not post.took_place
        and post.happened_at > at
    )


def _windows(posts: Sequence[PostView], since: datetime) -> tuple[PostView, ...]:
    """The maintenances that are to come, underway or of the past days, and those among the newest posts; oldest first.

    Cancelled ones are among them.
    """
    newest = {post.id for post in posts[:NEWEST]}
    told = [post for post in posts if post.is_open or post.happened_at >= since or post.id in newest]
    return tuple(sorted((post for post in told if post.kind is PostKind.MAINTENANCE), key=lambda post: post.id))


def _newest(posts: Iterable[PostView], kind: PostKind) -> tuple[PostView, ...]:
    return tuple(islice((post for post in posts if post.kind is kind and post.withdrawn_at is None), NEWEST))


def _planned(post: PostView) -> datetime:
    return post.scheduled_for or post.started_at
