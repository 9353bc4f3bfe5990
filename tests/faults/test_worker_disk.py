"""The disk under a worker is full for a while: its journal can not be written, with SQLite its ledger neither."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from flask import Flask

from app.db import db
from app.settings import Settings
from tests.faults.altered import altered_worker
from tests.faults.test_restore import wait_for
from tests.faults.test_staying_up import full, small_disk
from tests.faults.test_worker_frozen import CONNECTIONS, PAUSE, all_sent, begin, mail
from tests.processes import running
from tests.smtp_sink import smtp_sink

pytestmark = [pytest.mark.database, pytest.mark.faults]
RECIPIENTS = 400
MEGABYTES = 12
FULL_SECONDS = 1.5


@contextmanager
def kept_full(folder: Path) -> Iterator[None]:
    """Take the room that is left, and also what is given free meanwhile."""
    stop = threading.Event()

    def take() -> None:
        with (folder / "filler.more").open("wb", buffering=0) as more:
            while not stop.wait(0.001):
                with suppress(OSError):
                    more.write(b"x")

    taker = threading.Thread(target=take)
    with full(folder):
        taker.start()
        try:
            yield
        finally:
            stop.set()
            taker.join()
            (folder / "filler.more").unlink()


def test_a_disk_that_is_full_for_a_while_loses_and_repeats_nothing(
    app: Flask, settings: Settings, page_id: int
) -> None:
    """The worker lives through it once; the second time it is told to leave, and another begins when there is room."""
    begin(settings, page_id, RECIPIENTS)
    db.engine.dispose()
    with small_disk(settings.home, MEGABYTES), smtp_sink(pause=PAUSE) as sink:
        with altered_worker(settings, **mail(sink)) as worker:
            sink.wait_for(50)
            with kept_full(settings.home):
                threading.Event().wait(FULL_SECONDS)  # for so long it is full
                print(f"{len(sink.recipients)} sent after {FULL_SECONDS:.0f} s without room")
                assert worker.poll() is None
            sink.wait_for(RECIPIENTS // 2)
            threading.Event().wait(0.5)  # for so long anything could come again
            assert max(Counter(sink.recipients).values()) == 1, "who lives through it repeats nothing"
            with kept_full(settings.home):
                threading.Event().wait(0.5)  # for so long it can tell nobody
                worker.send_signal(signal.SIGTERM)
                worker.wait(10)
        with running(settings, "worker", extra=mail(sink)):
            wait_for(all_sent, 20)
        heard = Counter(sink.recipients)
        db.engine.dispose()
    print(f"lost {RECIPIENTS - len(heard)}, repeated {sum(heard.values()) - RECIPIENTS}")
    assert len(heard) == RECIPIENTS
    assert sum(heard.values()) - RECIPIENTS <= CONNECTIONS
