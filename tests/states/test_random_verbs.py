"""Whatever is done in whatever order, no impossible combination of states is met."""

from collections.abc import Callable
from datetime import timedelta

import hypothesis
import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import select

from app import clock
from app.actions import erasure
from app.actions.deliveries.dispatches import Retry, retry_failed
from app.actions.inbound.applying import apply
from app.actions.posts.publishing import open_post
from app.actions.subscribers import browsers, canaries, managing, subscriptions
from app.clock import now
from app.db import session, transaction
from app.deliver import ledger, plan, settling
from app.errors import CandorError
from app.mail_verdict import MailVerdict
from app.models.delivery import Delivery, Dispatch, Notice
from app.models.page import Page
from app.models.post import Update
from app.models.subscriber import RateEvent, Subscriber, Suppression
from app.publish import tokens
from app.settings import Settings
from app.shapes import COMMAND_LINE, SYSTEM, Outcome
from app.sources.events import Bounced, Complained
from app.states import deliveries
from app.states.subscribers import address_hash
from app.transfer.subscribers import import_subscribers
from app.vocabulary import DeliveryState, DispatchKind, DispatchState, SubscriberState
from tests.deliver.conftest import draft
from tests.factories import make_page, make_subscriber

pytestmark = pytest.mark.database
ADDRESSES = ("ana@example.com", "bea@example.com")
SETTLED = frozenset(DeliveryState) - {DeliveryState.PENDING, DeliveryState.SENDING}
FEW = hypothesis.settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def impossible_subscribers(settings: Settings) -> list[str]:
    """What of app.states.subscribers' invariants does not hold."""
    session().rollback()
    suppressed = {tuple(one) for one in session().execute(select(Suppression.channel, Suppression.address_hash))}
    found = []
    for row in session().scalars(select(Subscriber)):
        is_active, is_over = row.state is SubscriberState.ACTIVE, row.state is SubscriberState.UNSUBSCRIBED
        wrong = {
            "active without a confirmation": is_active and row.confirmed_at is None,
            "active and suppressed": is_active and (row.channel, row.address_hash) in suppressed,
            "unconfirmed with a confirmation": row.state is SubscriberState.UNCONFIRMED
            and row.confirmed_at is not None,
            "unsubscribed without a time, or the other way round": is_over != (row.unsubscribed_at is not None),
            "disabled and written to": bool(row.disabled_why)
            and row.state in {SubscriberState.ACTIVE, SubscriberState.UNCONFIRMED},
            "erased and not over": row.is_erased and not is_over,
        }
        found += [f"{row.id} is {what}" for what, is_wrong in wrong.items() if is_wrong]
    return found


def impossible_deliveries() -> list[str]:
    """What of app.states.deliveries' invariants does not hold."""
    session().rollback()
    found = []
    for row in [*session().scalars(select(Delivery)), *session().scalars(select(Notice))]:
        is_leased = bool(row.leased_by) and row.leased_until is not None
        wrong = {
            "sending without a lease": row.state is DeliveryState.SENDING and not is_leased,
            "leased and not sending": row.state is not DeliveryState.SENDING
            and bool(row.leased_by or row.leased_until),
            "sending without an attempt": row.state is DeliveryState.SENDING
            and not (row.attempts and row.first_attempt_at),
            "settled without a time, or the other way round": (row.state in SETTLED) != (row.settled_at is not None),
            "tried less than never": row.attempts < 0,
        }
        found += [f"{row.id} is {what}" for what, is_wrong in wrong.items() if is_wrong]
    for one in session().scalars(select(Dispatch)):
        states = set(session().scalars(select(Delivery.state).where(Delivery.dispatch_id == one.id)))
        is_over = one.state in {DispatchState.DONE, DispatchState.CANCELLED}
        wrong = {
            "held with deliveries": one.state is DispatchState.HELD and bool(states or one.planned_at),
            "done and not planned": one.state is DispatchState.DONE and one.planned_at is None,
            "done with something open": one.state is DispatchState.DONE and bool(states & set(deliveries.UNSENT)),
            "cancelled with something waiting": one.state is DispatchState.CANCELLED
            and DeliveryState.PENDING in states,
            "over without a time, or the other way round": is_over != (one.finished_at is not None),
        }
        found += [f"dispatch {one.id} is {what}" for what, is_wrong in wrong.items() if is_wrong]
    return found


def subscriber_verbs(settings: Settings, pages: list[int]) -> dict[str, Callable[[int, str], object]]:
    def named(page: int, address: str) -> Subscriber:
        hashed = address_hash(settings, "email", address)
        row = session().scalar(select(Subscriber).where(Subscriber.page_id == page, Subscriber.address_hash == hashed))
        return row or Subscriber(public_id="nobody", token_version=0)

    def with_link(verb: Callable[..., None], purpose: str) -> Callable[[int, str], object]:
        def follow(page: int, address: str) -> None:
            row = named(page, address)
            verb(settings, row.public_id, tokens.sign(settings.secret_key, purpose, row.public_id, row.token_version))

        return follow

    def mail(event: type[Bounced | Complained]) -> Callable[[int, str], object]:
        def come_back(_page: int, address: str) -> None:
            facts = {"event_id": f"{now().timestamp()}", "address": address, "returned_to": ()}
            if event is Bounced:
                made = Bounced(**facts, permanent=True, code="5.1.1", verdict=MailVerdict.ADDRESS_GONE, detail="")
            else:
                made = Complained(**facts)
            with transaction() as writing:
                apply(writing, settings, "ses", now(), made)

        return come_back

    def sheet(state: str) -> Callable[[int, str], object]:
        def take(page: int, address: str) -> None:
            path = settings.home / "sheet.csv"
            path.write_text(f"channel,address,state\nemail,{address},{state}\n")
            with path.open("rb") as file:
                import_subscribers(settings, COMMAND_LINE, page, file)

        return take

    one = lambda page, address: [named(page, address).public_id]  # noqa: E731
    return {
        "subscribe": lambda page, address: subscriptions.subscribe(settings, page, "email", address, []),
        "confirm": with_link(subscriptions.confirm, "confirm"),
        "unsubscribe": with_link(subscriptions.unsubscribe, "unsubscribe"),
        "remove": lambda page, address: managing.unsubscribe(settings, COMMAND_LINE, page, one(page, address)),
        "reactivate": lambda page, address: managing.reactivate(settings, COMMAND_LINE, page, one(page, address)),
        "add": lambda page, address: managing.add_subscriber(
            settings, COMMAND_LINE, page, "email", address, is_confirmed=True
        ),
        "ask": lambda page, address: managing.add_subscriber(
            settings, COMMAND_LINE, page, "email", address, is_confirmed=False
        ),
        "canary": lambda page, address: canaries.add_canary(settings, COMMAND_LINE, page, "email", address),
        "bounce": mail(Bounced),
        "complain": mail(Complained),
        "erase": lambda _page, address: erasure.erase(settings, COMMAND_LINE, address),
        "erase for ever": lambda _page, address: erasure.erase(settings, COMMAND_LINE, address, never_again=True),
        "import active": sheet("active"),
        "import unconfirmed": sheet("unconfirmed"),
        "import quarantined": sheet("quarantined"),
        "import unsubscribed": sheet("unsubscribed"),
        "push": lambda page, _address: browsers.unsubscribe_browser(settings, page, "{}"),
    }


VERBS = sorted(subscriber_verbs(None, []))  # type: ignore[arg-type]


@FEW
@given(st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 1), st.sampled_from(ADDRESSES)), max_size=12))
def test_subscribers_and_suppressions_never_contradict_each_other(
    app: Flask, settings: Settings, steps: list[tuple[str, int, str]]
) -> None:
    known = {row.slug: row.id for row in session().execute(select(Page.slug, Page.id))}
    pages = [known.get(slug) or make_page(slug, slug=slug) for slug in ("default", "second")]
    verbs = subscriber_verbs(settings, pages)
    at = clock.now()
    for number, (verb, page, address) in enumerate(steps):
        with transaction() as writing:
            writing.query(RateEvent).delete()
        with clock.frozen(at + timedelta(minutes=number)):
            try:
                verbs[verb](pages[page], address)
            except CandorError:
                session().rollback()  # refused: nothing may have changed by halves
        assert impossible_subscribers(settings) == [], steps[: number + 1]


OWNERS = ("delivery-email-a", "delivery-email-b")
OUTCOMES = (
    Outcome(0, DeliveryState.SENT),
    Outcome(0, DeliveryState.SENT, provider_id="p"),
    Outcome(0, DeliveryState.FAILED, "busy"),
    Outcome(0, DeliveryState.FAILED, "no", permanent=True),
    Outcome(0, DeliveryState.UNKNOWN, "no answer"),
    Outcome(0, DeliveryState.SKIPPED, "left"),
    Outcome(0, DeliveryState.PENDING),
)


def delivery_verbs(settings: Settings) -> dict[str, Callable[[int], object]]:
    def row(number: int) -> Delivery | None:
        return session().scalars(select(Delivery).order_by(Delivery.id).offset(number % 5).limit(1)).first()

    def settle(number: int) -> None:
        owner = OWNERS[number % 2]
        claims = {claim.id: claim for claim in ledger.claims_of(session(), Delivery, owner)}
        outcome = OUTCOMES[number % len(OUTCOMES)]
        changed = [
            Outcome(**{**{name: getattr(outcome, name) for name in outcome.__slots__}, "delivery_id": one})
            for one in list(claims)[: 1 + number % 2]
        ]
        settling.settle(Delivery, owner, claims, changed)

    def with_row(change: Callable[..., object]) -> Callable[[int], object]:
        def go(number: int) -> None:
            with transaction() as writing:
                found = row(number)
                if found is not None:
                    change(writing, writing.get_one(Delivery, found.id))
                    writing.flush()
                    deliveries.finish_if_done(writing, found.dispatch_id)

        return go

    def replay(writing: object, found: Delivery) -> None:
        if found.state in deliveries.REPLAYED:
            deliveries.replay(writing, found)  # type: ignore[arg-type]

    def doubt(writing: object, found: Delivery) -> None:
        if found.state is DeliveryState.UNKNOWN:
            deliveries.try_again(writing, found, "not known")  # type: ignore[arg-type]

    def publish(number: int) -> None:
        open_post(settings, COMMAND_LINE, 1, draft(f"key-{now().timestamp()}"))

    def cancel(number: int) -> None:
        with transaction() as writing:
            deliveries.cancel_dispatches_of(writing, list(writing.scalars(select(Update.id))), "withdrawn")

    def correct(number: int) -> None:
        with transaction() as writing:
            of = writing.scalars(select(Dispatch).where(Dispatch.kind == DispatchKind.UPDATE)).first()
            if of is not None:
                deliveries.open_dispatch(
                    writing,
                    page_id=of.page_id,
                    post_id=of.post_id,
                    update_id=of.update_id,
                    kind=DispatchKind.CORRECTION,
                    urgency=2,
                    hold_until=now(),
                )

    def retry(number: int) -> None:
        for found in session().execute(select(Dispatch.page_id, Dispatch.public_id)).all():
            retry_failed(settings, SYSTEM, found.page_id, found.public_id, Retry(now(), even_permanent=True))

    return {
        "publish": publish,
        "plan": lambda _number: [plan.plan(one) for one in plan.due_dispatches(session())],
        "claim": lambda number: ledger.claim(Delivery, "email", OWNERS[number % 2], 1 + number % 3),
        "settle": settle,
        "settle again": settle,
        "release": lambda number: ledger.release(Delivery, OWNERS[number % 2]),
        "expire": lambda number: ledger.expire_leases(Delivery, ()),
        "bounce": with_row(lambda _writing, found: deliveries.bounce(found, "came back")),
        "replay": with_row(replay),
        "doubt": with_row(doubt),
        "cancel": cancel,
        "correct": correct,
        "retry": retry,
        "provider": with_row(
            lambda _writing, found: (
                found.attempts and deliveries.settle_by_provider(found, DeliveryState.SENT, "arrived", "p")
            )
        ),
    }


@FEW
@given(st.lists(st.tuples(st.sampled_from(sorted(delivery_verbs(None))), st.integers(0, 20)), max_size=20))  # type: ignore[arg-type]
def test_the_ledger_never_meets_an_impossible_combination(
    app: Flask, settings: Settings, steps: list[tuple[str, int]]
) -> None:
    if session().scalars(select(Page.id)).first() is None:
        page_id = make_page()
        for address in (*ADDRESSES, "cem@example.com"):
            make_subscriber(page_id, address)
    with transaction() as writing:
        for one in writing.scalars(select(Dispatch).where(Dispatch.finished_at.is_(None))).all():
            deliveries.cancel(writing, one)
    verbs = delivery_verbs(settings)
    at = clock.now()
    for number, (verb, chosen) in enumerate([("publish", 0), ("plan", 0), *steps]):
        with clock.frozen(at + timedelta(minutes=number)):
            verbs[verb](chosen)
        assert impossible_deliveries() == [], steps[:number]
