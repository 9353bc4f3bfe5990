"""Words prepared in peace: made, changed and taken away in the console, and a form that begins with them."""

import pytest
from sqlalchemy import func, select, update

from app.actions.posts.publishing import open_post
from app.db import session, transaction
from app.models.audit import AuditEntry
from app.models.incident_template import IncidentTemplate
from app.models.post import Post
from app.settings import Settings
from app.vocabulary import ComponentStatus
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component, make_page
from tests.web.console.person import Person, form_of, text_of

pytestmark = pytest.mark.database
LIST, NEW = "/console/default/templates", "/console/default/templates/new"
WORDS = {
    "name": "Network", "title": "Network trouble", "body": "We **look** into it.", "status": "identified",
    "notify": "no",
}  # fmt: skip


def held() -> IncidentTemplate:
    session().rollback()
    return session().scalars(select(IncidentTemplate)).one()


def prepare(person: Person, **typed: str) -> str:
    """Make a template; its public id."""
    made = person.fill(NEW, LIST, {**WORDS, **typed})
    assert (made.status_code, made.location.startswith(LIST)) == (303, True), made.text
    session().rollback()
    return str(session().scalars(select(IncidentTemplate.public_id).order_by(IncidentTemplate.id.desc())).first())


def test_made_changed_and_taken_away(lena: Person, page_id: int) -> None:
    api = make_component(page_id, "API")
    public_id = prepare(lena, components=api)
    assert (held().name, held().status, held().notify, held().component_ids) == ("Network", "identified", False, api)
    assert "Identified: Network trouble" in text_of(lena.open(LIST))
    one = f"{LIST}/{public_id}"
    changed = form_of(lena.open(one), public_id)
    assert changed.fields["components"] == api and changed.fields["body"] == WORDS["body"]
    assert lena.send(changed, {"name": "Backbone", "components": []}).status_code == 303
    assert (held().name, held().title, held().component_ids) == ("Backbone", "Network trouble", "")
    assert lena.fill(one, "/delete", {}).status_code == 303
    assert "There are none yet." in text_of(lena.open(LIST))
    lena.open(one, 404)
    session().rollback()
    verbs = session().scalars(select(AuditEntry.verb).where(AuditEntry.noun == "template").order_by(AuditEntry.id))
    assert verbs.all() == ["create", "edit", "delete"]


def test_what_is_wrong_is_said_beside_it_and_nothing_is_lost(lena: Person, page_id: int) -> None:
    refused = lena.fill(NEW, LIST, {**WORDS, "name": "\u200b", "title": "", "status": "postmortem"})
    assert refused.status_code == 422
    said = text_of(refused.text)
    assert "The name is empty" in said and "The title is empty" in said and "Choose a status." in said
    assert WORDS["body"] in refused.text
    assert lena.fill(NEW, LIST, {**WORDS, "components": "nothere00000"}).status_code == 422
    assert session().scalar(select(func.count(IncidentTemplate.id))) == 0


def test_a_post_begins_with_it_and_is_published(lena: Person, page_id: int) -> None:
    api = make_component(page_id, "API", ComponentStatus.DEGRADED_PERFORMANCE)
    make_component(page_id, "Website")
    public_id = prepare(lena, components=api)
    assert f'value="{public_id}"' in lena.open("/console/default/posts/new"), "it is offered"
    assert "f-template" not in lena.open("/console/default/posts/new?kind=maintenance"), "its status is an incident's"
    form = form_of(
        lena.open(f"/console/default/posts/new?kind=incident&template={public_id}"), "/console/default/posts"
    )
    assert (form.fields["title"], form.fields["body"]) == (WORDS["title"], WORDS["body"])
    assert (form.fields["status"], form.fields["notify"]) == ("identified", "no")
    assert form.fields[f"effect-{api}"] == "degraded_performance", "it is named as it is"
    assert lena.send(form, {}).status_code == 303
    session().rollback()
    post = session().scalars(select(Post)).one()
    assert (post.title, post.status) == ("Network trouble", "identified")


def test_planned_work_begins_with_its_own(lena: Person, page_id: int) -> None:
    public_id = prepare(lena, status="scheduled")
    assert "f-template" not in lena.open("/console/default/posts/new")
    shown = lena.open(f"/console/default/posts/new?template={public_id}")
    form = form_of(shown, "/console/default/posts")
    assert (form.fields["kind"], form.fields["status"]) == ("maintenance", "scheduled")
    assert "Plan maintenance" in text_of(shown)


def test_an_update_begins_with_it_and_keeps_its_place(lena: Person, settings: Settings, page_id: int) -> None:
    made = open_post(settings, LENA, page_id, draft())
    public_id = prepare(lena)
    path = f"/console/default/posts/{made.post_id}"
    form = form_of(lena.open(f"{path}?template={public_id}"), "/updates")
    assert (form.fields["body"], form.fields["status"]) == (WORDS["body"], "identified")
    assert lena.send(form, {}).status_code == 303
    assert WORDS["title"] not in lena.open(path), "a post keeps its title"
    planned = prepare(lena, status="scheduled", name="Planned")
    assert planned not in lena.open(path)
    assert form_of(lena.open(f"{path}?template={planned}"), "/updates").fields["status"] == "identified"


def test_another_pages_template_is_not_there(lena: Person, page_id: int) -> None:
    public_id = prepare(lena)
    other = make_page("Other", slug="other")
    with transaction() as writing:
        writing.execute(update(IncidentTemplate).values(page_id=other))
    for path in (f"{LIST}/{public_id}", f"/console/default/posts/new?template={public_id}"):
        lena.open(path, 404)
    assert public_id not in lena.open("/console/default/posts/new")


def test_who_may_not_publish_does_not_prepare(vera: Person, page_id: int) -> None:
    for path in (LIST, NEW):
        assert vera.client.get(path).status_code == 403
