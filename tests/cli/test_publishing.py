"""`candor publish`: the same words, guards and ledger as the console, without web app or sign-in."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import session
from app.models.delivery import Dispatch
from tests.cli.shell import Shell

pytestmark = pytest.mark.database


def page(candor: Shell) -> str:
    return (candor.settings.public_root / "default" / "current" / "index.html").read_text()


def dispatches() -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(Dispatch)) or 0


def test_a_post_is_opened_updated_and_closed(app: Flask, candor: Shell) -> None:
    component = str(candor.json("component", "add", "API")["id"])
    effect = f"{component}=major_outage"
    made = candor.json("publish", "--title", "No answers", "--body", "We look.", "--component", effect)
    post = str(made["post"])
    assert "No answers" in page(candor) and "We look." in page(candor) and "Major System Outage" in page(candor)
    words = (
        "publish",
        "--post",
        post,
        "--status",
        "identified",
        "--body-stdin",
        "--next-update-in",
        "30",
        "--key",
        "publish-0001",
    )
    assert candor.json(*words, stdin="It is the cache.")["repeated"] is False
    assert candor.json(*words, stdin="It is the cache.")["repeated"] is True
    assert "It is the cache." in page(candor) and "Next update by" in page(candor)
    assert dispatches() == 2
    done = candor.run("publish", "--post", post, "--status", "resolved", "--body", "Over.", "--no-notify")
    assert (done.returncode, done.stdout) == (0, f"Published: http://localhost:8000/incidents/{post}\n")
    shown = candor.json("post", "show", post)
    assert [one["status"] for one in shown["updates"]] == ["resolved", "identified", "investigating"]  # type: ignore[attr-defined]
    assert dispatches() == 2


def test_a_maintenance_is_announced(candor: Shell) -> None:
    window = ("--from", "2030-01-01T22:00+01:00", "--until", "2030-01-01T23:00+01:00")
    made = candor.json("publish", "--title", "New disks", "--kind", "maintenance", *window, "--body", "Soon.")
    assert candor.json("post", "show", str(made["post"]))["status"] == "scheduled"


def test_the_leak_guard_asks_and_is_answered(candor: Shell) -> None:
    words = ("publish", "--title", "Slow", "--body", "See 10.1.2.3.")
    asked = candor.run(*words)
    assert asked.returncode == candor.run("post", "open", *words[1:]).returncode == 2
    assert "internal" in asked.stderr and "10.1.2.3" in asked.stderr and "--publish-anyway" in asked.stderr
    assert candor.json("post", "list")["posts"] == []
    candor.json(*words, "--publish-anyway")
    assert len(candor.json("post", "list")["posts"]) == 1  # type: ignore[arg-type]


def test_without_an_option_the_page_is_rendered_again(candor: Shell) -> None:
    (candor.settings.public_root / "default" / "current" / "index.html").write_text("broken")
    assert list(candor.json("publish")) == ["revision"]
    assert "Acme Status" in page(candor)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--body", "x"), "--post ID for an update, or --title for a new post"),
        (("--body", ""), "--post ID for an update, or --title for a new post"),
        (("--status", "resolved"), "--post ID for an update, or --title for a new post"),
        (("--no-notify",), "--post ID for an update, or --title for a new post"),
        (("--post", "abc", "--title", "x", "--body", "x"), "not both"),
        (("--post", "abc", "--severity", "P1", "--body", "x"), "--severity works only for a new post"),
        (("--post", "abc", "--body", "x"), "Post abc not found"),
        (("--title", "", "--body", "x"), "The title is empty"),
        (("--title", "x", "--body", ""), "empty"),
        (("--title", "x", "--body", "x", "--component", "zz=operational"), "exist on this page"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_published(
    candor: Shell, words: tuple[str, ...], said: str
) -> None:
    before = candor.json("publish")
    done = candor.run("publish", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert candor.json("publish") == before


def test_doctor_warns_of_a_publish_hook_that_failed(candor: Shell) -> None:
    words = {"PUBLISH_HOOK": "echo hunter2; exit 3"}
    assert "ok    publish hook: not configured" in candor.run("doctor").stdout
    assert "ok    publish hook: it has not run yet" in candor.run("doctor", **words).stdout
    assert candor.run("worker", "--once", **words).returncode == 0
    done = candor.run("doctor", **words)
    assert done.returncode == 0
    assert "warn  publish hook: The last run, at " in done.stdout and "ended with 3" in done.stdout
    assert "hunter2" not in done.stdout
