"""Runs the operator's command after each publish, in a thread of its own: a slow one delays nothing else.

The last result is kept in a file, and that file is all the memory there is: what is published and not in it is due.
So publishes that come while the command runs make one more run, for the newest of them.
"""

import fcntl
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.clock import now
from app.publish.hook_run import HookRun, keep, last_run
from app.settings import SETTINGS, Settings
from app.worker.command import Ended, run_command

logger = logging.getLogger(__name__)
IDLE_SECONDS = 0.5
FAULT_SECONDS = 5.0
COULD_NOT_START = 126


class PublishHook:
    """The hook of the default page.  `is_stopped` is checked while it runs; once true, the run is abandoned."""

    def __init__(self, settings: Settings, is_stopped: Callable[[], bool] = lambda: False) -> None:
        self._settings = settings
        self._is_stopped = is_stopped
        self._last = last_run(settings.home)

    def work(self) -> bool:
        """Run the command if it is due; whether it ran to an end."""
        published = _published(self._settings)
        if not self._settings.publish_hook or published is None or not self._is_due(published):
            return False
        with _alone(self._settings.home) as is_ours:
            if not is_ours:
                return False
            on_disk = last_run(self._settings.home)  # another worker of this machine may have been faster
            if on_disk is not None and (self._last is None or on_disk.began_at >= self._last.began_at):
                self._last = on_disk
            return self._is_due(published) and self._run(published)

    def _is_due(self, published: Path) -> bool:
        if self._last is None or self._last.folder != published.name:
            return True
        return self._last.next_try is not None and now() >= self._last.next_try

    def _run(self, published: Path) -> bool:
        settings, began_at = self._settings, now()
        is_again = self._last is not None and self._last.folder == published.name
        attempts = (self._last.attempts if self._last and is_again else 0) + 1
        environ = environment(settings, published)
        try:
            ended = run_command(settings.publish_hook, environ, settings.publish_hook_seconds, self._is_stopped)
        except OSError as error:
            ended = Ended(COULD_NOT_START, 0.0, f"It couldn't be started: {error.strerror}.")
        if ended is None:
            return False
        revision = int(environ["CANDOR_REVISION"])
        self._last = HookRun(
            published.name, revision, began_at, round(ended.seconds, 2), ended.exit_code, attempts, ended.output
        )
        level = logging.INFO if self._last.succeeded else logging.WARNING
        logger.log(level, "the publish hook %s after %.1f s", self._last.ending, ended.seconds)
        try:
            keep(settings.home, self._last)
        except OSError as error:
            logger.error("the publish hook's result can't be stored: %s", error.strerror or error)
        return True


def run_forever(settings: Settings, stop: threading.Event) -> None:
    """Look for what is due twice a second, until told to stop."""
    hook = PublishHook(settings, stop.is_set)
    while settings.publish_hook and not stop.wait(IDLE_SECONDS):
        try:
            hook.work()
        except Exception:
            logger.exception("the publish hook waits")
            stop.wait(FAULT_SECONDS)


def environment(settings: Settings, published: Path) -> dict[str, str]:
    """Our own environment without our secrets, and what was published; `candor` itself is on the path."""
    secret = {row.variable for row in SETTINGS if row.secret}
    hidden = secret | {f"{name}_FILE" for name in (*secret, "CANDOR_HOME")}
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    return {
        **{name: value for name, value in os.environ.items() if name not in hidden},
        "PATH": path,
        "CANDOR_HOME": str(settings.home),
        "CANDOR_PAGE": published.parent.name,
        "CANDOR_REVISION": str(int(published.name.partition("-")[0])),
        "CANDOR_SNAPSHOT": str(published),
    }


def _published(settings: Settings) -> Path | None:
    """The folder that readers get."""
    try:
        return (settings.public_root / "default" / "current").resolve(strict=True)
    except FileNotFoundError:
        return None


@contextmanager
def _alone(home: Path) -> Iterator[bool]:
    """Whether no other worker of this machine runs the hook now; a dead one releases the lock automatically."""
    handle = os.open(home / ".publish_hook.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        is_ours = True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_ours = False
        yield is_ours
    finally:
        os.close(handle)
