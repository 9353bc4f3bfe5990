"""The API's response models, from which `/api/openapi.json` is generated.

The views make plain documents, in Statuspage's order of keys; a test holds every answer against its model.
Schemas have the plain noun as their name, without `Output`, which tells a model from the table it shows.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.inputs.fields import CHANGEABLE, ID_PATTERN, Choice
from app.vocabulary import ComponentStatus, DraftState, Impact, PostKind, PostStatus, Severity

_EXAMPLE = "kctbh9vrtdwd"
IdOutput = Annotated[str, Field(pattern=ID_PATTERN, examples=[_EXAMPLE])]
InstantOutput = Annotated[datetime, Field(examples=["2026-08-21T00:37:20.000Z"])]
DayOutput = Annotated[date, Field(examples=["2026-08-21"])]
Status = Annotated[PostStatus, Choice(tuple(one for one in PostStatus if one is not PostStatus.CANCELLED))]
"""Statuspage has no word for canceled maintenance: it is completed."""

ComponentState = Annotated[ComponentStatus, CHANGEABLE]
Impacts = Annotated[Impact, Choice(tuple(Impact))]


class Output(BaseModel):
    """A response: it contains nothing that isn't described."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


class ProblemOutput(Output):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Field(examples=["about:blank"])]
    title: Annotated[str, Field(examples=["Something needs correcting"])]
    status: Annotated[int, Field(examples=[422])]
    """The HTTP status."""
    detail: Annotated[str, Field(examples=["name: The title is empty. Enter some text."])]
    """What is wrong and what to do about it."""
    fields: dict[str, str] = Field(default_factory=dict)
    """A sentence for each invalid field."""
    reference: str = ""
    """What to name when you report a fault."""


class TitleTextOutput(Output):
    """A title in another language."""

    title: str


class BodyTextOutput(Output):
    """A text in another language."""

    body: str
    """The text, in Markdown."""


class DraftTextOutput(Output):
    """A title and a text in another language."""

    title: str
    body: str
    """The text, in Markdown."""


class NameTextOutput(Output):
    """A name and a description in another language."""

    name: str
    description: str


class PageOutput(Output):
    """A status page. Fields for what Candor doesn't have are null or false."""

    id: IdOutput
    created_at: InstantOutput
    updated_at: InstantOutput
    name: Annotated[str, Field(examples=["Acme Status"])]
    page_description: str | None
    headline: str | None
    branding: str
    subdomain: str
    """The name of the page in addresses."""
    domain: str | None
    url: Annotated[str, Field(examples=["https://status.example.com"])]
    """The public address."""
    support_url: str | None
    hidden_from_search: bool
    allow_page_subscribers: bool
    allow_incident_subscribers: bool
    allow_email_subscribers: bool
    allow_sms_subscribers: bool
    allow_rss_atom_feeds: bool
    allow_webhook_subscribers: bool
    notifications_from_email: str | None
    """The sender of its email; null for the installation's sender."""
    notifications_email_footer: str | None
    time_zone: Annotated[str, Field(examples=["Europe/Berlin"])]
    """The time zone of times on the page."""


class ComponentOutput(Output):
    """A component whose status the page shows."""

    id: IdOutput
    page_id: IdOutput
    group_id: IdOutput | None
    created_at: InstantOutput
    updated_at: InstantOutput
    group: bool
    """Always false: groups have a list of their own."""
    name: Annotated[str, Field(examples=["API"])]
    description: str | None
    texts: dict[str, NameTextOutput] = Field(default_factory=dict)
    """The name and the description in other languages, by language code. Only at `/api/v1`."""
    position: int
    """Its position in the list, from 0."""
    status: ComponentState
    showcase: bool
    """Whether its uptime is shown."""
    only_show_if_degraded: bool
    """Whether it is hidden while it is operational."""
    automation_email: str | None
    start_date: DayOutput | None
    """The first day that its uptime is counted from."""


class ComponentGroupOutput(Output):
    """Components under one heading."""

    id: IdOutput
    page_id: IdOutput
    name: Annotated[str, Field(examples=["Europe"])]
    description: str | None
    texts: dict[str, NameTextOutput] = Field(default_factory=dict)
    """The name and the description in other languages, by language code. Only at `/api/v1`."""
    components: list[IdOutput]
    """The ids of its components."""
    position: int
    created_at: InstantOutput
    updated_at: InstantOutput


class AffectedComponentOutput(Output):
    """What an update did to a component."""

    code: IdOutput
    """The component's id."""
    name: str
    old_status: ComponentState
    new_status: ComponentState


class PublicIncidentUpdateOutput(Output):
    """An update of an incident."""

    id: IdOutput
    status: Status
    body: Annotated[str, Field(examples=["We are investigating slow responses."])]
    """The text, in Markdown."""
    incident_id: IdOutput
    created_at: InstantOutput
    updated_at: InstantOutput
    display_at: InstantOutput
    """The time shown for it."""
    affected_components: list[AffectedComponentOutput] | None
    deliver_notifications: bool
    """Whether subscribers were notified."""
    custom_tweet: str | None
    tweet_id: str | None


class IncidentUpdateOutput(PublicIncidentUpdateOutput):
    """An update of an incident."""

    twitter_updated_at: InstantOutput | None
    wants_twitter_update: bool
    texts: dict[str, BodyTextOutput] = Field(default_factory=dict)
    """The text in other languages, by language code. Only at `/api/v1`."""


class IncidentOutput(Output):
    """An incident or maintenance with its updates, newest first."""

    id: IdOutput
    components: list[ComponentOutput]
    """The affected components."""
    created_at: InstantOutput
    impact: Impacts
    impact_override: Impacts | None
    """The impact that was chosen; null when it is computed from the components."""
    incident_updates: list[IncidentUpdateOutput]
    metadata: dict[str, dict[str, Any]]
    """Data that a program stores with it."""
    monitoring_at: InstantOutput | None
    name: Annotated[str, Field(examples=["Checkout is slow"])]
    texts: dict[str, TitleTextOutput] = Field(default_factory=dict)
    """The title in other languages, by language code. Only at `/api/v1`."""
    page_id: IdOutput
    postmortem_body: str | None
    postmortem_body_last_updated_at: InstantOutput | None
    postmortem_ignored: bool
    postmortem_notified_subscribers: bool
    postmortem_notified_twitter: bool
    postmortem_published_at: InstantOutput | None
    resolved_at: InstantOutput | None
    scheduled_auto_completed: bool
    """Whether the maintenance ends automatically."""
    scheduled_auto_in_progress: bool
    """Whether the maintenance starts automatically."""
    scheduled_for: InstantOutput | None
    auto_transition_deliver_notifications_at_end: bool
    auto_transition_deliver_notifications_at_start: bool
    auto_transition_to_maintenance_state: bool
    auto_transition_to_operational_state: bool
    scheduled_remind_prior: bool
    scheduled_reminded_at: InstantOutput | None
    scheduled_until: InstantOutput | None
    shortlink: Annotated[str, Field(examples=["https://status.example.com/incidents/kctbh9vrtdwd"])]
    """Its address on the page."""
    status: Status
    updated_at: InstantOutput
    reminder_intervals: str | None
    backfilled: bool
    """Whether it was added to the history after it ended."""


class PostmortemOutput(Output):
    """A post-mortem: as published, and its draft for those who may publish it."""

    preview_key: str | None
    body: str | None
    body_updated_at: InstantOutput | None
    body_draft: str | None
    body_draft_updated_at: InstantOutput
    published_at: InstantOutput | None
    notify_subscribers: bool
    notify_twitter: bool
    custom_tweet: str | None
    created_at: InstantOutput
    updated_at: InstantOutput


class TemplateOutput(Output):
    """A template for a new incident."""

    id: IdOutput
    components: list[ComponentOutput]
    name: str
    title: str
    texts: dict[str, DraftTextOutput] = Field(default_factory=dict)
    """The title and text in other languages, by language code. Only at `/api/v1`."""
    body: str
    group_id: IdOutput | None
    update_status: Status
    should_tweet: bool
    should_send_notifications: bool


class SubscriberOutput(Output):
    """A subscriber. Only the fields of its mode are present."""

    id: IdOutput
    skip_confirmation_notification: bool
    mode: Literal["email", "sms", "webhook", "integration_partner"]
    email: Annotated[str | None, Field(examples=["name@example.com"])] = None
    """The email address; of a webhook, its owner's."""
    phone_number: Annotated[str | None, Field(examples=["+4930901820"])] = None
    phone_country: str | None = None
    display_phone_number: str | None = None
    endpoint: Annotated[str | None, Field(examples=["https://example.com/hook"])] = None
    """The address of a webhook."""
    obfuscated_channel_name: str | None = None
    """The name of a chat room or a browser."""
    quarantined_at: InstantOutput | None
    purge_at: InstantOutput | None
    components: list[IdOutput] | None
    """The components that it gets updates about; null for all of them."""
    page_access_user_id: str | None
    created_at: InstantOutput
    signing_secret: Annotated[str | None, Field(examples=["whsec_…"])] = None
    """The secret that signs a webhook's messages. It is only in the response that adds the webhook."""


class EventOutput(Output):
    """An incident."""

    id: IdOutput


class ComponentEventsOutput(Output):
    """A component's incidents."""

    component_id: IdOutput
    incidents: list[EventOutput]


class _Range(Output):
    range_start: DayOutput
    """The first day counted."""
    range_end: DayOutput
    """The last day counted."""
    uptime_percentage: Annotated[float | None, Field(examples=[99.97])]
    """Null if nothing is known about these days."""
    major_outage: Annotated[int, Field(examples=[120])]
    """Seconds."""
    partial_outage: Annotated[int, Field(examples=[600])]
    """Seconds."""
    warnings: list[str]
    id: IdOutput
    name: str


class UptimeOutput(_Range):
    """A component's uptime."""

    related_events: list[EventOutput]


class GroupUptimeOutput(_Range):
    """A group's uptime; its outages are the sums of its components'."""

    related_events: list[ComponentEventsOutput]


class SubscriberCountsOutput(Output):
    """The number of subscribers, by type."""

    email: int
    sms: int
    webhook: int
    integration_partner: int
    slack: int
    teams: int


class StateCountsOutput(Output):
    """The number of subscribers, by state."""

    active: int
    unconfirmed: int
    quarantined: int
    total: int


class SubscriberHistogramOutput(Output):
    """The number of subscribers, by type and state."""

    email: StateCountsOutput
    sms: StateCountsOutput
    webhook: StateCountsOutput
    integration_partner: StateCountsOutput
    slack: StateCountsOutput
    teams: StateCountsOutput


class RefusedLineOutput(Output):
    """A line of a CSV file that wasn't imported."""

    line: int
    reason: str


class SheetReportOutput(Output):
    """The report of a CSV file's import."""

    dry_run: bool
    counts: dict[str, int]
    kept: dict[str, int]
    new_secrets: int
    refused: list[RefusedLineOutput]


class ArchiveReportOutput(Output):
    """The report of an archive's import."""

    model_config = ConfigDict(extra="allow")

    dry_run: bool
    page: str
    paused: bool
    """Whether sending is paused until you resume it."""
    counts: dict[str, Any]


class SkippedItemOutput(Output):
    """Something that wasn't imported."""

    kind: str
    id: str
    name: str
    reason: str


class ImportReportOutput(Output):
    """What was imported."""

    dry_run: bool
    counts: dict[str, int]
    skipped: list[SkippedItemOutput]


# ── the public read API ──────────────────────────────────────────────────────


class PublicPageOutput(Output):
    """The page."""

    id: IdOutput
    name: str
    url: str
    time_zone: str
    updated_at: InstantOutput


class VerdictOutput(Output):
    """The overall status of the page."""

    indicator: Impacts
    description: Annotated[str, Field(examples=["All Systems Operational"])]


class PublicComponentOutput(Output):
    """A component or a group."""

    id: IdOutput
    name: str
    status: ComponentState
    created_at: InstantOutput
    updated_at: InstantOutput
    position: int
    description: str | None
    showcase: bool
    start_date: DayOutput | None
    group_id: IdOutput | None
    page_id: IdOutput
    group: bool
    """Whether this is a group."""
    only_show_if_degraded: bool
    components: list[IdOutput] = Field(default_factory=list)
    """The ids of a group's components."""


class PublicIncidentOutput(Output):
    """An incident or maintenance with its updates, newest first."""

    id: IdOutput
    name: str
    status: Status
    created_at: InstantOutput
    updated_at: InstantOutput
    monitoring_at: InstantOutput | None
    resolved_at: InstantOutput | None
    impact: Impacts
    shortlink: str
    started_at: InstantOutput
    page_id: IdOutput
    incident_updates: list[PublicIncidentUpdateOutput]
    components: list[PublicComponentOutput]
    scheduled_for: InstantOutput | None = None
    """When a maintenance starts."""
    scheduled_until: InstantOutput | None = None
    """When a maintenance ends."""
    reminder_intervals: str | None = None


class StatusDocument(Output):
    """The overall status."""

    page: PublicPageOutput
    status: VerdictOutput


class SummaryDocument(StatusDocument):
    """The page at a glance: components, open incidents and planned maintenance."""

    components: list[PublicComponentOutput]
    incidents: list[PublicIncidentOutput]
    scheduled_maintenances: list[PublicIncidentOutput]


class ComponentsDocument(Output):
    """Components and groups, by position."""

    page: PublicPageOutput
    components: list[PublicComponentOutput]


class IncidentsDocument(Output):
    """Incidents, the newest first."""

    page: PublicPageOutput
    incidents: list[PublicIncidentOutput]


class MaintenancesDocument(Output):
    """Maintenance."""

    page: PublicPageOutput
    scheduled_maintenances: list[PublicIncidentOutput]


class IncidentDocument(Output):
    """One incident or maintenance."""

    page: PublicPageOutput
    incident: PublicIncidentOutput


class WebhookMetaOutput(Output):
    """About the message."""

    unsubscribe: str
    """The address that unsubscribes."""
    documentation: str
    generated_at: InstantOutput


class WebhookPageOutput(Output):
    """The page and its overall status."""

    id: IdOutput
    status_indicator: Impacts
    status_description: str


class IncidentWebhookOutput(Output):
    """The payload of a webhook when an update is published. It is signed as Standard Webhooks describes."""

    meta: WebhookMetaOutput
    page: WebhookPageOutput
    incident: PublicIncidentOutput


class DraftDocument(Output):
    """An update, or a new incident or maintenance, before it is published."""

    id: IdOutput
    state: Annotated[DraftState, Choice(tuple(DraftState))]
    incident_id: IdOutput | None
    """The incident or maintenance that it continues."""
    kind: Annotated[PostKind, Choice(tuple(PostKind))]
    status: Annotated[PostStatus, Choice(tuple(PostStatus))]
    title: str
    body: str
    """The text, in Markdown."""
    texts: dict[str, DraftTextOutput] = Field(default_factory=dict)
    """The title and the text in other languages, by language code."""
    impact: Impacts | None
    components: dict[str, ComponentState | None]
    """The new status of each component, by its id."""
    promise_minutes: int | None
    next_update_by: InstantOutput | None
    notify: bool
    scheduled_for: InstantOutput | None
    scheduled_until: InstantOutput | None
    auto_start: bool
    auto_end: bool
    severity: Annotated[Severity, Choice(tuple(Severity))] | None
    publish_at: InstantOutput | None
    """When it is published, if it is scheduled."""
    problem: str | None
    """Why it wasn't published at its time."""
    update_id: IdOutput | None
    """The update that was published from it."""
    edited_by: str
    content_hash: str
    """The SHA-256 of what would be published. An approval is bound to it."""
    version: int
    created_at: InstantOutput
    updated_at: InstantOutput
