"""Accounts: create, change and deactivate them; and the one-time setup link."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from app.actions.accounts import passwords
from app.actions.frame import changing_installation, require
from app.channels.names import EMAIL
from app.clock import now
from app.db import session as read_session
from app.db import transaction
from app.errors import Conflict, Invalid, NotFound
from app.models.account import Account, SetupToken, SignInSession
from app.models.account_contact import AccountContact
from app.models.membership import Membership
from app.models.page import Page
from app.settings import Settings
from app.shapes import Actor
from app.states import account_contacts as contacts
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
            raise Conflict(f"Candor is already set up. Sign in at {settings.base_url}/sign-in.")
        session.execute(delete(SetupToken))
        session.add(SetupToken(token_hash=token_hash(token), created_at=now()))
    return token


def is_setup_token(token: str) -> bool:
    """Whether the link may be used: it is the newest one and no one has set Candor up."""
    kept = read_session().scalar(select(SetupToken.token_hash).order_by(SetupToken.id.desc()).limit(1))
    return kept is not None and hmac.compare_digest(kept, token_hash(token)) and needs_setup()


def check_details(*, email: str, name: str, password: str) -> tuple[str, str, str]:
    """The three, cleaned.

    Raises:
        Invalid: with a sentence for every invalid field.
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
        raise Invalid(
            next(iter(wrong.values())) if len(wrong) == 1 else "Nothing was saved. Correct the marked fields.", wrong
        )
    return taken[0], taken[1], taken[2]


def create_account(actor: Actor, *, email: str, name: str, password: str, role: str, page_id: int | None = None) -> str:
    """Make an account with a role on a page, or on all pages; its public id.  Takes the role admin there.

    Raises:
        Invalid: a field is invalid.
        Conflict: the email address has an account already.
        NotAllowed: the actor's role isn't enough.
        NotFound: the page doesn't exist.
    """
    details = check_details(email=email, name=name, password=password)
    wanted, password_hash = read_role(role), passwords.hashed(password)
    with changing_installation(actor, needs=None) as change:
        require(change.session, actor, Role.ADMIN, _page(change.session, page_id))
        account = _add(change.session, details[0], details[1], password_hash)
        change.session.add(Membership(account_id=account.id, page_id=page_id, role=wanted))
        change.audit(
            "create", "account", account.public_id, f"{account.name}, {wanted}", page_id=page_id, after={"role": wanted}
        )
        return account.public_id


def create_first_account(actor: Actor, token: str, *, email: str, name: str, password: str) -> int:
    """Use the setup link up: make the first admin; the account's id.

    Raises:
        Invalid: a field is invalid.
        NotFound: the link isn't valid, or someone was first.
    """
    details = check_details(email=email, name=name, password=password)
    password_hash = passwords.hashed(password)
    with changing_installation(actor, needs=None) as change:  # anyone who has the link
        session = change.session
        row = session.scalar(select(SetupToken).where(SetupToken.token_hash == token_hash(token)).with_for_update())
        if row is None or session.scalar(select(func.count(Account.id))):
            raise NotFound("This setup link has expired.")
        session.execute(delete(SetupToken))
        account = _add(session, details[0], details[1], password_hash)
        session.add(Membership(account_id=account.id, page_id=None, role=Role.ADMIN))
        detail = f"{account.name}, {Role.ADMIN}"
        change.audit("create", "account", account.public_id, detail, after={"role": Role.ADMIN})
        return account.id


def set_password(actor: Actor, public_id: str, password: str) -> None:
    """Change a password and sign that account out everywhere.  Takes the role admin on all pages, but for one's own.

    Raises:
        Invalid: the password isn't accepted.
        NotAllowed: the actor's role isn't enough.
        NotFound: the account doesn't exist.
    """
    password_hash = passwords.hashed(passwords.checked(password))
    with changing_installation(actor, needs=None) as change:
        account = _lock(change.session, public_id)
        if account.id != actor.account_id:
            require(change.session, actor, Role.ADMIN)
        account.password_hash = password_hash
        change.session.execute(delete(SignInSession).where(SignInSession.account_id == account.id))
        change.audit("set password", "account", public_id)


def grant_role(actor: Actor, public_id: str, role: str, page_id: int | None = None) -> None:
    """Give an account a role on a page, or on all pages, in place of the one it has there; it holds from its next
    request on.  Takes the role admin there.

    Raises:
        Invalid: the role doesn't exist.
        Conflict: no one would be admin of all pages any more.
        NotAllowed: the actor's role isn't enough.
        NotFound: the account or page doesn't exist.
    """
    wanted = read_role(role)
    with changing_installation(actor, needs=None) as change:
        session = change.session
        require(session, actor, Role.ADMIN, _page(session, page_id))
        account = _lock(session, public_id)
        membership = _membership(session, account, page_id)
        before = membership.role if membership is not None else None
        if page_id is None and wanted is not Role.ADMIN:
            _keep_an_admin(session, account)
        if membership is None:
            session.add(Membership(account_id=account.id, page_id=page_id, role=wanted))
        else:
            membership.role = wanted
        change.audit(
            "grant role",
            "account",
            public_id,
            f"{before or 'none'} to {wanted}",
            page_id=page_id,
            before={"role": before},
            after={"role": wanted},
        )


def revoke_role(actor: Actor, public_id: str, page_id: int | None = None) -> None:
    """Take an account's role on a page, or that on all pages, away.  Takes the role admin there.

    Raises:
        Conflict: no one would be admin of all pages any more.
        NotAllowed: the actor's role isn't enough.
        NotFound: the account or page doesn't exist, or the account has no role there.
    """
    with changing_installation(actor, needs=None) as change:
        session = change.session
        page = _page(session, page_id)
        require(session, actor, Role.ADMIN, page)
        account = _lock(session, public_id)
        membership = _membership(session, account, page_id)
        if membership is None:
            raise NotFound(f"{account.name} has no role on {page.name if page is not None else 'all pages'}.")
        if page_id is None:
            _keep_an_admin(session, account)
        session.delete(membership)
        before = {"role": membership.role}
        change.audit("revoke role", "account", public_id, membership.role, page_id=page_id, before=before)


def deactivate(actor: Actor, public_id: str) -> None:
    """Sign an account out everywhere and let it in no more.  Takes the role admin on all pages.

    Raises:
        Conflict: no one would be admin of all pages any more.
        NotAllowed: the actor's role isn't enough.
        NotFound: the account doesn't exist.
    """
    with changing_installation(actor) as change:
        account = _lock(change.session, public_id)
        _keep_an_admin(change.session, account)
        account.active = False
        change.session.execute(delete(SignInSession).where(SignInSession.account_id == account.id))
        change.audit("deactivate", "account", public_id, before={"active": True}, after={"active": False})


def read_email(raw: str) -> str:
    """An email address as accounts are found by: trimmed and in lower case.

    Raises:
        Invalid: it isn't one.
    """
    email = clean_field(raw, name="email", label="The email address", limit=EMAIL_LIMIT).lower()
    if not _EMAIL.fullmatch(email):
        raise Invalid.field("email", "Enter a valid email address, such as name@example.com.")
    return email


def read_role(raw: str) -> Role:
    """A role by its name.

    Raises:
        Invalid: the role doesn't exist.
    """
    try:
        return Role(raw)
    except ValueError:
        raise Invalid.field("role", f"Choose a role: {', '.join(Role)}.") from None


def _add(session: Session, email: str, name: str, password_hash: str) -> Account:
    if session.scalar(select(exists().where(Account.email == email))):
        raise Conflict("An account with this email address already exists.")
    account = Account(email=email, name=name, password_hash=password_hash, created_at=now())
    session.add(account)
    session.flush()
    # an admin who makes an account vouches for its sign-in address, so its notices go there
    contact = AccountContact(account_id=account.id, channel=EMAIL, address=email, created_at=now())
    session.add(contact)
    session.flush()
    contacts.verify(session, contact)
    return account


def _page(session: Session, page_id: int | None) -> Page | None:
    """The page that a role is on; None for all of them.  Raises NotFound."""
    if page_id is None:
        return None
    page = session.get(Page, page_id, populate_existing=True)
    if page is None:
        raise NotFound("Page not found.")
    return page


def _membership(session: Session, account: Account, page_id: int | None) -> Membership | None:
    on_page = Membership.page_id.is_(None) if page_id is None else Membership.page_id == page_id
    return session.scalar(select(Membership).where(Membership.account_id == account.id, on_page))


def _lock(session: Session, public_id: str) -> Account:
    account = session.scalar(select(Account).where(Account.public_id == public_id).with_for_update())
    if account is None:
        raise NotFound("Account not found.")
    return account


def _keep_an_admin(session: Session, account: Account) -> None:
    """Refuse when `account` is the last active admin of all pages.

    All of them are locked, so that two don't leave at once.
    """
    admins = session.scalars(
        select(Account.id)
        .join(Membership, Membership.account_id == Account.id)
        .where(Membership.role == Role.ADMIN, Membership.page_id.is_(None), Account.active)
        .order_by(Account.id)
        .with_for_update(of=Account)
    ).all()
    if list(admins) == [account.id]:
        raise Conflict("You can't remove the last admin. Make someone else an admin first.")
