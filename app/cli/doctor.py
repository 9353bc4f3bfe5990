"""`candor doctor`: what is wrong with an installation, and how to fix it."""

import shutil
import smtplib
import stat
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select, text

from app.actions.inbound import spool
from app.channels.registry import label as channel_label
from app.cli.migrating import revisions
from app.cli.shared import lost_database_told
from app.clock import now
from app.db import session, transaction
from app.deliver import alarms
from app.deliver.canaries import proofs, sentence
from app.errors import CandorError
from app.models.delivery import SendLimit
from app.models.page import Page
from app.publish.addresses import published_slugs
from app.publish.hook_run import last_run
from app.publish.refresh import published_revision
from app.queries.contacts import notice_counts
from app.queries.inbound import inbound_counts, oldest_unread
from app.settings import Settings
from app.vocabulary import DeliveryState, InboundState
from app.worker import imap

LITTLE_SPACE = 500 * 1024 * 1024
NO_SPACE = 50 * 1024 * 1024
EARLIEST_SANE = 1_767_225_600  # 2026-01-01: an earlier time means that the machine's clock is wrong
MAIL_SECONDS = 10
UNREAD_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result: `level` is ok, warn or fail; `sentence` says what was found and what to do."""

    subject: str
    level: str
    sentence: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def checkup(settings: Settings) -> list[Finding]:
    """Run every check, in order.  A check that crashes is a finding; the others still run."""
    checks: tuple[tuple[str, Callable[[Settings], Finding]], ...] = (
        ("configuration", _configuration),
        ("database", _database),
        ("migrations", _migrations),
        ("mail", _mail),
        ("returned mail", _returned_mail),
        ("inbound", _inbound),
        ("clock", _clock),
        ("disk", _disk),
        ("page", _page),
        ("permissions", _permissions),
        ("publish hook", _publish_hook),
        ("notices to staff", _account_notices),
        ("canaries", _canaries),
        ("pauses", _pauses),
        ("alarms", _alarms),
    )
    findings = []
    for subject, check in checks:
        try:
            with lost_database_told():
                findings.append(check(settings))
        except CandorError as error:
            findings.append(Finding(subject, "fail", error.sentence))
        except Exception as error:
            findings.append(Finding(subject, "fail", f"The check itself failed ({type(error).__name__})."))
    return findings


def _configuration(settings: Settings) -> Finding:
    host = urlsplit(settings.base_url).hostname or ""
    if host not in {"localhost", "127.0.0.1", "::1"} and not settings.is_https:
        return Finding(
            "configuration",
            "warn",
            "BASE_URL doesn't start with https://. Set it to the https address that readers use.",
        )
    return Finding("configuration", "ok", f"the public address is {settings.base_url}")


def _database(settings: Settings) -> Finding:
    kind = "SQLite" if settings.database_url.startswith("sqlite") else "PostgreSQL"
    with transaction() as writing:
        writing.execute(text("SELECT 1"))
    session().execute(text("SELECT 1"))
    return Finding("database", "ok", f"{kind} is readable and writable")


def _migrations(_settings: Settings) -> Finding:
    at, newest = revisions()
    if at != newest:
        return Finding("migrations", "fail", f"The database is at revision {at or 'none'}. Run candor db upgrade.")
    return Finding("migrations", "ok", f"the database is at revision {at}, the newest")


def _mail(settings: Settings) -> Finding:
    if not settings.smtp_url:
        return Finding(
            "mail", "warn", "No mail server is configured, so messages stay in the outbox folder. Set SMTP_URL."
        )
    parts = urlsplit(settings.smtp_url)
    port = parts.port or {"smtps": 465, "smtp+starttls": 587}.get(parts.scheme, 25)
    opened = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    try:
        with opened(parts.hostname or "", port, timeout=MAIL_SECONDS) as server:
            code, _ = server.noop()
    except (OSError, smtplib.SMTPException) as error:
        return Finding(
            "mail", "fail", f"{parts.hostname}:{port} doesn't respond ({type(error).__name__}). Check SMTP_URL."
        )
    return Finding("mail", "ok", f"{parts.hostname}:{port} responds with {code}")


def _returned_mail(settings: Settings) -> Finding:
    subject, host = "returned mail", urlsplit(settings.bounce_mailbox).hostname
    if not settings.bounce_mailbox:
        return Finding(subject, "ok", "no mailbox is configured: BOUNCE_MAILBOX is empty")
    try:
        with imap.opened(settings.bounce_mailbox) as mailbox:
            count = len(mailbox.waiting())
    except imap.MailboxUnreachable as error:
        return Finding(subject, "fail", f"Can't read the mailbox at {host}: {error}. Check BOUNCE_MAILBOX.")
    if not settings.bounce_address:
        said = "BOUNCE_ADDRESS is empty, so bounces can't be matched to recipients. Set it to the mailbox's address."
        return Finding(subject, "warn", said)
    return Finding(subject, "ok", f"the mailbox at {host} is readable and contains {count:,} messages")


def _inbound(settings: Settings) -> Finding:
    counts, oldest = inbound_counts(session()), oldest_unread(session())
    spooled, unreadable = len(spool.waiting(settings)), len(spool.unreadable(settings))
    problems = []
    if spooled:
        problems.append(f"{spooled:,} files in {spool.folder(settings)} are waiting for the database or a worker.")
    if unreadable:
        problems.append(
            f"{unreadable:,} files in {spool.folder(settings)} can't be read. Inspect them, then delete them."
        )
    if oldest is not None and now() - oldest > UNREAD_AFTER:
        problems.append(
            f"Inbound deliveries have been waiting since {oldest:%Y-%m-%d %H:%M} UTC. Check that a worker is running."
        )
    for state, label in ((InboundState.NOT_UNDERSTOOD, "Not understood"), (InboundState.FAILED, "Failed")):
        if counts.get(state):
            problems.append(f"{label}: {counts[state]:,}. Run candor inbound list --state {state}.")
    if problems:
        return Finding("inbound", "warn", " ".join(problems))
    return Finding("inbound", "ok", f"{sum(counts.values()):,} inbound deliveries in the last 7 days, all processed")


def _clock(_settings: Settings) -> Finding:
    if time.time() < EARLIEST_SANE:
        return Finding(
            "clock", "fail", "The machine's clock is years behind. Set it, and turn on time synchronization (NTP)."
        )
    return Finding("clock", "ok", time.strftime("the time is %Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def _disk(settings: Settings) -> Finding:
    folders = [folder for folder in (settings.home, settings.public_root) if folder.exists()]
    room = {folder: shutil.disk_usage(folder).free for folder in folders}
    folder = min(room, key=lambda one: room[one])
    free = room[folder]
    said = f"{free // 1024**2:,} MB free in {folder}"
    if free < NO_SPACE:
        return Finding("disk", "fail", f"{said}. Free some space now, or nothing can be published.")
    return Finding("disk", "warn" if free < LITTLE_SPACE else "ok", said)


def _page(settings: Settings) -> Finding:
    rows = session().execute(select(Page.slug, Page.revision))
    if all(published_revision(settings, slug) == revision for slug, revision in rows):
        return Finding("page", "ok", "it shows everything that is published")
    said = "The page is older than what is published. Web processes and workers try to update it every second."
    advice = f"Check that one of them is running and that {settings.public_root} is writable."
    return Finding("page", "fail", f"{said} {advice}")


def _permissions(settings: Settings) -> Finding:
    probe = settings.home / ".doctor"
    try:
        probe.write_text("x")
        probe.unlink()
    except OSError as error:
        return Finding(
            "permissions", "fail", f"{settings.home} isn't writable ({error.strerror}). Make this user its owner."
        )
    open_to_others = [path.name for path in _secrets(settings.home) if _others_may_read(path)]
    if open_to_others:
        names = ", ".join(open_to_others)
        return Finding(
            "permissions", "fail", f"Other users can read {names} in {settings.home}. Run chmod o-rwx on it."
        )
    return Finding("permissions", "ok", f"{settings.home} is writable and private")


def _publish_hook(settings: Settings) -> Finding:
    if not settings.publish_hook:
        return Finding("publish hook", "ok", "not configured")
    slugs = published_slugs(settings.public_root)
    runs = [(slug, run) for slug in slugs if (run := last_run(settings.home, slug)) is not None]
    if not runs:
        return Finding("publish hook", "ok", "it has not run yet")
    failed = [(slug, run) for slug, run in runs if not run.succeeded]
    slug, run = max(failed or runs, key=lambda one: one[1].began_at)
    of = f" of page {slug}" if len(slugs) > 1 else ""
    if failed:
        said = f"The last run{of}, at {run.began_at:%Y-%m-%d %H:%M} UTC, {run.ending}."
        return Finding("publish hook", "warn", f"{said} Its output is on the console's overview, for admins.")
    return Finding("publish hook", "ok", f"the last run{of}, at {run.began_at:%Y-%m-%d %H:%M} UTC, {run.ending}")


def _account_notices(_settings: Settings) -> Finding:
    counts = notice_counts(session())
    lost = counts[DeliveryState.FAILED] + counts[DeliveryState.BOUNCED]
    said = f"{counts[DeliveryState.SENT]:,} of {sum(counts.values()):,} in the last 24 hours were sent"
    if lost:
        return Finding("notices to staff", "warn", f"{said}, {lost:,} failed. Run candor user notices.")
    return Finding("notices to staff", "ok", said)


def _canaries(_settings: Settings) -> Finding:
    found = proofs(session())
    if not found:
        said = "None, so nothing tests sending every day. Run candor canary add email you@example.com."
        return Finding("canaries", "warn", said)
    said = "; ".join(f"{channel_label(proof.channel)}: {sentence(proof)}" for proof in found)
    return Finding("canaries", "ok" if all(proof.is_proven for proof in found) else "warn", said)


def _pauses(_settings: Settings) -> Finding:
    rows = session().scalars(select(SendLimit).where(SendLimit.paused_why != "")).all()
    said = "; ".join(f"{row.channel} {row.domain}".strip() + f": {row.paused_why}" for row in rows)
    return Finding("pauses", "warn" if rows else "ok", said or "no channels are paused")


def _alarms(_settings: Settings) -> Finding:
    found = [one.sentence for one in alarms.look(session())]
    found += [one.sentence for one in alarms.look_at_addresses(session())]
    found += [one.sentence for one in alarms.raised(session()) if one.sentence not in found]
    if found:
        return Finding("alarms", "fail", " ".join(found))
    return Finding("alarms", "ok", "no duplicate deliveries or subscribers found")


def _secrets(home: Path) -> list[Path]:
    return [path for path in (home / "secret_key", home) if path.exists()]


def _others_may_read(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IROTH) and path.name == "secret_key"
