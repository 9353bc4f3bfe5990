"""Templates for posts."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.models.incident_template import IncidentTemplate
from app.vocabulary import PostStatus


@dataclass(frozen=True, slots=True)
class Template:
    """One template; `components` are public ids."""

    public_id: str
    name: str
    title: str
    body: str
    status: PostStatus
    notify: bool
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """A template as it is offered by its name, without its words."""

    public_id: str
    name: str


def templates(session: Session, page_id: int) -> tuple[Template, ...]:
    """The page's templates, by name.  One query."""
    found = session.scalars(
        select(IncidentTemplate)
        .where(IncidentTemplate.page_id == page_id)
        .order_by(IncidentTemplate.name, IncidentTemplate.id)
    )
    return tuple(_row(row) for row in found)


def offered(session: Session, page_id: int, statuses: Collection[PostStatus]) -> tuple[Offered, ...]:
    """The page's templates for posts of these statuses, by name.  One query."""
    found = session.execute(
        select(IncidentTemplate.public_id, IncidentTemplate.name)
        .where(IncidentTemplate.page_id == page_id, IncidentTemplate.status.in_(statuses))
        .order_by(IncidentTemplate.name, IncidentTemplate.id)
    )
    return tuple(Offered(*row) for row in found)


def find(session: Session, page_id: int, public_id: str) -> Template:
    """One template.

    Raises:
        NotFound: this page doesn't have that template.
    """
    found = session.scalar(
        select(IncidentTemplate).where(IncidentTemplate.page_id == page_id, IncidentTemplate.public_id == public_id)
    )
    if found is None:
        raise NotFound("Template not found.")
    return _row(found)


def _row(found: IncidentTemplate) -> Template:
    return Template(
        found.public_id, found.name, found.title, found.body, PostStatus(found.status), found.notify,
        tuple(name for name in found.component_ids.split(",") if name),
    )  # fmt: skip
