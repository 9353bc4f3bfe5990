"""Trackers: addresses that are recognised, and those that are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.records.base import Recognised, Tracker
from app.records.registry import UNKNOWN, label, recognise, trackers


@pytest.mark.parametrize(
    ("url", "tracker", "key"),
    [
        ("https://acme.atlassian.net/browse/OPS-12?focused=1", "jira", "OPS-12"),
        ("https://jira.acme.example/jira/browse/OPS-12/", "jira", "OPS-12"),
        ("https://github.com/acme/api/issues/3#issuecomment-1", "github", "acme/api#3"),
        ("https://gitlab.acme.example/group/sub/api/-/issues/4", "gitlab", "group/sub/api#4"),
        ("https://linear.app/acme/issue/ENG-5/it-is-slow", "linear", "ENG-5"),
        ("https://acme.pagerduty.com/incidents/Q1ABCDEF", "pagerduty", "Q1ABCDEF"),
        (
            "https://acme.service-now.com/nav_to.do?uri=incident.do%3Fsysparm_query=number%3DINC0012345",
            "servicenow",
            "INC0012345",
        ),
        ("https://tracker.example/tickets/77/", "other", "77"),
        ("https://tracker.example", "other", "tracker.example"),
        ("https://github.com.evil.example/acme/api/issues/3", "other", "3"),
    ],
)
def test_records_are_recognised(url: str, tracker: str, key: str) -> None:
    assert recognise(url) == Recognised(tracker, key)


@pytest.mark.parametrize(
    "url", ["", "OPS-1", "javascript:alert(1)", "ftp://x/y", "https://", "https://[", "https://x/\n", "https://x/ y"]
)
def test_what_is_not_a_web_address_is_refused(url: str) -> None:
    if url.strip() == "https://x/":
        assert recognise(url).tracker == "other"
        return
    with pytest.raises(Invalid, match="valid web address"):
        recognise(url)


@given(st.text(max_size=300))
def test_any_path_gives_a_key(path: str) -> None:
    try:
        found = recognise("https://tracker.example/" + path)
    except Invalid:
        return
    assert 0 < len(found.key) <= 200


def test_trackers_are_found_by_themselves() -> None:
    assert {one.name for one in trackers()} >= {"jira", "github", "gitlab", "linear", "pagerduty", "servicenow"}


@pytest.mark.parametrize("tracker", trackers(), ids=lambda tracker: tracker.name)
def test_every_tracker_says_its_name_and_label(tracker: Tracker) -> None:
    assert tracker.name.isascii() and tracker.name.islower() and 2 <= len(tracker.name) <= 16
    assert label(tracker.name) == tracker.label and tracker.label.strip()
    assert tracker.name != UNKNOWN and label(UNKNOWN) == UNKNOWN
