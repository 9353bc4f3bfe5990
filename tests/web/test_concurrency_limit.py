"""The application may be stuck; who reads the public page never waits for it."""

import threading
from collections.abc import Iterable
from typing import Any

from werkzeug.test import Client

from app.web.concurrency_limit import ConcurrencyLimit


class StuckApp:
    """Answers no request until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.entered = threading.Semaphore(0)

    def __call__(self, _environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.entered.release()
        assert self.go.wait(10)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"at last"]


def test_one_more_than_the_slots_is_told_at_once_and_all_others_are_answered() -> None:
    app = StuckApp()
    client = Client(ConcurrencyLimit(app, slots=3))
    answers: list[int] = []
    waiting = [threading.Thread(target=lambda: answers.append(client.get("/console").status_code)) for _ in range(3)]
    for thread in waiting:
        thread.start()
    for _ in waiting:
        assert app.entered.acquire(timeout=10)
    refused = client.get("/console")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    app.go.set()
    for thread in waiting:
        thread.join()
    assert answers == [200, 200, 200]
    assert client.get("/console").data == b"at last"


def test_whether_the_process_lives_is_answered_while_the_application_waits() -> None:
    app = StuckApp()

    def routed(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            return app(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    client = Client(ConcurrencyLimit(routed, slots=1))
    waiting = threading.Thread(target=client.get, args=("/console",))
    waiting.start()
    assert app.entered.acquire(timeout=10)
    assert client.get("/console").status_code == 503
    assert client.get("/healthz").data == b"ok"
    app.go.set()
    waiting.join()


def test_a_slot_comes_back_when_the_app_fails() -> None:
    def broken(_environ: dict[str, Any], _start_response: Any) -> Iterable[bytes]:
        raise ValueError("broken")

    client = Client(ConcurrencyLimit(broken, slots=1))
    for _ in range(3):
        try:
            client.get("/")
        except ValueError as error:
            assert str(error) == "broken"
        else:
            raise AssertionError("the fault was swallowed")
