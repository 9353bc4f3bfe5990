"""A page with everything that an archive holds, another installation to take it, and archives made by hand."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from flask import Flask
from sqlalchemy import select

from app import clock, create_app
from app.actions import erasure
from app.actions.components.components import archive_component, create_component
from app.actions.components.groups import create_group
from app.actions.pages import sample
from app.actions.pages.announcements import create_announcement
from app.actions.pages.pages import edit_page, set_logo
from app.actions.posts.correcting import correct_update
from app.actions.posts.editing import edit_post
from app.actions.posts.publishing import open_post
from app.actions.posts.templates import TemplateDraft, create_template
from app.actions.subscribers.managing import add_subscriber
from app.db import db, release, session, transaction
from app.models.post import Post, Update
from app.settings import Settings
from app.shapes import COMMAND_LINE, AnnouncementDraft, PostDraft, PostFacts
from app.transfer.archive import write_archive
from app.transfer.subscribers import import_subscribers
from app.vocabulary import PostKind, PostStatus, Severity
from tests.conftest import make_settings, migrate
from tests.factories import ALICE, LENA, make_page
from tests.pictures import PNG

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SHEET = b"""channel,address,state,components,locale,secret,label
email,ann@example.com,active,API;Website,de,,
email,b\xc3\xb6b@example.com,unconfirmed,,en,,
email,cleo@example.com,quarantined,,en,,
email,dan@example.com,unsubscribed,,en,,
email,eve@example.com,active,,en,,
webhook,https://hooks.example.com/candor,active,,en,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,Ops
sms,+14155550123,active,,en,,
"""


def fill(settings: Settings, page_id: int) -> None:
    """Put something into every file of an archive."""
    edit_page(settings, ALICE, page_id, name="Größe & Co. 状態", accent="#1f4f8f", languages=["en", "de"])
    edit_page(settings, ALICE, page_id, mail_from="Größe & Co. 状態 <status@größe.example>")
    set_logo(settings, ALICE, page_id, PNG)
    sample.load(settings, COMMAND_LINE, page_id)
    gone = create_component(settings, LENA, page_id, name="Old thing")
    archive_component(settings, LENA, page_id, gone)
    words = AnnouncementDraft("We move", "To **another** place.", starts_at=NOON, ends_at=NOON + timedelta(days=700))
    words = replace(words, texts={"de": {"title": "Umzug", "body": "An einen **anderen** Ort."}})
    named = {"de": {"name": "Kasse", "description": "Bezahlen"}}
    create_group(
        settings,
        LENA,
        page_id,
        name="Counter",
        members=[
            create_component(settings, LENA, page_id, name="Checkout", texts=named),
        ],
        texts={"de": {"name": "Laden"}},
    )
    with clock.frozen(NOON):
        create_announcement(settings, LENA, page_id, words)
        create_template(
            settings,
            LENA,
            page_id,
            TemplateDraft(
                "Network",
                "Network trouble",
                "We **look**.",
                "investigating",
                texts={"de": {"title": "Netz gestört", "body": "Wir **schauen**."}},
            ),
        )
        internal = PostDraft(
            PostKind.INCIDENT,
            "Slow",
            PostStatus.INVESTIGATING,
            "Fisrt.",
            "key-internal-1",
            severity=Severity.P1,
            texts={"de": ("Langsam", "Ersets."), "fr": ("Lent", "Un.")},
        )
        opened = open_post(settings, LENA, page_id, internal)
    earlier = NOON - timedelta(hours=1)
    correct_update(
        settings, LENA, page_id, opened.update_id, "First. <b>é</b>", 1, display_at=earlier, bodies={"de": "Erstens."}
    )
    edit_post(settings, LENA, page_id, opened.post_id, PostFacts(title="Slow é", titles={"de": "Sehr langsam"}))
    add_subscriber(settings, LENA, page_id, "email", "finn@example.com", post=opened.post_id, is_confirmed=False)
    sheet = settings.home / "sheet.csv"
    sheet.write_bytes(SHEET)
    with sheet.open("rb") as file:
        import_subscribers(settings, ALICE, page_id, file)
    erasure.erase(settings, ALICE, "dan@example.com", never_again=True)
    suppress(settings, "eve@example.com")


def suppress(settings: Settings, address: str) -> None:
    from app.states import subscribers
    from app.states.subscribers import address_hash

    with transaction() as writing:
        hashed = address_hash(settings, "email", address)
        subscribers.suppress(writing, "email", hashed, subscribers.COMPLAINED)


def plan_by_clock(settings: Settings, page_id: int) -> str:
    """A maintenance that begins by itself, long ago; its public id."""
    with clock.frozen(NOON - timedelta(days=2)):
        done = open_post(
            settings,
            LENA,
            page_id,
            PostDraft(
                PostKind.MAINTENANCE, "Move", PostStatus.SCHEDULED, "We move.", "key-by-clock-1", notify=False,
                scheduled_for=NOON, scheduled_until=NOON + timedelta(hours=1), auto_start=True, auto_end=True,
            ),
        )  # fmt: skip
    session().rollback()
    return session().scalars(select(Post.public_id).join(Update).where(Update.public_id == done.update_id)).one()


@contextmanager
def installation(home: Path, **changes: object) -> Iterator[tuple[Flask, Settings, int]]:
    """Another installation on SQLite, set up and empty."""
    home.mkdir(parents=True, exist_ok=True)
    settings = make_settings(home, **changes)
    migrate(settings)
    app = create_app(settings)
    with app.app_context():
        try:
            yield app, settings, make_page("Fresh")
        finally:
            release()
            db.engine.dispose()


def archived(settings: Settings, page_id: int, path: Path) -> Path:
    """An archive of the page, at `path`."""
    with path.open("wb") as out:
        write_archive(settings, page_id, out, "test")
    return path


def rows_of(path: Path) -> dict[str, bytes]:
    """The files of an archive but the manifest."""
    with ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name != "manifest.json"}


def manifest_of(path: Path) -> dict[str, Any]:
    with ZipFile(path) as opened:
        found: dict[str, Any] = json.loads(opened.read("manifest.json"))
        return found


def rebuilt(path: Path, files: dict[str, bytes], manifest: dict[str, Any] | None = None) -> Path:
    """The archive again with other files, and a manifest that says so."""
    said = manifest or manifest_of(path)
    for name, body in files.items():
        if name in said.get("files", {}):
            said["files"][name] = {"rows": body.count(b"\n"), "sha256": hashlib.sha256(body).hexdigest()}
    made = path.with_name(f"rebuilt-{path.name}")
    with ZipFile(made, "w", ZIP_DEFLATED) as out:
        for name, body in files.items():
            out.writestr(name, body)
        out.writestr("manifest.json", json.dumps(said))
    return made


def changed(path: Path, file: str, change: Callable[[dict[str, Any]], None], line: int = 0) -> Path:
    """The archive with one line changed, and a manifest that fits."""
    files = rows_of(path)
    lines = files[file].splitlines()
    row = json.loads(lines[line])
    change(row)
    lines[line] = json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return rebuilt(path, {**files, file: b"\n".join(lines) + b"\n"})
