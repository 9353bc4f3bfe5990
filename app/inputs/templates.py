"""Templates of incidents, as people and programs send them."""

from typing import Annotated

from pydantic import Field

from app.inputs.base import Input
from app.inputs.fields import POST_CHOICES, BodyText, Choice, Flag, Ids, Name, Title
from app.vocabulary import PostStatus


class TemplateInput(Input):
    """Words to begin an incident or a maintenance with."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"name": "Network", "title": "Network trouble", "body": "We are investigating."}]
        }
    }

    name: Name
    """What the template is called in lists."""
    title: Title
    """The title that it begins with."""
    body: BodyText
    """The text that it begins with, in Markdown."""
    status: Annotated[PostStatus, Choice(POST_CHOICES, "Choose a status.")] = Field(
        PostStatus.INVESTIGATING, alias="update_status"
    )
    """The status that it begins with."""
    notify: Flag = Field(True, alias="should_send_notifications")
    """Whether subscribers are notified, unless the author decides otherwise."""
    component_ids: Ids = ()
    """The components that it is about, by their ids."""
