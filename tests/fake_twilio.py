"""A Twilio that behaves as its documents say, and misbehaves on request."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from app.clock import now

SID, TOKEN, SENDER = f"AC{'a' * 32}", "b" * 32, "+15551230000"
URL = f"twilio://{SID}:{TOKEN}@{SENDER}"
Form = dict[str, str]


@dataclass(frozen=True)
class Answered:
    """What Twilio answers: `takes` says whether it took the message all the same, `says` whether anybody hears."""

    status: int = 201
    code: int = 0
    retry_after: str = ""
    takes: bool = True
    says: bool = True


def refuse(status: int, code: int = 0, retry_after: str = "") -> Answered:
    return Answered(status, code, retry_after, takes=False)


@dataclass
class FakeTwilio:
    """What it was asked, what it took, and how it answers a message with this form."""

    url: str
    behave: Callable[[Form], Answered] = lambda _form: Answered()
    asked: list[Form] = field(default_factory=list)
    messages: list[Form] = field(default_factory=list)
    logins: set[str] = field(default_factory=set)
    connections: set[tuple[str, int]] = field(default_factory=set)
    prefix: str = ""
    is_down: bool = False
    at: datetime | None = None
    """Its own clock: a thread of its own does not see a frozen one."""

    def take(self, form: Form) -> Form:
        message = {
            "sid": f"SM{len(self.messages):032d}",
            "status": "queued",
            "body": self.prefix + form["Body"],
            "to": form["To"],
            "from": form.get("From", ""),
            "direction": "outbound-api",
            "date_created": format_datetime(self.at or now()),
            "callback": form.get("StatusCallback", ""),
        }
        self.messages.append(message)
        return message


@contextmanager
def fake_twilio() -> Iterator[FakeTwilio]:
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(raw, strict_parsing=True).items()}
            twilio.asked.append(form)
            twilio.logins.add(self.headers["Authorization"])
            twilio.connections.add(self.client_address)
            assert self.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
            answered = twilio.behave(form)
            message = twilio.take(form) if answered.takes else {}
            if not answered.says:
                stop.wait(30)
                self.close_connection = True
                return
            refusal = {"code": answered.code, "message": f"{form['To']} {TOKEN}", "status": answered.status}
            self._answer(answered.status, message or refusal, answered.retry_after)

        def do_GET(self) -> None:
            if twilio.is_down:
                self._answer(503, {})
                return
            wanted = parse_qs(urlsplit(self.path).query)
            found = [one for one in reversed(twilio.messages) if one["to"] == wanted["To"][0]]
            self._answer(200, {"messages": found[: int(wanted["PageSize"][0])]})

        def _answer(self, status: int, said: object, retry_after: str = "") -> None:
            body = json.dumps(said).encode()
            self.send_response(status)
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    twilio = FakeTwilio(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield twilio
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
