"""All configuration, from the environment, through one typed object.  `SETTINGS` is the table that the README shows."""

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.errors import SettingError

Network = IPv4Network | IPv6Network


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
    sms_url: str
    sms_countries: tuple[str, ...]
    twilio_auth_token: str
    webhook_allowed_networks: tuple[Network, ...]
    trusted_hosts: tuple[str, ...]
    trusted_proxies: int
    web_workers: int
    send_connections: int
    hold_seconds: int
    publish_hook: str
    publish_hook_seconds: int
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


def _text(value: str) -> str:
    return value.strip()


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"is not a whole number; give one from {low} to {high}") from None
        if not low <= number <= high:
            raise ValueError(f"is out of range; give a whole number from {low} to {high}")
        return number

    return read


def _url(*schemes: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        value = value.strip().rstrip("/")
        if not value:
            return ""
        parts = urlsplit(value)
        try:
            _ = parts.port  # reading it is what checks it
        except ValueError:
            raise ValueError("has a port that is not a number from 0 to 65535") from None
        if parts.scheme not in schemes or not (parts.hostname or "sqlite" in parts.scheme):
            raise ValueError(f"is not an address; it should begin with {' or '.join(f'{s}://' for s in schemes)}")
        return value

    return read


def _database_url(value: str) -> str:
    value = value.strip()
    if value.startswith("postgres://"):
        value = "postgresql://" + value.removeprefix("postgres://")
    if value.startswith("postgresql://"):
        value = "postgresql+psycopg://" + value.removeprefix("postgresql://")
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("is not a database Candor knows; it should begin with sqlite:/// or postgresql://")
    return value


def _countries(value: str) -> tuple[str, ...]:
    codes = tuple(code.strip().upper() for code in value.split(",") if code.strip())
    if any(len(code) != 2 or not code.isalpha() for code in codes):
        raise ValueError("is not a list of two-letter country codes such as US,GB,DE")
    return codes


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("is not a list of networks such as 10.1.0.0/16,fd00::/8") from None


def _hosts(value: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in value.split(",") if part.strip())


def _level(value: str) -> str:
    if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("is not a level; give DEBUG, INFO, WARNING or ERROR")
    return value.upper()


def _mail_from(value: str) -> str:
    if "@" not in value or any(ord(c) < 32 for c in value):
        raise ValueError("is not a sender; write it as status@example.com or Example Status <status@example.com>")
    return value.strip()


SETTINGS: tuple[Setting, ...] = (
    Setting("CANDOR_HOME", "home", "instance", "The data folder: database, snapshots, outbox, keys.", Path),
    Setting("HOST", "host", "127.0.0.1", "The address the web server listens on.", _text),
    Setting("PORT", "port", "8000", "The port the web server listens on.", _whole(1, 65535)),
    Setting("BASE_URL", "base_url", "http://localhost:PORT", "The address readers use; messages link to it.",
            _url("http", "https")),
    Setting("DATABASE_URL", "database_url", "sqlite:///CANDOR_HOME/candor.db",
            "The database: sqlite:///path or postgresql://user:password@host/name.", _database_url, secret=True),
    Setting("SECRET_KEY", "secret_key", "made at first start in CANDOR_HOME/secret_key",
            "Signs sessions and links in messages; at least 32 characters.", _text, secret=True),
    Setting("SMTP_URL", "smtp_url", "empty: mail goes to CANDOR_HOME/outbox",
            "The mail server: smtp://user:password@host:587 (STARTTLS when offered), smtp+starttls:// (required) or smtps://.",
            _url("smtp", "smtps", "smtp+starttls"), secret=True),
    Setting("MAIL_FROM", "mail_from", "status@localhost", "The sender of every mail.", _mail_from),
    Setting("SMS_URL", "sms_url", "empty: texts go to CANDOR_HOME/outbox",
            "The SMS provider as an apprise address without recipient, such as twilio://SID:TOKEN@+15551230000.",
            _text, secret=True),
    Setting("SMS_COUNTRIES", "sms_countries", "US,CA,GB,IE,DE,FR,ES,NL,AU,NZ,JP",
            "Countries whose numbers may subscribe.", _countries),
    Setting("TWILIO_AUTH_TOKEN", "twilio_auth_token", "empty: inbound texts are refused",
            "Checks the signature of inbound texts (STOP and its kin).", _text, secret=True),
    Setting("WEBHOOK_ALLOWED_NETWORKS", "webhook_allowed_networks", "empty: public addresses only",
            "Non-public networks that webhooks may reach.", _networks),
    Setting("TRUSTED_HOSTS", "trusted_hosts", "empty: the host of BASE_URL and localhost",
            "More host names the app answers to.", _hosts),
    Setting("TRUSTED_PROXIES", "trusted_proxies", "0",
            "How many reverse proxies stand in front and set X-Forwarded-For.", _whole(0, 5)),
    Setting("WEB_WORKERS", "web_workers", "2", "Web processes.", _whole(1, 64)),
    Setting("SEND_CONNECTIONS", "send_connections", "4", "Mail connections a worker keeps open.", _whole(1, 64)),
    Setting("HOLD_SECONDS", "hold_seconds", "10",
            "How long a dispatch waits before it is sent, so that it can be cancelled.", _whole(0, 3600)),
    Setting("PUBLISH_HOOK", "publish_hook", "empty: nothing is run",
            "A shell command that the worker runs after each publish, such as candor export and a sync.",
            _text, secret=True),
    Setting("PUBLISH_HOOK_SECONDS", "publish_hook_seconds", "60",
            "How long the publish hook may take; then it is ended.", _whole(1, 3600)),
    Setting("LOG_LEVEL", "log_level", "INFO", "How much is logged.", _level),
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
    values["secret_key"] = values["secret_key"] or _secret_key(home)
    if len(values["secret_key"]) < 32:
        raise SettingError("SECRET_KEY is too short; give at least 32 characters, or leave it out to have one made.")
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
    return () if row.read in {_networks, _hosts, _countries} else ""


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"CANDOR_HOME {str(home)!r} can not be made or used: {error.strerror}.") from None


def _secret_key(home: Path) -> str:
    path = home / "secret_key"
    draft = home / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        if not path.exists():
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
            with suppress(FileExistsError):  # another process was first: its key stands
                os.link(draft, path)
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingError(f"CANDOR_HOME {str(home)!r} can not be written or read: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
