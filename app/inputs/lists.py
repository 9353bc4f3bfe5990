"""The query parameters of the API's lists and documents."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import CoreSchema, core_schema

from app.inputs.base import Input
from app.inputs.fields import Flag, TimeZoneName, problem
from app.inputs.subscribers import StateChoice, TypeChoice

MOST = 100
LAST_PAGE = 1_000_000
SORTS = ("primary", "created_at", "quarantined_at", "relevance")
DIRECTIONS = ("asc", "desc")
SOURCES = ("statuspage", "cachet", "instatus", "uptime-kuma")
DAY = r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?"


@dataclass(frozen=True)
class Whole:
    """A whole number within limits."""

    least: int
    most: int

    def read(self, raw: Any) -> int:
        """The number.  Raises a problem."""
        if not (isinstance(raw, str) and re.fullmatch(r"[0-9]{1,9}", raw) and self.least <= int(raw) <= self.most):
            raise problem(f"Enter a whole number from {self.least} to {self.most:,}.")
        return int(raw)

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


def _words(raw: Any) -> str:
    return str(raw).strip()[:200]


def _day(raw: Any) -> str:
    if raw and not re.fullmatch(DAY + r"(?:T.*)?", raw):
        raise problem("Enter a day such as 2026-08-21, a month or a year.")
    return str(raw).partition("T")[0]


def _member(members: tuple[str, ...]) -> Any:
    def read(raw: Any) -> str:
        if raw not in members:
            raise problem(f"Choose one of: {', '.join(members)}.")
        return str(raw)

    return PlainValidator(read)


SearchText = Annotated[str, PlainValidator(_words), WithJsonSchema({"type": "string"})]
PartOfTime = Annotated[str, PlainValidator(_day), WithJsonSchema({"type": "string", "pattern": rf"^({DAY})?$"})]


class Part(Input):
    """Which part of a list."""

    page: Annotated[int, Whole(1, LAST_PAGE)] = 1
    """The number of the page, from 1."""
    per_page: Annotated[int, Whole(1, MOST)] = MOST
    """The number of entries per page."""

    @model_validator(mode="before")
    @classmethod
    def _limit_is_another_name(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "limit" in data and "per_page" not in data:
            return {**data, "per_page": data["limit"]}
        return data


class LenientPart(Part):
    """The same as Statuspage accepts it: 0 means the default, and too large a number means the maximum."""

    page: Annotated[int, Whole(0, LAST_PAGE)] = 0
    per_page: Annotated[int, Whole(0, 999_999_999)] = MOST


class IncidentQuery(Part):
    """Which incidents."""

    q: SearchText = ""
    """Words to search for in titles, statuses and texts."""


class LenientIncidentQuery(LenientPart, IncidentQuery):
    """Which incidents, as Statuspage accepts it."""


class SubscriberFilter(Input):
    """Which subscribers."""

    type: TypeChoice | None = None
    """Only subscribers with this value."""
    state: StateChoice = "active"
    """Only subscribers with this value."""


class SubscriberQuery(SubscriberFilter, Part):
    """Which subscribers, in which order."""

    q: SearchText = ""
    """Part of an address to search for."""
    sort_field: Annotated[str, _member(SORTS), WithJsonSchema({"type": "string", "enum": list(SORTS)})] = "primary"
    """The sort field."""
    sort_direction: Annotated[
        str, _member(DIRECTIONS), WithJsonSchema({"type": "string", "enum": list(DIRECTIONS)})
    ] = "asc"
    """The sort direction."""


class LenientSubscriberQuery(LenientPart, SubscriberQuery):
    """Which subscribers, as Statuspage accepts it."""


class UptimeQuery(Input):
    """Which days."""

    start: PartOfTime = ""
    """The first day, or a month or year that starts with it."""
    end: PartOfTime = ""
    """The last day, or a month or a year that ends with it."""


class SheetQuery(Input):
    """What the CSV file of subscribers contains."""

    with_secrets: Flag = False
    """Whether it contains webhooks' signing secrets."""


class DryRun(Input):
    """Whether anything is changed."""

    dry_run: Flag = False
    """Whether to report what would happen without changing anything."""


class ArchiveQuery(DryRun):
    """How an archive is imported."""

    without_suppressions: Flag = False
    """Whether to skip suppressed addresses."""


class ImportQuery(DryRun):
    """The source of the documents."""

    source: Annotated[str, _member(SOURCES), WithJsonSchema({"type": "string", "enum": list(SOURCES)})]
    """The product that the documents are from."""
    take_page: Flag = False
    """Whether to import the page's name and time zone too (Statuspage)."""
    origin: SearchText = ""
    """The address that they were read from (Cachet, Instatus, Uptime Kuma)."""
    time_zone: TimeZoneName = "Etc/UTC"
    """The time zone for times without one (Cachet)."""
