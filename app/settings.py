"""All configuration: each setting is declared once, as a field of `Settings`, with its default, meaning and check.

`load` reads the environment.  `SETTINGS` is the table in README, which `python -m tools.settings_table` writes.
"""

import base64
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import unquote, urlsplit

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app import mail_address
from app.errors import SettingError

Network = IPv4Network | IPv6Network
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def _setting(variable: str, shown: str, meaning: str, *, secret: bool = False, **field: Any) -> Any:
    """One setting: its variable, its default as README shows it, and what it means.

    `field` goes to pydantic's `Field`; without a `default` there, the default is empty.
    """
    field.setdefault("default", "")
    facts: dict[str, Any] = {"shown": shown, "secret": secret}
    return Field(validation_alias=variable, description=meaning, json_schema_extra=facts, **field)


# What checks a setting raises ValueError with the rest of a sentence that begins with the variable's name.


def _folder(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except RuntimeError:
        raise ValueError("starts with the home folder of a user that doesn't exist") from None


def _file(path: Path) -> Path:
    path = _folder(path)
    if not path.is_file():
        raise ValueError("is not a file")
    return path


def _url(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        value = value.rstrip("/")
        wrong = ValueError(f"is not an address; it must start with {' or '.join(f'{s}://' for s in schemes)}")
        try:
            parts = urlsplit(value)
        except ValueError:
            raise wrong from None
        try:
            _ = parts.port  # reading it is what checks it
        except ValueError:
            raise ValueError("has a port that is not a number from 0 to 65535") from None
        if parts.scheme not in schemes or not parts.hostname:
            raise wrong
        return value

    return AfterValidator(check)


def _without_query(value: str) -> str:
    if any(sign in value for sign in "?#@") or not value.isprintable() or " " in value:
        raise ValueError("is not a base address; write it as https://status.example.com or https://example.com/status")
    return value


def _database_url(value: str) -> str:
    if value.startswith("postgres://"):
        value = "postgresql://" + value.removeprefix("postgres://")
    if value.startswith("postgresql://"):
        value = "postgresql+psycopg://" + value.removeprefix("postgresql://")
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("is not a database Candor knows; it must start with sqlite:/// or postgresql://")
    return value


def _secret_key(value: str) -> str:
    if len(value) < 32:
        raise ValueError("is too short; give at least 32 characters, or leave it out to have one made")
    return value


def _vapid_key(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}=?", value):
        raise ValueError("is not a key; give 32 bytes in base64url, or leave it out to have one made")
    return value


def _words(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _countries(codes: tuple[str, ...]) -> tuple[str, ...]:
    if any(len(code) != 2 or not code.isalpha() for code in codes):
        raise ValueError("is not a list of two-letter country codes such as US,GB,DE")
    return tuple(code.upper() for code in codes)


def _networks(value: Any) -> Any:
    try:
        return tuple(ip_network(part) for part in _words(value))
    except ValueError:
        raise ValueError("is not a list of networks such as 10.1.0.0/16,fd00::/8") from None


def _lower(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _sender(value: str) -> str:
    sender = mail_address.read_sender(value)
    if sender is None:
        raise ValueError("is not a sender; write it as status@example.com or Example Status <status@example.com>")
    return str(sender)


def _bounce_address(value: str) -> str:
    sender = mail_address.read_sender(value)
    if sender is None or sender.name or len(sender.address.partition("@")[0]) > 30:
        raise ValueError("is not an address with at most 30 characters before the @, such as bounces@example.com")
    return sender.address


def _host_and_port(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("is not a host and a port such as 127.0.0.1:2424")
    return value


def _mailbox(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_named = parts.scheme in {"imap", "imaps"} and all((parts.hostname, parts.username, parts.password))
        is_named = is_named and parts.port != 0 and unquote(parts.path).isprintable() and not parts.query
    except ValueError:
        is_named = False
    if not is_named:
        raise ValueError(
            "is not a mailbox; write it as imaps://user:password@host/INBOX, special characters as %40 and so on"
        )
    return value


def _contact(value: str) -> str:
    """A mail address or a web page, as a URI (RFC 9116)."""
    scheme, _, rest = value.partition(":")
    is_mail = scheme == "mailto" and re.fullmatch(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+", rest)
    if not (is_mail or re.fullmatch(r"https://[^\s/<>]+(/[^\s<>]*)?", value)) or not value.isprintable():
        raise ValueError("is not a contact; write it as mailto:security@example.com or https://example.com/security")
    return value


def _token(value: str) -> str:
    if len(value) < 16 or not value.isascii() or any(character.isspace() for character in value):
        raise ValueError("is not a token; give at least 16 ASCII characters without spaces")
    return value


def _level(value: str) -> str:
    if value.upper() not in LOG_LEVELS:
        raise ValueError(f"is not a level; give {', '.join(LOG_LEVELS[:-1])} or {LOG_LEVELS[-1]}")
    return value.upper()


WordList = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Settings(BaseSettings):
    """What the operator decided.  Secrets are kept out of `repr` and of error messages."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        str_strip_whitespace=True,
        validate_default=False,
        hide_input_in_errors=True,
        enable_decoding=False,
    )

    home: Annotated[Path, AfterValidator(_folder)] = _setting(
        "CANDOR_HOME",
        "instance",
        "The data folder: database, snapshots, outbox, keys.",
        default=Path("instance"),
        validate_default=True,
    )
    host: str = _setting("HOST", "127.0.0.1", "The address the web server listens on.", default="127.0.0.1")
    port: int = _setting("PORT", "8000", "The port the web server listens on.", default=8000, ge=1, le=65535)
    base_url: Annotated[str, _url("http", "https"), AfterValidator(_without_query)] = _setting(
        "BASE_URL", "http://localhost:PORT", "The address readers use, which may have a path. Messages link to it."
    )
    database_url: Annotated[str, AfterValidator(_database_url)] = _setting(
        "DATABASE_URL",
        "sqlite:///CANDOR_HOME/candor.db",
        "The database: sqlite:///path or postgresql://user:password@host/name.",
        secret=True,
    )
    secret_key: Annotated[str, AfterValidator(_secret_key)] = _setting(
        "SECRET_KEY",
        "made at first start in CANDOR_HOME/secret_key",
        "Signs sessions and links in messages; at least 32 characters.",
        secret=True,
    )
    smtp_url: Annotated[str, _url("smtp", "smtps", "smtp+starttls")] = _setting(
        "SMTP_URL",
        "empty: mail goes to CANDOR_HOME/outbox",
        "The mail server: smtp://user:password@host:587 (STARTTLS when offered), smtp+starttls:// (required) or "
        "smtps://.",
        secret=True,
    )
    mail_from: Annotated[str, AfterValidator(_sender)] = _setting(
        "MAIL_FROM",
        "status@localhost",
        "The sender of mail, unless the page has its own, such as Example Status <status@example.com>.",
        default="status@localhost",
    )
    bounce_address: Annotated[str, AfterValidator(_bounce_address)] = _setting(
        "BOUNCE_ADDRESS",
        "empty: mail comes back to the sender's address",
        "Where undeliverable mail is returned, such as bounces@example.com. Each mail gets its own +tag.",
    )
    bounce_lmtp: Annotated[str, AfterValidator(_host_and_port)] = _setting(
        "BOUNCE_LMTP", "empty: not listening", "Where a worker accepts returned mail by LMTP: host:port."
    )
    bounce_mailbox: Annotated[str, AfterValidator(_mailbox)] = _setting(
        "BOUNCE_MAILBOX",
        "empty: none is read",
        "The mailbox a worker reads returned mail from: imaps://user:password@host/FOLDER, or imap:// with STARTTLS.",
        secret=True,
    )
    sns_topics: WordList = _setting(
        "SNS_TOPICS",
        "empty: refused",
        "Amazon SNS topics (ARNs) that may report SES bounces at /hooks/mail/ses.",
        default=(),
    )
    sendgrid_public_key: str = _setting(
        "SENDGRID_PUBLIC_KEY",
        "empty: refused",
        "The verification key of SendGrid's signed event webhook at /hooks/mail/sendgrid.",
    )
    mailgun_signing_key: str = _setting(
        "MAILGUN_SIGNING_KEY", "empty: refused", "Verifies Mailgun's webhook at /hooks/mail/mailgun.", secret=True
    )
    postmark_webhook_auth: str = _setting(
        "POSTMARK_WEBHOOK_AUTH",
        "empty: refused",
        "The user:password that Postmark's webhook sends to /hooks/mail/postmark.",
        secret=True,
    )
    sms_url: str = _setting(
        "SMS_URL",
        "empty: texts go to CANDOR_HOME/outbox",
        "The SMS provider as an apprise address without recipient, such as twilio://SID:TOKEN@+15551230000.",
        secret=True,
    )
    sms_countries: Annotated[WordList, AfterValidator(_countries)] = _setting(
        "SMS_COUNTRIES",
        "US,CA,GB,IE,DE,FR,ES,NL,AU,NZ,JP",
        "Countries whose phone numbers can subscribe and get texts.",
        default=("US", "CA", "GB", "IE", "DE", "FR", "ES", "NL", "AU", "NZ", "JP"),
    )
    sms_daily_budget: int = _setting(
        "SMS_DAILY_BUDGET",
        "0",
        "The most SMS segments sent per day (UTC); 0 means no limit. A text about an update is one segment.",
        default=0,
        ge=0,
        le=10_000_000,
    )
    twilio_auth_token: str = _setting(
        "TWILIO_AUTH_TOKEN",
        "empty: the token in SMS_URL",
        "Verifies Twilio's webhooks: inbound texts such as STOP, and delivery reports.",
        secret=True,
    )
    twilio_api: Annotated[str, _url("http", "https")] = _setting(
        "TWILIO_API",
        "https://api.twilio.com",
        "The address of Twilio's API: another region, a proxy or a stand-in.",
        default="https://api.twilio.com",
    )
    vapid_key: Annotated[str, AfterValidator(_vapid_key)] = _setting(
        "VAPID_KEY",
        "made at first start in CANDOR_HOME/vapid_key",
        "Signs web push messages: 32 bytes in base64url. Changing it ends every browser's subscription.",
        secret=True,
    )
    webhook_allowed_networks: Annotated[tuple[Network, ...], BeforeValidator(_networks)] = _setting(
        "WEBHOOK_ALLOWED_NETWORKS",
        "empty: public addresses only",
        "Non-public networks that webhooks may reach.",
        default=(),
    )
    trusted_hosts: Annotated[WordList, AfterValidator(_lower)] = _setting(
        "TRUSTED_HOSTS",
        "empty: the host of BASE_URL and localhost",
        "More host names that Candor answers to.",
        default=(),
    )
    trusted_proxies: int = _setting(
        "TRUSTED_PROXIES",
        "0",
        "The number of reverse proxies in front of Candor that set X-Forwarded-For.",
        default=0,
        ge=0,
        le=5,
    )
    security_contact: Annotated[str, AfterValidator(_contact)] = _setting(
        "SECURITY_CONTACT",
        "empty: /.well-known/security.txt is not found",
        "Where to report a vulnerability: mailto:security@example.com or https://example.com/security.",
    )
    metrics_token: Annotated[str, AfterValidator(_token)] = _setting(
        "METRICS_TOKEN",
        "empty: /metrics is not found",
        "The bearer token that monitoring sends to read /metrics; at least 16 characters.",
        secret=True,
    )
    web_workers: int = _setting("WEB_WORKERS", "2", "The number of web processes.", default=2, ge=1, le=64)
    send_connections: int = _setting(
        "SEND_CONNECTIONS", "4", "The number of mail connections a worker keeps open.", default=4, ge=1, le=64
    )
    hold_seconds: int = _setting(
        "HOLD_SECONDS",
        "10",
        "How many seconds an update waits before it is sent. Until then you can cancel it.",
        default=10,
        ge=0,
        le=3600,
    )
    publish_hook: str = _setting(
        "PUBLISH_HOOK",
        "empty: nothing is run",
        "A shell command that the worker runs after each publish, such as candor export and a sync.",
        secret=True,
    )
    publish_hook_seconds: int = _setting(
        "PUBLISH_HOOK_SECONDS",
        "60",
        "How many seconds the publish hook may take before it is stopped.",
        default=60,
        ge=1,
        le=3600,
    )
    api_requests_per_minute: int = _setting(
        "API_REQUESTS_PER_MINUTE",
        "120",
        "How many API requests per minute are allowed with one token.",
        default=120,
        ge=1,
        le=100_000,
    )
    log_level: Annotated[str, AfterValidator(_level)] = _setting(
        "LOG_LEVEL", "INFO", "How much is logged: DEBUG, INFO, WARNING or ERROR.", default="INFO"
    )

    staff_catalogue: Annotated[Path, AfterValidator(_file)] | None = _setting(
        "STAFF_CATALOGUE",
        "empty: English",
        "A file of translations (.po) for errors in the console, the API and commands.",
        default=None,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` passes: a test or a command may have an environment of its own."""
        return (init_settings,)

    def with_changes(self, **changes: Any) -> Self:
        """The same settings with some fields changed.  The values are taken as they are."""
        unknown = changes.keys() - type(self).model_fields.keys()
        if unknown:
            raise TypeError(f"there is no setting {', '.join(sorted(unknown))}")
        return self.model_copy(update=changes)

    def __repr_args__(self) -> Any:
        return [("home", self.home), ("base_url", self.base_url)]

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
    secret: bool


def _row(name: str, field: FieldInfo) -> Setting:
    facts = field.json_schema_extra
    assert isinstance(facts, dict)
    return Setting(
        variable=str(field.validation_alias),
        field=name,
        default=str(facts["shown"]),
        meaning=field.description or "",
        secret=bool(facts["secret"]),
    )


SETTINGS = tuple(_row(name, field) for name, field in Settings.model_fields.items())
_ROWS = {row.variable: row for row in SETTINGS}


class Environment(PydanticBaseSettingsSource):
    """Reads settings from variables, or from the files that `NAME_FILE` names.  An empty variable counts as absent."""

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self._environ = environ

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str, str, bool]:
        """The text, the variable's name, and that it needs no decoding.  Raises SettingError."""
        variable = str(field.validation_alias)
        path = self._environ.get(f"{variable}_FILE", "")
        if not path:
            return self._environ.get(variable, "").strip(), variable, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), variable, False
        except (OSError, UnicodeDecodeError):
            raise SettingError(f"{variable}_FILE names a file that can't be read.") from None

    def __call__(self) -> dict[str, str]:
        found = (self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items())
        return {variable: value for value, variable, _ in found if value}


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (the process's by default); `X_FILE` names a file that holds `X`.

    Creates the data folder and, unless they are set, the files of SECRET_KEY and VAPID_KEY (mode 0600).

    Raises:
        SettingError: one line that names the variable and says what it should be, never its value when secret.
    """
    given = Environment(Settings, os.environ if environ is None else environ)()
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        raise SettingError(_sentence(error.errors(include_url=False)[0], given)) from None
    home = settings.home
    _make_home(home)
    return settings.with_changes(
        base_url=settings.base_url or f"http://localhost:{settings.port}",
        database_url=settings.database_url or f"sqlite:///{home / 'candor.db'}",
        secret_key=settings.secret_key or _made_key(home, "secret_key", lambda: secrets.token_hex(32)),
        vapid_key=settings.vapid_key or _made_key(home, "vapid_key", _new_vapid_key),
    )


def _sentence(problem: ErrorDetails, given: Mapping[str, str]) -> str:
    row = _ROWS[str(problem["loc"][0])]
    shown = "" if row.secret else f" {given.get(row.variable, '')!r}"
    return f"{row.variable}{shown} {_what_is_wrong(problem, Settings.model_fields[row.field])}."


def _what_is_wrong(problem: ErrorDetails, field: FieldInfo) -> str:
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    low = next((one.ge for one in field.metadata if isinstance(one, Ge)), None)
    high = next((one.le for one in field.metadata if isinstance(one, Le)), None)
    if problem["type"] in {"greater_than_equal", "less_than_equal"}:
        return f"is out of range; give a whole number from {low} to {high}"
    return f"is not a whole number; give one from {low} to {high}"


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"CANDOR_HOME {str(home)!r} can't be created or used: {error.strerror}.") from None


def _new_vapid_key() -> str:
    """A private key on P-256: a random number, of which the first byte keeps it below the curve's order."""
    return base64.urlsafe_b64encode(b"\x7f" + secrets.token_bytes(31)).decode().rstrip("=")


def _made_key(home: Path, name: str, make: Callable[[], str]) -> str:
    """The key kept in this file, made by whichever process comes first."""
    path = home / name
    draft = home / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        if not path.exists():
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(make())
            with suppress(FileExistsError):  # another process was first: its key counts
                os.link(draft, path)
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise SettingError(f"CANDOR_HOME {str(home)!r} can't be written or read: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
