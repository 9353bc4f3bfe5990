"""What the tests of every channel share: settings, letters, and servers that misbehave on request."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.shapes import Letter, Recipient

LINKS = {
    "unsubscribe_url": "http://localhost:8000/unsubscribe/bcdfgh/" + "t" * 90,
    "manage_url": "http://localhost:8000/manage/bcdfgh/=?a=1&b=2",
}


def letter(channel: str = "email", **changes: object) -> Letter:
    words: dict[str, object] = {
        "subject": "API is slow",
        "text": "It is slow.\n\nManage: {{manage_url}}\n.\n..dots\nLeave: {{unsubscribe_url}}",
        "html": '<p>It is slöw. <a href="{{manage_url}}">Manage</a> <a href="{{unsubscribe_url}}">Leave</a></p>',
        "message_id": "<update-2@status.example.com>",
        "in_reply_to": "<post-1@status.example.com>",
        "sender": "Example Status <status@example.com>",
    }
    return Letter(channel=channel, **{**words, **changes})  # type: ignore[arg-type]


def recipient(number: int = 1, address: str = "", **changes: object) -> Recipient:
    facts: dict[str, object] = {"key": f"msg_{number}", "personal": LINKS}
    return Recipient(number, address or f"user{number}@example.com", **{**facts, **changes})  # type: ignore[arg-type]


Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    """An answer for `http_server`; underscores in header names stand for hyphens."""

    def give(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return give


class Web:
    """A running server: what it received, and what it answers next."""

    def __init__(self, port: int, scheme: str = "http") -> None:
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.answer: Answer = answer(200)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections: set[tuple[str, int]] = set()


@contextmanager
def http_server(tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            web.connections.add(self.client_address)
            web.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            web.answer(self, body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    web = Web(server.server_address[1], "https" if tls else "http")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
