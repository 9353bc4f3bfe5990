"""What the commands share: an application context, output as text or JSON, and passwords from standard input."""

import functools
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

import click
from flask import Flask
from pydantic_core import PydanticCustomError
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app import create_app_without_web
from app.db import is_unavailable, session, what_is_wrong
from app.errors import Invalid, NotFound, Unavailable
from app.inputs.fields import TranslatedTexts, Words
from app.models.page import Page
from app.settings import Settings, load

LINE_LIMIT = 1000
PAGE_HELP = "The page's slug. Not needed when there is only one page."
FOR_FILES = ("CANDOR_HOME", "CANDOR_HOME_FILE", "BASE_URL", "BASE_URL_FILE", "PORT", "PORT_FILE")
"""The only settings that a command needs if it reads nothing but published files."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A command's output: `text` for people, `data` for programs."""

    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    exit_code: int = 0


def texts_option(command: Any) -> Any:
    """`--texts`: the words in languages other than the page's own."""
    return click.option(
        "--texts",
        "texts_file",
        type=click.File("r", encoding="utf-8"),
        help="A JSON file with the text in other languages, by language code.",
    )(command)


def texts_from(file: TextIO | None, kind: TranslatedTexts) -> Words | None:
    """What the file of `--texts` holds; None without one.  Raises Invalid."""
    if file is None:
        return None
    try:
        return kind.read(json.load(file, object_pairs_hook=_once))
    except PydanticCustomError as error:
        raise Invalid(f"--texts: {error.message()}") from None
    except (ValueError, RecursionError) as error:
        raise Invalid(f"--texts: {file.name} isn't valid JSON: {error}.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name appears twice in an object")
    return made


def make_app() -> tuple[Flask, Settings]:
    """The application and its settings.  Raises SettingError."""
    settings = load()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return create_app_without_web(settings), settings


def app_on(settings: Settings, database: str) -> Flask:
    """The application on a database other than its own: one that is prepared before it replaces the current one."""
    return create_app_without_web(settings.with_changes(database_url=database))


def answers(function: Callable[..., Answer]) -> Callable[..., None]:
    """Turn a function that takes the settings first and returns an `Answer` into a command; adds `--json`."""

    @functools.wraps(function)
    def answered(*args: Any, **options: Any) -> Answer:
        app, settings = make_app()
        with app.app_context(), lost_database_told():
            return function(settings, *args, **options)

    return spoken(answered)


def about_page(function: Callable[..., Answer]) -> Callable[..., Answer]:
    """Pass a command's function the row id of its page, after the settings; adds `--page`."""

    @click.option("--page", "page_slug", metavar="SLUG", envvar="CANDOR_PAGE", default="", help=PAGE_HELP)
    @functools.wraps(function)
    def with_page(settings: Settings, *args: Any, page_slug: str, **options: Any) -> Answer:
        return function(settings, page_named(page_slug), *args, **options)

    return with_page


def page_named(slug: str) -> int:
    """The row id of the page with this slug, or of the only page if no slug is given.

    Raises:
        Invalid: no slug is given, and there are several pages.
        NotFound: no page has this slug, or there are no pages.
    """
    known: dict[str, int] = {
        row.slug: row.id for row in session().execute(select(Page.slug, Page.id).order_by(Page.id))
    }
    if not known:
        raise NotFound("No page yet. Open the setup link, or run candor init.")
    names = ", ".join(known)
    if slug:
        if slug not in known:
            raise NotFound(f"Page {slug} not found. Pages: {names}.")
        return known[slug]
    if len(known) > 1:
        raise Invalid(f"There are several pages: {names}. Choose one with --page, or set CANDOR_PAGE.")
    return next(iter(known.values()))


@contextmanager
def lost_database_told() -> Iterator[None]:
    """Raise `Unavailable` if the database is lost while a command reads from it.

    The sentence doesn't claim that nothing was changed: some changes may already be saved.
    """
    try:
        yield
    except DBAPIError as error:
        if not is_unavailable(error):
            raise
        raise Unavailable(f"{what_is_wrong(error)} Try again soon.") from error


def answers_from_files(function: Callable[..., Answer]) -> Callable[..., None]:
    """Like `answers`, for a command that reads only published files: no database, key or application needed."""

    @functools.wraps(function)
    def answered(*args: Any, **options: Any) -> Answer:
        chosen = {name: os.environ[name] for name in FOR_FILES if name in os.environ}
        made_up = {"SECRET_KEY": secrets.token_hex(), "VAPID_KEY": secrets.token_urlsafe(32)}  # none is made on disk
        return function(load({**chosen, **made_up}), *args, **options)

    return spoken(answered)


def spoken(function: Callable[..., Answer]) -> Callable[..., None]:
    """Turn a function that returns an `Answer` into a command; adds `--json`."""

    @click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
    @functools.wraps(function)
    def command(*args: Any, as_json: bool, **options: Any) -> None:
        answer = function(*args, **options)
        click.echo(json.dumps(answer.data, default=str, ensure_ascii=False) if as_json else answer.text)
        if answer.exit_code:
            sys.exit(answer.exit_code)

    return command


def needs_tables(error: Exception) -> Unavailable:
    """The error for a database without its tables."""
    return Unavailable(f"The database is not ready: run candor db upgrade. ({type(error).__name__})")


def password_from(stdin: bool) -> str:
    """The first line of standard input.

    Raises:
        Invalid: `--password-stdin` wasn't given. Other users of the machine could see a password in the arguments.
    """
    if not stdin:
        raise Invalid.field("password", "Send the password on standard input with --password-stdin.")
    return sys.stdin.readline(LINE_LIMIT).rstrip("\r\n")


def text_from(body: str | None, stdin: bool) -> str:
    """The text from an option or from standard input."""
    if stdin:
        return sys.stdin.buffer.read(200_000).decode("utf-8", "replace")
    return body or ""
