"""The audit log: one line for each action, chained so that a missing or changed line is detected."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.clock import now
from app.models.audit import AuditEntry
from app.shapes import Actor

_CHAIN_LOCK = 0x0CA4D0
FIRST_HASH = "0" * 64
HASH_VERSION = 2


def record(
    session: Session,
    actor: Actor,
    verb: str,
    noun: str,
    noun_id: str,
    detail: str = "",
    *,
    page_id: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Append one line in the caller's transaction: it stands if and only if the change stands.

    `page_id` is the page that it is about.  `before` and `after` are what changed; facts that are the same in both are
    left out.
    """
    before, after = _changed(before, after)
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
        page_id=page_id,
        before=_as_json(before),
        after=_as_json(after),
        hash_version=HASH_VERSION,
        previous_hash=session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)) or FIRST_HASH,
    )
    entry.hash = entry_hash(entry)
    session.add(entry)
    session.flush()


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 over the line and the hash of the one before, as hex.  What it covers depends on the line's version."""
    facts: list[Any] = [
        entry.previous_hash,
        entry.at.isoformat(),
        entry.actor,
        entry.account_id,
        entry.verb,
        entry.noun,
        entry.noun_id,
        entry.detail,
    ]
    if entry.hash_version >= HASH_VERSION:  # older lines had no more than that
        facts += [entry.hash_version, entry.page_id, entry.before, entry.after]
    return hashlib.sha256(json.dumps(facts, ensure_ascii=True).encode()).hexdigest()


def _changed(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    if before is None or after is None:
        return before, after
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return (
        {name: before[name] for name in names if name in before},
        {name: after[name] for name in names if name in after},
    )


def _as_json(facts: Mapping[str, Any] | None) -> str | None:
    return None if facts is None else json.dumps(facts, ensure_ascii=False, default=str, sort_keys=True)


def first_broken(session: Session) -> int | None:
    """The id of the first line that doesn't fit the chain; None when all of it holds."""
    previous = FIRST_HASH
    for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id)):
        if entry.previous_hash != previous or entry.hash != entry_hash(entry):
            return entry.id
        previous = entry.hash
    return None
