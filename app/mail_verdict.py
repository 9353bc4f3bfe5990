"""Why a mail wasn't delivered: one verdict for SMTP replies, delivery reports and what mail providers report.

Codes alone mislead.  Many servers answer 5.1.1 for a full mailbox and 5.0.0 for everything, so the text counts as much
as the code does, and an address is only called gone when nothing contradicts it.  What isn't understood is UNKNOWN, and
that never counts against an address.
"""

import re
from enum import StrEnum


class MailVerdict(StrEnum):
    """Why a mail wasn't delivered.  Only ADDRESS_GONE says anything about the address itself."""

    ADDRESS_GONE = "address gone"
    MAILBOX_FULL = "mailbox full"
    POLICY = "refused by policy"
    BLOCKED = "sender blocked"
    TIME_OUT = "timed out"
    UNKNOWN = "unknown"


ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
"""An RFC 3463 status code, such as 5.1.1, and no part of an IP address."""

_BY_CODE: tuple[tuple[str, MailVerdict], ...] = (
    ("1.1", MailVerdict.ADDRESS_GONE),  # no such mailbox
    ("1.2", MailVerdict.ADDRESS_GONE),  # no such domain
    ("1.3", MailVerdict.ADDRESS_GONE),  # not an address
    ("1.6", MailVerdict.ADDRESS_GONE),  # moved, no forwarding
    ("1.10", MailVerdict.ADDRESS_GONE),  # the domain takes no mail (RFC 7505)
    ("1.7", MailVerdict.POLICY),  # about the sender's address
    ("1.8", MailVerdict.POLICY),
    ("2.2", MailVerdict.MAILBOX_FULL),
    ("2.3", MailVerdict.POLICY),  # too long
    ("3.4", MailVerdict.POLICY),  # too big
    ("4.7", MailVerdict.TIME_OUT),
    ("7.25", MailVerdict.BLOCKED),  # reverse DNS
    ("7.26", MailVerdict.BLOCKED),  # SPF and DKIM
    ("7.27", MailVerdict.POLICY),
)
_BY_SUBJECT = {"4": MailVerdict.TIME_OUT, "6": MailVerdict.POLICY, "7": MailVerdict.POLICY}
"""By the code's second number, where the third doesn't decide."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_BY_TEXT: tuple[tuple[MailVerdict, re.Pattern[str]], ...] = (
    (
        MailVerdict.MAILBOX_FULL,
        _any(
            r"\bquota\b",
            r"mailbox (?:is )?(?:full|size)",
            r"(?:in|out of) ?storage",
            r"over ?quota",
            r"insufficient (?:system )?(?:storage|disk)",
            r"disk full",
            r"mailbox.{0,40}exceeded",
            r"too many messages in",
        ),
    ),
    (
        MailVerdict.TIME_OUT,
        _any(
            r"timed? ?-?out",
            r"too old\b",
            r"retry time(?:out)?",
            r"delivery (?:time )?expired",
            r"connection (?:refused|reset|lost)",
            r"no route to host",
            r"network is unreachable",
        ),
    ),
    (
        MailVerdict.BLOCKED,
        _any(
            r"black ?list",
            r"block ?list",
            r"\bdnsbl\b",
            r"\brbl\b",
            r"spamhaus",
            r"spamcop",
            r"\bip(?: address)? .{0,40}(?:blocked|refused|denied|reject)",
            r"reputation",
            r"reverse dns",
            r"\bptr\b",
            r"\bblocked\b",
            r"rate limit",
            r"too many (?:mail|conn)",
        ),
    ),
    (
        MailVerdict.POLICY,
        _any(
            r"\bspam\b",
            r"\bspf\b",
            r"\bdkim\b",
            r"\bdmarc\b",
            r"\bvirus\b",
            r"unsolicited",
            r"policy",
            r"\bcontent\b",
            r"message (?:size|too)",
            r"too large",
            r"relay",
            r"not allowed",
            r"prohibited",
            r"authentication",
        ),
    ),
    (
        MailVerdict.ADDRESS_GONE,
        _any(
            r"user (?:is )?(?:unknown|not found)",
            r"unknown (?:user|recipient|address|mailbox|account|local)",
            r"no such (?:user|recipient|address|mailbox|account|person|local)",
            r"does ?n[o']t exist",
            r"do not exist",
            r"not exist",
            r"no mailbox",
            r"invalid (?:recipient|mailbox|user|address)",
            r"recipient (?:not found|unknown)",
            r"mailbox (?:not found|unavailable|does)",
            r"address (?:not found|unknown|rejected: user)",
            r"host (?:or domain name )?not found",
            r"domain (?:name )?not found",
            r"nxdomain",
            r"account.{0,30}(?:disabled|closed|deactivated)",
        ),
    ),
)


def verdict(code: str, text: str, hint: MailVerdict | None = None) -> MailVerdict:
    """The verdict on one refusal.

    `code` is the status as reported, such as "5.1.1" or "550 5.1.1"; `text` is what the server said.  `hint` is the
    mail provider's own category, where it has one.
    """
    by_code = _by_code(code) or _by_code(text)
    found = {kind for kind, pattern in _BY_TEXT if pattern.search(text)}
    if hint is not None:
        found.add(hint)
    others = found - {MailVerdict.ADDRESS_GONE}
    if others:
        return next(kind for kind, _ in _BY_TEXT if kind in others)
    if MailVerdict.ADDRESS_GONE in found:
        return MailVerdict.ADDRESS_GONE if by_code in {None, MailVerdict.ADDRESS_GONE} else by_code
    return by_code or MailVerdict.UNKNOWN


def _by_code(words: str) -> MailVerdict | None:
    found = ENHANCED.search(words)
    if found is None:
        return None
    detail = f"{int(found[2])}.{int(found[3])}"
    return next((kind for name, kind in _BY_CODE if name == detail), _BY_SUBJECT.get(found[2]))
