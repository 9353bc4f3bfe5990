"""Request bodies as they arrive: JSON, or a form with names such as `incident[components][abc]`."""

import inspect
import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.inputs.base import Input, Model, from_json, from_query

Body = dict[str, Any]
DEEPEST = 8
MOST_FIELDS = 2000
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def is_ours() -> bool:
    """Whether the request is to our own address, which accepts only what is described; Statuspage's is lenient."""
    return request.path.startswith("/api/")


def is_form() -> bool:
    """Whether a form was sent."""
    return request.mimetype in FORMS


def read(model: type[Model]) -> Model:
    """The body as an input.  At Statuspage's address, times without a time zone are in the page's time zone.

    Raises:
        BadRequest: it can't be parsed, or lacks the object that contains the input.
        UnsupportedMediaType: the request is to our own address and isn't JSON.
        Invalid: with a sentence for every invalid field.
    """
    assert g.takes is model, f"{request.endpoint} is declared to take {g.takes}"
    found = body()
    if is_ours() and not request.data:
        raise BadRequest("The body is missing. Send a JSON object.")
    for name, field in model.model_fields.items():
        is_object = inspect.isclass(field.annotation) and issubclass(field.annotation, Input)
        if is_object and field.is_required() and not isinstance(found.get(name), dict):
            raise BadRequest(f"{name} is missing or isn't an object.")
    zone: ZoneInfo | None = g.get("page_zone")
    return from_json(model, found, is_strict=is_ours(), zone=None if is_ours() else zone or ZoneInfo("Etc/UTC"))


def query(model: type[Model], *, lenient: type[Model] | None = None) -> Model:
    """The query's parameters; at Statuspage's address read by `lenient` if that is given.  Raises Invalid."""
    assert g.asks is model, f"{request.endpoint} is declared to ask {g.asks}"
    return from_query(model if lenient is None or is_ours() else lenient, request.args)


def body() -> Body:
    """The body as nested dicts and lists; empty if there was none.

    Raises:
        BadRequest: it can't be parsed.
        UnsupportedMediaType: the request is to our own address and isn't JSON.
    """
    if is_ours() and request.mimetype not in {"", "application/json"}:
        raise UnsupportedMediaType("This address accepts only JSON. Send it with Content-Type: application/json.")
    if is_form():
        return _sound(_nested(request.form.items(multi=True)))
    raw = request.get_data()
    if not raw.strip():
        return {}
    try:
        found = json.loads(raw, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body isn't valid JSON: {_reason(error)}.") from None
    if not isinstance(found, dict) or _depth(found) > DEEPEST:
        raise BadRequest("The body isn't valid JSON: send an object with at most 8 levels.")
    return _sound(found)


def _nested(items: Iterable[tuple[str, str]]) -> Body:
    made: Body = {}
    for number, (name, value) in enumerate(items):
        match = _NAME.fullmatch(name)
        if match is None or number >= MOST_FIELDS:
            raise BadRequest("The form has an invalid field name, or too many fields.")
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(path) > DEEPEST:
            raise BadRequest("The form has a field name with too many levels.")
        _put(made, path, value)
    return made


def _put(into: Body, path: list[str], value: str) -> None:
    for name, following in pairwise(path):
        if following == "":
            held = into.setdefault(name, [])
            if not isinstance(held, list) or path[-1] != "" or path[-2] != name:
                raise BadRequest(f"The form has two different values for {name}.")
            held.append(value)
            return
        held = into.setdefault(name, {})
        if not isinstance(held, dict):
            raise BadRequest(f"The form has two different values for {name}.")
        into = held
    if isinstance(into.get(path[-1]), dict | list):
        raise BadRequest(f"The form has two different values for {path[-1]}.")
    into[path[-1]] = value


def _once(pairs: list[tuple[str, Any]]) -> Body:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Refused("a name appears twice in an object")
    return made


def _refuse(word: str) -> Any:
    raise _Refused(f"{word[:20]} is no value of JSON")


def _finite(word: str) -> float:
    found = float(word)
    return found if math.isfinite(found) else _refuse(word)


def _sound(found: Body) -> Body:
    """`found`, if no text in it contains what databases can't store: NUL and lone surrogates."""
    if not all(is_sound(words) for words in _texts(found)):
        raise BadRequest("The body contains a NUL or a lone surrogate. Remove it.")
    return found


def _texts(value: Any) -> Iterator[str]:
    """Every text in it, including names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def is_sound(words: str) -> bool:
    """Whether a text can be stored: it has no NUL and no lone surrogate."""
    return "\x00" not in words and not any("\ud800" <= letter <= "\udfff" for letter in words)


class _Refused(ValueError):
    """JSON that is well-formed but refused; the message is ours."""


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error) if isinstance(error, _Refused) else "it contains a value that is too long"


def _depth(value: Any, at: int = 0) -> int:
    if at > DEEPEST or not isinstance(value, dict | list):
        return at
    inner = value.values() if isinstance(value, dict) else value
    return max((_depth(one, at + 1) for one in inner), default=at + 1)
