"""What the documents say is what there is: settings, commands and files."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from app.channels.webhook import new_secret, signature
from app.settings import SETTINGS, Setting

ROOT = Path(__file__).parent.parent.parent
TWO_COMMANDS = ("make run", "make test")
DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")],
)
TOP_FOLDERS = ("app", "templates", "static", "migrations", "tests", "bench", "docs", "deploy", "tools")
TO_BE_WRITTEN = {
    "app/channels/pager.py",
    "tests/channels/test_pager.py",
    "migrations/versions/9999_post_region.py",
    "tests/web/console/test_region.py",
}
"""The files that the walks through CONTRIBUTING have the reader make."""


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def table_rows(text: str) -> list[list[str]]:
    """The cells of every line that is a row of a table."""
    lines = (line.strip() for line in text.splitlines())
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def paths_in(text: str) -> set[str]:
    """Everything between backticks that is a path of this repository."""
    spoken = re.findall(r"`([A-Za-z0-9_./-]+)`", text)
    return {path for path in spoken if path.partition("/")[0] in TOP_FOLDERS and "/" in path}


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.variable)
def test_a_setting_is_in_the_table_word_for_word(row: Setting) -> None:
    assert [f"`{row.variable}`", row.default, row.meaning] in table_rows(read("README.md"))


def test_the_table_speaks_of_no_setting_that_is_not_there() -> None:
    shown = [cells[0].strip("`") for cells in table_rows(read("README.md")) if re.fullmatch(r"`[A-Z_]+`", cells[0])]
    assert shown == [row.variable for row in SETTINGS]


@pytest.mark.parametrize("command", TWO_COMMANDS)
def test_the_two_commands_are_there(command: str) -> None:
    target = command.removeprefix("make ")
    assert re.search(rf"^{command}$", read("README.md"), re.MULTILINE)
    assert re.search(rf"^{target}:", read("Makefile"), re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_spoken_of_is_there(name: str) -> None:
    targets = set(re.findall(r"`make ([a-z]+)`", read(name)))
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", read("Makefile"), re.MULTILINE), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_spoken_of_is_there(path: Path) -> None:
    missing = {spoken for spoken in paths_in(path.read_text("utf-8")) if not (ROOT / spoken).exists()}
    assert missing <= TO_BE_WRITTEN


def test_contributing_names_real_files() -> None:
    named = paths_in(read("CONTRIBUTING.md"))
    assert named >= TO_BE_WRITTEN
    assert len(named - TO_BE_WRITTEN) >= 10


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8"))
    broken = {link for link in links if "://" not in link and not (path.parent / link).exists()}
    assert broken <= {"docs/screenshot.png"}


def test_the_licence_is_apache_2() -> None:
    licence = read("LICENSE")
    assert " ".join(licence.split()).startswith("Apache License Version 2.0, January 2004")
    assert "END OF TERMS AND CONDITIONS" in licence


def test_the_example_for_webhooks_tells_genuine_from_forged() -> None:
    example: dict[str, Any] = {}
    code = re.search(r"^```python\n(.*?)^```", read("docs/guides/webhooks.md"), re.MULTILINE | re.DOTALL)
    assert code
    exec(code[1], example)
    is_genuine, secret, body, at = example["is_genuine"], new_secret(), b'{"meta":{}}', int(time.time())
    headers = {"webhook-id": "msg_1_a", "webhook-timestamp": str(at)}
    signed = {**headers, "webhook-signature": signature(secret, "msg_1_a", at, body)}
    assert is_genuine(secret, signed, body)
    assert not is_genuine(secret, signed, body + b" ")
    assert not is_genuine(new_secret(), signed, body)
    assert not is_genuine(secret, headers, body)
    late = {**headers, "webhook-timestamp": str(at - 600)}
    assert not is_genuine(secret, {**late, "webhook-signature": signature(secret, "msg_1_a", at - 600, body)}, body)
