"""Endpoints that refuse, redirect, hang, drip, answer without end or can not be found, and a mail server that can not
be found: the healthy are not delayed, and everybody gets it once when the trouble is over.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.posts.publishing import open_post
from app.db import db, session
from app.models.delivery import Delivery
from app.settings import Settings
from app.vocabulary import DeliveryState
from tests.channels.helpers import Web, answer, http_server
from tests.deliver.conftest import draft
from tests.factories import LENA, make_subscriber
from tests.faults.altered import altered_worker
from tests.faults.test_restore import wait_for
from tests.faults.test_worker import settled, subscribe_many
from tests.smtp_sink import smtp_sink

pytestmark = [pytest.mark.database, pytest.mark.faults]
HEALTHY = 40
MAILS = 20
TROUBLE = ("429", "503", "302", "hang", "drip", "endless")
ASKED_TO_WAIT = 4.0
GIGABYTE = 1 << 30
NOT_FOUND = {"the mail server's host name can't be resolved", "the endpoint's host name can't be resolved"}
SOONER = {
    "app.channels.pinned_http.TOTAL_SECONDS": 1.5,
    "app.channels.smtp_lines.LOST_SECONDS": 0.5,
    "app.deliver.feed.POLL_SECONDS": 0.5,
    "app.channels.email.EmailChannel.retries.steps": [2.0] * 4,
    "app.channels.webhook.TEN_TRIES.steps": [2.0] * 9,
}
"""An endpoint has a second and a half, and each try is two seconds after the one before."""


@dataclass
class Endpoints:
    """Who was asked and when, by path, and how many bytes the endless one gave.  Trouble lasts for one request each."""

    asked: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    taken: Counter[str] = field(default_factory=Counter)
    given: int = 0

    def treat(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        kind = handler.path.strip("/")
        self.asked[kind].append(time.monotonic())
        if len(self.asked[kind]) > 1 or kind not in {"429", "503", "302", "hang", "drip"}:
            self.taken[kind] += 1
            return self._endless(handler) if kind == "endless" else answer(200)(handler, body)
        with suppress(OSError):
            match kind:
                case "302":
                    answer(302, Location="/trap")(handler, body)
                case "429" | "503":
                    answer(int(kind), Retry_After=f"{ASKED_TO_WAIT:.0f}")(handler, body)
                case "hang":
                    handler.rfile.read(1)  # until the other side hangs up
                case "drip":
                    while True:
                        handler.wfile.write(b"H")
                        time.sleep(0.05)
        handler.close_connection = True
        return None

    def _endless(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(GIGABYTE))
        handler.end_headers()
        with suppress(OSError):
            while self.given < GIGABYTE:
                self.given += handler.wfile.write(b"x" * 65536)
        handler.close_connection = True


@contextmanager
def endpoints() -> Iterator[tuple[Web, Endpoints]]:
    made = Endpoints()
    with http_server() as web:
        web.answer = made.treat
        yield web, made


def unsent() -> set[str]:
    """Why some have not got it yet."""
    session().rollback()
    found = set(session().scalars(select(Delivery.reason).where(Delivery.state == DeliveryState.PENDING)))
    db.session.remove()
    return found


def test_each_kind_of_endpoint_gets_it_once_when_its_trouble_is_over(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    (names := tmp_path / "names").write_text("")
    with endpoints() as (web, heard), smtp_sink() as sink:
        for kind in (*TROUBLE, *(f"ok{number}" for number in range(HEALTHY))):
            make_subscriber(page_id, f"{web.url}/{kind}", "webhook")
        make_subscriber(page_id, f"http://hooks.example:{web.port}/unknown", "webhook")
        subscribe_many(page_id, MAILS)
        everybody = HEALTHY + len(TROUBLE) + 1 + MAILS
        open_post(settings, LENA, page_id, draft())
        db.session.remove()
        extra = {"SMTP_URL": f"smtp://mail.example:{sink.port}", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
        with altered_worker(settings, SOONER, names=names, **extra):
            wait_for(lambda: unsent() >= NOT_FOUND)
            (known := tmp_path / "known").write_text("127.0.0.1 hooks.example\n127.0.0.1 mail.example\n")
            known.replace(names)
            wait_for(lambda: settled() == {DeliveryState.SENT: everybody})
            db.session.remove()
    assert heard.taken == dict.fromkeys((*TROUBLE, "unknown", *(f"ok{number}" for number in range(HEALTHY))), 1)
    assert Counter(sink.recipients) == {f"s{number}@example.com": 1 for number in range(MAILS)}
    assert "trap" not in heard.asked
    begun = min(at for asked in heard.asked.values() for at in asked)
    assert max(heard.asked[f"ok{number}"][0] for number in range(HEALTHY)) - begun < 1.5, "nobody waits for the others"
    for kind in ("429", "503"):
        first, second = heard.asked[kind]
        assert second - first >= ASKED_TO_WAIT, f"{kind} asked to be left alone for so long"
    assert heard.given < GIGABYTE / 20, "an answer without end is not read"
    print(f"the endless answer: {heard.given >> 10} KB left the server")
