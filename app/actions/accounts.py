"""Accounts: made at set-up or by an admin, changed, put away; and the one-time set-up link."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from app.actions import audit, passwords
from app.clock import now
from app.db import session as read_session
from app.db import transaction
from app.errors import Conflict, Invalid, NotFound
from app.models.account import Account, SetupToken, SignInSession
from app.models.membership import Membership
from app.settings import Settings
from app.shapes import Actor
from app.text import clean_field
from app.vocabulary import Role

NAME_LIMIT = 100
EMAIL_LIMIT = 254
_EMAIL = re.compile(r"[^\s@<>\"',;:()\[\]\\]+@[^\s@<>\"',;:()\[\]\\]+")


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def needs_setup() -> bool:
    """Whether there is no account yet."""
    return not read_session().scalar(select(exists().where(Account.id.is_not(None))))


def make_setup_token(settings: Settings) -> str:
    """A new token for `/setup/<token>`; older ones stop working.

    Raises:
        Conflict: there is an account already.
    """
    token = secrets.token_urlsafe(24)
    with transaction() as session:
        if session.scalar(select(func.count(Account.id))):
            raise Conflict(f"Candor is set up already. Sign in at {settings.base_url}/sign-in.")
        session.execute(delete(SetupToken))
        session.add(SetupToken(token_hash=token_hash(token), created_at=now()))
    return token


def is_setup_token(token: str) -> bool:
    """Whether the link may be used: it is the newest one and nobody has set Candor up."""
    kept = read_session().scalar(select(SetupToken.token_hash).order_by(SetupToken.id.desc()).limit(1))
    return kept is not None and hmac.compare_digest(kept, token_hash(token)) and needs_setup()


def check_details(*, email: str, name: str, password: str) -> tuple[str, str, str]:
    """The three, cleaned.

    Raises:
        Invalid: it names every field that can not be taken.
    """
    wrong: dict[str, str] = {}
    checks: tuple[Callable[[], str], ...] = (
        lambda: read_email(email),
        lambda: clean_field(name, name="name", label="The name", limit=NAME_LIMIT),
        lambda: passwords.checked(password),
    )
    taken = []
    for check in checks:
        try:
            taken.append(check())
        except Invalid as error:
            wrong.update(error.fields)
    if wrong:
        raise Invalid(next(iter(wrong.values())) if len(wrong) == 1 else "Some answers need correcting.", wrong)
    return taken[0], taken[1], taken[2]


def create_account(actor: Actor, *, email: str, name: str, password: str, role: str) -> str:
    """Make an account; its public id.

    Raises:
        Invalid: a field can not be taken.
        Conflict: the email address has an account already.
    """
    details = check_details(email=email, name=name, password=password)
    wanted, password_hash = read_role(role), passwords.hashed(password)
    with transaction() as session:
        return _add(session, actor, details[0], details[1], password_hash, wanted).public_id


def create_first_account(actor: Actor, token: str, *, email: str, name: str, password: str) -> int:
    """Use the set-up link up: make the first admin; the account's id.

    Raises:
        Invalid: a field can not be taken.
        NotFound: the link is not valid, or somebody was first.
    """
    details = check_details(email=email, name=name, password=password)
    password_hash = passwords.hashed(password)
    with transaction() as session:
        row = session.scalar(select(SetupToken).where(SetupToken.token_hash == token_hash(token)).with_for_update())
        if row is None or session.scalar(select(func.count(Account.id))):
            raise NotFound("This set-up link is not valid any more.")
        session.execute(delete(SetupToken))
        return _add(session, actor, details[0], details[1], password_hash, Role.ADMIN).id


def set_password(actor: Actor, public_id: str, password: str) -> None:
    """Change a password and sign that account out everywhere.

    Raises:
        Invalid: the password can not be taken.
        NotFound: there is no such account.
    """
    password_hash = passwords.hashed(passwords.checked(password))
    with transaction() as session:
        account = _held(session, public_id)
        account.password_hash = password_hash
        session.execute(delete(SignInSession).where(SignInSession.account_id == account.id))
        audit.record(session, actor, "set password", "account", public_id)


def set_role(actor: Actor, public_id: str, role: str) -> None:
    """Change what an account may do; it holds from its next request on.

    Raises:
        Invalid: there is no such role.
        Conflict: nobody would be admin any more.
        NotFound: there is no such account.
    """
    wanted = read_role(role)
    with transaction() as session:
        account = _held(session, public_id)
        membership = session.scalar(
            select(Membership).where(Membership.account_id == account.id, Membership.page_id.is_(None))
        )
        before = membership.role if membership is not None else None
        if wanted is not Role.ADMIN:
            _keep_an_admin(session, account)
        if membership is None:
            session.add(Membership(account_id=account.id, page_id=None, role=wanted))
        else:
            membership.role = wanted
        audit.record(session, actor, "set role", "account", public_id, f"{before or 'none'} to {wanted}")


def deactivate(actor: Actor, public_id: str) -> None:
    """Sign an account out everywhere and let it in no more.

    Raises:
        Conflict: nobody would be admin any more.
        NotFound: there is no such account.
    """
    with transaction() as session:
        account = _held(session, public_id)
        _keep_an_admin(session, account)
        account.active = False
        session.execute(delete(SignInSession).where(SignInSession.account_id == account.id))
        audit.record(session, actor, "deactivate", "account", public_id)


def read_email(raw: str) -> str:
    """An email address as accounts are found by: trimmed and in lower case.

    Raises:
        Invalid: it is not one.
    """
    email = clean_field(raw, name="email", label="The email address", limit=EMAIL_LIMIT).lower()
    if not _EMAIL.fullmatch(email):
        raise Invalid.field("email", "That is not an email address. Write it like name@example.com.")
    return email


def read_role(raw: str) -> Role:
    """A role by its name.

    Raises:
        Invalid: there is no such role.
    """
    try:
        return Role(raw)
    except ValueError:
        raise Invalid.field("role", f"Choose one of these roles: {', '.join(Role)}.") from None


def _add(session: Session, actor: Actor, email: str, name: str, password_hash: str, role: Role) -> Account:
    if session.scalar(select(exists().where(Account.email == email))):
        raise Conflict("That email address has an account already.")
    account = Account(email=email, name=name, password_hash=password_hash, created_at=now())
    session.add(account)
    session.flush()
    session.add(Membership(account_id=account.id, page_id=None, role=role))
    audit.record(session, actor, "create", "account", account.public_id, f"{name}, {role}")
    return account


def _held(session: Session, public_id: str) -> Account:
    account = session.scalar(select(Account).where(Account.public_id == public_id).with_for_update())
    if account is None:
        raise NotFound("There is no such account.")
    return account


def _keep_an_admin(session: Session, account: Account) -> None:
    """Refuse when `account` is the last active admin.  All admins are held, so that two do not leave at once."""
    admins = session.scalars(
        select(Account.id)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.role == Role.ADMIN, Membership.page_id.is_(None), Account.active)
        .order_by(Account.id)
        .with_for_update(of=Account)
    ).all()
    if list(admins) == [account.id]:
        raise Conflict("This is the only admin. Make somebody else admin first.")
