"""Finds the trackers: every module of this folder that has a `TRACKER`."""

import importlib
import pkgutil
import re
from functools import cache
from urllib.parse import unquote, urlsplit

import app.records
from app.errors import Invalid
from app.records.base import Recognised, Tracker
from app.text import clean

UNKNOWN = "other"
LONGEST_URL = 2_000
LONGEST_KEY = 200


def recognise(url: str) -> Recognised:
    """The tracker and key that `url` names; "other" and the last part of the path when no tracker knows it.

    Raises:
        Invalid: about the field "url": not an http or https address, or too long.
    """
    text = url.strip()
    sentence = "Enter a valid web address, such as https://example.com. Copy it from the browser."
    if len(text) > LONGEST_URL:
        raise Invalid.field("url", f"This address is too long. The limit is {LONGEST_URL:,} characters.")
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        raise Invalid.field("url", sentence) from None
    if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise Invalid.field("url", sentence)
    for tracker in trackers():
        key = tracker.key(parts)
        if key:
            return Recognised(tracker.name, key[:LONGEST_KEY])
    last = next((part for part in reversed(parts.path.split("/")) if part), host)
    return Recognised(UNKNOWN, clean(unquote(last))[:LONGEST_KEY] or host)


def label(name: str) -> str:
    """What people read for a tracker; the name itself of one that is unknown or not installed any more."""
    return next((one.label for one in trackers() if one.name == name), name)


@cache
def trackers() -> tuple[Tracker, ...]:
    """Every tracker, by name."""
    modules = (
        importlib.import_module(f"app.records.{module.name}") for module in pkgutil.iter_modules(app.records.__path__)
    )
    found = (getattr(module, "TRACKER", None) for module in modules)
    return tuple(sorted((one for one in found if one is not None), key=lambda tracker: tracker.name))
