"""What a recipient costs in plan and ledger when there are 10,000, 100,000 and 1,000,000 of them; sending is simulated.

`python -m bench.million [sqlite|postgresql] [COUNT ...]`.  Timed from the first planned row to the end of the dispatch,
so that no start and no hold is in it.  The baseline is the smallest count of the same run: a ratio of 1 is linear.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import func, select

from app.actions.posts.publishing import open_post
from app.db import db, session
from app.models.delivery import Delivery, Dispatch
from app.settings import Settings
from app.shapes import COMMAND_LINE, PostDraft
from app.vocabulary import DeliveryState, PostKind, PostStatus
from bench.fanout import BODY, subscribe, wait_until_told
from bench.house import beside, cpu_seconds, installation, most_memory
from tests.postgres import server

COUNTS = (10_000, 100_000, 1_000_000)
AT_ONCE = 50_000


@contextmanager
def database(kind: str) -> Iterator[dict[str, str]]:
    """The environment that names it."""
    with server(is_durable=True) if kind == "postgresql" else nullcontext() as running:
        yield {"DATABASE_URL": running.url} if running else {}


def taken_seconds() -> float:
    """How long the newest dispatch took, from the first row that was planned to its end."""
    newest = select(Dispatch.id, Dispatch.finished_at).order_by(Dispatch.id.desc()).limit(1)
    dispatch_id, ended = session().execute(newest).one()
    mine = Delivery.dispatch_id == dispatch_id
    assert set(session().scalars(select(Delivery.state).where(mine).distinct())) == {DeliveryState.SENT}
    begun = session().scalars(select(func.min(Delivery.due_at)).where(mine)).one()
    db.session.remove()
    assert begun is not None and ended is not None
    return (ended - begun).total_seconds()


def tell(settings: Settings, page_id: int, count: int, environ: dict[str, str]) -> tuple[float, float, float]:
    """Tell so many: seconds, the worker's CPU seconds, and its memory in MB."""
    for first in range(0, count, AT_ONCE):
        many = range(first, min(first + AT_ONCE, count))
        subscribe(page_id, "email", [f"s{index}@example{index % 50}.com" for index in many], first)
    draft = PostDraft(PostKind.INCIDENT, "Slow answers", PostStatus.INVESTIGATING, BODY, "bench-0001")
    with beside(settings, module="bench.simulated", extra=environ) as worker:
        open_post(settings, COMMAND_LINE, page_id, draft)
        db.session.remove()
        wait_until_told()
        return taken_seconds(), cpu_seconds(worker.pid), most_memory(worker.pid)


def main(kind: str, counts: tuple[int, ...]) -> None:
    print(f"\nPlan and ledger on {kind}, sending simulated; per recipient")
    first = 0.0
    for count in counts:
        with database(kind) as where:
            environ = {"SMTP_URL": "smtp://127.0.0.1:25", **where}
            with installation(**environ) as (_, settings, page_id):
                seconds, cpu, memory = tell(settings, page_id, count, environ)
        each = seconds / count * 1e6
        first = first or each
        print(
            f"  {count:>9,}: {each:6.1f} µs, {cpu / count * 1e6:6.1f} µs of the worker's CPU with its start, "
            f"{seconds:6.1f} s, worker at most {memory:.0f} MB, ratio to the first {each / first:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    kind, *counts = sys.argv[1:] or ["sqlite"]
    main(kind, tuple(map(int, counts)) or COUNTS)
