"""Two pages in one installation: whoever has to do with one finds nothing of the other, and changes nothing of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import Client

from app.actions.accounts.api_tokens import create_token
from app.actions.pages.announcements import create_announcement
from app.actions.posts.publishing import open_post
from app.actions.posts.templates import TemplateDraft, create_template
from app.db import db, session, transaction
from app.deliver import plan
from app.deliver.sender_pool import SenderPool, Size
from app.models.api_token import ApiToken
from app.models.component import Component, ComponentGroup
from app.models.incident import Incident
from app.models.page import Page
from app.models.post import Post, Update
from app.models.subscriber import Subscriber
from app.publish import tokens
from app.publish.refresh import refresh
from app.publish.serve import SnapshotServer
from app.settings import Settings
from app.shapes import AnnouncementDraft, Recipient
from app.vocabulary import Language, PostStatus, Role, Scope, Severity, SubscriberState
from app.web.access import audience_of
from tests.deliver.conftest import draft, edge
from tests.deliver.fakes import Edge
from tests.factories import ALICE, make_component, make_group, make_page, make_subscriber
from tests.judge import Browser
from tests.web.people import make_account, sign_in

__all__ = ["edge"]
pytestmark = pytest.mark.database
ACME, ZEBRA = "Acme", "Zebra"
FIELDS = {
    "name": "Taken", "title": "Taken", "body": "Taken.", "status": "investigating", "version": "1", "direction": "up",
    "kind": "incident", "idempotency_key": "taken-00000001", "visible": "yes", "acknowledged": "yes", "pinned": "yes",
    "by_clock": "yes", "notify": "yes", "starts_at": "2026-11-23T04:30", "text": "Taken.", "resolving": "no",
}  # fmt: skip
NOUNS = ("page", "component", "component_group", "incident", "incident_update", "subscriber", "postmortem", "template")
BODY = {noun: {"name": "Taken", "status": "investigating", "body": "Taken.", "components": []} for noun in NOUNS}
DOCUMENTS = (
    "/", "/history", "/history.atom", "/history.rss", "/feed.json", "/calendar.ics", "/api/v2/summary.json",
    "/api/v2/incidents.json", "/status.md", "/embed/frame", "/subscribe", "/badge.svg",
)  # fmt: skip
OF_AN_OBJECT = (
    "/incidents/{post}", "/incidents/{post}.json", "/api/v2/incidents/{post}.json", "/components/{component}/feed.atom",
    "/components/{component}/badge.svg",
)  # fmt: skip


@dataclass(frozen=True)
class Cast:
    """One page with something of everything, and the ids of it all."""

    page_id: int
    slug: str
    public_id: str
    host: str
    ids: dict[str, str]

    @property
    def url(self) -> str:
        return f"https://{self.host}"


def make_cast(settings: Settings, word: str, **page: Any) -> Cast:
    slug, host = word.lower(), f"status.{word.lower()}.example"
    page_id = make_page(f"{word} Status", slug=slug, url=f"https://{host}", feed_authority=host, **page)
    group = make_group(page_id, f"{word} services")
    component = make_component(page_id, f"{word} API", group_id=group)
    key = f"{slug}-0000001"
    ids = {"component": component, "group": session().get_one(ComponentGroup, group).public_id}
    number = session().scalar(select(Component.id).where(Component.public_id == component)) or 0
    for name, components in (("all", ()), ("some", (number,))):
        row = make_subscriber(page_id, f"{name}@{slug}.example", component_ids=components)
        ids[f"subscriber {name}"] = session().get_one(Subscriber, row).public_id
    made = open_post(settings, ALICE, page_id, draft(key, component, title=f"{word} is slow", severity=Severity.P1))
    ids |= {"post": made.post_id}
    said = AnnouncementDraft(title=f"{word} moves", body=f"{word} moves.", starts_at=None, ends_at=None)
    ids["announcement"] = create_announcement(settings, ALICE, page_id, said)
    words = TemplateDraft(f"{word} words", f"{word} again", f"{word}.", PostStatus.INVESTIGATING, True, ())
    ids["template"] = create_template(settings, ALICE, page_id, words)
    post = session().scalars(select(Post).where(Post.public_id == made.post_id)).one()
    ids["update"] = session().scalars(select(Update.public_id).where(Update.post_id == post.id)).one()
    ids["incident"] = session().get_one(Incident, post.incident_id).public_id
    return Cast(page_id, slug, session().get_one(Page, page_id).public_id, host, ids)


@pytest.fixture
def acme(app: Flask, settings: Settings) -> Cast:
    return make_cast(settings, ACME)


@pytest.fixture
def zebra(app: Flask, settings: Settings, acme: Cast) -> Cast:
    return make_cast(settings, ZEBRA, time_zone="Asia/Tokyo", locale="de", languages="de,en", accent="#7a1f4f")


def rows_of(cast: Cast) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the database holds of a page."""
    session().rollback()
    found = {}
    for table in db.metadata.sorted_tables:
        if "page_id" in table.c and table.name not in {"audit_entry", "api_token", "membership"}:
            rows = session().execute(select(table).where(table.c.page_id == cast.page_id))
            found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    posts = select(Post.id).where(Post.page_id == cast.page_id)
    found["update"] = sorted(
        (tuple(row) for row in session().execute(select(Update.__table__).where(Update.post_id.in_(posts)))), key=repr
    )
    return found


def files_of(settings: Settings, cast: Cast) -> dict[str, tuple[int, int]]:
    """Every file of a page with its inode and time of change."""
    folder = settings.public_root / cast.slug
    return {
        str(path.relative_to(folder)): (path.lstat().st_ino, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.name != ".lock" and not path.is_dir()
    }


def people_routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and address of each screen and form for people."""
    for rule in app.url_map.iter_rules():
        if audience_of(app, rule.endpoint) in {"public", "token"}:
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            yield rule.endpoint, method, rule.rule


def addressed(rule: str, slug: str, other: Cast) -> Iterator[str]:
    """An address for each id of the other page that may stand in a rule."""
    rule = rule.replace("<page:page_slug>", slug)
    for public_id in other.ids.values() if "<" in rule else [""]:
        yield re.sub(r"<[^>]+>", public_id, rule)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.VIEWER])
def test_a_session_of_one_page_finds_nothing_of_the_other(app: Flask, acme: Cast, zebra: Cast, role: Role) -> None:
    make_account(role, "only@example.com", page_id=acme.page_id)
    only = Browser(app.test_client())
    assert sign_in(only, "only@example.com").status_code == 303
    only.get("/console/acme")
    before, asked = rows_of(zebra), 0
    for endpoint, method, rule in people_routes(app):
        names_an_object = "<public_id>" in rule
        for slug in (acme.slug, zebra.slug):
            for path in addressed(rule, slug, zebra):
                answer = only.get(path) if method == "GET" else only.post(path, FIELDS)
                asked += 1
                assert ZEBRA not in answer.text, f"{method} {path}"
                if endpoint.startswith("console.") and (slug == zebra.slug):
                    assert answer.status_code == 404, f"{method} {path}: {answer.status_code}"
                elif endpoint.startswith(("console.", "board.")) and names_an_object:
                    assert answer.status_code in {403, 404, 422}, f"{method} {path}: {answer.status_code}"
    assert asked > 500
    assert rows_of(zebra) == before


def test_a_token_of_one_page_finds_nothing_of_the_other(app: Flask, acme: Cast, zebra: Cast) -> None:
    app.config["SETTINGS"] = app.config["SETTINGS"].with_changes(api_requests_per_minute=100_000)
    public_id, token = create_token(ALICE, name="acme", scopes=[Scope.ADMIN])
    with transaction() as writing:
        writing.scalars(select(ApiToken).where(ApiToken.public_id == public_id)).one().page_id = acme.page_id
    client, before, asked = app.test_client(), rows_of(zebra), 0
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(("/v1/", "/api/v1/")) or rule.rule.endswith(".json"):
            continue
        for page in (acme, zebra):
            there = re.sub(r"<(id:)?page_id>", page.public_id, rule.rule)
            for path in addressed(there, page.slug, zebra):
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    answer = client.open(path, method=method, json=BODY, headers={"Authorization": f"OAuth {token}"})
                    asked += 1
                    assert ZEBRA.encode() not in answer.data, f"{method} {path}"
                    assert zebra.public_id.encode() not in answer.data, f"{method} {path}"
                    if page is zebra and "page_id" in rule.rule:
                        assert answer.status_code == 404, f"{method} {path}: {answer.status_code}"
    assert asked > 300
    assert rows_of(zebra) == before


def test_what_is_published_of_one_page_says_nothing_of_the_other(settings: Settings, acme: Cast, zebra: Cast) -> None:
    for mine, other in ((acme, ZEBRA), (zebra, ACME)):
        refresh(settings, mine.page_id)
        folder = settings.public_root / mine.slug
        texts = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in {".br", ".gz", ".png"}]
        assert len(texts) > 40
        for path in texts:
            assert other.encode() not in path.read_bytes(), path


def test_each_host_has_its_page_alone(app: Flask, settings: Settings, acme: Cast, zebra: Cast) -> None:
    reader = Client(SnapshotServer(settings.public_root, app, home=settings.base_url))
    for mine, its, other, word in ((acme, ACME, zebra, ZEBRA), (zebra, ZEBRA, acme, ACME)):
        there = f"https://{mine.host}"
        for path in DOCUMENTS:
            answer = reader.get(path, base_url=there)
            assert answer.status_code == 200 and word not in answer.text, path
        assert its in reader.get("/", base_url=there).text
        for path in OF_AN_OBJECT:
            assert reader.get(path.format(**other.ids), base_url=there).status_code == 404, path
        offered = reader.get(f"/subscribe?post={other.ids['post']}", base_url=there)
        assert offered.status_code == 200 and word not in offered.text


def test_a_personal_link_works_at_the_old_address(app: Flask, settings: Settings, acme: Cast, zebra: Cast) -> None:
    reader = Client(SnapshotServer(settings.public_root, app, home=settings.base_url))
    public_id = zebra.ids["subscriber some"]
    version = session().scalars(select(Subscriber).where(Subscriber.public_id == public_id)).one().token_version
    token = tokens.sign(settings.secret_key, "manage", public_id, version)
    for there in ("http://localhost:8000", f"https://{zebra.host}"):
        answer = reader.get(f"/manage/{public_id}/{token}", base_url=there)
        assert answer.status_code == 200 and "Zebra API" in answer.text and ACME not in answer.text
        style = re.findall(r'href="(/assets/[^"]+\.css)"', answer.text)
        assert style and reader.get(style[0], base_url=there).status_code == 200, "it looks like its page"
    token = tokens.sign(settings.secret_key, "unsubscribe", public_id, version)
    assert reader.post(f"/unsubscribe/{public_id}/{token}", base_url="http://localhost:8000").status_code == 200


def send_all(settings: Settings) -> None:
    for dispatch in plan.due_dispatches(session()):
        plan.plan(dispatch)
    pool = SenderPool(settings, "email", Size(1, 1))
    while pool.work():
        pass
    pool.leave()


def test_one_pages_subscribers_get_its_messages_alone(settings: Settings, acme: Cast, zebra: Cast, edge: Edge) -> None:
    send_all(settings)
    assert sorted(edge.addresses) == [
        "all@acme.example",
        "all@zebra.example",
        "some@acme.example",
        "some@zebra.example",
    ]
    for address, letter in edge.sent:
        word, other, host = (ACME, ZEBRA, acme.host) if "acme" in address else (ZEBRA, ACME, zebra.host)
        assert word in repr(letter) and other not in repr(letter)
        assert f"https://{host}/incidents/" in repr(letter)


def test_personal_links_lead_to_the_pages_own_address(app: Flask, settings: Settings, zebra: Cast, edge: Edge) -> None:
    below = make_page("Lion Status", slug="lion", url=f"https://{zebra.host}/lion")
    make_subscriber(below, "all@lion.example")
    refresh(settings, below)
    open_post(settings, ALICE, below, draft("lion-0000001", title="Lion is slow"))
    links: dict[str, Mapping[str, str]] = {}

    def note(recipient: Recipient) -> None:
        links[recipient.address] = recipient.personal

    edge.behave = note
    send_all(settings)
    reader = Client(SnapshotServer(settings.public_root, app, home=settings.base_url))
    for address, base in (("all@zebra.example", zebra.url), ("all@lion.example", f"{zebra.url}/lion")):
        for purpose in ("manage", "unsubscribe"):
            link = links[address][f"{purpose}_url"]
            assert link.startswith(f"{base}/{purpose}/"), link
            path = link.removeprefix(zebra.url)
            assert reader.get(path, base_url=zebra.url).status_code == 200, link
        assert reader.post(path, base_url=zebra.url).status_code == 200, "a mail program's own button"
    ended = session().scalars(select(Subscriber.address).where(Subscriber.state == SubscriberState.UNSUBSCRIBED)).all()
    assert sorted(ended) == ["all@lion.example", "all@zebra.example"]


def test_publishing_one_page_leaves_the_others_files_alone(settings: Settings, acme: Cast, zebra: Cast) -> None:
    refresh(settings, zebra.page_id)
    before = files_of(settings, zebra)
    open_post(settings, ALICE, acme.page_id, draft("acme-0000002", title="Acme again"))
    assert files_of(settings, zebra) == before
    assert "Acme again" in (settings.public_root / "acme" / "current" / "index.html").read_text()


def test_each_page_has_its_own_language_zone_and_look(settings: Settings, acme: Cast, zebra: Cast) -> None:
    def home(cast: Cast) -> str:
        return Path(settings.public_root / cast.slug / "current" / "index.html").read_text()

    assert '<html lang="en"' in home(acme) and "Asia/Tokyo" not in home(acme)
    assert f'<html lang="{Language.GERMAN}"' in home(zebra) and "Asia/Tokyo" in home(zebra)
    assert "#7a1f4f" not in "".join(
        path.read_text() for path in (settings.public_root / "acme/lasting/assets").glob("*.css")
    )
    assert "#7a1f4f" in "".join(
        path.read_text() for path in (settings.public_root / "zebra/lasting/assets").glob("*.css")
    )
