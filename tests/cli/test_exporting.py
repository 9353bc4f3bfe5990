"""`candor export` through its front door: counts, sentences and exit codes, whatever became of the rest."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.processes import ROOT

pytestmark = pytest.mark.database


def test_it_counts_and_a_second_run_writes_nothing(candor: Shell, tmp_path: Path) -> None:
    first = candor.json("export", str(tmp_path / "www"))
    assert (tmp_path / "www" / "index.html").is_file()
    assert first["deleted"] == 0
    again = candor.json("export", str(tmp_path / "www"))
    assert again == {**first, "written": 0, "unchanged": first["written"]}
    said = candor.run("export", str(tmp_path / "www")).stdout
    assert said.endswith(f": 0 written, {first['written']} unchanged, 0 deleted.\n")


def test_it_works_when_database_and_key_are_gone(candor: Shell, tmp_path: Path) -> None:
    home = candor.settings.home
    for path in home.iterdir():
        if path.name != "public":
            path.unlink()
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "export", str(tmp_path / "www"), "--json"],
        cwd=ROOT, env={"CANDOR_HOME": str(home)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"] > 5
    assert [path.name for path in home.iterdir()] == ["public"]


def test_what_can_not_be_done_is_one_sentence(shell: Shell, candor: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("")
    for folder, said in (
        ("file", "is a file"),
        ("full", "pass --into-existing"),
        (str(candor.settings.public_root / "x"), "own files"),
    ):
        done = candor.run("export", str(tmp_path / folder))
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert said in done.stderr
    assert candor.run("export", str(tmp_path / "full"), "--into-existing").returncode == 0


def test_before_anything_is_published_it_says_so(shell: Shell, tmp_path: Path) -> None:
    done = shell.run("export", str(tmp_path / "www"))
    assert (done.returncode, "Nothing is published yet" in done.stderr) == (2, True)
    assert not (tmp_path / "www").exists()


def test_a_file_that_can_not_be_written_is_a_failure(candor: Shell, tmp_path: Path) -> None:
    candor.json("export", str(tmp_path / "www"))
    (tmp_path / "www" / "index.html").unlink()
    (tmp_path / "www" / "index.html").mkdir()
    done = candor.run("export", str(tmp_path / "www"))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "index.html" in done.stderr and "Traceback" not in done.stderr
