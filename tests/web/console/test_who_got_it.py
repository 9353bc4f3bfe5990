"""Who got an update, who did not and why, and what became of every message to one subscriber."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from app.actions.posts.publishing import open_post
from app.clock import frozen, now
from app.db import session, transaction
from app.deliver.missing import GAVE_UP
from app.models.audit import AuditEntry
from app.models.delivery import Delivery, DeliveryAttempt, Dispatch
from app.models.post import Update
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.states.subscribers import address_hash
from app.vocabulary import DeliveryState, DispatchState
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge, refuse
from tests.factories import LENA, make_component, make_subscriber
from tests.web.console.person import HTMX, Person, form_of, text_of
from tests.web.console.test_screens import counted

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def published(settings: Settings, page_id: int) -> str:
    """The path of an update's deliveries, sent to whom it was meant for."""
    api = make_component(page_id)
    update_id = open_post(settings, LENA, page_id, draft("key-00000001", api)).update_id
    drain(settings)
    return f"/console/default/updates/{update_id}/deliveries"


def put(state: DeliveryState, reason: str = "", **values: object) -> None:
    """Every delivery into a state."""
    with transaction() as writing:
        writing.execute(update(Delivery).values(state=state, reason=reason, settled_at=now(), **values))


def states() -> list[str]:
    session().rollback()
    return list(session().scalars(select(Delivery.state).order_by(Delivery.id)))


def sheet(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_audience_is_the_sum_of_what_happened(lena: Person, settings: Settings, page_id: int, edge: Edge) -> None:
    for name in ("ann", "bob", "eve"):
        make_subscriber(page_id, f"{name}@example.com")
    make_subscriber(page_id, "new@example.com", state="unconfirmed")
    edge.behave = lambda recipient: (
        refuse("no such mailbox", permanent=True)(recipient) if recipient.address.startswith("bob") else None
    )
    page = text_of(lena.open(published(settings, page_id)))
    assert "Audience 4 Sent 2 Waiting 0 Failed 1 Bounced 0 Skipped 1" in page
    assert "2 have not received this" in page
    assert "no such mailbox" in page
    assert "has not confirmed the address" in page


def test_the_panel_says_how_fast_and_how_long(lena: Person, settings: Settings, page_id: int, edge: Edge) -> None:
    for number in range(30):
        make_subscriber(page_id, f"user{number}@example.com")
    with frozen(NOON):
        path = published(settings, page_id)
    with transaction() as writing:
        writing.execute(update(Dispatch).values(state=DispatchState.SENDING, planned_at=NOON))
        writing.execute(update(Delivery).values(settled_at=NOON + timedelta(seconds=55)))
        waiting = {"state": DeliveryState.PENDING, "settled_at": None}
        writing.execute(update(Delivery).where(Delivery.id > 20).values(waiting))
        writing.execute(update(Delivery).where(Delivery.id == 30).values(lane=10, due_at=NOON + timedelta(minutes=5)))
    with frozen(NOON + timedelta(minutes=1)), counted() as queries:
        page = text_of(lena.client.get(f"{path}?tried=0&since=2026-03-02T12:00:50%2B00:00", headers=HTMX).text)
    assert "66 % tried, 2.0 a second, about 4 s left." in page
    assert "1 of those who wait was refused for now and is tried again, the next at 12:05 UTC" in page
    assert len(queries) <= 8
    with frozen(NOON + timedelta(minutes=9)):
        polling = lena.client.get(f"{path}?tried=20&since=2026-03-02T12:08:48%2B00:00", headers=HTMX).text
        assert "nothing in the last 12 s" in text_of(polling)
        assert "tried=20" in polling
        assert "since=2026-03-02T12:09:00" in polling
        for nonsense in ("tried=x&since=y", "tried=5&since=9", "tried=-1", "tried=1&since=2999-01-01T00:00:00"):
            assert lena.client.get(f"{path}?{nonsense}", headers=HTMX).status_code == 200
    with frozen(NOON + timedelta(seconds=40)):
        assert "0.5 a second" in text_of(lena.open(path))


def test_reasons_lead_to_those_whom_they_concern(lena: Person, settings: Settings, page_id: int, edge: Edge) -> None:
    make_subscriber(page_id, "ann@example.com")
    make_subscriber(page_id, "new@example.com", state="unconfirmed")
    edge.behave = refuse("no such mailbox", permanent=True)
    path = published(settings, page_id)
    filtered = text_of(lena.open(f"{path}?channel=email&state=failed&reason=no+such+mailbox"))
    assert "ann@example.com" in filtered
    assert "new@example.com" not in filtered
    assert "Nobody on this page of the list." in text_of(lena.open(f"{path}?reason=another"))
    assert "new@example.com" in text_of(lena.open(f"{path}?state=nonsense&channel=pigeon&page=x"))


def test_the_list_leaves_as_a_sheet_without_formulas(
    lena: Person, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id, "=cmd|x@example.com", label='=HYPERLINK("https://evil.example")')
    make_subscriber(page_id, "ann@example.com", label="@SUM(1)")
    edge.behave = refuse("- no such mailbox", permanent=True)
    path = published(settings, page_id)
    answer = lena.client.get(path.replace("/deliveries", "/missing"))
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = sheet(answer.text)
    assert [row["address"] for row in rows] == ["'=cmd|x@example.com", "ann@example.com"]
    assert [row["label"] for row in rows] == ['\'=HYPERLINK("https://evil.example")', "'@SUM(1)"]
    assert {row["reason"] for row in rows} == {"'- no such mailbox"}
    only = lena.client.get(path.replace("/deliveries", "/missing") + "?state=skipped")
    assert sheet(only.text) == []


def test_a_viewer_gets_no_sheet_and_no_button(vera: Person, settings: Settings, page_id: int, edge: Edge) -> None:
    make_subscriber(page_id, "ann@example.com")
    edge.behave = refuse("no such mailbox", permanent=True)
    path = published(settings, page_id)
    page = vera.open(path)
    assert "/retry" not in page
    assert "ann@" not in page
    assert vera.client.get(path.replace("/deliveries", "/missing")).status_code == 403


def test_what_was_given_up_is_tried_again_and_the_rest_only_when_asked(
    lena: Person,
    settings: Settings,
    page_id: int,
    edge: Edge,
) -> None:
    make_subscriber(page_id, "ann@example.com")
    path = published(settings, page_id)
    put(DeliveryState.FAILED, "Gave up after 24 hours: no answer")
    form = form_of(lena.open(path), "/retry")
    assert form.fields["which"] == "given-up"
    assert lena.send(form, {}).status_code == 303
    assert states() == ["pending"]
    put(DeliveryState.FAILED, "no such mailbox")
    assert lena.fill(path, "/retry", {"which": "given-up"}).status_code == 303
    assert states() == ["failed"]
    assert lena.fill(path, "/retry", {"which": "all"}).status_code == 303
    assert states() == ["pending"]
    drain(settings)
    assert states() == ["sent"]
    retries = session().scalars(select(AuditEntry.detail).where(AuditEntry.verb == "retry")).all()
    assert retries == ["1 deliveries, those given up on", "1 deliveries, even those refused for good"]


def test_the_same_form_sent_twice_tries_nobody_twice(
    lena: Person, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id, "ann@example.com")
    with frozen(NOON):
        path = published(settings, page_id)
        put(DeliveryState.FAILED, f"{GAVE_UP} after 24 hours: no answer")
        form = form_of(lena.open(path), "/retry")
        lena.send(form, {})
        assert states() == ["pending"]
    with frozen(NOON + timedelta(hours=1)):
        put(DeliveryState.FAILED, f"{GAVE_UP} after 24 hours: no answer")
        lena.send(form, {})
        assert states() == ["failed"]
        lena.fill(path, "/retry", {})
        assert states() == ["pending"]


@pytest.mark.parametrize("state", [DeliveryState.SKIPPED, DeliveryState.BOUNCED, DeliveryState.UNKNOWN])
def test_nobody_else_is_ever_tried_again(
    lena: Person,
    settings: Settings,
    page_id: int,
    edge: Edge,
    state: DeliveryState,
) -> None:
    make_subscriber(page_id, "ann@example.com")
    path = published(settings, page_id)
    put(DeliveryState.FAILED, "no such mailbox")
    form = form_of(lena.open(path), "/retry")
    put(state, "on the suppression list")
    lena.send(form, {"which": "all"})
    assert states() == [state]


def test_the_engine_says_that_it_gave_up_in_the_words_we_look_for(
    lena: Person,
    settings: Settings,
    page_id: int,
    edge: Edge,
) -> None:
    make_subscriber(page_id, "ann@example.com")
    edge.behave = refuse("no answer")
    with frozen(NOON):
        path = published(settings, page_id)
        assert states() == ["pending"]
    with transaction() as writing:
        writing.execute(update(Delivery).values(attempts=20))
    with frozen(NOON + timedelta(hours=23, minutes=59)):
        drain(settings)
        assert states() == ["failed"]
        assert "1 given up on" in text_of(lena.open(path))


def test_somebody_is_found_and_their_whole_history_is_shown(
    lena: Person,
    settings: Settings,
    page_id: int,
    edge: Edge,
) -> None:
    hashed = address_hash(settings, "email", "ann@example.com")
    who = make_subscriber(page_id, "ann@example.com")
    with transaction() as writing:
        writing.get_one(Subscriber, who).address_hash = hashed
    make_subscriber(page_id, "another@example.com")
    published(settings, page_id)
    with transaction() as writing:
        delivery = writing.scalars(select(Delivery.id).where(Delivery.subscriber_id == who)).one()
        writing.add(DeliveryAttempt(delivery_id=delivery, took_ms=1234, status=503, reason="busy"))
    assert lena.client.get("/console/default/subscribers/search?q= ANN@Example.com ").status_code == 303
    assert "another@example.com" in lena.open("/console/default/subscribers/search?q=example")
    public_id = session().scalars(select(Subscriber.public_id).where(Subscriber.id == who)).one()
    page = text_of(lena.open(f"/console/default/subscribers/{public_id}"))
    assert "ann@example.com" in page
    assert "Slow answers: Investigating" in page
    assert "Sent" in page
    assert "503 after 1,234 ms, busy" in page
    rows = sheet(lena.client.get(f"/console/default/subscribers/{public_id}/history").text)
    assert [(row["title"], row["state"]) for row in rows] == [("Slow answers", "sent")]
    assert lena.open("/console/default/subscribers/nosuchperson", 404)


def test_a_viewer_finds_by_a_whole_address_alone(vera: Person, settings: Settings, page_id: int) -> None:
    who = make_subscriber(page_id, "ann@example.com")
    with transaction() as writing:
        writing.get_one(Subscriber, who).address_hash = address_hash(settings, "email", "ann@example.com")
    assert "Only a whole address" in text_of(vera.open("/console/default/subscribers/search?q=ann"))
    found = vera.client.get("/console/default/subscribers/search?q=Ann@example.com")
    assert found.status_code == 303
    assert "ann@" not in vera.open(found.headers["Location"])
    assert vera.client.get(f"{found.headers['Location']}/history").status_code == 403


def test_a_long_history_costs_no_more_queries(lena: Person, settings: Settings, page_id: int, edge: Edge) -> None:
    make_subscriber(page_id, "ann@example.com")
    published(settings, page_id)
    public_id = session().scalars(select(Subscriber.public_id)).one()
    path = f"/console/default/subscribers/{public_id}"
    with counted() as few:
        lena.open(path)
    post_id = session().scalars(select(Dispatch.post_id)).one()
    made = session().scalars(select(Update)).one()
    values = {"post_id": post_id, "status": made.status, "body": "x", "body_html": "x", "notify": True, "author": "x"}
    session().rollback()
    with transaction() as writing:
        for number in range(2, 60):
            row = Update(**values, sequence=number, idempotency_key=f"key-1{number:08d}", display_at=now())
            writing.add(row)
            writing.flush()
            dispatch = Dispatch(update_id=row.id, post_id=post_id, page_id=page_id, hold_until=now(), state="done")
            writing.add(dispatch)
            writing.flush()
            writing.execute(
                insert(Delivery).values(dispatch_id=dispatch.id, subscriber_id=1, channel="email", state="sent")
            )
    with counted() as many:
        page = lena.open(path)
    assert len(many) == len(few)
    assert "page=2" in page
    assert len(sheet(lena.client.get(f"{path}/history").text)) == 59
