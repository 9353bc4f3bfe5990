"""The only access to apprise: loaded on first use, and silenced because its logs contain addresses and tokens."""

import logging
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

logger = logging.getLogger(__name__)
_CODE = re.compile(r"\berror\s*=\s*(\d{3,6})\b")


@dataclass(frozen=True, slots=True)
class SendResult:
    """Whether the service took the message, and the provider's error code when one is known (0 when not)."""

    is_sent: bool
    code: int = 0


def can_load(url: str) -> bool:
    """Whether apprise understands `url`.  Nothing is contacted."""
    return _service(url) is not None


def notify(url: str, body: str, title: str = "") -> SendResult:
    """Send plain text to the service that `url` names, in this thread.  Never raises for what the service does."""
    service = _service(url)
    if service is None:
        return SendResult(is_sent=False)
    try:
        result = service.notify(body=body, title=title, body_format="text")
    except Exception as error:  # a plugin's own fault; its message may hold the address
        logger.warning("a message could not be sent through apprise (%s)", type(error).__name__)
        return SendResult(is_sent=False)
    if result:
        return SendResult(is_sent=True)
    return SendResult(is_sent=False, code=_code(line.message for one in result.results for line in one.logs()))


def _code(messages: Iterable[str]) -> int:
    """The last error code named; nothing else of a message is kept."""
    codes = [int(found) for message in messages for found in _CODE.findall(message[-80:])]
    return codes[-1] if codes else 0


def _service(url: str) -> Any:
    apprise, asset = _loaded()
    service = apprise.Apprise(asset=asset)
    try:
        return service if service.add(url) else None
    except Exception as error:
        logger.warning("an address could not be read by apprise (%s)", type(error).__name__)
        return None


@cache
def _loaded() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # plugins no one uses import what is deprecated
        import apprise
        from apprise import manager_plugins

        plugins: Any = manager_plugins.NotificationManager
        plugins().load_modules()
    theirs = logging.getLogger("apprise")
    theirs.addHandler(logging.NullHandler())
    theirs.propagate = False
    theirs.setLevel(logging.WARNING)  # what the result is read from
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its debug lines hold paths, and paths hold tokens
    return apprise, apprise.AppriseAsset(
        http_redirects=False,
        storage_mode="memory",
        async_mode=False,
        interpret_escapes=False,
        interpret_emojis=False,
    )
