"""Reads returned mail from an IMAP mailbox, in a thread of its own, so that a slow server delays nothing else.

A message is deleted only after it is stored.  If something breaks between the two it is stored again, and its key is
known by then.  What isn't ours is left as it is.
"""

import logging
import threading
import time
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask

from app.actions.inbound import receiving
from app.db import release
from app.deliver import job_locks
from app.errors import CandorError, Forbidden
from app.settings import Settings
from app.sources import mail
from app.sources.base import NotUnderstood, Received
from app.worker import imap

logger = logging.getLogger(__name__)
JOB = "bounce-mailbox"
ASK_SECONDS = 20.0
READ_SECONDS = 60.0
EVERY = timedelta(seconds=60)
LENGTH = timedelta(seconds=imap.VISIT_SECONDS + 60)


class BounceMailbox:
    """The mailbox of BOUNCE_MAILBOX.  What was looked at and left alone isn't looked at again by this process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._validity = 0
        self._looked_at = 0
        self._trouble = ""

    def work(self) -> int:
        """Read the mailbox if it is due and no other worker holds its lock; how many messages were done with.

        A mailbox that can't be read is logged, once for as long as the reason stays the same.

        Raises:
            Unavailable: the database can't be written; what wasn't taken stays in the mailbox.
        """
        until = job_locks.acquire(JOB, LENGTH)
        release()
        if until is None:
            return 0
        count = 0
        try:
            count = self._read()
            self._tell("")
        except imap.MailboxUnreachable as error:
            self._tell(str(error))
        finally:
            job_locks.release(JOB, until, EVERY)
            release()
        return count

    def _read(self) -> int:
        count, ends_at = 0, time.monotonic() + READ_SECONDS
        with imap.opened(self._settings.bounce_mailbox) as mailbox:
            if mailbox.validity != self._validity:
                self._validity, self._looked_at = mailbox.validity, 0
            for uid in mailbox.waiting(self._looked_at):
                if time.monotonic() > ends_at:
                    break
                raw = mailbox.fetch(uid, mail.LARGEST_BYTES)
                if raw is not None and self._is_taken(uid, raw):
                    mailbox.delete(uid)
                    count += 1
                self._looked_at = uid
        return count

    def _is_taken(self, uid: int, raw: bytes) -> bool:
        """Whether a message says something about a mail of ours and is stored.  Raises Unavailable."""
        received = Received(body=raw)
        try:
            if not self._concerns_us(received):
                return False
            receiving.receive_into_database(self._settings, mail.SOURCE, received)
        except Forbidden:
            return False
        except CandorError:
            raise
        except Exception:  # one message that no one foresaw doesn't keep back those behind it
            logger.exception("message %d of the mailbox is left as it is", uid)
            return False
        finally:
            release()
        return True

    def _concerns_us(self, received: Received) -> bool:
        """What says nothing stays in the mailbox, where someone may look for it; what isn't understood is taken in."""
        try:
            return bool(mail.SOURCE.parse(received, self._settings))
        except NotUnderstood:
            return True

    def _tell(self, trouble: str) -> None:
        """Log that the mailbox can't be read, or can again; once each."""
        host = urlsplit(self._settings.bounce_mailbox).hostname
        if trouble and trouble != self._trouble:
            logger.warning("returned mail is not read from %s: %s", host, trouble)
        elif self._trouble and not trouble:
            logger.info("returned mail is read from %s again", host)
        self._trouble = trouble


def run_forever(flask_app: Flask, settings: Settings, stop: threading.Event) -> None:
    """Look at the mailbox when it is due, until told to stop; without BOUNCE_MAILBOX not at all."""
    if not settings.bounce_mailbox:
        return
    mailbox = BounceMailbox(settings)
    with flask_app.app_context():
        while not stop.is_set():
            run_once(mailbox)
            stop.wait(ASK_SECONDS)


def run_once(mailbox: BounceMailbox) -> None:
    """One look; a failure is logged, never raised: the next look tries again."""
    try:
        mailbox.work()
    except CandorError as error:
        logger.warning("returned mail waits in its mailbox: %s", error.sentence)
    except Exception:
        logger.exception("returned mail waits in its mailbox")
    finally:
        release()
