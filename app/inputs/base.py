"""What all inputs share: reading them from a form, JSON or a command's options, and reporting what is invalid."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError

from app.errors import Invalid
from app.text import clean

SHOWN_NAME = 60
SEVERAL = "Nothing was saved. Correct the marked fields."


@dataclass(frozen=True, slots=True)
class Door:
    """How input is read where it comes in.

    `zone` is what times without a time zone are in; None refuses them.  With `is_text` every value may come as text, as
    forms send it: an empty one says nothing, "yes" is true, and one value is a list of one.  So it is in a query, where
    an empty one is a value like any other.
    """

    zone: ZoneInfo | None = None
    is_text: bool = False
    is_query: bool = False


PROGRAM = Door()


def door_of(info: ValidationInfo) -> Door:
    """The door that a validator reads for."""
    return info.context if isinstance(info.context, Door) else PROGRAM


class FieldProblem(PydanticCustomError):
    """A problem with one field that is found when several are looked at together."""

    def __new__(cls, name: str, sentence: str) -> "FieldProblem":
        """The problem, with the field's name in the API or the form."""
        return super().__new__(cls, "field_problem", "{sentence}", {"sentence": sentence, "field": name})


class Text:
    """Marks a type whose empty value says something: it is never taken for a field that was left out."""

    @property
    def empty_sentence(self) -> str:
        """What is said when the field is missing."""
        return ""


class Input(BaseModel):
    """An input.  A field's `alias` is its name in the API; forms and commands use the attribute's own name.

    Null says the same as leaving a field out.
    """

    model_config = ConfigDict(
        frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True, serialize_by_alias=True
    )

    _given: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def given(self) -> Mapping[str, Any]:
        """What was sent, before it was read: two requests are the same when this is."""
        return self._given

    @classmethod
    def form_field(cls, location: tuple[int | str, ...]) -> str:
        """The name of the form's field that an error at this location belongs to."""
        return str(location[0]) if location else ""

    @model_validator(mode="before")
    @classmethod
    def _leave_out_what_says_nothing(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, Mapping):
            return data
        texts, optional, door = cls._texts(), cls._optional(), door_of(info)
        is_text = door.is_text and not door.is_query
        return {
            name: value
            for name, value in data.items()
            if not (value is None and name in optional) and not (is_text and value == "" and name not in texts)
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """As a strict door takes it: nothing that isn't described, and null for all that may be left out."""
        made = handler(core)
        schema = handler.resolve_ref_schema(made)
        schema["additionalProperties"] = False
        for name, field in cls.model_fields.items():
            described = schema["properties"].get(field.alias or name)
            if described is not None and not field.is_required() and "anyOf" not in described:
                beside = {key: described.pop(key) for key in ("description", "default") if key in described}
                kind = dict(described)
                described.clear()
                described |= {"anyOf": [kind, {"type": "null"}], **beside}
        return made

    @classmethod
    def _texts(cls) -> set[int | str]:
        return {key for name, field in cls.model_fields.items() if text_of(field) for key in _names(name, field)}

    @classmethod
    def _optional(cls) -> set[int | str]:
        return {
            key for name, field in cls.model_fields.items() if not field.is_required() for key in _names(name, field)
        }


Model = TypeVar("Model", bound=Input)


def text_of(field: FieldInfo) -> Text | None:
    """The text type of a field, also of one that may be left out."""
    return next((mark for mark in _marks(field) if isinstance(mark, Text)), None)


def from_json(
    model: type[Model], data: Mapping[str, Any], *, is_strict: bool = True, zone: ZoneInfo | None = None
) -> Model:
    """An input from the API.  A strict door takes what is described and nothing else.

    Raises:
        Invalid: with a sentence for every invalid field, by its name in the API.
    """
    made = _from_program(model, data, Door(zone, is_text=not is_strict), is_strict=is_strict)
    for name, field in model.model_fields.items():
        sent = data.get(field.alias or name)
        inner = getattr(made, name)
        if isinstance(inner, Input) and isinstance(sent, dict):
            inner._given = dict(sent)
    return made


def from_query(model: type[Model], arguments: Mapping[str, str]) -> Model:
    """An input from an address's query.

    Raises:
        Invalid: with a sentence for every invalid parameter.
    """
    return _from_program(model, dict(arguments.items()), Door(is_text=True, is_query=True), is_strict=False)


def _from_program(model: type[Model], data: Mapping[str, Any], door: Door, *, is_strict: bool) -> Model:
    try:
        made = model.model_validate(
            data, extra="forbid" if is_strict else "ignore", context=door, by_alias=True, by_name=False
        )
    except ValidationError as error:
        wrong: dict[str, str] = {}
        for one in error.errors(include_url=False):
            wrong.setdefault(_field(model, one), _sentence(model, one))
        raise Invalid(" ".join(f"{name}: {said}" for name, said in wrong.items()), wrong) from None
    made._given = dict(data)
    return made


def from_form(
    model: type[Model],
    form: Mapping[str, Any],
    *,
    zone: ZoneInfo | None = None,
    also: Mapping[str, str] | None = None,
) -> Model:
    """An input from a form; times without a time zone are in `zone`.  `also` holds problems that are known already.

    Raises:
        Invalid: with a sentence for every invalid field, by its name in the form.
    """
    return _from_text(model, form, Door(zone, is_text=True), also or {})


def from_options(model: type[Model], options: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Model:
    """An input from a command's options.  `names` are those of options that aren't called like their field.

    Raises:
        Invalid: with a sentence for every invalid option.
    """
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in options.items()}
    try:
        return _from_text(model, given, Door(is_text=True), {})
    except Invalid as error:
        called = names or {}
        shown = {name: called.get(name) or f"--{name.replace('_', '-')}" for name in error.fields}
        said = (f"{shown[name]}: {sentence}" for name, sentence in error.fields.items())
        raise Invalid(" ".join(said) or error.sentence, error.fields) from None


def _from_text(model: type[Model], form: Mapping[str, Any], door: Door, also: Mapping[str, str]) -> Model:
    wrong: dict[str, str] = dict(also)
    made = None
    try:
        made = model.model_validate(dict(form), extra="ignore", context=door, by_alias=False, by_name=True)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            name = one["ctx"]["field"] if one["type"] == "field_problem" else model.form_field(one["loc"])
            wrong.setdefault(name, _sentence(model, one))
    if wrong or made is None:
        raise Invalid(next(iter(wrong.values())) if len(wrong) == 1 else SEVERAL, wrong)
    made._given = dict(form)
    return made


def _marks(field: FieldInfo) -> list[Any]:
    return [*field.metadata, *(one for kind in get_args(field.annotation) for one in get_args(kind))]


def _names(name: str, field: FieldInfo) -> tuple[int | str, ...]:
    return (name, field.alias) if field.alias else (name,)


def _field(model: type[Input], error: ErrorDetails) -> str:
    """The name shown: that of the field itself, without the object that wraps it."""
    if error["type"] == "field_problem":
        return str(error["ctx"]["field"])
    if error["type"] == "extra_forbidden":
        return clean(str(error["loc"][-1]))[:SHOWN_NAME]
    location = _inside(model, error["loc"])[1]
    return clean(str(location[0]))[:SHOWN_NAME] if location else "body"


def _inside(model: type[Input], location: tuple[int | str, ...]) -> tuple[type[Input], tuple[int | str, ...]]:
    """The model that a location leads into, and where it is in there."""
    if len(location) > 1:
        for name, field in model.model_fields.items():
            kinds = [field.annotation, *get_args(field.annotation)]
            found = next((kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, Input)), None)
            if location[0] in _names(name, field) and found is not None:
                return _inside(found, location[1:])
    return model, location


def _sentence(model: type[Input], error: ErrorDetails) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        where = str(error["loc"][-2]) if len(error["loc"]) > 1 else "the body"
        shown = clean(str(error["loc"][-1]))[:SHOWN_NAME]
        return f"There is no field {shown} in {where}. /api/openapi.json lists the fields."
    inner, location = _inside(model, error["loc"])
    if kind == "missing":
        named = (field for name, field in inner.model_fields.items() if location[0] in _names(name, field))
        marks = (getattr(mark, "empty_sentence", "") for field in named for mark in _marks(field))
        return next(filter(None, marks), f"{location[0]} is missing.")
    if kind in {"model_type", "dict_type", "model_attributes_type"}:
        return "Send an object, such as {}."
    return str(error["msg"])
