"""Atom and RSS by feedgen: stable ids, the right `updated`, the full text."""

from datetime import datetime
from typing import TYPE_CHECKING

from app.publish.links import permalink
from app.publish.views import PostView, Snapshot, UpdateView
from app.publish.words import status_word, when
from app.text import header_safe

if TYPE_CHECKING:
    from feedgen.feed import FeedGenerator

ENTRIES = 25


def atom(snapshot: Snapshot) -> bytes:
    """`/history.atom`."""
    feed = _feed(snapshot, "atom")
    return bytes(feed.atom_str(pretty=False))


def rss(snapshot: Snapshot) -> bytes:
    """`/history.rss`."""
    feed = _feed(snapshot, "rss")
    return bytes(feed.rss_str(pretty=False))


def _feed(snapshot: Snapshot, kind: str) -> "FeedGenerator":
    from feedgen.feed import FeedGenerator  # lxml takes 50 ms to load, and only a publish needs it

    page = snapshot.page
    feed = FeedGenerator()
    feed.id(f"tag:{page.host},2005:/history")
    feed.title(f"{page.name} - Incident History")
    feed.author({"name": page.name})
    feed.language(page.locale)
    feed.description(f"What {page.name} has said about its service")
    posts = snapshot.newest[:ENTRIES]
    feed.updated(max((post.updated_at for post in posts), default=page.updated_at))
    if kind == "rss":
        feed.link(href=page.url, rel="alternate")  # RSS takes the last link
    else:
        feed.link(href=f"{page.url}/history.atom", rel="self", type="application/atom+xml")
        feed.link(href=page.url, rel="alternate", type="text/html")
    for post in posts:
        _add(feed, snapshot, post, kind)
    return feed


def _add(feed: "FeedGenerator", snapshot: Snapshot, post: PostView, kind: str) -> None:
    page = snapshot.page
    entry = feed.add_entry(order="append")
    url = permalink(page.url, post.public_id)
    if kind == "rss":
        entry.guid(url, permalink=True)  # sets Atom's id too, so each kind gets its own
    else:
        entry.id(f"tag:{page.host},2005:Incident/{post.id}")
    entry.title(header_safe(post.title))
    entry.link(href=url)
    entry.published(post.last_said_at)
    entry.updated(_changed(post))
    entry.content(_content(snapshot, post), type="html")


def _changed(post: PostView) -> datetime:
    return max([post.last_said_at, *(update.corrected_at for update in post.updates if update.corrected_at)])


def _content(snapshot: Snapshot, post: PostView) -> str:
    oldest_first = list(reversed(post.updates))
    words = {}
    before: UpdateView | None = None
    for update in oldest_first:
        words[update.id] = status_word(update, before)
        before = update
    zone = snapshot.page.zone
    return "".join(
        f"<p><small>{when(update.display_at, zone)}</small><br><strong>{words[update.id]}</strong></p>"
        f"{update.body_html}"
        for update in post.updates
    )
