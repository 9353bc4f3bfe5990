"""`candor remote` against a live Candor, by its API and a token."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.forked import candor
from tests.consumers.conftest import Live, live
from tests.processes import free_port

__all__ = ["live"]
pytestmark = pytest.mark.database


def run(live: Live, *words: str, text: str = "", **environ: str) -> tuple[int, str]:
    """The exit code, and what was said."""
    environment = {
        "PATH": os.environ["PATH"], "CANDOR_REMOTE_URL": live.url, "CANDOR_REMOTE_TOKEN": live.token, **environ,
    }  # fmt: skip
    told = candor(("remote", *words), environment, text)
    assert "Traceback" not in told.stderr
    return told.returncode, told.stdout + told.stderr


def test_an_outage_from_another_machine(live: Live, tmp_path: Path) -> None:
    said = (
        "open",
        "--title",
        "Slow",
        "--body-stdin",
        "--component",
        f"{live.component}=partial_outage",
        "--key",
        "k-1",
    )
    code, made = run(live, *said, "--json", text="We **look** into it.")
    assert code == 0, made
    post = json.loads(made)["post"]
    assert (post["status"], post["components"][0]["status"]) == ("investigating", "partial_outage")
    code, again = run(live, *said, "--json", text="We **look** into it.")
    assert json.loads(again)["post"]["id"] == post["id"], "the same key opens nothing new"
    assert run(live, "update", post["id"], "--body", "Found.", "--status", "identified")[0] == 0
    code, shown = run(live, "post", post["id"])
    assert (code, "Found." in shown, "(identified)" in shown) == (0, True, True)
    token = tmp_path / "token"
    token.write_text(live.token + "\n")
    by_file = {"CANDOR_REMOTE_TOKEN": "", "CANDOR_REMOTE_TOKEN_FILE": str(token)}
    assert run(live, "resolve", post["id"], "--body", "Over.", **by_file)[0] == 0
    assert run(live, "posts", "--open") == (0, "No posts.\n")
    assert run(live, "component", live.component, "operational")[0] == 0
    assert "operational" in run(live, "components")[1]


def test_people_and_parts_from_another_machine(live: Live) -> None:
    code, made = run(live, "subscribe", "eve@example.com", "--confirmed", "--json")
    assert code == 0, made
    public_id = json.loads(made)["subscriber"]["id"]
    assert public_id in run(live, "subscribers", "--find", "eve")[1]
    assert run(live, "unsubscribe", public_id)[0] == 0
    assert run(live, "subscribers", "--find", "eve")[0] == 2
    assert "whsec_" in run(live, "subscribe", "https://example.com/hook")[1]
    assert run(live, "subscribe", "nonsense")[0] == 2
    code, made = run(live, "add-component", "Search", "--status", "degraded_performance", "--json")
    assert (code, json.loads(made)["component"]["status"]) == (0, "degraded_performance")


def test_what_goes_wrong_has_a_sentence_and_a_code(live: Live) -> None:
    for words, code, said in (
        (("post", "nothere00000"), 2, "Incident not found"),
        (("resolve", "../x"), 2, "isn't an id"),
        (("open", "--title", "x", "--key", "schlüssel"), 2, "--key"),
        (("open", "--title", "x", "--component", "nonsense"), 2, "ID=STATUS"),
        (
            ("open", "--title", "x", "--body", "See http://10.0.0.7/admin password=hunter2hunter2"),
            2,
            "again with --publish-anyway",
        ),
        (("open", "--title", "x", "--body", "See db1.corp.internal"), 2, "db1.corp.internal. To publish it anyway"),
        (("subscribe", "not-an-address"), 2, "Enter an email address, a phone number"),
        (("subscribers", "--find", "nobody"), 2, "No subscriber found"),
    ):
        found = run(live, *words)
        assert (found[0], said in found[1]) == (code, True), found
    assert run(live, "posts", CANDOR_REMOTE_TOKEN="candor_wrong")[0] == 2
    assert run(live, "posts", CANDOR_REMOTE_TOKEN="")[0] == 2
    assert run(live, "posts", CANDOR_REMOTE_URL="ftp://x")[0] == 2
    code, said = run(live, "posts", CANDOR_REMOTE_URL=f"http://127.0.0.1:{free_port()}")
    assert (code, "Can't reach" in said) == (75, True)
