"""What the benchmarks share: an installation in a temporary folder, and a table of figures with ratios."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from app import create_app
from app.actions.pages import create_page
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
def beside(settings: Settings, *words: str, extra: dict[str, str]) -> Iterator[None]:
    """`candor WORDS` in the session of the benchmark, as every other program that is measured.

    In one of its own the scheduler (sched_autogroup) would give it and the whole benchmark, load generator included,
    half of the machine each, whatever either needs.
    """
    process = subprocess.Popen([sys.executable, "-m", "app.cli", *words], cwd=ROOT, env=environment(settings, extra))
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def report(title: str, figures: dict[str, tuple[float, str]], ratio: tuple[str, str]) -> None:
    """Print the figures and the ratio of the first named one to the second (the baseline)."""
    print(f"\n{title}")
    for name, (value, unit) in figures.items():
        print(f"  {name:<44} {value:>12,.1f} {unit}")
    ours, baseline = ratio
    print(f"  ratio {ours} / {baseline}: {figures[ours][0] / figures[baseline][0]:.2f}")
