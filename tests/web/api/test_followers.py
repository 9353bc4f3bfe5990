"""Who follows one incident, by Statuspage's Manage API and by the page: they hear of that one and of nothing else."""

import csv
import io
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from werkzeug.test import Client, TestResponse

from app.db import session, transaction
from app.deliver.audience import NOT_ASKED
from app.models.delivery import Delivery, Notice
from app.models.subscriber import Subscriber, SubscriberPost
from app.publish import links
from app.settings import Settings
from app.worker.loop import drain
from tests.deliver.conftest import edge
from tests.deliver.fakes import Edge
from tests.factories import make_component, make_page, make_subscriber
from tests.judge import Browser
from tests.web.api.conftest import Script
from tests.web.console.cast import sign_in
from tests.web.console.person import text_of
from tests.web.people import browser

__all__ = ["edge"]
pytestmark = pytest.mark.database
SURE = {"skip_confirmation_notification": True}


def opened(script: Script, name: str = "Slow answers", **more: Any) -> str:
    """An incident that was opened; its id."""
    made: str = script.send("POST", "/incidents", {"incident": {"name": name, **more}})["id"]
    return made


def followed(script: Script, incident: str, email: str, **more: Any) -> Any:
    return script.send("POST", f"/incidents/{incident}/subscribers", {"subscriber": {"email": email, **more}})


def one(address: str) -> Subscriber:
    session().rollback()
    return session().scalars(select(Subscriber).where(Subscriber.address == address)).one()


def link(settings: Settings, purpose: str, address: str) -> str:
    row = one(address)
    return urlsplit(links.personal(settings, "", row.public_id, row.token_version)[f"{purpose}_url"]).path


def reasons(address: str) -> list[str]:
    row = one(address)
    return list(session().scalars(select(Delivery.reason).where(Delivery.subscriber_id == row.id)))


def ask(who: Browser, post: str, address: str, **fields: Any) -> TestResponse:
    """Ask on the page to follow one post."""
    who.get(f"/subscribe?post={post}")
    return who.post("/subscribe", {"channel": "email", "address": address, "scope": "post", "post": post, **fields})


def test_from_the_first_to_the_last_call(script: Script, settings: Settings, page_id: int, edge: Edge) -> None:
    slow, other = opened(script), opened(script, "Another one")
    made = followed(script, slow, "Eve@Example.com", **SURE)
    assert (made["email"], made["mode"], made["components"]) == ("eve@example.com", "email", [])
    listed = f"/incidents/{slow}/subscribers"
    assert script.get(listed) == script.get(f"{listed}.json") == [made]
    assert script.get(f"{listed}/{made['id']}") == made
    assert script.get(f"/incidents/{other}/subscribers") == []
    assert script.get("/subscribers?state=all") == [], "the page's own subscribers hear of all of it"
    assert script.get("/subscribers/count")["email"] == 0
    drain(settings)
    edge.sent.clear()
    for incident in (slow, other):
        script.send("PATCH", f"/incidents/{incident}", {"incident": {"status": "identified", "body": "Found."}})
    drain(settings)
    assert [letter.subject for _, letter in edge.sent] == ["[Acme Status] Slow answers"]
    assert NOT_ASKED in reasons("eve@example.com")
    assert script.send("DELETE", f"{listed}/{made['id']}") == made
    assert script.get(listed) == []
    assert one("eve@example.com").state == "unsubscribed", "who hears of nothing is no subscriber"
    script.send("PATCH", f"/incidents/{slow}", {"incident": {"status": "resolved"}})
    drain(settings)
    assert len(edge.sent) == 1


def test_who_is_not_vouched_for_is_asked_and_asked_again(
    script: Script, app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    slow = opened(script)
    made = followed(script, slow, "eve@example.com")
    assert script.call("POST", f"/incidents/{slow}/subscribers/{made['id']}/resend_confirmation").status_code == 201
    assert session().scalars(select(Notice.kind)).all() == ["confirm", "confirm"]
    assert [found["id"] for found in script.get(f"/incidents/{slow}/subscribers")] == [made["id"]]
    drain(settings)
    edge.sent.clear()
    script.send("PATCH", f"/incidents/{slow}", {"incident": {"body": "One"}})
    drain(settings)
    assert edge.sent == []
    who, confirm = browser(app), link(settings, "confirm", "eve@example.com")
    assert "about “Slow answers” will go to" in who.get(confirm).text
    who.post(confirm)
    script.send("PATCH", f"/incidents/{slow}", {"incident": {"body": "Two"}})
    drain(settings)
    assert edge.addresses == ["eve@example.com"]


def test_a_phone_is_taken_and_what_is_wrong_is_refused(script: Script, page_id: int) -> None:
    slow = opened(script)
    listed = f"/incidents/{slow}/subscribers"
    phone = {"phone_number": "020 7946 0018", "phone_country": "gb"}
    assert script.send("POST", listed, {"subscriber": phone})["phone_number"] == "+442079460018"
    assert script.refused("POST", listed, {"subscriber": {}})[0] == 422
    assert script.refused("POST", listed, {"subscriber": {"endpoint": "https://1.1.1.1/hook"}})[0] == 422
    assert script.refused("POST", listed, {"subscriber": {"email": "nobody"}})[0] == 422
    assert script.refused("POST", listed, {})[0] == 400
    assert script.refused("GET", "/incidents/nothere00000/subscribers")[0] == 404
    assert script.refused("POST", "/incidents/nothere00000/subscribers", {"subscriber": {"email": "a@b.cd"}})[0] == 404
    assert script.refused("DELETE", f"{listed}/nothere00000")[0] == 404
    stranger = make_subscriber(page_id, "all@example.com")
    name = session().get_one(Subscriber, stranger).public_id
    assert script.refused("DELETE", f"{listed}/{name}")[0] == 404, "who hears of all of it follows nothing"
    assert script.refused("POST", f"{listed}/{name}/resend_confirmation")[0] == 404


def test_another_pages_incident_is_not_there(script: Script, page_id: int) -> None:
    slow = opened(script)
    make_page("Other", slug="other", public_id="otherpage123")
    elsewhere = Script(script.client, script.token, "/v1/pages/otherpage123")
    assert elsewhere.refused("GET", f"/incidents/{slow}/subscribers")[0] == 404
    assert elsewhere.refused("POST", f"/incidents/{slow}/subscribers", {"subscriber": {"email": "a@b.cd"}})[0] == 404


def test_who_chose_components_may_follow_one_more_and_leave_it(
    script: Script, settings: Settings, page_id: int, edge: Edge
) -> None:
    api, web = make_component(page_id, "API"), make_component(page_id, "Website")
    both = {"email": "eve@example.com", "component_ids": [web], **SURE}
    script.send("POST", "/subscribers", {"subscriber": both})
    slow = opened(script, components={api: "partial_outage"})
    made = followed(script, slow, "eve@example.com", **SURE)
    assert made["components"] == [web]
    assert script.refused("POST", f"/incidents/{slow}/subscribers", {"subscriber": both})[0] == 409
    script.send("PATCH", f"/incidents/{slow}", {"incident": {"body": "One"}})
    opened(script, "Web down", components={web: "major_outage"})
    drain(settings)
    assert sorted(letter.subject for _, letter in edge.sent if "Confirm" not in letter.subject) == [
        "[Acme Status] Slow answers", "[Acme Status] Slow answers", "[Acme Status] Web down",
    ]  # fmt: skip
    script.send("DELETE", f"/incidents/{slow}/subscribers/{made['id']}")
    assert (one("eve@example.com").state, script.get("/subscribers")[0]["components"]) == ("active", [web])
    edge.sent.clear()
    script.send("PATCH", f"/incidents/{slow}", {"incident": {"body": "Two"}})
    drain(settings)
    assert edge.sent == []


def test_who_hears_of_everything_is_told_so(script: Script, page_id: int) -> None:
    slow = opened(script)
    script.send("POST", "/subscribers", {"subscriber": {"email": "eve@example.com", **SURE}})
    listed = f"/incidents/{slow}/subscribers"
    assert script.refused("POST", listed, {"subscriber": {"email": "eve@example.com", **SURE}})[0] == 409
    assert one("eve@example.com").everything


def test_a_visitor_follows_one_post_from_its_page(
    script: Script, app: Flask, settings: Settings, page_id: int, reader: Client, edge: Edge
) -> None:
    slow, other = opened(script, "Slow <answers>"), opened(script, "Another one")
    shown = reader.get(f"/incidents/{slow}").text
    assert f'href="/subscribe?post={slow}"' in shown
    who = browser(app)
    form = who.get(f"/subscribe?post={slow}").text
    assert re.search(r'value="post" checked', form) and "Only “Slow &lt;answers&gt;”" in form
    assert "Only “" not in who.get("/subscribe?post=nothere00000").text
    assert ask(who, slow, "eve@example.com").status_code == 303
    drain(settings)
    who.post(link(settings, "confirm", "eve@example.com"))
    edge.sent.clear()
    script.send("PATCH", f"/incidents/{other}", {"incident": {"status": "resolved"}})
    script.send("PATCH", f"/incidents/{slow}", {"incident": {"status": "resolved"}})
    drain(settings)
    assert edge.addresses == ["eve@example.com"]
    assert f"/subscribe?post={slow}" not in reader.get(f"/incidents/{slow}").text, "it is over"
    assert ask(who, "nothere00000", "eve@example.com").status_code == 422


def test_the_manage_page_shows_it_and_lets_them_leave(
    script: Script, app: Flask, settings: Settings, page_id: int
) -> None:
    api = make_component(page_id, "API")
    slow = opened(script)
    followed(script, slow, "eve@example.com", **SURE)
    who, manage = browser(app), link(settings, "manage", "eve@example.com")
    assert re.search(rf'name="posts" value="{slow}" checked', who.get(manage).text)
    assert who.post(manage, {"scope": "some"}).status_code == 422, "nothing at all is not to hear of: that is leaving"
    assert who.post(manage, {"scope": "some", "posts": slow}).status_code == 303
    assert len(script.get(f"/incidents/{slow}/subscribers")) == 1
    assert who.post(manage, {"scope": "some", "components": api}).status_code == 303
    assert script.get(f"/incidents/{slow}/subscribers") == []
    assert script.get("/subscribers")[0]["components"] == [api]
    assert who.post(manage, {"scope": "some", "posts": slow, "components": api}).status_code == 303
    assert script.get(f"/incidents/{slow}/subscribers") == [], "what was left is followed again from its own page"
    assert who.post(manage, {"scope": "all"}).status_code == 303
    assert one("eve@example.com").everything


def test_a_stranger_changes_nothing_of_what_an_active_subscriber_hears(
    script: Script, app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    api = make_component(page_id, "API")
    slow = opened(script)
    picky = {"email": "eve@example.com", "component_ids": [api], **SURE}
    script.send("POST", "/subscribers", {"subscriber": picky})
    script.send("POST", "/subscribers", {"subscriber": {"email": "bob@example.com", **SURE}})
    for address in ("eve@example.com", "bob@example.com"):
        assert ask(browser(app), slow, address).status_code == 303
    assert session().scalars(select(Notice.kind).order_by(Notice.id)).all() == ["confirm", "manage"]
    assert one("bob@example.com").everything
    drain(settings)
    edge.sent.clear()
    script.send("PATCH", f"/incidents/{slow}", {"incident": {"body": "One"}})
    drain(settings)
    assert edge.addresses == ["bob@example.com"]
    browser(app).post(link(settings, "confirm", "eve@example.com"))
    script.send("PATCH", f"/incidents/{slow}", {"incident": {"body": "Two"}})
    drain(settings)
    assert sorted(edge.addresses) == ["bob@example.com", "bob@example.com", "eve@example.com"]


def test_who_left_and_follows_one_post_hears_of_that_alone(
    script: Script, app: Flask, settings: Settings, page_id: int
) -> None:
    api = make_component(page_id, "API")
    slow = opened(script)
    picky = {"email": "eve@example.com", "component_ids": [api], **SURE}
    made = script.send("POST", "/subscribers", {"subscriber": picky})
    script.send("DELETE", f"/subscribers/{made['id']}")
    ask(browser(app), slow, "eve@example.com")
    assert one("eve@example.com").state == "unconfirmed"
    browser(app).post(link(settings, "confirm", "eve@example.com"))
    assert script.get("/subscribers?state=all") == []
    assert [found["components"] for found in script.get(f"/incidents/{slow}/subscribers")] == [[]]


def test_a_sheet_keeps_what_they_follow(app: Flask, script: Script, page_id: int) -> None:
    slow = opened(script)
    followed(script, slow, "eve@example.com", **SURE)
    followed(script, slow, "new@example.com")
    alice = sign_in(app, "alice")
    path = "/console/default/subscribers/sheet"
    sheet = alice.client.get("/console/default/subscribers/export").text
    lines = list(csv.DictReader(io.StringIO(sheet)))
    assert [(line["address"], line["components"], line["posts"]) for line in lines] == [
        ("eve@example.com", "", slow), ("new@example.com", "", slow),
    ]  # fmt: skip

    def give(text: str) -> str:
        return text_of(alice.fill(path, path, {"file": (io.BytesIO(text.encode()), "people.csv"), "dry_run": ""}).text)

    assert "2 unchanged" in give(sheet)
    assert "1 taken" in give(f"channel,address,posts\nemail,bob@example.com,{slow}\n")
    assert not one("bob@example.com").everything
    assert "This page has no incident “nothere00000”." in give(
        "channel,address,posts\nemail,joe@example.com,nothere00000\n"
    )
    assert session().scalar(select(func.count(SubscriberPost.id))) == 3
    give("channel,address,components\nemail,bob@example.com,\n")
    assert one("bob@example.com").everything, "a sheet of those who hear of everything says so"
    shown = alice.open(f"/console/default/subscribers/{one('eve@example.com').public_id}")
    assert "Hears of Slow answers." in text_of(shown)


def test_what_is_asked_before_publishing_counts_them(app: Flask, script: Script, page_id: int) -> None:
    slow, other = opened(script), opened(script, "Another one")
    followed(script, slow, "eve@example.com", **SURE)
    lena = sign_in(app, "lena")
    assert "1 will be notified: Email 1" in text_of(lena.open(f"/console/default/posts/{slow}"))
    assert f"1 {NOT_ASKED}" in text_of(lena.open(f"/console/default/posts/{other}"))


def test_a_follower_who_asks_for_the_page_is_told_where_to_choose_it(
    script: Script, app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    slow, who = opened(script), browser(app)
    followed(script, slow, "eve@example.com", **SURE)
    ask(who, slow, "eve@example.com")
    assert session().scalars(select(Notice.kind)).all() == ["manage"]
    who.get("/subscribe")
    assert who.post("/subscribe", {"channel": "email", "address": "eve@example.com", "scope": "all"}).status_code == 303
    assert not one("eve@example.com").everything, "a stranger may have typed it"
    edge.sent.clear()
    drain(settings)
    texts = [" ".join(letter.text.split()) for _, letter in edge.sent]
    assert len([text for text in texts if "It's subscribed to individual incidents only" in text]) == 1
    assert who.post(link(settings, "manage", "eve@example.com"), {"scope": "all"}).status_code == 303
    assert one("eve@example.com").everything


def test_an_operator_adds_a_follower_to_the_page(script: Script, page_id: int) -> None:
    slow, api = opened(script), make_component(page_id, "API")
    followed(script, slow, "eve@example.com", **SURE)
    assert script.get("/subscribers") == []
    wanted = {"email": "eve@example.com", "component_ids": [api], **SURE}
    script.send("POST", "/subscribers", {"subscriber": wanted})
    assert [found["components"] for found in script.get("/subscribers")] == [[api]]
    assert len(script.get(f"/incidents/{slow}/subscribers")) == 1
    assert script.refused("POST", "/subscribers", {"subscriber": wanted})[0] == 409


def test_who_asked_for_the_page_and_then_for_one_incident_hears_of_both(
    script: Script, app: Flask, settings: Settings, page_id: int
) -> None:
    slow, who = opened(script), browser(app)
    who.get("/subscribe")
    who.post("/subscribe", {"channel": "email", "address": "eve@example.com", "scope": "all"})
    ask(who, slow, "eve@example.com")
    who.post(link(settings, "confirm", "eve@example.com"))
    assert (one("eve@example.com").state, one("eve@example.com").everything) == ("active", True)


def test_who_is_quarantined_and_hears_of_everything_is_left_alone(script: Script, page_id: int) -> None:
    slow = opened(script)
    script.send("POST", "/subscribers", {"subscriber": {"email": "eve@example.com", **SURE}})
    with transaction() as writing:
        writing.execute(update(Subscriber).values(state="quarantined"))
    said = {"subscriber": {"email": "eve@example.com", **SURE}}
    assert script.refused("POST", f"/incidents/{slow}/subscribers", said)[0] == 409
    assert one("eve@example.com").state == "quarantined"


def test_nobody_is_left_active_with_nothing_to_hear_of(
    script: Script, app: Flask, settings: Settings, page_id: int
) -> None:
    slow, other = opened(script), opened(script, "Another one")
    made = followed(script, slow, "eve@example.com", **SURE)
    followed(script, other, "eve@example.com")
    assert one("eve@example.com").state == "active"
    who, manage = browser(app), link(settings, "manage", "eve@example.com")
    script.send("DELETE", f"/incidents/{slow}/subscribers/{made['id']}")
    assert one("eve@example.com").state == "unconfirmed", "the other one is not confirmed yet"
    who.post(link(settings, "confirm", "eve@example.com"))
    assert one("eve@example.com").state == "active"
    assert who.post(manage, {"scope": "some", "posts": slow}).status_code == 422, "it was ended elsewhere meanwhile"
    assert len(script.get(f"/incidents/{other}/subscribers")) == 1


def test_a_sheet_confirms_nothing_that_a_stranger_asked_for(app: Flask, script: Script, page_id: int) -> None:
    slow, other, api = opened(script), opened(script, "Another one"), make_component(page_id, "API")
    followed(script, slow, "eve@example.com", **SURE)
    followed(script, other, "eve@example.com")
    alice, path = sign_in(app, "alice"), "/console/default/subscribers/sheet"
    for sheet in (
        alice.client.get("/console/default/subscribers/export").text,
        f"channel,address,components\nemail,eve@example.com,{api}\n",
    ):
        alice.fill(path, path, {"file": (io.BytesIO(sheet.encode()), "people.csv"), "dry_run": ""})
        session().rollback()
        found = session().scalars(select(SubscriberPost.confirmed).order_by(SubscriberPost.post_id)).all()
        assert found == [True, False]
