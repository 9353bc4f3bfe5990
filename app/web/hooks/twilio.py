"""What Twilio tells us: texts that people sent (STOP and its kin, START, HELP), and what became of ours."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from flask import current_app, request
from werkzeug.wrappers import Response

from app.actions import inbound_texts
from app.channels import twilio as channel
from app.channels.twilio import Message
from app.deliver import texts
from app.errors import Forbidden, Invalid, NotFound, Unavailable
from app.models.delivery import Delivery, Notice
from app.settings import Settings
from app.text import clean
from app.web.access import audience
from app.web.hooks.blueprint import blueprint

STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START_WORDS = frozenset({"START", "UNSTOP"})
HELP_WORDS = frozenset({"HELP", "INFO"})


@blueprint.post("/sms/twilio")
@audience("public")
def inbound_sms() -> Response:
    """One text that somebody sent to our number."""
    settings = _proven()
    return _twiml(_act(settings, clean(request.form.get("From", "")), _word(request.form.get("Body", ""))))


@blueprint.post("/twilio/status")
@audience("public")
def text_status() -> Response:
    """How a text stands that we sent.  Its address says which one it was, signed by us beside Twilio's signature."""
    settings = _proven()
    which = channel.referred(settings, request.args.get("d", ""))
    if which is None:
        raise NotFound("This installation sent no such text.")
    ledger = Delivery if which[0] == "d" else Notice
    code = request.form.get("ErrorCode", "")
    message = Message(
        clean(request.form.get("MessageSid", "")[:100]),
        request.form.get("MessageStatus", ""),
        int(code) if code.isascii() and code.isdigit() and len(code) < 8 else 0,
    )
    texts.note_status(ledger, which[1], message)
    return Response(status=204)


def _proven() -> Settings:
    """The settings, once the request is known to be Twilio's: it signs the address that it was told to call."""
    settings: Settings = current_app.config["SETTINGS"]
    token = channel.auth_token(settings)
    if not token:
        raise Unavailable("Twilio's calls can not be checked here: TWILIO_AUTH_TOKEN is empty.")
    url = settings.base_url + (request.full_path if request.query_string else request.path)
    expected = signature(token, url, dict(request.form.lists()))
    given = request.headers.get("X-Twilio-Signature", "")
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise Forbidden("The signature does not fit. Check TWILIO_AUTH_TOKEN and BASE_URL.")
    return settings


def signature(auth_token: str, url: str, form: Mapping[str, Sequence[str]]) -> str:
    """Twilio's signature: base64 of HMAC-SHA1 over the address and the sorted fields, names and values run together."""
    fields = "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))
    digest = hmac.new(auth_token.encode(), (url + fields).encode("utf-8", "replace"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _word(body: str) -> str:
    return clean(body[:200]).strip(" .!'\"").upper().replace("-", "").replace(" ", "")


def _act(settings: Settings, number: str, word: str) -> str:
    """Do what the word asks; what to reply, empty for nothing (Twilio itself replies to STOP and START)."""
    if word in HELP_WORDS:
        return f"Status updates. See {settings.base_url}. Reply STOP to end them."
    if word not in STOP_WORDS | START_WORDS:
        return ""
    try:
        if word in STOP_WORDS:
            inbound_texts.stop_by_sms(settings, number)
        elif inbound_texts.count_message(settings, clean(request.form.get("MessageSid", "")[:100])):
            inbound_texts.start_by_sms(settings, number)
    except Invalid:
        return ""  # a short code or a name, which can not be subscribed
    return ""


def _twiml(reply: str) -> Response:
    message = f"<Message>{escape(reply)}</Message>" if reply else ""
    return Response(f'<?xml version="1.0" encoding="UTF-8"?><Response>{message}</Response>', mimetype="text/xml")
