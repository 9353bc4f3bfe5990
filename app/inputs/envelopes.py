"""The objects that the Manage API sends inputs in, such as `{"incident": {…}}`."""

from pydantic import Field

from app.inputs.base import Input
from app.inputs.components import ComponentChangeInput, ComponentInput, GroupChange, GroupInput
from app.inputs.fields import Description
from app.inputs.pages import PageChange
from app.inputs.posts import PostChange, PostInput, PostmortemDraft, PostmortemPublication, Redaction, UpdateCorrection
from app.inputs.subscribers import PersonInput, SubscriberInput
from app.inputs.templates import TemplateInput


class PageBody(Input):
    """A page's settings."""

    page: PageChange


class ComponentBody(Input):
    """A component to add."""

    component: ComponentInput


class ComponentChangeBody(Input):
    """Changes to a component."""

    component: ComponentChangeInput


class GroupBody(Input):
    """A group to create."""

    component_group: GroupInput
    description: Description | None = None
    """Takes precedence over the one in the group: Statuspage has it here."""


class GroupChangeBody(Input):
    """Changes to a group."""

    component_group: GroupChange
    description: Description | None = None
    """Takes precedence over the one in the group: Statuspage has it here."""


class IncidentBody(Input):
    """An incident or maintenance to open."""

    incident: PostInput


class IncidentChangeBody(Input):
    """Changes to an incident or maintenance."""

    incident: PostChange


class UpdateBody(Input):
    """A correction of an update."""

    incident_update: UpdateCorrection


class RedactionBody(Input):
    """A text to remove."""

    redaction: Redaction


class PostmortemBody(Input):
    """A post-mortem's draft."""

    postmortem: PostmortemDraft


class PublicationBody(Input):
    """How a post-mortem is published."""

    postmortem: PostmortemPublication = Field(default_factory=PostmortemPublication)


class TemplateBody(Input):
    """A template to save."""

    template: TemplateInput


class SubscriberBody(Input):
    """A subscriber to add."""

    subscriber: SubscriberInput


class FollowerBody(Input):
    """A subscriber to add to an incident."""

    subscriber: PersonInput
