"""Templates of incidents, as people and programs send them."""

from typing import Annotated

from pydantic import Field

from app.inputs.base import Input
from app.inputs.fields import POST_CHOICES, BodyText, Choice, Flag, Ids, Name, PostTexts, Title
from app.vocabulary import PostStatus


class TemplateInput(Input):
    """A template for a new incident or maintenance."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"name": "Network", "title": "Network trouble", "body": "We are investigating."}]
        }
    }

    name: Name
    """The template's name in lists."""
    title: Title
    """The title to start with."""
    body: BodyText
    """The text to start with, in Markdown."""
    texts: PostTexts | None = None
    """The title and text in other languages."""
    status: Annotated[PostStatus, Choice(POST_CHOICES, "Choose a status.")] = Field(
        PostStatus.INVESTIGATING, alias="update_status"
    )
    """The status to start with."""
    notify: Flag = Field(True, alias="should_send_notifications")
    """Whether subscribers are notified, unless the author changes it."""
    component_ids: Ids = ()
    """The ids of the affected components."""
