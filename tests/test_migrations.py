"""The migrations go up and down with data in every table, and make what the models say."""

from datetime import date
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from sqlalchemy import Enum, Table, func, insert, inspect, select

from app.cli.migrating import downgrade_database, revisions, upgrade_database
from app.clock import now
from app.db import Base, UtcDateTime, db, session, transaction
from app.schema_changes import words_of
from app.settings import Settings

pytestmark = pytest.mark.database


def fill(table: Table) -> None:
    """One row with something in every column."""
    with transaction() as writing:
        writing.execute(insert(table), [{column.name: _value(column) for column in table.columns}])


def _value(column: Any) -> object:
    if column.foreign_keys or column.primary_key:
        return 1
    if isinstance(column.type, UtcDateTime):
        return now()
    if isinstance(column.type, Enum):
        return column.type.enums[0]
    kinds: dict[type, object] = {str: "x", int: 1, float: 1.0, bool: True, date: now().date(), bytes: b"x"}
    return kinds[column.type.python_type]


def rows() -> dict[str, int]:
    session().rollback()
    return {t.name: session().scalar(select(func.count()).select_from(t)) or 0 for t in Base.metadata.sorted_tables}


def test_down_and_up_again_with_a_row_in_every_table(app: Flask, settings: Settings) -> None:
    for table in Base.metadata.sorted_tables:
        fill(table)
    assert set(rows().values()) == {1}
    db.session.remove()
    downgrade_database("base")
    assert set(inspect(db.engine).get_table_names()) == {"alembic_version"}
    upgrade_database()
    assert set(rows().values()) == {0}
    assert revisions()[0] == revisions()[1]


def test_the_tables_are_what_the_models_say(app: Flask, settings: Settings) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []


def test_the_database_checks_every_closed_vocabulary(app: Flask, settings: Settings) -> None:
    """A migration that makes a table again on SQLite must not lose its CHECKs; a new word must reach them."""
    for table in Base.metadata.sorted_tables:
        checks = {one["name"]: one["sqltext"] for one in inspect(db.engine).get_check_constraints(table.name)}
        found = {name: words_of(condition) for name, condition in checks.items() if name is not None}
        for column in table.columns:
            if isinstance(column.type, Enum):
                assert found.get(f"ck_{table.name}_{column.name}") == set(column.type.enums), (
                    f"{table.name}.{column.name}"
                )


def test_an_audit_entry_can_not_be_changed_by_anybody(app: Flask, settings: Settings) -> None:
    fill(Base.metadata.tables["audit_entry"])
    for statement in ("UPDATE audit_entry SET actor = 'nobody'", "DELETE FROM audit_entry"):
        with pytest.raises(Exception, match="append-only"), transaction() as writing:
            writing.connection().exec_driver_sql(statement)
    assert rows()["audit_entry"] == 1
