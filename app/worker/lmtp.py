"""Receives returned mail by LMTP (RFC 2033) from the operator's mail server, with aiosmtpd."""

import asyncio
import logging
import threading
from contextlib import suppress

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from app.actions.inbound import receiving
from app.db import release
from app.errors import CandorError, Forbidden
from app.settings import Settings
from app.sources import mail
from app.sources.base import Received

logger = logging.getLogger(__name__)
IDLE_SECONDS = 60
LONGEST_LINE = 1024 * 1024
LARGEST_MESSAGE = 32 * 1024 * 1024
"""More than is kept: a report comes before the copy of the mail that it's about, and that may be long."""

MOST_AT_ONCE = 20
MOST_RECIPIENTS = 20


class Conversation(LMTP):
    """One conversation, which ends when the other side leaves or says nothing for a minute."""

    line_length_limit = LONGEST_LINE

    def __init__(self, mailbox: "MessageHandler", loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            mailbox,
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            hostname="candor",
            ident="LMTP",
            timeout=IDLE_SECONDS,
            loop=loop,
        )
        self._open = mailbox.open
        self._is_counted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many already."""
        if len(self._open) >= MOST_AT_ONCE:
            assert isinstance(transport, asyncio.Transport)
            transport.write(b"421 4.3.2 Too many connections, try again later\r\n")
            transport.close()
            return
        self._is_counted = True
        self._open.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End what began."""
        if self._is_counted:
            self._open.discard(self)
            super().connection_lost(error)


class MessageHandler:
    """What is done with a message.  aiosmtpd calls the methods."""

    def __init__(self, flask_app: Flask, settings: Settings) -> None:
        self._flask_app, self._settings = flask_app, settings
        self.open: set[Conversation] = set()

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept a recipient: whether its address is ours is decided with the message."""
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take in a message, and answer once for each recipient, as LMTP asks."""
        content = envelope.content
        raw = (content if isinstance(content, bytes) else (content or "").encode())[: mail.LARGEST_BYTES]
        return "\r\n".join([await asyncio.to_thread(self._take, raw, one) for one in envelope.rcpt_tos])

    async def handle_exception(self, error: Exception) -> str:
        """Have the mail server try again after a fault of ours."""
        logger.error("a conversation by LMTP failed (%s)", type(error).__name__)
        return "451 4.3.0 Something went wrong, try again later"

    def _take(self, raw: bytes, recipient: str) -> str:
        with self._flask_app.app_context():
            try:
                take(self._settings, raw, recipient)
            except CandorError as error:
                logger.warning("returned mail is deferred: %s", error.sentence)
                return "451 4.3.0 The message can't be stored, try again later"
            finally:
                release()
        return "250 2.0.0 OK"


class LmtpServer:
    """Listens on BOUNCE_LMTP, in a thread of its own, from the start on.  Raises OSError: that address can't be had."""

    def __init__(self, flask_app: Flask, settings: Settings) -> None:
        host, _, port = settings.bounce_lmtp.rpartition(":")
        self._loop = asyncio.new_event_loop()
        mailbox = MessageHandler(flask_app, settings)
        try:
            self._listening = self._loop.run_until_complete(
                self._loop.create_server(lambda: Conversation(mailbox, self._loop), host.strip("[]"), int(port))
            )
        except OSError:
            self._loop.close()
            raise
        self._thread = threading.Thread(target=self._run, name="lmtp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more, and break off what isn't over: the mail server sends it again."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_forever()
        self._listening.close()
        self._loop.run_until_complete(_break_off())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


async def _break_off() -> None:
    """End every conversation of this loop."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def take(settings: Settings, raw: bytes, envelope_recipient: str) -> None:
    """Take in one mail; one that isn't about a mail of ours is accepted and forgotten.

    Raises:
        Unavailable: it can't be stored.
    """
    received = Received(body=raw, headers={mail.ENVELOPE_TO: envelope_recipient})
    with suppress(Forbidden):
        receiving.receive(settings, mail.SOURCE, received)


def serve(flask_app: Flask, settings: Settings) -> LmtpServer | None:
    """Listen, if BOUNCE_LMTP is set."""
    if not settings.bounce_lmtp:
        return None
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd notes every recipient
    try:
        return LmtpServer(flask_app, settings)
    except OSError as error:
        logger.error("returned mail is not taken: BOUNCE_LMTP can't be listened on: %s", error.strerror or error)
        return None
