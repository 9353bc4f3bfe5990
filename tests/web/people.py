"""The cast with passwords, and their browsers."""

from functools import lru_cache

from flask import Flask
from werkzeug.test import TestResponse

from app.actions.accounts import passwords
from app.db import transaction
from app.models.account import Account
from app.models.membership import Membership
from app.vocabulary import Role
from tests.judge import Browser

PASSWORD = "correct horse battery"


@lru_cache(maxsize=1)
def password_hash() -> str:
    return passwords.hashed(PASSWORD)


def make_account(role: str = Role.ADMIN, email: str = "", name: str = "", page_id: int | None = None) -> str:
    """An account with a role on one page, or on all; its public id.  The password is PASSWORD."""
    with transaction() as session:
        account = Account(
            email=email or f"{role}@example.com",
            name=name or f"A {role}",
            password_hash=password_hash(),
        )
        session.add(account)
        session.flush()
        session.add(Membership(account_id=account.id, page_id=page_id, role=Role(role)))
        return account.public_id


def browser(app: Flask, role: str | None = None) -> Browser:
    """A browser; with a role, one whose owner has an account and is signed in."""
    made = Browser(app.test_client())
    if role is not None:
        make_account(role)
        answer = sign_in(made, f"{role}@example.com")
        assert answer.status_code == 303
        made.csrf = ""
    return made


def sign_in(who: Browser, email: str, password: str = PASSWORD, **fields: str) -> TestResponse:
    who.get("/sign-in")
    return who.post("/sign-in", {"email": email, "password": password, **fields})
