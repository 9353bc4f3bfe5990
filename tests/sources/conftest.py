"""Settings for sources, which need no database."""

from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.conftest import make_settings
from tests.sources.test_registry import CONFIGURED


@pytest.fixture
def plain_settings(tmp_path: Path) -> Settings:
    """Nothing is set up."""
    return make_settings(tmp_path)


@pytest.fixture
def configured_settings(tmp_path: Path) -> Settings:
    """Every source is set up."""
    changes: dict[str, Any] = CONFIGURED
    return make_settings(tmp_path, **changes)
