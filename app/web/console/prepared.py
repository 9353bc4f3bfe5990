"""Words prepared for posts: read-models of the templates' screens, and their form as typed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.actions.incident_templates import NAME_LIMIT, STATUSES, TemplateDraft
from app.errors import NotFound
from app.models.incident_template import IncidentTemplate
from app.text import BODY_LIMIT, TITLE_LIMIT, clean, clean_field
from app.vocabulary import POST_STATUSES, PostKind, PostStatus
from app.web.console.forms import Reader
from app.web.console.typed import Typed


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


@dataclass(frozen=True, slots=True)
class TypedTemplate:
    """The form, exactly as typed."""

    name: str = ""
    title: str = ""
    body: str = ""
    status: str = PostStatus.INVESTIGATING
    notify: bool = True
    components: tuple[str, ...] = ()


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
        NotFound: the page has no such template.
    """
    found = session.scalar(
        select(IncidentTemplate).where(IncidentTemplate.page_id == page_id, IncidentTemplate.public_id == public_id)
    )
    if found is None:
        raise NotFound("There is no such template.")
    return _row(found)


def filled(typed: Typed, template: Template, statuses: Mapping[str, str]) -> Typed:
    """An empty publishing form with a template's words in it.

    `statuses` are those of the page's components now, by public id: each component of the template is chosen as it is.
    """
    effects = {name: statuses[name] for name in template.components if name in statuses}
    return replace(
        typed, title=template.title, body=template.body, notify=template.notify,
        status=template.status if template.status in POST_STATUSES[PostKind(typed.kind)] else typed.status,
        effects={**typed.effects, **effects},
    )  # fmt: skip


def typed_as_it_stands(template: Template) -> TypedTemplate:
    """The form for a template, before anybody types."""
    return TypedTemplate(
        template.name, template.title, template.body, template.status, template.notify, template.components
    )


def read_typed(form: MultiDict[str, str]) -> TypedTemplate:
    """Everything the form sent.  Never fails."""
    lines = {name: clean(form.get(name, "")) for name in ("name", "title", "status")}
    return TypedTemplate(
        **lines,
        body=clean(form.get("body", ""), multiline=True),
        notify=form.get("notify", "") != "no",
        components=tuple(clean(value) for value in form.getlist("components")),
    )


def draft_of(typed: TypedTemplate) -> TemplateDraft:
    """The draft for an action.

    Raises:
        Invalid: with a sentence for every field that can not be taken.
    """
    reader = Reader()
    draft = TemplateDraft(
        name=reader.read(lambda: clean_field(typed.name, name="name", label="The name", limit=NAME_LIMIT)),
        title=reader.read(lambda: clean_field(typed.title, name="title", label="The title", limit=TITLE_LIMIT)),
        body=reader.read(
            lambda: clean_field(typed.body, name="body", label="The text", limit=BODY_LIMIT, multiline=True)
        ),
        status=typed.status,
        notify=typed.notify,
        component_ids=typed.components,
    )
    if typed.status not in STATUSES:
        reader.wrong["status"] = "Choose a status."
    reader.finish()
    return draft


def _row(found: IncidentTemplate) -> Template:
    return Template(
        found.public_id, found.name, found.title, found.body, PostStatus(found.status), found.notify,
        tuple(name for name in found.component_ids.split(",") if name),
    )  # fmt: skip
