"""Text messages through the provider that SMS_URL names, or into the outbox when there is none."""

import logging
from collections.abc import Iterable, Iterator

from app.channels import by_apprise, outbox
from app.channels.base import Sender, fill
from app.errors import Invalid
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import ChannelName, DeliveryState

logger = logging.getLogger(__name__)
LONGEST_INPUT = 40
NOT_SENT = "not sent: no SMS provider is configured"
STOPPED = frozenset({21610})
NOT_A_MOBILE = frozenset({21211, 21217, 21407, 21614})
OUT_OF_REACH = frozenset({21408, 21612, 21635})
TOO_FAST = frozenset({429, 14107, 20429, 21611, 63038})


class SmsChannel:
    """One text to one phone."""

    name = ChannelName.SMS

    def normalise(self, raw: str, settings: Settings) -> str:
        """The number in E.164, such as +15551234567.  Raises Invalid, also for a country that is not allowed."""
        import phonenumbers

        try:
            number = phonenumbers.parse(raw.strip() if len(raw) <= LONGEST_INPUT else "", None)
        except phonenumbers.NumberParseException:
            raise _invalid() from None
        if number.extension or not phonenumbers.is_valid_number(number):
            raise _invalid()
        country = phonenumbers.region_code_for_number(number)
        if country not in settings.sms_countries:
            raise Invalid.field("address", "Text messages are not sent to that country. Subscribe by email instead.")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def is_configured(self, settings: Settings) -> bool:
        return bool(settings.sms_url)

    def open(self, settings: Settings) -> Sender:
        return ProviderSender(settings) if settings.sms_url else OutboxSender(settings)


class ProviderSender:
    """Sends through apprise."""

    def __init__(self, settings: Settings) -> None:
        address, question, options = settings.sms_url.partition("?")
        self._before = address.rstrip("/") + "/"
        self._after = question + options

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`."""
        for recipient in recipients:
            url = f"{self._before}{recipient.address}{self._after}"
            yield _judged(recipient, by_apprise.notify(url, fill(letter.text, recipient.personal)))

    def close(self) -> None:
        """Nothing to let go of."""


class OutboxSender:
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
                logger.exception("the outbox can not be written")
                yield _failed(recipient, "the outbox folder can not be written")

    def close(self) -> None:
        """Nothing to let go of."""


def _judged(recipient: Recipient, result: by_apprise.Result) -> Outcome:
    if result.is_sent:
        return Outcome(recipient.delivery_id, DeliveryState.SENT)
    if result.code in STOPPED:
        return _failed(recipient, "they have replied STOP", permanent=True, suppress=True)
    if result.code in NOT_A_MOBILE:
        return _failed(recipient, "the number can not receive text messages", permanent=True, suppress=True)
    if result.code in OUT_OF_REACH:
        return _failed(recipient, "the SMS provider does not reach that number", permanent=True)
    if result.code in TOO_FAST:
        return _failed(recipient, "the SMS provider asked to slow down")
    shown = f" ({result.code})" if result.code else ""
    return _failed(recipient, f"the SMS provider did not take the message{shown}")


def _failed(recipient: Recipient, reason: str, *, permanent: bool = False, suppress: bool = False) -> Outcome:
    return Outcome(recipient.delivery_id, DeliveryState.FAILED, reason, permanent=permanent, suppress=suppress)


def _invalid() -> Invalid:
    return Invalid.field(
        "address", "That is not a phone number. Write it with + and the country's code, like +1 555 123 4567."
    )


CHANNEL = SmsChannel()
