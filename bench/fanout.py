"""Messages a second through the ledger into Postfix's smtp-sink, beside Postfix's smtp-source into the same sink.

`python -m bench.fanout [COUNT] [ROUNDS]`.  Each round measures one after the other; medians are compared.  Then the
same with the sink 20 ms away, there and back, with fewer messages.

smtp-source as it comes has as many connections open at once as we have, each for one message.  Beside it stands the
same told to keep its connections (-d), as we do; neither has a ledger, words a letter or looks at an answer twice.
"""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from sqlalchemy import insert, select

from app.actions.posts.publishing import open_post
from app.clock import now
from app.db import db, session, transaction
from app.models.delivery import Dispatch
from app.models.subscriber import Subscriber
from app.shapes import COMMAND_LINE, PostDraft
from app.text import public_id
from app.vocabulary import DispatchState, PostKind, PostStatus
from bench.house import installation, report
from bench.sinks import away, smtp_sink
from tests.processes import running

CONNECTIONS = 4
MESSAGE_BYTES = 4096
BODY = "We see slow answers from the API and are looking into it. " * 12
ONE_WAY_SECONDS = 0.01
FAR_SHARE = 20
START_SECONDS = 2
KEEPING = "smtp-source, connections kept"


def baseline(port: int, count: int, *words: str, connections: int = CONNECTIONS) -> float:
    """Messages a second of smtp-source with as many connections; `words` are more options."""
    command = ["smtp-source", "-s", str(connections), "-m", str(count), "-l", str(MESSAGE_BYTES), *words]
    begun = time.monotonic()
    subprocess.run([*command, "-f", "a@example.com", "-t", "b@example.com", f"127.0.0.1:{port}"], check=True)
    return count / (time.monotonic() - begun)


def candor(port: int, count: int) -> float:
    """Messages a second of `candor worker`, from the publish to the last settled row."""
    with installation(SMTP_URL=f"smtp://127.0.0.1:{port}", SEND_CONNECTIONS=str(CONNECTIONS)) as (_, settings, page_id):
        subscribe(page_id, "email", [f"s{index}@example.com" for index in range(count)])
        mail = {"SMTP_URL": settings.smtp_url, "SEND_CONNECTIONS": str(CONNECTIONS)}
        with running(settings, "worker", extra=mail):
            time.sleep(START_SECONDS)  # its start isn't what is measured
            draft = PostDraft(PostKind.INCIDENT, "Slow answers", PostStatus.INVESTIGATING, BODY, "bench-0001")
            begun = time.monotonic()
            open_post(settings, COMMAND_LINE, page_id, draft)
            wait_until_told()
            return count / (time.monotonic() - begun)


def wait_until_told() -> None:
    """Wait until every dispatch is done."""
    while set(session().scalars(select(Dispatch.state))) != {DispatchState.DONE}:
        db.session.remove()
        time.sleep(0.02)
    db.session.remove()


def subscribe(page_id: int, channel: str, addresses: list[str], first: int = 0) -> None:
    """Subscribers who confirmed, numbered from `first`."""
    rows = [
        {
            "page_id": page_id, "channel": channel, "address": address, "address_hash": f"{channel}{index:059}",
            "state": "active", "public_id": public_id(), "created_at": now(), "secret": "whsec_" + "a" * 32,
        }
        for index, address in enumerate(addresses, first)
    ]  # fmt: skip
    with transaction() as writing:
        writing.execute(insert(Subscriber), rows)


def measure(title: str, port: int, count: int, rounds: int) -> None:
    """Measure each in turn and print the medians, and what a message cost in CPU."""
    ways: dict[str, Callable[[], float]] = {
        "candor": lambda: candor(port, count),
        "smtp-source": lambda: baseline(port, count),
        KEEPING: lambda: baseline(port, count, "-d"),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    spent = dict.fromkeys(ways, 0.0)
    for _ in range(rounds):
        for name, way in ways.items():
            before = _children_seconds()
            rates[name].append(way())
            spent[name] += _children_seconds() - before
    figures = {name: (statistics.median(values), "messages/s") for name, values in rates.items()}
    for name, seconds in spent.items():
        its = "CPU of the worker with its start" if name == "candor" else "CPU"
        figures[f"{name}, {its}"] = (seconds / rounds / count * 1e6, "µs a message")
    report(
        f"{title}, {count:,} mails over {CONNECTIONS} connections, {rounds} rounds", figures, ("candor", "smtp-source")
    )
    print(f"  ratio candor / {KEEPING}: {figures['candor'][0] / figures[KEEPING][0]:.2f}")


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(count: int = 20_000, rounds: int = 3) -> None:
    with smtp_sink() as sink:
        measure("Fan-out (target 0.8)", sink.port, count, rounds)
        with away(sink.port, ONE_WAY_SECONDS) as far:
            measure("Fan-out into a sink 20 ms away (target 2)", far, max(100, count // FAR_SHARE), rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
