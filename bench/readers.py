"""How long other readers wait while slow ones hold connections: 100 that drip their requests, 100 that take a byte of
their answers now and then, and 1,000 that keep a connection open and ask for nothing.
"""

import http.client
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from app.actions.pages.sample import load as load_sample
from app.settings import Settings
from app.shapes import COMMAND_LINE
from bench.house import installation, report
from tests.processes import free_port, running, wait_until_answers

SLOW, IDLE = 200, 1_000
TARGET = 4
READERS = 4
DRIP_SECONDS = 0.5
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n"


def waits(port: int, seconds: float) -> list[float]:
    """Seconds that each request of a few steady readers took.  Raises SystemExit when one wasn't answered."""
    taken: list[float] = []
    failures: list[str] = []
    until = time.monotonic() + seconds

    def read() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < until and not failures:
            begun = time.monotonic()
            try:
                connection.request("GET", "/", headers={"Accept-Encoding": "br"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                break
            if answer.status != 200:
                failures.append(f"a reader got {answer.status}")
            taken.append(time.monotonic() - begun)
            time.sleep(0.005)
        connection.close()

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit(failures[0])
    return taken


@contextmanager
def crowd(port: int) -> Iterator[None]:
    """The slow and the idle, held for the length of the block; says at its end how many the server still held."""
    idle = [_connect(port) for _ in range(IDLE)]
    dripping, sipping = [_connect(port) for _ in range(SLOW // 2)], [_connect(port) for _ in range(SLOW // 2)]
    for sock in idle:
        sock.sendall(REQUEST + b"\r\n")
        _read_all(sock)
    for sock in sipping:
        sock.sendall((REQUEST + b"\r\n") * 8)  # more than fits into the buffers between us
    for sock in dripping:
        sock.sendall(REQUEST + b"X-Slow: ")
    for sock in (*dripping, *sipping, *idle):
        sock.setblocking(False)
    stop = threading.Event()
    slow = threading.Thread(target=_be_slow, args=(dripping, sipping, stop))
    slow.start()
    try:
        yield
    finally:
        stop.set()
        slow.join()
        held = [sum(map(_is_held, socks)) for socks in (dripping, sipping, idle)]
        print(f"held at the end: {held[0]} that drip, {held[1]} that sip, {held[2]:,} idle")
        for sock in (*dripping, *sipping, *idle):
            sock.close()


def _connect(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(30)
    sock.connect(("127.0.0.1", port))
    return sock


def _read_all(sock: socket.socket) -> None:
    """Read one answer, which says how long it is."""
    answer = http.client.HTTPResponse(sock)
    answer.begin()
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"an idle connection got {answer.status} first")


def _be_slow(dripping: list[socket.socket], sipping: list[socket.socket], stop: threading.Event) -> None:
    """Send a byte of each request, and take one of each answer, now and then."""
    while not stop.wait(DRIP_SECONDS):
        for sock in dripping:
            with suppress(OSError):  # the server may have had enough
                sock.sendall(b"x")
        for sock in sipping:
            with suppress(OSError):
                sock.recv(1)


def _is_held(sock: socket.socket) -> bool:
    """Whether the server hasn't closed the connection."""
    try:
        return sock.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


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
        f"Readers beside {SLOW} slow and {IDLE:,} idle connections (target < {TARGET})",
        figures,
        ("crowded p95", "quiet p95"),
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
