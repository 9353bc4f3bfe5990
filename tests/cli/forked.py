"""`candor` in a process of its own that begins where one that has loaded the program stands.

Loading takes most of what a short command takes, and hundreds are run.  Everything else is as in a shell: the
environment, standard input, both outputs and the exit code.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.processes import ROOT

SECONDS = 60
_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["app.cli.main"])


def candor(words: Sequence[str], environ: Mapping[str, str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run `candor WORDS`.  Raises TimeoutExpired, as `subprocess.run` does, when it takes a minute."""
    with tempfile.TemporaryDirectory(prefix="candor-shell-") as folder:
        streams = [Path(folder) / name for name in ("in", "out", "err")]
        streams[0].write_text(stdin)
        process = _forking.Process(target=_run, args=(list(words), dict(environ), [str(path) for path in streams]))
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(list(words), SECONDS)
        said = [path.read_text() if path.exists() else "" for path in streams[1:]]
        done = subprocess.CompletedProcess(["candor", *words], process.exitcode, *said)
        process.close()
        return done


def _run(words: list[str], environ: dict[str, str], streams: list[str]) -> None:
    from app.cli.main import main

    flags = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)
    for number, (path, flag) in enumerate(zip(streams, flags, strict=True)):
        os.dup2(os.open(path, flag, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(ROOT)
    sys.argv = ["candor", *words]
    main()
