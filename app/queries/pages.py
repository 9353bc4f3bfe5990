"""Pages as everything around them needs them: which there are, and what each is called."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.page import Page


@dataclass(frozen=True, slots=True)
class PageFacts:
    """One page; `slug` names it in the console's addresses, `url` is where readers find it."""

    id: int
    name: str
    url: str
    zone: ZoneInfo
    locale: str
    slug: str
    revision: int


def all_pages(session: Session) -> tuple[PageFacts, ...]:
    """Every page, the default one first.  One query."""
    rows = session.execute(
        select(Page.id, Page.name, Page.url, Page.time_zone, Page.locale, Page.slug, Page.revision).order_by(Page.id)
    )
    return tuple(
        PageFacts(
            id=row.id,
            name=row.name,
            url=row.url,
            zone=ZoneInfo(row.time_zone),
            locale=row.locale,
            slug=row.slug,
            revision=row.revision,
        )
        for row in rows
    )
