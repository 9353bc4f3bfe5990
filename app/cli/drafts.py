"""`candor draft`: list, schedule, publish and discard drafts."""

from typing import Any

import click

from app.actions.posts import drafts as actions
from app.cli.shared import Answer, about_page, answers
from app.db import session
from app.inputs.base import from_options
from app.inputs.drafts import DraftSchedule
from app.queries import drafts as queries
from app.queries.drafts import DraftView
from app.settings import Settings
from app.shapes import COMMAND_LINE, SavedDraft, Waiting


@click.group()
def draft() -> None:
    """Manage updates that aren't published yet."""


@draft.command("list")
@answers
@about_page
def list_drafts(_settings: Settings, page_id: int) -> Answer:
    """List drafts that can still be published, newest first."""
    found = queries.open_drafts(session(), page_id)
    return Answer("\n".join(_line(one) for one in found) or "No drafts.", {"drafts": [_facts(one) for one in found]})


@draft.command("show")
@click.argument("public_id")
@answers
@about_page
def show_draft(_settings: Settings, page_id: int, public_id: str) -> Answer:
    """Show one draft."""
    one = queries.draft(session(), page_id, public_id)
    lines = [_line(one), *([f"Not published: {one.problem}"] if one.problem else []), "", one.body]
    return Answer("\n".join(lines), _facts(one))


@draft.command("schedule")
@click.argument("public_id")
@click.option("--at", "at", required=True, metavar="TIME", help="When to publish it, such as 2026-12-01T22:00+01:00.")
@click.option("--publish-anyway", is_flag=True, help="Publish although the text may contain internal names.")
@answers
@about_page
def schedule_draft(settings: Settings, page_id: int, public_id: str, at: str, publish_anyway: bool) -> Answer:
    """Schedule a draft. A worker publishes it at that time, exactly as it is now.

    Example: candor draft schedule 4m2c7xk9pwqz --at 2026-12-01T22:00+01:00
    """
    when = from_options(DraftSchedule, {"publish_at": at}, {"publish_at": "--at"}).publish_at
    saved = actions.schedule_draft(settings, COMMAND_LINE, page_id, public_id, when, acknowledged=publish_anyway)
    return _answer(f"Scheduled for {when.isoformat()}.", saved)


@draft.command("unschedule")
@click.argument("public_id")
@answers
@about_page
def unschedule_draft(settings: Settings, page_id: int, public_id: str) -> Answer:
    """Cancel a scheduled publication. The draft stays."""
    return _answer("Unscheduled.", actions.unschedule_draft(settings, COMMAND_LINE, page_id, public_id))


@draft.command("publish")
@click.argument("public_id")
@click.option("--publish-anyway", is_flag=True, help="Publish although the text may contain internal names.")
@answers
@about_page
def publish_draft(settings: Settings, page_id: int, public_id: str, publish_anyway: bool) -> Answer:
    """Publish a draft now."""
    made = actions.publish_draft(settings, COMMAND_LINE, page_id, public_id, acknowledged=publish_anyway)
    if isinstance(made, Waiting):
        return Answer(
            f"It will be published at {made.publish_at.isoformat()}.",
            {"id": made.draft_id, "publish_at": made.publish_at.isoformat(), "repeated": made.repeated},
        )
    word = "Already published" if made.repeated else "Published"
    return Answer(
        f"{word}: {made.post_id}", {"post": made.post_id, "update": made.update_id, "repeated": made.repeated}
    )


@draft.command("discard")
@click.argument("public_id")
@answers
@about_page
def discard_draft(settings: Settings, page_id: int, public_id: str) -> Answer:
    """Discard a draft."""
    return _answer("Discarded.", actions.discard_draft(settings, COMMAND_LINE, page_id, public_id))


def _answer(text: str, saved: SavedDraft) -> Answer:
    return Answer(text, {"id": saved.public_id, "state": saved.state, "version": saved.version})


def _line(one: DraftView) -> str:
    about = one.title or one.post_title or "(no title)"
    when = f" at {one.publish_at:%Y-%m-%d %H:%M} UTC" if one.publish_at else ""
    return f"{one.public_id}  {one.state}{when}  {one.status}  {about}"


def _facts(one: DraftView) -> dict[str, Any]:
    return {
        "id": one.public_id,
        "state": one.state,
        "kind": one.kind,
        "status": one.status,
        "title": one.title,
        "body": one.body,
        "post": one.post_id or None,
        "publish_at": one.publish_at,
        "problem": one.problem or None,
        "update": one.update_id or None,
        "edited_by": one.edited_by,
        "version": one.version,
    }


COMMANDS = (draft,)
