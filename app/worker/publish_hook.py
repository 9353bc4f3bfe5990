"""Runs the operator's command after each publish, in a thread of its own: a slow one delays nothing else.

The last result for each page is kept in a file, and that file is all the memory there is: what is published and not in
it is due.  So publishes that come while the command runs make one more run, for the newest of them.
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
from app.publish.addresses import published_slugs
from app.publish.hook_run import HookRun, keep, last_run
from app.settings import SETTINGS, Settings
from app.worker.command import Ended, run_command

logger = logging.getLogger(__name__)
IDLE_SECONDS = 0.5
FAULT_SECONDS = 5.0
COULD_NOT_START = 126


class PublishHook:
    """The hook of all pages, which runs once for each page that was published.

    `is_stopped` is checked while it runs; once true, the run is abandoned.
    """

    def __init__(self, settings: Settings, is_stopped: Callable[[], bool] = lambda: False) -> None:
        self._settings = settings
        self._is_stopped = is_stopped
        self._last: dict[str, HookRun | None] = {}

    def work(self) -> bool:
        """Run the command for each page for which it is due; whether one ran to an end."""
        if not self._settings.publish_hook:
            return False
        ran = [self._work(slug) for slug in published_slugs(self._settings.public_root)]
        return any(ran)

    def _work(self, slug: str) -> bool:
        published = _published(self._settings, slug)
        if published is None or self._is_stopped():
            return False
        if slug not in self._last:
            self._last[slug] = last_run(self._settings.home, slug)
        if not self._is_due(slug, published):
            return False
        with _alone(self._settings.home) as is_ours:
            if not is_ours:
                return False
            on_disk = last_run(self._settings.home, slug)  # another worker of this machine may have been faster
            last = self._last[slug]
            if on_disk is not None and (last is None or on_disk.began_at >= last.began_at):
                self._last[slug] = on_disk
            return self._is_due(slug, published) and self._run(slug, published)

    def _is_due(self, slug: str, published: Path) -> bool:
        last = self._last[slug]
        if last is None or last.folder != published.name:
            return True
        return last.next_try is not None and now() >= last.next_try

    def _run(self, slug: str, published: Path) -> bool:
        settings, began_at, last = self._settings, now(), self._last[slug]
        attempts = (last.attempts if last is not None and last.folder == published.name else 0) + 1
        environ = environment(settings, published)
        try:
            ended = run_command(settings.publish_hook, environ, settings.publish_hook_seconds, self._is_stopped)
        except OSError as error:
            ended = Ended(COULD_NOT_START, 0.0, f"It couldn't be started: {error.strerror}.")
        if ended is None:
            return False
        revision = int(environ["CANDOR_REVISION"])
        run = self._last[slug] = HookRun(
            published.name, revision, began_at, round(ended.seconds, 2), ended.exit_code, attempts, ended.output
        )
        level = logging.INFO if run.succeeded else logging.WARNING
        logger.log(level, "the publish hook of page %s %s after %.1f s", slug, run.ending, ended.seconds)
        try:
            keep(settings.home, run, slug)
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


def _published(settings: Settings, slug: str) -> Path | None:
    """The folder that readers of a page get."""
    try:
        return (settings.public_root / slug / "current").resolve(strict=True)
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
