"""An HTTP client for another installation's API: one request, its response, and failures as domain errors."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit

from app.errors import CandorError, Conflict, Forbidden, Invalid, NeedsConfirmation, NotFound, Unavailable
from app.text import clean

URL, TOKEN = "CANDOR_REMOTE_URL", "CANDOR_REMOTE_TOKEN"
SECONDS, LONG_SECONDS = 60, 900
PIECE = 1 << 16
LARGEST_ANSWER = 20_000_000


@dataclass(frozen=True, slots=True)
class Remote:
    """Another installation, and an API token for it."""

    root: str
    token: str

    def ask(self, method: str, path: str, body: Any = None, key: str = "", **query: str) -> Any:
        """Send a request to `path` below /api/v1.  Returns the JSON, or None for an empty response.

        `key` is an idempotency key, which makes it safe to send the request again.

        Raises:
            Invalid, NotFound, Conflict, Forbidden: the other installation refused the request.
            Unavailable: it can't be reached, is too busy, or failed. Trying again can help.
        """
        data = None if body is None else json.dumps(body)
        with self._answer(method, path, data, "application/json", SECONDS, key, query) as answer:
            raw = self._part(answer, LARGEST_ANSWER)
        return _read(raw) if raw else None

    def upload(self, path: str, body: bytes | BinaryIO, media: str, **query: str) -> Any:
        """Send a whole file.  Returns the JSON of the response; raises the same errors as `ask`."""
        with self._answer("POST", path, body, media, LONG_SECONDS, "", query) as answer:
            return _read(self._part(answer, LARGEST_ANSWER))

    def download(self, path: str, out: BinaryIO, **query: str) -> int:
        """Download `path` to `out`, piece by piece.  Returns the number of bytes.

        Raises:
            Unavailable: as in `ask`, or the connection closed early.
        """
        size = 0
        with self._answer("GET", path, None, "", LONG_SECONDS, "", query) as answer:
            while piece := self._part(answer, PIECE):
                size += out.write(piece)
            if answer.length:
                raise Unavailable(f"{self.root} closed the connection early. Try again.")
        return size

    def _part(self, answer: HTTPResponse, size: int) -> bytes:
        try:
            return answer.read(size)
        except (OSError, ValueError, HTTPException):
            raise Unavailable(f"{self.root} closed the connection early. Try again.") from None

    @contextmanager
    def _answer(
        self, method: str, path: str, data: str | bytes | BinaryIO | None, media: str, seconds: int, key: str,
        query: Mapping[str, str],
    ) -> Iterator[HTTPResponse]:  # fmt: skip
        """An open response with a status of 2xx.  Raises the same errors as `ask`."""
        search = f"?{urlencode(query)}" if query else ""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = media
        if isinstance(data, BufferedReader):
            headers["Content-Length"] = str(os.fstat(data.fileno()).st_size)
        if key:
            headers["Idempotency-Key"] = key
        parts = urlsplit(self.root)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        with closing(kind(parts.hostname or "", parts.port, timeout=seconds)) as connection:
            try:
                with suppress(
                    BrokenPipeError, ConnectionResetError
                ):  # the server responded before it had read the whole body
                    connection.request(method, f"{parts.path}/api/v1{quote(path)}{search}", data, headers)
                answer = connection.getresponse()
            except (OSError, ValueError, HTTPException) as error:
                raise Unavailable(f"Can't reach {self.root}: {error}.") from None
            if not 200 <= answer.status < 300:  # following a redirect could send the token to another host
                raise _failed(answer.status, _read(self._part(answer, LARGEST_ANSWER)))
            yield answer


def remote(url: str) -> Remote:
    """The installation at `url` or CANDOR_REMOTE_URL, with the token from CANDOR_REMOTE_TOKEN or its _FILE.

    Raises:
        Invalid: one of the two is missing or can't be read.
    """
    root = (url or os.environ.get(URL, "")).rstrip("/")
    if not root.startswith(("https://", "http://")):
        raise Invalid(f"Enter the other installation's address: --url https://status.example.com, or {URL}.")
    token = os.environ.get(TOKEN, "")
    if file := os.environ.get(f"{TOKEN}_FILE"):
        try:
            token = Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Invalid(f"The file in {TOKEN}_FILE can't be read.") from None
    if not token or not token.isascii() or not token.isprintable():
        raise Invalid(f"Set {TOKEN} to an API token of that installation, or {TOKEN}_FILE to a file that contains one.")
    return Remote(root, token)


def _failed(status: int, told: Any) -> CandorError:
    sentence = told.get("detail") if isinstance(told, dict) else None
    words = str(sentence or f"The other installation responded with {status}.")
    words = words.replace(NeedsConfirmation.BY_FIELD, NeedsConfirmation.BY_OPTION)
    if status == 429 or status >= 500 or status < 400:
        return Unavailable(words)
    kinds: dict[int, type[CandorError]] = {401: Forbidden, 403: Forbidden, 404: NotFound, 409: Conflict}
    return kinds.get(status, Invalid)(words)


def _read(raw: bytes) -> Any:
    """The parsed JSON without terminal control characters, or None if it isn't JSON."""
    try:
        return _plain(json.loads(raw))
    except (ValueError, RecursionError):
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value, multiline=True)
    if isinstance(value, dict):
        return {clean(name): _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
