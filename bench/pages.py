"""What more pages cost: a publish on one of fifty beside one on the only page, by turns, and memory for an unread page.

The first page holds the sample data in both installations; the others of the larger one are new.
"""

import statistics
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from flask import Flask
from werkzeug.test import Client

from app.actions.pages.pages import create_page
from app.actions.pages.sample import load as load_sample
from app.actions.posts.publishing import open_post, publish_update
from app.publish.serve import SnapshotServer
from app.settings import Settings
from app.shapes import COMMAND_LINE, PostDraft, UpdateDraft
from app.vocabulary import PostKind, PostStatus
from bench.house import installation, report

PAGES = 50


class Desk:
    """Publishes on the first page of an installation, one update after the other."""

    def __init__(self, app: Flask, settings: Settings, page_id: int) -> None:
        self._app, self._settings, self._page_id = app, settings, page_id
        self._reader = Client(SnapshotServer(settings.public_root, _nothing, home=settings.base_url))
        with app.app_context():
            draft = PostDraft(PostKind.INCIDENT, "Slow answers", PostStatus.INVESTIGATING, "Looking.", "bench-0001")
            self._post = open_post(settings, COMMAND_LINE, page_id, draft).post_id

    def publish(self, number: int) -> float:
        """Seconds from the call until a GET shows the words."""
        words = f"Marker {number:05}"
        update = UpdateDraft(PostStatus.IDENTIFIED, words, f"bench-u-{number:05}", version=number + 1)
        with self._app.app_context():
            begun = time.perf_counter()
            publish_update(self._settings, COMMAND_LINE, self._page_id, self._post, update)
            shown = self._reader.get("/").get_data(as_text=True)
            taken = time.perf_counter() - begun
        if words not in shown:
            raise SystemExit("what was published is not what is shown")
        return taken


@contextmanager
def site(pages: int) -> Iterator[tuple[Flask, Settings, int]]:
    """An installation with so many pages: the first with sample data, each other with a host of its own."""
    with installation() as (app, settings, page_id):
        load_sample(settings, COMMAND_LINE, page_id)
        for number in range(1, pages):
            url = f"https://status{number}.example.com"
            create_page(settings, COMMAND_LINE, name=f"Page {number}", url=url)
        yield app, settings, page_id


def held(settings: Settings, hosts: int) -> int:
    """Bytes that a server holds after the first page and so many others were read."""
    tracemalloc.start()
    reader = Client(SnapshotServer(settings.public_root, _nothing, home=settings.base_url))
    for url in [settings.base_url, *(f"https://status{number}.example.com" for number in range(1, hosts + 1))]:
        if reader.get("/", base_url=url).status_code != 200:
            raise SystemExit(f"{url} does not answer")
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size


def _nothing(_environ: object, start_response: object) -> list[bytes]:
    start_response("404 Not Found", [])  # type: ignore[operator]
    return [b""]


def main(rounds: int = 40, pages: int = PAGES) -> None:
    with ExitStack() as stack:
        few = stack.enter_context(site(1))
        many = stack.enter_context(site(pages))
        alone, among = Desk(*few), Desk(*many)
        taken = [(alone.publish(number), among.publish(number)) for number in range(rounds)]
        one, all_of_them = (statistics.median(times) for times in zip(*taken, strict=True))
        unread = (held(many[1], 0) - held(few[1], 0)) / (pages - 1)
        read = held(many[1], 1) - held(many[1], 0)
    alone_name, among_name = "one page: publish to visible, median", f"{pages} pages: publish to visible, median"
    figures = {
        alone_name: (one * 1000, "ms"),
        among_name: (all_of_them * 1000, "ms (target 110 % of one page's)"),
        "memory of each unread page": (unread / 1000, "KB (target 1,000)"),
        "memory of a page that was read": (read / 1000, "KB"),
    }
    report(f"{pages} pages", figures, (among_name, alone_name))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
