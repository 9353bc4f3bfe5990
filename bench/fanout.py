"""Messages a second through the ledger into Postfix's smtp-sink, beside Postfix's smtp-source into the same sink."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, insert, select

from app.actions.posts import open_post
from app.clock import now
from app.db import db, session, transaction
from app.models.delivery import Delivery
from app.models.subscriber import Subscriber
from app.shapes import COMMAND_LINE, PostDraft
from app.text import public_id
from app.vocabulary import DeliveryState, PostKind, PostStatus
from bench.house import installation, report
from tests.processes import free_port, running, wait_until_up

CONNECTIONS = 4
MESSAGE_BYTES = 4096


@contextmanager
def sink(port: int) -> Iterator[None]:
    """Postfix's smtp-sink on a loopback port."""
    command = ["smtp-sink", "-u", "nobody", "-c", f"127.0.0.1:{port}", "200"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_up(port)
        yield
    finally:
        process.terminate()
        process.wait(10)


def baseline(port: int, count: int) -> float:
    """Messages a second of smtp-source with as many connections."""
    command = ["smtp-source", "-s", str(CONNECTIONS), "-m", str(count), "-l", str(MESSAGE_BYTES), "-d"]
    begun = time.monotonic()
    subprocess.run([*command, "-f", "a@example.com", "-t", "b@example.com", f"127.0.0.1:{port}"], check=True)
    return count / (time.monotonic() - begun)


def candor(port: int, count: int) -> float:
    """Messages a second of `candor worker`, from the publish to the last settled row."""
    with installation(SMTP_URL=f"smtp://127.0.0.1:{port}", SEND_CONNECTIONS=str(CONNECTIONS)) as (_, settings, page_id):
        with transaction() as writing:
            writing.execute(insert(Subscriber), [_subscriber(page_id, index) for index in range(count)])
        mail = {"SMTP_URL": settings.smtp_url, "SEND_CONNECTIONS": str(CONNECTIONS)}
        with running(settings, "worker", extra=mail):
            time.sleep(2)  # its start is not what is measured
            body = "We see slow answers from the API and are looking into it. " * 12
            draft = PostDraft(PostKind.INCIDENT, "Slow answers", PostStatus.INVESTIGATING, body, "bench-0001")
            begun = time.monotonic()
            open_post(settings, COMMAND_LINE, page_id, draft)
            while _sent() < count:
                time.sleep(0.05)
            return count / (time.monotonic() - begun)


def _sent() -> int:
    count = session().scalar(select(func.count()).where(Delivery.state == DeliveryState.SENT)) or 0
    db.session.remove()
    return count


def _subscriber(page_id: int, index: int) -> dict[str, object]:
    return {
        "page_id": page_id,
        "channel": "email",
        "address": f"s{index}@example.com",
        "address_hash": f"{index:064}",
        "state": "active",
        "public_id": public_id(),
        "created_at": now(),
    }


def main(count: int = 10_000) -> None:
    port = free_port()
    with sink(port):
        theirs = baseline(port, count)
        ours = candor(port, count)
        theirs = (theirs + baseline(port, count)) / 2
    figures = {"candor": (ours, "messages/s"), "smtp-source": (theirs, "messages/s")}
    report(f"Fan-out, {count:,} mails over {CONNECTIONS} connections", figures, ("candor", "smtp-source"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
