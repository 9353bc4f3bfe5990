"""Makes the links of a page lead to files, so that the page works in any folder, on any server, or from disk."""

import html
import posixpath
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

from app.publish.addresses import base_path

ALIASES = {"": "index.html", "favicon.ico": "favicon.svg"}
"""Addresses that are not named after their file, without the first slash."""

SERVED_ANYWHERE = "404.html"
"""A server answers with this file at any depth, so no relative link can be right in it."""

_REST = r"""(?:[^"'>]|"[^"]*"|'[^']*')*+>"""
_TOKEN = re.compile(
    rf"<!--.*?-->|(?P<opening><(?P<name>script|style|textarea|title)\b{_REST})(?P<content>.*?)(?=</(?P=name))"
    rf"|(?P<tag><[a-z]{_REST})",
    re.DOTALL | re.IGNORECASE,
)
"""What can hold an attribute.  Comments, and what is no markup for a browser, are passed over whole."""

_ATTRIBUTE = re.compile(
    r"""(?P<before>\s(?:href|src|action)\s*=\s*)(?P<quote>["'])(?P<value>.*?)(?P=quote)|"[^"]*"|'[^']*'""",
    re.DOTALL | re.IGNORECASE,
)
"""An attribute that leads somewhere, or any other quoted value, so that nothing inside of one is taken for one."""


@dataclass(frozen=True, slots=True)
class Relinker:
    """Knows the files of a copy, and the address of the page that it is a copy of."""

    files: Collection[str]
    page_url: str

    def relinked(self, path: str, page: str) -> str:
        """`page`, which stands at `path`: links to files of the copy become relative, the others that begin with a
        slash lead to the page itself.  Every other character stays as it is.
        """

        def token(match: re.Match[str]) -> str:
            markup = match["opening"] or match["tag"]
            if markup is None:
                return match[0]
            return _ATTRIBUTE.sub(attribute, markup) + (match["content"] or "")

        def attribute(match: re.Match[str]) -> str:
            if match["value"] is None:
                return match[0]
            link = html.unescape(match["value"])
            led = self._led(path, link)
            mark = match["quote"]
            return match[0] if led == link else f"{match['before']}{mark}{html.escape(led)}{mark}"

        return _TOKEN.sub(token, page)

    def _led(self, path: str, link: str) -> str:
        if not link.startswith("/") or link.startswith("//"):
            return link
        address = re.split(r"[?#]", link, maxsplit=1)[0]
        base = base_path(self.page_url)
        is_below = f"{address}/".startswith(f"{base}/")
        file = self._file(address[len(base) :]) if is_below else None
        if file is None or posixpath.basename(path) == SERVED_ANYWHERE:
            return self.page_url.rstrip("/").removesuffix(base) + link
        return quote(posixpath.relpath(file, posixpath.dirname(path) or ".")) + link[len(address) :]

    def _file(self, address: str) -> str | None:
        name = address.strip("/")
        candidates = (name, f"{name}.html", f"{name}/index.html", ALIASES.get(name, ""))
        return next((candidate for candidate in candidates if candidate in self.files), None)
