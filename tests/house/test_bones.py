"""Rules of the house that no single test of behaviour would notice."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted((ROOT / "app").rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_one_commit_in_the_house() -> None:
    committing = {named(path) for path in MODULES if re.search(r"\.commit\(", path.read_text())}
    assert len(committing) == 1, committing
    assert committing.pop().startswith("app/db")


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    source = path.read_text()
    assert not source.strip() or ast.get_docstring(ast.parse(source))


def test_excuses_are_few_and_say_why() -> None:
    excuses = [
        (named(path), line.strip())
        for path in MODULES
        for line in path.read_text().splitlines()
        if re.search(r"#\s*(noqa|type: ignore)", line)
    ]
    assert len(excuses) <= 5, excuses
    assert all(re.search(r"(noqa|ignore)\S*(: \w+)?\S* +(-|#) ", line) for _, line in excuses), excuses


def test_nothing_speaks_of_the_workplace() -> None:
    words = re.compile(r"/(work|tmp|root|farm)/|pypi\.org|pythonhosted|registry\.npmjs|npmjs\.org", re.IGNORECASE)
    spoken = []
    for pattern in ("app/**/*.py", "templates/**/*", "static/**/*", "docs/**/*.md", "*.md", "deploy/*", "*.lock"):
        for path in ROOT.glob(pattern):
            if path.is_file() and path.suffix not in {".png", ".woff2"} and words.search(path.read_text("utf-8")):
                spoken.append(named(path))
    assert spoken == []
