"""`candor backup` and `candor restore` through their front door: files, sentences and exit codes."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.conftest import POSTGRES_URL

pytestmark = [pytest.mark.database, pytest.mark.skipif(bool(POSTGRES_URL), reason="files are SQLite's")]


def test_a_backup_is_for_its_owner_alone_and_replaces_nothing_unasked(candor: Shell, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    assert candor.json("backup", str(file))["bytes"] == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = candor.run("backup", str(file))
    assert (again.returncode, "--force" in again.stderr) == (2, True)
    assert candor.run("backup", str(file), "--force").returncode == 0
    assert candor.run("backup", str(candor.settings.home / "candor.db"), "--force").returncode == 2
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == ["backup.db"]


def test_what_happened_since_is_gone_and_nothing_is_paused_when_nothing_was_under_way(
    candor: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "backup.db"
    candor.json("backup", str(file))
    candor.json("component", "add", "Later")
    done = candor.json("restore", str(file))
    assert (done["paused"], done["rendered"]) == (False, True)
    assert candor.json("component", "list")["components"] == []
    assert Path(str(done["kept"])).is_file()
    page = candor.settings.public_root / "default" / "current" / "index.html"
    assert "Later" not in page.read_text()


def test_what_is_no_sound_database_of_candors_changes_nothing(candor: Shell, tmp_path: Path) -> None:
    candor.json("component", "add", "API")
    whole, half, other, unknown = (tmp_path / name for name in ("whole", "half", "other", "unknown"))
    candor.json("backup", str(whole))
    half.write_bytes(whole.read_bytes()[:5000])
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE mine (id)")
    unknown.write_bytes(whole.read_bytes())
    with closing(sqlite3.connect(unknown)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    for file, said in ((half, "damaged"), (other, "isn't a Candor database"), (unknown, "Upgrade first")):
        refused = candor.run("restore", str(file))
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1), refused.stderr
        assert said in refused.stderr
    assert len(candor.json("component", "list")["components"]) == 1  # type: ignore[arg-type]
    assert [path.name for path in candor.settings.home.glob("*candor.db.*")] == []


def test_a_backup_of_older_tables_is_brought_to_the_newest(candor: Shell, tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    candor.json("db", "downgrade")
    candor.json("backup", str(file))
    candor.json("restore", str(file))
    found = candor.json("db", "current")
    assert found["at"] == found["newest"]
