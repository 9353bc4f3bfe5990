"""A worker whose mail server takes every message at once and costs nothing: what is left is the work of the ledger.

`python -m bench.simulated` works as `candor worker`.  As Postfix does, the server says under which name it queued each.
"""

import sys
from collections.abc import Iterable, Iterator

from app.channels.base import Channel, Sender
from app.channels.registry import channel
from app.deliver import send
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import DeliveryState


class Nowhere:
    """A sender that hands over nothing to no one."""

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        for recipient in recipients:
            row = recipient.delivery_id
            if recipient.may_go():
                yield Outcome(row, DeliveryState.SENT, provider_id=f"{row:010X}")
            else:
                yield Outcome(row, DeliveryState.PENDING)

    def close(self) -> None:
        """There is nothing to let go of."""


class SimulatedMail:
    """Email in everything but its sender."""

    def __init__(self, real: Channel) -> None:
        self.name = real.name
        self.normalise = real.normalise
        self.is_configured = real.is_configured

    def open(self, settings: Settings) -> Sender:
        return Nowhere()


def simulated(name: str) -> Channel:
    real = channel(name)
    return SimulatedMail(real) if name == "email" else real


def main() -> None:
    from app.cli.main import main as candor

    send.channel = simulated
    sys.argv = ["candor", "worker"]
    candor()


if __name__ == "__main__":
    main()
