"""The migrations go up and down with data in every table, and make what the models say."""

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from sqlalchemy import Enum, Table, func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from app.actions import audit
from app.cli.migrating import downgrade_database, revisions, upgrade_database
from app.clock import now
from app.db import Base, UtcDateTime, db, session, transaction
from app.models.audit import AuditEntry
from app.schema_changes import words_of
from app.settings import Settings
from app.shapes import SYSTEM

pytestmark = pytest.mark.database


OTHERS = {"approval.author_id"}
"""Columns that stay empty, because a CHECK keeps them apart from another column of the same row."""


def fill(table: Table) -> None:
    """One row with something in every column."""
    with transaction() as writing:
        writing.execute(insert(table), [{column.name: _value(column) for column in table.columns}])


def _value(column: Any) -> object:
    if str(column) in OTHERS:
        return None
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


def run(statement: str, **values: Any) -> list[Any]:
    """The rows of a statement, written without the models: these are the tables of another revision."""
    with transaction() as writing:
        found = writing.execute(text(statement), values)
        return [tuple(row) for row in found] if found.returns_rows else []


def insert_rows(table: str, *rows: dict[str, Any]) -> None:
    for row in rows:
        names = ", ".join(row)
        run(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})", **row)


def at_revision(revision: str) -> None:
    db.session.remove()
    downgrade_database(revision)


AT = datetime(2026, 3, 1, 12, tzinfo=UTC).replace(tzinfo=None).isoformat(" ")
PAGE = {
    "public_id": "p1", "slug": "default", "host": "status.example.com", "name": "Acme", "url": "https://x.example",
    "time_zone": "Etc/UTC", "locale": "en", "languages": "en", "theme": "default", "mail_from": "", "accent": "",
    "audience": "public", "revision": 7, "rebuild_revision": 1, "created_at": AT, "updated_at": AT,
}  # fmt: skip


def test_accounts_become_members_of_all_pages_and_go_back(app: Flask, settings: Settings) -> None:
    at_revision("0012")
    insert_rows("page", {"id": 1, **PAGE})
    for number, role in enumerate(("admin", "lead", "viewer"), 1):
        account = {"id": number, "public_id": f"a{number}", "email": f"{role}@example.com", "name": role}
        insert_rows("account", {**account, "role": role, "password_hash": "x", "active": True, "created_at": AT})
    session_row = {"id": 1, "account_id": 2, "token_hash": "t", "user_agent": ""}
    insert_rows("session", {**session_row, "created_at": AT, "last_seen_at": AT, "expires_at": AT})
    token = {"begins": "candor_x", "scopes": "posts", "created_by": "", "created_at": AT}
    insert_rows("api_token", {"id": 1, "public_id": "t1", "name": "old", "token_hash": "h1", **token})
    upgrade_database()
    assert run("SELECT account_id, page_id, role FROM membership ORDER BY id") == [
        (1, None, "admin"), (2, None, "lead"), (3, None, "viewer"),
    ]  # fmt: skip
    assert run("SELECT feed_authority, visibility, hosts, revision FROM page") == [
        ("status.example.com", "public", "", 7)
    ]
    assert run("SELECT account_id FROM session") == [(2,)], "everybody stays signed in"
    assert run("SELECT page_id, revoked_at FROM api_token") == [(None, None)]
    run("UPDATE membership SET page_id = 1 WHERE account_id = 2")
    insert_rows("membership", {"id": 9, "account_id": 3, "page_id": 1, "role": "admin"})
    insert_rows("api_token", {"id": 2, "public_id": "t2", "name": "new", "token_hash": "h2", "page_id": 1, **token})
    at_revision("0012")
    assert run("SELECT id, role FROM account ORDER BY id") == [(1, "admin"), (2, "viewer"), (3, "viewer")]
    assert run("SELECT host, audience FROM page") == [("status.example.com", "public")]
    assert [(name, revoked is None) for name, revoked in run("SELECT name, revoked_at FROM api_token ORDER BY id")] == [
        ("old", True), ("new", False),
    ]  # fmt: skip
    upgrade_database()
    assert len(run("SELECT 1 FROM membership")) == 3


def test_typed_role_holders_become_accounts_where_the_name_says_which(app: Flask, settings: Settings) -> None:
    at_revision("0017")
    for number, name in enumerate(("Mia", "Ravi", "Ravi"), 1):
        account = {"id": number, "public_id": f"a{number}", "email": f"p{number}@example.com", "name": name}
        insert_rows("account", {**account, "password_hash": "x", "active": True, "created_at": AT})
    times = {"declared_at": AT, "version": 1}
    insert_rows("incident", {"id": 1, "public_id": "i1", "title": "Down", "severity": "P1", **times})
    for number, person in enumerate(("Mia", "Ravi", "Somebody"), 1):
        role = {"id": number, "incident_id": 1, "role": "operations_lead", "person": person}
        insert_rows("incident_role", {**role, "from_at": AT})
    upgrade_database()
    held = "SELECT person, account_id FROM incident_role ORDER BY id"
    assert run(held) == [("Mia", 1), ("Ravi", None), ("Somebody", None)]
    contacts = run("SELECT account_id, channel, address, is_default FROM account_contact ORDER BY id")
    assert contacts == [(number, "email", f"p{number}@example.com", True) for number in (1, 2, 3)]
    assert run("SELECT count(*) FROM account_contact WHERE verified_at IS NULL") == [(0,)]
    run("UPDATE incident_role SET role = 'deputy_operations_lead' WHERE id = 2")
    with pytest.raises(IntegrityError):
        run("UPDATE incident_role SET role = 'king' WHERE id = 2")
    at_revision("0017")
    assert [person for (person,) in run("SELECT person FROM incident_role ORDER BY id")] == ["Mia", "Ravi", "Somebody"]
    upgrade_database()
    assert run(held)[0] == ("Mia", 1)


def test_one_account_has_one_role_on_all_pages(app: Flask, settings: Settings) -> None:
    fill(Base.metadata.tables["account"])
    insert_rows("membership", {"id": 1, "account_id": 1, "page_id": None, "role": "lead"})
    with pytest.raises(IntegrityError):
        insert_rows("membership", {"id": 2, "account_id": 1, "page_id": None, "role": "admin"})
    with pytest.raises(IntegrityError):
        insert_rows("membership", {"id": 3, "account_id": 1, "page_id": 1, "role": "owner"})


def test_audit_lines_keep_their_triggers_and_their_hashes(app: Flask, settings: Settings) -> None:
    at_revision("0012")
    old = {"at": AT, "actor": "Ada", "account_id": 1, "verb": "edit", "noun": "page", "noun_id": "p1", "detail": "x"}
    facts = [audit.FIRST_HASH, "2026-03-01T12:00:00+00:00", "Ada", 1, "edit", "page", "p1", "x"]
    hashed = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    if db.engine.dialect.name == "postgresql":
        old["at"] = f"{AT}+00:00"
    insert_rows("audit_entry", {**old, "previous_hash": audit.FIRST_HASH, "hash": hashed})
    upgrade_database()
    with transaction() as writing:
        audit.record(writing, SYSTEM, "edit", "page", "p1", page_id=1, before={"name": "A", "url": "u"},
                     after={"name": "B", "url": "u"})  # fmt: skip
    session().rollback()
    assert run("SELECT page_id, before, after, hash_version FROM audit_entry ORDER BY id") == [
        (None, None, None, 1), (1, '{"name": "A"}', '{"name": "B"}', 2),
    ]  # fmt: skip
    assert audit.first_broken(session()) is None
    at_revision("0012")
    upgrade_database()
    with pytest.raises(Exception, match="append-only"):
        run("DELETE FROM audit_entry")


def test_the_hash_covers_the_page_and_what_changed(app: Flask, settings: Settings) -> None:
    with transaction() as writing:
        audit.record(writing, SYSTEM, "edit", "page", "p1", page_id=1, before={"name": "A"}, after={"name": "B"})
    line = session().scalars(select(AuditEntry)).one()
    session().expunge(line)
    for column, value in (("page_id", 2), ("before", "{}"), ("after", "{}"), ("hash_version", 1)):
        kept = getattr(line, column)
        setattr(line, column, value)
        assert audit.entry_hash(line) != line.hash, column
        setattr(line, column, kept)
    assert audit.entry_hash(line) == line.hash


def test_texts_in_other_languages_go_with_their_tables_and_the_pages_own_stay(app: Flask, settings: Settings) -> None:
    for name in ("page", "incident", "post", "update", "post_text", "update_text"):
        fill(Base.metadata.tables[name])
    former = {"replaced_at": AT if db.engine.dialect.name == "sqlite" else f"{AT}+00:00", "replaced_by": "Lena"}
    for number, language in enumerate((None, "de"), 1):
        said = {"id": number, "language": language}
        insert_rows("update_revision", {**said, "update_id": 1, "body": f"{language}", "body_html": "x", **former})
        insert_rows("post_revision", {**said, "post_id": 1, "title": f"{language}", **former})
    at_revision("0016")
    assert "update_text" not in inspect(db.engine).get_table_names()
    assert run("SELECT id, body FROM update_revision") == [(1, "None")]
    assert run("SELECT id, title FROM post_revision") == [(1, "None")]
    upgrade_database()
    assert run("SELECT id, language, body FROM update_revision") == [(1, None, "None")]
    assert run("SELECT id, language, title FROM post_revision") == [(1, None, "None")]
    assert run("SELECT title FROM post") == [("x",)] and run("SELECT * FROM update_text") == []
