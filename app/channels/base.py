"""What a channel is: a name, a rule for addresses, and senders that carry letters over one warm connection each."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import ChannelName, DeliveryState

PLACEHOLDERS = ("unsubscribe_url", "manage_url", "confirm_url")
_PLACEHOLDER = re.compile(r"\{\{(" + "|".join(PLACEHOLDERS) + r")\}\}")


TICK = Outcome(0, DeliveryState.PENDING)
"""Nobody's outcome: a sender that waits lets its caller look after other things."""


class Sender(Protocol):
    """Owns its warm connections; used from one thread."""

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """Send each recipient their copy.

        `recipients` may come from a queue: they are taken one at a time, as connections can carry them.
        Yields one outcome right after a copy was accepted or refused and before the next one is handed over on that
        connection, so that a caller who notes each one repeats at most one message a connection after a crash.  Who
        talks for a while before the message itself leaves asks `Recipient.may_go` then, and may give back.  What goes
        wrong with one copy is its outcome; nothing is raised for it.  PENDING gives a copy back that was not
        handed over after all.  A sender that waits yields `TICK` now and then.
        """
        ...

    def close(self) -> None:
        """Let go of the connection.  The sender may be used again: it connects anew."""
        ...


class Channel(Protocol):
    """One way for words to leave.  A module of this folder offers its channel as `CHANNEL`."""

    @property
    def name(self) -> ChannelName: ...

    def normalise(self, raw: str, settings: Settings) -> str:
        """The address as it is stored and compared: one spelling for one mailbox, phone or endpoint.

        Raises:
            Invalid: about the field "address", with a sentence that says what an address looks like.
        """
        ...

    def open(self, settings: Settings) -> Sender:
        """A new sender.  It connects when it first sends."""
        ...

    def is_configured(self, settings: Settings) -> bool:
        """Whether messages really leave; if not, they are kept in the outbox."""
        ...


def fill(template: str, personal: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """`template` with `{{unsubscribe_url}}`, `{{manage_url}}` and `{{confirm_url}}` replaced, and nothing else.

    A value is never looked at again, so text in it that looks like a placeholder stays.  A value that is not there
    becomes empty.  `escape` makes a value fit the template's format.
    """
    return _PLACEHOLDER.sub(lambda found: escape(personal.get(found[1], "")), template)
