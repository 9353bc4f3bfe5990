"""Returned mail: delivery reports (RFC 3464), feedback reports (RFC 5965), and bounces in the forms of older servers.

It comes by LMTP, from a mailbox or through a pipe, and is authentic when it was sent to a return path that we signed.
"""

import hashlib
import logging
import re
from email import message_from_bytes, policy
from email.message import Message
from email.utils import parseaddr

from app import return_path
from app.errors import Forbidden
from app.mail_verdict import ENHANCED, NOT_ABOUT_RECIPIENT, MailVerdict, verdict
from app.settings import Settings
from app.sources.base import NotUnderstood, Received, Source
from app.sources.events import Bounced, Complained, Event, Unsubscribed

LARGEST_BYTES = 1024 * 1024
MOST_PARTS = 50
LONGEST_TEXT = 4000
ENVELOPE_TO = "envelope-to"
"""The header in which the receiving process notes the envelope recipient."""

COMPLAINS = frozenset({"abuse", "fraud", "virus"})
OPTS_OUT = frozenset({"opt-out", "opt-out-list"})
_FROM_A_SERVER = re.compile(r"mailer-daemon|postmaster|mail delivery|mail-daemon|mailerdaemon", re.IGNORECASE)
_ABOUT_FAILURE = re.compile(
    r"undeliver|not delivered|returned mail|returned to sender|delivery (?:status|failure|error|problem|has failed)"
    r"|failure notice|failed|mail error|message status",
    re.IGNORECASE,
)
_REPLY_CODE = re.compile(r"(?<![\d.#-])5\d\d(?=[\s-])")
_ORIGINAL = re.compile(
    r"^[ >]*(?:[-|*]{2,} ?(?:below this line|-*original|this is a copy|the following is|forwarded|included|unsent).*"
    r"|[-|*]{2,} ?(?:returned|message text|the header|message header).*|original message follows.*|below is a copy of.*"
    r"|(?:return-path|received|message-id|dkim-signature):.*)$",
    re.IGNORECASE | re.MULTILINE,
)
"""Where the report ends and a copy of our own mail begins."""


class ReturnedMail(Source):
    """Mail that a mail server sent back, or that a mailbox provider reported."""

    name = "mail"
    kept_headers = frozenset({ENVELOPE_TO})

    def authenticate(self, received: Received, settings: Settings) -> str:
        """See `Source.authenticate`.  The signature is in the address that it came back to."""
        message = _message(received.body)
        for address in _returned_to(message, received):
            if return_path.read(settings.secret_key, address) is not None:
                which = _message_id(message).encode("utf-8", "replace") or received.body
                return hashlib.sha256(which + b"\0" + address.lower().encode()).hexdigest()
        raise Forbidden("This mail wasn't sent to a return path of this installation.")

    def parse(self, received: Received, settings: Settings) -> tuple[Event, ...]:
        """See `Source.parse`."""
        message = _message(received.body)
        parts = _parts(message)
        event_id = (_message_id(message) or hashlib.sha256(received.body).hexdigest())[:200]
        returned_to = _returned_to(message, received)
        feedback = next((part for part in parts if part.get_content_type() == "message/feedback-report"), None)
        if feedback is not None:
            return _feedback(_fields(feedback), parts, event_id, returned_to)
        status = next((part for part in parts if part.get_content_type() in _STATUS_TYPES), None)
        if status is not None and _fields(status):
            return _report(_fields(status), parts, event_id, returned_to)
        return _other_bounce(message, parts, event_id, returned_to)


_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})


def _feedback(
    fields: dict[str, str], parts: list[Message], event_id: str, returned_to: tuple[str, ...]
) -> tuple[Event, ...]:
    kind = fields.get("feedback-type", "").partition(";")[0].strip().lower()
    if not kind:
        raise NotUnderstood("a feedback report without a type")
    address = (parseaddr(fields.get("original-rcpt-to", ""))[1] or _original_recipient(parts)).lower()
    if kind in COMPLAINS:
        return (Complained(event_id=event_id, address=address, returned_to=returned_to),)
    if kind in OPTS_OUT:
        return (Unsubscribed(event_id=event_id, address=address, returned_to=returned_to),)
    return ()  # such as not-spam, and auth-failure, which is about our DNS


def _report(
    fields: dict[str, str], parts: list[Message], event_id: str, returned_to: tuple[str, ...]
) -> tuple[Event, ...]:
    if fields.get("action", "").partition(" ")[0].lower() not in {"failed", ""}:
        return ()  # delayed, relayed, delivered: nothing has come back yet
    diagnosis = fields.get("diagnostic-code", "").partition(";")[2].strip() or fields.get("diagnostic-code", "")
    recipient = fields.get("original-recipient") or fields.get("final-recipient") or ""
    address = parseaddr(recipient.partition(";")[2].strip() or recipient)[1].lower()
    found = ENHANCED.search(fields.get("status", "")) or ENHANCED.search(diagnosis)
    status = found[0] if found else ""
    explanation = _explanation(parts, address)
    return (
        Bounced(
            event_id=event_id,
            address=address,
            verdict=_judged(status, diagnosis or explanation, explanation),
            permanent=not status.startswith("4"),
            code=status,
            detail=diagnosis,
            returned_to=returned_to,
        ),
    )


def _other_bounce(
    message: Message, parts: list[Message], event_id: str, returned_to: tuple[str, ...]
) -> tuple[Event, ...]:
    """A bounce that is no delivery report, as qmail, Exim and others write them."""
    from flufl.bounce import all_failures

    logging.getLogger("flufl.bounce").setLevel(logging.WARNING)  # it logs each detector that it tries
    try:
        temporary, permanent = all_failures(message)
    except Exception as error:  # its detectors meet anything that servers write
        raise NotUnderstood(f"the bounce can't be read ({type(error).__name__})") from error
    if temporary and not permanent:
        return ()
    address = next((one.decode("ascii", "replace").lower() for one in sorted(permanent)), "")
    text = _explanation(parts, address)
    code = ENHANCED.search(text)
    if not permanent:
        if not _is_from_a_server(message):
            return ()  # such as "I'm away until Monday"
        if code is None and not _REPLY_CODE.search(text) and verdict("", text) is MailVerdict.UNKNOWN:
            raise NotUnderstood("a bounce in an unknown format")
    status = code[0] if code else ""
    found = _judged(status, text, text)
    return (
        Bounced(
            event_id=event_id,
            address=address,
            verdict=found,
            permanent=not status.startswith("4") and found is not MailVerdict.TIME_OUT,
            code=status,
            returned_to=returned_to,
        ),
    )


def _judged(status: str, said: str, explanation: str) -> MailVerdict:
    """The verdict, minding at which step of the conversation the server refused.

    One that took the recipient and then says "user unknown" of the message means a filter, unless its code says 5.1.1.
    """
    found = verdict(status, said)
    codes = " ".join(code[0] for code in ENHANCED.finditer(f"{status} {said}"))
    if found is not MailVerdict.ADDRESS_GONE or verdict(codes, "") is found:
        return found
    return MailVerdict.UNKNOWN if NOT_ABOUT_RECIPIENT.search(explanation) else found


def _is_from_a_server(message: Message) -> bool:
    sender, subject = str(message.get("From", "")), str(message.get("Subject", ""))
    return bool(_FROM_A_SERVER.search(sender) or _ABOUT_FAILURE.search(subject))


def _explanation(parts: list[Message], address: str) -> str:
    """What the server wrote for people about `address`, without the copy of our own mail."""
    for part in parts:
        if part.get_content_type() not in {"text/plain", "text/html"} or part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
        if part.get_content_type() == "text/html":
            text = re.sub(r"<[^>]{1,500}>", " ", text)
        end = _ORIGINAL.search(text)
        text = text[: end.start() if end else len(text)]
        named = text.lower().find(address) if address else -1
        if named >= 0:  # its paragraph and what follows, not the greeting before it
            text = text[text.rfind("\n\n", 0, named) + 1 :]
        return text[:LONGEST_TEXT]
    return ""


def _message(raw: bytes) -> Message:
    return message_from_bytes(raw[:LARGEST_BYTES], policy=policy.compat32)


def _message_id(message: Message) -> str:
    return str(message.get("Message-ID", "")).strip().strip("<>")


def _returned_to(message: Message, received: Received) -> tuple[str, ...]:
    named = [value for name in ("Delivered-To", "X-Original-To", "To") for value in message.get_all(name, [])]
    headers = (parseaddr(str(value))[1] for value in named[:MOST_PARTS])
    return tuple(address for address in (received.header(ENVELOPE_TO), *headers) if address)


def _parts(message: Message) -> list[Message]:
    found: list[Message] = []
    waiting = [message]
    while waiting and len(found) < MOST_PARTS:
        part = waiting.pop(0)
        found.append(part)
        payload = part.get_payload()
        if isinstance(payload, list):
            waiting.extend(one for one in payload if isinstance(one, Message))
    return found


def _fields(part: Message) -> dict[str, str]:
    """The fields of a report: those of all its blocks, the first of a name first."""
    payload = part.get_payload()
    blocks = payload if isinstance(payload, list) else _blocks(str(payload))
    fields: dict[str, str] = {}
    for block in blocks:
        if isinstance(block, Message):
            for name, value in block.items():
                fields.setdefault(name.lower(), " ".join(str(value).split()))
    return fields


def _blocks(text: str) -> list[Message]:
    """Blocks of header fields with empty lines between them."""
    return [
        message_from_bytes(block.strip().encode("utf-8", "replace") + b"\n\n")
        for block in re.split(r"\r?\n\r?\n", text)
        if block.strip()
    ]


def _original_recipient(parts: list[Message]) -> str:
    """Who the original mail was for: it's attached to a complaint."""
    for part in parts:
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}:
            payload = part.get_payload()
            inner = payload[0] if isinstance(payload, list) and payload else None
            if not isinstance(inner, Message):
                inner = message_from_bytes(str(payload).encode("utf-8", "replace"))
            return parseaddr(str(inner.get("To", "")))[1]
    return ""


SOURCE = ReturnedMail()
