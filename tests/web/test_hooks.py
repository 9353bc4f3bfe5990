"""Inbound texts."""

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.db import session
from app.errors import Forbidden
from app.models.subscriber import Subscriber, Suppression
from app.settings import Settings
from app.sources import registry
from app.sources.base import Received, Source, body_key
from app.sources.events import Event, Keyword, TextReceived
from app.sources.twilio import signature
from app.states.subscribers import address_hash
from app.worker.loop import drain
from tests.factories import make_subscriber

pytestmark = pytest.mark.database
NUMBER = "+15005550006"
PATH = "/hooks/sms/twilio"


@pytest.fixture
def twilio(app: Flask, settings: Settings) -> Settings:
    """Settings with Twilio's token, in the running app."""
    made = settings.with_changes(twilio_auth_token="12345", base_url="https://status.example.com")
    app.config["SETTINGS"] = made
    return made


def text(app: Flask, settings: Settings, body: str, sid: str = "SM1", given: str | None = None) -> TestResponse:
    form = {"From": NUMBER, "Body": body, "MessageSid": sid}
    made = signature(settings.twilio_auth_token, settings.base_url + PATH, {k: [v] for k, v in form.items()})
    return app.test_client().post(
        PATH, data=form, headers={"X-Twilio-Signature": made if given is None else given}, base_url=settings.base_url
    )


def test_the_signature_is_twilios() -> None:
    """The example of Twilio's own documents."""
    form = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675310", "Digits": "1234", "From": "+14158675310",
            "To": "+18005551212"}  # fmt: skip
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, {k: [v] for k, v in form.items()}) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


@pytest.mark.parametrize(
    "word", ["STOP", " stop. ", "StopAll", "Unsubscribe", "CANCEL", "end", "QUIT", "revoke", "Opt-out"]
)
def test_stop_ends_it_and_start_allows_asking_again(app: Flask, twilio: Settings, page_id: int, word: str) -> None:
    hashed = address_hash(twilio, "sms", NUMBER)
    make_subscriber(page_id, NUMBER, "sms")
    from app.db import transaction

    with transaction() as writing:
        writing.scalars(select(Subscriber)).one().address_hash = hashed
    for _ in range(2):
        answer = text(app, twilio, word)
        assert answer.status_code == 200 and answer.mimetype == "text/xml"
        session().rollback()
        assert session().scalars(select(Subscriber.state)).one() == "unsubscribed"
        assert session().scalars(select(Suppression.address_hash)).one() == hashed
    text(app, twilio, "START", "SM2")
    session().rollback()
    assert session().scalars(select(Suppression)).all() == []
    assert session().scalars(select(Subscriber.state)).one() == "unsubscribed"


def test_a_start_delivered_twice_does_not_undo_a_later_stop(app: Flask, twilio: Settings, page_id: int) -> None:
    for body, sid in (("STOP", "SM1"), ("START", "SM2"), ("STOP", "SM3"), ("START", "SM2")):
        text(app, twilio, body, sid)
    session().rollback()
    assert len(session().scalars(select(Suppression)).all()) == 1


def test_help_is_answered_and_chatter_is_not(app: Flask, twilio: Settings, page_id: int) -> None:
    assert "Reply STOP" in text(app, twilio, "help").text
    assert "<Message>" not in text(app, twilio, "thanks, please do not stop").text
    assert session().scalars(select(Suppression)).all() == []


@pytest.mark.parametrize("given", ["", "nonsense", "ü"])
def test_a_wrong_signature_changes_nothing(app: Flask, twilio: Settings, page_id: int, given: str) -> None:
    assert text(app, twilio, "STOP", given=given).status_code == 403
    assert session().scalars(select(Suppression)).all() == []


@pytest.mark.parametrize("signed", ["https://status.example.com:443", "https://status.example.com"])
def test_the_port_may_be_signed_or_not(app: Flask, twilio: Settings, page_id: int, signed: str) -> None:
    for base in ("https://status.example.com", "https://status.example.com:443"):
        app.config["SETTINGS"] = twilio.with_changes(base_url=base)
        made = signature("12345", signed + PATH, {"Body": ["STOP"], "From": [NUMBER], "MessageSid": [base]})
        form = {"Body": "STOP", "From": NUMBER, "MessageSid": base}
        answer = app.test_client().post(PATH, data=form, headers={"X-Twilio-Signature": made})
        assert answer.status_code == 200


def test_without_a_token_nothing_is_taken(app: Flask, settings: Settings, page_id: int) -> None:
    answer = app.test_client().post(PATH, data={"Body": "STOP"})
    assert answer.status_code == 503 and "TWILIO_AUTH_TOKEN" in answer.text


class Bell(Source):
    """A system that nobody has heard of yet, as one file would add it."""

    name = "bell"
    paths = ("bells/bell",)

    def authenticate(self, received: Received, settings: Settings) -> str:
        if received.header("x-bell") != "ding":
            raise Forbidden("The bell doesn't ring like that.")
        return body_key(received.body)

    def parse(self, received: Received, settings: Settings) -> tuple[Event, ...]:
        return (TextReceived(number=received.body.decode(), keyword=Keyword.STOP),)


def test_a_new_source_is_a_member_of_the_registry_and_nothing_else(
    app: Flask, settings: Settings, page_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = registry.sources()
    monkeypatch.setattr(registry, "sources", lambda: {**known, "bell": Bell()})
    client = app.test_client()
    assert client.post("/hooks/bells/bell", data=NUMBER).status_code == 403
    assert client.post("/hooks/bells/none", data=NUMBER).status_code == 404
    answer = client.post("/hooks/bells/bell", data=NUMBER, headers={"X-Bell": "ding"})
    assert (answer.status_code, answer.json) == (200, {"taken": 1})
    drain(settings)
    assert session().scalars(select(Suppression.why)).all() == ["replied STOP"]
