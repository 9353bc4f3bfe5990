"""Takes returned mail by LMTP (RFC 2033), from a mail server of the operator's own."""

import logging
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress

from flask import Flask

from app.actions.inbound import receiving
from app.db import release
from app.errors import Forbidden, Unavailable
from app.settings import Settings
from app.sources import mail
from app.sources.base import Received

logger = logging.getLogger(__name__)
IDLE_SECONDS = 60
LONGEST_LINE = 2048
MOST_AT_ONCE = 20
MOST_RECIPIENTS = 20


class Server(socketserver.ThreadingTCPServer):
    """Listens on BOUNCE_LMTP."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, flask_app: Flask, settings: Settings) -> None:
        host, _, port = settings.bounce_lmtp.rpartition(":")
        self.flask_app, self.settings = flask_app, settings
        self.room = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__((host.strip("[]"), int(port)), Talk)


class Talk(socketserver.StreamRequestHandler):
    """One conversation."""

    timeout = IDLE_SECONDS
    server: Server

    def handle(self) -> None:
        """Answer until the other side leaves, or has said nothing for a minute."""
        if not self.server.room.acquire(blocking=False):
            self._say("421 4.3.2 busy")
            return
        try:
            with suppress(OSError):
                self._say("220 candor LMTP")
                self._answer()
        finally:
            self.server.room.release()

    def _answer(self) -> None:
        recipients: list[str] = []
        while line := self.rfile.readline(LONGEST_LINE):
            words = line.decode("utf-8", "replace").strip()
            verb = words[:4].upper()
            if verb == "LHLO":
                self._say("250-candor\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME")
            elif verb in {"MAIL", "RSET"}:
                recipients = []
                self._say("250 2.0.0 ok")
            elif verb == "RCPT":
                full = len(recipients) >= MOST_RECIPIENTS
                recipients += [] if full else [words.partition("<")[2].partition(">")[0]]
                self._say("452 4.5.3 too many" if full else "250 2.1.5 ok")
            elif verb == "DATA":
                self._take(recipients)
                recipients = []
            elif verb == "QUIT":
                self._say("221 2.0.0 bye")
                return
            else:
                self._say("250 2.0.0 ok" if verb == "NOOP" else "500 5.5.2 not known")

    def _take(self, recipients: list[str]) -> None:
        """One message, answered once for every recipient, as LMTP asks."""
        if not recipients:
            self._say("503 5.5.1 nobody to take it")
            return
        self._say("354 go on")
        raw = b"".join(self._lines())
        for recipient in recipients:
            try:
                with self.server.flask_app.app_context():
                    take(self.server.settings, raw, recipient)
                    release()
                self._say("250 2.0.0 taken")
            except Unavailable:
                self._say("451 4.3.0 the database is not available; try again")

    def _lines(self) -> Iterator[bytes]:
        """The message's lines up to the final dot; beyond the limit they are read and forgotten."""
        size = 0
        while line := self.rfile.readline(LONGEST_LINE):
            if line in {b".\r\n", b".\n"}:
                return
            size += len(line)
            if size <= mail.LARGEST_BYTES:
                yield line[1:] if line.startswith(b"..") else line
        raise ConnectionResetError  # it ended in the middle: nothing was taken

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


def take(settings: Settings, raw: bytes, envelope_recipient: str) -> None:
    """Take in one mail; one that isn't about a mail of ours is accepted and forgotten.

    Raises:
        Unavailable: it can't be stored.
    """
    received = Received(body=raw, headers={mail.ENVELOPE_TO: envelope_recipient})
    with suppress(Forbidden):
        receiving.receive(settings, mail.SOURCE, received)


def serve(flask_app: Flask, settings: Settings) -> Server | None:
    """Listen in a thread of its own, when BOUNCE_LMTP says so."""
    if not settings.bounce_lmtp:
        return None
    try:
        server = Server(flask_app, settings)
    except OSError as error:
        logger.error("returned mail is not taken: BOUNCE_LMTP can not be listened on: %s", error.strerror or error)
        return None
    threading.Thread(target=server.serve_forever, name="lmtp", daemon=True).start()
    return server
