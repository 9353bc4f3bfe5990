"""Contacts of people with an account, and the notices that they got, from a shell."""

from typing import Any

import click
from sqlalchemy import select

from app.actions.accounts import contacts as actions
from app.channels.registry import all_channels
from app.cli.people import user
from app.cli.shared import Answer, answers
from app.db import session
from app.errors import NotFound
from app.inputs.base import from_options
from app.inputs.contacts import ContactCode, ContactInput
from app.models.account import Account
from app.queries import contacts as queries
from app.settings import Settings
from app.shapes import COMMAND_LINE


@user.group("contact")
def contact() -> None:
    """Where people get notices about incidents and drafts."""


@contact.command("add")
@click.argument("email")
@click.argument("channel", type=click.Choice([one.name for one in all_channels() if one.reaches_people]))
@click.argument("address")
@click.option("--label", default="", help="What is shown instead of an address that holds a secret.")
@click.option("--verified", is_flag=True, help="You vouch for the address; no code is sent.")
@answers
def add(settings: Settings, email: str, channel: str, address: str, label: str, verified: bool) -> Answer:
    """Add a contact to an account. A code is sent there, unless you vouch for it."""
    options = {"channel": channel, "address": address, "label": label}
    given = from_options(ContactInput, options, {"channel": "CHANNEL", "address": "ADDRESS"})
    made = actions.add_contact(
        settings,
        COMMAND_LINE,
        _account(email).public_id,
        channel=given.channel,
        address=given.address,
        label=given.label,
        is_vouched_for=verified,
    )
    said = "is verified" if verified else "gets a code. Enter it under Account, or run candor user contact verify"
    return Answer(f"Contact {made} {said}.", {"id": made, "verified": verified})


@contact.command("list")
@click.argument("email")
@answers
def list_contacts(_settings: Settings, email: str) -> Answer:
    """List an account's contacts. Addresses are shown in part."""
    found = queries.contacts(session(), _account(email).id)
    lines = [
        f"{one.public_id}  {one.channel:<8} {one.shown}"
        + ("  default" if one.is_default else "" if one.is_verified else "  not verified")
        for one in found
    ]
    facts: list[dict[str, Any]] = [
        {
            "id": one.public_id,
            "channel": one.channel,
            "address": one.shown,
            "verified": one.is_verified,
            "default": one.is_default,
        }
        for one in found
    ]
    return Answer("\n".join(lines) or "No contacts.", {"contacts": facts})


@contact.command("verify")
@click.argument("public_id")
@click.argument("code")
@answers
def verify(settings: Settings, public_id: str, code: str) -> Answer:
    """Verify a contact by the code that was sent there."""
    given = from_options(ContactCode, {"code": code}, {"code": "CODE"})
    actions.verify_contact(settings, COMMAND_LINE, public_id, given.code)
    return Answer(f"Contact {public_id} is verified.", {"id": public_id, "verified": True})


@contact.command("default")
@click.argument("public_id")
@answers
def prefer(_settings: Settings, public_id: str) -> Answer:
    """Send an account's notices to this contact."""
    actions.prefer_contact(COMMAND_LINE, public_id)
    return Answer(f"Notices go to contact {public_id}.", {"id": public_id, "default": True})


@contact.command("remove")
@click.argument("public_id")
@answers
def remove(_settings: Settings, public_id: str) -> Answer:
    """Remove a contact."""
    actions.remove_contact(COMMAND_LINE, public_id)
    return Answer(f"Contact {public_id} is removed.", {"id": public_id})


@user.command("notices")
@click.argument("email", default="")
@answers
def list_notices(_settings: Settings, email: str) -> Answer:
    """List the newest notices to one account, or to all, and what became of each."""
    found = queries.notices(session(), _account(email).id if email else None)
    counts = {state.value: count for state, count in queries.notice_counts(session()).items()}
    lines = [
        f"{one.created_at:%Y-%m-%d %H:%M} UTC  {one.state:<8} {one.account}  {one.subject}"
        + (f" ({one.reason})" if one.reason else "")
        for one in found
    ]
    facts: list[dict[str, Any]] = [
        {
            "account": one.account,
            "kind": one.kind,
            "channel": one.channel,
            "to": one.shown,
            "subject": one.subject,
            "state": one.state,
            "reason": one.reason,
            "attempts": one.attempts,
            "created_at": one.created_at.isoformat(),
            "settled_at": one.settled_at.isoformat() if one.settled_at else None,
        }
        for one in found
    ]
    return Answer("\n".join(lines) or "No notices.", {"notices": facts, "last_24_hours": counts})


def _account(email: str) -> Account:
    found = session().scalar(select(Account).where(Account.email == email.strip().lower()))
    if found is None:
        raise NotFound(f"No account has the email address {email}.")
    return found
