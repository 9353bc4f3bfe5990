"""The internal record: links, severity, roles and timeline."""

import pytest
from sqlalchemy import select

from app.actions import incidents as actions
from app.actions.accounts import accounts
from app.actions.posts.publishing import open_post, publish_update
from app.clock import now
from app.db import session, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.models.account import Account
from app.models.incident import Incident, IncidentRole, TimelineEntry
from app.models.record_link import RecordLink
from app.queries.incidents import incident_row
from app.settings import Settings
from app.shapes import RecordLinkDraft, UpdateDraft
from app.states import incidents as states
from app.vocabulary import IncidentRoleName, PostStatus, Role, Severity
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA, RAVI, make_page
from tests.web.people import make_account

pytestmark = pytest.mark.database
JIRA = RecordLinkDraft(key="", url="https://acme.atlassian.net/browse/OPS-7")


def opened(*links: RecordLinkDraft) -> str:
    return actions.declare_incident(LENA, title="Checkout fails", severity=Severity.P1, links=links)


def incident_of(public_id: str) -> Incident:
    return session().scalars(select(Incident).where(Incident.public_id == public_id)).one()


def timeline(public_id: str) -> list[str]:
    entries = select(TimelineEntry.text).join(Incident).where(Incident.public_id == public_id)
    return list(session().scalars(entries.order_by(TimelineEntry.id)))


def test_a_key_is_read_from_the_address_of_a_known_tracker(page_id: int) -> None:
    incident_id = opened(JIRA)
    link = session().scalars(select(RecordLink).where(RecordLink.incident_id == incident_of(incident_id).id)).one()
    assert (link.tracker, link.key) == ("jira", "OPS-7")


def test_the_same_record_is_linked_once(page_id: int) -> None:
    incident_id = opened(JIRA)
    with pytest.raises(Conflict):
        actions.add_record_link(RAVI, incident_id, JIRA)
    actions.add_record_link(RAVI, incident_id, RecordLinkDraft("W-1", "https://wiki.example.com/W-1"))
    assert len(list(session().scalars(select(RecordLink)))) == 2
    assert timeline(incident_id)[-1] == "Linked W-1"


@pytest.mark.parametrize(
    "url", ["", "OPS-7", "javascript:alert(1)", "http://[::1", "https://", "https://x/" + "a" * 9000]
)
def test_addresses_that_are_none_are_refused(page_id: int, url: str) -> None:
    incident_id = opened()
    with pytest.raises(Invalid) as caught:
        actions.add_record_link(RAVI, incident_id, RecordLinkDraft("K", url))
    assert "record_url" in caught.value.fields


def test_severity_changes_are_on_the_timeline_once(page_id: int) -> None:
    incident_id = opened()
    actions.set_severity(RAVI, incident_id, Severity.P0)
    actions.set_severity(RAVI, incident_id, Severity.P0)
    assert timeline(incident_id)[1:] == ["Severity changed from P1 to P0"]
    assert incident_of(incident_id).severity == "P0"


def test_a_role_passes_on_and_who_had_it_is_kept(page_id: int) -> None:
    incident_id = opened()
    for person in ("Ravi", "Ravi", "Mia", ""):
        actions.set_role(RAVI, incident_id, IncidentRoleName.INCIDENT_COMMANDER, person=person)
    held = session().scalars(select(IncidentRole).order_by(IncidentRole.id)).all()
    assert [(role.person, role.to_at is not None) for role in held] == [("Ravi", True), ("Mia", True)]


def test_a_role_is_given_to_an_account_and_to_nobody_who_can_not_help(page_id: int) -> None:
    incident_id = opened()
    mia, gone = make_account(Role.RESPONDER, "mia@example.com", "Mia"), make_account(Role.VIEWER, name="Gone")
    accounts.deactivate(ALICE, gone)
    with transaction() as writing:
        lone = Account(email="lone@example.com", name="Lone", password_hash="x")
        writing.add(lone)
        writing.flush()
        without_a_role = lone.public_id
    deputy = IncidentRoleName.DEPUTY_COMMUNICATIONS_LEAD
    for refused, field in (
        ({"account_id": "nobody"}, "account"),
        ({"account_id": gone}, "account"),
        ({"account_id": without_a_role}, "account"),
        ({"account_id": mia, "person": "Ravi"}, "person"),
        ({"person": "x" * 101}, "person"),
    ):
        with pytest.raises(Invalid) as caught:
            actions.set_role(RAVI, incident_id, deputy, **refused)
        assert list(caught.value.fields) == [field], refused
    assert not session().scalars(select(IncidentRole)).all()
    session().rollback()
    actions.set_role(RAVI, incident_id, deputy, person="Mia")
    actions.set_role(RAVI, incident_id, deputy, account_id=mia)
    before, now_held = incident_row(session(), incident_id).roles
    assert (before.person, before.account_id, before.to_at) == ("Mia", "", now_held.from_at)
    assert (now_held.person, now_held.account_id, now_held.to_at) == ("Mia", mia, None)
    assert timeline(incident_id)[-1] == "Deputy Communications Lead: Mia"


def test_an_incident_is_declared_alone_and_closed_once_nothing_public_is_open(settings: Settings, page_id: int) -> None:
    with pytest.raises(NotAllowed):
        actions.declare_incident(RAVI, title="Checkout fails", severity=Severity.P1)
    for title, severity in ((" ", Severity.P1), ("x" * 201, Severity.P1), ("Checkout", "P9")):
        with pytest.raises(Invalid):
            actions.declare_incident(LENA, title=title, severity=severity)  # type: ignore[arg-type]
    assert not session().scalars(select(Incident)).all()
    session().rollback()
    first, second = opened(), opened()
    post = open_post(settings, LENA, page_id, draft()).post_id
    actions.tie_post(settings, LENA, page_id, post, first)
    with pytest.raises(Conflict, match="already belongs"):
        actions.tie_post(settings, LENA, page_id, post, second)
    with pytest.raises(NotFound):
        actions.tie_post(settings, LENA, make_page("Other", slug="other"), post, second)
    with pytest.raises(Conflict, match="still open"):
        actions.resolve_incident(LENA, first)
    actions.resolve_incident(LENA, second)
    assert incident_of(second).resolved_at is not None
    session().rollback()
    actions.reopen_incident(LENA, second)
    assert incident_of(second).resolved_at is None
    publish_update(
        settings, LENA, page_id, post, UpdateDraft(PostStatus.RESOLVED, "It is over.", "key-00000002", version=None)
    )
    session().rollback()
    assert incident_of(first).resolved_at is not None, "it is over with its last post"


def test_timeline_entries_are_cleaned_and_not_empty(page_id: int) -> None:
    incident_id = opened()
    actions.add_timeline_entry(RAVI, incident_id, "Rolled back\x00 the deploy\nall regions")
    assert timeline(incident_id)[-1] == "Rolled back the deploy\nall regions"
    with pytest.raises(Invalid):
        actions.add_timeline_entry(RAVI, incident_id, " \n ")


def test_the_first_time_resolved_stands(page_id: int) -> None:
    incident_id = opened()
    first = now()
    with transaction() as current:
        incident = current.scalars(select(Incident).where(Incident.public_id == incident_id)).one()
        states.resolve(incident, first)
        states.resolve(incident, now())
    assert incident_of(incident_id).resolved_at == first


def test_an_incident_that_is_not_there(page_id: int) -> None:
    with pytest.raises(NotFound):
        actions.set_severity(RAVI, "nobody", Severity.P0)
