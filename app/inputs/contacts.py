"""Where people with an account are written to, as they send it."""

from typing import Annotated

from app.inputs.base import Input
from app.inputs.fields import Exact, Prose

ADDRESS_LIMIT = 2_000
LABEL_LIMIT = 100


class ContactInput(Input):
    """An address at which a person gets notices. The channel reads the address."""

    channel: Annotated[str, Exact("The channel", 16, "email")]
    """The channel, such as email or sms."""
    address: Annotated[str, Exact("The address", ADDRESS_LIMIT, "name@example.com")]
    """The email address, phone number or chat address."""
    label: Annotated[str, Prose("The label", LABEL_LIMIT, is_required=False, example="My phone")] = ""
    """What is shown instead of an address that holds a secret."""


class ContactCode(Input):
    """What proves that messages arrive at a contact."""

    code: Annotated[str, Exact("The code", 20, "12345678")]
    """The eight digits that were sent there."""
