"""The Twilio account that SMS_URL names, and how its callbacks name a text of ours."""

import base64
import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from app.settings import Settings

SCHEME = "twilio"
SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")
_REFERENCE = re.compile(r"([dna])([0-9]{1,18})\.([A-Za-z0-9_-]{22})")


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """Whose texts these are.  `token` proves it, and is what Twilio signs its callbacks with unless `key` is set."""

    sid: str
    sender: str
    token: str = field(repr=False)
    key: str = ""

    @property
    def authorization(self) -> str:
        """The header's value."""
        return "Basic " + base64.b64encode(f"{self.key or self.sid}:{self.token}".encode()).decode()


def account(sms_url: str) -> TwilioAccount | None:
    """The account that SMS_URL names: `twilio://SID:TOKEN@FROM`, FROM being a number, a short code, a sender's name or
    a messaging service (MG…), with `?apikey=SK…` when TOKEN is an API key's secret; None when it names none.
    """
    try:
        parts = urlsplit(sms_url)
        options = parse_qs(parts.query)
    except ValueError:
        return None
    who, at, where = parts.netloc.rpartition("@")
    sid, _, token = who.partition(":")
    sender = unquote(where)
    if parts.scheme != SCHEME or not (at and SID.fullmatch(sid) and token and sender.isprintable() and sender):
        return None
    if sender.isdigit() and len(sender) > 6:
        sender = f"+{sender}"
    return TwilioAccount(sid, sender, unquote(token), options.get("apikey", [""])[0])


def auth_token(settings: Settings) -> str:
    """What Twilio's callbacks are signed with; empty when it isn't known."""
    named = account(settings.sms_url)
    return settings.twilio_auth_token or (named.token if named and not named.key else "")


def reference(settings: Settings, kind: str, row_id: int) -> str:
    """A row of the ledger as a callback's address says it: no one else can name one."""
    name = f"{kind}{row_id}"
    digest = hmac.digest(settings.secret_key.encode(), f"text-status:{name}".encode(), "sha256")
    return f"{name}.{base64.urlsafe_b64encode(digest).decode()[:22]}"


def referred(settings: Settings, given: str) -> tuple[str, int] | None:
    """The kind ("d" delivery, "n" notice, "a" notice to an account) and id that a reference names; None when it isn't
    one of ours.
    """
    found = _REFERENCE.fullmatch(given)
    if found is None or not hmac.compare_digest(reference(settings, found[1], int(found[2])), given):
        return None
    return found[1], int(found[2])
