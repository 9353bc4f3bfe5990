"""A page that nothing new could be written to says so, to readers without a script too; and stops when it can again."""

import gzip
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from werkzeug.test import Client

from app import clock
from app.actions.posts.publishing import open_post
from app.publish.refresh import refresh
from app.settings import Settings
from tests.deliver.conftest import draft
from tests.factories import LENA
from tests.judge import judge

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def notice(reader: Client, address: str = "/", coding: str = "") -> str:
    """What a reader without a script sees of the notice: nothing while it is hidden."""
    answer = reader.get(address, headers={"Accept-Encoding": coding})
    body = gzip.decompress(answer.data) if coding == "gzip" else answer.data
    found = judge(body.decode()).find(".//*[@id='stale']")
    assert found is not None
    return "" if "hidden" in found.attrib else " ".join("".join(found.itertext()).split())


@pytest.mark.parametrize("address", ["/", "/history", "/incidents/{post}", "/de", "/ar/history"])
def test_five_minutes_without_a_render_are_told(
    app: Flask, settings: Settings, page_id: int, reader: Client, address: str
) -> None:
    with clock.frozen(NOON):
        address = address.format(post=open_post(settings, LENA, page_id, draft()).post_id)
        fresh = reader.get(address).headers["ETag"]
    with clock.frozen(NOON + timedelta(minutes=5)):
        assert notice(reader, address) == ""
    with clock.frozen(NOON + timedelta(minutes=5, seconds=1)):
        assert notice(reader, address)
        assert notice(reader, address, "gzip") == notice(reader, address)
        assert reader.get(address, headers={"If-None-Match": fresh}).status_code == 200
        refresh(settings, page_id)
        assert notice(reader, address) == ""


def test_documents_for_machines_stay_as_they_are(app: Flask, settings: Settings, page_id: int, reader: Client) -> None:
    with clock.frozen(NOON):
        refresh(settings, page_id)
        fresh = {address: reader.get(address).data for address in ("/api/v2/summary.json", "/history.atom")}
    with clock.frozen(NOON + timedelta(hours=1)):
        assert {address: reader.get(address).data for address in fresh} == fresh
