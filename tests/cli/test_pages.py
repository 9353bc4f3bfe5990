"""The page's look and its announcements from a shell."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.clock import now
from tests.cli.shell import Shell
from tests.pictures import png

pytestmark = pytest.mark.database


def front_of(candor: Shell) -> str:
    return (candor.settings.public_root / "default" / "current" / "index.html").read_text()


def test_an_announcement_from_its_first_word_to_its_end(candor: Shell) -> None:
    made = candor.json("announcement", "create", "--title", "Office closed", "--body-stdin", stdin="Back *Monday*.")
    public_id = str(made["id"])
    assert "Back <em>Monday</em>." in front_of(candor)
    candor.json(
        "announcement",
        "edit",
        public_id,
        "--title",
        "Office open",
        "--until",
        f"{now() + timedelta(days=1):%Y-%m-%dT%H:%M%z}",
    )
    wrong = candor.run("announcement", "edit", public_id, "--until", "2090-01-01T12:00")
    assert (wrong.returncode, "has no time zone" in wrong.stderr) == (2, True)
    far = candor.run("announcement", "edit", public_id, "--until", "2019-01-01T12:00Z")
    assert (far.returncode, "Choose a later end" in far.stderr) == (2, True)
    assert "Back <em>Monday</em>." in front_of(candor)
    assert candor.json("announcement", "end", public_id) == {"id": public_id}
    assert "Office" not in front_of(candor)
    assert candor.json("announcement", "list") == {"announcements": []}
    (over,) = candor.json("announcement", "list", "--all")["announcements"]  # type: ignore[misc, attr-defined]
    assert (over["title"], over["state"]) == ("Office open", "over")
    assert candor.run("announcement", "end", "zzzzzzzzzzzz").returncode == 2


def test_an_announcement_that_leaks_needs_a_second_word(candor: Shell) -> None:
    words = ("announcement", "create", "--title", "Notice", "--body", "See http://10.0.0.5/admin")
    refused = candor.run(*words)
    assert refused.returncode == 2
    assert "10.0.0.5" in refused.stderr
    assert "No announcements." in candor.run("announcement", "list").stdout
    candor.json(*words, "--publish-anyway")


def test_only_what_is_named_of_the_page_changes(candor: Shell, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png(40, 40))
    before = candor.json("page", "show")
    candor.json("page", "set", "--accent", "#1f4f8f", "--language", "de", "--logo", str(tmp_path / "logo.png"))
    after = candor.json("page", "show")
    assert (after["accent"], after["languages"], after["logo"]) == ("#1f4f8f", ["en", "de"], True)
    assert (after["name"], after["time_zone"]) == (before["name"], before["time_zone"])
    candor.json("page", "set", "--no-logo")
    assert candor.json("page", "show")["logo"] is False


def test_mail_gets_a_sender_of_its_own(candor: Shell) -> None:
    assert candor.json("page", "show")["mail_from"] == ""
    candor.json("page", "set", "--mail-from", "Acme <status@acme.example>")
    assert candor.json("page", "show")["mail_from"] == "Acme <status@acme.example>"
    candor.json("page", "set", "--mail-from", "")
    assert candor.json("page", "show")["mail_from"] == ""


def test_what_can_not_be_taken_is_said_and_changes_nothing(candor: Shell) -> None:
    before = candor.json("page", "show")
    for words, said in (
        ((), "Choose at least one option"),
        (("--accent", "red"), "Enter a color"),
        (("--locale", "xx"), "xx"),
        (("--name", "Other", "--logo", "/nowhere.png"), "does not exist"),
        (("--logo", __file__), "picture"),
        (("--mail-from", "Acme\nBcc: everybody@acme.example <status@acme.example>"), "control character"),
        (("--logo", __file__, "--no-logo"), "not both"),
    ):
        done = candor.run("page", "set", *words)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert candor.json("page", "show") == before


def test_a_post_is_pinned_and_let_go(candor: Shell) -> None:
    post = str(candor.json("post", "open", "--title", "Slow", "--body", "We look.")["post"])
    candor.json("post", "resolve", post, "--body", "Over.")
    assert candor.json("post", "pin", post) == {"id": post, "pinned": True}
    assert "Still worth reading" in front_of(candor)
    candor.json("post", "pin", post, "--off")
    assert "Still worth reading" not in front_of(candor)
