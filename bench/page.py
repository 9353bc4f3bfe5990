"""Page requests a second of `candor web`, beside nginx serving the same precompressed bytes, by wrk in the same run.

Each case is measured in rounds, the servers one after the other, and medians are compared.  The baseline, "nginx", is
nginx as it comes: it opens the file for each request, as a server must that shows a publish at once, and sends the
headers that Candor and `deploy/nginx.conf` send, because who says less is compared for another answer.  Beside it
stands nginx that keeps the file open and looks again after a second.  "shipped" is nginx as `deploy/nginx.conf` sets it
up.  A run with an error, or with another answer than the one meant, ends the benchmark.

A 304 has to be at least as fast as Candor's own whole answer in the same run.
"""

import gzip
import http.client
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from flask import Flask

from app.actions.pages.sample import load as load_sample
from app.actions.posts.publishing import open_post, publish_update
from app.settings import Settings
from app.shapes import COMMAND_LINE, PostDraft, UpdateDraft
from app.vocabulary import PostKind, PostStatus
from bench import nginx
from bench.house import beside, installation, report
from tests.processes import free_port, wait_until_answers

GZIP = 'wrk.headers["Accept-Encoding"] = "gzip"\n'
QUERIES = """local n = math.random(1000000000)
request = function() n = n + 1; return wrk.format("GET", "/?" .. n) end
"""
SHIPPED_TARGET = 0.95
TRIES = 3
KEPT_OPEN = "nginx, files kept open"
WHOLE = "candor, whole answers"


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked for, over how many connections; `known` asks by ETag, `publishing` once a second meanwhile.

    `target` is the least ratio of Candor to nginx, or for a 304 to Candor's whole answers.
    """

    name: str
    connections: int
    target: float
    script: str = ""
    known: bool = False
    publishing: bool = False


CASES = (
    Case("GET /, 64 connections", 64, 0.8),
    Case("GET /, 1,000 connections", 1000, 0.7),
    Case("304 by ETag, 64 connections", 64, 1.0, known=True),
    Case("random query strings, 64 connections", 64, 0.8, script=QUERIES),
    Case("random query strings, 1,000 connections", 1000, 0.7, script=QUERIES),
    Case("an update every second, 64 connections", 64, 0.8, publishing=True),
)


def requests_per_second(port: int, case: Case, seconds: int) -> float:
    """What wrk counts.  Raises SystemExit for an error, a status that is neither 2xx nor 3xx, or no 304 when due.

    The page is rendered every two minutes with the time on it.  What was measured then is measured again.
    """
    if not case.known:
        return _wrk(port, case, seconds, case.script)
    for _ in range(TRIES):
        etag = ask(port)[1]
        if etag and ask(port, etag)[0] == 304:
            found = _wrk(port, case, seconds, f"wrk.headers[\"If-None-Match\"] = '{etag}'\n")
            if ask(port, etag)[0] == 304:
                return found
    raise SystemExit(f"{case.name} on port {port}: the answer is no 304")


def _wrk(port: int, case: Case, seconds: int, script: str) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(GZIP + script)
        file.flush()
        command = ["wrk", "-t2", f"-c{case.connections}", f"-d{seconds}s", "-s", file.name, f"http://127.0.0.1:{port}/"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        print(said)
        raise SystemExit(f"errors: {case.name} on port {port}")
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0])


def ask(port: int, etag: str = "") -> tuple[int, str, bytes]:
    """Status, ETag and body of the page as gzip."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/", headers={"Accept-Encoding": "gzip", **({"If-None-Match": etag} if etag else {})})
        answer = connection.getresponse()
        return answer.status, answer.getheader("ETag", ""), answer.read()
    finally:
        connection.close()


@contextmanager
def publishing(app: Flask, settings: Settings, page_id: int) -> Iterator[None]:
    """An update every second; raises SystemExit when one of them failed or the last isn't what Candor serves."""
    draft = PostDraft(PostKind.INCIDENT, "Slow answers", PostStatus.INVESTIGATING, "Looking.", "bench-0001")
    post = open_post(settings, COMMAND_LINE, page_id, draft).post_id
    stop, said, failures = threading.Event(), [], []

    def publish() -> None:
        with app.app_context():
            for number in count(1):
                if stop.wait(1.0):
                    return
                words = f"Marker {number:05}"
                update = UpdateDraft(PostStatus.IDENTIFIED, words, f"bench-u-{number:05}", version=number)
                try:
                    publish_update(settings, COMMAND_LINE, page_id, post, update)
                except Exception as error:
                    failures.append(error)
                    return
                said.append(words)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failures or not said or said[-1].encode() not in gzip.decompress(ask(settings.port)[2]):
        raise SystemExit(f"what was published is not what is shown: {failures}")
    print(f"  {len(said)} updates were published meanwhile")


def measure(ports: dict[str, int], case: Case, seconds: int, rounds: int) -> None:
    """Run one case in turn on every server, each round beginning with another, and print it."""
    runs = [(name, port, case) for name, port in ports.items()]
    if case.known:
        runs.append((WHOLE, ports["candor"], replace(case, known=False)))
    found: dict[str, list[float]] = {name: [] for name, _, _ in runs}
    for turn in range(rounds):
        first = turn % len(runs)
        for name, port, asked in runs[first:] + runs[:first]:
            found[name].append(requests_per_second(port, asked, seconds))
    figures = {name: (statistics.median(values), "requests/s") for name, values in found.items()}
    baseline = WHOLE if case.known else "nginx"
    report(f"{case.name} (target {case.target})", figures, ("candor", baseline))
    pairs = [("shipped", "nginx"), ("candor", KEPT_OPEN), ("shipped", KEPT_OPEN)]
    for ours, other in [("candor", "nginx"), *pairs] if case.known else pairs:
        target = f" (target {SHIPPED_TARGET})" if (ours, other) == pairs[0] else ""
        print(f"  ratio {ours} / {other}: {figures[ours][0] / figures[other][0]:.2f}{target}")


def main(seconds: int = 2, rounds: int = 5, first: int = 0, last: int = len(CASES)) -> None:
    with installation(PORT=str(free_port())) as (app, settings, page_id):
        load_sample(settings, COMMAND_LINE, page_id)
        Path(settings.home).chmod(0o755)
        ports = {"candor": settings.port, **{name: free_port() for name in ("nginx", "shipped", KEPT_OPEN)}}
        with (
            nginx.bare(settings, ports["nginx"]),
            nginx.bare(settings, ports[KEPT_OPEN], cache="max=100"),
            nginx.shipped(settings, ports["shipped"], host="localhost"),
            beside(settings, "web", extra={"WEB_WORKERS": "2"}),
        ):
            wait_until_answers(f"http://127.0.0.1:{settings.port}/")
            if len({ask(port)[2] for port in ports.values()}) != 1:
                raise SystemExit("the servers do not answer with the same bytes")
            for case in CASES[first:last]:
                with publishing(app, settings, page_id) if case.publishing else nullcontext():
                    measure(ports, case, seconds, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
