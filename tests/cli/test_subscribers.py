"""`candor subscribers`, `candor canary` and `candor limits`, as a person types them."""

from pathlib import Path

import pytest

from tests.cli.shell import Shell

pytestmark = pytest.mark.database


def test_out_and_in_again_gives_the_same(candor: Shell, tmp_path: Path) -> None:
    source, copy = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("channel,address,state\nemail,ann@example.com,active\nemail,bob@example.com,asleep\n")
    tried = candor.json("subscribers", "import", str(source), "--dry-run")
    assert tried["counts"] == {"taken": 1, "refused": 1}
    done = candor.run("subscribers", "import", str(source))
    assert done.returncode == 0
    assert "line 3: “asleep” isn't a state." in done.stdout
    assert candor.json("subscribers", "export", str(copy))["subscribers"] == 1
    assert copy.stat().st_mode & 0o077 == 0
    first = copy.read_text()
    assert candor.json("subscribers", "erase", "Ann@example.com", "--never-again")["subscriptions"] == 1
    candor.json("subscribers", "export", str(copy))
    assert "ann@" not in copy.read_text()
    copy.write_text(first)
    again = candor.json("subscribers", "import", str(copy))
    assert again["refused"] == [{"line": 2, "reason": "This address asked never to be contacted."}]
    assert candor.run("subscribers", "erase", "nobody@example.com").returncode == 2


def test_a_sheet_without_names_of_columns_is_one_sentence(candor: Shell, tmp_path: Path) -> None:
    sheet = tmp_path / "people.csv"
    sheet.write_text("a@b.example\nc@d.example\n")
    done = candor.run("subscribers", "import", str(sheet), "--dry-run")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and "ValueError" not in done.stderr


def test_a_canary_is_added_run_and_proves_nothing_without_a_mail_server(candor: Shell) -> None:
    assert "No canaries yet" in candor.run("canary", "list").stdout
    candor.json("canary", "add", "email", "me@example.com")
    assert candor.json("canary", "run", "--wait", "0")["canaries"]
    candor.run("worker", "--once")
    listed = candor.run("canary", "list").stdout
    assert "Email, Canary (Email): never proven: not sent: no mail server is configured" in listed
    assert "warn  canaries: Email: never proven" in candor.run("doctor").stdout
    assert candor.run("canary", "remove", "me@example.com").returncode == 0


def test_limits_from_a_shell(candor: Shell) -> None:
    candor.json("limits", "set", "email", "example.com", "--per-second", "5", "--connections", "2")
    candor.json("limits", "pause", "sms", "--why", "the provider asked")
    listed = candor.run("limits", "list").stdout
    assert "email    example.com                    5 a second, 2 at once" in listed
    assert "sms      (all)                          paused: the provider asked" in listed
    assert "warn  pauses: sms: the provider asked" in candor.run("doctor").stdout
    candor.json("limits", "resume", "sms")
    assert [row["channel"] for row in candor.json("limits", "list")["limits"]] == ["email"]  # type: ignore[attr-defined]
    assert candor.run("limits", "resume", "chat").returncode == 2
