"""The verdict, as a table: exact texts, worst first, nothing hidden by maintenance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.publish.verdict import OpenPost, verdict
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus

UP, MAINTENANCE, UNKNOWN, DEGRADED, PARTIAL, MAJOR = ComponentStatus
STATUSES = st.lists(st.sampled_from(ComponentStatus), max_size=8)


def incident(impact: Impact, *, tied: bool = False) -> OpenPost:
    return OpenPost(PostKind.INCIDENT, PostStatus.INVESTIGATING, impact, tied)


def maintenance(status: PostStatus) -> OpenPost:
    return OpenPost(PostKind.MAINTENANCE, status, Impact.MAINTENANCE, False)


@pytest.mark.parametrize(
    ("statuses", "posts", "indicator", "text"),
    [
        ([], [], "none", "All Systems Operational"),
        ([UP, UP], [], "none", "All Systems Operational"),
        ([UP, DEGRADED], [], "minor", "Partially Degraded Service"),
        ([DEGRADED, MAINTENANCE], [], "minor", "Partially Degraded Service"),
        ([DEGRADED, DEGRADED], [], "minor", "Degraded System Service"),
        ([UP, PARTIAL], [], "minor", "Minor Service Outage"),
        ([DEGRADED, PARTIAL, MAINTENANCE], [], "minor", "Minor Service Outage"),
        ([PARTIAL, PARTIAL], [], "major", "Partial System Outage"),
        ([PARTIAL, MAJOR], [], "major", "Partial System Outage"),
        ([UP, MAJOR], [], "major", "Partial System Outage"),
        ([MAJOR, MAINTENANCE], [], "major", "Partial System Outage"),
        ([MAJOR, MAJOR], [], "critical", "Major System Outage"),
        ([UP, MAINTENANCE], [], "maintenance", "Service Under Maintenance"),
        ([UP, UNKNOWN], [], "minor", "Status Partly Unknown"),
        ([UP], [incident(Impact.NONE)], "none", "All Systems Operational"),
        ([UP], [incident(Impact.MINOR)], "minor", "Minor Service Outage"),
        ([UP], [incident(Impact.MAJOR)], "major", "Partial System Outage"),
        ([], [incident(Impact.CRITICAL), incident(Impact.MINOR)], "critical", "Major System Outage"),
        ([UP], [incident(Impact.CRITICAL, tied=True)], "none", "All Systems Operational"),
        ([MAINTENANCE], [incident(Impact.MAJOR)], "major", "Partial System Outage"),
        ([DEGRADED, UP], [incident(Impact.CRITICAL)], "minor", "Partially Degraded Service"),
        ([UP], [maintenance(PostStatus.SCHEDULED)], "none", "All Systems Operational"),
        ([UP], [maintenance(PostStatus.IN_PROGRESS)], "maintenance", "Service Under Maintenance"),
    ],
)
def test_the_rule(statuses: list[ComponentStatus], posts: list[OpenPost], indicator: str, text: str) -> None:
    found = verdict(statuses, posts)
    assert (found.indicator.value, found.text) == (indicator, text)


@given(STATUSES)
def test_it_is_all_well_only_when_everything_is(statuses: list[ComponentStatus]) -> None:
    assert (verdict(statuses).indicator is Impact.NONE) == all(status is UP for status in statuses)


@given(STATUSES)
def test_maintenance_never_hides_anything(statuses: list[ComponentStatus]) -> None:
    before, after = verdict(statuses), verdict([*statuses, MAINTENANCE])
    troubled = any(status not in {UP, MAINTENANCE} for status in statuses)
    assert not troubled or after.indicator not in {Impact.NONE, Impact.MAINTENANCE}
    assert troubled or before.indicator in {Impact.NONE, Impact.MAINTENANCE}
