"""Drafts, as programs send them: they may be half-written."""

from typing import Annotated

from pydantic import Field

from app.inputs.base import Input
from app.inputs.fields import (
    Choice,
    Effects,
    Flag,
    Id,
    ImpactChoice,
    Instant,
    Prose,
    TranslatedTexts,
    Version,
    Words,
    refuse_own,
)
from app.shapes import ComponentEffect, DraftContent
from app.vocabulary import POST_STATUSES, PostKind, PostStatus, Severity

TITLE_LIMIT = 500
BODY_LIMIT = 100_000
PROMISE_LIMIT = 43_200
"""Thirty days, in minutes."""

DraftTexts = Annotated[
    Words,
    TranslatedTexts(
        {
            "title": Prose("The title", TITLE_LIMIT, is_required=False, example="Kasse ist langsam"),
            "body": Prose("The text", BODY_LIMIT, is_multiline=True, is_required=False, example="Wir untersuchen es."),
        }
    ),
]
"""More than can be published, as with the draft's own text."""


class DraftInput(Input):
    """An update, or a new incident or maintenance, that isn't published yet.

    Fields that you leave out are empty: a draft is always saved as a whole.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {"title": "Checkout is slow", "status": "investigating", "body": "We are investigating slow responses."}
            ]
        }
    }

    incident_id: Id = ""
    """The incident or maintenance that it continues; empty for a new one."""
    kind: Annotated[PostKind, Choice(tuple(PostKind))] = PostKind.INCIDENT
    """Whether it is an incident or maintenance."""
    status: Annotated[PostStatus, Choice(tuple(PostStatus))] | None = None
    """The status. Default: the first of its kind."""
    title: Annotated[str, Prose("The title", TITLE_LIMIT, is_required=False, example="Checkout is slow")] = ""
    """The title of a new incident or maintenance, in the page's language."""
    body: Annotated[
        str,
        Prose("The text", BODY_LIMIT, is_multiline=True, is_required=False, example="We are investigating."),
    ] = ""
    """The text, in Markdown, in the page's language."""
    texts: DraftTexts = Field(default_factory=dict)
    """The title and text in other languages. Default: readers get the page's own language."""
    impact: ImpactChoice | None = None
    """The impact on readers. Default: computed from the components."""
    components: Effects = Field(default_factory=dict)
    """The new status of each component, by its id."""
    promise_minutes: Annotated[int, Field(ge=1, le=PROMISE_LIMIT, examples=[30])] | None = None
    """The promised time of the next update, in minutes after publishing."""
    next_update_by: Instant | None = None
    """The promised time of the next update, if it isn't given in minutes."""
    notify: Flag = True
    """Whether subscribers are notified."""
    scheduled_for: Instant | None = None
    """When the maintenance starts."""
    scheduled_until: Instant | None = None
    """When the maintenance ends."""
    auto_start: Flag = False
    """Whether the maintenance starts automatically at its planned time."""
    auto_end: Flag = False
    """Whether the maintenance ends automatically at its planned time."""
    severity: Annotated[Severity, Choice(tuple(Severity))] | None = None
    """Also opens an internal incident of this severity."""
    acknowledged: Flag = False
    """Whether to publish although the text may contain something internal."""
    version: Version | None = None
    """The draft's version that you saw. If it was saved since, your change is refused."""

    def content(self, language: str, base_version: int | None) -> DraftContent:
        """The draft's content; its own text is in `language`.

        Raises:
            Invalid: `texts` contains that language too.
        """
        refuse_own(self.texts, language)
        return DraftContent(
            kind=self.kind,
            status=self.status or POST_STATUSES[self.kind][0],
            texts={language: (self.title, self.body)}
            | {one: (words["title"], words["body"]) for one, words in self.texts.items()},
            post_id=self.incident_id,
            base_version=base_version,
            impact=self.impact,
            effects=tuple(ComponentEffect(one, status) for one, status in self.components.items()),
            promise_minutes=self.promise_minutes,
            next_update_by=self.next_update_by,
            notify=self.notify,
            scheduled_for=self.scheduled_for,
            scheduled_until=self.scheduled_until,
            auto_start=self.auto_start,
            auto_end=self.auto_end,
            severity=self.severity,
            acknowledged=self.acknowledged,
        )


class DraftSchedule(Input):
    """When to publish a draft."""

    publish_at: Instant
    """The time, such as 2026-12-01T22:00:00Z."""
    acknowledged: Flag = False
    """Whether to publish although the text may contain something internal."""


class DraftPublication(Input):
    """How to publish a draft now."""

    acknowledged: Flag = False
    """Whether to publish although the text may contain something internal."""
