"""Maintenance as a calendar (RFC 5545), by icalendar: one event per window."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.publish.links import permalink
from app.publish.views import PostView, Snapshot
from app.vocabulary import PostStatus

if TYPE_CHECKING:
    from icalendar import Event, Timezone


def calendar(snapshot: Snapshot) -> bytes:
    """`/calendar.ics`: the windows to come, underway, of the past days and the newest posts.  A cancelled one says so.

    It stays among them so that a calendar which took it learns of it.
    """
    from icalendar import Calendar  # takes 100 ms to load, and only a publish needs it

    page = snapshot.page
    made = Calendar()
    made.add("prodid", "-//Candor//Status page//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", page.name)
    for post in snapshot.windows:
        if post.scheduled_for and post.scheduled_until:
            made.add_component(_event(snapshot, post, post.scheduled_for, post.scheduled_until))
    if not made.subcomponents:  # RFC 5545 wants one at least, and some readers refuse a calendar without any
        made.add_component(_utc())
    return bytes(made.to_ical())


def _event(snapshot: Snapshot, post: PostView, start: datetime, end: datetime) -> "Event":
    """One window.  Whatever moves it or calls it off raises the post's version, and so the event's sequence, which
    counts from 0: a calendar keeps the highest, and an older copy of the file undoes nothing.
    """
    from icalendar import Event

    event = Event()
    is_off = post.status is PostStatus.CANCELLED or post.withdrawn_at is not None
    event.add("uid", f"{post.public_id}@{snapshot.page.feed_authority}")
    event.add("dtstamp", post.updated_at)
    event.add("last-modified", post.updated_at)
    event.add("sequence", post.version - 1)
    event.add("dtstart", start)
    event.add("dtend", end)
    event.add("summary", f"{snapshot.page.name}: {post.title}")
    event.add("status", "CANCELLED" if is_off else "CONFIRMED")
    event.add("url", permalink(snapshot.page.url, post.public_id))
    if post.updates:
        event.add("description", post.updates[0].body)
    return event


def _utc() -> "Timezone":
    from icalendar import Timezone, TimezoneStandard

    standard = TimezoneStandard()
    standard.add("dtstart", datetime.fromisoformat("1970-01-01T00:00:00"))
    standard.add("tzoffsetfrom", timedelta())
    standard.add("tzoffsetto", timedelta())
    zone = Timezone()
    zone.add("tzid", "Etc/UTC")
    zone.add_component(standard)
    return zone
