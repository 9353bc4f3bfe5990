"""Twilio: texts that people send to our number (STOP, START, HELP), and delivery reports."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.sax.saxutils import escape

from app import twilio_account
from app.errors import Forbidden, Invalid, NotFound, Unavailable
from app.settings import Settings
from app.sources.base import LONGEST_KEY, NotUnderstood, Received, Reply, Source, body_key
from app.sources.events import Event, Keyword, TextReceived, TextStatus
from app.text import clean

INBOUND = "sms/twilio"
STATUS = "twilio/status"
MOST_FIELDS = 200
KEYWORDS = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), Keyword.STOP),
    **dict.fromkeys(("START", "UNSTOP"), Keyword.START),
    **dict.fromkeys(("HELP", "INFO"), Keyword.HELP),
}
"""Twilio's own keywords for opting out and in, and for help."""


class Twilio(Source):
    """Two webhooks: inbound texts and status callbacks."""

    name = "twilio"
    paths = (INBOUND, STATUS)

    def authenticate(self, received: Received, settings: Settings) -> str:
        """See `Source.authenticate`.  Twilio signs the address that it was told to call, and the form."""
        token = twilio_account.auth_token(settings)
        if not token:
            raise Unavailable("Twilio isn't set up here. To accept its calls, set TWILIO_AUTH_TOKEN.")
        form = _form(received)
        given = received.header("x-twilio-signature").encode("utf-8", "replace")
        fits = (signature(token, url, form) for url in _addresses(settings.base_url + received.path))
        if not any(hmac.compare_digest(one.encode(), given) for one in fits):
            raise Forbidden("The signature doesn't match. Check TWILIO_AUTH_TOKEN and BASE_URL.")
        sid = clean(_first(form, "MessageSid")[:100])
        if not _is_status(received):
            return f"text:{sid}" if sid else body_key(received.body)
        if _referred(received, settings) is None:
            raise NotFound("No text with this reference was sent from here.")
        return f"status:{_reference(received)}:{sid}:{clean(_first(form, 'MessageStatus')[:20])}"[:LONGEST_KEY]

    def parse(self, received: Received, settings: Settings) -> tuple[Event, ...]:
        """See `Source.parse`."""
        form = _form(received)
        if not _is_status(received):
            keyword = _keyword(form)
            return (TextReceived(number=clean(_first(form, "From")), keyword=keyword),) if keyword else ()
        row = _referred(received, settings)
        if row is None:
            raise NotUnderstood("a status of a text that wasn't sent from here")
        code = _first(form, "ErrorCode")
        return (
            TextStatus(
                kind=row[0],
                row_id=row[1],
                message_id=clean(_first(form, "MessageSid")[:100]),
                status=_first(form, "MessageStatus"),
                code=int(code) if code.isascii() and code.isdigit() and len(code) < 8 else 0,
            ),
        )

    def is_urgent(self, received: Received) -> bool:
        """After STOP, not one more text may leave."""
        return not _is_status(received)

    def reply(self, received: Received, settings: Settings) -> Reply | None:
        """TwiML.  Twilio itself replies to STOP and START."""
        if _is_status(received):
            return Reply(status=204)
        words = ""
        if _keyword(_form(received)) is Keyword.HELP:
            words = f"Status updates. See {settings.base_url}. Reply STOP to unsubscribe."
        message = f"<Message>{escape(words)}</Message>" if words else ""
        document = f'<?xml version="1.0" encoding="UTF-8"?><Response>{message}</Response>'
        return Reply(body=document, mimetype="text/xml")


def signature(auth_token: str, url: str, form: Mapping[str, Sequence[str]]) -> str:
    """Twilio's signature: base64 of HMAC-SHA1 over the address and the sorted fields, names and values run together."""
    fields = "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))
    digest = hmac.new(auth_token.encode(), (url + fields).encode("utf-8", "replace"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _addresses(url: str) -> tuple[str, ...]:
    """How Twilio may have spelled the address: it signs some calls with the port, and others without."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    spelled = (parts.netloc, host, f"{host}:{port}")
    return tuple(dict.fromkeys(url.replace(f"//{parts.netloc}", f"//{one}", 1) for one in spelled))


def _form(received: Received) -> dict[str, list[str]]:
    try:
        text = received.body.decode("utf-8", "replace")
        return parse_qs(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Invalid("The form has too many fields.") from None


def _first(form: Mapping[str, Sequence[str]], name: str) -> str:
    return form.get(name, [""])[0]


def _keyword(form: Mapping[str, Sequence[str]]) -> Keyword | None:
    word = clean(_first(form, "Body")[:200]).strip(" .!'\"").upper().replace("-", "").replace(" ", "")
    return KEYWORDS.get(word)


def _is_status(received: Received) -> bool:
    return received.path.partition("?")[0].endswith(STATUS)


def _reference(received: Received) -> str:
    return dict(parse_qsl(received.path.partition("?")[2])).get("d", "")


def _referred(received: Received, settings: Settings) -> tuple[str, int] | None:
    return twilio_account.referred(settings, _reference(received))


SOURCE = Twilio()
