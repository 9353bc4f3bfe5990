"""Events from sources, as frozen values.  `app.actions.inbound` applies them."""

from dataclasses import dataclass
from enum import StrEnum

from app.mail_verdict import MailVerdict


class Keyword(StrEnum):
    """A word with a meaning that someone sent to our number."""

    STOP = "stop"
    START = "start"
    HELP = "help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced:
    """A mail didn't arrive.

    `event_id` is the same for the same event, however often it's reported.  `returned_to` holds the addresses that may
    be a return path of ours, which says which delivery it was; without one the subscriber is found by `address`.
    `permanent` says that the mail was given up.  Only `verdict` says whether the address itself is to blame.
    """

    event_id: str
    address: str
    verdict: MailVerdict
    permanent: bool
    code: str = ""
    detail: str = ""
    returned_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Complained:
    """Someone marked a mail as spam, fraud or a virus.  Fields as in `Bounced`."""

    event_id: str
    address: str
    returned_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed:
    """Someone unsubscribed at the mail provider, or by a feedback report that says so.  Fields as in `Bounced`."""

    event_id: str
    address: str
    returned_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReceived:
    """The owner of `number` (E.164) texted us a keyword."""

    number: str
    keyword: Keyword


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStatus:
    """The status of a text of ours, in the provider's own words.  `kind` is "d" for a delivery, "n" for a notice to a
    subscriber, "a" for one to an account.
    """

    kind: str
    row_id: int
    message_id: str
    status: str
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationAsked:
    """The system asks us to visit `url` before it sends anything.  `Source.confirm` does it."""

    url: str


Event = Bounced | Complained | Unsubscribed | TextReceived | TextStatus | ConfirmationAsked
