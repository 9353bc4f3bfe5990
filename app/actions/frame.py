"""The frame around every verb: authorization, the lock, the changes, the audit line, and rendering the page.

A verb about a page is one `with changing(…)` block.  It is one transaction: when the block raises, nothing was changed.
After the commit the page is rendered again, if the block touched it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import audit
from app.actions.revisions import lock_page, touch
from app.db import transaction
from app.errors import NotAllowed, NotFound
from app.models.membership import Membership
from app.models.page import Page
from app.models.post import Post
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor
from app.vocabulary import Role

Facts = Mapping[str, Any]


@dataclass(slots=True)
class InstallationChange:
    """A change of what belongs to no page, under way."""

    session: Session
    actor: Actor

    def audit(
        self,
        verb: str,
        noun: str,
        noun_id: str,
        detail: str = "",
        *,
        page_id: int | None = None,
        before: Facts | None = None,
        after: Facts | None = None,
    ) -> None:
        """Write the audit line.  `before` and `after` are the facts that may have changed; equal ones are left out."""
        audit.record(self.session, self.actor, verb, noun, noun_id, detail, page_id=page_id, before=before, after=after)


@dataclass(slots=True)
class Change:
    """A change of one page, under way.  `page` is locked, unless the verb asked for no lock."""

    session: Session
    actor: Actor
    page: Page
    is_touched: bool = field(default=False, init=False)

    def touch(self, post: Post | None = None, *, everything: bool = False) -> int:
        """Raise the page's revision and have it rendered after the commit; the revision.

        `post` is what changed; `everything` says that all of the page has to be rendered again.
        """
        self.is_touched = True
        return touch(self.session, self.page, post, everything=everything)

    def render_again(self) -> None:
        """Have the page rendered after the commit though nothing changed: an earlier try may have died in between."""
        self.is_touched = True

    def audit(
        self,
        verb: str,
        noun: str,
        noun_id: str,
        detail: str = "",
        before: Facts | None = None,
        after: Facts | None = None,
    ) -> None:
        """Write the audit line.  `before` and `after` are the facts that may have changed; equal ones are left out."""
        page_id = self.page.id
        audit.record(self.session, self.actor, verb, noun, noun_id, detail, page_id=page_id, before=before, after=after)


@contextmanager
def changing(
    settings: Settings, actor: Actor, page_id: int, *, needs: Role | None, lock: bool = True
) -> Iterator[Change]:
    """Change something about a page, which takes the role `needs` on it; None is open to everyone.

    Without `lock` several of these run at once, for what changes nothing that is published.

    Raises:
        NotAllowed: the actor's role on the page isn't enough.
        NotFound: the page doesn't exist.
        Unavailable: the database can't be written; nothing was changed.
    """
    with transaction() as session:
        page = lock_page(session, page_id) if lock else session.get(Page, page_id, populate_existing=True)
        if page is None:
            raise NotFound("Page not found.")
        require(session, actor, needs, page)
        change = Change(session, actor, page)
        yield change
    if change.is_touched:
        try_refresh(settings, page_id)


@contextmanager
def changing_installation(
    actor: Actor, *, needs: Role | None = Role.ADMIN, on_any_page: bool = False
) -> Iterator[InstallationChange]:
    """Change something that belongs to no page, which takes the role `needs` on all pages; None is open to everyone.

    With `on_any_page` the role on one of the pages is enough: an incident may concern several.

    Raises:
        NotAllowed: the actor's role isn't enough.
        Unavailable: the database can't be written; nothing was changed.
    """
    with transaction() as session:
        require(session, actor, needs, on_any_page=on_any_page)
        yield InstallationChange(session, actor)


def require(
    session: Session, actor: Actor, needs: Role | None, page: Page | None = None, *, on_any_page: bool = False
) -> None:
    """Check the actor's role on the page, or on all pages, as it is now: it may have been taken away since the request
    began.

    Raises:
        NotAllowed: it isn't enough.
    """
    if needs is None:
        return
    role = _role_now(session, actor, page, on_any_page=on_any_page)
    if role is not None and role.rank >= needs.rank:
        return
    where = f" on {page.name}" if page is not None else "" if on_any_page else " on all pages"
    has = f"Your role{where} is {role.label}." if role is not None else f"You have no role{where}."
    raise NotAllowed(f"{has} You need the role {needs.label} or higher.")


def _role_now(session: Session, actor: Actor, page: Page | None, *, on_any_page: bool) -> Role | None:
    if actor.account_id is None:  # a program, the command line, or the worker: no one's memberships
        if on_any_page:
            return actor.highest_role
        return actor.role if page is None else actor.role_on(page.id)
    query = select(Membership.role).where(Membership.account_id == actor.account_id)
    if not on_any_page:
        on_page = Membership.page_id.is_(None)
        query = query.where(on_page if page is None else on_page | (Membership.page_id == page.id))
    return max(session.scalars(query), key=lambda role: role.rank, default=None)
