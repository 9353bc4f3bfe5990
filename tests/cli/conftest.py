import pytest

from app.settings import Settings
from tests.cli.shell import PASSWORD, Shell


@pytest.fixture
def shell(settings: Settings) -> Shell:
    return Shell(settings)


@pytest.fixture
def candor(shell: Shell) -> Shell:
    """An installation set up without a browser."""
    shell.json("init", "--page", "Acme Status", "--email", "lena@example.com", "--password-stdin", stdin=PASSWORD)
    return shell
