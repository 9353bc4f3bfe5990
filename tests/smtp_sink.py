"""A mail server that accepts everything and remembers it: real SMTP over a real socket, in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.loopback import talking


@dataclass
class Received:
    """One accepted message: its envelope, its bytes, and the address of the machine that brought it."""

    sender: str
    recipient: str
    raw: bytes
    brought_by: str = ""

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass
class Sink:
    """What arrived, in order.  `pause` seconds pass before each message is accepted; `on_data` is called before a
    recipient's message is asked for.
    """

    port: int = 0
    pause: float = 0.0
    address: str = "127.0.0.1"
    on_data: Callable[[str], None] = lambda _recipient: None
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"smtp://{self.address}:{self.port}"

    @property
    def recipients(self) -> list[str]:
        return [one.recipient for one in self.received]

    def wait_for(self, count: int, seconds: float = 60.0) -> None:
        """Block until `count` messages have been accepted."""
        with self.arrived:
            done = self.arrived.wait_for(lambda: len(self.received) >= count, timeout=seconds)
        assert done, f"{len(self.received)} of {count} messages after {seconds} s"

    def to(self, recipient: str) -> list[EmailMessage]:
        return [one.message for one in self.received if one.recipient == recipient]


@contextmanager
def smtp_sink(pause: float = 0.0, address: str = "127.0.0.1") -> Iterator[Sink]:
    """Run a sink on a free port for the length of the block."""
    sink = Sink(pause=pause, address=address)
    with talking(lambda reader, writer: _talk(sink, reader, writer), address) as sink.port:
        yield sink


async def _talk(sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    sink.connections += 1
    sender = recipient = ""
    brought_by = str(writer.get_extra_info("peername")[0])
    try:
        writer.write(b"220 sink ESMTP\r\n")
        while line := await reader.readline():
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            match verb.upper():
                case "EHLO":
                    writer.write(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250 SIZE 10485760\r\n")
                case "MAIL":
                    sender = _address(rest)
                    writer.write(b"250 2.1.0 ok\r\n")
                case "RCPT":
                    recipient = _address(rest)
                    writer.write(b"250 2.1.5 ok\r\n")
                case "DATA":
                    sink.on_data(recipient)
                    writer.write(b"354 go on\r\n")
                    await writer.drain()
                    raw = await reader.readuntil(b"\r\n.\r\n")
                    if sink.pause:
                        await asyncio.sleep(sink.pause)
                    _keep(sink, Received(sender, recipient, raw[:-3].replace(b"\r\n..", b"\r\n."), brought_by))
                    writer.write(b"250 2.0.0 queued as 1\r\n")
                case "QUIT":
                    writer.write(b"221 2.0.0 bye\r\n")
                    break
                case _:
                    writer.write(b"250 2.0.0 ok\r\n")
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass  # the client was killed, or the test is over
    finally:
        writer.close()


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


def _keep(sink: Sink, received: Received) -> None:
    with sink.arrived:
        sink.received.append(received)
        sink.arrived.notify_all()
