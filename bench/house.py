"""What the benchmarks share: an installation in a temporary folder, and a table of figures with ratios."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from app import create_app
from app.actions.pages.pages import create_page
from app.cli.migrating import upgrade_database
from app.db import db
from app.settings import Settings, load
from app.shapes import COMMAND_LINE
from tests.processes import ROOT, environment


@contextmanager
def installation(**environ: str) -> Iterator[tuple[Flask, Settings, int]]:
    """A migrated installation with one page: the app (inside its context), its settings, the page's id."""
    with tempfile.TemporaryDirectory(prefix="candor-bench-") as folder:
        settings = load({"CANDOR_HOME": str(Path(folder) / "home"), "HOLD_SECONDS": "0", **environ})
        app = create_app(settings)
        with app.app_context():
            upgrade_database()
            page_id = create_page(settings, COMMAND_LINE, name="Acme Status")
            yield app, settings, page_id
            db.session.remove()
            db.engine.dispose()


@contextmanager
def beside(
    settings: Settings, *words: str, extra: dict[str, str], module: str = "app.cli"
) -> Iterator["subprocess.Popen[bytes]"]:
    """`candor WORDS`, or another module, in the session of the benchmark, as every other program that is measured.

    In one of its own the scheduler (sched_autogroup) would give it and the whole benchmark, load generator included,
    half of the machine each, whatever either needs.
    """
    process = subprocess.Popen([sys.executable, "-m", module, *words], cwd=ROOT, env=environment(settings, extra))
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def cpu_seconds(process_id: int) -> float:
    """The CPU that another process has used, with its children, also those that have ended."""
    home = Path(f"/proc/{process_id}")
    ticks = sum(map(int, (home / "stat").read_text().rpartition(")")[2].split()[11:15]))
    children = (home / "task" / str(process_id) / "children").read_text().split()
    return ticks / os.sysconf("SC_CLK_TCK") + sum(cpu_seconds(int(child)) for child in children)


def most_memory(process_id: int) -> float:
    """The most memory a process ever held, in MB."""
    said = Path(f"/proc/{process_id}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", said)[0]) / 1024


def report(title: str, figures: dict[str, tuple[float, str]], ratio: tuple[str, str]) -> None:
    """Print the figures and the ratio of the first named one to the second (the baseline)."""
    print(f"\n{title}")
    for name, (value, unit) in figures.items():
        print(f"  {name:<44} {value:>12,.1f} {unit}")
    ours, baseline = ratio
    print(f"  ratio {ours} / {baseline}: {figures[ours][0] / figures[baseline][0]:.2f}")
