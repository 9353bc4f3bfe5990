"""Settings without a database: channels know none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings, load
from tests.channels.helpers import Web, http_server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"CANDOR_HOME": str(tmp_path / "instance"), "SECRET_KEY": "k" * 40, "SMS_COUNTRIES": "US,DE"})


@pytest.fixture
def web() -> Iterator[Web]:
    with http_server() as running:
        yield running
