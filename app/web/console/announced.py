"""The form of an announcement, as typed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from zoneinfo import ZoneInfo

from app.inputs.announcements import AnnouncementInput
from app.inputs.base import from_form
from app.queries.announcements import AnnouncementRow
from app.shapes import AnnouncementDraft
from app.text import clean
from app.web.console import times


@dataclass(frozen=True, slots=True)
class TypedAnnouncement:
    """The form, exactly as typed.  Times are as a datetime-local field holds them, in the page's zone."""

    title: str = ""
    body: str = ""
    starts_at: str = ""
    ends_at: str = ""
    version: str = ""
    acknowledged: bool = False


def typed_as_it_stands(row: AnnouncementRow, zone: ZoneInfo) -> TypedAnnouncement:
    """The form for an announcement, before anybody types."""
    ends_at = times.field_value(row.ends_at, zone) if row.ends_at else ""
    return TypedAnnouncement(
        row.title, row.body, times.field_value(row.starts_at, zone), ends_at, version=str(row.version)
    )


def read_typed(form: Mapping[str, str]) -> TypedAnnouncement:
    """Everything the form sent.  Never fails."""
    lines = {name: clean(form.get(name, "")) for name in ("title", "starts_at", "ends_at", "version")}
    body = clean(form.get("body", ""), multiline=True)
    return TypedAnnouncement(**lines, body=body, acknowledged=form.get("acknowledged") == "yes")


def with_version(typed: TypedAnnouncement, version: int) -> TypedAnnouncement:
    """The same form for the current version, after the author has seen both texts."""
    return replace(typed, version=str(version))


def draft_of(typed: TypedAnnouncement, zone: ZoneInfo, stands: AnnouncementRow | None = None) -> AnnouncementDraft:
    """The draft for an action.  A time left as it `stands` keeps its seconds, which a form doesn't show.

    Raises:
        Invalid: with a sentence for every invalid field.
    """
    sent: dict[str, object] = asdict(typed)
    for name in ("starts_at", "ends_at"):
        stood = getattr(stands, name, None)
        if stood is not None and sent[name] == times.field_value(stood, zone):
            sent[name] = stood
    return from_form(AnnouncementInput, sent, zone=zone).draft()
