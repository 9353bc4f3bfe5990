"""Announcements, as people and programs send them."""

from app.inputs.base import Input
from app.inputs.fields import BodyText, Flag, Instant, PostTexts, Title
from app.shapes import AnnouncementDraft


class AnnouncementInput(Input):
    """Something that a page says without an incident."""

    model_config = {"json_schema_extra": {"examples": [{"title": "New status page", "body": "We moved."}]}}

    title: Title
    """The title."""
    body: BodyText
    """The text, in Markdown."""
    texts: PostTexts | None = None
    """The title and text in other languages. Default: readers get the page's own language."""
    starts_at: Instant | None = None
    """When it is shown first; now when it is left out."""
    ends_at: Instant | None = None
    """When it ends. Default: when you end it."""
    acknowledged: Flag = False
    """Whether a text that looks as if it held something internal is meant to be published."""

    def draft(self) -> AnnouncementDraft:
        """The announcement for the action."""
        return AnnouncementDraft(
            title=self.title,
            body=self.body,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            acknowledged=self.acknowledged,
            texts=self.texts,
        )
