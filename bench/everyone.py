"""One update to 100,000 mailboxes, 10,000 phones and 1,000 endpoints, on SQLite, while someone works in the console.

`python -m bench.everyone [MAILS] [TEXTS] [ENDPOINTS]`.  The mail server is Postfix's smtp-sink, the others a small HTTP
server.  Beside it, as the baseline, smtp-source sends as many mails into the same sink.
"""

import re
import statistics
import sys
import threading
import time
from html import unescape
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from sqlalchemy import func, select

from app.actions.accounts.accounts import create_account
from app.db import db, session
from app.models.delivery import Delivery
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.vocabulary import Role
from bench.fanout import BODY, CONNECTIONS, baseline, subscribe, wait_until_told
from bench.house import installation, most_memory, report
from bench.sinks import http_sink, smtp_sink
from tests.processes import free_port, running, wait_until_answers

TWILIO = f"twilio://AC{'a' * 32}:{'b' * 32}@+15551230000"
EMAIL, PASSWORD = "lena@example.com", "correct horse battery"
PAUSE_SECONDS = 0.2
STATED = {"status": "investigating", "notify": "yes"}


class Desk:
    """Someone signed in, over HTTP."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._browser: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        self.post("/sign-in", "/sign-in", {"email": EMAIL, "password": PASSWORD})

    def get(self, path: str) -> tuple[str, float]:
        """The page and how long it took, in seconds."""
        begun = time.monotonic()
        with self._browser.open(self._base + path, timeout=30) as answer:
            return answer.read().decode(), time.monotonic() - begun

    def post(self, path: str, action: str, typed: dict[str, str]) -> float:
        """Fill in the form at `path`, send it to `action`, and say how long the answer took, in seconds."""
        hidden = re.findall(r'<input[^>]*type="hidden"[^>]*>', self.get(path)[0])
        fields = {
            unescape(name[1]): unescape(value[1] if value else "")
            for one in hidden
            if (name := re.search(r'name="([^"]*)"', one))
            for value in [re.search(r'value="([^"]*)"', one)]
        }
        begun = time.monotonic()
        request = Request(self._base + action, urlencode({**fields, **typed}).encode())
        with self._browser.open(request, timeout=30) as answer:
            answer.read()
        return time.monotonic() - begun


def work_beside(desk: Desk, stop: threading.Event) -> list[float]:
    """Look at the console again and again until told to stop; seconds each look took."""
    took: list[float] = []
    while not stop.wait(PAUSE_SECONDS):
        took.append(desk.get("/console/default")[1])
    return took


def tell_everyone(settings: Settings, desk: Desk) -> dict[str, tuple[float, str]]:
    """Publish once and measure until all is settled."""
    stop, looks = threading.Event(), list[float]()
    watcher = threading.Thread(target=lambda: looks.extend(work_beside(desk, stop)))
    begun, at = time.monotonic(), time.time()
    answered = desk.post(
        "/console/default/posts/new", "/console/default/posts", {"title": "Slow answers", "body": BODY, **STATED}
    )
    watcher.start()
    wait_until_told()
    took = time.monotonic() - begun
    stop.set()
    watcher.join()
    first = session().scalar(select(func.min(Delivery.settled_at)))
    states = session().execute(select(Delivery.channel, Delivery.state, func.count()).group_by("channel", "state"))
    print("\n  " + ", ".join(f"{count:,} {channel} {state}" for channel, state, count in states))
    assert first is not None
    return {
        "all settled (target 60)": (took, "s"),
        "publish answered (target 1)": (answered, "s"),
        "first one sent (target 2)": (first.timestamp() - at, "s"),
        "console, p95 of the looks (target 0.5)": (statistics.quantiles(looks, n=20)[-1], "s"),
        "console, the longest look": (max(looks), "s"),
    }


def main(mails: int = 100_000, texts: int = 10_000, endpoints: int = 1_000) -> None:
    with smtp_sink() as mail, http_sink() as http_port:
        environ = {
            "SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "SEND_CONNECTIONS": str(CONNECTIONS),
            "SMS_URL": TWILIO,
            "TWILIO_API": f"http://127.0.0.1:{http_port}",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "PORT": str(free_port()),
        }
        with installation(**environ) as (_, settings, page_id):
            create_account(COMMAND_LINE, email=EMAIL, name="Lena", password=PASSWORD, role=Role.ADMIN)
            subscribe(page_id, "email", [f"s{index}@example{index % 50}.com" for index in range(mails)])
            subscribe(page_id, "sms", [f"+1212555{index:04}"[:12] for index in range(texts)])
            hosts = [f"http://127.0.{index // 250}.{index % 250 + 1}:{http_port}/hook" for index in range(endpoints)]
            subscribe(page_id, "webhook", hosts)
            db.session.remove()
            with running(settings, "worker", extra=environ) as worker, running(settings, "web", extra=environ):
                wait_until_answers(f"http://127.0.0.1:{settings.port}/")
                figures = tell_everyone(settings, Desk(settings.base_url))
                figures["worker's memory at most (target 200)"] = (most_memory(worker.pid), "MB")
        figures["candor, mails alone"] = (mails / figures["all settled (target 60)"][0], "messages/s")
        figures["smtp-source"] = (baseline(mail.port, mails), "messages/s")
    title = f"One update to {mails:,} mailboxes, {texts:,} phones, {endpoints:,} endpoints, on SQLite"
    report(title, figures, ("candor, mails alone", "smtp-source"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
