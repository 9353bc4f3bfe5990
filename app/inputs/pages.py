"""Pages, as people and programs send them."""

from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from app.inputs.base import Input
from app.inputs.fields import (
    EMAIL_LIMIT,
    NAME_LIMIT,
    Exact,
    HexColor,
    HttpUrl,
    Kept,
    LanguageCode,
    LanguageCodes,
    Prose,
    TimeZoneName,
    problem,
)
from app.mail_address import read_sender


def _sender(raw: object) -> str:
    text = Exact("The sender", EMAIL_LIMIT, "Acme Status <status@acme.example>", is_required=False).read(raw)
    if not text:
        return ""
    found = read_sender(text)
    if found is None:
        raise problem(
            "Enter one sender: an address, or a name and an address such as Acme Status <status@acme.example>."
        )
    return str(found)


PageName = Annotated[str, Prose("The page's name", NAME_LIMIT, example="Acme Status")]
SenderAddress = Annotated[
    str,
    PlainValidator(_sender),
    WithJsonSchema({"type": "string", "maxLength": EMAIL_LIMIT, "examples": ["Acme Status <status@acme.example>"]}),
    Kept(),
]


class PageChange(Input):
    """Changes to a page. Fields that you leave out stay as they are."""

    model_config = {"json_schema_extra": {"examples": [{"name": "Acme Status", "time_zone": "Europe/Berlin"}]}}

    name: PageName | None = None
    """The name that readers see."""
    url: HttpUrl | None = None
    """The public address; empty for the installation's address."""
    time_zone: TimeZoneName | None = None
    """The time zone of times on the page."""
    mail_from: SenderAddress | None = Field(None, alias="notifications_from_email")
    """The sender of its email; empty for the installation's sender."""


class PageSettings(PageChange):
    """The same with the page's look and languages."""

    locale: LanguageCode | None = None
    """Its default language."""
    languages: LanguageCodes | None = None
    """The languages that it is available in."""
    accent: HexColor | None = None
    """The color of links and buttons; empty for the default."""
