"""The import contracts themselves: nothing is left out of them, and nothing is excused without a reason."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "pyproject.toml").read_text()
CONTRACTS = {one["name"]: one for one in tomllib.loads(TEXT)["tool"]["importlinter"]["contracts"]}
PUBLIC_TABLES = {"page", "component", "post", "announcement", "subscriber", "delivery"}
"""What readers and subscribers may learn of.  A new table is internal unless it is added here."""


def test_every_table_is_public_or_behind_the_wall() -> None:
    wall = CONTRACTS["The public side cannot read the internal side"]
    tables = {path.stem for path in (ROOT / "app" / "models").glob("*.py")} - {"__init__", "registry"}
    internal = {name.removeprefix("app.models.") for name in wall["forbidden_modules"]}
    assert tables == internal | PUBLIC_TABLES
    assert not internal & PUBLIC_TABLES


def test_no_contract_looks_away_from_what_is_imported_indirectly() -> None:
    assert all(not one.get("allow_indirect_imports") for one in CONTRACTS.values())


def test_every_excepted_import_says_why() -> None:
    excepted = [line for line in TEXT.splitlines() if re.search(r'"app\S* -> app\S*"', line)]
    assert excepted and all(re.search(r"# \w+", line) for line in excepted), excepted
