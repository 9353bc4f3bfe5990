"""What machines ask: whether the process lives, whether all is as it should be, and the figures."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, text
from werkzeug.test import TestResponse

from app import clock, create_app
from app.actions.accounts.notices import notify_account
from app.actions.posts.publishing import open_post, publish_update
from app.cli.migrating import revisions
from app.db import db, transaction
from app.deliver import heartbeat, plan
from app.errors import SettingError
from app.models.account import Account
from app.models.account_contact import AccountContact
from app.publish.refresh import publish_addresses, refresh
from app.queries.figures import Family
from app.settings import Settings, load
from app.shapes import ComponentEffect, UpdateDraft
from app.states.account_contacts import verify
from app.vocabulary import AccountNoticeKind, ComponentStatus, PostStatus
from app.web.probes.metrics import exposition
from app.web.probes.tables import known_revisions
from tests.conftest import make_settings
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component, make_page, make_subscriber
from tests.publish.test_calendar import plan as plan_work
from tests.web.people import make_account

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TOKEN = "a-token-of-twenty-odd-letters"
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (-?[0-9.]+(?:e[+-]\d+)?|NaN)')


@pytest.fixture
def well(app: Flask, settings: Settings, page_id: int) -> None:
    """A page that was just written, and a worker that was just heard of, at NOON."""
    with clock.frozen(NOON):
        refresh(settings, page_id)
        heartbeat.beat(settings.home)


def ready(app: Flask, at: datetime = NOON) -> tuple[int, set[str]]:
    """The status of the answer, and the checks that failed."""
    with clock.frozen(at):
        answer = app.test_client().get("/readyz")
    assert answer.mimetype == "application/json" and answer.headers["Cache-Control"] == "no-store"
    said: dict[str, Any] = answer.json
    assert set(said["checks"]) == {"database", "migrations", "worker", "snapshot"}
    failed = {name for name, check in said["checks"].items() if not check["ok"]}
    assert said["ready"] is not failed and said["ready"] is (answer.status_code == 200)
    assert all(check["detail"] for check in said["checks"].values())
    return answer.status_code, failed


def test_it_lives_whatever_the_database_does(tmp_path: Path) -> None:
    answer = without_database(tmp_path).test_client().get("/healthz")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"ok\n", "text/plain")
    assert "Set-Cookie" not in answer.headers


def without_database(tmp_path: Path, **changes: Any) -> Flask:
    nowhere = f"sqlite:///{tmp_path / 'no-such-folder-secret' / 'candor.db'}"
    return create_app(make_settings(tmp_path / "instance", database_url=nowhere, **changes))


def test_it_is_ready_when_all_is_well(app: Flask, well: None) -> None:
    assert ready(app) == (200, set())


def test_each_thing_that_is_wrong_is_named(app: Flask, settings: Settings, page_id: int) -> None:
    with clock.frozen(NOON):
        assert ready(app) == (503, {"snapshot", "worker"})
        refresh(settings, page_id)
        assert ready(app) == (503, {"worker"})
        heartbeat.beat(settings.home)
    assert ready(app, NOON + MINUTE) == (200, set())
    assert ready(app, NOON + 2 * MINUTE) == (503, {"worker"})
    assert ready(app, NOON + 6 * MINUTE) == (503, {"snapshot", "worker"})
    with clock.frozen(NOON + 6 * MINUTE):
        heartbeat.beat(settings.home)
    assert ready(app, NOON + 6 * MINUTE) == (503, {"snapshot"})
    assert ready(app, NOON - 5 * MINUTE) == (200, set()), "a clock that was put back is no fault of the worker's"


def test_every_page_has_to_be_published(app: Flask, settings: Settings, well: None) -> None:
    other = make_page("Other", slug="other", url="http://localhost:8000/other")
    with clock.frozen(NOON):
        publish_addresses(settings)
        assert ready(app) == (503, {"snapshot"})
        assert "other" in app.test_client().get("/readyz").text
        refresh(settings, other)
    assert ready(app) == (200, set())


@pytest.mark.parametrize(("at", "expected"), [("0001", {"migrations"}), ("", {"migrations"}), ("9999", set())])
def test_tables_of_an_older_version_are_not_ready_and_those_of_a_newer_one_are(
    app: Flask, well: None, at: str, expected: set[str]
) -> None:
    with transaction() as session:
        session.execute(text("DELETE FROM alembic_version"))
        if at:
            session.execute(text("INSERT INTO alembic_version (version_num) VALUES (:at)"), {"at": at})
    assert ready(app)[1] == expected


def test_the_newest_revision_is_alembics(app: Flask) -> None:
    at, newest = revisions()
    assert known_revisions()[1] == newest == at


def test_without_tables_it_says_what_to_do(app: Flask, well: None) -> None:
    with transaction() as session:
        session.execute(text("DROP TABLE alembic_version"))
    status, failed = ready(app)
    assert (status, failed) == (503, {"migrations"})
    assert "candor db upgrade" in app.test_client().get("/readyz").text


def test_without_a_database_it_says_so_and_no_more(tmp_path: Path) -> None:
    app = without_database(tmp_path)
    assert ready(app) == (503, {"database", "migrations", "worker", "snapshot"})
    said = app.test_client().get("/readyz").text
    assert "secret" not in said and "sqlite" not in said.lower() and "Traceback" not in said


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "10.1.2.3", "[2001:db8::7]:8000", "localhost:8000"])
def test_machines_ask_by_number(app: Flask, settings: Settings, well: None, host: str) -> None:
    app.config["SETTINGS"] = settings.with_changes(metrics_token=TOKEN)
    bearer = {"Host": host, "Authorization": f"Bearer {TOKEN}"}
    for address in ("/healthz", "/metrics"):
        assert app.test_client().get(address, headers=bearer).status_code == 200, address
    with clock.frozen(NOON):
        assert app.test_client().get("/readyz", headers=bearer).status_code == 200
    if not host.startswith("localhost"):
        assert app.test_client().get("/sign-in", headers=bearer).status_code == 400


@pytest.mark.parametrize("host", ["evil.example", "10.1.2.3.evil.example", "0x7f.1", "1.2.3", ""])
def test_names_that_are_not_ours_are_not_answered(app: Flask, well: None, host: str) -> None:
    for address in ("/healthz", "/readyz", "/metrics"):
        assert app.test_client().get(address, headers={"Host": host}).status_code == 400, address


def scrape(app: Flask, token: str = TOKEN, header: str = "Bearer {}") -> TestResponse:
    app.config["SETTINGS"] = app.config["SETTINGS"].with_changes(metrics_token=TOKEN)
    return app.test_client().get("/metrics", headers={"Authorization": header.format(token)})


def told(answer: TestResponse) -> dict[str, float]:
    """The samples, after each line was found to be one of the format's (0.0.4)."""
    assert (answer.status_code, answer.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert answer.text.endswith("\n")
    found: dict[str, float] = {}
    family = ""
    for line in answer.text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert not any(name.partition("{")[0] == family for name in found), "a family is told once"
        elif line.startswith("#"):
            assert line == f"# TYPE {family} gauge"
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample is not None and sample[1] == family, line
            name = f"{sample[1]}{{{sample[2]}}}" if sample[2] else sample[1]
            assert name not in found, name
            found[name] = float(sample[3])
    return found


@pytest.mark.parametrize(
    ("token", "header"),
    [("", "{}"), ("", "Bearer {}"), ("wrong", "Bearer {}"), (TOKEN[:-1], "Bearer {}"), (TOKEN + "x", "Bearer {}"),
     (TOKEN, "Basic {}"), (TOKEN, "{}"), ("\xe9", "Bearer {}")],
)  # fmt: skip
def test_without_the_token_there_is_nothing(app: Flask, page_id: int, token: str, header: str) -> None:
    answer = scrape(app, token, header)
    assert (answer.status_code, answer.data) == (404, app.test_client().get("/nowhere").data)


def test_without_a_setting_no_token_opens_it(app: Flask, page_id: int) -> None:
    for header in ("Bearer ", "Bearer", "", "Bearer x"):
        assert app.test_client().get("/metrics", headers={"Authorization": header}).status_code == 404


def test_the_figures_follow_what_happens(app: Flask, settings: Settings, page_id: int, well: None) -> None:
    make_page("Other", slug="other")
    broken, hidden = make_component(page_id, "API"), make_component(page_id, "Bastion", visible=False)
    for number in range(3):
        make_subscriber(page_id, f"{number}@example.com")
    with clock.frozen(NOON):
        calm = told(scrape(app))
        assert calm["candor_worker_heartbeat_age_seconds"] == calm['candor_snapshot_age_seconds{page="default"}'] == 0
        effects = tuple(ComponentEffect(one, ComponentStatus.MAJOR_OUTAGE) for one in (broken, hidden))
        held = settings.with_changes(hold_seconds=60)
        made = open_post(held, LENA, page_id, draft(effects=effects, notify=True))
        plan_work(settings, page_id)
    assert calm['candor_page_indicator{page="default"}'] == calm['candor_page_indicator{page="other"}'] == 0
    assert calm['candor_components{page="default",status="operational"}'] == 1
    assert calm["candor_database_up"] == calm["candor_worker_machines"] == 1
    (version,) = [name for name in calm if name.startswith("candor_info")]
    assert re.search(r'version="\d+\.\d+\.\d+"', version)
    with clock.frozen(NOON + MINUTE):
        down = told(scrape(app))
    assert down['candor_page_indicator{page="default"}'] == 4
    assert down['candor_components{page="default",status="major_outage"}'] == 1
    assert down['candor_components{page="default",status="operational"}'] == 0
    assert down['candor_open_posts{page="default",kind="incident"}'] == 1
    assert down['candor_open_posts{page="default",kind="maintenance"}'] == 1
    assert down['candor_open_posts{page="other",kind="incident"}'] == 0
    assert down['candor_dispatches_open{state="held"}'] >= 1
    assert down['candor_snapshot_age_seconds{page="default"}'] == down["candor_worker_heartbeat_age_seconds"] == 60
    revision = 'candor_page_revision_{}{{page="default"}}'
    assert down[revision.format("committed")] == down[revision.format("published")] > 1
    assert 'candor_page_revision_published{page="other"}' not in down, "it was never written"
    with clock.frozen(NOON + 2 * MINUTE):
        for dispatch in plan.due_dispatches(db.session()):
            plan.plan(dispatch)
        sending = told(scrape(app))
    assert sending['candor_dispatches_open{state="sending"}'] >= 1
    assert sending['candor_deliveries_waiting{channel="email",state="pending"}'] >= 3
    assert sending['candor_deliveries_waiting{channel="sms",state="pending"}'] == 0
    with transaction() as session:
        session.execute(text("UPDATE delivery SET state = 'sending' WHERE id = (SELECT min(id) FROM delivery)"))
    after = told(scrape(app))
    assert after['candor_deliveries_waiting{channel="email",state="sending"}'] == 1
    pending = 'candor_deliveries_waiting{channel="email",state="pending"}'
    assert after[pending] == sending[pending] - 1
    make_account(email="mia@example.com")
    with transaction() as session:
        account = session.scalars(select(Account.id)).one()
        contact = AccountContact(account_id=account, channel="email", address="mia@example.com")
        session.add(contact)
        verify(session, contact)
        notify_account(session, account, AccountNoticeKind.ROLE_GIVEN, subject="You lead")
    assert told(scrape(app))['candor_account_notices_waiting{state="pending"}'] == 1
    publish_update(settings, LENA, page_id, made.post_id, UpdateDraft(PostStatus.RESOLVED, "Over.", "key-00000002", 1))
    assert told(scrape(app))['candor_open_posts{page="default",kind="incident"}'] == 0


def statements(read: Callable[[], object]) -> list[tuple[str, Any]]:
    """What is asked of the database meanwhile, with the values."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cur: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        read()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return [one for one in asked if one[0].lstrip().startswith("SELECT")]


def test_there_are_few_questions_however_much_there_is(app: Flask, settings: Settings, page_id: int) -> None:
    few = len(statements(lambda: scrape(app)))
    for number in range(5):
        make_page(f"Page {number}", slug=f"page-{number}")
        make_component(page_id, f"Component {number}")
        open_post(settings, LENA, page_id, draft(f"key-{number:08}"))
    assert len(statements(lambda: scrape(app))) == few <= 8


def test_no_question_looks_through_the_ledger(app: Flask, page_id: int) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("an empty PostgreSQL table is always looked through: its plans say nothing")
    asked = [one for one in statements(lambda: scrape(app)) if "delivery" in one[0]]
    assert len(asked) == 2
    with db.engine.connect() as connection:
        for statement, values in asked:
            plans = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            used = {row[3] for row in plans if re.search(r"\bdelivery\b", row[3])}
            assert used and all(re.search(r"INDEX ix_delivery_(waiting|leased_by)\b", step) for step in used), used


def test_counting_ends_at_a_limit(
    app: Flask, settings: Settings, page_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.queries.figures.MOST_COUNTED", 2)
    for number in range(4):
        make_subscriber(page_id, f"{number}@example.com")
    open_post(settings, LENA, page_id, draft())
    for dispatch in plan.due_dispatches(db.session()):
        plan.plan(dispatch)
    assert told(scrape(app))[f'candor_deliveries_waiting{{channel="{"email"}",state="pending"}}'] == 2


def test_without_a_database_the_files_are_still_told_of(
    app: Flask, settings: Settings, page_id: int, tmp_path: Path
) -> None:
    refresh(settings, page_id)
    lost = settings.with_changes(database_url=f"sqlite:///{tmp_path / 'gone' / 'candor.db'}", metrics_token=TOKEN)
    found = told(scrape(create_app(lost)))
    assert found["candor_database_up"] == 0
    assert found['candor_page_revision_published{page="default"}'] >= 1
    assert 'candor_snapshot_age_seconds{page="default"}' in found
    assert not [name for name in found if name.startswith(("candor_open_posts", "candor_deliveries"))]


def test_a_label_can_not_end_its_line() -> None:
    family = Family("candor_x", "An x.", (({"page": 'a"b\\c\nd'}, 1.0),))
    assert exposition([family]).splitlines()[-1] == r'candor_x{page="a\"b\\c\nd"} 1'


@pytest.mark.parametrize("typed", ["short", "fifteen-letters", "a token with some spaces", "täglich-neue-zeichen"])
def test_a_token_is_long_and_is_never_shown(tmp_path: Path, typed: str) -> None:
    with pytest.raises(SettingError, match=r"^METRICS_TOKEN is not a token") as raised:
        load({"CANDOR_HOME": str(tmp_path), "METRICS_TOKEN": typed})
    assert typed not in str(raised.value)
