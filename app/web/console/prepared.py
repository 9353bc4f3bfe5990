"""The form of a template, as typed; and a template's words in the publishing form."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from werkzeug.datastructures import MultiDict

from app.actions.posts.templates import TemplateDraft
from app.inputs.base import from_form
from app.inputs.templates import TemplateInput
from app.queries.templates import Template
from app.text import clean
from app.vocabulary import POST_STATUSES, PostKind, PostStatus
from app.web.console.typed import Typed


@dataclass(frozen=True, slots=True)
class TypedTemplate:
    """The form, exactly as typed."""

    name: str = ""
    title: str = ""
    body: str = ""
    status: str = PostStatus.INVESTIGATING
    notify: bool = True
    components: tuple[str, ...] = ()


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
        Invalid: with a sentence for every invalid field.
    """
    sent = {**asdict(typed), "component_ids": typed.components}
    given = from_form(TemplateInput, sent)
    return TemplateDraft(
        name=given.name,
        title=given.title,
        body=given.body,
        status=given.status,
        notify=given.notify,
        component_ids=given.component_ids,
    )
