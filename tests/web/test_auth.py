"""Signing in and out, and the set-up link."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.actions.accounts import accounts, sessions
from app.actions.audit import first_broken
from app.clock import frozen
from app.db import session
from app.models.account import Account, SignInSession
from app.models.component import Component
from app.models.membership import Membership
from app.models.page import Page
from app.models.subscriber import RateEvent
from app.settings import Settings
from app.shapes import SYSTEM
from app.vocabulary import Role
from tests.judge import Browser
from tests.web.people import PASSWORD, browser, make_account, sign_in

pytestmark = pytest.mark.database
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def reaches(who: Browser) -> bool:
    return who.client.get("/console/default").status_code == 200


def test_signing_in_goes_where_the_person_was_going(app: Flask, page_id: int) -> None:
    make_account(Role.LEAD)
    who = browser(app)
    assert who.get("/console/default/posts?page=2").location == "/sign-in?next=/console/default/posts?page%3D2"
    answer = sign_in(who, " LEAD@example.com ", next="/console/default/posts?page=2")
    assert (answer.status_code, answer.location) == (303, "/console/default/posts?page=2")
    assert reaches(who)


@pytest.mark.parametrize(
    "hostile",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "/\t/evil.example",
     "/ /evil", "console", "http:evil", "/sign-out", "///evil.example", "/%0a", "[", "//[", "x" * 2000],
)  # fmt: skip
def test_next_stays_in_the_house(app: Flask, page_id: int, hostile: str) -> None:
    make_account(Role.LEAD)
    location = sign_in(browser(app), "lead@example.com", next=hostile).location
    assert location in {"/console", "/%0a", "/%250a"}


def test_the_refusal_does_not_say_who_has_an_account(app: Flask, page_id: int) -> None:
    make_account(Role.LEAD)
    answers = [sign_in(browser(app), email, "wrong password") for email in ("lead@example.com", "none@example.com")]
    assert [answer.status_code for answer in answers] == [422, 422]
    texts = [answer.text.replace("lead@example.com", "").replace("none@example.com", "") for answer in answers]
    assert "is incorrect" in texts[0]
    assert len(texts[0]) == len(texts[1])


def test_an_unknown_account_costs_a_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.actions.accounts import passwords

    assert not passwords.matches("", "the password of nobody")
    seen: list[str] = []

    class Counting:
        def verify(self, password_hash: str, _password: bytes) -> bool:
            seen.append(password_hash)
            return True

    monkeypatch.setattr(passwords, "_hasher", Counting)
    monkeypatch.setattr(passwords, "_nobody", lambda: "nobody")
    assert not passwords.matches("", "x")
    assert seen == ["nobody"]


def test_guessing_is_slowed_down_and_forgotten_in_time(app: Flask, page_id: int) -> None:
    make_account(Role.LEAD)
    who = browser(app)
    with frozen(NOON):
        for _ in range(sessions.TRIES_PER_ACCOUNT_AND_ADDRESS):
            assert sign_in(who, "lead@example.com", "wrong password").status_code == 422
        refused = sign_in(who, "lead@example.com")
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= sessions.WINDOW_SECONDS
        assert "Too many attempts" in refused.text
    with frozen(NOON + timedelta(seconds=sessions.WINDOW_SECONDS)):
        assert sign_in(who, "lead@example.com").status_code == 303
    for bucket in session().scalars(select(RateEvent.bucket)):
        assert "example" not in bucket and "127.0.0.1" not in bucket


def test_a_replayed_cookie_is_worth_nothing_after_signing_out(app: Flask, page_id: int) -> None:
    who = browser(app, Role.LEAD)
    old = who.client.get_cookie("candor")
    assert old is not None
    who.get("/subscribe")
    assert who.post("/sign-out").status_code == 303
    thief = Browser(app.test_client())
    thief.client.set_cookie("candor", old.value)
    assert not reaches(who) and not reaches(thief)
    assert session().scalars(select(SignInSession)).all() == []


def test_only_the_hash_of_a_session_is_kept_and_no_remember_cookie_is_made(app: Flask, page_id: int) -> None:
    who = browser(app, Role.LEAD)
    with who.client.session_transaction() as cookie:
        token = cookie["_user_id"]
    row = session().scalars(select(SignInSession)).one()
    assert token not in (row.token_hash, str(row.id))
    assert row.token_hash == accounts.token_hash(token)
    assert who.client.get_cookie("remember_token") is None


def test_signing_in_makes_a_new_cookie(app: Flask, page_id: int) -> None:
    make_account(Role.LEAD)
    who = browser(app)
    who.get("/sign-in")
    before = who.client.get_cookie("candor")
    sign_in(who, "lead@example.com")
    with who.client.session_transaction() as cookie:
        assert "csrf_token" not in cookie
    assert before is not None and before.value != getattr(who.client.get_cookie("candor"), "value", "")


def test_sessions_end_when_idle_and_in_any_case_after_a_week(app: Flask, page_id: int) -> None:
    with frozen(NOON):
        who = browser(app, Role.LEAD)
    with frozen(NOON + timedelta(hours=11)):
        assert reaches(who)
    with frozen(NOON + timedelta(hours=22)):
        assert reaches(who)
    with frozen(NOON + timedelta(hours=34, seconds=1)):
        assert not reaches(who)
    with frozen(NOON):
        again = Browser(app.test_client())
        sign_in(again, "lead@example.com")
    for hours in range(0, 168, 11):
        with frozen(NOON + timedelta(hours=hours)):
            assert reaches(again)
    with frozen(NOON + timedelta(days=7)):
        assert not reaches(again)


def test_roles_and_deactivation_hold_at_once(app: Flask, page_id: int) -> None:
    browser(app, Role.ADMIN)
    lead = browser(app, Role.LEAD)
    public_id = session().scalars(select(Account.public_id).where(Account.email == "lead@example.com")).one()
    assert lead.get("/console/default/subscribers").status_code == 200
    accounts.grant_role(SYSTEM, public_id, "viewer")
    assert lead.get("/console/default/subscribers").status_code == 403
    accounts.deactivate(SYSTEM, public_id)
    assert not reaches(lead)
    assert sign_in(browser(app), "lead@example.com").status_code == 422
    assert first_broken(session()) is None


def test_the_last_admin_stays(app: Flask, page_id: int) -> None:
    from app.errors import Conflict

    admin = make_account(Role.ADMIN)
    for change in (lambda: accounts.deactivate(SYSTEM, admin), lambda: accounts.grant_role(SYSTEM, admin, "lead")):
        with pytest.raises(Conflict, match="last admin"):
            change()


SETUP = {
    "page_name": "Acme Status", "name": "Ada", "email": "ada@example.com", "password": PASSWORD,
    "time_zone": "Europe/Berlin",
}  # fmt: skip


def test_set_up_makes_the_page_and_the_admin_once(app: Flask, settings: Settings) -> None:
    old, token = accounts.make_setup_token(settings), accounts.make_setup_token(settings)
    who = browser(app)
    assert "setup link" in who.get("/").text
    assert "setup link" in who.get("/sign-in").text
    assert who.get(f"/setup/{old}").status_code == 404
    assert "12 characters" in who.get(f"/setup/{token}").text
    answer = who.post(f"/setup/{token}", SETUP)
    assert (answer.status_code, answer.location) == (303, "/console")
    assert reaches(who)
    assert session().execute(select(Page.name, Page.time_zone)).one() == ("Acme Status", "Europe/Berlin")
    membership = session().scalars(select(Membership)).one()
    assert (membership.role, membership.page_id) == (Role.ADMIN, None)
    assert browser(app).get(f"/setup/{token}").status_code == 409
    assert first_broken(session()) is None


def test_set_up_names_every_field_and_changes_nothing(app: Flask, settings: Settings) -> None:
    token = accounts.make_setup_token(settings)
    who = browser(app)
    who.get(f"/setup/{token}")
    for change, words in (
        ({"password": "short", "email": "no"}, "at least 12 characters"),
        ({"page_name": " "}, "name is empty"),
        ({"time_zone": "../../etc/passwd"}, "Enter a time zone"),
    ):
        answer = who.post(f"/setup/{token}", SETUP | change)
        assert answer.status_code == 422 and words in answer.text
        assert "short" not in answer.text or "too short" in answer.text
    assert session().scalars(select(Page)).all() == [] and accounts.needs_setup()
    assert who.post(f"/setup/{token}", SETUP).status_code == 303


def test_sample_data_is_loaded_when_asked_for(app: Flask, settings: Settings) -> None:
    token = accounts.make_setup_token(settings)
    who = browser(app)
    who.get(f"/setup/{token}")
    assert who.post(f"/setup/{token}", SETUP | {"sample": "yes"}).status_code == 303
    assert session().scalars(select(Component)).all()
    assert who.get("/console/default").status_code == 200
