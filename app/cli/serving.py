"""`candor up`, `candor web` and `candor worker`: the processes."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import click

from app.actions.accounts import accounts
from app.channels.registry import names as channel_names
from app.cli.migrating import upgrade_database
from app.cli.shared import make_app
from app.errors import CandorError, SettingError
from app.settings import Settings, load
from app.web.concurrency_limit import THREADS
from app.worker.loop import run

RESTART_SECONDS = (0.2, 1.0, 5.0, 15.0)
STEADY_SECONDS = 60.0
ORPHAN_SECONDS = 1.0
STOP_SECONDS = 10.0
SUPERVISOR = "CANDOR_SUPERVISOR"
"""The environment variable that carries the process id of `candor up` to the processes it starts."""


@click.command()
def web() -> None:
    """Serve the status pages, the console and the board."""
    _leave_with_supervisor()
    settings = load()
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    _check_port(settings)
    Granian(
        "wsgi:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_workers,
        blocking_threads=THREADS,
        backlog=4096,
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=0.2,
        workers_kill_timeout=5,
        log_level=LogLevels.warning,
    ).serve()


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, then exit.")
@click.option("--senders", type=click.IntRange(1, 64), help="Number of SMTP connections. Default: SEND_CONNECTIONS.")
@click.option("--only", metavar="CHANNELS", help="Send only on these channels, such as email,sms.")
def worker(once: bool, senders: int | None, only: str | None) -> None:
    """Send notifications and run scheduled work until stopped."""
    _leave_with_supervisor()
    app, settings = make_app()
    if senders:
        settings = settings.with_changes(send_connections=senders)
    run(app, settings, once=once, only=_channels(only or ""))


def _channels(only: str) -> list[str]:
    known = channel_names()
    names = [name.strip().lower() for name in only.split(",") if name.strip()]
    wrong = [name for name in names if name not in known]
    if wrong:
        raise click.BadParameter(f"{wrong[0]} is not a channel. Choose from {', '.join(known)}.", param_hint="--only")
    return names


@click.command()
def up() -> None:
    """Upgrade the database, then run web and worker together."""
    app, settings = make_app()
    _check_port(settings)
    with app.app_context():
        upgrade_database()
        link = _setup_link(settings)
    click.echo(f"Candor is at {settings.base_url}" + (f" - set it up at {link} (this link works once)" if link else ""))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = [threading.Thread(target=_supervise, args=(name, stop)) for name in ("web", "worker")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _supervise(name: str, stop: threading.Event) -> None:
    """Keep one child process running. Each time it dies soon after its start, the wait before the next is longer."""
    failures = 0
    while not stop.is_set():
        begun = time.monotonic()
        environ = {**os.environ, SUPERVISOR: str(os.getpid())}
        child = subprocess.Popen([sys.executable, "-m", "app.cli", name], env=environ, start_new_session=True)  # noqa: S603 - our own words
        while child.poll() is None and not stop.wait(0.2):
            pass
        if stop.is_set():
            _end(child)
            return
        _sweep_group(child)
        failures = 0 if time.monotonic() - begun > STEADY_SECONDS else failures + 1
        wait = RESTART_SECONDS[min(failures, len(RESTART_SECONDS) - 1)]
        click.echo(f"candor: {name} stopped (exit code {child.returncode}). Restarting in {wait:g} s.", err=True)
        stop.wait(wait)


def _leave_with_supervisor() -> None:
    """Exit when `candor up` is killed: an orphan would keep the port, and the next `candor up` couldn't start."""
    supervisor = os.environ.pop(SUPERVISOR, "")

    def watch() -> None:
        while os.getppid() == int(supervisor):
            time.sleep(ORPHAN_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    if supervisor.isdigit():
        threading.Thread(target=watch, name="supervisor", daemon=True).start()


def _sweep_group(child: "subprocess.Popen[bytes]") -> None:
    """Kill what a dead child left behind: its workers would keep the port."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        _sweep_group(child)
        child.wait()


def _setup_link(settings: Settings) -> str:
    try:
        if accounts.needs_setup():
            return f"{settings.base_url}/setup/{accounts.make_setup_token(settings)}"
    except CandorError as error:
        click.echo(f"candor: {error.sentence}", err=True)
    return ""


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingError(
                f"Can't use port {settings.port} on {settings.host}: {error.strerror}. Choose another with PORT."
            ) from None


COMMANDS = (up, web, worker)
