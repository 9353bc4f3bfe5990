"""The pages themselves: well-formed in every state, complete without a script, light, and safe whatever was typed."""

import json
import re

import brotli
import feedparser
import html5lib
import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import Client

from app.actions.posts.correcting import correct_update
from app.actions.posts.publishing import open_post, publish_update
from app.channels.registry import names as channel_names
from app.db import session
from app.guard.sms_length import measure
from app.models.post import Update
from app.publish import letter
from app.publish.environment import assets
from app.publish.refresh import refresh
from app.settings import Settings
from app.shapes import ComponentEffect, UpdateDraft
from app.vocabulary import ComponentStatus, Impact, PostStatus
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component, make_group

pytestmark = pytest.mark.database
HOSTILE = [
    "<script>alert(1)</script>",
    "]]><x>",
    "\x00\x07\x1b[31mred\x85\u2028",
    "\u202egnp.exe\u2066",
    "a\ud800b",
    "\ufffe\uffff",
    "[" * 10_000,
    "![x](javascript:alert(1)) [y](JAVASCRIPT:alert(1)) [z](data:text/html,x)",
    "<img src=x onerror=alert(1)>",
    "{{ settings }} {% raw %}",
    "&lt;b&gt; & \" '",
    "> " * 300 + "deep",
    "- " * 200 + "list",
    "https://example.com/" + "x" * 3000,
]


def judged(page: bytes) -> None:
    """Strict HTML5, one h1, unique ids, nothing inline, every label of ARIA points somewhere."""
    text = page.decode()
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    ids = [one.get("id") for one in tree.iter() if one.get("id")]
    assert len(ids) == len(set(ids))
    assert len(list(tree.iter("h1"))) == 1
    assert tree.find("head/title").text.strip()  # type: ignore[union-attr]
    for one in tree.iter():
        assert not [name for name in one.attrib if name == "style" or name.startswith("on")]
        assert one.get("aria-labelledby") in {None, *ids}
        assert one.tag != "style"
        assert one.tag != "script" or one.get("src")
        if one.get("rel") != "icon":  # that is our own drawing
            assert not (one.get("href") or "").lower().startswith(("javascript:", "data:"))


def busy_page(settings: Settings, page_id: int, components: int = 60) -> str:
    """Sixty components in groups and three open posts; the last post's id."""
    groups = [make_group(page_id, f"Group {number}", number) for number in range(6)]
    ids = [
        make_component(page_id, f"Component {number}", group_id=groups[number % 6], position=number)
        for number in range(components)
    ]
    for number in range(3):
        effects = (ComponentEffect(ids[number], ComponentStatus.PARTIAL_OUTAGE),)
        made = open_post(
            settings, LENA, page_id, draft(f"busy-{number:04}", title=f"Trouble {number}", effects=effects)
        )
        correct_update(settings, LENA, page_id, made.update_id, "We are looking into it, all of us.", 1)
    return made.post_id


def test_every_page_of_a_busy_site_is_sound_and_all_that_it_names_is_there(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    post_id = busy_page(settings, page_id)
    for address in ("/", "/history", f"/incidents/{post_id}", "/incidents/nothere"):
        page = reader.get(address).data
        judged(page)
        for named in set(re.findall(rb'(?:href|src)="(/[^"#]*)"', page)):
            assert reader.get(named.decode()).status_code == 200, named


def test_an_empty_page_is_sound(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    refresh(settings, page_id)
    page = reader.get("/").data
    judged(page)
    assert b"No components are listed yet." in page


def test_it_is_light(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    busy_page(settings, page_id)
    page = reader.get("/", headers={"Accept-Encoding": "br"}).data
    names = set(re.findall(r'"(/(?:assets|favicon)[^"]*)"', brotli.decompress(page).decode()))
    weights = [len(reader.get(name, headers={"Accept-Encoding": "br"}).data) for name in names]
    assert len(names) + 1 <= 4
    assert len(page) + sum(weights) <= 30_000
    assert len(brotli.compress(next(body for name, body in assets("").items() if name.endswith(".js")))) < 2048


@pytest.mark.parametrize("typed", HOSTILE, ids=lambda typed: repr(typed[:20]))
def test_whatever_is_typed_nothing_breaks(
    app: Flask, settings: Settings, page_id: int, reader: Client, typed: str
) -> None:
    title = f"Title {typed}"[:190]
    body = f"Body {typed}"[:10_000]
    made = open_post(settings, LENA, page_id, draft(title=title, body=body, acknowledged=True))
    for address in ("/", f"/incidents/{made.post_id}", "/history"):
        judged(reader.get(address).data)
    for address in ("/history.atom", "/history.rss"):
        feed = feedparser.parse(reader.get(address).data)
        assert (feed.bozo, len(feed.entries)) == (0, 1)
    assert json.loads(reader.get("/api/v2/summary.json").data)["incidents"][0]["id"] == made.post_id
    update_id = session().scalars(select(Update.id)).one()
    for channel in channel_names():
        words = letter.word(settings, letter.read_words(session(), update_id), channel)
        assert "\n" not in words.subject
        assert "<script" not in words.html
        assert channel != "sms" or measure(words.text).segments == 1
        assert not words.payload or made.post_id in json.dumps(json.loads(words.payload))


def test_a_feed_keeps_its_ids_and_moves_with_a_correction(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    made = open_post(settings, LENA, page_id, draft())
    first = feedparser.parse(reader.get("/history.atom").data).entries[0]
    correct_update(settings, LENA, page_id, made.update_id, "We are looking into it. Sorry.", 1)
    second = feedparser.parse(reader.get("/history.atom").data).entries[0]
    assert first.id == second.id
    assert first.updated_parsed <= second.updated_parsed
    assert "Sorry." in second.content[0].value
    page = reader.get(f"/incidents/{made.post_id}").data.decode()
    assert "Corrected at" in page
    assert "We are looking into it.</p>" in page


def test_a_promise_is_shown_with_its_zone_until_it_is_over(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    made = open_post(settings, LENA, page_id, draft(impact=Impact.CRITICAL))
    assert re.search(rb"Next update by <time[^>]*>[^<]*UTC</time>", reader.get("/").data)
    publish_update(settings, LENA, page_id, made.post_id, UpdateDraft(PostStatus.RESOLVED, "Over.", "key-00000002", 1))
    assert b"Next update by" not in reader.get("/").data


def test_a_hidden_component_is_nowhere_and_changes_nothing(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    make_component(page_id, "API")
    make_component(page_id, "Bastion", status=ComponentStatus.MAJOR_OUTAGE, visible=False)
    refresh(settings, page_id)
    for address in ("/", "/api/v2/summary.json"):
        assert b"Bastion" not in reader.get(address).data
    assert json.loads(reader.get("/api/v2/status.json").data)["status"] == {
        "indicator": "none", "description": "All Systems Operational",
    }  # fmt: skip


def test_a_post_about_a_hidden_component_changes_nothing_either(
    app: Flask, settings: Settings, page_id: int, reader: Client
) -> None:
    hidden = make_component(page_id, "Bastion", visible=False)
    effects = (ComponentEffect(hidden, ComponentStatus.MAJOR_OUTAGE),)
    open_post(settings, LENA, page_id, draft(effects=effects))
    assert json.loads(reader.get("/api/v2/status.json").data)["status"]["indicator"] == "none"


def test_a_long_thread_is_whole_on_the_page(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    made = open_post(settings, LENA, page_id, draft(body="Word 0."))
    for number in range(1, 8):
        said = UpdateDraft(PostStatus.IDENTIFIED, f"Word {number}.", f"long-{number:04}", number)
        publish_update(settings, LENA, page_id, made.post_id, said)
    page = reader.get("/").data
    judged(page)
    places = [page.index(f"Word {number}.".encode()) for number in range(8)]
    assert places == sorted(places, reverse=True)


def test_mails_of_a_post_make_one_thread(app: Flask, settings: Settings, page_id: int) -> None:
    made = open_post(settings, LENA, page_id, draft())
    publish_update(settings, LENA, page_id, made.post_id, UpdateDraft(PostStatus.RESOLVED, "Over.", "key-00000002", 1))
    ids = session().scalars(select(Update.id).order_by(Update.sequence)).all()
    first, second = (letter.word(settings, letter.read_words(session(), one), "email") for one in ids)
    assert (first.message_id, first.in_reply_to) == (f"<post.{made.post_id}@localhost>", "")
    assert second.in_reply_to == first.message_id != second.message_id
    assert first.subject == second.subject == "[Acme Status] Slow answers"
    for one in (first, second):
        assert "{{unsubscribe_url}}" in one.text
        assert "{{unsubscribe_url}}" in one.html
        assert "style=" not in one.html
