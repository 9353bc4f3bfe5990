"""Where people with an account get notices, and what became of those."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.channels.base import AddedBy, Channel
from app.channels.registry import all_channels, shown
from app.channels.registry import label as channel_label
from app.clock import now
from app.models.account import Account
from app.models.account_contact import AccountContact, AccountNotice
from app.vocabulary import AccountNoticeKind, DeliveryState, Role

NOTICES_SHOWN = 100
RECENT = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRow:
    """One contact; `shown` is its address as the viewer may see it."""

    public_id: str
    channel: str
    shown: str
    is_verified: bool
    is_default: bool
    code_sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRow:
    """One notice to a person; `shown` is empty where there was no contact, or it was removed since."""

    account: str
    kind: AccountNoticeKind
    channel: str
    shown: str
    subject: str
    path: str
    state: DeliveryState
    reason: str
    attempts: int
    created_at: datetime
    settled_at: datetime | None


def contact_channels(role: Role | None) -> list[Channel]:
    """The channels on which a person with this role on all pages may add a contact: an address that holds a secret is
    an admin's to set.
    """
    may_set_secrets = role is Role.ADMIN
    return [
        one for one in all_channels() if one.reaches_people and (one.added_by is AddedBy.READERS or may_set_secrets)
    ]


def contacts(session: Session, account_id: int, *, full: bool = False) -> list[ContactRow]:
    """An account's contacts, the default one first.  `full` is for its owner.  One query."""
    rows = session.scalars(
        select(AccountContact)
        .where(AccountContact.account_id == account_id)
        .order_by(AccountContact.is_default.desc(), AccountContact.id)
    )
    return [
        ContactRow(
            public_id=row.public_id,
            channel=channel_label(row.channel),
            shown=shown(row.channel, row.address, row.label, full=full),
            is_verified=row.verified_at is not None,
            is_default=row.is_default,
            code_sent_at=row.code_sent_at,
        )
        for row in rows
    ]


def notices(
    session: Session, account_id: int | None = None, *, full: bool = False, limit: int = NOTICES_SHOWN
) -> list[NoticeRow]:
    """The newest notices first, to one account or to all.  One query."""
    query = (
        select(AccountNotice, Account.email, AccountContact)
        .join(Account, Account.id == AccountNotice.account_id)
        .outerjoin(AccountContact, AccountContact.id == AccountNotice.contact_id)
        .order_by(AccountNotice.id.desc())
        .limit(limit)
    )
    if account_id is not None:
        query = query.where(AccountNotice.account_id == account_id)
    return [
        NoticeRow(
            account=email,
            kind=row.kind,
            channel=channel_label(row.channel) if row.channel else "",
            shown=shown(to.channel, to.address, to.label, full=full) if to is not None else "",
            subject=row.subject,
            path=row.path,
            state=row.state,
            reason=row.reason,
            attempts=row.attempts,
            created_at=row.created_at,
            settled_at=row.settled_at,
        )
        for row, email, to in session.execute(query)
    ]


def notice_counts(session: Session) -> Mapping[DeliveryState, int]:
    """How many notices of the last 24 hours are in each state, every state named.  One query."""
    rows = session.execute(
        select(AccountNotice.state, func.count())
        .where(AccountNotice.created_at > now() - RECENT)
        .group_by(AccountNotice.state)
    )
    counts: dict[DeliveryState, int] = {row[0]: row[1] for row in rows}
    return {state: counts.get(state, 0) for state in DeliveryState}
