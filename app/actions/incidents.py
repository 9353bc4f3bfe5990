"""The internal record of what happened: opened with a post, kept on the board.  Nothing here is public."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import audit
from app.clock import now
from app.db import transaction
from app.errors import Conflict, Invalid, NotFound
from app.models.incident import Incident, IncidentRole, TimelineEntry
from app.models.record_link import RecordLink
from app.records.registry import recognise
from app.shapes import Actor, RecordLinkDraft
from app.text import clean_field
from app.vocabulary import Severity

ROLES = ("incident_commander", "communications_lead", "operations_lead")
PERSON_LIMIT = 100
ENTRY_LIMIT = 2_000
KEY_LIMIT = 200
URL_LIMIT = 2_000


def open_incident(
    session: Session, actor: Actor, *, title: str, severity: Severity, links: Sequence[RecordLinkDraft]
) -> Incident:
    """Open the internal incident that a post speaks for, in the post's own transaction.

    Raises:
        Invalid: a record link can not be taken, or is given twice.
    """
    at = now()
    incident = Incident(title=title, severity=severity, declared_at=at)
    session.add(incident)
    session.flush()
    for link in links:
        _add_link(session, incident, link)
    _note(session, incident, actor, f"Declared as {severity}: {title}", at)
    if actor.account_id is not None:  # whoever declares it speaks for it, until somebody else takes over
        session.add(IncidentRole(incident_id=incident.id, role="communications_lead", person=actor.name, from_at=at))
    session.flush()
    audit.record(session, actor, "open", "incident", incident.public_id, str(severity))
    return incident


def add_record_link(actor: Actor, incident_id: int, draft: RecordLinkDraft) -> None:
    """Tie an incident to a record in a tracker.

    Raises:
        Invalid: the key or address can not be taken.
        Conflict: the incident is tied to it already.
        NotFound: there is no such incident.
    """
    with transaction() as session:
        incident = _held(session, incident_id)
        link = _add_link(session, incident, draft)
        _note(session, incident, actor, f"Linked {link.key}")
        audit.record(session, actor, "link", "incident", incident.public_id, link.tracker)


def set_severity(actor: Actor, incident_id: int, severity: Severity) -> None:
    """Change how severe an incident is.

    Raises:
        Invalid: there is no such severity.
        NotFound: there is no such incident.
    """
    wanted = _read_severity(severity)
    with transaction() as session:
        incident = _held(session, incident_id)
        if incident.severity == wanted:
            return
        before, incident.severity = incident.severity, wanted
        incident.version += 1
        _note(session, incident, actor, f"Severity changed from {before} to {wanted}")
        audit.record(session, actor, "set severity", "incident", incident.public_id, f"{before} to {wanted}")


def set_role(actor: Actor, incident_id: int, role: str, person: str) -> None:
    """Say who fills a role from now on; an empty `person` says that nobody does.  Who filled it before is kept.

    Raises:
        Invalid: there is no such role, or the name can not be taken.
        NotFound: there is no such incident.
    """
    if role not in ROLES:
        raise Invalid.field("role", f"Choose a role: {', '.join(map(role_label, ROLES))}.")
    name = clean_field(person, name="person", label="The name", limit=PERSON_LIMIT, required=False)
    with transaction() as session:
        incident = _held(session, incident_id)
        at = now()
        before = session.scalars(
            select(IncidentRole).where(
                IncidentRole.incident_id == incident.id, IncidentRole.role == role, IncidentRole.to_at.is_(None)
            )
        ).all()
        if [held.person for held in before] == ([name] if name else []):
            return
        for held in before:
            held.to_at = at
        if name:
            session.add(IncidentRole(incident_id=incident.id, role=role, person=name, from_at=at))
        _note(session, incident, actor, f"{role_label(role)}: {name or 'nobody'}", at)
        audit.record(session, actor, "set role", "incident", incident.public_id, role)


def add_timeline_entry(actor: Actor, incident_id: int, text: str) -> None:
    """Write one line into an incident's timeline.

    Raises:
        Invalid: the text is empty or too long.
        NotFound: there is no such incident.
    """
    entry = clean_field(text, name="text", label="The entry", limit=ENTRY_LIMIT, multiline=True)
    with transaction() as session:
        incident = _held(session, incident_id)
        _note(session, incident, actor, entry)
        audit.record(session, actor, "note", "incident", incident.public_id)


def role_label(role: str) -> str:
    """A role's name as people write it."""
    return role.replace("_", " ").title()


def _held(session: Session, incident_id: int) -> Incident:
    incident = session.scalar(select(Incident).where(Incident.id == incident_id).with_for_update())
    if incident is None:
        raise NotFound("Incident not found.")
    return incident


def _read_severity(severity: str) -> Severity:
    try:
        return Severity(severity)
    except ValueError:
        raise Invalid.field("severity", "Choose a severity: P0, P1, P2 or P3.") from None


def read_link(draft: RecordLinkDraft) -> tuple[str, str, str]:
    """A record link's tracker, key and address; the key is the one typed, else the one that the address names.

    Raises:
        Invalid: the key or address can not be taken.
    """
    url = clean_field(draft.url, name="record_url", label="The record's address", limit=URL_LIMIT)
    key = clean_field(draft.key, name="record_key", label="The record's key", limit=KEY_LIMIT, required=False)
    try:
        found = recognise(url)
    except Invalid as error:
        raise Invalid.field("record_url", error.sentence) from None
    return found.tracker, key or found.key, url


def _add_link(session: Session, incident: Incident, draft: RecordLinkDraft) -> RecordLink:
    tracker, key, url = read_link(draft)
    same = select(RecordLink.id).where(RecordLink.incident_id == incident.id, RecordLink.url == url)
    if session.scalar(same) is not None:
        raise Conflict("This incident already has a link to that record.")
    link = RecordLink(incident_id=incident.id, tracker=tracker, key=key, url=url)
    session.add(link)
    session.flush()
    return link


def _note(session: Session, incident: Incident, actor: Actor, text: str, at: datetime | None = None) -> None:
    session.add(TimelineEntry(incident_id=incident.id, at=at or now(), actor=actor.name, text=text))
    session.flush()
