"""A PostgreSQL server of its own, which may be frozen and stopped."""

from collections.abc import Iterator

import pytest

from tests.postgres import Server, programs, server


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with server() as made:
        yield made
