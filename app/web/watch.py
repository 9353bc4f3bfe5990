"""Each web process keeps its machine's copy of the page up to date: it notices commits by any process and renders.

So a page is written also when the publishing process died between commit and write, when no worker runs, and on every
machine that serves readers.
"""

import logging
import threading
from contextlib import suppress

from flask import Flask

from app.actions.inbound import reading
from app.db import release, session, translated
from app.deliver import process_lock
from app.errors import Unavailable
from app.publish.refresh import log_failure, refresh_if_stale, sentence_of, stale_pages
from app.settings import Settings

logger = logging.getLogger(__name__)
LOOK_EVERY = 0.5
RETRY_EVERY = 1.0


class Watch:
    """Looks for pages that are behind.  Says once what is wrong, and once that it is over."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._said = ""

    def look(self) -> bool:
        """Render what is behind; whether all of it worked.  Nothing is raised: the next look tries again."""
        failure = self._failure()
        problem = sentence_of(failure) if failure else ""
        if failure and problem != self._said:
            log_failure(failure)
        if self._said and not problem:
            logger.warning("the page is up to date again")
        self._said = problem
        return not problem

    def _failure(self) -> Exception | None:
        failure = None
        try:
            with translated():
                pages = stale_pages(self._settings, session())
            release()
            for page_id in pages:
                failure = self._failure_of(page_id) or failure
        except Exception as error:
            return error
        finally:
            release()
        return failure

    def _failure_of(self, page_id: int) -> Exception | None:
        try:
            refresh_if_stale(self._settings, page_id)
        except Exception as error:  # one page must not keep the others waiting
            return error
        return None


def start(app: Flask, settings: Settings) -> None:
    """Look now, and from then on twice a second, in a thread that ends with the process."""
    threading.Thread(target=_watch, args=(app, settings), name="watch", daemon=True).start()


def _watch(app: Flask, settings: Settings) -> None:
    watch = Watch(settings)
    pause = threading.Event()
    with suppress(OSError):  # a process that can't record its presence serves readers all the same
        while not process_lock.hold_shared(settings.home):
            pause.wait(RETRY_EVERY)
    with app.app_context():
        while not pause.wait(LOOK_EVERY if watch.look() else RETRY_EVERY):
            take_in_spool(settings)


def take_in_spool(settings: Settings) -> None:
    """Store what this machine spooled while the database couldn't be written; a worker of any machine reads it then."""
    try:
        reading.take_in_spool(settings)
    except Unavailable:
        pass  # it stays in the spool
    except Exception:
        logger.exception("the spool can't be taken in")
    finally:
        release()
