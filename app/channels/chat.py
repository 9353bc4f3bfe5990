"""Chat rooms and the long tail of services, through apprise.  The address is an apprise URL that an operator set."""

from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, urlsplit

from app.channels import by_apprise, slack
from app.channels.base import Channel, Sender, Wording, fill
from app.channels.names import CHAT
from app.errors import DeliveryError, Invalid
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import DeliveryState

LONGEST_URL = 2_000
LOCAL_SCHEMES = frozenset(
    {
        "file", "exec", "shell", "script", "cmd", "syslog", "rsyslog", "dbus", "qt", "kde", "glib", "gio", "gnome",
        "windows", "macosx", "blink1", "memory",
    }
)  # fmt: skip
"""These act on this machine instead of sending words away."""
MAIL_SCHEMES = frozenset({"mailto", "mailtos"})
FILE_OPTIONS = frozenset({"attach", "config", "include", "keyfile", "pem", "pgpkey", "subfile", "template"})
"""Options with which services read files of this machine."""
RATE_LIMITED = 429


class ChatChannel(Channel):
    """One message to one room."""

    name = CHAT
    label = "Chat"
    wording = Wording.CHAT
    position = 30
    address_name = "a chat channel"
    reaches_people = True
    address_hint = "An apprise address, such as slack://… or msteams://…."

    def normalise(self, raw: str, settings: Settings) -> str:
        """The URL as given, once it is one that apprise understands and that leaves this machine.  Raises Invalid."""
        url = raw.strip()
        if not url.isprintable() or len(url) > LONGEST_URL:
            raise _invalid()
        scheme = url.partition("://")[0].lower()
        if scheme in MAIL_SCHEMES:
            raise Invalid.field("address", "Email has its own channel. Add this address as an email subscriber.")
        if scheme in LOCAL_SCHEMES:
            raise Invalid.field("address", "This service acts on Candor's own machine. Choose a chat service instead.")
        try:
            options = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        except ValueError:
            raise _invalid() from None
        if any(_reads_files(name, value) for name, value in options):
            raise Invalid.field("address", "This address reads a file on Candor's own machine. Remove that option.")
        if not by_apprise.can_load(url):
            raise _invalid()
        return url

    def open(self, settings: Settings) -> Sender:
        return ChatSender(settings)

    def shown(self, address: str, label: str, *, full: bool) -> str:
        """The label, because the address is a secret."""
        return label or f"{urlsplit(address).scheme or 'chat'} channel"


class ChatSender:
    """Sends to Slack itself where a bot's token lets us, else through apprise."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slack = slack.Slack()

    def send(self, letter: Letter, recipients: Iterable[Recipient]) -> Iterator[Outcome]:
        """See `Sender.send`.  No reason ever holds the URL: it is a secret."""
        for recipient in recipients:
            yield self._send_one(letter, recipient)

    def close(self) -> None:
        """Let go of the connection."""
        self._slack.close()

    def _send_one(self, letter: Letter, recipient: Recipient) -> Outcome:
        try:
            url = CHANNEL.normalise(recipient.address, self._settings)
        except Invalid:
            return Outcome(recipient.delivery_id, DeliveryState.FAILED, "the chat address is invalid", permanent=True)
        where = slack.room(url)
        if where is not None:
            return self._post(where, fill(letter.text, recipient.personal), recipient)
        result = by_apprise.notify(url, fill(letter.text, recipient.personal), letter.subject)
        if result.is_sent:
            return Outcome(recipient.delivery_id, DeliveryState.SENT)
        if result.code == RATE_LIMITED:
            return Outcome(recipient.delivery_id, DeliveryState.FAILED, "the chat service asked us to slow down")
        shown = f" ({result.code})" if result.code else ""
        return Outcome(recipient.delivery_id, DeliveryState.FAILED, f"the chat service rejected the message{shown}")

    def _post(self, where: slack.Room, words: str, recipient: Recipient) -> Outcome:
        try:
            message = self._slack.post(where, words)
        except DeliveryError as error:
            return Outcome(recipient.delivery_id, DeliveryState.FAILED, error.sentence, retry_after=error.retry_after)
        return Outcome(recipient.delivery_id, DeliveryState.SENT, provider_id=message)


def _reads_files(name: str, value: str) -> bool:
    return name.lower() in FILE_OPTIONS or value.strip().lower().startswith("file:")


def _invalid() -> Invalid:
    return Invalid.field(
        "address",
        "Enter a chat address that Apprise supports, such as slack://token/token/token.",
    )


CHANNEL = ChatChannel()
