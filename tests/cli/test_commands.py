"""The command line through its front door: real processes, words for people, JSON for machines, exit codes."""

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask

from app.publish.refresh import published_revision
from app.settings import Settings
from tests.cli.shell import PASSWORD, Shell
from tests.processes import ROOT, free_port, running, start, wait_until_answers

pytestmark = pytest.mark.database
SAMPLES = ROOT / "tests" / "data" / "statuspage"


def test_the_main_job_without_a_browser(candor: Shell) -> None:
    component = str(candor.json("component", "add", "API", "--group", "Platform")["id"])
    effect = f"{component}=partial_outage"
    made = candor.json("post", "open", "--title", "Slow", "--body-stdin", "--component", effect, stdin="We look.")
    post = str(made["post"])
    candor.json("post", "update", post, "--status", "identified", "--body", "We know.")
    page = (candor.settings.public_root / "default" / "current" / "index.html").read_text()
    assert "We know." in page
    assert "Partial System Outage" in page
    candor.json("post", "resolve", post, "--body", "Over.", "--component", f"{component}=operational")
    assert candor.json("post", "list")["posts"] == []
    shown = candor.json("post", "show", post)
    assert [one["status"] for one in shown["updates"]] == ["resolved", "identified", "investigating"]  # type: ignore[attr-defined]


def test_the_same_key_publishes_once(candor: Shell) -> None:
    words = ("post", "open", "--title", "Slow", "--body", "We look.", "--key", "deploy-4711")
    made = candor.json(*words)
    assert [made["repeated"], candor.json(*words)["repeated"]] == [False, True]
    post = str(made["post"])
    more = ("post", "update", post, "--body", "More.", "--next-update-in", "30", "--key", "k")
    assert candor.json(*more)["repeated"] is False
    candor.json("post", "update", post, "--status", "identified", "--body", "We know.")
    assert candor.json(*more)["repeated"] is True, "what stands now is not part of what was asked for"


@pytest.mark.parametrize("other", [("--title", "Fast"), ("--body", "No."), ("--no-notify",), ("--next-update-in", "9")])
def test_the_same_key_with_other_content_is_refused(candor: Shell, other: tuple[str, ...]) -> None:
    words = ("post", "open", "--title", "Slow", "--body", "We look.", "--key", "deploy-4711")
    candor.json(*words)
    done = candor.run(*words, *other)
    assert done.returncode == 2
    assert "already used for different content" in done.stderr
    assert "1 to 128 printable ASCII" in candor.run(*words[:-1], "x" * 129).stderr
    assert len(candor.json("post", "list")["posts"]) == 1  # type: ignore[arg-type]


def test_sample_data_is_loaded_once_and_sends_nothing(candor: Shell) -> None:
    assert candor.json("sample") == {"loaded": True}
    assert candor.json("sample") == {"loaded": False}
    assert candor.run("worker", "--once").returncode == 0
    assert not (candor.settings.outbox).exists()
    page = (candor.settings.public_root / "default" / "current" / "index.html").read_text()
    assert "Search results are incomplete" in page


def test_people_and_subscribers(candor: Shell) -> None:
    add = ("user", "add", "--email", "ravi@example.com", "--role", "responder", "--password-stdin")
    candor.json(*add, stdin=PASSWORD)
    assert candor.run(*add, stdin=PASSWORD).returncode == 2
    candor.json("user", "deactivate", "ravi@example.com")
    users = candor.json("user", "list")["users"]
    assert [(u["email"], u["active"]) for u in users] == [("lena@example.com", True), ("ravi@example.com", False)]  # type: ignore[attr-defined]
    eve = candor.json("subscribers", "add", "email", "eve@example.com", "--confirmed")
    assert eve["confirmed"] is True and eve["id"]
    secret = candor.json("subscriber", "add", "webhook", "https://example.com/hook", "--label", "Pager")["secret"]
    assert str(secret).startswith("whsec_")
    counts = candor.json("subscriber", "list")["subscribers"]
    assert [(one["channel"], one["count"]) for one in counts] == [("email", 1), ("webhook", 1)]  # type: ignore[attr-defined]


def test_import_reports_what_it_took(candor: Shell) -> None:
    dry = candor.json("import", "statuspage", str(SAMPLES / "summaries"), "--dry-run")
    assert dry["counts"] == {"taken": 25}
    assert candor.json("import", "statuspage", str(SAMPLES / "summaries"))["counts"] == {"taken": 25}
    assert candor.json("import", "statuspage", str(SAMPLES / "summaries"))["counts"] == {"unchanged": 25}


def test_doctor_finds_nothing_wrong_and_then_a_missing_mail_server(candor: Shell) -> None:
    assert candor.json("doctor")["ok"] is True
    done = candor.run("doctor", SMTP_URL="smtp://127.0.0.1:1")
    assert done.returncode == 1
    assert "fail  mail: 127.0.0.1:1 doesn't respond" in done.stdout


def test_doctor_says_when_readers_do_not_see_what_is_published(candor: Shell) -> None:
    assert "ok    page: it shows everything that is published" in candor.run("doctor").stdout
    page = candor.settings.public_root / "default"
    shutil.move(page, page.with_name("elsewhere"))
    done = candor.run("doctor")
    assert done.returncode == 1
    assert "fail  page: The page is older than what is published." in done.stdout


READING = (
    "post open --title x --body x", "post list", "component list", "publish", "user list", "subscribers list",
    "limits list", "import statuspage {samples}", "archive {home}/page.zip",
)  # fmt: skip


@pytest.mark.parametrize("words", READING)
def test_a_database_that_is_not_there_is_one_sentence_and_exit_code_75(shell: Shell, words: str) -> None:
    typed = words.format(samples=SAMPLES / "summaries", home=shell.settings.home).split()
    done = shell.run(*typed, DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (75, 1), done.stderr
    assert "The database isn't responding." in done.stderr


def test_doctor_says_of_every_check_that_the_database_is_not_there(shell: Shell) -> None:
    done = shell.run("doctor", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert done.returncode == 1
    assert "The check itself failed" not in done.stdout
    assert "fail  canaries: The database isn't responding." in done.stdout


def test_publish_renders_again(candor: Shell) -> None:
    at = published_revision(candor.settings, "default")
    assert candor.json("publish") == {"revision": at}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("post", "open", "--title", " ", "--body", "x"), 2, "The title is empty"),
        (("post", "open", "--title", "x" * 300, "--body", "x"), 2, "too long"),
        (("post", "open", "--title", "x", "--body", "see 10.1.2.3"), 2, "internal"),
        (("post", "open", "--title", "x", "--body", "x", "--component", "nonsense"), 2, "ID=STATUS"),
        (("post", "open", "--title", "x", "--body", "x", "--component", "zz=operational"), 2, "exist on this page"),
        (("post", "open", "--title", "x", "--body", "x", "--record", "K=javascript:x", "--severity", "P1"), 2, "http"),
        (("post", "update", "nothere", "--body", "x"), 2, "not found"),
        (("component", "set", "nothere", "operational"), 2, "Component not found"),
        (("import", "statuspage", "nowhere.json"), 2, "nowhere.json"),
        (("user", "add", "--email", "x", "--role", "king"), 2, "king"),
        (("init", "--page", "x", "--email", "a@example.com"), 2, "already set up"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(candor: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    done = candor.run(*words)
    assert done.returncode == code
    assert said.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PORT", "70000", "PORT '70000' is out of range"),
        ("PORT", "http", "PORT 'http' is not a whole number"),
        ("BASE_URL", "example.com", "BASE_URL 'example.com' is not an address"),
        ("DATABASE_URL", "mysql://u:hunter2@h/x", "DATABASE_URL is not a database Candor knows"),
        ("SMTP_URL", "ftp://u:hunter2@h", "SMTP_URL is not an address"),
        ("SMS_COUNTRIES", "Germany", "SMS_COUNTRIES 'Germany' is not a list of two-letter country codes"),
        ("SECRET_KEY", "short", "SECRET_KEY is too short"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL 'LOUD' is not a level"),
        ("SMTP_URL_FILE", "nowhere", "SMTP_URL_FILE names a file that can't be read"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_line(shell: Shell, variable: str, value: str, said: str) -> None:
    done = shell.run("web", **{variable: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"candor: {said}")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "hunter2" not in done.stderr


def test_a_taken_port_is_said_plainly(candor: Shell) -> None:
    taken = candor.settings.with_changes(port=free_port())
    with running(taken, "web"):
        wait_until_answers(f"http://127.0.0.1:{taken.port}/")
        done = Shell(taken).run("web")
    assert (done.returncode, "Choose another with PORT" in done.stderr) == (1, True)


def test_up_prints_one_line_with_the_set_up_link(app: Flask, settings: Settings) -> None:
    chosen = settings.with_changes(port=free_port())
    with running(chosen, "up"):
        wait_until_answers(f"http://127.0.0.1:{chosen.port}/")
        said = Path(chosen.home / "up.log").read_text()
    assert said.count("Candor is at") == 1
    assert f"http://localhost:{chosen.port}/setup/" in said
    assert start is not None


def test_when_up_is_killed_nothing_of_it_stays(app: Flask, settings: Settings) -> None:
    chosen = settings.with_changes(port=free_port())
    with running(chosen, "up") as killed:
        wait_until_answers(f"http://127.0.0.1:{chosen.port}/")
        os.kill(killed.pid, signal.SIGKILL)
    for _ in range(150):
        if not processes_of(chosen):
            break
        time.sleep(0.1)
    assert processes_of(chosen) == []


def processes_of(settings: Settings) -> list[str]:
    """The processes that work for this installation."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"CANDOR_HOME={settings.home}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
