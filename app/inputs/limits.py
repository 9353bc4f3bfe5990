"""Send limits, as forms send them."""

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from app.inputs.base import Input
from app.inputs.fields import Exact, problem

FASTEST = 100_000.0
MOST_CONNECTIONS = 10_000
DOMAIN_LIMIT = 255


def _rate(raw: Any) -> float:
    try:
        found = float(str(raw).replace(",", "."))
    except ValueError:
        found = -1.0
    if not 0 < found <= FASTEST:
        raise problem(f"Enter messages per second, more than 0 and at most {FASTEST:,.0f}, or leave it empty.")
    return found


def _connections(raw: Any) -> int:
    text = str(raw).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 0 < int(text) <= MOST_CONNECTIONS):
        raise problem(f"Enter a whole number of connections, from 1 to {MOST_CONNECTIONS:,}, or leave it empty.")
    return int(text)


class LimitInput(Input):
    """A limit for a channel or a destination on it. Without numbers, the limit is removed."""

    channel: Annotated[str, Exact("The channel", 20, "email")]
    """The channel."""
    domain: Annotated[str, Exact("The destination", DOMAIN_LIMIT, "example.com", is_required=False)] = ""
    """A mail domain or an endpoint's host. Empty: the whole channel. *: each destination."""
    per_second: Annotated[float, PlainValidator(_rate), WithJsonSchema({"type": "number"})] | None = None
    """Messages per second."""
    connections: Annotated[int, PlainValidator(_connections), WithJsonSchema({"type": "integer"})] | None = None
    """Connections at the same time."""
