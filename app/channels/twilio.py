"""Twilio's Messages API: a text is one request over an open connection, and its status can be queried later.

What Twilio answers is documented at https://www.twilio.com/docs/messaging/api/message-resource and, by code, at
https://www.twilio.com/docs/api/errors.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from app.channels import numbers
from app.channels.addresses import is_allowed
from app.channels.base import fill
from app.channels.http_line import HttpResponse
from app.channels.pinned_http import Caller, NoAnswer
from app.channels.time_to_live import seconds_left
from app.errors import DeliveryError
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.twilio_account import SID, TwilioAccount, account, reference
from app.vocabulary import DeliveryState

STATUS_PATH = "/hooks/twilio/status"
STOPPED = "replied STOP"
NOT_A_MOBILE = "the number can't receive text messages"
NO_REACH = "the SMS provider can't reach that number"
SLOW_DOWN = "the SMS provider asked us to slow down"
IN_DOUBT = "unknown whether accepted: the SMS provider didn't respond"
NOT_AN_ADDRESS = "SMS_URL is invalid: write it like twilio://SID:TOKEN@+15551230000"
STOP_CODES = frozenset({21610})
NUMBER_CODES = frozenset({21211, 21217, 21407, 21614})
REACH_CODES = frozenset({21408, 21612, 21635})
SLOW_CODES = frozenset({14107, 20429, 21611, 63038})
IN_DOUBT_STATUSES = frozenset({500, 502, 504})
"""Something broke while Twilio had the request."""

FOUND_WITHIN = timedelta(minutes=5)


class TwilioSender:
    """One request for each text."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._account = account(settings.sms_url)
        self._headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._account is not None:
            self._headers["Authorization"] = self._account.authorization
        self._has_callback = _is_reachable(settings.base_url)
        self._caller = Caller(None, "the SMS provider")

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`.  What was sent and not answered is UNKNOWN."""
        for recipient in recipients:
            if self._account is None:
                yield _failed(recipient, NOT_AN_ADDRESS)
            elif not numbers.is_allowed(recipient.address, self._settings):
                yield Outcome(recipient.delivery_id, DeliveryState.SKIPPED, numbers.ELSEWHERE)
            else:
                begun = time.monotonic()
                outcome = self._send_one(self._account, letter, recipient)
                if outcome.state is not DeliveryState.SENT:
                    outcome = replace(outcome, took_ms=int((time.monotonic() - begun) * 1000))
                yield outcome

    def close(self) -> None:
        """Let go of the connection."""
        self._caller.close()

    def _send_one(self, who: TwilioAccount, letter: Letter, recipient: Recipient) -> Outcome:
        try:
            answer = self._caller.call(
                "POST", _messages(self._settings, who), self._form(who, letter, recipient), self._headers,
                wants_body=True, may_repeat=False,
            )  # fmt: skip
        except NoAnswer:
            return Outcome(recipient.delivery_id, DeliveryState.UNKNOWN, IN_DOUBT)
        except DeliveryError as error:
            return _failed(recipient, error.sentence)
        return _judged(recipient, answer)

    def _form(self, who: TwilioAccount, letter: Letter, recipient: Recipient) -> bytes:
        sender = "MessagingServiceSid" if who.sender.startswith("MG") and SID.fullmatch(who.sender) else "From"
        said = fill(letter.text, recipient.personal)
        form = (
            f"To={quote_plus(recipient.address)}&{sender}={quote_plus(who.sender)}&Body={quote_plus(said)}"
            f"&ValidityPeriod={seconds_left(letter.valid_until)}"
        )
        if self._has_callback:
            kind = {"notice": "n", "account": "a"}.get(recipient.key.partition("_")[0], "d")
            told = reference(self._settings, kind, recipient.delivery_id)
            form += f"&StatusCallback={quote_plus(f'{self._settings.base_url}{STATUS_PATH}?d={told}')}"
        return form.encode()


@dataclass(frozen=True, slots=True)
class Message:
    """What Twilio knows of a text: its id, its status, and the error code, 0 for none."""

    sid: str
    status: str
    code: int


class Inquiry:
    """Asks Twilio what became of texts.  Used from one thread."""

    def __init__(self, settings: Settings, who: TwilioAccount) -> None:
        self._settings = settings
        self._account = who
        self._caller = Caller(None, "the SMS provider")

    def find(self, number: str, words: str, at: datetime) -> Message | None:
        """The text with these words that went to `number` at about that time; None when Twilio knows of none.

        Raises:
            DeliveryError: Twilio didn't say.
        """
        asked = urlencode({"To": number, "PageSize": "20"})
        answer = self._caller.call(
            "GET", f"{_messages(self._settings, self._account)}?{asked}", b"",
            {"Authorization": self._account.authorization}, wants_body=True,
        )  # fmt: skip
        known = _json(answer.body).get("messages")
        if answer.status != 200 or not isinstance(known, list):
            raise DeliveryError(f"the SMS provider responded with {answer.status}", permanent=False)
        fitting = (one for one in known if isinstance(one, dict) and _is_it(one, words, at))
        return next((Message(str(one.get("sid")), str(one.get("status")), _code(one)) for one in fitting), None)

    def close(self) -> None:
        """Let go of the connection."""
        self._caller.close()


def _is_it(one: Mapping[str, Any], words: str, at: datetime) -> bool:
    """Trial accounts put words of their own before ours."""
    try:
        made = parsedate_to_datetime(str(one.get("date_created")))
    except ValueError:
        return False
    is_ours = str(one.get("direction", "outbound-api")).startswith("outbound")
    return is_ours and str(one.get("body")).endswith(words) and abs(made - at) <= FOUND_WITHIN


def _judged(recipient: Recipient, answer: HttpResponse) -> Outcome:
    said = _json(answer.body)
    if answer.status in {200, 201}:
        return Outcome(recipient.delivery_id, DeliveryState.SENT, provider_id=str(said.get("sid", "")))
    if answer.status in IN_DOUBT_STATUSES:
        reason = f"unknown whether accepted: the SMS provider responded with {answer.status}"
        return Outcome(recipient.delivery_id, DeliveryState.UNKNOWN, reason, status=answer.status)
    return replace(_refused(recipient, answer, _code(said)), status=answer.status)


def _refused(recipient: Recipient, answer: HttpResponse, code: int) -> Outcome:
    if code in STOP_CODES:
        return replace(_failed(recipient, "the person replied STOP", permanent=True), disable=STOPPED)
    if code in NUMBER_CODES:
        return replace(_failed(recipient, NOT_A_MOBILE, permanent=True), disable=NOT_A_MOBILE)
    if code in REACH_CODES:
        return _failed(recipient, NO_REACH, permanent=True)
    if answer.status in {429, 503} or code in SLOW_CODES:
        return replace(_failed(recipient, SLOW_DOWN), retry_after=answer.retry_after)
    return _failed(recipient, f"the SMS provider rejected the message ({code or answer.status})")


def _failed(recipient: Recipient, reason: str, *, permanent: bool = False) -> Outcome:
    return Outcome(recipient.delivery_id, DeliveryState.FAILED, reason, permanent=permanent)


def _messages(settings: Settings, who: TwilioAccount) -> str:
    return f"{settings.twilio_api}/2010-04-01/Accounts/{who.sid}/Messages.json"


def _is_reachable(base_url: str) -> bool:
    """Whether Twilio can call back there.  It refuses texts whose callback has no public, valid address."""
    host = urlsplit(base_url).hostname or ""
    try:
        return is_allowed(host)
    except ValueError:
        return "." in host and "_" not in host and not host.endswith((".localhost", ".local", ".internal"))


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _code(said: Mapping[str, Any]) -> int:
    code = said.get("code") or said.get("error_code")
    return code if isinstance(code, int) else 0
