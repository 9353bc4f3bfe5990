"""The internal record: links, severity, roles and timeline."""

import pytest
from sqlalchemy import select

from app.actions import incidents as actions
from app.clock import now
from app.db import session, transaction
from app.errors import Conflict, Invalid, NotFound
from app.models.incident import Incident, IncidentRole, TimelineEntry
from app.models.record_link import RecordLink
from app.shapes import RecordLinkDraft
from app.states import incidents as states
from app.vocabulary import Severity
from tests.factories import LENA, RAVI

pytestmark = pytest.mark.database
JIRA = RecordLinkDraft(key="", url="https://acme.atlassian.net/browse/OPS-7")


def opened(*links: RecordLinkDraft) -> int:
    with transaction() as current:
        return actions.open_incident(current, LENA, title="Checkout fails", severity=Severity.P1, links=links).id


def timeline(incident_id: int) -> list[str]:
    entries = select(TimelineEntry.text).where(TimelineEntry.incident_id == incident_id).order_by(TimelineEntry.id)
    return list(session().scalars(entries))


def test_a_key_is_read_from_the_address_of_a_known_tracker(page_id: int) -> None:
    incident_id = opened(JIRA)
    link = session().scalars(select(RecordLink).where(RecordLink.incident_id == incident_id)).one()
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
    assert session().get_one(Incident, incident_id).severity == "P0"


def test_a_role_passes_on_and_who_had_it_is_kept(page_id: int) -> None:
    incident_id = opened()
    for person in ("Ravi", "Ravi", "Mia", ""):
        actions.set_role(RAVI, incident_id, "incident_commander", person)
    held = session().scalars(select(IncidentRole).order_by(IncidentRole.id)).all()
    assert [(role.person, role.to_at is not None) for role in held] == [("Ravi", True), ("Mia", True)]
    with pytest.raises(Invalid):
        actions.set_role(RAVI, incident_id, "king", "Ravi")


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
        incident = current.get_one(Incident, incident_id)
        states.resolve(incident, first)
        states.resolve(incident, now())
    assert session().get_one(Incident, incident_id).resolved_at == first


def test_an_incident_that_is_not_there(page_id: int) -> None:
    with pytest.raises(NotFound):
        actions.set_severity(RAVI, 4711, Severity.P0)
