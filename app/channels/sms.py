"""Text messages through the provider that SMS_URL names, or into the outbox when there is none."""

import logging
from collections.abc import Iterable, Iterator

from app import twilio_account
from app.channels import by_apprise, numbers, outbox, twilio
from app.channels.base import AddedBy, Channel, Sender, Size, Wording, fill
from app.channels.names import SMS
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import DeliveryState

logger = logging.getLogger(__name__)
NOT_SENT = "not sent: no SMS provider is configured"
TOO_FAST = 429


class SmsChannel(Channel):
    """One text to one phone."""

    name = SMS
    label = "SMS"
    wording = Wording.SMS
    position = 20
    added_by = AddedBy.READERS
    address_name = "a phone number"
    address_hint = "A phone number that begins with + and the country code, such as +1 555 123 4567."
    statuspage_type = "sms"
    reaches_people = True
    size = Size(64, 128)
    costs_money = True
    stop_is_for_all_pages = True

    def normalise(self, raw: str, settings: Settings) -> str:
        """The number in E.164, such as +15551234567.  Raises Invalid, also for a country that isn't allowed."""
        return numbers.normalise(raw, settings)

    def is_configured(self, settings: Settings) -> bool:
        return bool(settings.sms_url)

    def open(self, settings: Settings) -> Sender:
        if settings.sms_url.startswith(f"{twilio_account.SCHEME}://"):
            return twilio.TwilioSender(settings)
        return ProviderSender(settings) if settings.sms_url else TextOutboxSender(settings)

    def shown(self, address: str, label: str, *, full: bool) -> str:
        """Whole, or like "+15•••42"."""
        if full:
            return address
        return f"{address[:3]}•••{address[-2:]}" if len(address) > 7 else "•••"

    def shown_to_owner(self, address: str) -> str:
        """Like "+15…42"."""
        return f"{address[:3]}…{address[-2:]}"


class ProviderSender:
    """Sends through apprise, to any provider but Twilio."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        address, question, options = settings.sms_url.partition("?")
        self._before = address.rstrip("/") + "/"
        self._after = question + options

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`."""
        for recipient in recipients:
            if not numbers.is_allowed(recipient.address, self._settings):
                yield Outcome(recipient.delivery_id, DeliveryState.SKIPPED, numbers.ELSEWHERE)
                continue
            url = f"{self._before}{recipient.address}{self._after}"
            yield _judged(recipient, by_apprise.notify(url, fill(letter.text, recipient.personal)))

    def close(self) -> None:
        """Nothing to let go of."""


class TextOutboxSender:
    """Keeps each text as a file: the number, an empty line, the words."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.outbox / "sms"

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`."""
        for recipient in recipients:
            text = f"To: {recipient.address}\n\n{fill(letter.text, recipient.personal)}\n"
            try:
                outbox.keep(self._folder, recipient.key, ".txt", text.encode("utf-8", "replace"))
                yield Outcome(recipient.delivery_id, DeliveryState.SKIPPED, NOT_SENT)
            except OSError:
                logger.exception("the outbox isn't writable")
                yield _failed(recipient, "the outbox folder isn't writable")

    def close(self) -> None:
        """Nothing to let go of."""


def _judged(recipient: Recipient, result: by_apprise.SendResult) -> Outcome:
    """A provider's own codes aren't known here: all but a request to slow down may be a mistake someone mends."""
    if result.is_sent:
        return Outcome(recipient.delivery_id, DeliveryState.SENT)
    if result.code == TOO_FAST:
        return _failed(recipient, twilio.SLOW_DOWN)
    shown = f" ({result.code})" if result.code else ""
    return _failed(recipient, f"the SMS provider rejected the message{shown}")


def _failed(recipient: Recipient, reason: str) -> Outcome:
    return Outcome(recipient.delivery_id, DeliveryState.FAILED, reason)


CHANNEL = SmsChannel()
