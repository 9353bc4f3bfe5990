"""Reads what comes back to us as mail: delivery reports (RFC 3464) and complaints (RFC 5965), and nothing else."""

import hashlib
import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from email.utils import parseaddr

LARGEST_BYTES = 1024 * 1024
MOST_PARTS = 50
DETAIL_LIMIT = 300
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class BounceMail:
    """What a returned mail says.  `recipient` is who did not get it, `returned_to` where this mail was sent.

    `status` is the RFC 3463 code such as "5.1.1", or empty; `source_id` is the same for the same mail.
    """

    is_complaint: bool
    permanent: bool
    status: str
    recipient: str
    returned_to: tuple[str, ...]
    source_id: str


def parse(raw: bytes, envelope_recipient: str = "") -> BounceMail | None:
    """The report in `raw`; None when it is no report of a failure.  `envelope_recipient` is who the mail server
    delivered it to.  Never raises.
    """
    message = message_from_bytes(raw[:LARGEST_BYTES], policy=policy.compat32)
    parts = _parts(message)
    named = [value for name in ("Delivered-To", "X-Original-To", "To") for value in message.get_all(name, [])]
    headers = (parseaddr(str(value))[1] for value in named[:MOST_PARTS])
    returned_to = tuple(address for address in (envelope_recipient, *headers) if address)
    source_id = _address_free(str(message.get("Message-ID", ""))) or hashlib.sha256(raw).hexdigest()
    fields = next((_fields(part) for part in parts if part.get_content_type() == "message/feedback-report"), None)
    if fields is not None:
        recipient = parseaddr(fields.get("original-rcpt-to", ""))[1] or _original(parts)
        return BounceMail(True, True, "", recipient.lower(), returned_to, source_id[:200])
    status_part = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    if status_part is None:
        return None
    fields = _fields(status_part)
    if fields.get("action", "").lower() not in {"failed", ""}:
        return None  # delayed, relayed, delivered: nothing has come back yet
    found = _STATUS.search(fields.get("status", "")) or _STATUS.search(fields.get("diagnostic-code", ""))
    status = found[0] if found else ""
    recipient = fields.get("original-recipient") or fields.get("final-recipient") or ""
    recipient = recipient.partition(";")[2].strip() or recipient
    return BounceMail(
        False, not status.startswith("4"), status, parseaddr(recipient)[1].lower(), returned_to, source_id[:200]
    )


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
                fields.setdefault(name.lower(), str(value).strip())
    return fields


def _blocks(text: str) -> list[Message]:
    """Blocks of header fields with empty lines between them."""
    return [
        message_from_bytes(block.strip().encode() + b"\n\n") for block in re.split(r"\r?\n\r?\n", text) if block.strip()
    ]


def _original(parts: list[Message]) -> str:
    """Who the original mail was for: it is attached to a complaint."""
    for part in parts:
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}:
            payload = part.get_payload()
            inner = payload[0] if isinstance(payload, list) and payload else None
            if not isinstance(inner, Message):
                inner = message_from_bytes(str(payload).encode("utf-8", "replace"))
            return parseaddr(str(inner.get("To", "")))[1]
    return ""


def _address_free(value: str) -> str:
    return value.strip().strip("<>")
