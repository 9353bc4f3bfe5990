"""What visitors may do."""

import re
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import Client, TestResponse

from app.actions.audit import first_broken
from app.actions.pages.pages import edit_page, set_logo
from app.actions.subscribers import managing, subscriptions
from app.channels.twilio import STOPPED
from app.db import session, transaction
from app.models.component import Component
from app.models.delivery import Notice
from app.models.subscriber import RateEvent, Subscriber, SubscriberComponent, Suppression
from app.publish import links
from app.publish.serve import SnapshotServer
from app.publish.tokens import PURPOSES
from app.settings import Settings
from app.shapes import SYSTEM
from app.states.subscribers import NO_SUCH_ADDRESS, address_hash
from tests.factories import ALICE, make_component, make_group
from tests.judge import Browser, judge
from tests.pictures import PNG
from tests.web.people import browser

pytestmark = pytest.mark.database


def ask(who: Browser, address: str = "carol@example.com", **fields: str) -> TestResponse:
    who.get("/subscribe")
    return who.post("/subscribe", {"channel": "email", "address": address, "scope": "all", **fields})


def row() -> Subscriber:
    session().rollback()
    return session().scalars(select(Subscriber)).one()


def path(settings: Settings, purpose: str) -> str:
    one = row()
    return urlsplit(links.personal(settings, "", one.public_id, one.token_version)[f"{purpose}_url"]).path


def kinds() -> list[str]:
    return list(session().scalars(select(Notice.kind).order_by(Notice.id)))


def test_from_asking_to_leaving(app: Flask, settings: Settings, page_id: int) -> None:
    who = browser(app)
    answer = ask(who, "Carol@Example.com")
    assert (answer.status_code, answer.location) == (303, "/subscribe/sent?channel=email")
    assert "Check your inbox" in who.get(answer.location).text
    assert row().state == "unconfirmed" and kinds() == ["confirm"]
    confirm = path(settings, "confirm")
    assert who.get(confirm).status_code == 200 and who.client.head(confirm).status_code == 200
    assert row().state == "unconfirmed"
    for _ in range(2):
        assert "You&#39;re subscribed" in who.post(confirm).text
        assert row().state == "active"
    leave = path(settings, "unsubscribe")
    assert who.get(leave).status_code == 200 and who.client.head(leave).status_code == 200
    assert row().state == "active"
    for _ in range(2):  # as a mail program does it: no cookie, no token of ours
        mail_program = app.test_client()
        assert mail_program.post(leave, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        assert row().state == "unsubscribed"
    assert who.post(confirm).status_code == 409
    assert row().state == "unsubscribed"
    ask(who)
    assert row().state == "unconfirmed"
    who.post(confirm)
    assert row().state == "active"
    assert first_broken(session()) is None


def test_known_and_unknown_addresses_get_the_same_answer(app: Flask, settings: Settings, page_id: int) -> None:
    who = browser(app)
    ask(who)
    who.post(path(settings, "confirm"))
    answers = [ask(who, address) for address in ("carol@example.com", "nobody@example.com")]
    assert len({(a.status_code, a.location, a.text, tuple(sorted(a.headers.keys()))) for a in answers}) == 1
    assert kinds() == ["confirm", "manage", "confirm"]
    assert session().scalars(select(Subscriber.state).order_by(Subscriber.id)).all() == ["active", "unconfirmed"]


def test_a_stranger_does_not_change_what_an_active_subscriber_chose(
    app: Flask, settings: Settings, page_id: int
) -> None:
    api = make_component(page_id, "API")
    who = browser(app)
    ask(who)
    who.post(path(settings, "confirm"))
    ask(browser(app), scope="some", components=api)
    assert row().everything


def test_limits_answer_429_and_keep_no_address(app: Flask, page_id: int) -> None:
    who = browser(app)
    for _ in range(subscriptions.TRIES_PER_ADDRESS):
        assert ask(who).status_code == 303
    refused = ask(who)
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    for index in range(subscriptions.TRIES_PER_IP - subscriptions.TRIES_PER_ADDRESS):
        assert ask(who, f"a{index}@example.com").status_code == 303
    assert ask(who, "last@example.com").status_code == 429
    assert not [b for b in session().scalars(select(RateEvent.bucket)) if "@" in b or "127" in b.split(":")[0]]


def test_choosing_components(app: Flask, settings: Settings, page_id: int) -> None:
    api, web = make_component(page_id, "API"), make_component(page_id, "Web")
    hidden = make_component(page_id, "Hidden bastion", visible=False)
    who = browser(app)
    form = who.get("/subscribe").text
    assert "API" in form and "Hidden bastion" not in form
    assert ask(who, scope="some", components=hidden).status_code == 422
    assert ask(who, scope="some").status_code == 422
    assert session().scalars(select(Subscriber)).all() == []
    ask(who, scope="some", components=api)
    manage = path(settings, "manage")
    assert re.search(rf'value="{api}" checked', who.get(manage).text)
    assert who.post(manage, {"scope": "some", "components": web}).status_code == 303
    assert "Saved" in who.get(manage).text
    chosen = session().scalars(
        select(Component.public_id).join(SubscriberComponent, SubscriberComponent.component_id == Component.id)
    )
    assert chosen.all() == [web]
    assert who.post(manage, {"scope": "some", "components": hidden}).status_code == 422
    who.post(manage, {"scope": "all"})
    assert row().everything and session().scalars(select(SubscriberComponent)).all() == []


def test_visitors_pages_stand_in_the_pages_own_house(app: Flask, settings: Settings, page_id: int) -> None:
    """Its logo, its colors, the addresses of its language, and its components in its order."""
    for position, name in enumerate(("Zoo", "Aviary")):
        make_component(page_id, f"{name} gate", group_id=make_group(page_id, name, position), position=position)
    edit_page(settings, ALICE, page_id, accent="#8a2be2", languages=["en", "de"])
    set_logo(settings, ALICE, page_id, PNG)
    public = Client(SnapshotServer(settings.public_root, app))
    style = re.search(r'<link rel="stylesheet" href="([^"]+)"', public.get("/").text)
    assert style is not None and "--accent:#8a2be2" in public.get(style[1]).text
    who = browser(app)
    ask(who)
    for address in ("/subscribe", "/subscribe/sent", *(path(settings, one) for one in PURPOSES)):
        shown = who.get(f"{address}?language=de").text
        assert f'href="{style[1]}"' in shown, address
        logo = re.search(r'<img class="logo" src="([^"]+)" alt="">', shown)
        assert logo is not None and public.get(logo[1]).data == PNG
        assert 'href="/de/"' in shown and 'href="/de/history"' in shown
    form = who.get("/subscribe").text
    assert 'href="/"' in form and 'href="/history"' in form
    order = [form.index(one) for one in ("Zoo<", "Zoo gate", "Aviary<", "Aviary gate")]
    assert order == sorted(order)


def test_links_of_another_purpose_or_with_a_wrong_token_open_nothing(
    app: Flask, settings: Settings, page_id: int
) -> None:
    who = browser(app)
    ask(who)
    public_id, token = path(settings, "confirm").split("/")[2:]
    for wrong in (
        f"/manage/{public_id}/{token}", f"/unsubscribe/{public_id}/{token}", f"/confirm/{public_id}/{token[:-1]}x",
        f"/confirm/bcdf12345678/{token}", f"/confirm/{public_id}/%00", f"/confirm/%00/{token}",
        f"/confirm/{public_id}/%ED%A0%80", f"/confirm/%F0%9F%92%A9/{token}", f"/confirm/{'x' * 5000}/{token}",
    ):  # fmt: skip
        assert who.get(wrong).status_code == 404, wrong
        assert who.post(wrong).status_code == 404, wrong
    assert row().state == "unconfirmed"


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b", "a b@example.com", "\x00@example.com", "a@example.com\r\nBcc: x@y.z"]
)
def test_a_wrong_address_is_told_beside_the_field(app: Flask, page_id: int, address: str) -> None:
    answer = ask(browser(app), address)
    assert answer.status_code == 422 and "name@example.com" in answer.text
    assert session().scalars(select(Subscriber)).all() == []


def test_confirming_lifts_whatever_suppressed_the_address(app: Flask, settings: Settings, page_id: int) -> None:
    who = browser(app)
    for why in (STOPPED, NO_SUCH_ADDRESS):
        ask(who)
        with transaction() as writing:
            writing.add(Suppression(channel="email", address_hash=row_hash(settings), why=why))
        who.post(path(settings, "confirm"))
        session().rollback()
        assert session().scalars(select(Suppression)).all() == []
        assert session().scalars(select(Subscriber.state)).all() == ["active"]


def row_hash(settings: Settings) -> str:
    return address_hash(settings, "email", "carol@example.com")


def test_an_operator_adds_a_webhook_and_sees_its_secret_once(app: Flask, settings: Settings, page_id: int) -> None:
    secret = managing.add_endpoint(settings, SYSTEM, page_id, "webhook", "https://hooks.example.com/in", "Ops", ())
    assert secret.startswith("whsec_") and row().secret == secret and row().state == "active"
    managing.unsubscribe(settings, SYSTEM, page_id, [row().public_id])
    assert row().state == "unsubscribed"


@pytest.mark.parametrize(
    ("address", "language", "said"),
    [
        ("/nowhere", "en", "Page not found"),
        ("/incidents", "en", "Page not found"),
        ("/de/nowhere", "de", "Unter dieser Adresse gibt es nichts"),
        ("/ja/nowhere", "en", "Page not found"),  # the page does not speak it
        ("/metrics", "en", "Page not found"),
    ],
)
def test_a_mistyped_address_is_answered_by_the_page_in_its_language(
    app: Flask, settings: Settings, page_id: int, address: str, language: str, said: str
) -> None:
    public = Client(SnapshotServer(settings.public_root, app))
    before = public.get(address)
    assert (before.status_code, "Go to the status page" in before.text) == (404, True)  # nothing is published yet
    edit_page(settings, ALICE, page_id, languages=["en", "de"])
    answer = public.get(address)
    page = judge(answer.text)
    assert (answer.status_code, answer.mimetype, page.get("lang")) == (404, "text/html", language)
    assert said in answer.text and "Acme Status" in answer.text


def test_a_program_that_mistyped_gets_no_page(app: Flask, settings: Settings, page_id: int) -> None:
    edit_page(settings, ALICE, page_id, name="Acme")
    public = Client(SnapshotServer(settings.public_root, app))
    for address, headers in (("/nowhere", {"Accept": "application/json"}), ("/api/nowhere", {})):
        assert public.get(address, headers=headers).mimetype == "application/problem+json"
    assert public.get("/v1/nowhere").mimetype == "application/json"
    assert public.get("/nowhere", headers={"HX-Request": "true"}).headers["HX-Retarget"] == "body"


def test_a_form_without_a_page_says_so(app: Flask) -> None:
    assert browser(app).get("/subscribe").status_code == 404
