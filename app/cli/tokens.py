"""`candor token`: API tokens."""

from collections.abc import Sequence
from typing import Any

import click
from sqlalchemy import select

from app.actions.accounts import api_tokens
from app.cli.shared import Answer, answers, page_named
from app.clock import now
from app.db import session
from app.models.api_token import ApiToken
from app.models.page import Page
from app.settings import Settings
from app.shapes import COMMAND_LINE
from app.vocabulary import Scope


@click.group()
def token() -> None:
    """Manage API tokens."""


@token.command("create")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice([scope.value for scope in Scope]),
    help="What the token may do. Repeatable.",
)  # fmt: skip
@click.option("--days", type=int, default=None, help="Days until it expires. Default: never.")
@click.option(
    "--page", "page_slug", metavar="SLUG", default="", help="Limit the token to one page. Default: all pages."
)
@answers
def create(_settings: Settings, name: str, scopes: Sequence[str], days: int | None, page_slug: str) -> Answer:
    """Create an API token. It is shown only once.

    Example: candor token create deploy-bot --scope posts --days 90
    """
    page_id = page_named(page_slug) if page_slug else None
    public_id, made = api_tokens.create_token(COMMAND_LINE, name=name, scopes=scopes, days=days, page_id=page_id)
    said = f"Token created. Copy it now; it isn't shown again: {made}"
    return Answer(said, {"id": public_id, "name": name, "scopes": list(scopes), "token": made})


@token.command("list")
@answers
def list_tokens(_settings: Settings) -> Answer:
    """List all API tokens, including expired and revoked ones."""
    rows = session().scalars(select(ApiToken).order_by(ApiToken.created_at, ApiToken.id)).all()
    at = now()
    slugs: dict[int | None, str] = {row.id: row.slug for row in session().scalars(select(Page))}
    found: list[dict[str, Any]] = [
        {
            "id": row.public_id,
            "name": row.name,
            "page": slugs.get(row.page_id),
            "begins": row.begins,
            "scopes": row.scopes.split(","),
            "state": api_tokens.state_of(row, at),
            "created_at": row.created_at.isoformat(),
            "expires_at": row.expires_at.isoformat() if row.expires_at else None,
            "last_used_at": row.last_used_at.isoformat(timespec="seconds") if row.last_used_at else None,
        }
        for row in rows
    ]
    lines = [
        f"{one['id']}  {one['state']:<8} {one['name']:<24} {','.join(one['scopes']):<24} "
        f"{one['page'] or 'all pages':<12} {one['last_used_at'] or 'never used'}"
        for one in found
    ]
    return Answer("\n".join(lines) or "No tokens yet.", {"tokens": found})


@token.command("revoke")
@click.argument("public_id", metavar="ID")
@answers
def revoke(_settings: Settings, public_id: str) -> Answer:
    """Revoke an API token."""
    api_tokens.revoke_token(COMMAND_LINE, public_id)
    return Answer("Token revoked.", {"id": public_id})


COMMANDS = (token,)
