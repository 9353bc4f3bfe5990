"""From what was typed to a draft that an action takes.  Every field that is wrong is named at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from app.actions.fingerprints import fingerprint
from app.actions.incidents import read_link
from app.clock import now
from app.errors import CandorError, Conflict, Invalid, KeyUsed, NeedsConfirmation, Stale, Unavailable
from app.queries.posts import StillBroken
from app.shapes import ComponentEffect, PostDraft, RecordLinkDraft, UpdateDraft
from app.text import BODY_LIMIT, TITLE_LIMIT, clean_field
from app.vocabulary import (
    POST_STATUSES,
    ComponentStatus,
    Impact,
    PostKind,
    PostStatus,
    Severity,
)
from app.web.console.typed import AT, EFFECT, Typed

Word = TypeVar("Word", bound=StrEnum)
PROMISE_MINUTES = (10, 15, 20, 30, 45, 60, 90, 120, 240, 480, 1440)
USED_FORM = (
    "This form has published something else already; see what stands. Nothing was published now. "
    "Send it again to publish this as well."
)
LOOK_AGAIN = "Nothing was published yet. Please look at what is marked below."


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a form came back: one sentence, one for each field, and what has to be looked at before going on."""

    sentence: str
    fields: dict[str, str]
    findings: tuple[str, ...] = ()
    current: str = ""
    yours: str = ""

    @property
    def is_stale(self) -> bool:
        return bool(self.current)


def problem_of(error: CandorError) -> tuple[Problem, int]:
    """What to show for an error that a form can be corrected after, and its HTTP status.  Others are raised again."""
    if isinstance(error, Invalid):
        return Problem(error.sentence, error.fields), 422
    if isinstance(error, NeedsConfirmation):
        return Problem(error.sentence, {}, findings=error.findings), 422
    if isinstance(error, Stale):
        return Problem(error.sentence, {}, current=error.current, yours=error.yours), 409
    if isinstance(error, KeyUsed):
        return Problem(USED_FORM, {}), 409
    if isinstance(error, Conflict):
        return Problem(error.sentence, {}), 409
    if isinstance(error, Unavailable):  # what was typed, and its key, stay: sending it again is safe
        return Problem(error.sentence, {}), 503
    raise error


class Reader:
    """Collects what is wrong while a draft is put together."""

    def __init__(self) -> None:
        self.wrong: dict[str, str] = {}

    def read(self, call: Callable[[], str]) -> str:
        try:
            return call()
        except Invalid as error:
            self.wrong.update(error.fields)
            return ""

    def word(self, name: str, kind: type[Word], value: str, default: Word, sentence: str) -> Word:
        try:
            return kind(value)
        except ValueError:
            self.wrong[name] = sentence
            return default

    def maybe(self, name: str, kind: type[Word], value: str, sentence: str) -> Word | None:
        if not value:
            return None
        try:
            return kind(value)
        except ValueError:
            self.wrong[name] = sentence
            return None

    def instant(self, name: str, value: str, zone: ZoneInfo) -> datetime | None:
        if not value:
            return None
        try:
            return local_instant(value, zone)
        except ValueError as error:
            self.wrong[name] = str(error)
            return None

    def record(self, key: str, url: str) -> RecordLinkDraft:
        """The link with the key that its address names, so that the guard knows the key too."""
        draft = RecordLinkDraft(key=key, url=url)
        try:
            return replace(draft, key=read_link(draft)[1])
        except Invalid as error:
            self.wrong.update(error.fields)
            return draft

    def finish(self) -> None:
        if self.wrong:
            raise Invalid(next(iter(self.wrong.values())) if len(self.wrong) == 1 else LOOK_AGAIN, self.wrong)


def post_draft(typed: Typed, zone: ZoneInfo) -> PostDraft:
    """The draft of a new post.  Times without a zone are read in `zone`, the page's.

    Raises:
        Invalid: with a sentence for every field that can not be taken.
    """
    reader = Reader()
    kind = reader.word("kind", PostKind, typed.kind, PostKind.INCIDENT, "Choose incident or maintenance.")
    title = reader.read(lambda: clean_field(typed.title, name="title", label="The title", limit=TITLE_LIMIT))
    status, body, impact, effects, promised = _common(reader, typed, kind, zone)
    severity = reader.maybe("severity", Severity, typed.severity, "Choose P0, P1, P2, P3 or no internal record.")
    draft = PostDraft(
        kind=kind,
        title=title,
        status=status,
        body=body,
        idempotency_key=typed.key,
        impact=impact,
        effects=effects,
        next_update_by=promised,
        notify=typed.notify,
        scheduled_for=reader.instant("scheduled_for", typed.scheduled_for, zone),
        scheduled_until=reader.instant("scheduled_until", typed.scheduled_until, zone),
        starts_itself=typed.by_clock,
        ends_itself=typed.by_clock,
        severity=severity,
        record_links=_records(reader, typed, severity),
        acknowledged=typed.acknowledged,
        fingerprint=fingerprint(typed.asked),
    )
    reader.finish()
    return draft


def update_draft(typed: Typed, kind: PostKind, zone: ZoneInfo, broken: Sequence[StillBroken]) -> UpdateDraft:
    """The draft of one more update.  `broken` are the post's components that are not operational now.

    Raises:
        Invalid: with a sentence for every field that can not be taken.
    """
    reader = Reader()
    status, body, impact, effects, promised = _common(reader, typed, kind, zone)
    if status in {PostStatus.RESOLVED, PostStatus.COMPLETED}:
        _ask_about(reader, typed, broken)
    try:
        version = int(typed.version)
    except ValueError:
        version = 0
        reader.wrong["version"] = "The form has lost its version. Reload the post and send it again."
    draft = UpdateDraft(
        status=status,
        body=body,
        idempotency_key=typed.key,
        version=version,
        impact=impact,
        effects=effects,
        next_update_by=promised,
        notify=typed.notify,
        acknowledged=typed.acknowledged,
        fingerprint=fingerprint(typed.asked),
    )
    reader.finish()
    return draft


def read_version(raw: str) -> int:
    """The version that a form was opened with.  Raises Invalid."""
    if not (raw.isascii() and raw.isdigit() and len(raw) <= 9):
        raise Invalid.field("version", "The form has lost its version. Reload it and send it again.")
    return int(raw)


def instant_or_none(value: str, zone: ZoneInfo) -> datetime | None:
    """A typed time for a preview: None where it can not be read."""
    return Reader().instant("", value, zone)


def promised_or_none(typed: Typed, zone: ZoneInfo) -> datetime | None:
    """A typed promise for a preview: None where the usual time holds or it can not be read."""
    return _promise(Reader(), typed, zone)


def local_instant(value: str, zone: ZoneInfo) -> datetime:
    """A time such as "2026-11-23T04:30" in `zone`, as UTC.  Of a time that comes twice in autumn, the first.

    Raises:
        ValueError: with a sentence; it is no time, or the clocks skip it.
    """
    try:
        local = datetime.fromisoformat(value.replace(" ", "T"))
    except ValueError:
        raise ValueError("Write the time as in 2026-11-23 04:30.") from None
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone)
    try:
        instant = local.astimezone(UTC)
        skipped = instant.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None)
    except OverflowError:
        raise ValueError("Write the time as in 2026-11-23 04:30.") from None
    if skipped:
        raise ValueError("The clocks skip this time on that day. Choose another.")
    return instant


def _common(
    reader: Reader, typed: Typed, kind: PostKind, zone: ZoneInfo
) -> tuple[PostStatus, str, Impact | None, tuple[ComponentEffect, ...], datetime | None]:
    status = reader.word("status", PostStatus, typed.status, POST_STATUSES[kind][0], "Choose a status.")
    if "status" not in reader.wrong and status not in POST_STATUSES[kind]:
        reader.wrong["status"] = f"This kind of post can not be {status.label.lower()}. Choose another status."
    body = reader.read(lambda: clean_field(typed.body, name="body", label="The text", limit=BODY_LIMIT, multiline=True))
    impact = reader.maybe("impact", Impact, typed.impact, "Choose an impact, or let it be computed.")
    promised = None if status.is_terminal else _promise(reader, typed, zone)
    return status, body, impact, _effects(reader, typed), promised


def _effects(reader: Reader, typed: Typed) -> tuple[ComponentEffect, ...]:
    effects = []
    for component_id, value in typed.effects.items():
        status = reader.maybe(f"{EFFECT}{component_id}", ComponentStatus, value, "Choose what happens to it.")
        if status is not None:
            effects.append(ComponentEffect(component_id, status))
    return tuple(effects)


def _promise(reader: Reader, typed: Typed, zone: ZoneInfo) -> datetime | None:
    """By when; None stands for the usual time, which the action knows."""
    if not typed.promise:
        return None
    if typed.promise == AT:
        if not typed.promise_at:
            reader.wrong["next_update_by"] = "Say by when the next update comes."
        return reader.instant("next_update_by", typed.promise_at, zone)
    try:
        minutes = int(typed.promise)
    except ValueError:
        minutes = 0
    if not 0 < minutes <= 30 * 24 * 60:
        reader.wrong["next_update_by"] = "Choose by when the next update comes."
        return None
    return now() + timedelta(minutes=minutes)


def _records(reader: Reader, typed: Typed, severity: Severity | None) -> tuple[RecordLinkDraft, ...]:
    if typed.records and severity is None and "severity" not in reader.wrong:
        reader.wrong["severity"] = "A record link belongs to an internal incident. Choose its severity."
    return tuple(reader.record(key, url) for key, url in typed.records)


def _ask_about(reader: Reader, typed: Typed, broken: Sequence[StillBroken]) -> None:
    for component in broken:
        if not typed.effects.get(component.public_id):
            reader.wrong[f"{EFFECT}{component.public_id}"] = (
                f"{component.name} is still in {component.status.label.lower()}. Say what happens to it."
            )
