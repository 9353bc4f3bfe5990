"""A real, migrated database for each test, on SQLite or, with TEST_DATABASE_URL, on PostgreSQL."""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from werkzeug.routing import Rule

from app import create_app
from app.actions.accounts import passwords
from app.actions.inbound import receiving
from app.cli.migrating import upgrade_database
from app.db import db
from app.settings import Settings, load
from tests.factories import make_page
from tests.judge import FreshClient

# A busy machine is no failure, and the same commit gives the same verdict; `make explore` looks for new examples.
hypothesis.settings.register_profile("fixed", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=500, print_blob=True)
hypothesis.settings.load_profile("fixed")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
POSTGRES_URL = os.environ.get("TEST_DATABASE_URL", "")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tests run in a random order: say after a failure how to run them in the same one."""
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        seed = config.getoption("randomly_seed", None)
        terminalreporter.write_line(f"The order of tests was random; --randomly-seed={seed} repeats it.")


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashes that cost little: there are hundreds of sign-ins, and none of them guards anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", lambda: CHEAP)
        yield


@pytest.fixture(scope="session", autouse=True)
def patient_store() -> Iterator[None]:
    """A busy machine takes longer than 200 ms to write now and then; what is about the spool sets its own limit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receiving, "STORE_SECONDS", 20.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_addresses() -> Iterator[None]:
    """What builds a route's addresses, compiled once for all the applications of a run: it is nine tenths of the time
    that making one takes, and depends on nothing but the route.
    """
    compile_builder = Rule._compile_builder
    made: dict[object, Any] = {}

    def kept(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in made:
            made[key] = compile_builder(rule, append_unknown)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", kept)
        yield


def make_settings(home: Path, **changes: object) -> Settings:
    """Settings of an installation in `home`, as the environment `changes` would make them."""
    environ = {"CANDOR_HOME": str(home), "SECRET_KEY": "k" * 40, "HOLD_SECONDS": "0"}
    return load(environ).with_changes(**changes)


def migrate(settings: Settings) -> None:
    app = create_app(settings)
    with app.app_context():
        upgrade_database()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated, empty database to copy: a file's path, or a PostgreSQL database's name."""
    home = tmp_path_factory.mktemp("migrated")
    if not POSTGRES_URL:
        migrate(make_settings(home))
        return str(home / "candor.db")
    name = f"candor_template_{uuid4().hex[:8]}"
    _admin(f'CREATE DATABASE "{name}"')
    migrate(make_settings(home, database_url=_named(name)))
    return name


@pytest.fixture
def settings(tmp_path: Path, migrated: str) -> Iterator[Settings]:
    """Settings whose database is a fresh copy of the migrated one."""
    home = tmp_path / "instance"
    if not POSTGRES_URL:
        made = make_settings(home)
        shutil.copyfile(migrated, home / "candor.db")
        yield made
        return
    name = f"candor_test_{uuid4().hex[:8]}"
    _admin(f'CREATE DATABASE "{name}" TEMPLATE "{migrated}" STRATEGY FILE_COPY')
    yield make_settings(home, database_url=_named(name))
    _admin(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates, compiled once for all the applications of a run."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture(scope="session")
def statements() -> Callable[[Engine], None]:
    """Lets the engines of a run share what they have compiled: a statement is the same in every test's database."""
    shared: list[Engine] = []

    def share(engine: Engine) -> None:
        if not shared:
            shared.append(engine)
        engine.dialect = engine.pool._dialect = shared[0].dialect
        engine._compiled_cache = shared[0]._compiled_cache

    return share


@pytest.fixture
def app(settings: Settings, compiled: FileSystemBytecodeCache, statements: Callable[[Engine], None]) -> Iterator[Flask]:
    """The Flask app, inside its context."""
    made = create_app(settings)
    made.config["TESTING"] = True
    made.test_client_class = FreshClient
    made.jinja_env.bytecode_cache = compiled
    with made.app_context():
        statements(db.engine)
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def page_id(app: Flask) -> int:
    """The default page, "Acme Status", in UTC."""
    return make_page()


def _named(name: str) -> str:
    return make_url(POSTGRES_URL).set(database=name).render_as_string(hide_password=False)


def _admin(statement: str) -> None:
    engine = create_engine(POSTGRES_URL, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


warnings.filterwarnings("ignore", category=ResourceWarning)
