"""Telling people with an account something, through the ledger."""

from sqlalchemy.orm import Session

from app.deliver.wake_up import wake_workers
from app.models.account import Account
from app.models.account_contact import AccountContact, AccountNotice
from app.states import account_contacts as states
from app.vocabulary import AccountNoticeKind


def notify_account(
    session: Session,
    account_id: int,
    kind: AccountNoticeKind,
    *,
    subject: str,
    body: str = "",
    path: str = "",
    contact: AccountContact | None = None,
) -> AccountNotice:
    """Queue a notice to a person, in the caller's transaction: it is sent if that is committed, and never twice.

    It goes to `contact`, or to the account's default one.  An account that is deactivated or has no verified contact
    gets nothing, and the notice says so.  Paragraphs in `body` are separated by empty lines; `path` is where in this
    installation it leads.
    """
    account = session.get_one(Account, account_id)
    to = contact if contact is not None else states.chosen_contact(session, account_id)
    notice = states.queue_notice(session, account, to, kind, subject=subject, body=body, path=path)
    wake_workers(session)
    return notice
