"""A private PostgreSQL cluster in a temporary folder, for the length of one command."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import free_port


def programs() -> Path | None:
    """The folder of the newest installed server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).parent if elsewhere else None


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of a running server; nothing of it is left afterwards."""
    folder = programs()
    assert folder is not None, "PostgreSQL is not installed"
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="candor-postgres-") as home:
        _own(Path(home))
        data = f"{home}/data"
        _run(
            folder / "initdb",
            "-D",
            data,
            "-A",
            "trust",
            "-U",
            "postgres",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c max_connections=200"
        options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        _run(folder / "pg_ctl", "-D", data, "-o", options, "-l", f"{home}/log", "-w", "start")
        try:
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run(folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _own(folder: Path) -> None:
    """The server refuses to run as root: then it runs as its own user."""
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        folder.chmod(0o755)


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    if os.getuid() == 0:
        words = ["runuser", "-u", "postgres", "--", *words]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/")


def main(words: list[str]) -> int:
    """`available`, or `run -- COMMAND` with TEST_DATABASE_URL set to a cluster of its own."""
    if words == ["available"]:
        return 0 if programs() else 1
    with cluster() as url:
        return subprocess.run(words[2:], env={**os.environ, "TEST_DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
