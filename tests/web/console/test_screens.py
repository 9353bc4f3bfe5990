"""Each screen opens, for whom it is meant, in a bounded number of queries, and its verbs do what they say."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select

from app.actions.posts.publishing import open_post
from app.clock import now
from app.db import db, session
from app.models.account import Account
from app.models.component import Component
from app.models.delivery import Delivery, Dispatch
from app.models.page import Page
from app.models.post import Update
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import ComponentEffect, PostDraft, RecordLinkDraft
from app.vocabulary import (
    ComponentStatus,
    DeliveryState,
    DispatchState,
    PostKind,
    PostStatus,
    Severity,
    SubscriberState,
)
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component, make_group, make_subscriber
from tests.web.console.person import HTMX, Person, form_of, text_of

pytestmark = pytest.mark.database
SCREENS = {
    "/console/default": "viewer",
    "/console/default/posts": "viewer",
    "/console/default/components": "viewer",
    "/board": "viewer",
    "/console/default/posts/new": "lead",
    "/console/default/components?arrange=1": "viewer",
    "/console/default/announcements": "lead",
    "/console/default/announcements/new": "lead",
    "/console/default/templates": "lead",
    "/console/default/templates/new": "lead",
    "/console/default/subscribers": "lead",
    "/console/default/subscribers/search": "viewer",
    "/console/default/subscribers/sheet": "admin",
    "/admin/limits": "lead",
    "/admin/outbox": "lead",
    "/admin/accounts": "admin",
    "/console/default/page": "admin",
}
RANK = {"vera": 0, "ravi": 1, "lena": 2, "alice": 3}
ROLE = {"viewer": 0, "responder": 1, "lead": 2, "admin": 3}


@contextmanager
def counted() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def declared(settings: Settings, page_id: int, key: str = "key-000000001", *component_ids: str) -> str:
    """The public id of an open incident with an internal record."""
    draft = PostDraft(
        PostKind.INCIDENT, f"Outage {key}", PostStatus.INVESTIGATING, "We are looking.", key,
        effects=tuple(ComponentEffect(name, ComponentStatus.MAJOR_OUTAGE) for name in component_ids),
        severity=Severity.P1, record_links=(RecordLinkDraft("OPS-7", f"https://acme.atlassian.net/browse/{key}"),),
    )  # fmt: skip
    return open_post(settings, LENA, page_id, draft).post_id


def one(column: object) -> str:
    session().rollback()
    return str(session().scalars(select(column).limit(1)).one())  # type: ignore[call-overload]


@pytest.mark.parametrize("who", list(RANK))
def test_screens_open_for_whom_they_are_meant(request: pytest.FixtureRequest, who: str) -> None:
    person: Person = request.getfixturevalue(who)
    for path, least in SCREENS.items():
        status = person.client.get(path).status_code
        assert status == (200 if RANK[who] >= ROLE[least] else 403), path
        if status == 200:
            person.open(path)


def test_a_viewer_reads_a_thread_but_gets_no_form(vera: Person, settings: Settings, page_id: int) -> None:
    public_id = declared(settings, page_id)
    page = vera.open(f"/console/default/posts/{public_id}")
    assert 'id="publish"' not in page
    assert "OPS-7" in page


def test_an_empty_console_says_what_to_do_first(alice: Person) -> None:
    page = text_of(alice.open("/console/default"))
    assert "Add the components" in page
    assert "Nothing is open." in page
    assert "no mail server is configured" in page
    assert "Add the first one below." in text_of(alice.open("/console/default/components"))


def test_the_overview_says_what_the_public_sees(vera: Person, settings: Settings, page_id: int) -> None:
    api = make_component(page_id)
    make_component(page_id, "Website", position=1)
    declared(settings, page_id, "key-000000001", api)
    page = text_of(vera.open("/console/default"))
    assert "Partial System Outage" in page
    assert "Outage key-000000001" in page


@pytest.mark.parametrize("path", ["/console/default", "/console/default/posts", "/board"])
def test_more_posts_cost_no_more_queries(lena: Person, settings: Settings, page_id: int, path: str) -> None:
    api = make_component(page_id)
    declared(settings, page_id, "key-000000001", api)
    with counted() as few:
        lena.open(path)
    for number in range(2, 9):
        declared(settings, page_id, f"key-00000000{number}", api)
    with counted() as many:
        lena.open(path)
    assert len(many) == len(few) <= 16


def test_a_responder_sets_a_status(ravi: Person, page_id: int) -> None:
    api = make_component(page_id)
    sent = ravi.fill("/console/default/components", f"{api}/status", {"status": "degraded_performance"})
    assert sent.status_code == 303
    assert one(Component.status) == "degraded_performance"
    assert ravi.client.get(f"/console/default/components/{api}").status_code == 403


def test_components_are_added_renamed_hidden_moved_and_archived(lena: Person, page_id: int) -> None:
    group = make_group(page_id, "Europe")
    for name in ("API", "Website"):
        lena.fill("/console/default/components", "/console/default/components", {"name": name, "group": ""})
    session().rollback()
    assert group
    first, second = session().scalars(select(Component.public_id).order_by(Component.position))
    assert lena.fill("/console/default/components?arrange=1", f"{second}/move", {"to": "1"}).status_code == 303
    session().rollback()
    assert list(session().scalars(select(Component.public_id).order_by(Component.position))) == [second, first]
    path = f"/console/default/components/{first}"
    assert lena.fill(path, path, {"name": "Core", "visible": "no"}).status_code == 303
    page = text_of(lena.open("/console/default/components"))
    assert "Core hidden" in page
    assert lena.fill(path, "/archive", {}).status_code == 303
    assert "Core" not in text_of(lena.open("/console/default/components")).partition("Set status")[2]


def test_a_name_that_is_taken_comes_back_with_what_was_typed(lena: Person, page_id: int) -> None:
    make_component(page_id, "API")
    refused = lena.fill(
        "/console/default/components", "/console/default/components", {"name": "API", "description": "Core"}
    )
    assert refused.status_code == 409
    assert form_of(refused.text, "/console/default/components").fields["description"] == "Core"


def test_groups_are_added_renamed_and_taken_away(lena: Person, page_id: int) -> None:
    make_component(page_id)
    lena.fill("/console/default/components", "/console/default/groups", {"name": "Europe"})
    lena.fill("/console/default/components", "/console/default/groups", {"name": "Asia"})
    page = lena.open("/console/default/components?arrange=1")
    group = page.partition('action="/console/default/groups/')[2].partition("/")[0]
    assert lena.fill("/console/default/components?arrange=1", f"{group}/delete", {}).status_code == 303
    assert "Europe" not in lena.open("/console/default/components?arrange=1")


def test_a_held_dispatch_is_cancelled(lena: Person, settings: Settings, page_id: int) -> None:
    make_subscriber(page_id)
    declared(settings, page_id)
    path = f"/console/default/updates/{one(Update.public_id)}/deliveries"
    assert "Not sent yet." in text_of(lena.open(path))
    assert lena.fill(path, "/cancel", {}).status_code == 303
    assert one(Dispatch.state) == DispatchState.CANCELLED
    assert "Nobody was notified" in text_of(lena.open(path))


def settle(state: DeliveryState, reason: str) -> None:
    """As if the worker had tried once."""
    session().rollback()
    dispatch = session().scalars(select(Dispatch)).one()
    subscriber = session().scalars(select(Subscriber)).one()
    dispatch.state, dispatch.planned_at, dispatch.finished_at = DispatchState.DONE, now(), now()
    session().add(
        Delivery(
            dispatch_id=dispatch.id,
            subscriber_id=subscriber.id,
            channel=subscriber.channel,
            state=state,
            reason=reason,
            settled_at=now(),
        )
    )
    session().commit()


def test_the_failed_ones_are_named_and_tried_again(lena: Person, settings: Settings, page_id: int) -> None:
    make_subscriber(page_id)
    declared(settings, page_id)
    settle(DeliveryState.FAILED, "the mailbox is full")
    path = f"/console/default/updates/{one(Update.public_id)}/deliveries"
    page = text_of(lena.open(path))
    assert "carol@example.com" in page
    assert "the mailbox is full" in page
    assert lena.fill(path, "/retry", {"which": "all"}).status_code == 303
    assert one(Delivery.state) == DeliveryState.PENDING


def test_a_responder_sees_addresses_masked(ravi: Person, settings: Settings, page_id: int) -> None:
    make_subscriber(page_id)
    declared(settings, page_id)
    settle(DeliveryState.FAILED, "the mailbox is full")
    page = ravi.open(f"/console/default/updates/{one(Update.public_id)}/deliveries")
    assert "c•••@e•••.com" in page
    assert "carol@" not in page


def test_htmx_gets_the_panel_and_it_stops_asking_when_done(lena: Person, settings: Settings, page_id: int) -> None:
    make_subscriber(page_id)
    declared(settings, page_id)
    path = f"/console/default/updates/{one(Update.public_id)}/deliveries"
    moving = lena.client.get(path, headers=HTMX)
    assert moving.text.strip().startswith("<section")
    assert "every 2s" in moving.text
    assert "HX-Request" in moving.headers["Vary"]
    settle(DeliveryState.SENT, "")
    assert "every 2s" not in lena.client.get(path, headers=HTMX).text


def test_reach_counts_exactly_the_chosen_components(lena: Person, page_id: int) -> None:
    api, site = make_component(page_id), make_component(page_id, "Website", position=1)
    session().rollback()
    site_id = session().scalars(select(Component.id).where(Component.public_id == site)).one()
    make_subscriber(page_id)
    make_subscriber(page_id, "dave@example.com", component_ids=(site_id,))
    form = form_of(lena.open("/console/default/posts/new"), "/console/default/posts")

    def ask(component: str) -> str:
        typed = {**form.fields, f"effect-{component}": "partial_outage"}
        return text_of(lena.client.post("/console/default/posts/reach", data=typed, headers=HTMX).text)

    assert "1 will be notified: Email 1" in ask(api)
    assert "2 will be notified: Email 2" in ask(site)
    assert "Impact: Major (computed)" in ask(site)


def test_the_outbox_shows_a_kept_message_as_text(lena: Person, settings: Settings) -> None:
    folder = settings.outbox / "email"
    folder.mkdir(parents=True)
    (folder / "1.eml").write_bytes(b"Subject: <script>\r\n\r\nHello \xff\x00")
    (folder / "key.txt").symlink_to(settings.home / "secret_key")
    assert "1.eml" in lena.open("/admin/outbox")
    assert "key.txt" not in lena.open("/admin/outbox")
    assert "Subject: <script>" in text_of(lena.open("/admin/outbox/1.eml"))
    assert lena.client.get("/admin/outbox/key.txt").status_code == 404


def test_the_outbox_shows_what_the_channels_keep(lena: Person, settings: Settings, page_id: int) -> None:
    make_subscriber(page_id, state=SubscriberState.ACTIVE)
    make_subscriber(page_id, "+15005550006", channel="sms")
    open_post(settings, LENA, page_id, draft(body="Kept, **not sent**."))
    drain(settings)
    listed = lena.open("/admin/outbox")
    names = re.findall(r"/admin/outbox/([^\"]+)", listed)
    assert sorted(name.rpartition(".")[2] for name in names) == ["eml", "txt"]
    for name in names:
        assert "Kept, not sent." in text_of(lena.open(f"/admin/outbox/{name}"))


def test_a_webhooks_secret_is_shown_once(lena: Person) -> None:
    typed = {"channel": "webhook", "label": "Ops bot", "address": "https://hooks.example.com/x"}
    added = lena.fill("/console/default/subscribers", "/console/default/subscribers", typed)
    assert added.status_code == 200, text_of(added.text)
    secret = one(Subscriber.secret)
    assert secret.startswith("whsec_")
    assert secret in added.text
    page = lena.open("/console/default/subscribers")
    assert secret not in page
    assert "Ops bot" in page
    assert lena.fill(f"/console/default/subscribers/{one(Subscriber.public_id)}", "/remove", {}).status_code == 303
    assert "Ops bot" not in lena.open("/console/default/subscribers")


def test_a_wrong_chat_address_comes_back(lena: Person) -> None:
    typed = {"channel": "chat", "label": "Support", "address": "nonsense"}
    refused = lena.fill("/console/default/subscribers", "/console/default/subscribers", typed)
    assert refused.status_code == 422
    assert form_of(refused.text, "/console/default/subscribers").fields["label"] == "Support"


def test_the_page_is_renamed_and_a_wrong_zone_refused(alice: Person) -> None:
    refused = alice.fill("/console/default/page", "/console/default/page", {"time_zone": "Mars/Olympus", "name": "New"})
    assert refused.status_code == 422
    assert form_of(refused.text, "/console/default/page", "/console/default/page").fields["name"] == "New"
    assert alice.fill("/console/default/page", "/console/default/page", {"time_zone": "Asia/Tokyo"}).status_code == 303
    assert one(Page.time_zone) == "Asia/Tokyo"
    assert "JST" in alice.open("/console/default")


def test_accounts_are_added_and_put_away(alice: Person) -> None:
    typed = {"name": "Mia", "email": "mia@example.com", "role": "responder", "password": "a long enough phrase"}
    assert alice.fill("/admin/accounts", "/admin/accounts", typed).status_code == 303
    page = alice.open("/admin/accounts")
    assert "mia@example.com" in page
    again = alice.fill("/admin/accounts", "/admin/accounts", typed)
    assert again.status_code == 409
    session().rollback()
    mia = session().scalars(select(Account.public_id).where(Account.email == "mia@example.com")).one()
    assert alice.fill("/admin/accounts", f"{mia}/role", {"role": "lead"}).status_code == 303
    assert alice.fill("/admin/accounts", f"{mia}/deactivate", {}).status_code == 303
    assert "deactivated" in alice.open("/admin/accounts")


def test_the_preview_shows_the_real_words_with_and_without_htmx(lena: Person, page_id: int) -> None:
    form = form_of(lena.open("/console/default/posts/new"), "/console/default/posts")
    typed = {**form.fields, "title": "Checkout fails", "body": "We are **looking**."}
    part = lena.client.post("/console/default/posts/preview", data=typed, headers=HTMX)
    assert part.status_code == 200
    assert "<h1" not in part.text
    whole = lena.client.post("/console/default/posts/preview", data=typed)
    assert form_of(whole.text, "/console/default/posts").fields["body"] == "We are **looking**."
    for page in (part.text, whole.text):
        assert page.count("<iframe sandbox srcdoc=") == 2
        assert "segment" in page
        assert "Checkout fails" in page
        assert "&lt;strong&gt;looking&lt;/strong&gt;" in page


def test_the_preview_of_an_update_belongs_to_its_post(lena: Person, settings: Settings, page_id: int) -> None:
    public_id = declared(settings, page_id)
    form = form_of(lena.open(f"/console/default/posts/{public_id}"), "/updates")
    whole = lena.client.post("/console/default/posts/preview", data={**form.fields, "body": "We know why."})
    assert whole.status_code == 200
    assert form_of(whole.text, "/updates").action.endswith(f"/{public_id}/updates")
    assert "We know why." in whole.text
