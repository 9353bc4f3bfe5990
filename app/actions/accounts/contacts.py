"""The contacts of accounts: added, verified, made the default and removed, by their owner or by an admin."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import func, select

from app.actions import rate_limits
from app.actions.accounts.notices import notify_account
from app.actions.frame import InstallationChange, changing_installation, require
from app.channels.base import AddedBy
from app.channels.registry import all_channels
from app.channels.registry import channel as channel_named
from app.clock import now
from app.deliver.account_notices import CODE_SUBJECT, code_of
from app.errors import Conflict, Invalid, NotFound
from app.models.account import Account
from app.models.account_contact import AccountContact
from app.settings import Settings
from app.shapes import Actor
from app.states import account_contacts as states
from app.vocabulary import AccountNoticeKind, Role

MOST_CONTACTS = 10
CODE_LASTS = timedelta(hours=24)
MOST_TRIES = 5
CODES_PER_HOUR = 5
WRONG_CODE = "This isn't the code that was sent to this contact. Check the newest message."


def add_contact(
    settings: Settings,
    actor: Actor,
    account_id: str,
    *,
    channel: str,
    address: str,
    label: str = "",
    is_vouched_for: bool = False,
) -> str:
    """Add a contact to an account, one's own or, as an admin, another's; its public id.

    A code is sent there.  With `is_vouched_for` an admin says that the address is right, and nothing is sent.

    Raises:
        Invalid: the channel can't reach a person, or it doesn't understand the address.
        Conflict: the account has this contact already, or too many.
        NotAllowed: it is someone else's account, or the channel or the vouching takes an admin.
        NotFound: the account doesn't exist.
        TooMany: too many codes were sent lately.
    """
    offered = [one.name for one in all_channels() if one.reaches_people]
    if channel not in offered:
        raise Invalid.field("channel", f"Choose one of: {', '.join(offered)}.")
    about = channel_named(channel)
    normal = about.normalise(address, settings)
    with changing_installation(actor, needs=None) as change:
        session = change.session
        account = session.scalar(select(Account).where(Account.public_id == account_id).with_for_update())
        if account is None:
            raise NotFound("Account not found.")
        if account.id != actor.account_id or is_vouched_for or about.added_by is not AddedBy.READERS:
            require(session, actor, Role.ADMIN)
        theirs = select(func.count()).where(AccountContact.account_id == account.id)
        same = theirs.where(AccountContact.channel == channel, AccountContact.address == normal)
        if session.scalar(same):
            raise Conflict("This contact is there already.")
        if (session.scalar(theirs) or 0) >= MOST_CONTACTS:
            raise Conflict(f"An account can have {MOST_CONTACTS} contacts. Remove one first.")
        contact = AccountContact(account_id=account.id, channel=channel, address=normal, label=label, created_at=now())
        session.add(contact)
        session.flush()
        if is_vouched_for:
            states.verify(session, contact)
        else:
            _send_code(settings, change, contact)
        change.audit("add contact", "account", account.public_id, channel)
        return contact.public_id


def send_code(settings: Settings, actor: Actor, contact_id: str) -> None:
    """Send another code to a contact; older ones stop working.

    Raises:
        Conflict: it is verified already.
        NotAllowed, NotFound, TooMany: as `add_contact`.
    """
    with _changing(actor, contact_id) as (change, contact):
        if contact.verified_at is not None:
            raise Conflict("This contact is verified already.")
        _send_code(settings, change, contact)


def verify_contact(settings: Settings, actor: Actor, contact_id: str, code: str) -> None:
    """Prove that messages arrive at a contact, by the code that was sent there.

    Raises:
        Invalid: it is another code, it is too old, or it was tried too often.
        NotAllowed, NotFound: as `add_contact`.
    """
    typed = "".join(code.split())
    with changing_installation(actor, needs=None) as change:  # a wrong code is counted, so nothing is raised inside
        contact = _held(change, contact_id)
        wrong = _why_not(settings, contact, typed)
        if not wrong and contact.verified_at is None:
            states.verify(change.session, contact)
            change.audit("verify contact", "account", _owner(change, contact).public_id, contact.channel)
    if wrong:
        raise Invalid.field("code", wrong)


def prefer_contact(actor: Actor, contact_id: str) -> None:
    """Send an account's notices to this contact.

    Raises:
        Conflict: it isn't verified.
        NotAllowed, NotFound: as `add_contact`.
    """
    with _changing(actor, contact_id) as (change, contact):
        if contact.verified_at is None:
            raise Conflict("Verify this contact before you make it the default.")
        states.make_default(change.session, contact)
        change.audit("prefer contact", "account", _owner(change, contact).public_id, contact.channel)


def remove_contact(actor: Actor, contact_id: str) -> None:
    """Remove a contact; what waits for it isn't sent.

    Raises:
        NotAllowed, NotFound: as `add_contact`.
    """
    with _changing(actor, contact_id) as (change, contact):
        owner = _owner(change, contact).public_id
        states.remove(change.session, contact)
        change.audit("remove contact", "account", owner, contact.channel)


@contextmanager
def _changing(actor: Actor, contact_id: str) -> Iterator[tuple[InstallationChange, AccountContact]]:
    with changing_installation(actor, needs=None) as change:
        yield change, _held(change, contact_id)


def _held(change: InstallationChange, contact_id: str) -> AccountContact:
    """A contact, locked; one's own, or anybody's for an admin.  Raises NotFound and NotAllowed."""
    contact = change.session.scalar(
        select(AccountContact).where(AccountContact.public_id == contact_id).with_for_update()
    )
    if contact is None:
        raise NotFound("Contact not found.")
    if contact.account_id != change.actor.account_id:
        require(change.session, change.actor, Role.ADMIN)
    return contact


def _owner(change: InstallationChange, contact: AccountContact) -> Account:
    return change.session.get_one(Account, contact.account_id)


def _send_code(settings: Settings, change: InstallationChange, contact: AccountContact) -> None:
    bucket = rate_limits.bucket(settings, "contact-code", str(contact.account_id))
    rate_limits.count(change.session, bucket, CODES_PER_HOUR, 3600)
    states.new_code(contact)
    notify_account(
        change.session,
        contact.account_id,
        AccountNoticeKind.VERIFY_CONTACT,
        subject=CODE_SUBJECT,
        path="/account",
        contact=contact,
    )


def _why_not(settings: Settings, contact: AccountContact, typed: str) -> str:
    """Why a code doesn't count; empty when it does.  A wrong one is counted against the contact."""
    if contact.verified_at is not None:
        return ""
    if contact.code_sent_at is None or contact.code_sent_at < now() - CODE_LASTS:
        return "This code is older than 24 hours. Send a new one."
    if contact.code_tries >= MOST_TRIES:
        return "The code was entered wrong too often. Send a new one."
    if not hmac.compare_digest(code_of(settings, contact).encode(), typed.encode("utf-8", "replace")):
        states.count_wrong_code(contact)
        return WRONG_CODE
    return ""
