"""Phone numbers: their normal form, and the countries that can receive texts."""

from app.errors import Invalid
from app.settings import Settings

LONGEST_INPUT = 40
ELSEWHERE = "text messages aren't sent to that country"


def normalise(raw: str, settings: Settings) -> str:
    """The number in E.164, such as +15551234567.  Raises Invalid, also for a country that isn't allowed."""
    import phonenumbers

    try:
        number = phonenumbers.parse(raw.strip() if len(raw) <= LONGEST_INPUT else "", None)
    except phonenumbers.NumberParseException:
        raise _invalid() from None
    if number.extension or not phonenumbers.is_valid_number(number):
        raise _invalid()
    if phonenumbers.region_code_for_number(number) not in settings.sms_countries:
        raise Invalid.field("address", "Candor doesn't send text messages to this country. Subscribe by email instead.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_allowed(number: str, settings: Settings) -> bool:
    """Whether texts go to the country of a stored number: the list may be shorter now than when it subscribed."""
    return country_of(number) in settings.sms_countries


def country_of(number: str) -> str:
    """The country of a stored number, by two capital letters; empty when no one knows."""
    import phonenumbers

    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number, None)) or ""
    except phonenumbers.NumberParseException:
        return ""


def _invalid() -> Invalid:
    return Invalid.field("address", "Enter a valid phone number with + and the country code, such as +1 555 123 4567.")
