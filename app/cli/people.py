"""`candor user` and `candor subscribers`: accounts and subscribers."""

from collections.abc import Sequence
from typing import Any

import click
from sqlalchemy import func, select

from app.actions.accounts import accounts
from app.actions.subscribers import managing
from app.channels.base import AddedBy
from app.channels.registry import names as channel_names
from app.cli.shared import Answer, about_page, answers, page_named, password_from
from app.db import session
from app.errors import Invalid, NotFound
from app.models.account import Account
from app.models.membership import Membership
from app.models.page import Page
from app.models.subscriber import Subscriber
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.vocabulary import Role

ON_PAGE = click.option("--page", "page_slug", metavar="SLUG", default="", help="One page. Default: all pages.")


@click.group()
def user() -> None:
    """Manage accounts: the people who sign in."""


@user.command("add")
@click.option("--email", required=True, help="The email address to sign in with.")
@click.option("--name", default="", help="The person's name. Default: the email address.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="The role.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@ON_PAGE
@answers
def add_user(_settings: Settings, email: str, name: str, role: str, password_stdin: bool, page_slug: str) -> Answer:
    """Add an account with a role on one page or on all pages.

    Example: candor user add --email ravi@example.com --role lead --password-stdin < password.txt
    """
    password = password_from(password_stdin)
    page_id = page_named(page_slug) if page_slug else None
    public_id = accounts.create_account(
        COMMAND_LINE, email=email, name=name or email, password=password, role=role, page_id=page_id
    )
    where = page_slug or "all pages"
    facts = {"id": public_id, "email": email, "role": role, "page": page_slug or None}
    return Answer(f"{email} can sign in as {role} on {where}.", facts)


@user.command("grant")
@click.argument("email")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="The role.")
@ON_PAGE
@answers
def grant(_settings: Settings, email: str, role: str, page_slug: str) -> Answer:
    """Give an account a role on one page or on all pages. It replaces the role held there."""
    accounts.grant_role(COMMAND_LINE, _account(email), role, page_named(page_slug) if page_slug else None)
    where = page_slug or "all pages"
    return Answer(
        f"{email} now has the role {role} on {where}.", {"email": email, "role": role, "page": page_slug or None}
    )


@user.command("revoke")
@click.argument("email")
@ON_PAGE
@answers
def revoke(_settings: Settings, email: str, page_slug: str) -> Answer:
    """Remove an account's role on one page or on all pages."""
    accounts.revoke_role(COMMAND_LINE, _account(email), page_named(page_slug) if page_slug else None)
    where = page_slug or "all pages"
    return Answer(f"{email} no longer has a role on {where}.", {"email": email, "page": page_slug or None})


@user.command("list")
@answers
def list_users(_settings: Settings) -> Answer:
    """List all accounts with their roles."""
    slugs: dict[int | None, str] = {row.id: row.slug for row in session().scalars(select(Page))}
    roles: dict[int, dict[str, Role]] = {}
    for membership in session().scalars(select(Membership).order_by(Membership.id)):
        roles.setdefault(membership.account_id, {})[slugs.get(membership.page_id, "*")] = membership.role
    people: list[dict[str, Any]] = [
        {
            "id": row.public_id,
            "email": row.email,
            "name": row.name,
            "role": roles.get(row.id, {}).get("*"),
            "page_roles": {slug: role for slug, role in roles.get(row.id, {}).items() if slug != "*"},
            "active": row.active,
        }
        for row in session().scalars(select(Account).order_by(Account.email))
    ]
    lines = []
    for one in people:
        lines.append(f"{one['role'] or '-':<10} {one['email']}{'' if one['active'] else ' (deactivated)'}")
        lines += [f"  {role:<10} on {slug}" for slug, role in one["page_roles"].items()]
    return Answer("\n".join(lines) or "No accounts yet.", {"users": people})


@user.command("deactivate")
@click.argument("email")
@answers
def deactivate(_settings: Settings, email: str) -> Answer:
    """Deactivate an account. The person is signed out and can't sign in again."""
    accounts.deactivate(COMMAND_LINE, _account(email))
    return Answer(f"{email} can no longer sign in.", {"email": email})


@user.command("set-password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@answers
def set_password(_settings: Settings, email: str, password_stdin: bool) -> Answer:
    """Set an account's password. The person is signed out everywhere."""
    accounts.set_password(COMMAND_LINE, _account(email), password_from(password_stdin))
    return Answer(f"Password of {email} changed.", {"email": email})


def _account(email: str) -> str:
    found = session().scalar(select(Account.public_id).where(Account.email == email.strip().lower()))
    if found is None:
        raise NotFound(f"No account has the email address {email}.")
    return found


@click.group("subscribers")
def subscriber() -> None:
    """Manage the subscribers who get notifications."""


@subscriber.command("add")
@click.argument("channel", type=click.Choice(channel_names(AddedBy.READERS, AddedBy.OPERATORS)))
@click.argument("address")
@click.option("--label", default="", help="Name to show in place of an address that is secret.")
@click.option("--component", "components", multiple=True, help="Notify only about this component, by id. Repeatable.")
@click.option("--owner-email", default="", help="Whom to email if the webhook is disabled.")
@click.option("--confirmed", is_flag=True, help="Skip the confirmation: the owner has agreed.")
@answers
@about_page
def add_subscriber(
    settings: Settings,
    page_id: int,
    channel: str,
    address: str,
    label: str,
    components: Sequence[str],
    owner_email: str,
    confirmed: bool,
) -> Answer:
    """Add a subscriber.

    ADDRESS is an email address, a phone number, an Apprise URL or a webhook's URL, depending on CHANNEL. Email
    addresses and phone numbers get a request to confirm.

    Example: candor subscribers add email eve@example.com
    """
    if channel in channel_names(AddedBy.READERS):
        made = managing.add_subscriber(
            settings, COMMAND_LINE, page_id, channel, address, components, is_confirmed=confirmed
        )
        done = f"Subscriber {made} added." if confirmed else f"Subscriber {made} added; a request to confirm is sent."
        return Answer(done, {"id": made, "channel": channel, "confirmed": confirmed})
    if not label:
        raise Invalid.field("label", "Add --label. People see it instead of the address.")
    secret = managing.add_endpoint(settings, COMMAND_LINE, page_id, channel, address, label, components, owner_email)
    said = f"{label} subscribed." + (f" Copy the signing secret now; it isn't shown again: {secret}" if secret else "")
    return Answer(said, {"label": label, "channel": channel, "secret": secret or None})


@subscriber.command("list")
@answers
def list_subscribers(_settings: Settings) -> Answer:
    """Count subscribers by channel and state."""
    rows = session().execute(
        select(Subscriber.channel, Subscriber.state, func.count()).group_by(Subscriber.channel, Subscriber.state)
    )
    counts = [{"channel": channel, "state": state, "count": count} for channel, state, count in rows]
    lines = [f"{row['channel']:<8} {row['state']:<13} {row['count']:>8,}" for row in counts]
    return Answer("\n".join(lines) or "No subscribers yet.", {"subscribers": counts})


COMMANDS = (user, subscriber, click.Group("subscriber", subscriber.commands, hidden=True))
