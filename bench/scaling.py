"""One, two and four worker machines on one PostgreSQL, and which of them uses how much of this machine's cores.

`python -m bench.scaling [COUNT]`.  An update goes to so many mailboxes by three mail servers: Postfix's smtp-sink, one
that is simulated and costs nothing, and smtp-sink 20 ms away.  The baselines are one worker, and smtp-source into
the same sink.  What is used up first is the limit: the cores, or the time that connections wait.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select, update

from app.actions.posts.publishing import open_post
from app.clock import now
from app.db import db, session, transaction
from app.models.delivery import Delivery
from app.models.machine import Machine
from app.models.page import Page
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import COMMAND_LINE, PostDraft
from app.text import public_id
from app.vocabulary import Language, PostKind, PostStatus
from bench.fanout import BODY, CONNECTIONS, ONE_WAY_SECONDS, baseline, subscribe, wait_until_told
from bench.house import beside, cpu_seconds, installation
from bench.million import taken_seconds
from bench.sinks import away, smtp_sink
from tests.postgres import server

MACHINES = (1, 2, 4)
FAR_CONNECTIONS = 16
FAR_SHARE = 5
Cores = dict[str, float]


@dataclass(frozen=True)
class MailServer:
    """Where the mails go.  `port` is 0 for the simulated one; `source` is what smtp-source sends there a second."""

    title: str
    port: int
    connections: int
    source: float = 0.0

    @property
    def environ(self) -> dict[str, str]:
        return {"SMTP_URL": f"smtp://127.0.0.1:{self.port or 25}", "SEND_CONNECTIONS": str(self.connections)}


@dataclass(frozen=True)
class Site:
    """The installation that sends: its page, and the processes whose CPU is looked at."""

    settings: Settings
    page_id: int
    watched: dict[str, int]


@contextmanager
def workers(site: Site, to: MailServer, count: int) -> Iterator[dict[str, int]]:
    """So many worker machines at work; the ids of their processes."""
    begun = now()
    with ExitStack() as stack:
        running = {}
        for number in range(count):
            machine = site.settings.with_changes(home=site.settings.home.with_name(f"machine-{number}"))
            machine.home.mkdir(exist_ok=True)
            environ = {**to.environ, "DATABASE_URL": site.settings.database_url}
            module = "app.cli" if to.port else "bench.simulated"
            process = stack.enter_context(beside(machine, "worker", extra=environ, module=module))
            running[f"worker {number}"] = process.pid
        at_work = select(func.count()).select_from(Machine).where(Machine.seen_at > begun - timedelta(seconds=1))
        while (session().scalar(at_work) or 0) < count:
            db.session.remove()
            time.sleep(0.1)
        db.session.remove()
        yield running


def used(watched: dict[str, int]) -> Cores:
    """CPU seconds so far, by role.  The rest is this program, which also is the line to the server that is far away."""
    found: Cores = {"workers": 0.0, "the rest": time.process_time()}
    for name, process_id in watched.items():
        role = "workers" if name.startswith("worker") else name
        found[role] = found.get(role, 0.0) + cpu_seconds(process_id)
    return found


def tell(site: Site, to: MailServer, machines: int) -> tuple[float, Cores]:
    """Publish once: seconds until all is settled, and the CPU seconds that each role used meanwhile."""
    with workers(site, to, machines) as running:
        watched = {**site.watched, **running}
        draft = PostDraft(PostKind.INCIDENT, "Slow answers", PostStatus.INVESTIGATING, BODY, public_id())
        before = used(watched)
        open_post(site.settings, COMMAND_LINE, site.page_id, draft)
        db.session.remove()
        wait_until_told()
        after = used(watched)
        return taken_seconds(), {role: after[role] - before[role] for role in after}


def measure(site: Site, to: MailServer, count: int) -> None:
    """Print a line for each number of machines."""
    said = f"; smtp-source sends {to.source:,.0f} a second" if to.source else ""
    print(f"\n{to.title}: {count:,} mails, {to.connections} connections a worker{said}")
    one = 0.0
    for machines in MACHINES:
        seconds, spent = tell(site, to, machines)
        rate = count / seconds
        one = one or rate
        shares = ", ".join(f"{role} {cpu / seconds:.2f} ({cpu / count * 1e6:.0f} µs)" for role, cpu in spent.items())
        source = f", ratio to smtp-source {rate / to.source:.2f}" if to.source else ""
        print(f"  {machines} workers: {rate:7,.0f} messages/s, ratio to one {rate / one:.2f}{source}")
        print(f"     cores used, and CPU a message: {shares}; in all {sum(spent.values()) / seconds:.2f}", flush=True)


def main(count: int = 40_000) -> None:
    print(f"Worker machines on one PostgreSQL, {os.cpu_count()} cores for all of it")
    with server(is_durable=True) as postgres, smtp_sink() as sink, away(sink.port, ONE_WAY_SECONDS) as far:
        near = MailServer("smtp-sink", sink.port, CONNECTIONS, baseline(sink.port, count, "-d"))
        distant = MailServer(
            "smtp-sink 20 ms away", far, FAR_CONNECTIONS, baseline(far, 1_000, "-d", connections=FAR_CONNECTIONS)
        )
        with installation(DATABASE_URL=postgres.url) as (_, settings, page_id):
            watched = {"PostgreSQL": postgres.process_id, "smtp-sink": sink.process_id}
            with transaction() as writing:  # each machine renders the page, which isn't what is measured
                writing.execute(update(Page).values(languages=Language.ENGLISH))
            site = Site(settings, page_id, watched)
            for to in (near, MailServer("simulated", 0, CONNECTIONS), distant):
                with transaction() as writing:
                    writing.execute(delete(Delivery))
                    writing.execute(delete(Subscriber))
                many = count // FAR_SHARE if to is distant else count
                subscribe(page_id, "email", [f"s{index}@example{index % 50}.com" for index in range(many)])
                measure(site, to, many)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
