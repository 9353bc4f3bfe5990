"""Signing in and out: server-side sessions that end when their row is deleted."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import delete, select

from app.actions import audit, rate_limits
from app.actions.accounts import passwords
from app.actions.accounts.accounts import token_hash
from app.actions.frame import changing_installation
from app.clock import now
from app.db import release, transaction
from app.db import session as read_session
from app.errors import Invalid, Unavailable
from app.models.account import Account, SignInSession
from app.models.membership import Membership
from app.settings import Settings
from app.shapes import Actor
from app.text import clean
from app.vocabulary import Role

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
NOTED_EVERY = timedelta(minutes=10)
WINDOW_SECONDS = 15 * 60
TRIES_PER_ADDRESS = 30
TRIES_PER_ACCOUNT_AND_ADDRESS = 10
TRIES_PER_ACCOUNT = 50
_REFUSED = "The email address or password is incorrect."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose session it is, as of this request."""

    token: str = field(repr=False)
    actor: Actor
    email: str


def sign_in(settings: Settings, *, email: str, password: str, ip: str, user_agent: str) -> str:
    """Check a password and open a session; its token, of which only the hash is kept.

    Raises:
        Invalid: the address or the password isn't right (never which).
        TooMany: it was tried too often.
    """
    email = clean(email[:1000]).lower()
    by_ip = rate_limits.bucket(settings, "sign-in-address", ip)
    by_both = rate_limits.bucket(settings, "sign-in-account-address", email, ip)
    by_account = rate_limits.bucket(settings, "sign-in-account", email)
    with transaction() as session:  # committed before the password is looked at: a failure stays counted
        rate_limits.count(session, by_ip, TRIES_PER_ADDRESS, WINDOW_SECONDS)
        rate_limits.count(session, by_both, TRIES_PER_ACCOUNT_AND_ADDRESS, WINDOW_SECONDS)
        rate_limits.count(session, by_account, TRIES_PER_ACCOUNT, WINDOW_SECONDS)
        found = session.execute(
            select(Account.id, Account.password_hash).where(Account.email == email, Account.active)
        ).one_or_none()
    release()  # hashing takes its time: not with a connection in hand
    if not passwords.matches(found.password_hash if found else "", password) or found is None:
        raise Invalid(_REFUSED)
    return open_session(found.id, user_agent, proven_hash=found.password_hash, counted=by_both)


def open_session(account_id: int, user_agent: str, *, proven_hash: str = "", counted: str = "") -> str:
    """A new session of an account; its token.  `proven_hash` must still be the account's, `counted` starts again.

    Raises:
        Invalid: the account was put away or its password changed meanwhile.
    """
    token = secrets.token_urlsafe(32)
    with transaction() as session:
        account = session.get(Account, account_id)
        if account is None or not account.active or (proven_hash and account.password_hash != proven_hash):
            raise Invalid(_REFUSED)
        if counted:
            rate_limits.forget(session, counted)
        at = now()
        account.last_sign_in_at = at
        session.add(
            SignInSession(
                account_id=account.id, token_hash=token_hash(token), created_at=at, last_seen_at=at,
                expires_at=at + LONGEST, user_agent=clean(user_agent[:1000])[:200],
            )
        )  # fmt: skip
        audit.record(session, Actor(account.name, None, account.id), "sign in", "account", account.public_id)
    return token


def find_session(token: str) -> SignedIn | None:
    """Whose session the token opens; None when it ended.  One query, and a note of the visit now and then."""
    at = now()
    rows = (
        read_session()
        .execute(
            select(
                Account.id,
                Account.name,
                Account.email,
                SignInSession.last_seen_at,
                Membership.page_id,
                Membership.role,
            )
            .join(SignInSession, SignInSession.account_id == Account.id)
            .outerjoin(Membership, Membership.account_id == Account.id)
            .where(
                SignInSession.token_hash == token_hash(token),
                SignInSession.expires_at > at,
                SignInSession.last_seen_at > at - IDLE,
                Account.active,
            )
        )
        .all()
    )
    if not rows:
        return None
    first = rows[0]
    if at - first.last_seen_at > NOTED_EVERY:
        _note_visit(token)
    roles: dict[int | None, Role] = {row.page_id: row.role for row in rows if row.role is not None}
    on_all_pages = roles.pop(None, None)
    page_roles = {page_id: role for page_id, role in roles.items() if page_id is not None}
    return SignedIn(token, Actor(first.name, on_all_pages, first.id, page_roles), first.email)


def sign_out(actor: Actor, token: str) -> None:
    """End a session; ending it again changes nothing."""
    with changing_installation(actor, needs=None) as change:
        session = change.session
        ended = session.execute(
            delete(SignInSession)
            .where(SignInSession.token_hash == token_hash(token))
            .returning(SignInSession.account_id)
        ).scalar()
        if ended is not None:
            public_id = session.scalars(select(Account.public_id).where(Account.id == ended)).one()
            change.audit("sign out", "account", public_id)


def _note_visit(token: str) -> None:
    try:
        with transaction() as session:
            row = session.scalar(select(SignInSession).where(SignInSession.token_hash == token_hash(token)))
            if row is not None:
                row.last_seen_at = now()
    except Unavailable:
        pass  # reading goes on while the database can't be written
