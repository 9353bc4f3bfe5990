"""The states of accounts' contacts and of notices to them: the only place that makes those notices.

A contact is unverified until its owner enters the code that was sent there.  Mail that comes back because the address
doesn't exist makes it unverified again.  At most one verified contact is the default one.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.channels.registry import destination
from app.clock import now
from app.models.account import Account
from app.models.account_contact import AccountContact, AccountNotice
from app.states.deliveries import skip
from app.vocabulary import AccountNoticeKind, DeliveryState

NO_CONTACT = "there is no verified contact"
DEACTIVATED = "the account is deactivated"
REMOVED = "the contact was removed"
SUBJECT_LIMIT = 300


def verify(session: Session, contact: AccountContact) -> None:
    """The owner proved that notices arrive there.  The first verified contact becomes the default one."""
    contact.verified_at = contact.verified_at or now()
    contact.code_sent_at, contact.code_tries = None, 0
    session.flush()
    _settle_default(session, contact.account_id)


def new_code(contact: AccountContact) -> None:
    """From now on another code proves it."""
    contact.code_version += 1
    contact.code_sent_at, contact.code_tries = now(), 0


def count_wrong_code(contact: AccountContact) -> None:
    """Another code than the one that was sent was entered."""
    contact.code_tries += 1


def lose(session: Session, contact: AccountContact) -> None:
    """Nothing arrives there: it has to be verified again, and another contact becomes the default one."""
    contact.verified_at, contact.is_default = None, False
    session.flush()
    _settle_default(session, contact.account_id)


def make_default(session: Session, contact: AccountContact) -> None:
    """Notices go there from now on.  It has to be verified."""
    session.execute(
        update(AccountContact).where(AccountContact.account_id == contact.account_id).values(is_default=False)
    )
    session.refresh(contact)
    contact.is_default = True
    session.flush()


def remove(session: Session, contact: AccountContact) -> None:
    """Delete a contact; what waits for it is skipped."""
    skip(session, AccountNotice, AccountNotice.contact_id == contact.id, REMOVED)
    session.delete(contact)
    session.flush()
    _settle_default(session, contact.account_id)


def chosen_contact(session: Session, account_id: int) -> AccountContact | None:
    """Where an account gets its notices: its default contact, or None when nothing is verified."""
    return session.scalar(
        select(AccountContact)
        .where(AccountContact.account_id == account_id, AccountContact.verified_at.is_not(None))
        .order_by(AccountContact.is_default.desc(), AccountContact.id)
        .limit(1)
    )


def queue_notice(
    session: Session,
    account: Account,
    contact: AccountContact | None,
    kind: AccountNoticeKind,
    *,
    subject: str,
    body: str = "",
    path: str = "",
) -> AccountNotice:
    """One notice to one person, to be sent at once.  Where it can't be, it is skipped and says why."""
    at = now()
    reason = DEACTIVATED if not account.active else NO_CONTACT if contact is None else ""
    notice = AccountNotice(
        account_id=account.id,
        contact_id=contact.id if contact is not None else None,
        channel=contact.channel if contact is not None else "",
        domain=destination(contact.channel, contact.address) if contact is not None else "",
        kind=kind,
        subject=subject[:SUBJECT_LIMIT],
        body=body,
        path=path,
        state=DeliveryState.SKIPPED if reason else DeliveryState.PENDING,
        reason=reason,
        settled_at=at if reason else None,
        due_at=at,
        created_at=at,
    )
    session.add(notice)
    session.flush()
    return notice


def _settle_default(session: Session, account_id: int) -> None:
    chosen = chosen_contact(session, account_id)
    if chosen is not None and not chosen.is_default:
        make_default(session, chosen)
