"""A person with a browser that is only HTTP: cookies, forms, no script."""

import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar

from app.settings import Settings
from tests.processes import get
from tests.web.people import PASSWORD


class Visitor:
    """Fetches pages and sends forms with their token, as a browser without JavaScript does."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open

    def get(self, path: str, seconds: float = 15.0) -> tuple[int, str]:
        return self._ask(urllib.request.Request(self._base + path), seconds)

    def token(self, path: str) -> str:
        """The token of the forms on a page."""
        status, page = self.get(path)
        assert status == 200, f"{path} answered {status}"
        return re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]

    def post(self, path: str, fields: dict[str, str], seconds: float = 30.0) -> tuple[int, str]:
        data = urllib.parse.urlencode(fields).encode()
        return self._ask(urllib.request.Request(self._base + path, data=data), seconds)

    def sign_in(self, email: str) -> str:
        """Sign in; the token for the forms that follow."""
        token = self.token("/sign-in")
        status, _ = self.post("/sign-in", {"email": email, "password": PASSWORD, "csrf_token": token})
        assert status == 200
        return self.token("/console/default/posts/new")

    def _ask(self, request: urllib.request.Request, seconds: float) -> tuple[int, str]:
        try:
            with self._open(request, timeout=seconds) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


def declaration(number: int, token: str) -> dict[str, str]:
    """The form that declares one incident."""
    return {
        "csrf_token": token,
        "idempotency_key": f"fault-key-{number:04}",
        "kind": "incident",
        "title": f"Trouble {number:04}.",
        "status": "investigating",
        "body": "We are looking into it.",
        "notify": "yes",
        "promise": "30",
    }


def until(what: Callable[[], bool], seconds: float = 15.0) -> float:
    """Poll until it holds; how many seconds it took."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if what():
            return time.monotonic() - begun
        time.sleep(0.02)  # another process works: there is nothing to wait on
    raise AssertionError(f"it does not hold after {seconds} s")


def shows(settings: Settings, words: str) -> Callable[[], bool]:
    """Whether the public page of this machine has the words on it."""
    return lambda: words.encode() in get(f"http://127.0.0.1:{settings.port}/")[1]
