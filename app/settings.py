"""All configuration, from the environment, through one typed object.  `SETTINGS` is the table that the README shows."""

import base64
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from app import readers
from app.errors import SettingError
from app.readers import Network

__all__ = ["SETTINGS", "Network", "Setting", "Settings", "load"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator decided.  Secrets are kept out of `repr`."""

    home: Path
    host: str
    port: int
    base_url: str
    database_url: str
    secret_key: str
    smtp_url: str
    mail_from: str
    bounce_address: str
    bounce_lmtp: str
    bounce_mailbox: str
    sns_topics: tuple[str, ...]
    sendgrid_public_key: str
    mailgun_signing_key: str
    postmark_webhook_auth: str
    sms_url: str
    sms_countries: tuple[str, ...]
    sms_daily_budget: int
    twilio_auth_token: str
    twilio_api: str
    vapid_key: str
    webhook_allowed_networks: tuple[Network, ...]
    trusted_hosts: tuple[str, ...]
    trusted_proxies: int
    security_contact: str
    metrics_token: str
    web_workers: int
    send_connections: int
    hold_seconds: int
    publish_hook: str
    publish_hook_seconds: int
    api_requests_per_minute: int
    log_level: str

    def __repr__(self) -> str:
        return f"Settings(home={self.home}, base_url={self.base_url})"

    @property
    def public_root(self) -> Path:
        """Where snapshots are written: one folder a page."""
        return self.home / "public"

    @property
    def outbox(self) -> Path:
        """Where messages go when no mail or SMS server is configured."""
        return self.home / "outbox"

    @property
    def journal(self) -> Path:
        """Where senders note what went out before the ledger is settled."""
        return self.home / "journal"

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https://")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table: the variable, the field it fills, its default as shown, and what it means."""

    variable: str
    field: str
    default: str
    meaning: str
    read: Callable[[str], Any]
    secret: bool = False


SETTINGS: tuple[Setting, ...] = (
    Setting("CANDOR_HOME", "home", "instance", "The data folder: database, snapshots, outbox, keys.", Path),
    Setting("HOST", "host", "127.0.0.1", "The address the web server listens on.", readers.text),
    Setting("PORT", "port", "8000", "The port the web server listens on.", readers.whole(1, 65535)),
    Setting("BASE_URL", "base_url", "http://localhost:PORT", "The address readers use; messages link to it.",
            readers.url("http", "https")),
    Setting("DATABASE_URL", "database_url", "sqlite:///CANDOR_HOME/candor.db",
            "The database: sqlite:///path or postgresql://user:password@host/name.", readers.database_url, secret=True),
    Setting("SECRET_KEY", "secret_key", "made at first start in CANDOR_HOME/secret_key",
            "Signs sessions and links in messages; at least 32 characters.", readers.text, secret=True),
    Setting("SMTP_URL", "smtp_url", "empty: mail goes to CANDOR_HOME/outbox",
            "The mail server: smtp://user:password@host:587 (STARTTLS when offered), smtp+starttls:// (required) or smtps://.",
            readers.url("smtp", "smtps", "smtp+starttls"), secret=True),
    Setting("MAIL_FROM", "mail_from", "status@localhost",
            "The sender of mail, unless the page has its own, as Example Status <status@example.com>.",
            readers.mail_from),
    Setting("BOUNCE_ADDRESS", "bounce_address", "empty: mail comes back to the sender's address",
            "Where undeliverable mail comes back to, as bounces@example.com; each mail gets its own +tag.",
            readers.bounce_address),
    Setting("BOUNCE_LMTP", "bounce_lmtp", "empty: not listening",
            "Where a worker takes returned mail by LMTP: host:port.", readers.host_and_port),
    Setting("BOUNCE_MAILBOX", "bounce_mailbox", "empty: none is read",
            "Where a worker reads returned mail: imaps://user:password@host/FOLDER, or imap:// with STARTTLS.",
            readers.mailbox, secret=True),
    Setting("SNS_TOPICS", "sns_topics", "empty: refused",
            "Amazon SNS topics (ARNs) that may tell of SES bounces at /hooks/mail/ses.", readers.words),
    Setting("SENDGRID_PUBLIC_KEY", "sendgrid_public_key", "empty: refused",
            "The verification key of SendGrid's signed event webhook at /hooks/mail/sendgrid.", readers.text),
    Setting("MAILGUN_SIGNING_KEY", "mailgun_signing_key", "empty: refused",
            "Checks Mailgun's webhook at /hooks/mail/mailgun.", readers.text, secret=True),
    Setting("POSTMARK_WEBHOOK_AUTH", "postmark_webhook_auth", "empty: refused",
            "user:password that Postmark's webhook sends to /hooks/mail/postmark.", readers.text, secret=True),
    Setting("SMS_URL", "sms_url", "empty: texts go to CANDOR_HOME/outbox",
            "The SMS provider as an apprise address without recipient, such as twilio://SID:TOKEN@+15551230000.",
            readers.text, secret=True),
    Setting("SMS_COUNTRIES", "sms_countries", "US,CA,GB,IE,DE,FR,ES,NL,AU,NZ,JP",
            "Countries whose numbers may subscribe and are sent to.", readers.countries),
    Setting("SMS_DAILY_BUDGET", "sms_daily_budget", "0",
            "The most segments of texts sent in a day (UTC), 0 for no limit. A text about an update is one segment.",
            readers.whole(0, 10_000_000)),
    Setting("TWILIO_AUTH_TOKEN", "twilio_auth_token", "empty: the token in SMS_URL",
            "Checks the signature of Twilio's calls: inbound texts (STOP and its kin), and what became of sent ones.",
            readers.text, secret=True),
    Setting("TWILIO_API", "twilio_api", "https://api.twilio.com",
            "Where Twilio is asked: another region, a proxy or a stand-in.", readers.url("http", "https")),
    Setting("VAPID_KEY", "vapid_key", "made at first start in CANDOR_HOME/vapid_key",
            "Signs web push messages: 32 bytes in base64url. Changing it ends every browser's subscription.",
            readers.text, secret=True),
    Setting("WEBHOOK_ALLOWED_NETWORKS", "webhook_allowed_networks", "empty: public addresses only",
            "Non-public networks that webhooks may reach.", readers.networks),
    Setting("TRUSTED_HOSTS", "trusted_hosts", "empty: the host of BASE_URL and localhost",
            "More host names the app answers to.", readers.hosts),
    Setting("TRUSTED_PROXIES", "trusted_proxies", "0",
            "How many reverse proxies stand in front and set X-Forwarded-For.", readers.whole(0, 5)),
    Setting("SECURITY_CONTACT", "security_contact", "empty: /.well-known/security.txt is not found",
            "Where to report a weakness: mailto:security@example.com or https://example.com/security.",
            readers.contact),
    Setting("METRICS_TOKEN", "metrics_token", "empty: /metrics is not found",
            "What monitoring sends as a bearer token to read /metrics; at least 16 characters.", readers.token,
            secret=True),
    Setting("WEB_WORKERS", "web_workers", "2", "Web processes.", readers.whole(1, 64)),
    Setting("SEND_CONNECTIONS", "send_connections", "4", "Mail connections a worker keeps open.", readers.whole(1, 64)),
    Setting("HOLD_SECONDS", "hold_seconds", "10",
            "How long a dispatch waits before it is sent, so that it can be cancelled.", readers.whole(0, 3600)),
    Setting("PUBLISH_HOOK", "publish_hook", "empty: nothing is run",
            "A shell command that the worker runs after each publish, such as candor export and a sync.",
            readers.text, secret=True),
    Setting("PUBLISH_HOOK_SECONDS", "publish_hook_seconds", "60",
            "How long the publish hook may take; then it is ended.", readers.whole(1, 3600)),
    Setting("API_REQUESTS_PER_MINUTE", "api_requests_per_minute", "120",
            "How often a program may ask with one token.", readers.whole(1, 100_000)),
    Setting("LOG_LEVEL", "log_level", "INFO", "How much is logged.", readers.level),
)  # fmt: skip


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (the process's by default); `X_FILE` names a file that holds `X`.

    Creates the data folder and, unless SECRET_KEY is set, its key file (mode 0600).

    Raises:
        SettingError: one line that names the variable and says what it should be, never its value when secret.
    """
    source = os.environ if environ is None else environ
    values: dict[str, Any] = {row.field: _read(row, source) for row in SETTINGS}
    home = values["home"] = Path(values["home"]).expanduser().resolve()
    _make_home(home)
    values["base_url"] = values["base_url"] or f"http://localhost:{values['port']}"
    values["database_url"] = values["database_url"] or f"sqlite:///{home / 'candor.db'}"
    values["secret_key"] = values["secret_key"] or _made_key(home, "secret_key", lambda: secrets.token_hex(32))
    values["vapid_key"] = values["vapid_key"] or _made_key(home, "vapid_key", _vapid_key)
    if len(values["secret_key"]) < 32:
        raise SettingError("SECRET_KEY is too short; give at least 32 characters, or leave it out to have one made.")
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}=?", values["vapid_key"]):
        raise SettingError("VAPID_KEY is not a key: give 32 bytes in base64url, or leave it out to have one made.")
    assert set(values) == {field.name for field in fields(Settings)}
    return Settings(**values)


def _read(row: Setting, source: Mapping[str, str]) -> Any:
    value = source.get(row.variable, "")
    path = source.get(f"{row.variable}_FILE", "")
    if path:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise SettingError(f"{row.variable}_FILE names a file that can not be read.") from None
    if not value:
        value = "" if _is_prose(row) else row.default
    try:
        return row.read(value) if value else _empty(row)
    except ValueError as error:
        shown = "" if row.secret else f" {value!r}"
        raise SettingError(f"{row.variable}{shown} {error}.") from None


def _is_prose(row: Setting) -> bool:
    """Whether the default shown is words, not a value: the value is derived or empty."""
    return row.default.startswith(("empty", "made")) or row.field in {"base_url", "database_url"}


def _empty(row: Setting) -> Any:
    return () if row.read in {readers.networks, readers.hosts, readers.countries} else ""


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"CANDOR_HOME {str(home)!r} can not be made or used: {error.strerror}.") from None


def _vapid_key() -> str:
    """A private key on P-256: a random number, of which the first byte keeps it below the curve's order."""
    return base64.urlsafe_b64encode(b"\x7f" + secrets.token_bytes(31)).decode().rstrip("=")


def _made_key(home: Path, name: str, make: Callable[[], str]) -> str:
    """The key kept in this file, made by whoever comes first."""
    path = home / name
    draft = home / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        if not path.exists():
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(make())
            with suppress(FileExistsError):  # another process was first: its key stands
                os.link(draft, path)
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingError(f"CANDOR_HOME {str(home)!r} can not be written or read: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
