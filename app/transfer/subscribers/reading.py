"""Reads a line of a CSV file as a subscriber: recognizes columns and parses cells."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.channels.names import EMAIL, SMS, WEBHOOK
from app.channels.registry import names as channel_names
from app.csv_files import SheetLine, named
from app.errors import Invalid
from app.text import clean
from app.vocabulary import SubscriberState

COLUMNS = (
    "channel",
    "address",
    "label",
    "state",
    "components",
    "posts",
    "locale",
    "time_zone",
    "created_at",
    "confirmed_at",
    "unsubscribed_at",
    "id",
    "secret",
)
"""What we write, and read back."""

_ALSO = {
    "type": "channel",
    "mode": "channel",
    "subscriber_type": "channel",
    "kind": "channel",
    "email": "email",
    "email_address": "email",
    "endpoint": "endpoint",
    "url": "endpoint",
    "webhook": "endpoint",
    "phone": "phone_number",
    "phone_number": "phone_number",
    "display_phone_number": "shown_number",
    "phone_country": "phone_country",
    "country": "phone_country",
    "country_code": "phone_country",
    "status": "state",
    "component_ids": "components",
    "component": "components",
    "language": "locale",
    "subscribed_at": "created_at",
    "created": "created_at",
    "quarantined_at": "quarantined_at",
    "public_id": "id",
}
_STATES = {
    "": SubscriberState.ACTIVE,
    "active": SubscriberState.ACTIVE,
    "confirmed": SubscriberState.ACTIVE,
    "unconfirmed": SubscriberState.UNCONFIRMED,
    "pending": SubscriberState.UNCONFIRMED,
    "quarantined": SubscriberState.QUARANTINED,
    "unsubscribed": SubscriberState.UNSUBSCRIBED,
    "removed": SubscriberState.UNSUBSCRIBED,
}
_TEMPLATE = {
    "email": ("channel", "email"),
    "sms": ("channel", "phone_number", "phone_country"),
    "webhook": ("channel", "endpoint", "email"),
}
"""A sheet without headings is Statuspage's template: the first cell says what the others are."""

_ID = re.compile(r"[a-z0-9]{12,32}")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,2}")


@dataclass(frozen=True, slots=True)
class Wish:
    """One line, read.  `components` are names or ids as written, `posts` ids; `has` are the columns given."""

    line: int
    channel: str
    address: str
    label: str
    state: SubscriberState
    components: tuple[str, ...]
    posts: tuple[str, ...]
    locale: str
    time_zone: str
    created_at: datetime | None
    confirmed_at: datetime | None
    unsubscribed_at: datetime | None
    public_id: str
    secret: str
    owner_email: str
    has: frozenset[str]


def wishes(lines: Iterable[SheetLine]) -> Iterator[Wish | tuple[int, str]]:
    """Each line as a wish, or its number and why it is none.

    Raises:
        Invalid: there are no lines, or no column says where to write to.
    """
    columns: tuple[str, ...] | None = None
    for line in lines:
        if columns is None:
            columns = () if _is_template(line) else _headings(line)
            if columns:
                continue
        given = columns or _TEMPLATE.get(line.cells[0].lower(), _TEMPLATE["email"])
        try:
            yield _wish(line.number, named(line, given))
        except Invalid as error:
            yield line.number, error.sentence
    if columns is None:
        raise Invalid.field("file", "The file is empty.")


def _is_template(line: SheetLine) -> bool:
    kind, second = line.cells[0].lower(), (*line.cells, "")[1]
    return kind in _TEMPLATE and any(character in second for character in "@/0123456789")


def _headings(line: SheetLine) -> tuple[str, ...]:
    plain = [re.sub(r"[^a-z0-9]+", "_", cell.lower()).strip("_") for cell in line.cells]
    found = tuple(name if name in COLUMNS else _ALSO.get(name, "") for name in plain)
    if not {"address", "email", "phone_number", "endpoint"} & set(found):
        raise Invalid.field(
            "file", "The sheet needs an address column. The first line must name the columns: channel,address,…"
        )
    return found


def _wish(number: int, cells: Mapping[str, str]) -> Wish:
    channel = _channel(cells)
    has = frozenset(cells)
    state = _STATES.get(cells.get("state", "").lower())
    if state is None:
        raise Invalid(f"“{clean(cells['state'])[:40]}” isn't a state. Use one of: {', '.join(SubscriberState)}.")
    if cells.get("quarantined_at"):
        state = SubscriberState.QUARANTINED
    locale = cells.get("locale", "")
    if locale and not _LOCALE.fullmatch(locale):
        raise Invalid(f"“{clean(locale)[:40]}” isn't a language code. Use a code such as en or pt-BR.")
    return Wish(
        line=number,
        channel=channel,
        address=_address(channel, cells),
        label=clean(cells.get("label", ""))[:100],
        state=state,
        components=_parts(cells.get("components", "")),
        posts=_parts(cells.get("posts", "")),
        locale=locale,
        time_zone=clean(cells.get("time_zone", ""))[:64],
        created_at=_instant(cells, "created_at"),
        confirmed_at=_instant(cells, "confirmed_at"),
        unsubscribed_at=_instant(cells, "unsubscribed_at"),
        public_id=cells.get("id", "") if _ID.fullmatch(cells.get("id", "")) else "",
        secret=_secret(cells.get("secret", "")),
        has=has,
        owner_email=cells.get("email", "")[:254] if channel == WEBHOOK else "",
    )


def _channel(cells: Mapping[str, str]) -> str:
    given = cells.get("channel", "").lower()
    if given in channel_names():
        return given
    if given:
        raise Invalid(f"“{clean(given)[:40]}” isn't a channel. Use one of: {', '.join(channel_names())}.")
    if cells.get("endpoint"):
        return WEBHOOK
    return SMS if cells.get("phone_number") or cells.get("shown_number") else EMAIL


def _address(channel: str, cells: Mapping[str, str]) -> str:
    own = {
        EMAIL: "email",
        SMS: "phone_number",
        WEBHOOK: "endpoint",
    }.get(channel, "address")
    address = cells.get("address") or cells.get(own, "")
    if not address and channel == SMS:
        address = cells.get("shown_number", "")
    if not address:
        raise Invalid("This line has no address.")
    if channel == SMS and not address.startswith("+"):
        return _international(address, cells.get("phone_country", ""))
    return address


def _international(number: str, country: str) -> str:
    """A number as it is dialled within its country, in E.164."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number[:40], country.upper() or None)
    except phonenumbers.NumberParseException:
        raise Invalid("Start the phone number with + and the country code, such as +1 555 123 4567.") from None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _parts(raw: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in re.split(r"[;|\n]", raw) if part.strip()))


def _instant(cells: Mapping[str, str], name: str) -> datetime | None:
    raw = cells.get(name, "")
    if not raw:
        return None
    try:
        at = datetime.fromisoformat(re.sub(r" ?(UTC|GMT)$", "+00:00", raw))
    except ValueError:
        raise Invalid(f"“{clean(raw)[:40]}” isn't a time. Use the form 2026-12-01T22:00:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _secret(raw: str) -> str:
    if raw and not re.fullmatch(r"whsec_[A-Za-z0-9+/=_-]{16,120}", raw):
        raise Invalid("This isn't a webhook secret. It must start with whsec_.")
    return raw
