"""Several pages from the command line: added, named, listed, removed; roles and tokens of one of them."""

from typing import Any

import pytest

from tests.cli.shell import PASSWORD, Shell

pytestmark = pytest.mark.database


def refused(candor: Shell, *words: str, stdin: str = "") -> str:
    done = candor.run(*words, stdin=stdin)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    return done.stderr


def test_a_page_is_added_worked_on_and_removed(candor: Shell) -> None:
    made = candor.json("page", "add", "Acme EU", "--host", "eu.example.com")
    assert (made["slug"], made["url"]) == ("acme-eu", "http://localhost:8000/acme-eu")
    assert "default, acme-eu" in refused(candor, "component", "add", "API")
    assert "default, acme-eu" in refused(candor, "component", "list", "--page", "acme-us")
    added = candor.json("component", "add", "API", "--page", "acme-eu")
    assert candor.json("component", "list", "--page", "default")["components"] == []
    elsewhere = refused(candor, "component", "set", str(added["id"]), "major_outage", "--page", "default")
    assert "Component not found" in elsewhere
    by_environment = candor.run("component", "list", CANDOR_PAGE="acme-eu")
    assert "API" in by_environment.stdout
    opened = candor.json("post", "open", "--title", "Slow", "--body", "We look.", "--page", "acme-eu")
    assert str(opened["url"]).startswith("http://localhost:8000/acme-eu/incidents/")
    files = candor.settings.public_root
    assert "Slow" in (files / "acme-eu" / "current" / "index.html").read_text()
    assert "Slow" not in (files / "default" / "current" / "index.html").read_text()
    assert "eu.example.com" in (files / "pages.json").read_text()
    copy = candor.settings.home.parent / "copy"
    assert "acme-eu, default" in refused(candor, "export", str(copy))
    candor.json("export", str(copy), "--page", "acme-eu")
    assert "Slow" in (copy / "index.html").read_text()
    assert "a folder of its own" in candor.run("export", str(copy), "--page", "default").stderr
    assert candor.run("export", str(copy), CANDOR_PAGE="acme-us").returncode == 2
    hook = ("subscriber", "add", "webhook", "https://example.com/hook", "--label", "Pager", "--page", "acme-eu")
    candor.json(*hook)
    (webhook,) = candor.json("webhook", "list", "--page", "acme-eu")["webhooks"]  # type: ignore[misc]
    assert candor.json("webhook", "list", "--page", "default")["webhooks"] == []
    for verb in ("log", "rotate", "enable"):
        assert "Webhook not found" in refused(candor, "webhook", verb, webhook["id"], "--page", "default")
    assert candor.json("webhook", "rotate", webhook["id"], "--page", "acme-eu")["secret"]
    assert "--yes acme-eu" in refused(candor, "page", "remove", "acme-eu")
    candor.json("page", "remove", "acme-eu", "--yes", "acme-eu")
    pages: Any = candor.json("page", "list")["pages"]
    assert [page["slug"] for page in pages] == ["default"]
    assert not (files / "acme-eu").exists() and "acme-eu" not in (files / "pages.json").read_text()
    assert "only page" in refused(candor, "page", "remove", "default", "--yes", "default")


def test_two_pages_do_not_share_an_address_or_a_slug(candor: Shell) -> None:
    candor.json("page", "add", "Two", "--url", "https://two.example.com", "--host", "status.two.example")
    assert "Two" in refused(candor, "page", "add", "Three", "--url", "https://STATUS.two.example/")
    assert "slug two" in refused(candor, "page", "add", "Three", "--slug", "two")
    assert "slug" in refused(candor, "page", "add", "Three", "--slug", "posts")
    assert "host names" in refused(candor, "page", "edit", "--page", "two", "--host", "https://x.example")
    candor.json("page", "edit", "--page", "two", "--host", "")
    candor.json("page", "add", "Three", "--url", "https://status.two.example")


def test_roles_and_tokens_of_one_page(candor: Shell) -> None:
    candor.json("page", "add", "Two")
    words = ("user", "add", "--email", "ravi@example.com", "--role", "responder", "--password-stdin")
    candor.json(*words, "--page", "two", stdin=PASSWORD)
    candor.json("user", "grant", "ravi@example.com", "--role", "lead", "--page", "default")
    users: Any = candor.json("user", "list")["users"]
    assert {user["email"]: (user["role"], user["page_roles"]) for user in users} == {
        "lena@example.com": ("admin", {}),
        "ravi@example.com": (None, {"two": "responder", "default": "lead"}),
    }
    candor.json("user", "revoke", "ravi@example.com", "--page", "two")
    assert "no role on Two" in refused(candor, "user", "revoke", "ravi@example.com", "--page", "two")
    assert "last admin" in refused(candor, "user", "revoke", "lena@example.com")
    candor.json("token", "create", "monitoring", "--scope", "posts", "--page", "two")
    tokens: Any = candor.json("token", "list")["tokens"]
    assert [token["page"] for token in tokens] == ["two"]
