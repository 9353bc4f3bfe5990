"""A worker process in which some of the house's constants have other values, so that a test waits seconds for what
takes minutes: nothing of it can be set from outside in the product.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import is_dataclass
from datetime import timedelta
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

from app.settings import Settings
from tests.processes import ROOT, environment, kill

SWEEP_SECONDS = 1.0
Changes = Mapping[str, float | list[float]]
SOON: Changes = {
    "app.deliver.ledger.LEASE": 3.0,
    "app.deliver.feed.MARGIN_SECONDS": 1.0,
    "app.deliver.feed.RENEW_SECONDS": 0.5,
    "app.deliver.feed.POLL_SECONDS": 0.5,
    "app.worker.restore_detection.BEAT_SECONDS": 0.2,
    "app.worker.restore_detection.OBSERVE_SECONDS": 1.5,
}
"""A lease of three seconds, renewed in time, and sweeps that see within one that it is over."""


@contextmanager
def altered_worker(
    settings: Settings,
    changes: Changes = SOON,
    *,
    names: Path | None = None,
    **extra: str,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker for the length of the block, killed at its end.

    `changes` are seconds, or several of them, by the constant's dotted name.  With `names` the worker looks host names
    up in that file, of lines such as "127.0.0.1 hooks.example", and there alone.
    """
    words = [sys.executable, "-m", "tests.faults.altered", json.dumps(dict(changes)), str(names or "")]
    with (settings.home / "altered.log").open("ab") as log:
        process = subprocess.Popen(
            words, cwd=ROOT, env=environment(settings, extra), stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        kill(process)


def said(settings: Settings) -> str:
    """All that altered workers of this machine have logged."""
    return (settings.home / "altered.log").read_text()


def _set(name: str, to: float | list[float]) -> None:
    """`name` leads to a constant of a module, or of a class or a frozen value in it."""
    path, _, constant = name.rpartition(".")
    inside: list[str] = []
    while True:
        try:
            holder = reduce(getattr, inside, import_module(path))
        except ModuleNotFoundError:
            path, _, last = path.rpartition(".")
            inside.insert(0, last)
        else:
            break
    made: object = to
    if isinstance(to, list):
        made = tuple(timedelta(seconds=seconds) for seconds in to)
    elif isinstance(getattr(holder, constant), timedelta):
        made = timedelta(seconds=to)
    if is_dataclass(holder) and not isinstance(holder, type):
        object.__setattr__(holder, constant, made)
    else:
        setattr(holder, constant, made)


def _look_up_in(names: Path) -> None:
    """The resolver of a machine whose only source is a file.  Addresses are their own names."""
    real = socket.getaddrinfo

    def look_up(host: str, *words: Any, **more: Any) -> Any:
        known = dict(reversed(line.split()) for line in names.read_text().splitlines())
        if host[:1].isdigit() or host in known:
            return real(known.get(host, host), *words, **more)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    socket.getaddrinfo = look_up


def main() -> None:
    from app.cli.main import main as candor
    from app.worker import loop

    for name, to in json.loads(sys.argv[1]).items():
        _set(name, to)
    loop.SWEEPS = tuple((sweep, min(every, SWEEP_SECONDS)) for sweep, every in loop.SWEEPS)
    if sys.argv[2]:
        _look_up_in(Path(sys.argv[2]))
    sys.argv = ["candor", "worker"]
    candor()


if __name__ == "__main__":
    main()
