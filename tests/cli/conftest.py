"""Installations set up without a browser."""

import shutil
from pathlib import Path

import pytest

from app.settings import Settings
from tests.cli.shell import PASSWORD, Shell
from tests.conftest import POSTGRES_URL, make_settings


@pytest.fixture
def shell(settings: Settings) -> Shell:
    return Shell(settings)


@pytest.fixture(scope="session")
def set_up_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an installation that was set up, to copy; setting up takes seconds."""
    home = tmp_path_factory.mktemp("set-up") / "instance"
    settings = make_settings(home)
    _set_up(Shell(settings))
    return home


@pytest.fixture
def candor(request: pytest.FixtureRequest, shell: Shell) -> Shell:
    """An installation set up without a browser."""
    if POSTGRES_URL:
        _set_up(shell)
        return shell
    home: Path = request.getfixturevalue("set_up_home")
    shutil.copytree(home, shell.settings.home, dirs_exist_ok=True, symlinks=True)
    return shell


def _set_up(shell: Shell) -> None:
    shell.json("init", "--page", "Acme Status", "--email", "lena@example.com", "--password-stdin", stdin=PASSWORD)
