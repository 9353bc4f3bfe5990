"""What an installation wrote before there were several pages still restores, imports, verifies and answers."""

import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import clock, create_app
from app.actions import audit
from app.actions.accounts import sessions
from app.db import db, release, session
from app.errors import Invalid
from app.models.audit import AuditEntry
from app.models.component import Component
from app.models.incident import Incident
from app.models.page import Page
from app.models.post import Post, Update
from app.models.subscriber import Subscriber
from tests.cli.shell import PASSWORD, Shell
from tests.conftest import POSTGRES_URL, make_settings
from tests.judge import Browser
from tests.web.people import sign_in

pytestmark = [pytest.mark.database, pytest.mark.skipif(bool(POSTGRES_URL), reason="the backup is SQLite's")]
EARLIER = Path(__file__).parent.parent / "data" / "earlier"
THEN = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
EXPECTED: dict[str, Any] = json.loads((EARLIER / "expected.json").read_text())
GONE = {"turn"}
"""Tables whose rows mean nothing after a restore, or that are called something else now."""


@pytest.fixture(scope="module")
def restored_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an installation that the backup was restored into."""
    home = tmp_path_factory.mktemp("earlier") / "instance"
    settings = make_settings(home, secret_key=EXPECTED["secret_key"])
    backup = home / "backup.db"
    backup.write_bytes(gzip.decompress((EARLIER / "backup.db.gz").read_bytes()))
    done = Shell(settings).json("restore", str(backup))
    assert (done["paused"], done["rendered"]) == (True, True), "what was under way is asked about, the page is there"
    return home


@pytest.fixture
def earlier(restored_home: Path, tmp_path: Path) -> Iterator[Flask]:
    """The application on a copy of it, at a time soon after the backup."""
    home = tmp_path / "instance"
    shutil.copytree(restored_home, home, symlinks=True)
    app = create_app(make_settings(home, secret_key=EXPECTED["secret_key"], base_url=EXPECTED["base_url"]))
    with app.app_context(), clock.frozen(THEN):
        yield app
        release()
        db.engine.dispose()


def test_the_backup_is_brought_to_the_newest_tables_with_every_row(earlier: Flask) -> None:
    for table, count in EXPECTED["rows"].items():
        if table in db.metadata.tables and table not in GONE:
            found = session().scalar(select(func.count()).select_from(db.metadata.tables[table]))
            assert (found or 0) >= count, table
    page = session().scalars(select(Page)).one()
    assert (page.public_id, page.slug, page.name) == tuple(
        EXPECTED["page"][key] for key in ("public_id", "slug", "name")
    )
    first, second = (session().scalars(select(Post).where(Post.public_id == one)).one() for one in EXPECTED["posts"])
    assert (first.status, first.pinned, second.status) == ("postmortem", True, "identified")


def test_old_audit_lines_verify_and_new_ones_follow_them(earlier: Flask) -> None:
    assert audit.first_broken(session()) is None
    hashes = session().scalars(select(AuditEntry.hash).order_by(AuditEntry.id)).all()
    assert EXPECTED["last_audit_hash"] in hashes
    sign_in(Browser(earlier.test_client()), "lena@example.com", EXPECTED["password"])
    assert session().scalar(select(func.count(AuditEntry.id))) == len(hashes) + 1
    assert audit.first_broken(session()) is None


@pytest.mark.parametrize("email", sorted(EXPECTED["links"]))
def test_the_links_in_messages_answer_as_before(earlier: Flask, email: str) -> None:
    who = Browser(earlier.test_client())
    for purpose in ("confirm", "manage", "unsubscribe"):
        assert who.get(EXPECTED["links"][email][purpose]).status_code == 200, purpose
    wrong = EXPECTED["links"][email]["manage"].replace("manage", "unsubscribe")
    assert who.get(wrong).status_code == 404, "a link opens what it was signed for and nothing else"
    assert earlier.test_client().post(EXPECTED["links"][email]["unsubscribe"]).status_code == 200
    session().rollback()
    row = session().scalars(select(Subscriber).where(Subscriber.address == email)).one()
    assert row.state == "unsubscribed"


def test_everybody_signs_in_with_the_role_they_had(earlier: Flask) -> None:
    found = sessions.find_session(EXPECTED["session_token"])
    assert found is not None and (found.email, found.actor.role) == ("alice@example.com", "admin")
    settings, password = earlier.config["SETTINGS"], EXPECTED["password"]
    for email, facts in EXPECTED["accounts"].items():
        if not facts["active"]:
            with pytest.raises(Invalid, match="incorrect"):
                sessions.sign_in(settings, email=email, password=password, ip="192.0.2.1", user_agent="")
            continue
        token = sessions.sign_in(settings, email=email, password=password, ip="192.0.2.1", user_agent="")
        found = sessions.find_session(token)
        assert found is not None
        assert (found.actor.name, found.actor.role) == (facts["name"], facts["role"])


def test_tokens_open_what_they_opened(earlier: Flask) -> None:
    page = EXPECTED["page"]["public_id"]
    status = {}
    for name, token in {**EXPECTED["api_tokens"], "revoked": EXPECTED["revoked_api_token"]}.items():
        headers = {"Authorization": f"Bearer {token}"}
        read = earlier.test_client().get(f"/v1/pages/{page}/components", headers=headers)
        made = earlier.test_client().post(
            f"/v1/pages/{page}/components", headers=headers, json={"component": {"name": name}}
        )
        status[name] = (read.status_code, made.status_code)
    assert status == {"monitoring": (200, 201), "everything": (200, 201), "reader": (200, 403), "revoked": (401, 401)}


def test_feed_entries_keep_their_ids(earlier: Flask) -> None:
    settings = earlier.config["SETTINGS"]
    feed = (settings.public_root / "default" / "current" / "history.atom").read_text()
    assert [one for one in EXPECTED["feed_ids"] if f"<id>{one}</id>" not in feed] == []


def test_names_typed_as_role_holders_are_kept(earlier: Flask) -> None:
    incident = session().scalars(select(Incident).where(Incident.public_id == EXPECTED["incident"])).one()
    kept = [{"role": row.role, "person": row.person, "ended": row.to_at is not None} for row in incident.roles]
    assert kept == EXPECTED["roles"]


def test_the_archive_is_imported_whole(tmp_path: Path) -> None:
    home = tmp_path / "other"
    home.mkdir()
    shell = Shell(make_settings(home, secret_key=EXPECTED["secret_key"]))
    shell.json("init", "--page", "Fresh", "--email", "olga@example.com", "--password-stdin", stdin=PASSWORD)
    done: Any = shell.json("import", "archive", str(EARLIER / "archive.zip"))
    taken = {kind: counts.get("taken", 0) for kind, counts in done["counts"].items()}
    for kind in ("posts", "updates", "components", "subscribers", "announcements"):
        assert taken[kind] == EXPECTED["rows"][kind.removesuffix("s")] - (kind == "subscribers"), kind
    app = create_app(make_settings(home, secret_key=EXPECTED["secret_key"], base_url=EXPECTED["base_url"]))
    with app.app_context(), clock.frozen(THEN):
        page = session().scalars(select(Page)).one()
        assert (page.public_id, page.name) == (EXPECTED["page"]["public_id"], EXPECTED["page"]["name"])
        assert session().scalar(select(func.count(Component.id))) == EXPECTED["rows"]["component"]
        corrected = select(Update).where(Update.public_id == EXPECTED["corrected_update"])
        assert session().scalars(corrected).one().corrected_at is not None
        for links in EXPECTED["links"].values():
            assert app.test_client().get(links["manage"]).status_code == 200
        feed = (app.config["SETTINGS"].public_root / "default" / "current" / "history.atom").read_text()
        assert [one for one in EXPECTED["feed_ids"] if f"<id>{one}</id>" not in feed] == []
        release()
        db.engine.dispose()
