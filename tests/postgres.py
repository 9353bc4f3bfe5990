"""A private PostgreSQL cluster in a temporary folder, for the length of one command."""

import os
import shutil
import signal
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


class Server:
    """A server that can be stopped, started, frozen and thawed.  Its data are in `home`, given to its user.

    `url` reaches it by its address, `local_url` by a file, from every host that sees this one's files.  Unless it
    `is_durable`, it waits for no disk.
    """

    def __init__(self, home: Path, address: str, is_durable: bool) -> None:
        folder = programs()
        assert folder is not None, "PostgreSQL is not installed"
        self._folder = folder
        self._home = home
        self._data = home / "data"
        self._port = free_port()
        self._options = f"-p {self._port} -c listen_addresses={address} -c unix_socket_directories={home}"
        self._options += " -c max_connections=200"
        self._options += "" if is_durable else " -c fsync=off -c full_page_writes=off"
        self.url = f"postgresql+psycopg://postgres@{address}:{self._port}/postgres"
        self.local_url = f"postgresql+psycopg://postgres@/postgres?host={home}&port={self._port}"
        _own(home)
        words = ("-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        _run(folder / "initdb", "-D", self._data, *words)
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all postgres samenet trust\n")

    def start(self) -> None:
        """Start, unless it runs."""
        if (self._data / "postmaster.pid").exists():
            return
        _run(self._folder / "pg_ctl", "-D", self._data, "-o", self._options, "-l", self._home / "log", "-w", "start")

    def stop(self) -> None:
        _run(self._folder / "pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def freeze(self) -> None:
        """Stop every process where it stands: connections stay open, new ones are taken, and nothing answers."""
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self._processes():
            os.kill(process, signal.SIGCONT)

    @property
    def process_id(self) -> int:
        """Of the first process, whose children all others are."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def _processes(self) -> list[int]:
        first = self.process_id
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(first)], check=False, capture_output=True, text=True)
        return [first, *(int(pid) for pid in found.stdout.split())]


@contextmanager
def server(address: str = "127.0.0.1", *, is_durable: bool = False) -> Iterator[Server]:
    """A running server that listens at `address`; nothing of it is left afterwards.

    One that is not durable stands where tests keep what nobody needs: making a database for each takes a tenth there.
    """
    folder = None if is_durable else os.environ.get("PYTEST_DEBUG_TEMPROOT")
    with tempfile.TemporaryDirectory(prefix="candor-postgres-", dir=folder) as home:
        made = Server(Path(home), address, is_durable)
        made.start()
        try:
            yield made
        finally:
            made.stop()


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of a running server; nothing of it is left afterwards."""
    with server() as made:
        yield made.url


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
