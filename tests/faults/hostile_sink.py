"""A mail server that treats each recipient as its name says: real SMTP that misbehaves, and remembers what it took."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.loopback import talking

HANG_SECONDS = 600.0


@dataclass
class HostileSink:
    """What was taken, by recipient and when (monotonic); `asked` counts every RCPT, the first of which is `begun`.

    `pause` seconds pass before each message is taken.
    """

    port: int = 0
    taken: list[tuple[str, float]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    pipelining: bool = True
    begun: float = 0.0
    pause: float = 0.0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.taken]


@contextmanager
def hostile_sink(*, pipelining: bool = True, pause: float = 0.0) -> Iterator[HostileSink]:
    sink = HostileSink(pipelining=pipelining, pause=pause)
    with talking(lambda reader, writer: _talk(sink, reader, writer)) as sink.port:
        yield sink


async def _talk(sink: HostileSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    recipient = ""
    writer.write(b"220 sink ESMTP\r\n")
    try:
        while line := await reader.readline():
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            match verb.upper():
                case "EHLO":
                    extra = b"250-PIPELINING\r\n" if sink.pipelining else b""
                    writer.write(b"250-sink\r\n" + extra + b"250 ENHANCEDSTATUSCODES\r\n")
                case "RCPT":
                    recipient = rest.partition("<")[2].partition(">")[0]
                    sink.asked[recipient] += 1
                    sink.begun = sink.begun or time.monotonic()
                    writer.write(await _on_rcpt(recipient, sink.asked[recipient], writer))
                case "DATA" if _refused(recipient, sink.asked[recipient]):
                    writer.write(b"503 5.5.1 no recipient\r\n")
                case "DATA":
                    writer.write(b"354 go on\r\n")
                    await writer.drain()
                    await reader.readuntil(b"\r\n.\r\n")
                    writer.write(await _on_message(sink, recipient, writer))
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    writer.write(b"250 ok\r\n")
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, _Gone):
        pass
    finally:
        with suppress(Exception):
            writer.transport.abort()


class _Gone(Exception):
    """This conversation is over."""


def _refused(recipient: str, times: int) -> bool:
    return recipient.startswith(("no550", "full452", "busy451")) or _is_greylisted(recipient, times)


def _is_greylisted(recipient: str, times: int) -> bool:
    return recipient.startswith("thrice451") and times <= 3


async def _on_rcpt(recipient: str, times: int, writer: asyncio.StreamWriter) -> bytes:
    if recipient.startswith("no550"):
        return b"550 5.1.1 no such user\r\n"
    if recipient.startswith("full452"):
        return b"452 4.2.2 mailbox full\r\n"
    if recipient.startswith("busy451") or _is_greylisted(recipient, times):
        return b"451 4.7.1 greylisted\r\n"
    if recipient.startswith("hang"):
        await asyncio.sleep(HANG_SECONDS)
    if recipient.startswith("close421"):
        writer.write(b"421 4.3.2 closing\r\n")
        await writer.drain()
        raise _Gone
    if recipient.startswith("reset-before"):
        raise _Gone
    return b"250 2.1.5 ok\r\n"


async def _on_message(sink: HostileSink, recipient: str, writer: asyncio.StreamWriter) -> bytes:
    if recipient.startswith("silent"):
        await asyncio.sleep(HANG_SECONDS)
    if recipient.startswith("tarpit"):
        for byte in b"250 2.0.0 ok" * 100:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.3)
    if recipient.startswith("reset-after"):
        sink.taken.append((recipient, time.monotonic()))
        raise _Gone
    await asyncio.sleep(sink.pause)
    sink.taken.append((recipient, time.monotonic()))
    return b"250 2.0.0 taken\r\n"
