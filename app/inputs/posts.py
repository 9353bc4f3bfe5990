"""Posts and their updates, as people and programs send them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, ValidationInfo, field_validator, model_validator

from app.clock import now
from app.inputs.base import FieldProblem, Input, door_of
from app.inputs.fields import (
    POST_CHOICES,
    BodyText,
    BodyTexts,
    Choice,
    Effects,
    Flag,
    Id,
    Ids,
    ImpactChoice,
    Instant,
    MaybeBody,
    Metadata,
    PostStatusChoice,
    PostTexts,
    Prose,
    Title,
    UpdateTexts,
    Version,
    problem,
)
from app.shapes import ComponentEffect, DraftContent, PostDraft, PostFacts, RecordLinkDraft, UpdateDraft
from app.text import BODY_LIMIT
from app.vocabulary import POST_STATUSES, ComponentStatus, Impact, PostKind, PostStatus, Severity

AT = "at"
"""The promise that means: at the time in the field beside it."""

EFFECT = "effect-"
FARTHEST_MINUTES = 30 * 24 * 60
NOTHING = (None, "", False, "false", "f", "0", "no", "off", "[]")
NOT_DONE = {
    "scheduled_remind_prior": "Candor does not send reminders before a maintenance. Send false, or leave it out.",
    "reminder_intervals": "Candor does not send reminders at intervals. Send [], or leave it out.",
}
"""What Statuspage's clients may request but Candor doesn't do: reporting success would be wrong."""


def _chosen_effects(raw: Any) -> dict[str, ComponentStatus]:
    """Each component's status; one that says nothing leaves it as it is."""
    if not isinstance(raw, Mapping):
        raise problem("Choose what happens to each component.")
    known = set(ComponentStatus)
    for component_id, status in raw.items():
        if status and status not in known:
            raise FieldProblem(f"{EFFECT}{component_id}", "Choose a component status.")
    return {str(one): ComponentStatus(status) for one, status in raw.items() if status}


class PostChange(Input):
    """Changes to an incident or maintenance.

    A status, a text or components with a status publish an update.  Fields that you leave out stay as they are.
    """

    model_config = {"json_schema_extra": {"examples": [{"status": "resolved", "body": "The fix is out."}]}}

    title: Title | None = Field(None, alias="name")
    """The title, such as "Checkout is slow"."""
    status: Annotated[PostStatus, Choice((*POST_CHOICES, PostStatus.CANCELLED))] | None = None
    """The status. `cancelled` cancels scheduled maintenance."""
    body: MaybeBody | None = None
    """The text of the update, in Markdown. Default: a standard sentence for the status."""
    texts: UpdateTexts = Field(default_factory=dict)
    """The title and text in other languages. Default: readers get the page's own language."""
    impact: ImpactChoice | None = Field(None, alias="impact_override")
    """The impact on readers. Default: computed from the components."""
    components: Effects = Field(default_factory=dict)
    """The new status of each component, by its id."""
    component_ids: Ids | None = None
    """The ids of all affected components. They keep their status unless `components` sets it."""
    notify: Flag = Field(True, alias="deliver_notifications")
    """Whether subscribers are notified."""
    scheduled_for: Instant | None = None
    """When the maintenance starts."""
    scheduled_until: Instant | None = None
    """When the maintenance ends."""
    auto_start: Flag | None = Field(None, alias="scheduled_auto_in_progress")
    """Whether the maintenance starts automatically at its planned time."""
    auto_end: Flag | None = Field(None, alias="scheduled_auto_completed")
    """Whether the maintenance ends automatically at its planned time."""
    by_clock: Flag | None = Field(None, alias="scheduled_auto_transition")
    """Both at once: whether the maintenance starts and ends automatically."""
    display_at: Instant | None = None
    """The time to show for the update, if it is in the past."""
    next_update_by: Instant | None = None
    """The promised time of the next update."""
    acknowledged: Flag = False
    """Whether to publish although the text may contain something internal."""
    metadata: Metadata | None = None
    """Data that a program stores with the incident: an object of objects."""

    @model_validator(mode="before")
    @classmethod
    def _read_what_other_clients_send(cls, data: Any, info: ValidationInfo) -> Any:
        """An empty text says nothing.  Clients of Statuspage's are told what isn't done for them."""
        if not isinstance(data, Mapping):
            return data
        made = dict(data)
        if door_of(info).is_text:
            if not made.get("body") and isinstance(made.get("message"), str):
                made["body"] = made["message"]  # its only text in old clients
            _refuse_what_is_not_done(made)
        if made.get("body") == "":
            del made["body"]
        return made

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        if any(words["body"] for words in self.texts.values()) and not self.body:
            raise FieldProblem("body", "The text is empty. Enter it in the page's language as well.")
        return self

    @property
    def starts(self) -> bool | None:
        """Whether it starts automatically; None leaves that as it is."""
        return self.by_clock if self.auto_start is None else self.auto_start

    @property
    def ends(self) -> bool | None:
        """Whether it ends automatically; None leaves that as it is."""
        return self.by_clock if self.auto_end is None else self.auto_end

    @property
    def effects(self) -> tuple[ComponentEffect, ...]:
        """What happens to components; those that are only named stay as they are."""
        moved = [ComponentEffect(one, status) for one, status in self.components.items()]
        named = [one for one in self.component_ids or () if one not in self.components]
        return (*moved, *(ComponentEffect(one, None) for one in named))

    @property
    def says_something(self) -> bool:
        """Whether it publishes an update."""
        return bool(self.status or self.body or any(effect.status is not None for effect in self.effects))

    def facts(self) -> PostFacts:
        """What is changed beside the update."""
        return PostFacts(
            title=self.title,
            impact=self.impact,
            scheduled_for=self.scheduled_for,
            scheduled_until=self.scheduled_until,
            auto_start=self.starts,
            auto_end=self.ends,
            metadata_json=self.metadata,
            component_ids=None if self.component_ids is None else tuple(one.component_id for one in self.effects),
            titles={language: words["title"] for language, words in self.texts.items() if words["title"]},
        )

    def update(self, status: PostStatus, body: str, *, key: str, fingerprint: str) -> UpdateDraft:
        """The update that it publishes, with this status and this text where it has none of its own."""
        return UpdateDraft(
            status=self.status or status,
            body=self.body or body,
            idempotency_key=key,
            version=None,
            effects=self.effects,
            next_update_by=self.next_update_by,
            notify=self.notify,
            acknowledged=self.acknowledged,
            facts=self.facts(),
            display_at=self.display_at,
            fingerprint=fingerprint,
            texts={language: words["body"] for language, words in self.texts.items() if words["body"]},
        )


class PostInput(PostChange):
    """An incident to open or backfill, or maintenance to schedule."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "name": "Checkout is slow",
                    "status": "investigating",
                    "body": "We are investigating slow responses.",
                    "components": {"kctbh9vrtdwd": "degraded_performance"},
                }
            ]
        }
    }

    title: Title = Field(alias="name")
    """The title, such as "Checkout is slow"."""
    texts: PostTexts = Field(default_factory=dict)
    """The title and text in other languages. Default: readers get the page's own language."""
    status: PostStatusChoice | None = None
    """The first status: `scheduled` for maintenance, `resolved` for a backfilled incident, else `investigating`."""
    backfilled: Flag = False
    """Whether it has ended and is only added to the history."""
    backfill_date: Instant | None = None
    """The date of a backfilled incident."""

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        if self.scheduled_for is None and (self.scheduled_until or self.status is PostStatus.SCHEDULED):
            raise FieldProblem("scheduled_for", "Enter when the maintenance starts and ends.")
        if self.is_backfilled and self.backfill_date is None:
            raise FieldProblem("backfill_date", "Enter when the incident was, such as 2026-01-15T09:00:00Z.")
        return self

    @property
    def is_backfilled(self) -> bool:
        """Whether it is added to the history, and no one is notified."""
        return self.backfilled or self.backfill_date is not None

    @property
    def first_status(self) -> PostStatus:
        """The status that it is opened in."""
        usual = PostStatus.RESOLVED if self.is_backfilled else PostStatus.INVESTIGATING
        return self.status or (PostStatus.SCHEDULED if self.scheduled_for else usual)

    def draft(self, body: str, *, key: str, fingerprint: str) -> PostDraft:
        """The post to open; `body` is its text where it has none of its own."""
        effects = self.effects
        if self.is_backfilled:  # it names components, and what they are now stays
            effects = tuple(ComponentEffect(effect.component_id, None) for effect in effects)
        return PostDraft(
            kind=PostKind.MAINTENANCE if self.scheduled_for else PostKind.INCIDENT,
            title=self.title,
            status=self.first_status,
            body=self.body or body,
            idempotency_key=key,
            impact=self.impact,
            effects=effects,
            next_update_by=self.next_update_by,
            notify=self.notify and not self.is_backfilled,
            scheduled_for=self.scheduled_for,
            scheduled_until=self.scheduled_until,
            auto_start=bool(self.starts),
            auto_end=bool(self.ends),
            happened_at=self.backfill_date,
            display_at=None if self.is_backfilled else self.display_at,
            metadata_json=self.metadata or "",
            acknowledged=self.acknowledged,
            fingerprint=fingerprint,
            texts={language: (words["title"], words["body"]) for language, words in self.texts.items()},
        )


class UpdateCorrection(Input):
    """A correction of an update's text or time. Readers see that it was corrected."""

    model_config = {"json_schema_extra": {"examples": [{"body": "Checkout is slow in Europe."}]}}

    body: BodyText | None = None
    """The new text, in Markdown."""
    texts: BodyTexts = Field(default_factory=dict)
    """The new text in languages other than the page's own. With a new `body`, a language without one loses its text."""
    display_at: Instant | None = None
    """The new time."""
    acknowledged: Flag = False
    """Whether to publish although the text may contain something internal."""


class Withdrawal(Input):
    """What happens to the component changes of a withdrawn update or post."""

    components: Literal["revert", "keep"] = "revert"
    """`revert` undoes them, also in the uptime history; `keep` keeps them."""


class Redaction(Input):
    """A text to remove from everything in an incident."""

    model_config = {"json_schema_extra": {"examples": [{"text": "db-prod-7.internal"}]}}

    text: Annotated[str, Prose("The text", BODY_LIMIT, is_multiline=True, example="db-prod-7.internal")]
    """The text, exactly as it was published."""


class PostmortemDraft(Input):
    """A draft of a post-mortem."""

    model_config = {"json_schema_extra": {"examples": [{"body_draft": "## What we learned"}]}}

    body_draft: Annotated[str, Prose("The text", BODY_LIMIT, is_multiline=True, example="## What we learned")]
    """The text, in Markdown."""


class PostmortemPublication(Input):
    """How a post-mortem is published."""

    model_config = {"json_schema_extra": {"examples": [{"notify_subscribers": True}]}}

    notify_subscribers: Flag = False
    """Whether subscribers are notified."""
    acknowledged: Flag = False
    """Whether to publish although the text may contain something internal."""


class VersionedForm(Input):
    """A form about something existing: `version` is the one that the author saw."""

    version: Version


def promised_at(minutes: str) -> datetime | None:
    """The time this many minutes from now; None if that isn't a sensible number."""
    count = int(minutes) if minutes.isascii() and minutes.isdigit() and len(minutes) < 6 else 0
    return now() + timedelta(minutes=count) if 0 < count <= FARTHEST_MINUTES else None


class _TypedStatement(Input):
    """What all publishing forms and commands share; its fields are named like the form's."""

    kind: Annotated[PostKind, Choice(tuple(PostKind), "Choose incident or maintenance.")] = PostKind.INCIDENT
    status: Annotated[PostStatus, Choice(tuple(PostStatus), "Choose a status.")]
    body: BodyText
    impact: Annotated[Impact, Choice(tuple(Impact), "Choose an impact, or leave it empty to compute it.")] | None = None
    components: Annotated[dict[str, ComponentStatus], PlainValidator(_chosen_effects)] = Field(default_factory=dict)
    promise: str = ""
    next_update_by: Instant | None = Field(None, validate_default=True)
    notify: Flag = True
    acknowledged: Flag = False

    @classmethod
    def form_field(cls, location: tuple[int | str, ...]) -> str:
        """A component's own field is named after it."""
        if len(location) > 1 and location[0] == "components":
            return f"{EFFECT}{location[1]}"
        return "next_update_by" if location[:1] == ("promise",) else super().form_field(location)

    @field_validator("status")
    @classmethod
    def _fits_the_kind(cls, status: PostStatus, info: ValidationInfo) -> PostStatus:
        kind = info.data.get("kind")
        if kind is not None and status not in POST_STATUSES[kind]:
            raise problem(f"{status.label} isn't a status for this kind of post. Choose another.")
        return status

    @field_validator("promise", mode="before")
    @classmethod
    def _read_promise(cls, raw: Any, info: ValidationInfo) -> str:
        if raw != AT and not _is_last(info) and promised_at(str(raw)) is None:
            raise problem("Choose a time for the next update.")
        return str(raw)

    @field_validator("next_update_by", mode="wrap")
    @classmethod
    def _read_promised(cls, raw: Any, handler: Any, info: ValidationInfo) -> datetime | None:
        """The time itself counts only where it was chosen."""
        promise = info.data.get("promise", "")
        if _is_last(info) or promise != AT:
            return None if _is_last(info) else promised_at(promise)
        if not raw:
            raise problem("Enter a time for the next update.")
        found: datetime | None = handler(raw)
        return found

    @property
    def effects(self) -> tuple[ComponentEffect, ...]:
        """What happens to components."""
        return tuple(ComponentEffect(one, status) for one, status in self.components.items())

    @property
    def promise_minutes(self) -> int | None:
        """The promise in minutes from the moment of publishing; None where it is a time, or nothing is promised."""
        is_counted = self.promise and self.promise != AT and not self.status.is_terminal
        return int(self.promise) if is_counted else None


class TypedPost(_TypedStatement):
    """A new post from the console or the command line."""

    title: Title
    scheduled_for: Instant | None = None
    scheduled_until: Instant | None = None
    by_clock: Flag = False
    severity: Annotated[Severity, Choice(tuple(Severity), "Choose P0, P1, P2, P3 or no internal record.")] | None = None
    incident: Id = ""
    records: tuple[tuple[str, str], ...] = Field((), validate_default=True)

    @classmethod
    def form_field(cls, location: tuple[int | str, ...]) -> str:
        """A record's problem is shown beside the severity that it needs."""
        return "severity" if location[:1] == ("records",) else super().form_field(location)

    @field_validator("records")
    @classmethod
    def _belong_to_an_incident(
        cls, records: tuple[tuple[str, str], ...], info: ValidationInfo
    ) -> tuple[tuple[str, str], ...]:
        is_declared = bool(info.data.get("incident"))
        if records and not is_declared and "severity" in info.data and info.data["severity"] is None:
            raise problem("A record link needs an internal incident. Choose a severity.")
        return records

    def content(self, language: str, links: tuple[RecordLinkDraft, ...]) -> DraftContent:
        """The draft of the post to open, in `language`, with the links to its internal record."""
        return DraftContent(
            kind=self.kind,
            status=self.status,
            texts={language: (self.title, self.body)},
            impact=self.impact,
            effects=self.effects,
            promise_minutes=self.promise_minutes,
            next_update_by=None if self.promise_minutes else self.next_update_by,
            notify=self.notify,
            scheduled_for=self.scheduled_for,
            scheduled_until=self.scheduled_until,
            auto_start=self.by_clock,
            auto_end=self.by_clock,
            severity=self.severity,
            incident=self.incident,
            record_links=links,
            acknowledged=self.acknowledged,
        )


class TypedUpdate(_TypedStatement):
    """An update from the console or the command line. `version` is the post's version that the author saw."""

    version: Version

    def content(self, language: str, post_id: str) -> DraftContent:
        """The draft of the update, in `language`."""
        return DraftContent(
            kind=self.kind,
            status=self.status,
            texts={language: ("", self.body)},
            post_id=post_id,
            base_version=self.version,
            impact=self.impact,
            effects=self.effects,
            promise_minutes=self.promise_minutes,
            next_update_by=None if self.promise_minutes else self.next_update_by,
            notify=self.notify,
            acknowledged=self.acknowledged,
        )


def _is_last(info: ValidationInfo) -> bool:
    """Whether nothing is promised after this update."""
    status = info.data.get("status")
    return status is not None and status.is_terminal


def _refuse_what_is_not_done(data: Mapping[str, Any]) -> None:
    for name, sentence in NOT_DONE.items():
        if data.get(name) not in NOTHING:
            raise FieldProblem(name, sentence)
    for at, flag in (("start", "scheduled_auto_in_progress"), ("end", "scheduled_auto_completed")):
        is_automatic = data.get(flag, data.get("scheduled_auto_transition")) not in NOTHING
        name = f"auto_transition_deliver_notifications_at_{at}"
        if is_automatic and data.get(name) not in (None, "") and data[name] in NOTHING:
            raise FieldProblem(
                name, f"Subscribers are always notified of an automatic {at}. Send true, or leave it out."
            )
    for name, status in (
        ("auto_transition_to_maintenance_state", "under_maintenance when the maintenance starts"),
        ("auto_transition_to_operational_state", "operational when the maintenance ends"),
    ):
        if data.get("scheduled_for") and data.get(name) not in (None, "") and data[name] in NOTHING:
            raise FieldProblem(name, f"Components always become {status}. Send true, or leave it out.")
