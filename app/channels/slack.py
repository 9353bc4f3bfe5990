"""Slack with a bot token: unlike a webhook, it returns a message's location, so that a correction can edit it."""

import json
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from app.channels.pinned_http import Caller
from app.errors import DeliveryError

API = "https://slack.com/api"
PREFIX = "slack:"
RATE_LIMITED = 429
_BOT = re.compile(r"slack://(?:[^@/?]*@)?(xox[bp]-[A-Za-z0-9-]+)/([#+]?[A-Za-z0-9_-]{1,80})/?", re.IGNORECASE)
_CODE = re.compile(r"[a-z_]{1,60}")


@dataclass(frozen=True, slots=True)
class Room:
    """One channel (`#name` or its id), and the bot that speaks there."""

    channel: str
    token: str = field(repr=False)


def room(url: str) -> Room | None:
    """The room that an apprise address names by a bot's token; None for every other address."""
    found = _BOT.fullmatch(unquote(url))
    if found is None:
        return None
    name = found[2]
    return Room(name[1:] if name.startswith("+") else f"#{name.lstrip('#')}", found[1])


class Slack:
    """Talks to Slack over one warm connection.  Used from one thread."""

    def __init__(self) -> None:
        self._caller = Caller(None, "Slack")

    def post(self, where: Room, words: str) -> str:
        """Say it; where the message is, as kept in the ledger.

        Raises:
            DeliveryError: Slack didn't take it.
        """
        said = self._call(
            "chat.postMessage", where, {"channel": where.channel, "text": mrkdwn(words), "unfurl_links": False}
        )
        return f"{PREFIX}{said.get('channel', '')}:{said.get('ts', '')}"

    def edit(self, where: Room, message: str, words: str) -> None:
        """Put other words in the place of a message (as `post` named it).

        Raises:
            DeliveryError: Slack didn't do it.
        """
        channel, _, at = message.removeprefix(PREFIX).partition(":")
        self._call("chat.update", where, {"channel": channel, "ts": at, "text": mrkdwn(words)})

    def close(self) -> None:
        """Let go of the connection."""
        self._caller.close()

    def _call(self, method: str, where: Room, said: dict[str, object]) -> dict[str, object]:
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {where.token}"}
        body = json.dumps(said, ensure_ascii=False).encode()
        answer = self._caller.call("POST", f"{API}/{method}", body, headers, wants_body=True, may_repeat=False)
        if answer.status == RATE_LIMITED:
            raise DeliveryError("Slack asked to slow down", permanent=False, retry_after=answer.retry_after)
        try:
            told = json.loads(answer.body)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise DeliveryError(f"Slack answered {answer.status}", permanent=False)
        if told.get("ok") is not True:
            code = str(told.get("error"))
            why = code.replace("_", " ") if _CODE.fullmatch(code) else "unknown error"
            raise DeliveryError(f"Slack rejected the message: {why}", permanent=False)
        return told


def mrkdwn(words: str) -> str:
    """Plain words in Slack's own markup: its special characters escaped, our bold in its way."""
    plain = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", r"*\1*", plain)
