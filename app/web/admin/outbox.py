"""The outbox: messages that were stored because no server is configured."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

from flask import current_app
from flask.typing import ResponseReturnValue

from app.errors import NotFound
from app.settings import Settings
from app.text import clean
from app.web.access import audience
from app.web.admin.blueprint import blueprint
from app.web.console.rendering import render
from app.web.pages import current_page

SHOWN = 200
LARGEST = 500_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+=-]{0,200}\.(eml|txt)")


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One message in the folder."""

    name: str
    at: datetime
    size: int

    @property
    def channel(self) -> str:
        return "Email" if self.name.endswith(".eml") else "SMS"


@blueprint.get("/outbox")
@audience("lead")
def outbox() -> ResponseReturnValue:
    """What is in the folder, newest first."""
    settings: Settings = current_app.config["SETTINGS"]
    kept = sorted(_kept(settings.outbox), key=lambda message: (message.at, message.name), reverse=True)
    return render(
        "admin/outbox/list.html",
        current_page(),
        kept=kept[:SHOWN],
        count=len(kept),
        has_mail_server=bool(settings.smtp_url),
        has_sms=bool(settings.sms_url),
    )


@blueprint.get("/outbox/<name>")
@audience("lead")
def outbox_message(name: str) -> ResponseReturnValue:
    """One message, as plain text."""
    settings: Settings = current_app.config["SETTINGS"]
    return render(
        "admin/outbox/message.html",
        current_page(),
        name=name,
        words=_read(settings.outbox, name),
    )


def _kept(folder: Path) -> list[OutboxMessage]:
    found = []
    for path in folder.glob("*/*"):
        if _NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            facts = path.stat()
            found.append(OutboxMessage(path.name, datetime.fromtimestamp(facts.st_mtime, UTC), facts.st_size))
    return found


def _read(folder: Path, name: str) -> str:
    """A message as a reader sees it: who, what about, and its words."""
    paths = [path for path in folder.glob("*/*") if path.name == name and not path.is_symlink() and path.is_file()]
    if not _NAME.fullmatch(name) or not paths:
        raise NotFound("Message not found in the outbox.")
    with paths[0].open("rb") as file:
        raw = file.read(LARGEST)
    if not name.endswith(".eml"):
        return clean(raw.decode("utf-8", "replace"), multiline=True)
    message = message_from_bytes(raw, policy=policy.default)
    part = message.get_body(("plain",))
    head = "\n".join(f"{field}: {message[field]}" for field in ("To", "Subject", "Date") if message[field])
    return clean(f"{head}\n\n{part.get_content() if part else ''}", multiline=True)
