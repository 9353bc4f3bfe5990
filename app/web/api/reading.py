"""Reading what a script sends: JSON, or a form with names such as `incident[components][abc]`; each value checked."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.errors import Invalid
from app.text import clean
from app.vocabulary import ComponentStatus
from app.web.api.schemas import SCHEMAS, Schema

Body = dict[str, Any]
DEEPEST = 8
SHOWN = 60
FIRST_YEAR, LAST_YEAR = 1990, 2100
MOST_FIELDS = 2000
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_TRUE, _FALSE = {"true", "t", "1", "yes", "on"}, {"false", "f", "0", "no", "off", ""}


def is_ours() -> bool:
    """Whether our own address is asked, which takes what is described and nothing else; Statuspage's is lenient."""
    return request.path.startswith("/api/")


def is_form() -> bool:
    """Whether a form was sent."""
    return request.mimetype in FORMS


def body() -> Body:
    """What was sent, as nested dicts and lists; empty when nothing was.

    Raises:
        BadRequest: it can not be read.
        UnsupportedMediaType: our own address is sent anything but JSON.
    """
    if is_ours() and request.mimetype not in {"", "application/json"}:
        raise UnsupportedMediaType("This address takes JSON alone. Send it with Content-Type: application/json.")
    if is_form():
        return _sound(_nested(request.form.items(multi=True)))
    raw = request.get_data()
    if not raw.strip():
        return {}
    try:
        found = json.loads(raw, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON that can be read: {_reason(error)}.") from None
    if not isinstance(found, dict) or _depth(found) > DEEPEST:
        raise BadRequest("The body is not JSON that can be read: it has to be an object, and not a deep one.")
    return _sound(found)


def wrapped(name: str) -> Body:
    """The object that the body holds under this name.

    Raises:
        BadRequest: it holds none.
    """
    found = body().get(name)
    if not isinstance(found, dict):
        raise BadRequest(f"{name} is missing, or is not an object.")
    return found


def check_names(schema: str) -> None:
    """Refuse a field that `schema`, one of `SCHEMAS`, does not name: a slip would else pass for said.

    Raises:
        BadRequest: the body can not be read.
        Invalid: it holds such a field.
    """
    described, given = SCHEMAS[schema], body()
    if all(name in given for name in described.get("required", ())):  # else the view says what is missing
        _check_names(described, given, "the body")


def _check_names(described: Schema, given: Body, where: str) -> None:
    described = SCHEMAS[described["$ref"].rpartition("/")[2]] if "$ref" in described else described
    known = described.get("properties")
    if known is None:
        return
    for name, value in given.items():
        if name not in known:
            shown = clean(name)[:SHOWN]
            raise Invalid.field(shown, f"There is no field {shown} in {where}. /api/openapi.json says which there are.")
        if isinstance(value, dict):
            _check_names(known[name], value, name)


def text(given: Mapping[str, Any], name: str, default: str | None = None) -> str | None:
    """A text; `default` when it was not given or is null.  Raises Invalid."""
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Invalid.field(name, f"{name} has to be text.")
    return value


def flag(given: Mapping[str, Any], name: str) -> bool | None:
    """True or false; None when it was not given or is null.  Raises Invalid."""
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else "?"
    if word not in _TRUE | _FALSE:
        raise Invalid.field(name, f"{name} has to be true or false.")
    return word in _TRUE


def instant(given: Mapping[str, Any], name: str) -> datetime | None:
    """An instant in UTC; one without a zone is taken as UTC; None when it was not given.  Raises Invalid."""
    words = text(given, name)
    if words is None or (not words and not is_ours()):  # a form that leaves a field empty says nothing by it
        return None
    try:
        found = datetime.fromisoformat(words.strip())
        found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid.field(name, f"{name} has to be a time such as 2026-08-21T00:37:20Z.") from None


def day(given: Mapping[str, Any], name: str) -> date | None:
    """A day; None when it was not given.  Raises Invalid."""
    words = text(given, name)
    if words is None or (not words and not is_ours()):
        return None
    try:
        found = date.fromisoformat(words.strip())
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise ValueError(words)
        return found
    except ValueError:
        raise Invalid.field(name, f"{name} has to be a day such as 2026-08-21.") from None


def component_status(word: str) -> ComponentStatus:
    """A status that Statuspage knows.  Raises Invalid."""
    if word not in set(ComponentStatus) - {ComponentStatus.UNKNOWN}:
        raise Invalid.field("status", "There is no such component status.")
    return ComponentStatus(word)


def words(given: Mapping[str, Any], name: str) -> list[str] | None:
    """A list of texts, or one text as a list of one; None when it was not given.  Raises Invalid."""
    value = given.get(name)
    if value is None:
        return None
    found = value if isinstance(value, list) else [value]
    if any(not isinstance(one, str) for one in found) or len(found) > MOST_FIELDS:
        raise Invalid.field(name, f"{name} has to be a list of ids.")
    return list(dict.fromkeys(one for one in found if one))


def whole_argument(name: str, default: int, *, least: int = 1, most: int) -> int:
    """A whole number of the query, from `least` to `most`.  Raises Invalid."""
    raw = request.args.get(name)
    if raw is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", raw) or not least <= int(raw) <= most:
        raise Invalid.field(name, f"{name} has to be a whole number from {least} to {most:,}.")
    return int(raw)


def _nested(items: Iterable[tuple[str, str]]) -> Body:
    made: Body = {}
    for number, (name, value) in enumerate(items):
        match = _NAME.fullmatch(name)
        if match is None or number >= MOST_FIELDS:
            raise BadRequest("The form holds a name that can not be read, or too many of them.")
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(path) > DEEPEST:
            raise BadRequest("The form holds a name that is nested too deeply.")
        _put(made, path, value)
    return made


def _put(into: Body, path: list[str], value: str) -> None:
    for name, following in pairwise(path):
        if following == "":
            held = into.setdefault(name, [])
            if not isinstance(held, list) or path[-1] != "" or path[-2] != name:
                raise BadRequest(f"The form gives {name} in two ways.")
            held.append(value)
            return
        held = into.setdefault(name, {})
        if not isinstance(held, dict):
            raise BadRequest(f"The form gives {name} in two ways.")
        into = held
    if isinstance(into.get(path[-1]), dict | list):
        raise BadRequest(f"The form gives {path[-1]} in two ways.")
    into[path[-1]] = value


def _once(pairs: list[tuple[str, Any]]) -> Body:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Refused("a name stands twice in an object")
    return made


def _refuse(word: str) -> Any:
    raise _Refused(f"{word[:20]} is no value of JSON")


def _finite(word: str) -> float:
    found = float(word)
    return found if math.isfinite(found) else _refuse(word)


def _sound(found: Body) -> Body:
    """`found`, when no text in it holds what no database keeps: NUL, and halves of letters."""
    if not all(is_sound(words) for words in _texts(found)):
        raise BadRequest("The body holds a NUL or half a letter (a lone surrogate). Take it out.")
    return found


def _texts(value: Any) -> Iterator[str]:
    """Every text in it, names included."""
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
    """Whether a text can be kept: it has no NUL and no lone surrogate."""
    return "\x00" not in words and not any("\ud800" <= letter <= "\udfff" for letter in words)


class _Refused(ValueError):
    """JSON that is well-formed and not taken; its words are our own."""


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error) if isinstance(error, _Refused) else "it holds a value that is too long"


def _depth(value: Any, at: int = 0) -> int:
    if at > DEEPEST or not isinstance(value, dict | list):
        return at
    inner = value.values() if isinstance(value, dict) else value
    return max((_depth(one, at + 1) for one in inner), default=at + 1)
