"""The main job: declare, update, resolve, through the forms that are on the screens."""

import pytest
from sqlalchemy import func, select

from app.db import session
from app.models.component import Component
from app.models.delivery import Dispatch
from app.models.incident import Incident
from app.models.post import Post, Update
from app.models.record_link import RecordLink
from tests.factories import make_component, make_subscriber
from tests.web.console.person import Person, form_of, text_of

pytestmark = pytest.mark.database
NEW = "/console/default/posts/new"
WORDS = {"title": "Checkout fails", "body": "Some payments fail. We are **looking**."}


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


def status_of(public_id: str) -> str:
    session().rollback()
    return session().scalars(select(Component.status).where(Component.public_id == public_id)).one()


def declare(who: Person, **typed: object) -> str:
    """Declare an incident; the address of its thread."""
    response = who.fill(NEW, "/console/default/posts", {**WORDS, **typed})
    assert response.status_code == 303, text_of(response.text)
    return response.headers["Location"]


def test_declare_update_and_resolve(lena: Person, page_id: int) -> None:
    api = make_component(page_id)
    make_subscriber(page_id)
    thread = declare(lena, **{f"effect-{api}": "major_outage"})
    page = text_of(lena.open(thread))
    assert "Checkout fails" in page
    assert "due in" in page
    assert "Published." in page
    update = lena.fill(thread, "/updates", {"status": "identified", "body": "It is the card provider."})
    assert update.status_code == 303
    assert "It is the card provider." in text_of(lena.open(thread))
    resolve = lena.fill(f"{thread}/resolve", "/updates", {"body": "All payments work again."})
    assert resolve.status_code == 303
    assert status_of(api) == "operational"
    session().rollback()
    post = session().scalars(select(Post)).one()
    assert (post.status, post.next_update_by, count(Update), count(Dispatch)) == ("resolved", None, 3, 3)


def test_resolving_asks_about_what_is_still_broken(lena: Person, page_id: int) -> None:
    api, site = make_component(page_id), make_component(page_id, "Website", position=1)
    thread = declare(lena, **{f"effect-{api}": "partial_outage", f"effect-{site}": "degraded_performance"})
    refused = lena.fill(thread, "/updates", {"status": "resolved", "body": "Done."})
    assert refused.status_code == 422
    assert "API is still in partial outage. Choose its new status." in text_of(refused.text)
    kept = lena.fill(f"{thread}/resolve", "/updates", {"body": "Done.", f"effect-{site}": "degraded_performance"})
    assert kept.status_code == 303
    assert (status_of(api), status_of(site)) == ("operational", "degraded_performance")


def test_a_form_sent_twice_publishes_once(lena: Person) -> None:
    form = form_of(lena.open(NEW), "/console/default/posts")
    first, second = lena.send(form, WORDS), lena.send(form, WORDS)
    assert first.headers["Location"] == second.headers["Location"]
    assert "Nothing was published or sent twice." in text_of(lena.open(second.headers["Location"]))
    again = form_of(lena.open(first.headers["Location"]), "/updates")
    typed = {"body": "Still looking."}
    assert [lena.send(again, typed).status_code for _ in range(2)] == [303, 303]
    assert (count(Post), count(Update), count(Dispatch)) == (1, 2, 2)


def test_a_form_sent_again_with_other_words_is_refused_and_keeps_them(lena: Person) -> None:
    form = form_of(lena.open(NEW), "/console/default/posts")
    thread = lena.send(form, WORDS).headers["Location"]
    refused = lena.send(form, {**WORDS, "title": "Search fails"})
    assert refused.status_code == 409
    assert "You already published from this form" in text_of(refused.text)
    kept = form_of(refused.text, "/console/default/posts")
    assert (kept.fields["title"], kept.fields["body"]) == ("Search fails", WORDS["body"])
    assert count(Post) == 1
    assert lena.send(kept, {}).status_code == 303, "who has read that may publish it as well"
    more = form_of(lena.open(thread), "/updates")
    lena.send(more, {"body": "The first of two."})
    refused = lena.send(more, {"body": "The second of two."})
    assert refused.status_code == 409
    assert form_of(refused.text, "/updates").fields["body"] == "The second of two."
    assert (count(Post), count(Update)) == (2, 3)


def test_a_stale_form_shows_both_texts_and_can_be_sent_again(lena: Person) -> None:
    thread = declare(lena)
    stale = form_of(lena.open(thread), "/updates")
    lena.fill(thread, "/updates", {"body": "The first of two."})
    refused = lena.send(stale, {"body": "The second of two."})
    assert refused.status_code == 409
    page = text_of(refused.text)
    assert "What stands now The first of two." in page
    assert "What you wrote The second of two." in page
    retried = form_of(refused.text, "/updates")
    assert retried.fields["body"] == "The second of two."
    assert lena.send(retried, {}).status_code == 303
    assert count(Update) == 3


def test_a_correction_keeps_the_old_text_and_a_stale_one_is_refused(lena: Person) -> None:
    thread = declare(lena)
    session().rollback()
    path = f"/console/default/updates/{session().scalars(select(Update.public_id)).one()}/correct"
    stale = form_of(lena.open(path), "/correct", path)
    assert stale.fields["body"] == WORDS["body"]
    assert lena.send(stale, {"body": "Some card payments fail."}).status_code == 303
    page = text_of(lena.open(thread))
    assert "Corrected at" in page
    assert "We are looking" in page
    refused = lena.send(stale, {"body": "Other words."})
    assert refused.status_code == 409
    assert "What stands now Some card payments fail." in text_of(refused.text)
    assert form_of(refused.text, "/correct", path).fields["body"] == "Other words."


def test_the_internal_record_is_made_and_shown_inside(lena: Person) -> None:
    url = "https://acme.atlassian.net/browse/OPS-7"
    thread = declare(lena, severity="P1", record_url=[url, "", ""], record_key=["", "", ""])
    page = lena.open(thread)
    assert "Internal record, P1" in text_of(page)
    assert f'href="{url}"' in page
    session().rollback()
    assert session().scalars(select(RecordLink.key)).one() == "OPS-7"
    assert count(Incident) == 1


def test_what_looks_like_a_leak_is_asked_about(lena: Person) -> None:
    typed = {**WORDS, "severity": "P1", "record_url": ["https://acme.atlassian.net/browse/OPS-7"]}
    typed["body"] = "See OPS-7 for more."
    asked = lena.fill(NEW, "/console/default/posts", typed)
    assert asked.status_code == 422
    assert "I have checked this text; publish it anyway" in text_of(asked.text)
    assert count(Post) == 0
    form = form_of(asked.text, "/console/default/posts")
    assert form.fields["body"] == "See OPS-7 for more."
    assert lena.send(form, {"acknowledged": "yes"}).status_code == 303


def test_not_to_notify_makes_no_dispatch(lena: Person) -> None:
    declare(lena, notify="no")
    assert (count(Update), count(Dispatch)) == (1, 0)


def test_maintenance_is_planned_in_the_pages_zone(lena: Person) -> None:
    typed = {**WORDS, "scheduled_for": "2099-07-01T02:00", "scheduled_until": "2099-07-01T03:00"}
    response = lena.fill(f"{NEW}?kind=maintenance", "/console/default/posts", typed)
    assert response.status_code == 303
    session().rollback()
    post = session().scalars(select(Post)).one()
    assert post.scheduled_for is not None
    assert (post.status, post.scheduled_for.hour) == ("scheduled", 2)


def test_a_lead_keeps_a_post_on_top_and_stops(lena: Person, ravi: Person, page_id: int) -> None:
    thread = declare(lena)
    assert "/pin" not in ravi.open(thread)
    assert lena.fill(thread, "/pin", {}).status_code == 303
    page = text_of(lena.open(thread))
    assert "It is kept on top of the page." in page
    assert "Stop keeping it on top" in page
    assert lena.fill(thread, "/pin", {}).status_code == 303
    assert "Keep on top of the page" in text_of(lena.open(thread))
