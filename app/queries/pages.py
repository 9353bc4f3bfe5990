"""Pages: which there are, and their names."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.guard.contrast import readable_on
from app.models.page import Page, PageLogo
from app.publish.theme import DARK_PAPER, LIGHT_PAPER
from app.vocabulary import Language


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


@dataclass(frozen=True, slots=True)
class Shade:
    """The page's color as it is read on one paper."""

    paper: str
    color: str


@dataclass(frozen=True, slots=True)
class Branding:
    """The languages offered, the color ("" for the house's own), since when there is a logo, and who mail is from, ""
    for MAIL_FROM; whether what is published waits for the hold.
    """

    languages: tuple[Language, ...]
    accent: str
    logo_since: datetime | None
    mail_from: str
    waits_for_hold: bool

    @property
    def shades(self) -> tuple[Shade, ...]:
        """The color in the light and in the dark design; none for the house's own."""
        papers = (LIGHT_PAPER, DARK_PAPER) if self.accent else ()
        return tuple(Shade(paper, readable_on(self.accent, paper)) for paper in papers)


def branding(session: Session, page_id: int) -> Branding:
    """A page's look, without its logo's bytes.  One query.  `page_id` is one that there is."""
    row = session.execute(
        select(Page.languages, Page.accent, PageLogo.updated_at, Page.mail_from, Page.waits_for_hold)
        .outerjoin(PageLogo, PageLogo.page_id == Page.id)
        .where(Page.id == page_id)
    ).one()
    offered = set(row[0].split(","))
    return Branding(
        languages=tuple(language for language in Language if language in offered),
        accent=row.accent,
        logo_since=row.updated_at,
        mail_from=row.mail_from,
        waits_for_hold=row.waits_for_hold,
    )


def logo(session: Session, page_id: int) -> tuple[bytes, str]:
    """A page's logo and its media type.  One query.

    Raises:
        NotFound: the page has none.
    """
    found = session.get(PageLogo, page_id)
    if found is None:
        raise NotFound("The page has no logo.")
    return found.body, found.content_type
