"""States of a public page, made through the actions, and a server for them that needs no process."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.actions.pages.announcements import create_announcement
from app.actions.pages.pages import edit_page, set_logo
from app.actions.posts.correcting import correct_update
from app.actions.posts.editing import pin_post
from app.actions.posts.publishing import open_post, publish_update
from app.clock import now
from app.db import session
from app.models.post import Post
from app.publish.refresh import refresh
from app.publish.serve import SnapshotServer
from app.settings import Settings
from app.shapes import AnnouncementDraft, ComponentEffect, PostDraft, UpdateDraft
from app.vocabulary import ComponentStatus, PostKind, PostStatus
from tests.factories import ALICE, LENA, make_component, make_group, only_page
from tests.loopback import answering
from tests.pictures import PNG

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
OPERATIONAL, MAJOR = ComponentStatus.OPERATIONAL, ComponentStatus.MAJOR_OUTAGE


def empty(settings: Settings, page_id: int) -> str:
    """A page with nothing on it."""
    refresh(settings, page_id)
    return "nothere"


def all_well(settings: Settings, page_id: int) -> str:
    """Three components and an incident that is over, with a correction and a post-mortem; its id."""
    ids = [make_component(page_id, name, position=place) for place, name in enumerate(("Website", "API", "Reports"))]
    post = _incident(settings, page_id, "Slow answers", ids[0], ComponentStatus.PARTIAL_OUTAGE)
    say(settings, post, 2, PostStatus.RESOLVED, "It is over.", ComponentEffect(ids[0], OPERATIONAL))
    say(settings, post, 3, PostStatus.POSTMORTEM, "## What happened\n\nA disk was full.\n\n- We added an alarm.")
    pin_post(settings, LENA, page_id, post, True)
    return post


def outage(settings: Settings, page_id: int) -> str:
    """Components of every status, an announcement, and three open incidents; the id of the gravest: a major outage with
    four updates, a correction and a promise."""
    ids = [make_component(page_id, name, position=place) for place, name in enumerate(("Website", "API", LONG))]
    for place, status in enumerate(ComponentStatus, len(ids)):
        ids.append(make_component(page_id, f"Part {place}", status, position=place))
    for place, status in ((1, ComponentStatus.DEGRADED_PERFORMANCE), (3, ComponentStatus.PARTIAL_OUTAGE)):
        _incident(settings, page_id, f"Trouble {place}", ids[place], status)
    post = _incident(settings, page_id, f"Nothing works: {LONG}", ids[0], MAJOR)
    for version in (2, 3, 4):
        say(settings, post, version, PostStatus.IDENTIFIED, "We found `the cause`.\n\n> It is being *fixed*.")
    news = AnnouncementDraft("A new address from January", "See [here](https://example.com/).")
    create_announcement(settings, LENA, page_id, news)
    return post


def maintenance(settings: Settings, page_id: int, title: str = "Database upgrade") -> str:
    """Planned work, announced; its id."""
    component = make_component(page_id, "Database", description="All of our data")
    begins = now() + timedelta(days=2)
    draft = PostDraft(
        PostKind.MAINTENANCE, title, PostStatus.SCHEDULED, "Short interruptions.", f"scene-{title}",
        effects=(ComponentEffect(component, ComponentStatus.UNDER_MAINTENANCE),),
        scheduled_for=begins, scheduled_until=begins + timedelta(hours=2),
    )  # fmt: skip
    return open_post(settings, LENA, page_id, draft).post_id


def underway(settings: Settings, page_id: int) -> str:
    """Planned work that has begun, beside work that was called off; the id of the former."""
    post, off = (maintenance(settings, page_id, f"Work {place}") for place in range(2))
    say(settings, post, 2, PostStatus.IN_PROGRESS, "We have begun.")
    say(settings, off, 2, PostStatus.CANCELLED, "Another time.")
    return post


def wordy(settings: Settings, page_id: int) -> str:
    """Very long words and two scripts wherever something can be typed, with a logo; an open incident's id."""
    arabic, japanese = "مكوّن بالعربية", "決済サービスと請求書の発行およびその他の長い名前"
    edit_page(settings, ALICE, page_id, name=f"{LONG} 1"[:100], time_zone="America/Argentina/ComodRivadavia")
    set_logo(settings, ALICE, page_id, PNG)
    group = make_group(page_id, f"A group whose name is long: {LONG}")
    ids = [make_component(page_id, name, group_id=group) for name in (LONG, arabic, japanese)]
    make_component(page_id, f"{LONG} again", description=f"https://example.com/{LONG * 3}")
    create_announcement(settings, LENA, page_id, AnnouncementDraft(f"{arabic} {LONG}", f"`{LONG * 3}`"))
    post = _incident(settings, page_id, f"{LONG} {japanese}", ids[0], ComponentStatus.PARTIAL_OUTAGE)
    effects = [ComponentEffect(one, MAJOR) for one in ids]
    say(settings, post, 2, PostStatus.IDENTIFIED, f"{LONG * 2}\n\n    {LONG * 4}\n\n|{LONG}|b|\n|-|-|\n|c|d|", *effects)
    return post


def sixty(settings: Settings, page_id: int) -> str:
    """Sixty components in six groups with three open incidents, in another zone and with a color of its own; an id."""
    groups = [make_group(page_id, f"Region {place}", place) for place in range(6)]
    ids = [
        make_component(page_id, f"Service {place:02}", group_id=groups[place % 6], position=place)
        for place in range(60)
    ]
    posts = [
        _incident(settings, page_id, f"Trouble {place}", ids[place], ComponentStatus.DEGRADED_PERFORMANCE)
        for place in range(3)
    ]
    edit_page(settings, ALICE, page_id, name="Acme", url="", time_zone="Asia/Kolkata", locale="en", accent="#8a2be2")
    return posts[0]


SCENES = {
    "all well": all_well, "outage": outage, "maintenance": maintenance, "underway": underway, "empty": empty,
    "sixty": sixty, "wordy": wordy,
}  # fmt: skip


def _incident(settings: Settings, page_id: int, title: str, component: str, status: ComponentStatus) -> str:
    draft = PostDraft(
        PostKind.INCIDENT, title, PostStatus.INVESTIGATING, "We are **looking** into it.", f"scene-{component}-open",
        effects=(ComponentEffect(component, status),), notify=False,
    )  # fmt: skip
    made = open_post(settings, LENA, page_id, draft)
    correct_update(settings, LENA, page_id, made.update_id, "We are **looking** into it, all of us.", 1)
    return made.post_id


def say(settings: Settings, post: str, number: int, status: PostStatus, body: str, *effects: ComponentEffect) -> None:
    """One more update of a post."""
    version = session().scalars(select(Post.version).where(Post.public_id == post)).one()
    session().rollback()
    draft = UpdateDraft(status, body, f"{post}-{number:04}", version, effects=effects, notify=False)
    publish_update(settings, LENA, only_page(), post, draft)


def _nothing(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b""]


@contextmanager
def served(settings: Settings, behind: Any = _nothing) -> Iterator[str]:
    """The address of the page's snapshot on loopback, with a WSGI application behind it, or nothing."""
    with answering(SnapshotServer(settings.public_root, behind)) as address:
        yield address
