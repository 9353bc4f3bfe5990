"""The internal record of what happened: declared alone or with a post, kept on the board.  Nothing here is public."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.actions import audit
from app.actions.accounts.notices import notify_account
from app.actions.frame import InstallationChange, changing, changing_installation
from app.clock import now
from app.errors import Conflict, Invalid, NotFound
from app.inputs.incidents import KEY_LIMIT, PERSON_LIMIT, SEVERITY_SENTENCE, TITLE_LIMIT, URL_LIMIT
from app.models.account import Account
from app.models.incident import Incident, IncidentRole, TimelineEntry
from app.models.membership import Membership
from app.models.post import Post
from app.models.record_link import RecordLink
from app.records.registry import recognise
from app.settings import Settings
from app.shapes import Actor, RecordLinkDraft
from app.states import incidents as states
from app.text import clean_field
from app.vocabulary import AccountNoticeKind, IncidentRoleName, Role, Severity

ENTRY_LIMIT = 2_000


def declare_incident(actor: Actor, *, title: str, severity: Severity, links: Sequence[RecordLinkDraft] = ()) -> str:
    """Declare an incident that no post speaks for yet; its public id.  Takes the role lead on any page.

    Raises:
        Invalid: the title, the severity or a record link can't be taken.
        Conflict: a record is linked twice.
        NotAllowed: the actor's role isn't enough.
    """
    cleaned = clean_field(title, name="title", label="The title", limit=TITLE_LIMIT)
    wanted = _read_severity(severity)
    with changing_installation(actor, needs=Role.LEAD, on_any_page=True) as change:
        return open_incident(change.session, actor, title=cleaned, severity=wanted, links=links).public_id


def open_incident(
    session: Session, actor: Actor, *, title: str, severity: Severity, links: Sequence[RecordLinkDraft]
) -> Incident:
    """Declare an incident in the caller's transaction, such as that of the post that speaks for it.

    Raises:
        Invalid: a record link is invalid or repeated.
    """
    at = now()
    incident = Incident(title=title, severity=severity, declared_at=at)
    session.add(incident)
    session.flush()
    for link in links:
        _add_link(session, incident, link)
    _note(session, incident, actor, f"Declared as {severity}: {title}", at)
    if actor.account_id is not None:  # the person who declares it speaks for it, until someone else takes over
        session.add(
            IncidentRole(
                incident_id=incident.id,
                role=IncidentRoleName.COMMUNICATIONS_LEAD,
                account_id=actor.account_id,
                person=actor.name,
                from_at=at,
            )
        )
    session.flush()
    audit.record(session, actor, "open", "incident", incident.public_id, str(severity))
    return incident


def join_incident(
    session: Session, actor: Actor, post: Post, incident_id: str, links: Sequence[RecordLinkDraft] = ()
) -> None:
    """Have a post speak for an incident, in the caller's transaction, which holds the post's page.

    Raises:
        Conflict: the post speaks for another incident, or a record is linked already.
        Invalid: a record link can't be taken.
        NotFound: the incident doesn't exist.
    """
    incident = _held(session, incident_id)
    if post.incident_id is not None:
        raise Conflict("This post already belongs to an incident.")
    post.incident_id = incident.id
    if post.closed_at is None:
        states.reopen(incident)
    for link in links:
        _add_link(session, incident, link)
    _note(session, incident, actor, f"Post: {post.title}")
    audit.record(session, actor, "tie post", "incident", incident.public_id, page_id=post.page_id)


def row_id(session: Session, incident_id: str) -> int:
    """The row id of an incident.

    Raises:
        NotFound: the incident doesn't exist.
    """
    found = session.scalar(select(Incident.id).where(Incident.public_id == incident_id))
    if found is None:
        raise NotFound("Incident not found.")
    return found


def tie_post(settings: Settings, actor: Actor, page_id: int, post_id: str, incident_id: str) -> None:
    """Have a post of this page speak for an incident from now on.  Nothing public changes.

    Raises:
        Conflict: the post speaks for an incident already.
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the post isn't on the page, or the incident doesn't exist.
    """
    with changing(settings, actor, page_id, needs=Role.LEAD) as change:
        post = change.session.scalar(select(Post).where(Post.public_id == post_id, Post.page_id == page_id))
        if post is None:
            raise NotFound("Post not found.")
        join_incident(change.session, actor, post, incident_id)


def resolve_incident(actor: Actor, incident_id: str) -> None:
    """Close an incident that has no open post; resolving the last one closes it too.

    Raises:
        Conflict: a post that speaks for it is still open.
        NotAllowed: the actor's role isn't enough.
        NotFound: the incident doesn't exist.
    """
    with _changing(actor, incident_id, needs=Role.LEAD) as (change, incident):
        is_spoken_for = exists().where(
            Post.incident_id == incident.id, Post.closed_at.is_(None), Post.withdrawn_at.is_(None)
        )
        if change.session.scalar(select(is_spoken_for)):
            raise Conflict("A public update is still open for this incident. Resolve it first.")
        if incident.resolved_at is None:
            states.resolve(incident, now())
            _note(change.session, incident, actor, "Resolved")
            change.audit("resolve", "incident", incident.public_id)


def reopen_incident(actor: Actor, incident_id: str) -> None:
    """Open an incident again.

    Raises:
        NotAllowed: the actor's role isn't enough.
        NotFound: the incident doesn't exist.
    """
    with _changing(actor, incident_id, needs=Role.LEAD) as (change, incident):
        if incident.resolved_at is not None:
            states.reopen(incident)
            _note(change.session, incident, actor, "Reopened")
            change.audit("reopen", "incident", incident.public_id)


def add_record_link(actor: Actor, incident_id: str, draft: RecordLinkDraft) -> None:
    """Tie an incident to a record in a tracker.

    Raises:
        Invalid: the key or address is invalid.
        Conflict: the incident is tied to it already.
        NotAllowed: the actor's role isn't enough.
        NotFound: the incident doesn't exist.
    """
    with _changing(actor, incident_id) as (change, incident):
        link = _add_link(change.session, incident, draft)
        _note(change.session, incident, actor, f"Linked {link.key}")
        change.audit("link", "incident", incident.public_id, link.tracker)


def set_severity(actor: Actor, incident_id: str, severity: Severity) -> None:
    """Change how severe an incident is.

    Raises:
        Invalid: the severity doesn't exist.
        NotAllowed: the actor's role isn't enough.
        NotFound: the incident doesn't exist.
    """
    wanted = _read_severity(severity)
    with _changing(actor, incident_id) as (change, incident):
        if incident.severity == wanted:
            return
        before, incident.severity = incident.severity, wanted
        incident.version += 1
        _note(change.session, incident, actor, f"Severity changed from {before} to {wanted}")
        change.audit("set severity", "incident", incident.public_id, f"{before} to {wanted}")


def set_role(actor: Actor, incident_id: str, role: IncidentRoleName, *, account_id: str = "", person: str = "") -> None:
    """Give a role to an account (by its public id), or to a person without one, by name; to no one when both are empty.

    Who had it before is kept, up to now.

    Raises:
        Invalid: both are given, the name can't be taken, or the account doesn't exist or can't help in an incident.
        NotAllowed: the actor's role isn't enough.
        NotFound: the incident doesn't exist.
    """
    name = clean_field(person, name="person", label="The name", limit=PERSON_LIMIT, required=False)
    if name and account_id:
        raise Invalid.field("person", "Choose an account or enter a name, not both.")
    with _changing(actor, incident_id) as (change, incident):
        session, at = change.session, now()
        account = _assignable(session, account_id) if account_id else None
        wanted = (account.id, account.name) if account is not None else (None, name)
        before = session.scalars(
            select(IncidentRole).where(
                IncidentRole.incident_id == incident.id, IncidentRole.role == role, IncidentRole.to_at.is_(None)
            )
        ).all()
        if [(held.account_id, held.person) for held in before] == ([wanted] if wanted[1] else []):
            return
        for held in before:
            held.to_at = at
        if wanted[1]:
            session.add(
                IncidentRole(incident_id=incident.id, role=role, account_id=wanted[0], person=wanted[1], from_at=at)
            )
        if account is not None and account.id != actor.account_id:
            what = f"the {incident.severity} incident “{incident.title}”"
            notify_account(
                session,
                account.id,
                AccountNoticeKind.ROLE_GIVEN,
                subject=f"You're the {role.label}: {incident.title}",
                body=f"{actor.name} gave you the role {role.label} in {what}.",
                path=f"/board/{incident.public_id}",
            )
        _note(session, incident, actor, f"{role.label}: {wanted[1] or 'nobody'}", at)
        change.audit(
            "set role",
            "incident",
            incident.public_id,
            role,
            before={"person": ", ".join(held.person for held in before)},
            after={"person": wanted[1]},
        )


def add_timeline_entry(actor: Actor, incident_id: str, text: str) -> None:
    """Write one line into an incident's timeline.

    Raises:
        Invalid: the text is empty or too long.
        NotAllowed: the actor's role isn't enough.
        NotFound: the incident doesn't exist.
    """
    entry = clean_field(text, name="text", label="The entry", limit=ENTRY_LIMIT, multiline=True)
    with _changing(actor, incident_id) as (change, incident):
        _note(change.session, incident, actor, entry)
        change.audit("note", "incident", incident.public_id)


@contextmanager
def _changing(
    actor: Actor, incident_id: str, *, needs: Role = Role.RESPONDER
) -> Iterator[tuple[InstallationChange, Incident]]:
    """An incident, locked, and the frame around its change.  An incident may concern several pages, or none."""
    with changing_installation(actor, needs=needs, on_any_page=True) as change:
        yield change, _held(change.session, incident_id)


def _held(session: Session, incident_id: str) -> Incident:
    incident = session.scalar(select(Incident).where(Incident.public_id == incident_id).with_for_update())
    if incident is None:
        raise NotFound("Incident not found.")
    return incident


def _assignable(session: Session, account_id: str) -> Account:
    """An account that may take a role in an incident.  Raises Invalid."""
    account = session.scalar(select(Account).where(Account.public_id == account_id))
    if account is None:
        raise Invalid.field("account", "Account not found. Choose one from the list.")
    if not account.active:
        raise Invalid.field("account", f"{account.name}'s account is deactivated. Choose someone else.")
    if session.scalar(select(Membership.id).where(Membership.account_id == account.id).limit(1)) is None:
        raise Invalid.field(
            "account", f"{account.name} has no role on any page. Grant one first, or choose someone else."
        )
    return account


def _read_severity(severity: str) -> Severity:
    try:
        return Severity(severity)
    except ValueError:
        raise Invalid.field("severity", SEVERITY_SENTENCE) from None


def read_link(draft: RecordLinkDraft) -> tuple[str, str, str]:
    """A record link's tracker, key and address; the key is the one typed, else the one that the address names.

    Raises:
        Invalid: the key or address is invalid.
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
