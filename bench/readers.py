"""How long other readers wait while slow ones hold connections: 200 that drip their requests, 200 that do not read
their answers, and 1,000 that keep a connection open and ask for nothing.
"""

import http.client
import selectors
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.actions.sample import load as load_sample
from app.settings import Settings
from app.shapes import COMMAND_LINE
from bench.house import installation, report
from tests.processes import free_port, running, wait_until_answers

SLOW, IDLE = 200, 1_000
READERS = 4
DRIP_SECONDS = 0.5
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n"


def waits(port: int, seconds: float) -> list[float]:
    """Seconds that each request of a few steady readers took."""
    taken: list[float] = []
    until = time.monotonic() + seconds

    def read() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < until:
            begun = time.monotonic()
            connection.request("GET", "/", headers={"Accept-Encoding": "br"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"a reader got {answer.status}")
            taken.append(time.monotonic() - begun)
            time.sleep(0.005)

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


@contextmanager
def crowd(port: int) -> Iterator[None]:
    """The slow and the idle, held for the length of the block."""
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(2 * SLOW + IDLE)]
    dripping, deaf, idle = held[:SLOW], held[SLOW : 2 * SLOW], held[2 * SLOW :]
    for sock in deaf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall((REQUEST + b"\r\n") * 8)
    for sock in idle:
        sock.sendall(REQUEST + b"\r\n")
    _drain(idle)
    stop = threading.Event()
    drips = threading.Thread(target=_drip, args=(dripping, stop))
    drips.start()
    try:
        yield
    finally:
        stop.set()
        drips.join()
        for sock in held:
            sock.close()


def _drip(socks: list[socket.socket], stop: threading.Event) -> None:
    """Send a request's bytes, one at a time, for ever."""
    for sock in socks:
        sock.sendall(REQUEST + b"X-Slow: ")
    while not stop.wait(DRIP_SECONDS):
        for sock in socks:
            with suppress(OSError):  # the server may have had enough
                sock.sendall(b"x")


def _drain(socks: list[socket.socket]) -> None:
    """Read what idle connections were answered."""
    chosen = selectors.DefaultSelector()
    for sock in socks:
        sock.setblocking(False)
        chosen.register(sock, selectors.EVENT_READ)
    until = time.monotonic() + 3
    while time.monotonic() < until and (ready := chosen.select(0.5)):
        for key, _ in ready:
            with suppress(BlockingIOError):
                key.fileobj.recv(1 << 20)  # type: ignore[union-attr]


def measure(settings: Settings, seconds: float) -> tuple[float, float]:
    """p95 in seconds: quiet, and in the crowd."""
    quiet = waits(settings.port, seconds)
    with crowd(settings.port):
        crowded = waits(settings.port, seconds)
    return statistics.quantiles(quiet, n=20)[-1], statistics.quantiles(crowded, n=20)[-1]


def main(seconds: int = 8) -> None:
    with installation(PORT=str(free_port())) as (_, settings, page_id):
        load_sample(settings, COMMAND_LINE, page_id)
        with running(settings, "web", extra={"WEB_WORKERS": "2"}):
            wait_until_answers(f"http://127.0.0.1:{settings.port}/")
            waits(settings.port, 1)
            quiet, crowded = measure(settings, seconds)
    figures = {"crowded p95": (crowded * 1000, "ms"), "quiet p95": (quiet * 1000, "ms")}
    report(
        f"Readers beside {2 * SLOW} slow and {IDLE:,} idle connections (target < 4)",
        figures,
        ("crowded p95", "quiet p95"),
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
