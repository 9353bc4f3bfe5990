"""Internal incidents, from a shell: declared, shown, staffed and resolved."""

from typing import Any

import click
from sqlalchemy import select

from app.actions import incidents as actions
from app.cli.shared import Answer, about_page, answers
from app.db import session
from app.errors import NotFound
from app.inputs.base import from_options
from app.inputs.incidents import IncidentInput, IncidentRoleInput
from app.models.account import Account
from app.queries import incidents as queries
from app.queries.incidents import IncidentRow
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.vocabulary import IncidentRoleName, Severity


@click.group()
def incident() -> None:
    """Internal incidents. Nothing about them is public."""


@incident.command("declare")
@click.option("--title", required=True, help="What happens, in internal words.")
@click.option("--severity", type=click.Choice([one.value for one in Severity]), required=True)
@click.option("--record", "record_url", default="", metavar="URL", help="Its record in a tracker.")
@answers
def declare(_settings: Settings, title: str, severity: str, record_url: str) -> Answer:
    """Declare an incident without publishing anything."""
    options = {"title": title, "severity": severity, "record_url": record_url}
    given = from_options(IncidentInput, options, {"record_url": "--record"})
    made = actions.declare_incident(COMMAND_LINE, title=given.title, severity=given.severity, links=given.links)
    return Answer(f"Declared {made}. Nothing is public yet.", {"id": made})


@incident.command("list")
@click.option("--resolved", is_flag=True, help="List the incidents resolved last instead of the open ones.")
@answers
def list_incidents(_settings: Settings, resolved: bool) -> Answer:
    """List the open incidents, the most severe first."""
    found = queries.recent_incidents(session()) if resolved else queries.open_incidents(session())
    lines = [f"{row.public_id}  {row.severity}  {row.title}" for row in found]
    return Answer("\n".join(lines) or "No incidents.", {"incidents": [_facts(row) for row in found]})


@incident.command("show")
@click.argument("public_id")
@answers
def show(_settings: Settings, public_id: str) -> Answer:
    """Show one incident: its roles, public posts, records and timeline."""
    row = queries.incident_row(session(), public_id)
    entries = queries.timeline(session(), row.id)
    state = f"resolved {row.resolved_at:%Y-%m-%d %H:%M} UTC" if row.resolved_at else "open"
    lines = [f"{row.severity}  {row.title}", f"Declared {row.declared_at:%Y-%m-%d %H:%M} UTC, {state}."]
    for role in IncidentRoleName:
        held = row.holder(role)
        lines.append(f"{role.label}: {held.person if held else 'nobody'}")
    lines += [f"Post {post.public_id} on {post.page_slug}: {post.title}, {post.status.label}" for post in row.posts]
    lines += [f"Record {link.key}: {link.url}" for link in row.links]
    lines += [f"{entry.at:%Y-%m-%d %H:%M} UTC  {entry.actor}: {entry.text}" for entry in reversed(entries)]
    timeline = [{"at": entry.at.isoformat(), "actor": entry.actor, "text": entry.text} for entry in entries]
    return Answer("\n".join(lines), {**_facts(row), "timeline": timeline})


@incident.command("role")
@click.argument("public_id")
@click.argument("role", type=click.Choice([one.value for one in IncidentRoleName]))
@click.option("--account", "email", default="", metavar="EMAIL", help="Who takes the role, by their account's email.")
@click.option("--person", default="", metavar="NAME", help="Someone without an account.")
@answers
def set_role(_settings: Settings, public_id: str, role: str, email: str, person: str) -> Answer:
    """Give a role to someone; to no one without --account and --person."""
    account_id = _account(email) if email else ""
    given = from_options(IncidentRoleInput, {"role": role, "account": account_id, "person": person})
    actions.set_role(COMMAND_LINE, public_id, given.role, account_id=given.account, person=given.person)
    held = queries.incident_row(session(), public_id).holder(given.role)
    facts = {"id": public_id, "role": role, "person": held.person if held else None}
    return Answer(f"{given.role.label}: {held.person if held else 'nobody'}.", facts)


@incident.command("post")
@click.argument("public_id")
@click.argument("post_id")
@answers
@about_page
def tie_post(settings: Settings, page_id: int, public_id: str, post_id: str) -> Answer:
    """Have a post that is already public speak for an incident."""
    actions.tie_post(settings, COMMAND_LINE, page_id, post_id, public_id)
    return Answer(f"Post {post_id} belongs to incident {public_id}.", {"id": public_id, "post": post_id})


@incident.command("resolve")
@click.argument("public_id")
@answers
def resolve(_settings: Settings, public_id: str) -> Answer:
    """Close an incident that has no open post."""
    actions.resolve_incident(COMMAND_LINE, public_id)
    return Answer(f"{public_id} is resolved.", {"id": public_id, "state": "resolved"})


@incident.command("reopen")
@click.argument("public_id")
@answers
def reopen(_settings: Settings, public_id: str) -> Answer:
    """Open an incident again."""
    actions.reopen_incident(COMMAND_LINE, public_id)
    return Answer(f"{public_id} is open.", {"id": public_id, "state": "open"})


def _account(email: str) -> str:
    found = session().scalar(select(Account.public_id).where(Account.email == email.strip().lower()))
    if found is None:
        raise NotFound(f"No account has the email address {email}.")
    return found


def _facts(row: IncidentRow) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "title": row.title,
        "severity": row.severity,
        "declared_at": row.declared_at.isoformat(),
        "resolved_at": row.resolved_at.isoformat() if row.resolved_at else None,
        "roles": [
            {
                "role": one.role,
                "account": one.account_id or None,
                "person": one.person,
                "from": one.from_at.isoformat(),
                "to": one.to_at.isoformat() if one.to_at else None,
            }
            for one in row.roles
        ],
        "posts": [{"id": post.public_id, "page": post.page_slug, "title": post.title} for post in row.posts],
        "records": [{"key": link.key, "url": link.url} for link in row.links],
    }


COMMANDS = (incident,)
