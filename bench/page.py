"""Page requests a second of `candor web`, beside nginx serving the same precompressed bytes, by wrk in the same run.

Each case is measured in rounds, the servers one after the other, and medians are compared: "candor" and "shipped"
(nginx as `deploy/nginx.conf` sets it up) with "nginx" at its best.  A run with an error ends the benchmark.
"""

import http.client
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from app.actions.sample import load as load_sample
from app.publish.refresh import refresh
from app.settings import Settings
from app.shapes import COMMAND_LINE
from bench import nginx
from bench.house import installation, report
from tests.processes import free_port, running, wait_until_answers

GZIP = 'wrk.headers["Accept-Encoding"] = "gzip"\n'
QUERIES = """local n = math.random(1000000000)
request = function() n = n + 1; return wrk.format("GET", "/?" .. n) end
"""


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked for, over how many connections; `known` asks by ETag, `publishing` once a second meanwhile."""

    name: str
    connections: int
    script: str = ""
    known: bool = False
    publishing: bool = False


CASES = (
    Case("GET /, 64 connections (target 0.8)", 64),
    Case("GET /, 1,000 connections (target 0.7)", 1000),
    Case("304 by ETag, 64 connections (target 1.0)", 64, known=True),
    Case("random query strings, 64 connections (target 0.8)", 64, script=QUERIES),
    Case("random query strings, 1,000 connections (target 0.7)", 1000, script=QUERIES),
    Case("a publish every second, 64 connections (target 0.8)", 64, publishing=True),
)


def requests_per_second(port: int, case: Case, seconds: int) -> float:
    """What wrk counts.  Raises SystemExit for an error or a status that is neither 2xx nor 3xx."""
    script = GZIP + case.script
    if case.known:
        script += f"wrk.headers[\"If-None-Match\"] = '{_etag(port)}'\n"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t2", f"-c{case.connections}", f"-d{seconds}s", "-s", file.name, f"http://127.0.0.1:{port}/"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        print(said)
        raise SystemExit(f"errors: {case.name} on port {port}")
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0])


def _etag(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.getheader("ETag", "")


@contextmanager
def publishing(app: Flask, settings: Settings, page_id: int) -> Iterator[None]:
    """A new revision every second."""
    stop = threading.Event()

    def publish() -> None:
        with app.app_context():
            while not stop.wait(1.0):
                refresh(settings, page_id)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def measure(ports: dict[str, int], case: Case, seconds: int, rounds: int) -> None:
    """Run one case in turn on every server, and print it."""
    found: dict[str, list[float]] = {name: [] for name in ports}
    for _ in range(rounds):
        for name, port in ports.items():
            found[name].append(requests_per_second(port, case, seconds))
    figures = {name: (statistics.median(values), "requests/s") for name, values in found.items()}
    report(case.name, figures, ("candor", "nginx"))
    print(f"  ratio shipped / nginx: {figures['shipped'][0] / figures['nginx'][0]:.2f} (target 0.95)")


def main(seconds: int = 2, rounds: int = 5, first: int = 0, last: int = len(CASES)) -> None:
    with installation(PORT=str(free_port())) as (app, settings, page_id):
        load_sample(settings, COMMAND_LINE, page_id)
        Path(settings.home).chmod(0o755)
        ports = {"candor": settings.port, "nginx": free_port(), "shipped": free_port()}
        with (
            nginx.bare(settings, ports["nginx"]),
            nginx.shipped(settings, ports["shipped"]),
            running(settings, "web", extra={"WEB_WORKERS": "2"}),
        ):
            wait_until_answers(f"http://127.0.0.1:{settings.port}/")
            for case in CASES[first:last]:
                if case.publishing:
                    with publishing(app, settings, page_id):
                        measure(ports, case, seconds, rounds)
                else:
                    measure(ports, case, seconds, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
