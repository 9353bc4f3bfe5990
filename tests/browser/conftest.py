"""Chromium, once for a module."""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from app.vocabulary import ALL_LANGUAGES
from tests.factories import make_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip


@pytest.fixture
def page_id(app: Flask) -> int:
    """A page in all languages, as one is when it is made."""
    return make_page(languages=ALL_LANGUAGES)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Headless Chromium; without it the test is skipped, and says so."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: the browser test did not run")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()
