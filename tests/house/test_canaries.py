"""The public side never shows the internal side: canary strings are searched in every artifact and every message."""

from pathlib import Path

import brotli
import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.incidents import add_record_link, add_timeline_entry, declare_incident, set_role
from app.actions.posts.publishing import open_post, publish_update
from app.channels.registry import all_channels
from app.db import session, transaction
from app.models.component import Component
from app.models.incident import Incident
from app.settings import Settings
from app.shapes import Actor, ComponentEffect, RecordLinkDraft, UpdateDraft
from app.vocabulary import ComponentStatus, IncidentRoleName, PostStatus, Role, Severity
from app.worker.loop import drain
from tests.deliver.conftest import draft, edge  # noqa: F401 - a fixture
from tests.deliver.fakes import Edge
from tests.factories import make_component, make_subscriber
from tests.web.people import make_account

pytestmark = pytest.mark.database
CANARY = "zqcanary"


def canaried(app: Flask, settings: Settings, page_id: int) -> None:
    """A post with updates, whose incident is full of canaries: actor, links, timeline, roles, hidden component."""
    author = Actor(f"{CANARY} Lead", Role.LEAD)
    api, hidden = make_component(page_id, "API"), make_component(page_id, f"{CANARY} bastion", visible=False)
    link = RecordLinkDraft(f"{CANARY.upper()}-17", f"https://{CANARY}.atlassian.net/browse/{CANARY.upper()}-17")
    effects = tuple(ComponentEffect(c, ComponentStatus.PARTIAL_OUTAGE) for c in (api, hidden))
    made = open_post(
        settings, author, page_id,
        draft("key-00000001", effects=effects, severity=Severity.P0, record_links=(link,)),
    )  # fmt: skip
    incident = session().scalars(select(Incident.public_id)).one()
    session().rollback()
    add_record_link(author, incident, RecordLinkDraft("77", f"https://github.com/{CANARY}/x/issues/77"))
    add_timeline_entry(author, incident, f"{CANARY} rolled back the database")
    set_role(author, incident, IncidentRoleName.INCIDENT_COMMANDER, person=f"{CANARY} Commander")
    commander = make_account(Role.RESPONDER, name=f"{CANARY} Deputy")
    set_role(author, incident, IncidentRoleName.DEPUTY_INCIDENT_COMMANDER, account_id=commander)
    with transaction() as writing:
        writing.scalars(select(Incident)).one().title = f"{CANARY} internal title"
    declared = declare_incident(author, title=f"{CANARY} declared title", severity=Severity.P1)
    open_post(settings, author, page_id, draft("key-00000003", notify=False, incident=declared))
    declare_incident(author, title=f"{CANARY} title that nothing speaks for", severity=Severity.P2)
    publish_update(
        settings, author, page_id, made.post_id,
        UpdateDraft(PostStatus.RESOLVED, "It is over.", "key-00000002", version=1),
    )  # fmt: skip
    ids = session().scalars(select(Incident.public_id)).all()
    app.config["CANARIES"] = (CANARY, *ids)


def everything_public(settings: Settings) -> dict[str, str]:
    found = {}
    for path in sorted(settings.public_root.rglob("*")):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        if path.suffix == ".br":
            raw = brotli.decompress(raw)
        elif path.suffix == ".gz":
            import gzip

            raw = gzip.decompress(raw)
        found[str(path.relative_to(settings.public_root))] = raw.decode("utf-8", "replace")
    return found


def test_no_artifact_and_no_message_holds_a_canary(
    app: Flask,
    settings: Settings,
    page_id: int,
    edge: Edge,  # noqa: F811 - the fixture
) -> None:
    channels = [one.name for one in all_channels()]
    for index, name in enumerate(channels):
        make_subscriber(page_id, f"address-{index}", channel=name)
    canaried(app, settings, page_id)
    drain(settings)

    artifacts = everything_public(settings)
    assert any("Slow answers" in text for text in artifacts.values())
    assert len(edge.sent) == 2 * len(channels)
    messages = {f"message {index}": repr(letter) for index, (_, letter) in enumerate(edge.sent)}
    for name, text in {**artifacts, **messages}.items():
        for canary in app.config["CANARIES"]:
            assert canary not in text.lower(), f"{name} holds {canary}"
    assert Path(settings.public_root).is_dir()
    assert session().scalars(select(Component.visible)).all().count(False) == 1
