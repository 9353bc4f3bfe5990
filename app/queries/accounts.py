"""Who may sign in."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models.account import Account
from app.vocabulary import Role


@dataclass(frozen=True, slots=True)
class AccountRow:
    public_id: str
    name: str
    email: str
    role: Role
    active: bool
    last_sign_in_at: datetime | None


def all_accounts(session: Session) -> list[AccountRow]:
    """Every account, active ones first, by name.  One query."""
    rows = session.scalars(select(Account).order_by(Account.active.desc(), func.lower(Account.name), Account.id))
    return [
        AccountRow(row.public_id, row.name, row.email, Role(row.role), row.active, row.last_sign_in_at) for row in rows
    ]
