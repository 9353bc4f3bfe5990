"""Milliseconds from a publish to the bytes a reader gets: with five years of history, and with the sample data.

Their ratio says what history costs.  Beside them stands what the disk alone takes.
"""

import gc
import os
import shutil
import statistics
import sys
import time

from sqlalchemy import text
from werkzeug.test import Client

from app.actions.pages.sample import load as load_sample
from app.actions.posts.publishing import open_post, publish_update
from app.db import transaction
from app.publish.refresh import refresh
from app.publish.serve import SnapshotServer
from app.settings import Settings
from app.shapes import COMMAND_LINE, PostDraft, UpdateDraft
from app.vocabulary import Language, PostKind, PostStatus
from bench.house import installation, report
from bench.years import fill

SUBSCRIBERS = 100_000


def publishes(settings: Settings, page_id: int, rounds: int) -> list[float]:
    """Seconds of each publish, from the call until a GET shows the words."""
    client = Client(SnapshotServer(settings.public_root, _nothing))
    draft = PostDraft(PostKind.INCIDENT, "Slow answers", PostStatus.INVESTIGATING, "Looking.", "bench-0001")
    made = open_post(settings, COMMAND_LINE, page_id, draft)
    taken = []
    for number in range(rounds):
        words = f"Marker {number:05}"
        update = UpdateDraft(PostStatus.IDENTIFIED, words, f"bench-u-{number:05}", version=number + 1)
        begun = time.perf_counter()
        publish_update(settings, COMMAND_LINE, page_id, made.post_id, update)
        shown = client.get("/").get_data(as_text=True)
        taken.append(time.perf_counter() - begun)
        if words not in shown:
            raise SystemExit("what was published is not what is shown")
    return taken


def floor(settings: Settings, rounds: int) -> list[float]:
    """Seconds of one committed row and one synced 30 KB file: what the disk alone costs."""
    taken = []
    for number in range(rounds):
        begun = time.perf_counter()
        with transaction() as session:
            session.execute(text("UPDATE page SET theme = :theme"), {"theme": f"t{number}"})
        with (settings.home / "floor").open("wb") as file:
            file.write(b"x" * 30_000)
            file.flush()
            os.fsync(file.fileno())
        taken.append(time.perf_counter() - begun)
    return taken


def _nothing(_environ: object, start_response: object) -> list[bytes]:
    start_response("404 Not Found", [])  # type: ignore[operator]
    return [b""]


def measured(rounds: int, years: bool) -> tuple[list[float], list[float], float]:
    """Seconds of each publish, of each floor, and of a full rebuild: of the sample data, or of five years."""
    with installation() as (_, settings, page_id):
        if years:
            fill(page_id, subscribers=SUBSCRIBERS)
        else:
            load_sample(settings, COMMAND_LINE, page_id)
        shutil.rmtree(settings.public_root, ignore_errors=True)
        begun = time.perf_counter()
        refresh(settings, page_id)
        rebuilt = time.perf_counter() - begun
        gc.collect()
        gc.freeze()  # as the web server does when it has started
        return publishes(settings, page_id, rounds), floor(settings, rounds), rebuilt


def main(rounds: int = 40) -> None:
    few, _, _ = measured(rounds, years=False)
    many, disk, rebuilt = measured(rounds, years=True)
    figures = {
        "five years: publish to visible, median": (statistics.median(many) * 1000, "ms"),
        "five years: publish to visible, p95": (statistics.quantiles(many, n=20)[-1] * 1000, "ms (target 250)"),
        "five years: full rebuild": (rebuilt, "s (target 60)"),
        "sample data: publish to visible, median": (statistics.median(few) * 1000, "ms"),
        "one commit and one synced file, median": (statistics.median(disk) * 1000, "ms"),
    }
    title = f"Publish to visible, in {len(Language)} languages, {SUBSCRIBERS:,} subscribers"
    report(title, figures, ("five years: publish to visible, median", "sample data: publish to visible, median"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
