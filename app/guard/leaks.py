"""Finds internal information in a text before it is published.  Every pattern runs in linear time."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

SHOWN = 60
MOST_FINDINGS = 20
_SHARED = ip_network("100.64.0.0/10")


@dataclass(frozen=True, slots=True)
class _Sign:
    """One kind of leak.  A `secret` is shown masked; `holds` may look closer at what the pattern found."""

    what: str
    pattern: re.Pattern[str]
    secret: bool = False
    holds: Callable[[str], bool] = bool


def find(text: str, taints: Sequence[str] = ()) -> tuple[str, ...]:
    """Sentences that each name something in `text` that may be internal, in a stable order, none twice.

    `taints` are exact internal words such as record keys, addresses and incident ids; they are found whatever their
    case and never inside another word.  Secrets are masked; at most 60 characters of anything are shown.
    """
    found = [
        *(f"It names an internal record: {_shown(taint)}." for taint in taints if _mentions(text, taint)),
        *(_sentence(sign, match[0]) for sign in _SIGNS for match in _matches(sign, text)),
    ]
    return tuple(dict.fromkeys(found))[:MOST_FINDINGS]


def _matches(sign: _Sign, text: str) -> Iterator[re.Match[str]]:
    return (match for match in sign.pattern.finditer(text) if sign.holds(match[0]))


def _mentions(text: str, taint: str) -> bool:
    wanted = " ".join(taint.split())
    if len(wanted) < 3:
        return False
    pattern = r"\s+".join(re.escape(word) for word in wanted.split(" "))
    return re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE) is not None


def _sentence(sign: _Sign, found: str) -> str:
    return f"It holds {sign.what}: {_masked(found) if sign.secret else _shown(found)}."


def _shown(found: str) -> str:
    line = " ".join(found.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


def _masked(found: str) -> str:
    """Enough to find it in the text, too little to use it."""
    line = " ".join(found.split())
    return f"{line[: min(8, len(line) // 3)]}…"


def _is_private(found: str) -> bool:
    try:
        address = ip_address(found)
    except ValueError:
        return False
    return (address.is_private or (address.version == 4 and address in _SHARED)) and not address.is_unspecified


def _is_unlike_a_word(found: str) -> bool:
    """Whether what follows "password=" is a value, and not the rest of a sentence such as "token: expired."."""
    value = re.split(r"[:=]", found, maxsplit=1)[-1].strip(" \"'")
    return "=" in found or any(character.isdigit() for character in value)


def _sign(
    what: str, pattern: str, *, secret: bool = False, holds: Callable[[str], bool] = bool, flags: int = 0
) -> _Sign:
    return _Sign(what, re.compile(pattern, flags), secret, holds)


_SIGNS: tuple[_Sign, ...] = (
    _sign("an internal network address", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)", holds=_is_private),
    _sign(
        "an internal network address",
        r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])",
        holds=_is_private,
    ),
    _sign(
        "an internal host name",
        r"(?<![\w.-])[a-z0-9][a-z0-9.-]{0,200}\.(?:internal|local|corp|lan|intra|intranet|localdomain)(?![\w-]|\.\w)",
        flags=re.IGNORECASE,
    ),
    _sign("a private key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"),
    _sign("a cloud access key", r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])", secret=True),
    _sign("a cloud access key", r"(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])", secret=True),
    _sign(
        "a GitHub token",
        r"(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})",
        secret=True,
    ),
    _sign("a GitLab token", r"(?<![A-Za-z0-9_])glpat-[A-Za-z0-9_-]{16,255}", secret=True),
    _sign("a Slack token", r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,255}", secret=True),
    _sign("a Slack webhook", r"hooks\.slack\.com/(?:services|workflows)/[\w/]{5,255}", secret=True),
    _sign("a payment key", r"(?<![A-Za-z0-9_])(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9+/=]{10,255}", secret=True),
    _sign("a signed token", r"(?<![\w-])eyJ[\w-]{8,4000}\.[\w-]{4,4000}\.[\w-]{0,4000}", secret=True),
    _sign("a login token", r"(?<!\w)bearer\s{1,5}[A-Za-z0-9._~+/=-]{16,4000}", secret=True, flags=re.IGNORECASE),
    _sign(
        "a password or key",
        r"(?<![A-Za-z0-9])(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|token)"
        r"\s{0,3}[:=]\s{0,3}[^\s,;]{4,200}",
        secret=True,
        holds=_is_unlike_a_word,
        flags=re.IGNORECASE,
    ),
    _sign("a password in an address", r"(?<!\w)[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,100}:[^\s/@]{1,200}@", secret=True),
    _sign("a stack trace", r"Traceback \(most recent call last\)"),
    _sign("a stack trace", r'(?m)^[ \t]{0,20}File "[^"\n]{1,300}", line \d{1,7}'),
    _sign("a stack trace", r"(?m)^[ \t]{1,20}at [\w$.<>]{1,200}\([^()\n]{1,200}:\d{1,7}(?::\d{1,7})?\)"),
    _sign("a stack trace", r"(?<![\w.])(?:[a-z_]\w{0,60}\.){2,10}[A-Z]\w{0,80}(?:Exception|Error)(?!\w)"),
    _sign(
        "a file path of a machine",
        r"(?<![\w./:-])/(?:home|root|Users|etc|var|opt|srv|usr|tmp|mnt|data|app)/[^\s\"'<>()]{1,200}",
    ),
    _sign("a file path of a machine", r"(?<!\w)[A-Za-z]:\\[^\s\"'<>|]{1,200}"),
)
