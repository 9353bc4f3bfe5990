"""`Idempotency-Key`: the same request again is answered and not done again; another under its key is refused."""

from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.db import session, transaction
from app.models.post import Post, Update
from tests.factories import make_component
from tests.web.api.conftest import Script

pytestmark = pytest.mark.database
KEY = {"Idempotency-Key": "deploy-4711"}
FIRST = {"name": "Slow", "body": "We look."}
WINDOW = {"scheduled_for": "2099-03-21T12:00:00Z", "scheduled_until": "2099-03-21T14:00:00Z"}


def count(table: type) -> int:
    session().rollback()
    return session().scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize(
    "other",
    [{"name": "Fast"}, {"body": "No."}, {"deliver_notifications": False}, {"status": "identified"}, WINDOW,
     {"metadata": {"a": {"b": 1}}}, {"impact_override": "major"}],
    ids=str,
)  # fmt: skip
def test_another_post_under_the_same_key_is_refused(script: Script, page_id: int, other: dict[str, Any]) -> None:
    made = script.send("POST", "/incidents", {"incident": FIRST}, headers=KEY)
    assert script.send("POST", "/incidents", {"incident": FIRST}, headers=KEY)["id"] == made["id"]
    status, sentence = script.refused("POST", "/incidents", {"incident": {**FIRST, **other}}, headers=KEY)
    assert (status, "already used for different content" in sentence) == (409, True)
    assert (count(Post), count(Update)) == (1, 1)


def test_another_window_under_the_same_key_is_refused(script: Script, page_id: int) -> None:
    script.send("POST", "/incidents", {"incident": {**FIRST, **WINDOW}}, headers=KEY)
    moved = {**FIRST, **WINDOW, "scheduled_until": "2099-03-21T15:00:00Z"}
    assert script.refused("POST", "/incidents", {"incident": moved}, headers=KEY)[0] == 409


def test_another_update_under_the_same_key_is_refused(script: Script, page_id: int) -> None:
    api = make_component(page_id)
    one = f"/incidents/{script.send('POST', '/incidents', {'incident': FIRST})['id']}"
    said = {"incident": {"body": "one"}}
    script.send("PATCH", one, said, headers=KEY)
    for other in (
        {"status": "monitoring", "body": "two"}, {"body": "one", "components": {api: "major_outage"}},
        {"body": "one", "component_ids": []}, {"body": "one", "name": "Fast"},
    ):  # fmt: skip
        status, sentence = script.refused("PATCH", one, {"incident": other}, headers=KEY)
        assert (status, "already used for different content" in sentence) == (409, True)
    assert count(Update) == 2
    script.send("PATCH", one, {"incident": {"status": "monitoring", "body": "two"}})
    again = script.send("PATCH", one, said, headers=KEY)
    assert (again["status"], count(Update)) == ("monitoring", 3), "what stands now is not part of what was asked for"


@pytest.mark.parametrize("key", ["a", "ab", "x" * 100])
def test_a_key_may_be_as_short_as_one_character(script: Script, page_id: int, key: str) -> None:
    headers = {"Idempotency-Key": key}
    made = [script.send("POST", "/incidents", data={"incident[name]": "x"}, headers=headers)["id"] for _ in range(2)]
    assert made[0] == made[1]


def test_calling_off_is_not_what_an_update_did(script: Script, page_id: int) -> None:
    one = f"/incidents/{script.send('POST', '/incidents', {'incident': {**FIRST, **WINDOW}})['id']}"
    script.send("PATCH", one, {"incident": {"body": "More."}}, headers=KEY)
    assert script.refused("DELETE", one, headers=KEY)[0] == 409
    assert script.get(one)["status"] == "scheduled"


def test_what_was_published_before_requests_were_remembered_is_not_compared(script: Script, page_id: int) -> None:
    made = script.send("POST", "/incidents", {"incident": FIRST}, headers=KEY)
    with transaction() as writing:
        writing.execute(update(Update).values(fingerprint=None))
    other = {"incident": {"name": "Fast", "body": "No."}}
    assert script.send("POST", "/incidents", other, headers=KEY)["id"] == made["id"]
