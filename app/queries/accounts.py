"""Accounts."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.account import Account
from app.models.membership import Membership
from app.vocabulary import Role


@dataclass(frozen=True, slots=True)
class AccountRow:
    public_id: str
    name: str
    email: str
    role: Role | None
    active: bool
    last_sign_in_at: datetime | None


def all_accounts(session: Session) -> list[AccountRow]:
    """Every account, active ones first, by name.  One query."""
    rows = session.execute(
        select(Account, Membership.role)
        .outerjoin(Membership, (Membership.account_id == Account.id) & Membership.page_id.is_(None))
        .order_by(Account.active.desc(), func.lower(Account.name), Account.id)
    )
    return [
        AccountRow(
            public_id=row.public_id,
            name=row.name,
            email=row.email,
            role=role,
            active=row.active,
            last_sign_in_at=row.last_sign_in_at,
        )
        for row, role in rows
    ]


def assignable_accounts(session: Session) -> list[AccountRow]:
    """The active accounts with a role on any page, by name: they can be given a role in an incident.  One query."""
    has_role = select(Membership.id).where(Membership.account_id == Account.id).exists()
    rows = session.scalars(
        select(Account).where(Account.active, has_role).order_by(func.lower(Account.name), Account.id)
    )
    return [
        AccountRow(
            public_id=row.public_id,
            name=row.name,
            email=row.email,
            role=None,
            active=row.active,
            last_sign_in_at=row.last_sign_in_at,
        )
        for row in rows
    ]
