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
    other = str(candor.json("incident", "declare", "--title", "Other", "--severity", "P2")["id"])
    assert candor.run(*words, "--incident", "nobody").returncode == 2
    spoken = candor.json(*words, "--incident", other)["post"]
    assert [one["id"] for one in candor.json("incident", "show", other)["posts"]] == [spoken]  # type: ignore[attr-defined]
    mail = ("user", "contact", "add", "lena@example.com")
    contact = str(candor.json(*mail, "sms", "+1 202 555 0123", "--verified")["id"])
    assert candor.json("user", "contact", "default", contact)["default"] is True
    listed_contacts = candor.json("user", "contact", "list", "lena@example.com")["contacts"]
    assert [one["address"] for one in listed_contacts] == ["+12•••23", "l•••@e•••.com"]  # type: ignore[attr-defined]
    (notice,) = candor.json("user", "notices")["notices"]  # type: ignore[misc]
    assert (notice["kind"], notice["state"], notice["to"]) == ("role_given", "pending", "l•••@e•••.com")
    assert candor.run("user", "contact", "add", "lena@example.com", "sms", "12").returncode == 2
    assert candor.run("user", "contact", "remove", "nobody").returncode == 2
    candor.json("user", "contact", "remove", contact)
    assert "still open" in candor.run("incident", "resolve", made).stderr
    shown = candor.json("incident", "show", made)
    assert [one["id"] for one in shown["posts"]] == [post]  # type: ignore[attr-defined]
    assert candor.run("incident", "declare", "--title", " ", "--severity", "P1").returncode == 2
    assert candor.run("incident", "show", "nobody").returncode == 2
