"""Tokens for programs, in the console: shown once, listed, taken back."""

import re

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import session
from app.models.api_token import ApiToken
from app.vocabulary import Role
from tests.judge import Browser
from tests.web.people import browser

pytestmark = pytest.mark.database


@pytest.fixture
def admin(app: Flask, page_id: int) -> Browser:
    return browser(app, Role.ADMIN)


def count() -> int:
    session().rollback()
    return session().scalar(select(func.count(ApiToken.id))) or 0


def test_a_token_is_shown_once_works_and_is_taken_back(app: Flask, admin: Browser) -> None:
    admin.get("/admin/tokens")
    made = admin.post("/admin/tokens", {"name": "Deploy", "scopes": ["posts", "components"], "days": "30"})
    assert made.headers["Cache-Control"] == "no-store"
    found = re.search(r'<code class="token">(candor_[\w-]+)</code>', made.text)
    assert found
    headers = {"Authorization": f"OAuth {found[1]}"}
    assert app.test_client().get("/v1/pages", headers=headers).status_code == 200
    listed = admin.get("/admin/tokens").text
    assert found[1] not in listed and "Deploy" in listed and "posts, components" in listed
    address = re.search(r'action="(/admin/tokens/\w+/revoke)"', listed)
    assert address and admin.post(address[1]).status_code == 303
    assert app.test_client().get("/v1/pages", headers=headers).status_code == 401
    assert "revoked" in admin.get("/admin/tokens").text


@pytest.mark.parametrize(
    ("form", "said"),
    [({"name": "", "scopes": "read"}, "is empty"), ({"name": "x"}, "Choose at least one scope"),
     ({"name": "x", "scopes": "all"}, "Choose at least one scope"),
     ({"name": "x", "scopes": "read", "days": "0"}, "days"),
     ({"name": "x", "scopes": "read", "days": "never"}, "days"), ({"name": "x" * 61, "scopes": "read"}, "too long")],
)  # fmt: skip
def test_what_can_not_be_taken_is_said(admin: Browser, form: dict[str, str], said: str) -> None:
    admin.get("/admin/tokens")
    answer = admin.post("/admin/tokens", form)
    assert (answer.status_code, said in answer.text) == (422, True)
    assert count() == 0


def test_two_of_one_name_are_told_apart_by_refusing_the_second(admin: Browser) -> None:
    admin.get("/admin/tokens")
    assert admin.post("/admin/tokens", {"name": "Deploy", "scopes": "read"}).status_code == 200
    assert admin.post("/admin/tokens", {"name": "Deploy", "scopes": "read"}).status_code == 409
    assert count() == 1


def test_only_admins_see_them(app: Flask, page_id: int) -> None:
    lead = browser(app, Role.LEAD)
    assert lead.get("/admin/tokens").status_code == 403
    assert "/admin/tokens" not in lead.get("/console/default").text
