"""Subscribers, as programs send them."""

from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from app.inputs.base import Input, door_of
from app.inputs.fields import URL_LIMIT, Country, EmailAddress, Exact, Flag, Ids, PhoneNumber, listed, problem
from app.vocabulary import SubscriberState

MOST_AT_ONCE = 100
TYPES = ("email", "sms", "webhook", "integration_partner", "slack", "teams")
"""Statuspage's types; chat rooms and browsers are partners there, whatever their service."""

STATES = (SubscriberState.ACTIVE, SubscriberState.UNCONFIRMED, SubscriberState.QUARANTINED)
ALL = "all"


class PersonInput(Input):
    """A person to notify by email or text message."""

    model_config = {"json_schema_extra": {"examples": [{"email": "name@example.com"}]}}

    email: EmailAddress | None = None
    """An email address."""
    phone_number: PhoneNumber | None = None
    """A phone number with its country code, such as +4930901820, or as dialed in `phone_country`."""
    phone_country: Country | None = None
    """The country of a number without a country code, such as DE."""
    skip_confirmation_notification: Flag = False
    """Whether you vouch for the address. Otherwise it gets a request to confirm."""


class SubscriberInput(PersonInput):
    """A subscriber of the page: a person, or a webhook."""

    endpoint: Annotated[str, Exact("The endpoint", URL_LIMIT * 4, "https://example.com/hook")] | None = None
    """The address of a webhook. `email` is then its owner's."""
    component_ids: Ids = ()
    """The ids of the components to get updates about. Empty: all components."""


class SubscriberChange(Input):
    """Which components a subscriber gets updates about."""

    model_config = {"json_schema_extra": {"examples": [{"component_ids": ["kctbh9vrtdwd"]}]}}

    component_ids: Ids
    """The ids of the components. Empty: all components."""


def _chosen(raw: Any, info: ValidationInfo) -> tuple[str, ...]:
    """The ids, or `ALL` alone."""
    if raw == ALL:
        return (ALL,)
    named = listed(raw, door_of(info))
    found = tuple(dict.fromkeys(one for one in named if isinstance(one, str) and one))
    if any(not isinstance(one, str) for one in named) or not 0 < len(found) <= MOST_AT_ONCE:
        raise problem(f"Name 1 to {MOST_AT_ONCE} subscribers by their ids, or send all.")
    return found


TypeChoice = Annotated[
    str, PlainValidator(lambda raw: _one_of(raw, TYPES)), WithJsonSchema({"type": "string", "enum": list(TYPES)})
]
StateChoice = Annotated[
    str,
    PlainValidator(lambda raw: _one_of(raw, (*STATES, ALL))),
    WithJsonSchema({"type": "string", "enum": [*STATES, ALL]}),
]


def _one_of(raw: Any, members: tuple[str, ...]) -> str:
    if not isinstance(raw, str) or raw not in members:
        raise problem(f"Choose one of: {', '.join(members)}.")
    return raw


class SubscriberSelection(Input):
    """Which subscribers: by id, or all that match."""

    model_config = {"json_schema_extra": {"examples": [{"subscribers": ["kctbh9vrtdwd"]}]}}

    subscribers: Annotated[
        tuple[str, ...],
        PlainValidator(_chosen),
        WithJsonSchema(
            {
                "oneOf": [
                    {
                        "type": "array",
                        "items": {"type": "string", "pattern": "^[a-z0-9]{0,32}$"},
                        "minItems": 1,
                        "maxItems": MOST_AT_ONCE,
                    },
                    {"type": "string", "enum": [ALL]},
                ]
            }
        ),
    ]
    """Up to 100 ids, or `all`."""
    type: TypeChoice | None = None
    """With `all`, only these."""
    state: StateChoice | None = None
    """With `all`, only these."""

    @property
    def is_all(self) -> bool:
        """Whether all that match are meant."""
        return self.subscribers == (ALL,)
