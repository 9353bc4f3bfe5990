"""Runs an operator's command with a time limit, and keeps the end of its output."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from app.text import clean

OUTPUT_LIMIT = 2000
_KEPT_BYTES = 8 * OUTPUT_LIMIT
_READ_BYTES = 1 << 20  # more than a pipe holds
_TICK_SECONDS = 0.05
_CARRIED = "CANDOR_COMMAND"
_COLORS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)?")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.  `exit_code` is None when it took too long, and -n when signal n ended it."""

    exit_code: int | None
    seconds: float
    output: str


def run_command(
    command: str, environ: Mapping[str, str], seconds: float, is_stopped: Callable[[], bool]
) -> Ended | None:
    """Run `command` by /bin/sh in a process group of its own, which is killed after `seconds`.

    None when `is_stopped` said so meanwhile; the group is killed then too.  Raises OSError: it can't be started.
    """
    begun = time.monotonic()
    with subprocess.Popen(
        # the words travel in the environment, because everyone may read the list of processes
        ["/bin/sh", "-c", 'set -- "$CANDOR_COMMAND"; unset CANDOR_COMMAND; eval "$1"'],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**environ, _CARRIED: command},
        start_new_session=True,
    ) as child:
        assert child.stdout is not None
        os.set_blocking(child.stdout.fileno(), False)
        said = b""
        while True:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_TICK_SECONDS)
            is_over = child.poll() is not None
            is_late = time.monotonic() - begun >= seconds
            if not is_over and (is_late or is_stopped()):
                _kill(child)
            said = (said + _available(child.stdout.fileno()))[-_KEPT_BYTES:]
            if is_over:
                return Ended(child.returncode, time.monotonic() - begun, _cleaned(said))
            if is_late:
                return Ended(None, time.monotonic() - begun, _cleaned(said))
            if child.returncode is not None:
                return None


def _kill(child: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _available(handle: int) -> bytes:
    """What can be read at once: a program left in the background may keep the pipe open forever."""
    try:
        return os.read(handle, _READ_BYTES)
    except BlockingIOError:
        return b""


def _cleaned(said: bytes) -> str:
    return clean(_COLORS.sub("", said.decode("utf-8", "replace")), multiline=True)[-OUTPUT_LIMIT:]
