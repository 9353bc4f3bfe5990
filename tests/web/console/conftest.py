"""Each of the cast as a fixture; the page exists before anybody signs in."""

import pytest
from flask import Flask

from tests.deliver.conftest import edge
from tests.web.console.cast import sign_in
from tests.web.console.person import Person

__all__ = ["edge"]


@pytest.fixture
def alice(app: Flask, page_id: int) -> Person:
    return sign_in(app, "alice")


@pytest.fixture
def lena(app: Flask, page_id: int) -> Person:
    return sign_in(app, "lena")


@pytest.fixture
def ravi(app: Flask, page_id: int) -> Person:
    return sign_in(app, "ravi")


@pytest.fixture
def vera(app: Flask, page_id: int) -> Person:
    return sign_in(app, "vera")
