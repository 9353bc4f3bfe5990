"""The interface of a channel: what the other modules need to know about it, and its senders."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Protocol

from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import DeliveryState

PLACEHOLDERS = ("unsubscribe_url", "manage_url", "confirm_url")
_PLACEHOLDER = re.compile(r"\{\{(" + "|".join(PLACEHOLDERS) + r")\}\}")


TICK = Outcome(0, DeliveryState.PENDING)
"""No one's outcome: a sender that waits lets its caller look after other things."""


class Sender(Protocol):
    """Owns its warm connections; used from one thread."""

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """Send each recipient their copy.

        `recipients` may come from a queue: they are taken one at a time, as connections can carry them.
        Yields one outcome right after a copy was accepted or refused and before the next one is handed over on that
        connection, so that a caller who notes each one repeats at most one message a connection after a crash.  Who
        talks for a while before the message itself leaves asks `Recipient.may_go` then, and may give back.  What goes
        wrong with one copy is its outcome; nothing is raised for it.  PENDING gives a copy back that wasn't
        handed over after all.  A sender that waits yields `TICK` now and then.
        """
        ...

    def close(self) -> None:
        """Let go of the connection.  The sender may be used again: it reconnects."""
        ...


class Wording(StrEnum):
    """The form in which a channel gets a letter.  `app.publish.letter` writes each of them."""

    EMAIL = "email"
    """A subject, plain text and HTML."""
    SMS = "sms"
    """One plain text that is as short as a text message has to be."""
    CHAT = "chat"
    """A title and Markdown."""
    WEBHOOK = "webhook"
    """A JSON document for programs."""
    PUSH = "push"
    """A JSON document that a browser shows as a notification."""


class AddedBy(StrEnum):
    """Who may add a subscriber on a channel."""

    READERS = "readers"
    """Anybody who types an address, which is then asked to confirm; and operators."""
    OPERATORS = "operators"
    """Operators only: the address holds a secret, or costs someone something."""
    BROWSERS = "browsers"
    """The reader's own browser, which no one can type an address for."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many senders work at once, and how many there may be with those that wait for someone slow.

    A size of one is for a sender that looks after many connections itself: it sends in the feeder's own thread, so that
    no two threads wait for each other.
    """

    working: int
    most: int

    @property
    def is_alone(self) -> bool:
        """Whether the sender works in the feeder's thread."""
        return self.most == 1


@dataclass(frozen=True, slots=True)
class Retries:
    """When a message that could not be sent is tried again, and when it is given up.

    After `steps`, each counted from the try before, it is tried every `then` until `give_up_after` the first try, or
    not at all when `then` is None.  No try is ever further away than `longest`, whatever the other side asks for.
    """

    steps: tuple[timedelta, ...]
    then: timedelta | None
    give_up_after: timedelta
    longest: timedelta
    gave_up: str


A_DAY = Retries(
    steps=(timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30)),
    then=timedelta(hours=1),
    give_up_after=timedelta(hours=24),
    longest=timedelta(hours=24),
    gave_up="Gave up after 24 hours",
)


class Channel(ABC):
    """One way for words to leave.  A module of this folder offers its channel as `CHANNEL`.

    What isn't said here has a default that is safe for a channel that operators set up.
    """

    name: ClassVar[str]
    """What tables, the API and commands call it: at most 16 lower-case letters."""
    label: ClassVar[str]
    """What people read."""
    wording: ClassVar[Wording]
    position: ClassVar[int] = 50
    """Its place in lists; equal ones are sorted by name."""
    added_by: ClassVar[AddedBy] = AddedBy.OPERATORS
    address_name: ClassVar[str] = "an address"
    """What an address of it is called in a sentence, such as "a phone number"."""
    address_hint: ClassVar[str] = ""
    """What an address looks like, for the form."""
    statuspage_type: ClassVar[str] = "integration_partner"
    """What the Statuspage-shaped API and its CSV files call subscribers on it: email, sms, webhook, or a partner."""
    size: ClassVar[Size] = Size(4, 32)
    retries: ClassVar[Retries] = A_DAY
    costs_money: ClassVar[bool] = False
    """Whether each message is paid for: the daily budget and the quiet time between messages hold for it."""
    wants_every_update: ClassVar[bool] = False
    """Whether updates of a post arrive in their order and none is left out because a later one is out."""
    is_disabled_when_failing: ClassVar[bool] = False
    """Whether an endpoint that fails for days is disabled and its owner gets a mail."""
    stop_is_for_all_pages: ClassVar[bool] = False
    """Whether an address that replies STOP must not be contacted from any page."""

    reaches_people: ClassVar[bool] = False
    """Whether an account may have it as a contact: a person reads what arrives there."""

    signs_messages: ClassVar[bool] = False
    """Whether each subscriber has a secret that its messages are signed with."""

    @abstractmethod
    def normalise(self, raw: str, settings: Settings) -> str:
        """The address as it is stored and compared: one spelling for one mailbox, phone or endpoint.

        Raises:
            Invalid: about the field "address", with a sentence that says what an address looks like.
        """

    @abstractmethod
    def open(self, settings: Settings) -> Sender:
        """A new sender.  It connects when it first sends."""

    def is_configured(self, settings: Settings) -> bool:
        """Whether messages really leave; if not, they are kept in the outbox."""
        return True

    def destination(self, address: str) -> str:
        """Whose server the address leads to, such as a mail domain, for limits; empty where there is none."""
        return ""

    def shown(self, address: str, label: str, *, full: bool) -> str:
        """The address as the console shows it: whole with `full`, else only enough of it to be recognised.

        An address that contains a secret is never shown in full: its label is shown instead.
        """
        return label or f"{self.label} subscriber"

    def shown_to_owner(self, address: str) -> str:
        """Enough of the address to be recognised by its owner; empty when nothing of it may be shown.

        Links are forwarded, and looked at over shoulders.
        """
        return ""

    def new_secret(self) -> str:
        """A secret that messages to a new subscriber are signed with; empty unless `signs_messages`."""
        return ""


def fill(template: str, personal: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """`template` with `{{unsubscribe_url}}`, `{{manage_url}}` and `{{confirm_url}}` replaced, and nothing else.

    A value is never looked at again, so text in it that looks like a placeholder stays.  A value that isn't there
    becomes empty.  `escape` makes a value fit the template's format.
    """
    return _PLACEHOLDER.sub(lambda found: escape(personal.get(found[1], "")), template)
