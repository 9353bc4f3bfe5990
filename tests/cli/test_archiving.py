"""`candor archive` and `candor import`, as a person types them."""

import stat
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.cli.shell import PASSWORD, Shell
from tests.conftest import make_settings

pytestmark = pytest.mark.database
DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def other(tmp_path: Path) -> Shell:
    """Another installation on SQLite, just set up."""
    home = tmp_path / "other"
    home.mkdir()
    shell = Shell(make_settings(home))
    shell.json("init", "--page", "Fresh", "--email", "olga@example.com", "--password-stdin", stdin=PASSWORD)
    return shell


def rows_of(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist() if name != "manifest.json"}


def test_a_page_moves_to_another_installation_and_back_out_the_same(
    candor: Shell, other: Shell, tmp_path: Path
) -> None:
    candor.json("sample")
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    said = candor.json("archive", str(first))
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    tried: Any = other.json("import", "archive", str(first), "--dry-run")
    assert (tried["dry_run"], other.json("component", "list")["components"]) == (True, [])
    done: Any = other.json("import", "archive", str(first))
    assert {kind: counts["taken"] for kind, counts in done["counts"].items()} == {
        kind: count
        for kind, count in dict(said["rows"]).items()
        if count  # type: ignore[call-overload]
    }
    other.json("archive", str(second))
    assert rows_of(first) == rows_of(second)
    page = (other.settings.public_root / "default" / "current" / "index.html").read_text()
    assert "Acme Status" in page and "Fresh" not in page
    other.run("worker", "--once")
    assert not list(other.settings.outbox.glob("*/*")), "nothing is sent to anyone"


def test_what_can_not_be_done_is_one_sentence(candor: Shell, other: Shell, tmp_path: Path) -> None:
    file, half = tmp_path / "page.zip", tmp_path / "half.zip"
    candor.json("archive", str(file))
    half.write_bytes(file.read_bytes()[:-10])
    other.json("component", "add", "Mine")
    refusals = (
        (candor.run("archive", str(file)), "--force"),
        (candor.run("archive", str(tmp_path)), "Choose another name"),
        (other.run("import", "archive", str(half)), "damaged or incomplete"),
        (other.run("import", "archive", str(file)), "This page has 1 component of its own"),
    )
    for refused, said in refusals:
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
        assert said in refused.stderr
    assert candor.run("archive", str(file), "--force").returncode == 0
    assert [path.name for path in tmp_path.glob(".page*")] == []


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (("cachet", "cachet/2", "--time-zone", "Europe/Berlin"), 6),
        (("instatus", "instatus"), 5),
        (("uptime-kuma", "uptime-kuma/backup.json"), 3),
        (("statuspage", "statuspage/v1"), 5),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_other_status_pages_come_in_by_a_command(candor: Shell, words: tuple[str, ...], taken: int) -> None:
    source, *options = words[1:]
    command = ("import", words[0], str(DATA / source), *options)
    tried: Any = candor.json(*command, "--dry-run")
    assert (tried["dry_run"], tried["counts"]["taken"]) == (True, taken)
    assert candor.json("component", "list")["components"] == []
    said = candor.run(*command)
    assert said.returncode == 0
    assert f"{taken} taken" in said.stdout.splitlines()[-1]
    again: Any = candor.json(*command)
    assert again["counts"]["unchanged"] == taken
    refused = candor.run("import", words[0], str(DATA / "cachet" / "ORIGIN.md"))
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
