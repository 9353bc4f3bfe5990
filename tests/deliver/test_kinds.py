"""Corrections and withdrawals go to those who got the update, and to nobody else; what waits is cancelled."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.actions.deliveries.dispatches import Retry, retry_failed
from app.actions.posts.publishing import open_post
from app.actions.subscribers.managing import unsubscribe
from app.actions.subscribers.webhooks import replay
from app.clock import now
from app.db import session, transaction
from app.deliver import ledger, plan
from app.deliver.report import dispatch_report, dispatches_of
from app.errors import Conflict
from app.models.delivery import Delivery, Dispatch, Notice
from app.models.post import Update
from app.models.subscriber import Subscriber
from app.queries.sending import delivery_health
from app.settings import Settings
from app.states import deliveries
from app.vocabulary import DeliveryState, DispatchKind, DispatchState, NoticeKind
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge, refuse
from tests.factories import LENA, make_subscriber
from tests.web.console.cast import sign_in
from tests.web.console.person import text_of

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def send(kind: DispatchKind, *, whole_post: bool = False) -> str:
    """A dispatch about the newest update, or about its whole post; its public id."""
    with transaction() as writing:
        update = writing.scalars(select(Update).order_by(Update.id.desc())).first()
        base = writing.scalars(select(Dispatch).order_by(Dispatch.id)).first()
        assert update is not None and base is not None
        made = deliveries.open_dispatch(
            writing,
            page_id=base.page_id,
            post_id=update.post_id,
            update_id=None if whole_post else update.id,
            kind=kind,
            urgency=2,
            hold_until=now(),
        )
        return made.public_id


def of(kind: DispatchKind) -> Counter[str]:
    session().rollback()
    rows = select(Delivery.state).join(Dispatch, Dispatch.id == Delivery.dispatch_id).where(Dispatch.kind == kind)
    return Counter(session().scalars(rows))


def newest() -> Update:
    session().rollback()
    found = session().scalars(select(Update).order_by(Update.id.desc())).first()
    assert found is not None
    return found


@pytest.mark.parametrize("kind", [DispatchKind.CORRECTION, DispatchKind.WITHDRAWAL])
def test_who_got_the_update_gets_what_became_of_it_and_nobody_else(
    app: Flask, settings: Settings, page_id: int, edge: Edge, kind: DispatchKind
) -> None:
    with clock.frozen(NOON):
        make_subscriber(page_id, "got@example.com")
        make_subscriber(page_id, "refused@example.com")
        make_subscriber(page_id, "left@example.com")
        no = refuse("no", permanent=True)
        edge.behave = lambda one: no(one) if one.address == "refused@example.com" else None
        open_post(settings, LENA, page_id, draft())
        drain(settings)
    with clock.frozen(NOON + timedelta(minutes=5)):
        make_subscriber(page_id, "late@example.com")
        left = select(Subscriber.public_id).where(Subscriber.address == "left@example.com")
        unsubscribe(settings, LENA, page_id, session().scalars(left).all())
        edge.sent.clear()
        made = send(kind)
        held = dispatch_report(session(), newest().id, public_id=made)
        drain(settings)
    assert held is not None and held.total(DeliveryState.PENDING) == 1
    assert edge.addresses == ["got@example.com"]
    report = dispatch_report(session(), newest().id, public_id=made)
    assert report is not None and (report.kind, report.state, report.audience) == (kind, DispatchState.DONE, 1)
    assert [one.kind for one in dispatches_of(session(), newest().id)] == [DispatchKind.UPDATE, kind]


def test_whoever_gets_it_only_after_the_correction_has_the_right_words_already(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    with clock.frozen(NOON):
        make_subscriber(page_id)
        open_post(settings, LENA, page_id, draft())
        plan.plan(plan.due_dispatches(session())[0])
    with clock.frozen(NOON + timedelta(minutes=1)):
        send(DispatchKind.CORRECTION)
    with clock.frozen(NOON + timedelta(minutes=2)):
        drain(settings)
    assert edge.addresses == ["carol@example.com"]
    assert of(DispatchKind.CORRECTION) == {}


def test_a_correction_waits_until_it_is_known_who_got_the_update(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id)
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    ledger.claim(Delivery, "email", "delivery-email-x", 10)
    send(DispatchKind.CORRECTION)
    assert plan.due_dispatches(session()) == []
    with transaction() as writing:
        row = writing.scalars(select(Delivery.id)).one()
        deliveries.settle_sent(writing, Delivery, "delivery-email-x", [row], now())
    (due,) = plan.due_dispatches(session())
    assert plan.plan(due)
    assert of(DispatchKind.CORRECTION) == {DeliveryState.PENDING: 1}


def test_a_withdrawal_of_the_whole_post_reaches_whoever_got_any_of_it(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    with clock.frozen(NOON):
        make_subscriber(page_id)
        open_post(settings, LENA, page_id, draft())
        drain(settings)
        make_subscriber(page_id, "late@example.com")
    with clock.frozen(NOON + timedelta(minutes=1)):
        send(DispatchKind.WITHDRAWAL, whole_post=True)
        drain(settings)
    assert edge.addresses == ["carol@example.com"] * 2
    assert of(DispatchKind.WITHDRAWAL) == {DeliveryState.SENT: 1}


def test_what_waits_of_a_withdrawn_update_is_cancelled_and_never_tried_again(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    for name in ("a", "b", "c"):
        make_subscriber(page_id, f"{name}@example.com")
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    owner = "delivery-email-x"
    first, second = ledger.claim(Delivery, "email", owner, 2)
    update_id = newest().id
    with transaction() as writing:
        assert deliveries.cancel_dispatches_of(writing, [update_id], "the update was withdrawn") == 1
        assert deliveries.cancel_dispatches_of(writing, [update_id], "the update was withdrawn") == 0
    assert of(DispatchKind.UPDATE) == {DeliveryState.SKIPPED: 1, DeliveryState.SENDING: 2}
    with transaction() as writing:
        deliveries.settle_sent(writing, Delivery, owner, [first.id], now())
        refused = deliveries.settlement(
            second.id,
            owner,
            DeliveryState.FAILED,
            lane=2,
            reason="busy",
            provider_id="",
            at=now(),
            again=now(),
        )
        deliveries.settle(writing, Delivery, [refused])
    drain(settings)
    assert edge.addresses == []
    assert of(DispatchKind.UPDATE) == {DeliveryState.SKIPPED: 2, DeliveryState.SENT: 1}
    report = dispatch_report(session(), update_id)
    assert report is not None and report.state is DispatchState.CANCELLED
    assert report.audience == 3


def test_a_held_dispatch_of_a_withdrawn_update_reaches_nobody(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id)
    open_post(settings, LENA, page_id, draft())
    with transaction() as writing:
        deliveries.cancel_dispatches_of(writing, [newest().id], "the update was withdrawn")
    drain(settings)
    assert edge.addresses == []


def test_each_of_a_kind_has_its_number_and_there_is_no_second_with_the_same(
    app: Flask, settings: Settings, page_id: int
) -> None:
    open_post(settings, LENA, page_id, draft())
    for _ in range(2):
        send(DispatchKind.CORRECTION)
    send(DispatchKind.WITHDRAWAL, whole_post=True)
    session().rollback()
    made = session().execute(select(Dispatch.kind, Dispatch.sequence).order_by(Dispatch.id)).all()
    assert [tuple(one) for one in made] == [
        (DispatchKind.UPDATE, 1),
        (DispatchKind.CORRECTION, 1),
        (DispatchKind.CORRECTION, 2),
        (DispatchKind.WITHDRAWAL, 1),
    ]
    for number in (1, 3):  # of an update, and of a whole post
        with pytest.raises(IntegrityError), transaction() as writing:
            row = writing.scalars(select(Dispatch).order_by(Dispatch.id)).all()[number]
            writing.add(
                Dispatch(
                    page_id=row.page_id,
                    post_id=row.post_id,
                    update_id=row.update_id,
                    kind=row.kind,
                    sequence=row.sequence,
                    hold_until=now(),
                )
            )


def test_a_delivery_is_in_the_subscribers_language_or_the_pages(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id, "page@example.com")
    make_subscriber(page_id, "own@example.com", locale="de")
    open_post(settings, LENA, page_id, draft())
    plan.plan(plan.due_dispatches(session())[0])
    assert list(session().scalars(select(Delivery.language).order_by(Delivery.id))) == ["en", "de"]


def test_a_retry_or_replay_opens_a_dispatch_that_was_done(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    make_subscriber(page_id, "https://example.com/hook", "webhook")
    edge.behave = refuse("no", permanent=True)
    open_post(settings, LENA, page_id, draft())
    drain(settings)
    dispatch = session().scalars(select(Dispatch)).one()
    assert dispatch.state is DispatchState.DONE
    assert retry_failed(settings, LENA, page_id, dispatch.public_id, Retry(before=now(), even_permanent=True)) == 1
    edge.behave = lambda _recipient: None
    session().rollback()
    assert session().scalars(select(Dispatch.state)).one() is DispatchState.SENDING
    drain(settings)
    delivery = session().scalars(select(Delivery)).one()
    assert delivery.state is DeliveryState.SENT
    replay(settings, LENA, page_id, delivery.id)
    session().rollback()
    assert session().scalars(select(Dispatch.state)).one() is DispatchState.SENDING


def test_what_was_withdrawn_is_not_tried_again(app: Flask, settings: Settings, page_id: int, edge: Edge) -> None:
    make_subscriber(page_id)
    edge.behave = refuse("no", permanent=True)
    open_post(settings, LENA, page_id, draft())
    drain(settings)
    update_id = newest().id
    with transaction() as writing:
        writing.get_one(Update, update_id).withdrawn_at = now()
    dispatch = session().scalars(select(Dispatch)).one()
    with pytest.raises(Conflict, match="withdrawn"):
        retry_failed(settings, LENA, page_id, dispatch.public_id, Retry(before=now(), even_permanent=True))


def test_every_kind_of_dispatch_and_of_notice_is_accounted_for(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    """In the report of each dispatch, on the screen of who got it, in the subscriber's history, and in the figures."""
    subscriber_id = make_subscriber(page_id)
    published = open_post(settings, LENA, page_id, draft()).update_id
    drain(settings)
    made = {kind: send(kind) for kind in DispatchKind if kind is not DispatchKind.UPDATE}
    drain(settings)
    with transaction() as writing:
        subscriber = writing.get_one(Subscriber, subscriber_id)
        public_id = subscriber.public_id
        for kind in NoticeKind:
            deliveries.queue_notice(writing, subscriber, kind)
    drain(settings)
    session().rollback()
    update_id = newest().id
    for kind, dispatch_id in made.items():
        report = dispatch_report(session(), update_id, public_id=dispatch_id)
        assert report is not None
        sent = report.total(DeliveryState.SENT)
        assert (report.kind, report.state, report.audience, sent) == (kind, DispatchState.DONE, 1, 1)
    assert [one.kind for one in dispatches_of(session(), update_id)] == list(DispatchKind)
    assert delivery_health(session(), page_id).sent == len(DispatchKind)
    assert set(session().scalars(select(Notice.state))) == {DeliveryState.SENT}
    session().rollback()
    lena = sign_in(app, "lena")
    who_got_it = text_of(lena.open(f"/console/default/updates/{published}/deliveries"))
    history = text_of(lena.open(f"/console/default/subscribers/{public_id}"))
    for kind in made:
        assert kind.label in who_got_it
        assert f"{kind.label}: Slow answers" in history
    for notice in NoticeKind:
        assert notice.label in history
