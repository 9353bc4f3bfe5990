"""Scheduled publication from a shell."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.shell import Shell

pytestmark = pytest.mark.database


def test_scheduled_listed_taken_back_and_published(candor: Shell) -> None:
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    words = ("post", "open", "--title", "Slow", "--body", "We look.", "--next-update-in", "30", "--publish-at", at)
    draft = str(candor.json(*words)["draft"])
    (listed,) = candor.json("draft", "list")["drafts"]  # type: ignore[misc]
    assert (listed["id"], listed["state"]) == (draft, "scheduled")
    assert candor.json("post", "list")["posts"] == []
    assert candor.json("draft", "unschedule", draft)["state"] == "editing"
    post = str(candor.json("draft", "publish", draft)["post"])
    assert candor.json("draft", "publish", draft)["repeated"] is True
    later = candor.json("post", "update", post, "--body", "More.", "--publish-at", at)
    assert candor.json("draft", "discard", str(later["draft"]))["state"] == "discarded"
    assert candor.json("draft", "list")["drafts"] == []


@pytest.mark.parametrize("at", ["yesterday", "2099-01-01T12:00", "2020-01-01T12:00Z", ""])
def test_a_time_that_cannot_be_meant_is_refused_and_nothing_is_kept(candor: Shell, at: str) -> None:
    done = candor.run("post", "open", "--title", "Slow", "--body", "We look.", "--publish-at", at or " ")
    assert (done.returncode, done.stdout) == (2, "")
    assert candor.json("draft", "list")["drafts"] == []
