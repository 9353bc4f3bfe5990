"""API tokens: create, check and revoke them."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.actions import rate_limits
from app.actions.frame import changing_installation, require
from app.clock import now
from app.db import session as read_session
from app.db import transaction
from app.errors import Conflict, Invalid, NotFound
from app.inputs.accounts import LONGEST_DAYS, TOKEN_NAME_LIMIT
from app.models.api_token import ApiToken
from app.models.page import Page
from app.settings import Settings
from app.shapes import Actor
from app.text import clean_field
from app.vocabulary import Role, Scope

PREFIX = "candor_"
SHOWN = len(PREFIX) + 5
MINUTE_SECONDS = 60
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A program that has proved itself: what it may do, and as whom it does it."""

    token_id: int
    scopes: frozenset[Scope]
    actor: Actor

    def may(self, scope: Scope) -> bool:
        """Whether its token has this scope; to read, any scope will do."""
        return scope is Scope.READ or scope in self.scopes or Scope.ADMIN in self.scopes


def create_token(
    actor: Actor, *, name: str, scopes: Iterable[str], days: int | None = None, page_id: int | None = None
) -> tuple[str, str]:
    """Make a token for a page, or for all pages, that is valid for `days` or until it is revoked; its public id, and
    the token itself, which no one can read again.  Takes the role admin there.

    Raises:
        Invalid: a field is invalid.
        Conflict: there is a token of this name that is still valid.
        NotAllowed: the actor's role isn't enough.
        NotFound: the page doesn't exist.
    """
    name = clean_field(name, name="name", label="The name", limit=TOKEN_NAME_LIMIT)
    wanted = _scopes(scopes)
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise Invalid.field("days", f"Enter a number of days from 1 to {LONGEST_DAYS:,}.")
    token = f"{PREFIX}{secrets.token_urlsafe(32)}"
    with changing_installation(actor, needs=None) as change:
        session = change.session
        _require(session, actor, page_id)
        if session.scalar(select(ApiToken.id).where(ApiToken.name == name, *_still_valid())) is not None:
            raise Conflict(f"A token named “{name}” already exists. Choose another name, or revoke that token.")
        row = ApiToken(
            page_id=page_id,
            name=name,
            begins=token[:SHOWN],
            token_hash=_hash(token),
            scopes=",".join(wanted),
            created_by=actor.name,
            created_at=now(),
            expires_at=now() + timedelta(days=days) if days else None,
        )
        session.add(row)
        session.flush()
        after = {"scopes": row.scopes, "expires_at": row.expires_at}
        change.audit("create", "token", row.public_id, f"{name}: {row.scopes}", page_id=page_id, after=after)
        return row.public_id, token


def revoke_token(actor: Actor, public_id: str) -> None:
    """Let a token open nothing any more; doing it again changes nothing.  Takes the role admin on its page, or on all
    pages.

    Raises:
        NotAllowed: the actor's role isn't enough.
        NotFound: the token doesn't exist.
    """
    with changing_installation(actor, needs=None) as change:
        row = change.session.scalar(select(ApiToken).where(ApiToken.public_id == public_id).with_for_update())
        if row is None:
            raise NotFound("Token not found.")
        _require(change.session, actor, row.page_id)
        if row.revoked_at is None:
            row.revoked_at = now()
            change.audit("revoke", "token", public_id, row.name, page_id=row.page_id)


def bearer(token: str) -> Bearer | None:
    """Who this token belongs to; None when it opens nothing.  One query."""
    if not token.startswith(PREFIX) or len(token) > 200:
        return None
    row = read_session().scalar(select(ApiToken).where(ApiToken.token_hash == _hash(token), *_still_valid()))
    if row is None:
        return None
    scopes = frozenset(Scope(word) for word in row.scopes.split(",") if word in set(Scope))
    role = Role.ADMIN if Scope.ADMIN in scopes else Role.LEAD
    actor = (
        Actor(f"token {row.name}", role)
        if row.page_id is None
        else Actor(f"token {row.name}", None, page_roles={row.page_id: role})
    )
    return Bearer(row.id, scopes, actor)


def note_use(settings: Settings, bearer: Bearer) -> None:
    """Count one request of a program, and note when it was last seen.

    Raises:
        TooMany: it asks too often.
    """
    with transaction() as session:
        bucket = rate_limits.bucket(settings, "api", str(bearer.token_id))
        rate_limits.count(session, bucket, settings.api_requests_per_minute, MINUTE_SECONDS)
        row = session.get_one(ApiToken, bearer.token_id)
        if row.last_used_at is None or now() - row.last_used_at >= _SEEN_EVERY:
            row.last_used_at = now()


def state_of(row: ApiToken, at: datetime) -> str:
    """ "valid", "revoked" or "expired"."""
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= at else "valid"


def _require(session: Session, actor: Actor, page_id: int | None) -> None:
    page = session.get(Page, page_id, populate_existing=True) if page_id is not None else None
    if page_id is not None and page is None:
        raise NotFound("Page not found.")
    require(session, actor, Role.ADMIN, page)


def _still_valid() -> tuple[ColumnElement[bool], ...]:
    return (ApiToken.revoked_at.is_(None), (ApiToken.expires_at.is_(None)) | (ApiToken.expires_at > now()))


def _scopes(words: Iterable[str]) -> list[Scope]:
    named = set(words)
    if not named or not named <= set(Scope):
        raise Invalid.field("scopes", f"Choose at least one scope: {', '.join(Scope)}.")
    return [scope for scope in Scope if scope in named]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
