"""Texts, after Twilio took them or may have taken them: callbacks, questions, and what is never sent twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import clock
from app.actions.inbound import reading
from app.actions.posts.publishing import open_post
from app.channels import pinned_http
from app.db import session, transaction
from app.deliver import texts
from app.models.delivery import Delivery, Dispatch
from app.models.subscriber import Subscriber, Suppression
from app.settings import Settings
from app.sources.twilio import signature
from app.states.subscribers import address_hash
from app.vocabulary import DeliveryState, DispatchState, SubscriberState
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.factories import LENA, make_subscriber
from tests.fake_twilio import TOKEN, URL, Answered, FakeTwilio, fake_twilio, refuse

pytestmark = pytest.mark.database
NUMBER = "+14155552671"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with fake_twilio() as running:
        running.at = NOON
        yield running


@pytest.fixture
def texting(app: Flask, settings: Settings, page_id: int, twilio: FakeTwilio) -> Settings:
    """Settings that text through the fake, in the running app, with one subscriber."""
    made = settings.with_changes(sms_url=URL, twilio_api=twilio.url, base_url="https://status.example.com")
    app.config["SETTINGS"] = made
    make_subscriber(page_id, NUMBER, "sms")
    with transaction() as writing:
        writing.scalars(select(Subscriber)).one().address_hash = address_hash(made, "sms", NUMBER)
    return made


def publish(settings: Settings, page_id: int) -> None:
    with clock.frozen(NOON):
        open_post(settings, LENA, page_id, draft())
        drain(settings, ["sms"])


def delivery() -> Delivery:
    session().rollback()
    return session().scalars(select(Delivery)).one()


def tell(app: Flask, message: dict[str, str], status: str, code: int = 0, token: str = TOKEN) -> TestResponse:
    """Twilio calls back, as it was told to, and a worker reads it."""
    form = {"MessageSid": message["sid"], "MessageStatus": status} | ({"ErrorCode": str(code)} if code else {})
    url = urlsplit(message["callback"])
    signed = signature(token, message["callback"], {name: [value] for name, value in form.items()})
    answer = app.test_client().post(
        f"{url.path}?{url.query}", data=form, headers={"X-Twilio-Signature": signed}, base_url=f"https://{url.netloc}"
    )
    session().rollback()
    reading.read_waiting(app.config["SETTINGS"])
    return answer


def start_by_sms(app: Flask, settings: Settings) -> None:
    """The owner of the number texts START."""
    form = {"From": NUMBER, "Body": "START", "MessageSid": "SM9"}
    url = f"{settings.base_url}/hooks/sms/twilio"
    signed = signature(TOKEN, url, {name: [value] for name, value in form.items()})
    client = app.test_client()
    client.post(urlsplit(url).path, data=form, headers={"X-Twilio-Signature": signed}, base_url=settings.base_url)


def test_a_callback_says_that_the_text_arrived(app: Flask, texting: Settings, page_id: int, twilio: FakeTwilio) -> None:
    publish(texting, page_id)
    (message,) = twilio.messages
    assert (delivery().state, delivery().provider_id) == (DeliveryState.SENT, message["sid"])
    assert [tell(app, message, status).status_code for status in ("queued", "sent", "delivered")] == [204] * 3
    assert (delivery().state, delivery().reason) == (DeliveryState.SENT, "delivered to the phone")
    tell(app, message, "sent")  # late: callbacks overtake each other
    assert delivery().reason == "delivered to the phone"


def test_a_callback_says_why_the_text_did_not_arrive(
    app: Flask, texting: Settings, page_id: int, twilio: FakeTwilio
) -> None:
    publish(texting, page_id)
    tell(app, twilio.messages[0], "undelivered", 30003)
    assert (delivery().state, delivery().reason) == (DeliveryState.FAILED, "the phone can't be reached")
    tell(app, twilio.messages[0] | {"sid": "SM-another-try"}, "failed", 30007)
    assert delivery().reason == "the phone can't be reached"
    tell(app, twilio.messages[0], "delivered")
    assert delivery().state == DeliveryState.SENT


@pytest.mark.parametrize("told", ["refusal", "callback"])
def test_whoever_stopped_is_not_texted_again_until_they_start_again(
    app: Flask, texting: Settings, page_id: int, twilio: FakeTwilio, told: str
) -> None:
    if told == "refusal":
        twilio.behave = lambda _form: refuse(400, 21610)
    publish(texting, page_id)
    if told == "callback":
        tell(app, twilio.messages[0], "failed", 21610)
    assert (delivery().state, delivery().reason) == (DeliveryState.FAILED, "the person replied STOP")
    assert session().scalars(select(Subscriber.state)).one() == SubscriberState.UNSUBSCRIBED
    assert session().scalars(select(Suppression.why)).one() == "replied STOP"
    start_by_sms(app, texting)
    assert session().scalars(select(Suppression)).all() == []


@pytest.mark.parametrize("token", ["another", ""])
def test_a_callback_that_twilio_did_not_sign_changes_nothing(
    app: Flask, texting: Settings, page_id: int, twilio: FakeTwilio, token: str
) -> None:
    publish(texting, page_id)
    assert tell(app, twilio.messages[0], "failed", 30003, token=token).status_code == 403
    assert delivery().state == DeliveryState.SENT


def test_a_callback_about_a_text_that_is_not_ours_changes_nothing(
    app: Flask, texting: Settings, page_id: int, twilio: FakeTwilio
) -> None:
    publish(texting, page_id)
    stolen = twilio.messages[0]["callback"].replace("d=d1", "d=d2")
    assert tell(app, twilio.messages[0] | {"callback": stolen}, "failed").status_code == 404
    assert delivery().state == DeliveryState.SENT


@pytest.fixture
def silent(twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch) -> FakeTwilio:
    """Takes what it is given and never answers."""
    monkeypatch.setattr(pinned_http, "TOTAL_SECONDS", 0.3)
    twilio.behave = lambda _form: Answered(says=False)
    return twilio


def ask(settings: Settings, after: timedelta) -> None:
    with clock.frozen(NOON + after):
        texts.reconcile(settings)
        drain(settings, ["sms"])


def test_a_text_in_doubt_is_asked_about_and_not_sent_again(texting: Settings, page_id: int, silent: FakeTwilio) -> None:
    silent.prefix = "Sent from your Twilio trial account - "
    publish(texting, page_id)
    assert (delivery().state, delivery().provider_id) == (DeliveryState.UNKNOWN, "")
    drain(texting, ["sms"])
    ask(texting, timedelta(seconds=30))
    assert delivery().state == DeliveryState.UNKNOWN  # it may not be in Twilio's list yet
    ask(texting, timedelta(seconds=90))
    assert (delivery().state, delivery().provider_id) == (DeliveryState.SENT, silent.messages[0]["sid"])
    assert session().scalars(select(Dispatch.state)).one() == DispatchState.DONE
    assert len(silent.asked) == 1


def test_a_text_that_twilio_never_took_is_sent_again(texting: Settings, page_id: int, silent: FakeTwilio) -> None:
    silent.behave = lambda _form: Answered(says=False, takes=False)
    publish(texting, page_id)
    silent.behave = lambda _form: Answered()
    ask(texting, timedelta(seconds=90))
    assert (delivery().state, delivery().attempts, len(silent.asked)) == (DeliveryState.SENT, 2, 2)


def test_while_twilio_does_not_say_nothing_is_sent(texting: Settings, page_id: int, silent: FakeTwilio) -> None:
    publish(texting, page_id)
    silent.is_down = True
    ask(texting, timedelta(seconds=90))
    assert (delivery().state, len(silent.asked)) == (DeliveryState.UNKNOWN, 1)
    silent.is_down = False
    ask(texting, timedelta(hours=25))  # too late to ask: it stays in doubt
    assert (delivery().state, len(silent.asked)) == (DeliveryState.UNKNOWN, 1)


def test_another_text_to_the_same_phone_is_no_answer(texting: Settings, page_id: int, silent: FakeTwilio) -> None:
    silent.behave = lambda _form: Answered(says=False, takes=False)
    publish(texting, page_id)
    silent.take({"To": NUMBER, "Body": "Your code is 123456"})
    silent.at = NOON - timedelta(hours=1)
    silent.take({"To": NUMBER, "Body": silent.asked[0]["Body"]})
    silent.behave = lambda _form: Answered()
    ask(texting, timedelta(seconds=90))
    assert len(silent.asked) == 2


def test_a_callback_settles_what_is_in_doubt(app: Flask, texting: Settings, page_id: int, silent: FakeTwilio) -> None:
    publish(texting, page_id)
    tell(app, silent.messages[0], "sent")
    assert (delivery().state, delivery().provider_id) == (DeliveryState.SENT, silent.messages[0]["sid"])
    assert session().scalars(select(Dispatch.state)).one() == DispatchState.DONE


def test_a_callback_that_comes_before_the_answer_is_settled_stands(
    app: Flask, texting: Settings, page_id: int, twilio: FakeTwilio
) -> None:
    """The callback arrives while the row is still in the sender's hands."""

    def fail_at_once(form: dict[str, str]) -> Answered:
        message = {"sid": f"SM{0:032d}", "callback": form["StatusCallback"]}
        with app.app_context():
            assert tell(app, message, "failed", 30007).status_code == 204
        return Answered()

    twilio.behave = fail_at_once
    publish(texting, page_id)
    assert (delivery().state, delivery().reason) == (DeliveryState.FAILED, "the carrier filtered the text")
