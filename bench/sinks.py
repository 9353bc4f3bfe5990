"""What is sent to: Postfix's smtp-sink, an HTTP server that takes everything, and a line that puts either far away."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from tests.processes import free_port, wait_until_up

TAKEN = b'{"sid": "SM%032d", "status": "queued"}'


class Sink(NamedTuple):
    """A mail server on a loopback port, and its process."""

    port: int
    process_id: int


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    """Postfix's smtp-sink."""
    port = free_port()
    with _process("smtp-sink", "-u", "nobody", "-c", f"127.0.0.1:{port}", "500", port=port) as process:
        yield Sink(port, process.pid)


@contextmanager
def http_sink() -> Iterator[int]:
    """A server that answers each POST as Twilio does when it takes a text, on every loopback address."""
    port = free_port()
    with _process(sys.executable, "-m", "bench.sinks", str(port), port=port):
        yield port


@contextmanager
def _process(*command: str, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_up(port)
        yield process
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def away(port: int, seconds: float) -> Iterator[int]:
    """The same port, so far away that each byte takes `seconds` in either direction."""
    loop, here = asyncio.new_event_loop(), free_port()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            loop.call_later(seconds, writer.write, data)
        loop.call_later(seconds, writer.close)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        with suppress(OSError):
            await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))

    loop.run_until_complete(asyncio.start_server(accept, "127.0.0.1", here))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


class _Taking(asyncio.Protocol):
    """Counts the bytes of each request, and says 201 when it is whole."""

    def __init__(self) -> None:
        self._held = b""
        self._count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while b"\r\n\r\n" in self._held:
            head, _, rest = self._held.partition(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            if len(rest) < length:
                return
            self._held = rest[length:]
            self._count += 1
            body = TAKEN % self._count
            said = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            assert isinstance(self._transport, asyncio.Transport)
            self._transport.write(said + body)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Taking, "0.0.0.0", port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
