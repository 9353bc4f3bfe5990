"""Messages that were kept here because no server is configured to send them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flask import current_app

from app.db import session
from app.errors import NotFound
from app.settings import Settings
from app.text import clean
from app.web.access import audience
from app.web.console import queries
from app.web.console.blueprint import blueprint
from app.web.console.rendering import Answer, render

SHOWN = 200
LARGEST = 500_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+=-]{0,200}\.(eml|txt)")


@dataclass(frozen=True, slots=True)
class Kept:
    """One message in the folder."""

    name: str
    at: datetime
    size: int

    @property
    def channel(self) -> str:
        return "Email" if self.name.endswith(".eml") else "SMS"


@blueprint.get("/outbox")
@audience("lead")
def outbox() -> Answer:
    """What is in the folder, newest first."""
    settings: Settings = current_app.config["SETTINGS"]
    kept = sorted(_kept(settings.outbox), key=lambda message: (message.at, message.name), reverse=True)
    return render(
        "console/outbox/list.html",
        queries.page_facts(session()),
        kept=kept[:SHOWN],
        count=len(kept),
        has_mail_server=bool(settings.smtp_url),
        has_sms=bool(settings.sms_url),
    )


@blueprint.get("/outbox/<name>")
@audience("lead")
def outbox_message(name: str) -> Answer:
    """One message, as plain text."""
    settings: Settings = current_app.config["SETTINGS"]
    return render(
        "console/outbox/message.html",
        queries.page_facts(session()),
        name=name,
        words=_read(settings.outbox, name),
    )


def _kept(folder: Path) -> list[Kept]:
    if not folder.is_dir():
        return []
    found = []
    for path in folder.iterdir():
        if _NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            facts = path.stat()
            found.append(Kept(path.name, datetime.fromtimestamp(facts.st_mtime, UTC), facts.st_size))
    return found


def _read(folder: Path, name: str) -> str:
    path = folder / name
    if not _NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
        raise NotFound("There is no such message in the outbox.")
    with path.open("rb") as file:
        return clean(file.read(LARGEST).decode("utf-8", "replace"), multiline=True)
