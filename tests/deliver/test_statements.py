"""What PostgreSQL makes of a fan-out's statements before it has counted anybody, as after an import or a restore."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app.actions.posts.publishing import open_post
from app.db import db, session
from app.deliver import alarms, plan
from app.deliver.sender_pool import SenderPool, Size
from app.settings import Settings
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge
from tests.factories import LENA
from tests.faults.test_worker import subscribe_many

pytestmark = pytest.mark.database
SUBSCRIBERS = 2000
Asked = list[tuple[str, Any]]


@contextmanager
def asked() -> Iterator[Asked]:
    """The statements that the database is asked, with their values."""
    found: Asked = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool) -> None:
        if not is_many:
            found.append((statement, values))

    event.listen(db.engine, "after_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db.engine, "after_cursor_execute", note)


def how(statement: str, values: Any) -> str:
    """How the server would go about it."""
    rows = session().connection().exec_driver_sql(f"EXPLAIN {statement}", values)
    return "\n".join(row[0] for row in rows)


def test_no_statement_of_a_fan_out_compares_everybody_with_everybody(
    app: Flask, settings: Settings, page_id: int, edge: Edge
) -> None:
    if settings.database_url.startswith("sqlite"):
        pytest.skip("SQLite goes by its indexes")
    subscribe_many(page_id, SUBSCRIBERS)
    open_post(settings, LENA, page_id, draft())
    with asked() as found:
        plan.plan(plan.due_dispatches(session())[0])
        pool = SenderPool(settings, "email", Size(1, 1))
        while pool.work():
            alarms.look(session())
        pool.leave()
    assert len(edge.sent) == SUBSCRIBERS
    bulk = {statement: values for statement, values in found if re.search(r"(FROM|INTO) delivery\b", statement)}
    plans = {statement: how(statement, values) for statement, values in bulk.items()}
    assert len(plans) > 5
    assert [statement for statement, steps in plans.items() if "Join Filter" in steps or "JIT" in steps] == []
    planned = next(steps for statement, steps in plans.items() if statement.startswith("INSERT INTO delivery"))
    assert planned.count("on suppression") == 1, "why somebody is skipped is looked for once"
