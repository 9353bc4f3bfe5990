"""Internal incidents from a shell."""

import pytest

from tests.cli.shell import Shell

pytestmark = pytest.mark.database


def test_declared_staffed_tied_and_resolved(candor: Shell) -> None:
    made = str(candor.json("incident", "declare", "--title", "Checkout fails", "--severity", "P1")["id"])
    (listed,) = candor.json("incident", "list")["incidents"]  # type: ignore[misc]
    assert (listed["id"], listed["severity"], listed["posts"]) == (made, "P1", [])
    role = ("incident", "role", made, "deputy_incident_commander")
    assert candor.json(*role, "--account", "lena@example.com")["person"]
    assert candor.run(*role, "--account", "nobody@example.com").returncode == 2
    assert candor.run(*role, "--account", "lena@example.com", "--person", "Ravi").returncode == 2
    words = ("post", "open", "--title", "Slow", "--body", "We look.", "--next-update-in", "30")
    post = str(candor.json(*words)["post"])
    assert candor.json("incident", "post", made, post)["post"] == post
    assert "still open" in candor.run("incident", "resolve", made).stderr
    shown = candor.json("incident", "show", made)
    assert [one["id"] for one in shown["posts"]] == [post]  # type: ignore[attr-defined]
    assert candor.run("incident", "declare", "--title", " ", "--severity", "P1").returncode == 2
    assert candor.run("incident", "show", "nobody").returncode == 2
