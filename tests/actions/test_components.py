"""Components and groups: what each verb changes, what it writes down, and what it refuses."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from app.actions.components import components as actions
from app.actions.components import groups
from app.db import session
from app.errors import Conflict, Invalid, NotFound
from app.models.audit import AuditEntry
from app.models.component import Component, ComponentChange, ComponentGroup
from app.models.page import Page
from app.settings import Settings
from app.vocabulary import ComponentStatus
from tests.factories import LENA, RAVI, make_component, make_page

pytestmark = pytest.mark.database


def revision(page_id: int) -> int:
    session().rollback()
    return session().scalar(select(Page.revision).where(Page.id == page_id)) or 0


def names_in_order(page_id: int) -> list[str]:
    session().rollback()
    live = select(Component.name).where(Component.page_id == page_id, Component.archived_at.is_(None))
    return list(session().scalars(live.order_by(Component.position, Component.id)))


def changes(public_id: str) -> list[tuple[str, str, str, str]]:
    rows = session().execute(
        select(ComponentChange.from_status, ComponentChange.to_status, ComponentChange.by_kind, ComponentChange.by_ref)
        .join(Component)
        .where(Component.public_id == public_id)
        .order_by(ComponentChange.id)
    )
    return [tuple(row) for row in rows]


def audit_lines() -> list[tuple[str, str]]:
    return [tuple(row) for row in session().execute(select(AuditEntry.verb, AuditEntry.noun).order_by(AuditEntry.id))]


def test_components_are_made_one_after_another(settings: Settings, page_id: int) -> None:
    for name in ("Website", "API", "Sign-in"):
        actions.create_component(settings, LENA, page_id, name=name)
    assert names_in_order(page_id) == ["Website", "API", "Sign-in"]
    assert audit_lines() == [("create", "component")] * 3


def test_a_component_made_in_trouble_has_that_change_on_record(settings: Settings, page_id: int) -> None:
    public_id = actions.create_component(settings, LENA, page_id, name="API", status="partial_outage")
    assert changes(public_id) == [("operational", "partial_outage", "person", LENA.name)]


def test_setting_a_status_writes_who_did_it_once(settings: Settings, page_id: int) -> None:
    public_id = make_component(page_id)
    before = revision(page_id)
    actions.set_component_status(settings, RAVI, page_id, public_id, ComponentStatus.MAJOR_OUTAGE)
    actions.set_component_status(settings, RAVI, page_id, public_id, ComponentStatus.MAJOR_OUTAGE)
    assert changes(public_id) == [("operational", "major_outage", "person", RAVI.name)]
    assert revision(page_id) == before + 1
    assert audit_lines() == [("set status", "component")]


def test_every_public_change_raises_the_revision(settings: Settings, page_id: int) -> None:
    public_id, other = make_component(page_id), make_component(page_id, "Website", position=1)
    verbs: list[Callable[[], object]] = [
        lambda: actions.create_component(settings, LENA, page_id, name="New"),
        lambda: actions.edit_component(
            settings, LENA, page_id, public_id, name="Core API", description="", group_public_id=None, visible=False
        ),
        lambda: actions.order_components(settings, LENA, page_id, [other, public_id]),
        lambda: groups.create_group(settings, LENA, page_id, name="Core"),
        lambda: actions.archive_component(settings, LENA, page_id, public_id),
    ]
    for verb in verbs:
        before = revision(page_id)
        verb()
        assert revision(page_id) == before + 1


def test_order_names_the_first_and_keeps_the_rest(settings: Settings, page_id: int) -> None:
    ids = {name: make_component(page_id, name, position=at) for at, name in enumerate("ABCD")}
    actions.order_components(settings, LENA, page_id, [ids["D"], ids["B"]])
    assert names_in_order(page_id) == ["D", "B", "A", "C"]


def test_order_refuses_strangers_and_doubles(settings: Settings, page_id: int) -> None:
    ours = make_component(page_id)
    theirs = make_component(make_page("Other", slug="other"))
    with pytest.raises(NotFound):
        actions.order_components(settings, LENA, page_id, [ours, theirs])
    with pytest.raises(Invalid):
        actions.order_components(settings, LENA, page_id, [ours, ours])


def test_a_name_is_taken_once_in_a_group_but_free_in_another(settings: Settings, page_id: int) -> None:
    group = groups.create_group(settings, LENA, page_id, name="Europe")
    actions.create_component(settings, LENA, page_id, name="API")
    with pytest.raises(Conflict, match="“api”"):
        actions.create_component(settings, LENA, page_id, name=" api ")
    actions.create_component(settings, LENA, page_id, name="API", group_public_id=group)
    with pytest.raises(Conflict):
        groups.create_group(settings, LENA, page_id, name="EUROPE")


def test_an_archived_name_is_free_again_and_its_history_stays(settings: Settings, page_id: int) -> None:
    public_id = actions.create_component(settings, LENA, page_id, name="API", status="degraded_performance")
    actions.archive_component(settings, LENA, page_id, public_id)
    actions.create_component(settings, LENA, page_id, name="API")
    assert names_in_order(page_id) == ["API"]
    assert len(changes(public_id)) == 1
    with pytest.raises(NotFound):
        actions.archive_component(settings, LENA, page_id, public_id)


@pytest.mark.parametrize("name", ["", "   ", "\x00\u202e", "x" * 101, "y" * 100_000])
def test_names_that_are_none_are_refused_beside_the_field(settings: Settings, page_id: int, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        actions.create_component(settings, LENA, page_id, name=name)
    assert "name" in caught.value.fields
    assert session().scalar(select(func.count(Component.id))) == 0


def test_names_are_cleaned(settings: Settings, page_id: int) -> None:
    actions.create_component(settings, LENA, page_id, name="  A\x07PI\u202e \n core ")
    assert names_in_order(page_id) == ["API core"]


@pytest.mark.parametrize("status", ["", "down", "OPERATIONAL"])
def test_a_status_that_is_none_is_refused(settings: Settings, page_id: int, status: str) -> None:
    with pytest.raises(Invalid) as caught:
        actions.create_component(settings, LENA, page_id, name="API", status=status)
    assert "status" in caught.value.fields


def test_what_is_not_there_is_not_found(settings: Settings, page_id: int) -> None:
    for verb in (
        lambda: actions.set_component_status(settings, LENA, page_id, "nothere", ComponentStatus.OPERATIONAL),
        lambda: actions.archive_component(settings, LENA, page_id, "nothere"),
        lambda: actions.create_component(settings, LENA, page_id, name="API", group_public_id="nothere"),
        lambda: actions.create_component(settings, LENA, page_id + 99, name="API"),
        lambda: groups.edit_group(settings, LENA, page_id, "nothere", name="Name"),
        lambda: groups.delete_group(settings, LENA, page_id, "nothere"),
    ):
        with pytest.raises(NotFound):
            verb()


def test_a_group_of_another_page_is_not_found(settings: Settings, page_id: int) -> None:
    other = groups.create_group(settings, LENA, make_page("Other", slug="other"), name="Theirs")
    with pytest.raises(NotFound):
        actions.create_component(settings, LENA, page_id, name="API", group_public_id=other)


def test_a_group_goes_only_when_it_is_empty(settings: Settings, page_id: int) -> None:
    group = groups.create_group(settings, LENA, page_id, name="Europe")
    public_id = actions.create_component(settings, LENA, page_id, name="API", group_public_id=group)
    with pytest.raises(Conflict):
        groups.delete_group(settings, LENA, page_id, group)
    actions.archive_component(settings, LENA, page_id, public_id)
    groups.delete_group(settings, LENA, page_id, group)
    assert session().scalar(select(func.count(ComponentGroup.id))) == 0


def test_groups_are_renamed_and_ordered(settings: Settings, page_id: int) -> None:
    first = groups.create_group(settings, LENA, page_id, name="Europe")
    second = groups.create_group(settings, LENA, page_id, name="Asia")
    groups.edit_group(settings, LENA, page_id, second, name="Asia and Pacific")
    groups.order_groups(settings, LENA, page_id, [second, first])
    found = session().scalars(select(ComponentGroup.name).order_by(ComponentGroup.position))
    assert list(found) == ["Asia and Pacific", "Europe"]
