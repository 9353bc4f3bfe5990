"""The worker: sweeps in one thread, a pool of senders for each channel, until it is stopped."""

import logging
import signal
import threading
import time
from collections.abc import Sequence

from flask import Flask

from app.actions.inbound import reading
from app.channels.registry import channel
from app.channels.registry import names as channel_names
from app.db import release
from app.deliver import chat_edits, texts
from app.deliver.sender_pool import SenderPool
from app.deliver.wake_up import POLL_SECONDS, WakeUp
from app.errors import CandorError
from app.settings import Settings
from app.worker import bounce_mailbox, lmtp, publish_hook, restore_detection
from app.worker.sweeps import SWEEPS, plan_due, run_sweep

logger = logging.getLogger(__name__)
FAULT_SECONDS = 1.0
ASK_SECONDS = 20.0
READ_SECONDS = 0.5
STACK_BYTES = 512 * 1024


def run(flask_app: Flask, settings: Settings, *, once: bool = False, only: Sequence[str] = ()) -> None:
    """Work until SIGTERM or SIGINT; with `once`, until nothing more is due now.  `only` these channels are sent on."""
    channels = only or channel_names()
    stop, wake_up = threading.Event(), WakeUp()
    if once:
        with flask_app.app_context():
            restore_detection.wait_until_decided(settings, stop, once=True)
            if settings.bounce_mailbox:
                bounce_mailbox.run_once(bounce_mailbox.BounceMailbox(settings))
            drain(settings, channels)
        publish_hook.PublishHook(settings).work()
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with flask_app.app_context():
        if restore_detection.wait_until_decided(settings, stop):
            _work(flask_app, settings, channels, stop, wake_up)


def _work(
    flask_app: Flask, settings: Settings, channels: Sequence[str], stop: threading.Event, wake_up: WakeUp
) -> None:
    """Start all threads, sweep in this one, and end them in order."""
    threading.stack_size(STACK_BYTES)
    threads = [
        threading.Thread(target=_send_forever, args=(flask_app, settings, name, stop, wake_up), name=str(name))
        for name in channels
    ]
    threads.append(threading.Thread(target=publish_hook.run_forever, args=(settings, stop), name="publish-hook"))
    threads.append(threading.Thread(target=_ask_forever, args=(flask_app, settings, stop), name="texts", daemon=True))
    threads.append(threading.Thread(target=_listen, args=(flask_app, stop, wake_up), name="wake-up", daemon=True))
    around = (flask_app, settings, stop)
    threads.append(threading.Thread(target=bounce_mailbox.run_forever, args=around, name="mailbox", daemon=True))
    threads.append(threading.Thread(target=_read_forever, args=around, name="inbound", daemon=True))
    threading.Thread(
        target=restore_detection.beat_forever, args=(flask_app, settings, stop), name="beat", daemon=True
    ).start()
    for sweep, _ in SWEEPS:
        run_sweep(sweep, settings)
    for thread in threads:
        thread.start()
    taking = lmtp.serve(flask_app, settings)
    _sweep_forever(settings, stop, wake_up)
    wake_up.notify()
    if taking is not None:
        taking.close()
    for thread in threads:
        if not thread.daemon:
            thread.join()


def drain(settings: Settings, channels: Sequence[str] = ()) -> None:
    """Do everything that is due now, in this thread; for tests, the command line and a first look."""
    run_sweep(reading.read_waiting, settings)
    for sweep, _ in SWEEPS:
        run_sweep(sweep, settings)
    for name in channels or channel_names():
        pool = SenderPool(settings, name, channel(name).size)
        try:
            while pool.work():
                pass
        finally:
            pool.leave()
    run_sweep(SWEEPS[1][0], settings)


def _ask_forever(flask_app: Flask, settings: Settings, stop: threading.Event) -> None:
    """Ask about texts in doubt, and have corrected messages edited, in a thread of its own: a provider that is slow to
    answer keeps no one else waiting.
    """
    with flask_app.app_context():
        while not stop.wait(ASK_SECONDS):
            run_sweep(texts.reconcile, settings)
            run_sweep(chat_edits.edit_corrected, settings)


def _read_forever(flask_app: Flask, settings: Settings, stop: threading.Event) -> None:
    """Read what outside systems sent, in a thread of its own: a flood of bounces keeps no update waiting."""
    with flask_app.app_context():
        while not stop.wait(READ_SECONDS):
            run_sweep(reading.read_waiting, settings)


def _listen(flask_app: Flask, stop: threading.Event, wake_up: WakeUp) -> None:
    with flask_app.app_context():
        wake_up.listen(stop.is_set)


def _sweep_forever(settings: Settings, stop: threading.Event, wake_up: WakeUp) -> None:
    due = dict.fromkeys(range(len(SWEEPS)), 0.0)
    seen = 0
    while not stop.is_set():
        heard = wake_up.wait(POLL_SECONDS / 2, seen)  # not longer: stopping doesn't notify
        for index, (sweep, every) in enumerate(SWEEPS):
            if time.monotonic() >= due[index] or (sweep is plan_due and heard != seen):
                run_sweep(sweep, settings)
                due[index] = time.monotonic() + every
        seen = heard


def _send_forever(flask_app: Flask, settings: Settings, name: str, stop: threading.Event, wake_up: WakeUp) -> None:
    with flask_app.app_context():
        pool = SenderPool(settings, name, channel(name).size, stop.is_set)
        seen = 0
        while not stop.is_set():
            heard = wake_up.wait(_one_round(pool), seen)
            if heard != seen:
                pool.look()
            seen = heard
        try:
            pool.leave()
        except CandorError as error:
            logger.warning("%s left unsettled what its journal holds: %s", name, error.sentence)
        finally:
            release()


def _one_round(pool: SenderPool) -> float:
    """Work once; how many seconds to wait before the next round."""
    try:
        return pool.round()
    except CandorError as error:
        logger.warning("%s waits: %s", pool.name, error.sentence)
    except Exception:
        logger.exception("%s waits", pool.name)
    finally:
        release()
    return FAULT_SECONDS
