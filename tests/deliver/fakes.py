"""A programmable channel at the very edge: it keeps what it is given and misbehaves on demand."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import DeliveryState

Behaviour = Callable[[Recipient], Outcome | Exception | None]


@dataclass
class Edge:
    """What left, in order, and how the other side behaves for a recipient (None: it accepts)."""

    behave: Behaviour = lambda _recipient: None
    sent: list[tuple[str, Letter]] = field(default_factory=list)
    name: str = "email"

    def open(self, _settings: Settings) -> "Edge":
        return self

    def close(self) -> None:
        """Nothing is held."""

    def is_configured(self, _settings: Settings) -> bool:
        return True

    def normalise(self, raw: str, _settings: Settings) -> str:
        return raw

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        for recipient in recipients:
            answer = self.behave(recipient)
            if isinstance(answer, Exception):
                raise answer
            if answer is None:
                self.sent.append((recipient.address, letter))
                answer = Outcome(recipient.delivery_id, DeliveryState.SENT)
            yield answer

    @property
    def addresses(self) -> list[str]:
        return [address for address, _ in self.sent]


def refuse(reason: str, *, permanent: bool = False, retry_after: int | None = None) -> Behaviour:
    """Every recipient is refused."""
    return lambda recipient: Outcome(
        recipient.delivery_id, DeliveryState.FAILED, reason, permanent=permanent, retry_after=retry_after
    )
