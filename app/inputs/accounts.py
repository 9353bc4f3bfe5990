"""Accounts and API tokens, as people send them."""

from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from app.inputs.base import Input, Text, door_of
from app.inputs.fields import Choice, EmailAddress, Name, Prose, listed, problem
from app.vocabulary import Role, Scope

TOKEN_NAME_LIMIT = 60
LONGEST_DAYS = 3650


class _Secret(Text):
    """Kept as typed, and never shown: it is checked where it is hashed."""


def _password(raw: Any) -> str:
    return raw if isinstance(raw, str) else ""


def _days(raw: Any) -> int:
    text = str(raw).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= LONGEST_DAYS):
        raise problem(f"Enter a number of days from 1 to {LONGEST_DAYS:,}, or leave it empty for no end.")
    return int(text)


def _scopes(raw: Any, info: ValidationInfo) -> tuple[Scope, ...]:
    named = {str(one) for one in listed(raw, door_of(info))}
    if not named or not named <= set(Scope):
        raise problem(f"Choose at least one scope: {', '.join(Scope)}.")
    return tuple(scope for scope in Scope if scope in named)


class AccountInput(Input):
    """A person who can sign in."""

    email: EmailAddress
    """What they sign in with."""
    name: Name
    """What others see."""
    role: Annotated[Role, Choice(tuple(Role))]
    """What they may do."""
    password: Annotated[str, PlainValidator(_password), WithJsonSchema({"type": "string"}), _Secret()] = ""
    """Their first password."""


class TokenInput(Input):
    """What a program proves itself with."""

    name: Annotated[str, Prose("The name", TOKEN_NAME_LIMIT, example="Deploy script")]
    """What it is called in lists."""
    scopes: Annotated[
        tuple[Scope, ...],
        PlainValidator(_scopes),
        WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(Scope)}, "minItems": 1}),
    ]
    """What it lets a program do."""
    days: Annotated[int, PlainValidator(_days), WithJsonSchema({"type": "integer", "minimum": 1})] | None = None
    """How many days it is valid; without an end when it is left out."""
