"""`candor` as a person types it: a real process with an installation's environment."""

import json
import subprocess

from app.settings import Settings
from tests.cli.forked import candor
from tests.processes import environment

PASSWORD = "correct horse battery"


class Shell:
    """Runs `candor` with an installation's environment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def run(self, *words: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
        return candor(words, environment(self.settings, extra), stdin)

    def json(self, *words: str, stdin: str = "") -> dict[str, object]:
        done = self.run(*words, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found
