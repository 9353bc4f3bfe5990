"""Who did what: one line for each action, chained so that a missing or changed line shows."""

import hashlib
import json

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.clock import now
from app.models.audit import AuditEntry
from app.shapes import Actor

_CHAIN_LOCK = 0x0CA4D0
FIRST_HASH = "0" * 64


def record(session: Session, actor: Actor, verb: str, noun: str, noun_id: str, detail: str = "") -> None:
    """Append one line in the caller's transaction: it stands if and only if the change stands."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    entry = AuditEntry(
        at=now(),
        actor=actor.name,
        account_id=actor.account_id,
        verb=verb,
        noun=noun,
        noun_id=noun_id,
        detail=detail,
        previous_hash=session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)) or FIRST_HASH,
    )
    entry.hash = entry_hash(entry)
    session.add(entry)
    session.flush()


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 over the line and the hash of the one before, as hex."""
    facts = [
        entry.previous_hash,
        entry.at.isoformat(),
        entry.actor,
        entry.account_id,
        entry.verb,
        entry.noun,
        entry.noun_id,
        entry.detail,
    ]
    return hashlib.sha256(json.dumps(facts, ensure_ascii=True).encode()).hexdigest()


def first_broken(session: Session) -> int | None:
    """The id of the first line that does not fit the chain; None when all of it holds."""
    previous = FIRST_HASH
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id)):
        if entry.previous_hash != previous or entry.hash != entry_hash(entry):
            return entry.id
        previous = entry.hash
    return None
