"""The types of fields: what each accepts, and the sentence when it can't be accepted.

Control characters are removed from prose.  In addresses and keys they are refused first: without them it would
be another address.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.errors import Invalid
from app.inputs.base import Door, Text, door_of
from app.text import BODY_LIMIT, TITLE_LIMIT, clean, clean_field, is_clean
from app.vocabulary import ComponentStatus, Impact, Language, PostStatus

NAME_LIMIT = 100
DESCRIPTION_LIMIT = 500
URL_LIMIT = 500
EMAIL_LIMIT = 254
KEY_LIMIT = 100
METADATA_LIMIT = 10_000
MOST_IDS = 2000
VERSION_LIMIT = 999_999_999
FIRST_YEAR, LAST_YEAR = 1990, 2100
ID_PATTERN = "^[a-z0-9]{1,32}$"
LOCAL_EXAMPLE, EXAMPLE = "2026-11-23 04:30", "2026-08-21T00:37:20Z"
_TRUE, _FALSE = {"true", "t", "1", "yes", "on"}, {"false", "f", "0", "no", "off"}


def problem(sentence: str) -> PydanticCustomError:
    """A problem with a field, in words that are shown beside it."""
    return PydanticCustomError("problem", "{sentence}", {"sentence": sentence})


@dataclass(frozen=True)
class Prose(Text):
    """Text that people read: cleaned, and at most `limit` characters long."""

    label: str
    limit: int
    is_multiline: bool = False
    is_required: bool = True
    example: str = ""
    least: int | None = None
    """The shortest that is described, where an empty one says the same as leaving it out."""

    @property
    def empty_sentence(self) -> str:
        return f"{self.label} is empty. Enter some text."

    def read(self, raw: Any) -> str:
        if not isinstance(raw, str):
            raise problem(f"{self.label} must be text.")
        try:
            return clean_field(
                raw, name="", label=self.label, limit=self.limit, multiline=self.is_multiline,
                required=self.is_required,
            )  # fmt: skip
        except Invalid as error:
            raise problem(error.sentence) from None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # no maxLength: characters that can't be seen are taken out before the others are counted
        said = f"At most {self.limit:,} characters. Control characters are removed and do not count."
        least = int(self.is_required) if self.least is None else self.least
        made: dict[str, Any] = {"type": "string", "minLength": least, "description": said}
        return made | ({"examples": [self.example]} if self.example else {})


@dataclass(frozen=True)
class TranslatedTexts:
    """Words in languages other than the page's own: for each language an object with these fields."""

    fields: Mapping[str, Prose] = field(hash=False)

    def read(self, raw: Any) -> dict[str, dict[str, str]]:
        if not isinstance(raw, Mapping):
            raise problem(f"Send an object that maps languages to texts, such as {json.dumps(self._example)}.")
        return {str(language): self._one(str(language), words) for language, words in raw.items()}

    def _one(self, language: str, raw: Any) -> dict[str, str]:
        if language not in tuple(Language):
            raise problem(f"“{clean(language)[:16]}” isn't one of the languages {', '.join(Language)}.")
        if not isinstance(raw, Mapping):
            raise problem(f"{language}: Send an object, such as {json.dumps(self._example['de'])}.")
        strange = [str(name) for name in raw if name not in self.fields]
        if strange:
            raise problem(f"{language}: There is no field {clean(strange[0])[:60]}. Use {' and '.join(self.fields)}.")
        try:
            words = {name: prose.read(raw.get(name) or "") for name, prose in self.fields.items()}
        except PydanticCustomError as error:
            raise problem(f"{language}: {error.message()}") from None
        if not any(words.values()):
            raise problem(f"{language}: The text is empty. Enter some text, or leave the language out.")
        return words

    @property
    def _example(self) -> dict[str, dict[str, str]]:
        return {"de": {name: prose.example for name, prose in self.fields.items()}}

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        words = {
            "type": "object",
            "properties": {
                name: prose.__get_pydantic_json_schema__(core, handler) for name, prose in self.fields.items()
            },
            "required": [name for name, prose in self.fields.items() if prose.is_required],
            "additionalProperties": False,
        }
        return {
            "type": "object",
            "propertyNames": {"enum": list(Language)},
            "additionalProperties": words,
            "examples": [self._example],
        }


Member = TypeVar("Member", bound=StrEnum)


@dataclass(frozen=True)
class Choice(Generic[Member]):
    """One of a closed list."""

    members: tuple[Member, ...]
    sentence: str = ""

    @property
    def empty_sentence(self) -> str:
        """What is said when nothing was chosen."""
        return self.sentence

    def read(self, raw: Any) -> Member:
        found = next((member for member in self.members if isinstance(raw, str) and member == raw), None)
        if found is None:
            raise problem(self.sentence or f"Choose one of: {', '.join(self.members)}.")
        return found

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "enum": [member.value for member in self.members]}


@dataclass(frozen=True)
class Exact(Text):
    """An address, a key or another text that machines read: trimmed, and refused rather than cleaned."""

    label: str
    limit: int
    example: str
    pattern: str = ""
    is_required: bool = True

    @property
    def empty_sentence(self) -> str:
        return f"{self.label} is empty. Enter one such as {self.example}."

    def read(self, raw: Any) -> str:
        if not isinstance(raw, str):
            raise problem(f"{self.label} must be text, such as {self.example}.")
        if not raw.isprintable():
            refuse_control_characters(raw, self.label)
        text = raw.strip()
        if not text and self.is_required:
            raise problem(self.empty_sentence)
        if len(text) > self.limit:
            raise problem(f"{self.label} is too long: {len(text):,} characters, the limit is {self.limit:,}.")
        if text and self.pattern and not re.fullmatch(self.pattern, text):
            raise problem(f"{self.label} must look like {self.example}.")
        return text

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        made: dict[str, Any] = {"type": "string", "minLength": int(self.is_required), "maxLength": self.limit}
        if self.pattern:
            made["pattern"] = f"^{self.pattern}$" if self.is_required else f"^({self.pattern})?$"
        return made | {"examples": [self.example]}


class Kept(Text):
    """A text type that is read by a function of its own."""


def refuse_own(texts: Collection[str], own: str) -> None:
    """Raises Invalid when `texts` holds one in the page's own language: which of the two is meant?"""
    if own in texts:
        sentence = f"{own} is the page's own language. Send its text in the main fields, not in texts."
        raise Invalid.field("texts", sentence)


def refuse_control_characters(raw: str, label: str) -> None:
    """Raises a problem when a text holds what can't be seen: taking it out would make another text of it."""
    if any(ord(character) < 32 or ord(character) == 127 for character in raw.strip()) or not is_clean(
        raw.strip() or "x"
    ):
        raise problem(f"{label} contains a control character. Type it again.")


def local_instant(value: str, zone: ZoneInfo | None) -> datetime:
    """A time such as "2026-11-23T04:30" as UTC; in `zone` where it has no time zone of its own.

    Of a time that comes twice in autumn, the first.

    Raises:
        ValueError: with a sentence: it isn't a time, has no time zone where it needs one, or the clocks skip it.
    """
    sentence = f"Enter a time such as {LOCAL_EXAMPLE if zone else EXAMPLE}."
    try:
        local = datetime.fromisoformat(value.strip().replace(" ", "T"))
    except ValueError:
        raise ValueError(sentence) from None
    if local.tzinfo is None:
        if zone is None:
            raise ValueError(f"The time has no time zone. Add one, as in {EXAMPLE} or 2026-12-01T22:00+01:00.")
        local = local.replace(tzinfo=zone)
    try:
        instant = local.astimezone(UTC)
        skipped = instant.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None)
    except OverflowError:
        raise ValueError(sentence) from None
    if skipped:
        raise ValueError("The clocks skip this time on that day. Choose another time.")
    return instant


def _instant(raw: Any, info: ValidationInfo) -> datetime:
    if isinstance(raw, datetime) and raw.tzinfo is not None:
        return raw.astimezone(UTC)
    if not isinstance(raw, str):
        raise problem(f"Enter a time such as {EXAMPLE}.")
    try:
        return local_instant(raw, door_of(info).zone)
    except ValueError as error:
        raise problem(str(error)) from None


def _day(raw: Any) -> date:
    sentence = f"Enter a day such as 2026-08-21, from {FIRST_YEAR} to {LAST_YEAR}."
    try:
        found = date.fromisoformat(raw.strip())
    except (AttributeError, TypeError, ValueError):
        raise problem(sentence) from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise problem(sentence)
    return found


def _flag(raw: Any, info: ValidationInfo) -> bool:
    if isinstance(raw, bool):
        return raw
    if door_of(info).is_text and isinstance(raw, str) and raw.lower() in _TRUE | _FALSE:
        return raw.lower() in _TRUE
    raise problem("Send true or false.")


def listed(raw: Any, door: Door) -> list[Any]:
    """A list; a form's single value is a list of one."""
    if isinstance(raw, list | tuple):
        return list(raw)
    if door.is_text and isinstance(raw, str):
        return [raw]
    raise problem("Send a list.")


def _ids(raw: Any, info: ValidationInfo) -> tuple[str, ...]:
    found = listed(raw, door_of(info))
    if any(not isinstance(one, str) for one in found) or len(found) > MOST_IDS:
        raise problem(f"Send a list of at most {MOST_IDS:,} ids.")
    return tuple(dict.fromkeys(one for one in found if one))


def _effects(raw: Any, info: ValidationInfo) -> dict[str, ComponentStatus | None]:
    if isinstance(raw, list) and door_of(info).is_text:
        raw = dict(_listed_effects(raw))
    if not isinstance(raw, dict):
        raise problem('Send an object that maps component ids to statuses, such as {"kctbh9vrtdwd": "major_outage"}.')
    unsaid = {None, ""} if door_of(info).is_text else {None}
    return {
        str(name): None if isinstance(status, str | None) and status in unsaid else CHANGEABLE.read(status)
        for name, status in raw.items()
    }


def _listed_effects(raw: Iterable[Any]) -> Iterable[tuple[str, str | None]]:
    """Statuspage's own examples send a list: of ids, or of objects with an id and a status."""
    for one in raw:
        if isinstance(one, str):
            yield one, None
        elif isinstance(one, dict) and isinstance(one.get("id"), str):
            yield one["id"], one.get("status")
        else:
            raise problem("Name each component by its id.")


def _metadata(raw: Any) -> str:
    if not isinstance(raw, dict) or not all(isinstance(one, dict) for one in raw.values()):
        raise problem('Send an object that holds objects, such as {"jira": {"key": "OPS-1"}}.')
    made = json.dumps(raw, ensure_ascii=False, allow_nan=False)
    if len(made) > METADATA_LIMIT:
        raise problem(f"It is too long: {len(made):,} characters, the limit is {METADATA_LIMIT:,}.")
    return made


def _version(raw: Any) -> int:
    """The version of a thing that its form was opened with."""
    is_whole = isinstance(raw, int) and not isinstance(raw, bool)
    if not is_whole and not (isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= 9):
        raise problem("This form is missing its version. Reload the page and submit it again.")
    found = int(raw)
    if not 0 <= found <= VERSION_LIMIT:
        raise problem("The version has to be a whole number from 0 to 999999999, as it was answered to you.")
    return found


def _zone_name(raw: Any) -> str:
    try:
        return ZoneInfo(raw).key
    except (KeyError, ValueError, OSError, TypeError):  # unknown names, and what isn't a name at all
        raise problem("Enter a time zone, such as Europe/Berlin.") from None


def _language(raw: Any) -> str:
    if raw not in tuple(Language):
        raise problem(f"Choose one of the page's languages: {', '.join(Language)}.")
    return str(raw)


def _languages(raw: Any, info: ValidationInfo) -> tuple[str, ...]:
    found = [str(one) for one in listed(raw, door_of(info)) if one]
    if not set(found) <= set(Language):
        raise problem(f"Choose from these languages: {', '.join(Language)}.")
    return tuple(language for language in Language if language in found)


def _accent(raw: Any) -> str:
    color = raw.strip().lower() if isinstance(raw, str) else "?"
    if color and not re.fullmatch(r"#[0-9a-f]{6}", color):
        raise problem("Enter a color as # and six digits, such as #1f4f8f.")
    return color


def is_http_url(url: str) -> bool:
    """Whether this is an http or https address that is safe to link to: with a host, and without a password in it."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_address and parts.username is None and re.fullmatch(r"[!#-;=?-~]+", url) is not None


def _url(raw: Any) -> str:
    url = Exact("The address", URL_LIMIT, "https://status.example.com", is_required=False).read(raw)
    if url and not is_http_url(url):
        raise problem("Enter a valid web address, such as https://status.example.com.")
    return url.rstrip("/")


POST_CHOICES = tuple(one for one in PostStatus if one not in {PostStatus.POSTMORTEM, PostStatus.CANCELLED})
"""What a post may be opened in, and what a template may say."""

CHANGEABLE = Choice(tuple(status for status in ComponentStatus if status is not ComponentStatus.UNKNOWN))

Title = Annotated[str, Prose("The title", TITLE_LIMIT, example="Checkout is slow")]
BodyText = Annotated[
    str, Prose("The text", BODY_LIMIT, is_multiline=True, example="We are investigating slow responses.")
]
MaybeBody = Annotated[
    str, Prose("The text", BODY_LIMIT, is_multiline=True, least=0, example="We are investigating slow responses.")
]
"""A text with a usual sentence in its place when it is empty."""

Name = Annotated[str, Prose("The name", NAME_LIMIT, example="API")]
Description = Annotated[
    str, Prose("The description", DESCRIPTION_LIMIT, is_required=False, example="Orders and payments")
]
_TITLE = Prose("The title", TITLE_LIMIT, example="Kasse ist langsam")
_BODY = Prose("The text", BODY_LIMIT, is_multiline=True, example="Wir untersuchen langsame Antworten.")
Words = dict[str, dict[str, str]]
POST_TEXTS = TranslatedTexts({"title": _TITLE, "body": _BODY})
PostTexts = Annotated[Words, POST_TEXTS]
"""Title and body, both."""

UpdateTexts = Annotated[
    Words, TranslatedTexts({"title": replace(_TITLE, is_required=False), "body": replace(_BODY, is_required=False)})
]
"""Title and body, at least one of them."""

BODY_TEXTS = TranslatedTexts({"body": _BODY})
BodyTexts = Annotated[Words, BODY_TEXTS]
NAME_TEXTS = TranslatedTexts(
    {
        "name": Prose("The name", NAME_LIMIT, example="Kasse"),
        "description": Prose("The description", DESCRIPTION_LIMIT, is_required=False, example="Bestellen und bezahlen"),
    }
)
NameTexts = Annotated[Words, NAME_TEXTS]
Instant = Annotated[
    datetime,
    PlainValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [EXAMPLE]}),
]
Day = Annotated[
    date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-08-21"]})
]
Flag = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})]
Id = Annotated[str, Exact("The id", 32, "kctbh9vrtdwd", "[a-z0-9]{1,32}", is_required=False)]
Ids = Annotated[
    tuple[str, ...],
    PlainValidator(_ids),
    WithJsonSchema({"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9]{0,32}$"}}),
]
Effects = Annotated[
    dict[str, ComponentStatus | None],
    PlainValidator(_effects),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": "string", "enum": [one.value for one in CHANGEABLE.members]},
            "examples": [{"kctbh9vrtdwd": "major_outage"}],
        }
    ),
]
Metadata = Annotated[
    str,
    PlainValidator(_metadata),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"type": "object"}, "examples": [{"jira": {"key": "OPS-1"}}]}
    ),
]
Version = Annotated[
    int, PlainValidator(_version), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": VERSION_LIMIT})
]
PostStatusChoice = Annotated[PostStatus, Choice(POST_CHOICES)]
ImpactChoice = Annotated[Impact, Choice(tuple(Impact))]
ComponentStatusChoice = Annotated[ComponentStatus, CHANGEABLE]
TimeZoneName = Annotated[
    str,
    PlainValidator(_zone_name),
    WithJsonSchema({"type": "string", "minLength": 1, "examples": ["Europe/Berlin"]}),
    Kept(),
]
LanguageCode = Annotated[
    str, PlainValidator(_language), WithJsonSchema({"type": "string", "enum": list(Language)}), Kept()
]
LanguageCodes = Annotated[
    tuple[str, ...],
    PlainValidator(_languages),
    WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(Language)}}),
]
HexColor = Annotated[str, PlainValidator(_accent), WithJsonSchema({"type": "string", "examples": ["#1f4f8f"]}), Kept()]
HttpUrl = Annotated[
    str,
    PlainValidator(_url),
    WithJsonSchema({"type": "string", "maxLength": URL_LIMIT, "examples": ["https://status.example.com"]}),
    Kept(),
]
EmailAddress = Annotated[str, Exact("The email address", EMAIL_LIMIT, "name@example.com")]
PhoneNumber = Annotated[str, Exact("The phone number", 40, "+4930901820")]
Country = Annotated[str, Exact("The country", 2, "DE", "[A-Za-z]{2}")]
IdempotencyKey = Annotated[str, Exact("The idempotency key", KEY_LIMIT, "deploy-4711")]
