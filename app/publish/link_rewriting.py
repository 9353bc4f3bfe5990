"""Link rewriting: points a page's links to files, so that it works in any folder, on any server, or from disk."""

import posixpath
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import quote

from app.publish.addresses import base_path

ALIASES = {"": "index.html", "favicon.ico": "favicon.svg"}
"""Addresses that aren't named after their file, without the first slash."""

SERVED_ANYWHERE = "404.html"
"""A server answers with this file at any depth, so no relative link can be right in it."""

LEADING = frozenset({"href", "src", "action"})
"""Attributes that lead somewhere."""

PLAIN = frozenset({"textarea", "title"})
"""Elements whose content is text for browsers, whatever it looks like; the parser knows scripts and styles alone."""


@dataclass(frozen=True, slots=True)
class Relinker:
    """Knows the files of a copy, and the address of the page that it is a copy of."""

    files: Collection[str]
    page_url: str

    def relinked(self, path: str, page: str) -> str:
        """`page`, which is at `path`: links to files of the copy become relative, the others that begin with a
        slash lead to the page itself.  What is outside of a tag with such a link stays as it is to the letter.
        """
        rewriter = _Rewriter(page, lambda link: self._led(path, link))
        return rewriter.rewritten()

    def _led(self, path: str, link: str) -> str:
        if not link.startswith("/") or link.startswith("//"):
            return link
        address = link.partition("#")[0].partition("?")[0]
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


class _Rewriter(HTMLParser):
    """Copies a page, with each tag rewritten that has a link which leads elsewhere now."""

    def __init__(self, page: str, lead: Callable[[str], str]) -> None:
        super().__init__(convert_charrefs=False)
        self._page = page
        self._lead = lead
        self._lines = [0, *(at + 1 for at, character in enumerate(page) if character == "\n")]
        self._copied_to = 0
        self._parts: list[str] = []
        self._inside_plain = ""

    def rewritten(self) -> str:
        """The copy."""
        self.feed(self._page)
        self.close()
        return "".join([*self._parts, self._page[self._copied_to :]])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._inside_plain:
            return
        if tag in PLAIN:
            self._inside_plain = tag
        led = [(name, self._lead(value) if name in LEADING and value is not None else value) for name, value in attrs]
        if led == attrs:
            return
        written = self.get_starttag_text() or ""
        line, column = self.getpos()
        begins = self._lines[line - 1] + column
        self._parts += [self._page[self._copied_to : begins], _tag(tag, led, is_closed=written.endswith("/>"))]
        self._copied_to = begins + len(written)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside_plain:
            self._inside_plain = ""


def _tag(name: str, attributes: Sequence[tuple[str, str | None]], *, is_closed: bool) -> str:
    written = [name]
    for key, value in attributes:
        if value is None:
            written.append(key)
        else:
            quoted = value.replace("&", "&amp;").replace('"', "&quot;")
            written.append(f'{key}="{quoted}"')
    return f"<{' '.join(written)}{' /' if is_closed else ''}>"
