"""Turns typed forms into drafts for the actions, and errors into what the form shows."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.actions.incidents import read_link
from app.errors import CandorError, Conflict, Invalid, KeyUsed, NeedsConfirmation, Stale, Unavailable
from app.inputs.base import from_form
from app.inputs.fields import local_instant
from app.inputs.posts import EFFECT, TypedPost, TypedUpdate, VersionedForm, promised_at
from app.queries.posts import Thread
from app.shapes import DraftContent, RecordLinkDraft
from app.vocabulary import PostStatus
from app.web.console.typed import Typed
from app.web.wording import error_texts

PROMISE_MINUTES = (10, 15, 20, 30, 45, 60, 90, 120, 240, 480, 1440)
USED_FORM = "You already published from this form. To publish this text too, submit it again."


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
    texts = error_texts()
    sentence, fields = texts.say_all(error)
    if isinstance(error, Invalid):
        return Problem(sentence, fields), 422
    if isinstance(error, NeedsConfirmation):
        return Problem(sentence, {}, findings=error.findings), 422
    if isinstance(error, Stale):
        return Problem(sentence, {}, current=error.current, yours=error.yours), 409
    if isinstance(error, KeyUsed):
        return Problem(texts.say(USED_FORM), {}), 409
    if isinstance(error, Conflict):
        return Problem(sentence, {}), 409
    if isinstance(error, Unavailable):  # what was typed, and its key, stay: sending it again is safe
        return Problem(sentence, {}), 503
    raise error


def post_content(typed: Typed, zone: ZoneInfo, language: str) -> DraftContent:
    """What a form for a new post holds, its text in `language`.  Times without a zone are read in `zone`, the page's.

    Raises:
        Invalid: with a sentence for every invalid field.
    """
    links, wrong = _records(typed)
    given = from_form(TypedPost, _sent(typed), zone=zone, also=wrong)
    return given.content(language, links)


def update_content(typed: Typed, found: Thread, zone: ZoneInfo, language: str) -> DraftContent:
    """What a form for one more update holds, its text in `language`; `found` is its post as it is now.

    Raises:
        Invalid: with a sentence for every invalid field.
    """
    is_over = typed.status in {PostStatus.RESOLVED, PostStatus.COMPLETED}
    wrong = {
        f"{EFFECT}{one.public_id}": f"{one.name} is still in {one.status.label.lower()}. Choose its new status."
        for one in found.broken
        if is_over and not typed.effects.get(one.public_id)
    }
    given = from_form(TypedUpdate, {**_sent(typed), "kind": found.post.kind}, zone=zone, also=wrong)
    return given.content(language, found.post.public_id)


def read_version(raw: str) -> int:
    """The version that a form was opened with.  Raises Invalid."""
    return from_form(VersionedForm, {"version": raw}).version


def instant_or_none(value: str, zone: ZoneInfo) -> datetime | None:
    """A typed time for a preview: None where it can't be read."""
    try:
        return local_instant(value, zone) if value else None
    except ValueError:
        return None


def promised_or_none(typed: Typed, zone: ZoneInfo) -> datetime | None:
    """A typed promise for a preview: None where the usual time holds or it can't be read."""
    return promised_at(typed.promise) or instant_or_none(typed.promise_at, zone)


def _sent(typed: Typed) -> dict[str, Any]:
    """What was typed, by the names of the inputs."""
    names = {"effects": "components", "promise_at": "next_update_by"}
    return {names.get(name, name): value for name, value in asdict(typed).items() if name != "key"}


def _records(typed: Typed) -> tuple[tuple[RecordLinkDraft, ...], dict[str, str]]:
    """The links with the keys that their addresses name, so that the guard knows the keys too; and what is wrong."""
    links, wrong = [], {}
    for key, url in typed.records:
        link = RecordLinkDraft(key=key, url=url)
        try:
            links.append(replace(link, key=read_link(link)[1]))
        except Invalid as error:
            wrong.update(error.fields)
    return tuple(links), wrong
