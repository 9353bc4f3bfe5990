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

_BY_DETAIL = {
    "1.1": MailVerdict.ADDRESS_GONE,  # no such mailbox
    "1.2": MailVerdict.ADDRESS_GONE,  # no such domain
    "1.3": MailVerdict.ADDRESS_GONE,  # not an address
    "1.6": MailVerdict.ADDRESS_GONE,  # moved, no forwarding
    "1.10": MailVerdict.ADDRESS_GONE,  # the domain takes no mail (RFC 7505)
    "1.7": MailVerdict.POLICY,  # about the sender's address
    "1.8": MailVerdict.POLICY,
    "2.0": MailVerdict.UNKNOWN,  # said of filters, forwards and full mailboxes alike
    "2.2": MailVerdict.MAILBOX_FULL,
    "2.3": MailVerdict.POLICY,  # too long
    "3.4": MailVerdict.POLICY,  # too big
    "4.7": MailVerdict.TIME_OUT,
    "7.25": MailVerdict.BLOCKED,  # reverse DNS
}
"""By the last two numbers of an RFC 3463 code.  Those that are missing leave it to the text."""

_BY_SUBJECT = {"6": MailVerdict.POLICY, "7": MailVerdict.POLICY}
"""By the middle number, where the last one doesn't decide."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


NOT_ABOUT_RECIPIENT = _any(
    r"(?:in reply to|after) (?:the )?(?:end of )?data",
    r"(?:in reply to|after) (?:pipelined )?(?:mail from|[he]+lo|initial connection)",
    r"end of data command",
    r">>> data\s+<+ 5",
    r"smtp command\s+data",
)
"""At which steps of the conversation a server speaks of the sender or the message, whatever words it uses."""

_BY_TEXT = {
    MailVerdict.MAILBOX_FULL: _any(
        r"\bquota\b",
        r"over ?quota",
        r"mailbox (?:is |was )?(?:too )?(?:full|large)",
        r"(?:maildir|folder|inbox|mail ?box|account|user)(?:'s)? (?:is |has )?(?:over|full|exceed)",
        r"not enough (?:storage|disk|space)",
        r"storage (?:space|limit)",
        r"(?:in|out of) ?storage",
        r"insufficient (?:system )?(?:storage|disk|space)",
        r"disk (?:is )?full",
        r"no space left",
        r"mailbox.{0,40}exceed",
        r"exceed.{0,40}(?:mailbox|storage)",
        r"too many messages (?:in|on)",
        r"size limit.{0,20}mailbox",
    ),
    MailVerdict.TIME_OUT: _any(
        r"timed?[ -]?out",
        r"\btoo old\b",
        r"retry time",
        r"(?:delivery|message|queue).{0,20} expired",
        r"expired in (?:the )?queue",
        r"queue too long",
        r"connection (?:refused|reset|lost|closed|dropped)",
        r"could not connect",
        r"unable to connect",
        r"no route to host",
        r"network is unreachable",
        r"try again later",
    ),
    MailVerdict.BLOCKED: _any(
        r"black[ -]?list",
        r"block[ -]?list",
        r"\bdnsbl\b",
        r"\brbl\b",
        r"spamhaus",
        r"spamcop",
        r"\bip\b.{0,60}(?:block|refus|denied|reject|banned|not allowed)",
        r"(?:block|refus|denied|reject|banned).{0,40}\bip\b",
        r"reputation",
        r"reverse (?:dns|lookup|mapping)",
        r"\bptr\b",
        r"\bblocked\b",
        r"rate limit",
        r"too many (?:mail|conn|recip|concurrent)",
        r"greylist",
    ),
    MailVerdict.POLICY: _any(
        r"\bspam",
        r"\bspf\b",
        r"\bdkim\b",
        r"\bdmarc\b",
        r"virus",
        r"unsolicited",
        r"policy",
        r"policies",
        r"\bcontent\b",
        r"message (?:size|too)",
        r"too (?:large|big)",
        r"relaying",
        r"relay (?:access|denied|not)",
        r"to relay",
        r"not (?:allowed|permitted|authori[sz]ed)",
        r"prohibited",
        r"authenticat",
        r"sender.{0,40}(?:reject|denied|unknown|verif|not exist|invalid|refus)",
        r"administrative",
        r"suspicious",
        r"junk",
    ),
    MailVerdict.UNKNOWN: _any(
        r"(?:account|mailbox|user|address).{0,60}(?:disabled|suspended|inactive|deactivated|discontinued|locked)",
        r"temporar",
        r"permission",
    ),
    MailVerdict.ADDRESS_GONE: _any(
        r"user (?:is )?(?:unknown|not found|not known)",
        r"(?:unknown|invalid|bad|illegal|non-?existent) (?:or illegal )?(?:local[ -]part|user|recipient|address)",
        r"(?:unknown|invalid|bad|illegal|non-?existent) (?:mailbox|account|alias|destination|domain|host)",
        r"no such (?:user|recipient|address|mailbox|account|person|local|domain|host|email)",
        r"no (?:mailbox|account|user|recipient)\b",
        r"(?:does ?n[o']t|do not|doesn't|not) (?:currently )?exist",
        r"(?:does not|doesn't|not) (?:have|has) an? .{0,60}account",
        r"(?:recipient|mailbox|user|address|account|domain|host)(?: name)?(?: or domain name)? (?:was |could |can)?"
        r"(?:not |n't )?(?:be )?(?:not )?found",
        r"not (?:a |our )?(?:valid|known|local|listed|user|customer)",
        r"unrouteable (?:address|mail)",
        r"recipient (?:address )?(?:unknown|rejected: (?:user|access denied))",
        r"recipientnotfound",
        r"mailbox unavailable",
        r"nxdomain",
        r"null ?mx",
        r"(?:host|domain) (?:does not|doesn't) accept (?:mail|email)",
        r"name is not recogni[sz]ed",
        r"(?:domain|host|address) (?:is )?(?:unknown|invalid)",
        r"couldn't find any host",
        r"no mx(?: record)? found",
        r"no smtp service",
        r"(?:not|n't) find a mail exchanger",
        r"invalid final delivery userid",
        r"no valid recipients?",
        r"user unknown",
        r"no longer (?:valid|available|in use|active|employed|on)",
    ),
}
"""What servers say, in the order in which it counts: what speaks against a dead address first."""


def verdict(code: str, text: str, hint: MailVerdict | None = None) -> MailVerdict:
    """The verdict on one refusal.

    `code` is the status as reported, such as "5.1.1" or "550 5.1.1"; `text` is what the server said.  `hint` is the
    mail provider's own category, where it has one; UNKNOWN there means that the provider doesn't blame the address.
    """
    said = _NOT_SAID.sub(" ", text)
    found = {kind for kind, pattern in _BY_TEXT.items() if pattern.search(said)} | ({hint} if hint else set())
    codes = {kind for kind in map(_by_code, ENHANCED.findall(f"{code} {said}")) if kind is not None}
    for kinds in (found, codes):
        others = kinds - {MailVerdict.ADDRESS_GONE}
        if others:  # a contradiction doesn't count against the address
            return next(kind for kind in _BY_TEXT if kind in others)
    return MailVerdict.ADDRESS_GONE if MailVerdict.ADDRESS_GONE in found | codes else MailVerdict.UNKNOWN


_NOT_SAID = re.compile(r"[^\s<>\"']+@[^\s<>\"']+")
"""Mail addresses, whose words aren't the server's."""


def _by_code(found: tuple[str, str, str]) -> MailVerdict | None:
    _, subject, detail = found
    return _BY_DETAIL.get(f"{int(subject)}.{int(detail)}", _BY_SUBJECT.get(subject))
