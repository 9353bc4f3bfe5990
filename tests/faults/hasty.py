"""A worker whose machine beats five times a second, and that watches for others a second only: nobody has time."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from app.settings import Settings
from app.worker import restore_detection
from tests.processes import ROOT, environment, kill

BEAT = 0.2
WATCH = 1.5


@contextmanager
def hasty_worker(settings: Settings, **extra: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker for the length of the block, killed at its end."""
    with (settings.home / "hasty.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.hasty"],
            cwd=ROOT,
            env=environment(settings, extra),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def main() -> None:
    from app.cli.main import main as candor

    restore_detection.BEAT_SECONDS, restore_detection.OBSERVE_SECONDS = BEAT, WATCH
    sys.argv = ["candor", "worker"]
    candor()


if __name__ == "__main__":
    main()
