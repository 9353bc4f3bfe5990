"""Real Candor processes, started as an operator starts them, for the tests that kill them."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

from app.settings import Settings

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(settings: Settings, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment that makes a process see `settings`."""
    return {
        "PATH": os.environ["PATH"],
        "CANDOR_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key,
        "PORT": str(settings.port),
        "HOLD_SECONDS": "0",
        "WEB_WORKERS": "1",
        **(extra or {}),
    }


def start(settings: Settings, *words: str, extra: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start `candor WORDS` in a process group of its own; its output goes to a log file in the data folder."""
    with (settings.home / f"{'-'.join(words)}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *words],
            cwd=ROOT,
            env=environment(settings, extra),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def kill(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    """Signal the process and all that it started, and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    process.wait(30)


@contextmanager
def running(
    settings: Settings, *words: str, extra: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for the length of the block, killed at its end."""
    process = start(settings, *words, extra=extra)
    try:
        yield process
    finally:
        kill(process)


def get(url: str, seconds: float = 10.0) -> tuple[int, bytes]:
    """Status and body of a GET; errors that are HTTP are answers."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def wait_until_up(port: int, seconds: float = 30.0) -> None:
    """Block until somebody listens on the port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.02)  # polling another process: there is nothing to wait on
    raise AssertionError(f"nobody listens on port {port} after {seconds} s")


def wait_until_answers(url: str, seconds: float = 30.0) -> None:
    """Block until a GET is answered: a server listens before it has loaded what it serves."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            get(url)
        except (OSError, HTTPException):
            time.sleep(0.02)  # polling another process: there is nothing to wait on
        else:
            return
    raise AssertionError(f"{url} is not answered after {seconds} s")
