"""Atom and RSS by feedgen, in Statuspage's shape: stable ids, the right `updated`, the full text; and JSON Feed 1.1."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from app.publish.links import permalink
from app.publish.views import ComponentView, PostView, Snapshot, UpdateView
from app.publish.words import status_word, zone_name
from app.text import header_safe

if TYPE_CHECKING:
    from feedgen.feed import FeedGenerator

ENTRIES = 25
MAINTENANCE_END = "maintenanceEndDate"


WITHDRAWN = "This was published by mistake and has been withdrawn."


@dataclass(frozen=True, slots=True)
class _Topic:
    """What a feed is about: its address below the page, its title, since when there is one, its posts newest first."""

    path: str
    title: str
    since: datetime
    posts: Sequence[PostView]


def atom(snapshot: Snapshot) -> bytes:
    """`/history.atom`."""
    return _atom(snapshot, _history(snapshot, "/history.atom"))


def component_atom(snapshot: Snapshot, component: ComponentView) -> bytes:
    """`/components/<id>/feed.atom`: the newest posts that are about one component."""
    posts = [post for post in snapshot.newest if component.public_id in post.component_ids][:ENTRIES]
    title = f"{snapshot.page.name} - {component.name}"
    return _atom(snapshot, _Topic(f"/components/{component.public_id}/feed.atom", title, component.created_at, posts))


def rss(snapshot: Snapshot) -> bytes:
    """`/history.rss`; a maintenance says when it ends, as Statuspage's does."""
    topic = _history(snapshot, "/history.rss")
    feed = _feed(snapshot, topic)
    feed.link(href=snapshot.page.url, rel="alternate")  # RSS takes the last link
    for post in topic.posts:
        url = permalink(snapshot.page.url, post.public_id)
        _add(feed, snapshot, post).guid(url, permalink=True)  # sets Atom's id too, so each kind gets its own
    return _with_ends(bytes(feed.rss_str(pretty=False)), topic.posts)


def json_feed(snapshot: Snapshot) -> bytes:
    """`/feed.json`: JSON Feed 1.1 (jsonfeed.org/version/1.1)."""
    page = snapshot.page
    topic = _history(snapshot, "/feed.json")
    items = [
        {
            "id": _entry_id(snapshot, post),
            "url": permalink(page.url, post.public_id),
            "title": post.title,
            "content_html": _content(snapshot, post),
            "date_published": post.last_said_at.isoformat(),
            "date_modified": _changed(post).isoformat(),
            "tags": [post.kind.value, post.status.value, post.impact.value],
        }
        for post in topic.posts
    ]
    document: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": topic.title,
        "home_page_url": page.url,
        "feed_url": f"{page.url}{topic.path}",
        "language": page.locale,
        "authors": [{"name": page.name, "url": page.url}],
        "items": items,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _history(snapshot: Snapshot, path: str) -> _Topic:
    name = snapshot.page.name
    title = name if name.endswith("Status") else f"{name} Status"
    return _Topic(path, f"{title} - Incident History", snapshot.page.updated_at, snapshot.newest[:ENTRIES])


def _atom(snapshot: Snapshot, topic: _Topic) -> bytes:
    feed = _feed(snapshot, topic)
    feed.link(href=f"{snapshot.page.url}{topic.path}", rel="self", type="application/atom+xml")
    feed.link(href=snapshot.page.url, rel="alternate", type="text/html")
    for post in topic.posts:
        _add(feed, snapshot, post).id(_entry_id(snapshot, post))
    return bytes(feed.atom_str(pretty=False))


def _feed(snapshot: Snapshot, topic: _Topic) -> "FeedGenerator":
    from feedgen.feed import FeedGenerator  # lxml takes 50 ms to load, and only a publish needs it

    page = snapshot.page
    feed = FeedGenerator()
    feed.id(f"tag:{page.feed_authority},2005:{topic.path.rpartition('.')[0]}")
    feed.title(header_safe(topic.title))
    feed.author({"name": page.name})
    feed.language(page.locale)
    feed.description(f"What {page.name} has said about its service")
    feed.updated(max((_changed(post) for post in topic.posts), default=topic.since))
    return feed


def _entry_id(snapshot: Snapshot, post: PostView) -> str:
    return f"tag:{snapshot.page.feed_authority},2005:Incident/{post.id}"


def _add(feed: "FeedGenerator", snapshot: Snapshot, post: PostView) -> Any:
    entry = feed.add_entry(order="append")
    entry.title(header_safe(post.title))
    entry.link(href=permalink(snapshot.page.url, post.public_id))
    entry.published(post.last_said_at)
    entry.updated(_changed(post))
    entry.content(_content(snapshot, post), type="html")
    return entry


def _with_ends(feed: bytes, posts: Sequence[PostView]) -> bytes:
    if not any(post.scheduled_until for post in posts):
        return feed
    from lxml import etree

    tree = etree.fromstring(feed)
    for item, post in zip(tree.iter("item"), posts, strict=True):
        if post.scheduled_until:
            etree.SubElement(item, MAINTENANCE_END).text = f"{post.scheduled_until:%a, %d %b %Y %H:%M:%S %z}"
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8"))


def _changed(post: PostView) -> datetime:
    corrected = (update.corrected_at for update in post.updates)
    taken_back = (post.withdrawn_at, *(update.withdrawn_at for update in post.withdrawn))
    edited = (former.replaced_at for former in post.former_facts)
    return max([post.last_said_at, *(at for at in (*corrected, *taken_back, *edited) if at is not None)])


def _content(snapshot: Snapshot, post: PostView) -> str:
    """The statements, newest first: "Update" where one has the status of the one before it."""
    zone = snapshot.page.zone
    if post.withdrawn_at is not None:
        return f"<p>{WITHDRAWN}</p>"
    said = []
    for update in post.thread:
        before = next((one for one in post.updates if one.sequence < update.sequence), None)
        said.append(_stub(update, zone) if update.withdrawn_at else _statement(update, before, zone))
    return _window(post, zone) + "".join(said)


def _stub(update: UpdateView, zone: ZoneInfo) -> str:
    at = f"{_moment(update.display_at, zone)} {zone_name(update.display_at, zone)}"
    return f"<p><small>{at}</small><br><strong>Withdrawn</strong> - {WITHDRAWN}</p>"


def _statement(update: UpdateView, before: UpdateView | None, zone: ZoneInfo) -> str:
    """`<p><small>Aug 21, 00:37 UTC</small><br><strong>Resolved</strong> - text</p>`."""
    word = f"<strong>{status_word(update, before)}</strong>"
    begin = f"<p><small>{_moment(update.display_at, zone)} {zone_name(update.display_at, zone)}</small><br>{word} - "
    if update.body_html.startswith("<p>"):
        return begin + update.body_html.removeprefix("<p>")
    return f"{begin.removesuffix(' - ')}</p>{update.body_html}"


def _window(post: PostView, zone: ZoneInfo) -> str:
    if post.scheduled_for is None or post.scheduled_until is None:
        return ""
    begin, end = post.scheduled_for, post.scheduled_until
    same_day = begin.astimezone(zone).date() == end.astimezone(zone).date()
    until = _clock(end, zone) if same_day else _moment(end, zone)
    when = f"{_moment(begin, zone)} - {until} {zone_name(end, zone)}"
    return f"<p><strong>THIS IS A SCHEDULED EVENT {when}</strong></p>"


def _moment(at: datetime, zone: ZoneInfo) -> str:
    """ "Aug 21, 00:37", in English whatever the page's language is, marked up as Statuspage marks it."""
    local = at.astimezone(zone)
    return f"{_MONTHS[local.month - 1]} <var data-var='date'>{local.day}</var>, {_clock(at, zone)}"


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"<var data-var='time'>{at.astimezone(zone):%H:%M}</var>"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
