"""The walks of CONTRIBUTING, done as they are written, in a copy of the checkout."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"^(?P<indent> *)```python\n(?P<code>.*?)^(?P=indent)```", re.M | re.S)
FILE = re.compile(r"\*\*, `([\w./]+\.(?:py|html))`")
"""A step names its file right after its bold words."""

COPIED = (
    "app",
    "migrations",
    "static",
    "templates",
    "tests",
    "tools",
    "pyproject.toml",
    "wsgi.py",
    "README.md",
    "docs",
)


def walk(title: str) -> str:
    """A chapter of CONTRIBUTING whose heading begins like this."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    return text.partition(f"\n## {title}")[2].partition("\n## ")[0]


def new_files(chapter: str) -> dict[str, str]:
    """Each file that a walk writes out: the code, by the file that its step names."""
    found = {}
    for block in CODE.finditer(chapter):
        lines = block["code"].splitlines(keepends=True)
        indent = len(block["indent"])
        found[FILE.findall(chapter[: block.start()])[-1]] = "".join(line[indent:] or "\n" for line in lines)
    return found


DIFF = re.compile(r"^```diff\n(.*?)^```", re.M | re.S)


def apply_diffs(chapter: str, checkout: Path) -> None:
    """Change each file as the walk says; a block must fit at one place only."""
    for block in DIFF.finditer(chapter):
        path = checkout / FILE.findall(chapter[: block.start()])[-1]
        lines = block[1].splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] != "+")
        after = "".join(line[1:] for line in lines if line[0] != "-")
        text = path.read_text("utf-8")
        assert text.count(before) == 1, f"{path.name} has {text.count(before)} places for:\n{before}"
        path.write_text(text.replace(before, after), "utf-8")


def newest_revision() -> str:
    return max(path.name[:4] for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy that can be changed."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run_tests(checkout: Path, *names: str) -> None:
    """Run these tests of the copy, and none of this run's own settings."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *names]
    done = subprocess.run(words, cwd=checkout, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_channel_is_one_file_and_its_test(checkout: Path) -> None:
    files = new_files(walk("Walk 1"))
    assert list(files) == ["app/channels/pager.py", "tests/channels/test_pager.py"]
    for name, code in files.items():
        assert not (ROOT / name).exists()
        (checkout / name).write_text(code, "utf-8")
    run_tests(checkout, "tests/channels/test_pager.py", "tests/channels/test_registry.py")


@pytest.mark.database
def test_a_field_of_a_post_is_added_step_by_step(checkout: Path) -> None:
    chapter = walk("Walk 2")
    apply_diffs(chapter, checkout)
    for name, code in new_files(chapter).items():
        assert not (ROOT / name).exists()
        (checkout / name).write_text(code.replace('"9998"', f'"{newest_revision()}"'), "utf-8")
    run_tests(checkout, "tests/web/console/test_region.py")
