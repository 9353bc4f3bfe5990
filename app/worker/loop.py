"""The worker: sweeps in one thread, one thread per sender, until it is told to stop."""

import logging
import signal
import threading
import time
from collections.abc import Callable

from flask import Flask

from app.db import release
from app.deliver.send import Lane
from app.errors import CandorError
from app.settings import Settings
from app.vocabulary import ChannelName
from app.worker import publish_hook
from app.worker.sweeps import SWEEPS, run_sweep

logger = logging.getLogger(__name__)
IDLE_SECONDS = 0.5
FAULT_SECONDS = 5.0
LANES_PER_CHANNEL = {ChannelName.SMS: 1, ChannelName.CHAT: 1, ChannelName.WEBHOOK: 2}


def run(flask_app: Flask, settings: Settings, *, once: bool = False) -> None:
    """Work until SIGTERM or SIGINT; with `once`, until nothing more is due now."""
    if once:
        with flask_app.app_context():
            drain(settings)
        publish_hook.PublishHook(settings).work()
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = [
        threading.Thread(target=_send_forever, args=(flask_app, settings, name, stop), name=f"{name}-{index}")
        for name in ChannelName
        for index in range(LANES_PER_CHANNEL.get(name, settings.send_connections))
    ]
    threads.append(threading.Thread(target=publish_hook.run_forever, args=(settings, stop), name="publish-hook"))
    with flask_app.app_context():
        for sweep, _ in SWEEPS:
            run_sweep(sweep, settings)
    for thread in threads:
        thread.start()
    with flask_app.app_context():
        _sweep_forever(settings, stop)
    for thread in threads:
        thread.join()


def drain(settings: Settings) -> None:
    """Do everything that is due now, in this thread; for tests, the command line and a first look."""
    for sweep, _ in SWEEPS:
        run_sweep(sweep, settings)
    for name in ChannelName:
        lane = Lane(settings, name)
        try:
            while lane.work():
                pass
        finally:
            lane.close()
    run_sweep(SWEEPS[1][0], settings)


def _sweep_forever(settings: Settings, stop: threading.Event) -> None:
    due = dict.fromkeys(range(len(SWEEPS)), 0.0)
    while not stop.wait(IDLE_SECONDS):
        for index, (sweep, every) in enumerate(SWEEPS):
            if time.monotonic() >= due[index]:
                run_sweep(sweep, settings)
                due[index] = time.monotonic() + every


def _send_forever(flask_app: Flask, settings: Settings, name: ChannelName, stop: threading.Event) -> None:
    with flask_app.app_context():
        lane = Lane(settings, name, stop.is_set)
        while not stop.is_set():
            wait = _one_round(lane.work, name)
            if wait:
                stop.wait(wait)
        lane.close()


def _one_round(work: Callable[[], int], name: ChannelName) -> float:
    """Work once; how many seconds to wait before the next round."""
    try:
        return 0.0 if work() else IDLE_SECONDS
    except CandorError as error:
        logger.warning("%s waits: %s", name, error.sentence)
    except Exception:
        logger.exception("%s waits", name)
    finally:
        release()
    return FAULT_SECONDS
