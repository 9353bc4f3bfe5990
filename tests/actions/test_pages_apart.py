"""Two pages in one installation: no verb that is about one of them touches the other."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Table, select

import app.actions
from app.actions.accounts.accounts import create_account, grant_role, revoke_role
from app.actions.components.components import create_component
from app.actions.components.groups import create_group
from app.actions.deliveries.dispatches import Retry
from app.actions.pages.announcements import create_announcement
from app.actions.pages.pages import create_page
from app.actions.posts.drafts import save_draft
from app.actions.posts.publishing import open_post
from app.actions.posts.templates import TemplateDraft, create_template
from app.actions.subscribers.canaries import add_canary
from app.db import Base, session
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.models.account import Account
from app.models.delivery import Dispatch
from app.models.membership import Membership
from app.settings import Settings
from app.shapes import SYSTEM, Actor, AnnouncementDraft, DraftContent, PostDraft, PostFacts, UpdateDraft
from app.vocabulary import ComponentStatus, PostKind, PostStatus, Role
from tests.factories import ALICE
from tests.pictures import PNG

pytestmark = pytest.mark.database
IDS = {
    "public_id",
    "public_ids",
    "group_public_id",
    "members",
    "components",
    "component_public_ids",
    "post",
    "post_public_id",
    "update_public_id",
    "dispatch_public_id",
    "subscriber_public_id",
}
"""Arguments that name objects of the page."""

PLAIN: dict[str, Any] = {
    "name": "Name",
    "description": "",
    "status": ComponentStatus.OPERATIONAL,
    "facts": None,
    "channel": "email",
    "address": "someone@example.com",
    "is_confirmed": True,
    "label": "Label",
    "body": b"",
    "pinned": True,
    "is_on": True,
    "version": 1,
    "group_public_id": None,
    "components": (),
    "component_public_ids": (),
    "draft": TemplateDraft("Name", "Title", "Body", "investigating"),
    "revert_components": False,
    "text": "theirs",
    "at": datetime(2099, 1, 1, tzinfo=UTC),
    "seen_hash": "0" * 64,
    "retry": Retry(datetime(2099, 1, 1, tzinfo=UTC)),
    "delivery_id": 1,
}
"""What every other required argument is given."""

FITTING: dict[str, dict[str, Any]] = {
    "pages.announcements": {"draft": AnnouncementDraft("Title", "Body")},
    "pages.pages.set_logo": {"body": PNG},
    "posts.correcting": {"body": "Said otherwise."},
    "posts.editing.draft_postmortem": {"body": "What we learned."},
    "posts.editing.edit_post": {"facts": PostFacts(title="Another title")},
    "posts.publishing.open_post": {
        "draft": PostDraft(PostKind.INCIDENT, "Title", PostStatus.INVESTIGATING, "Body", "key-new")
    },
    "posts.publishing.publish_update": {"draft": UpdateDraft(PostStatus.IDENTIFIED, "Body", "key-next", None)},
    "subscribers.managing.add_endpoint": {"channel": "webhook", "address": "https://hooks.example.com/"},
    "posts.drafts.save_draft": {
        "content": DraftContent(kind=PostKind.INCIDENT, status=PostStatus.INVESTIGATING, texts={"en": ("", "")})
    },
}
"""The same for one verb, or for those of one module."""


def _verbs() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public verb about a page: it takes an actor, and a page right after."""
    for found in pkgutil.walk_packages(app.actions.__path__, "app.actions."):
        module = importlib.import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            words = list(inspect.signature(function).parameters)
            if function.__module__ != found.name or name.startswith("_") or found.name == "app.actions.frame":
                continue
            if "actor" in words and words[words.index("actor") + 1 :][:1] == ["page_id"]:
                yield f"{found.name.removeprefix('app.actions.')}.{name}", function


VERBS = dict(_verbs())


def _fill(settings: Settings, page_id: int, word: str) -> list[str]:
    """One of everything on a page; their public ids."""
    canary = add_canary(settings, ALICE, page_id, "email", f"{word}@example.com")
    made = open_post(
        settings, ALICE, page_id, PostDraft(PostKind.INCIDENT, word, PostStatus.INVESTIGATING, word, f"key-{word}")
    )
    return [
        create_component(settings, ALICE, page_id, name=word),
        create_group(settings, ALICE, page_id, name=word),
        create_announcement(settings, ALICE, page_id, AnnouncementDraft(word, word)),
        create_template(settings, ALICE, page_id, TemplateDraft(word, word, word, "investigating")),
        save_draft(settings, ALICE, page_id, FITTING["posts.drafts.save_draft"]["content"]).public_id,
        canary,
        made.post_id,
        made.update_id,
        session().scalars(select(Dispatch.public_id).where(Dispatch.page_id == page_id)).one(),
    ]


@pytest.fixture
def other(app: Flask, settings: Settings, page_id: int) -> int:
    """A second page."""
    return create_page(settings, ALICE, name="Other")


def _rows_of(page_id: int) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a page, as they are now."""
    session().rollback()
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table in Base.metadata.sorted_tables:
        if "page_id" in table.c and isinstance(table, Table):
            rows = session().execute(select(table).where(table.c.page_id == page_id)).all()
            found[table.name] = [tuple(row) for row in rows]
    page = Base.metadata.tables["page"]
    found["page"] = [tuple(row) for row in session().execute(select(page).where(page.c.id == page_id))]
    return found


def _arguments(verb: str, settings: Settings, actor: Actor, page_id: int) -> dict[str, Any]:
    function = VERBS[verb]
    given: dict[str, Any] = {"actor": actor, "page_id": page_id}
    fitting = {**PLAIN, **FITTING.get(verb.rpartition(".")[0], {}), **FITTING.get(verb, {})}
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "settings":
            given[name] = settings
        if name not in given and parameter.default is inspect.Parameter.empty:
            given[name] = fitting.get(name)
            if name in IDS and given[name] is None:
                given[name] = ["nothere"] if name.endswith("s") else "nothere"
    return given


def test_every_verb_refuses_what_belongs_to_another_page(settings: Settings, page_id: int, other: int) -> None:
    theirs = _fill(settings, other, "theirs")
    before = _rows_of(other)
    took = []
    for name, verb in VERBS.items():
        for word in IDS & set(inspect.signature(verb).parameters):
            for public_id in theirs:
                given = _arguments(name, settings, ALICE, page_id)
                given[word] = [public_id] if word.endswith("s") else public_id
                try:
                    verb(**given)
                except (NotFound, Invalid):
                    continue
                took.append(f"{name}: {word}")
        assert _rows_of(other) == before, name
    assert not took


def test_every_verb_takes_a_role_on_its_own_page(settings: Settings, page_id: int, other: int) -> None:
    stranger = Actor("An admin of the other page", None, page_roles={other: Role.ADMIN})
    before = _rows_of(page_id)
    for name, verb in VERBS.items():
        with pytest.raises(NotAllowed, match="no role on"):
            verb(**_arguments(name, settings, stranger, page_id))
        assert _rows_of(page_id) == before, name


def test_a_role_that_was_taken_away_counts_no_more(app: Flask, settings: Settings, page_id: int, other: int) -> None:
    """The actor was read when the request began; what counts is the membership at the time of the change."""
    public_id = create_account(SYSTEM, email="l@example.com", name="Lena", password="correct horse", role="lead",
                               page_id=page_id)  # fmt: skip
    account_id = session().scalars(select(Account.id).where(Account.public_id == public_id)).one()
    lena = Actor("Lena", None, account_id, {page_id: Role.LEAD})
    assert create_component(settings, lena, page_id, name="One")
    with pytest.raises(NotAllowed):
        create_component(settings, lena, other, name="Two")
    revoke_role(SYSTEM, public_id, page_id)
    with pytest.raises(NotAllowed):
        create_component(settings, lena, page_id, name="Three")
    grant_role(SYSTEM, public_id, "viewer")
    with pytest.raises(NotAllowed, match="Your role on Acme Status is Viewer"):
        create_component(settings, lena, page_id, name="Four")
    grant_role(SYSTEM, public_id, "lead", other)
    assert create_component(settings, lena, other, name="Five")


def test_an_admin_of_one_page_gives_no_role_on_others(app: Flask, settings: Settings, page_id: int, other: int) -> None:
    own = Actor("An admin of the other page", None, page_roles={other: Role.ADMIN})
    public_id = create_account(
        own, email="x@example.com", name="X", password="correct horse", role="lead", page_id=other
    )
    for change in (
        lambda: grant_role(own, public_id, "admin"),
        lambda: grant_role(own, public_id, "admin", page_id),
        lambda: create_account(own, email="y@example.com", name="Y", password="correct horse", role="viewer"),
    ):
        with pytest.raises(NotAllowed):
            change()
    memberships = session().execute(select(Membership.page_id, Membership.role)).all()
    assert [tuple(row) for row in memberships] == [(other, Role.LEAD)]


def test_an_admin_of_all_pages_remains(app: Flask, page_id: int) -> None:
    public_id = create_account(SYSTEM, email="a@example.com", name="A", password="correct horse", role="admin")
    create_account(SYSTEM, email="b@example.com", name="B", password="correct horse", role="admin", page_id=page_id)
    for change in (lambda: revoke_role(SYSTEM, public_id), lambda: grant_role(SYSTEM, public_id, "lead")):
        with pytest.raises(Conflict, match="last admin"):
            change()
