"""Validation of what an author typed, before anything is published."""

from collections.abc import Sequence
from datetime import UTC, datetime

from app.clock import now
from app.errors import Invalid, NeedsConfirmation
from app.guard import leaks
from app.text import BODY_LIMIT, TITLE_LIMIT, clean_field
from app.vocabulary import POST_STATUSES, PostKind, PostStatus

KEY_LIMIT = 128
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing is older: history has a page for every month back to the first post."""

LATEST = datetime(2101, 1, 1, tzinfo=UTC)


def read_title(raw: str) -> str:
    """The title as one clean line.  Raises Invalid."""
    return clean_field(raw, name="title", label="The title", limit=TITLE_LIMIT)


def read_body(raw: str) -> str:
    """The text, cleaned, its line breaks kept.  Raises Invalid."""
    return clean_field(raw, name="body", label="The text", limit=BODY_LIMIT, multiline=True)


def read_key(raw: str) -> str:
    """The idempotency key: 1 to 128 printable ASCII characters.  Raises Invalid; only a form can come without any."""
    if not raw:
        raise Invalid.field("idempotency_key", "This form is missing its key. Reload the page and submit it again.")
    if not (len(raw) <= KEY_LIMIT and raw.isascii() and raw.isprintable()):
        sentence = f"Enter an idempotency key of 1 to {KEY_LIMIT} printable ASCII characters, such as deploy-4711."
        raise Invalid.field("idempotency_key", sentence)
    return raw


def check_status(kind: PostKind, status: PostStatus) -> None:
    """Raises Invalid when a post of this kind can't be in this status."""
    if status not in POST_STATUSES[kind]:
        words = ", ".join(allowed.label for allowed in POST_STATUSES[kind])
        raise Invalid.field("status", f"{status.label} isn't a status for this kind of post. Choose one of: {words}.")


def check_window(status: PostStatus, start: datetime | None, end: datetime | None) -> None:
    """Raises Invalid when a maintenance has no window, or one that ends before it starts or has passed already."""
    if start is None or end is None:
        raise Invalid.field("scheduled_for", "Enter when the maintenance starts and ends.")
    if end <= start:
        raise Invalid.field("scheduled_until", "The end must be after the start. Choose a later end.")
    if start < EARLIEST or end > LATEST:
        raise Invalid.field("scheduled_for", "This window is too far away. Choose a time from 2000 to 2100.")
    if status is PostStatus.SCHEDULED and end <= now():
        raise Invalid.field("scheduled_until", "This window is in the past. Choose a later one.")


def check_dated(at: datetime | None, not_before: datetime = EARLIEST, not_after: datetime | None = None) -> None:
    """Raises Invalid when a statement is dated in the future, before the one that it follows or after the next one."""
    if at is None:
        return
    if at > now():
        raise Invalid.field("display_at", "Enter a time in the past for the update.")
    if at < EARLIEST:
        raise Invalid.field("display_at", f"Enter a time after the start of {EARLIEST:%Y}.")
    if at < not_before:
        raise Invalid.field(
            "display_at", f"Enter a time after the previous update, at {not_before:%Y-%m-%d %H:%M} UTC."
        )
    if not_after is not None and at > not_after:
        raise Invalid.field("display_at", f"Enter a time before the next update, at {not_after:%Y-%m-%d %H:%M} UTC.")


def ask_about_leaks(texts: Sequence[str], taints: Sequence[str], *, acknowledged: bool) -> None:
    """Raises NeedsConfirmation when text looks as if it held something internal and no one has said it is meant."""
    if acknowledged:
        return
    findings = leaks.find("\n".join(texts), tuple(taint for taint in taints if taint))
    if findings:
        raise NeedsConfirmation("This text may contain internal information, so it wasn't published.", tuple(findings))
