"""Reading Statuspage's documents: each row checked and frozen, or refused with a sentence.

Two shapes are taken: that of the public /api/v2 documents (https://developer.statuspage.io and captured samples), and
the bare arrays that the Manage API answers at GET /v1/pages/{page_id}/incidents, /components and /component-groups
(its OpenAPI document).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from app.errors import Invalid
from app.text import markdown_to_html, shorten
from app.transfer.fields import (
    Fields,
    RowError,
    read_date,
    read_id,
    read_instant,
    read_line,
    read_list,
    read_maybe,
    read_status,
    read_text,
    read_whole,
    read_word,
)
from app.transfer.status_pages.documents import (
    Gathering,
    ImportedComponent,
    ImportedDocument,
    ImportedEffect,
    ImportedPost,
    ImportedUpdate,
    PageRow,
)
from app.transfer.status_pages.ids import foreign_id
from app.transfer.status_pages.json_files import load
from app.transfer.status_pages.texts import read_body
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus

LISTS = ("components", "incidents", "scheduled_maintenances")
MANAGED = "Manage API documents"
STRANGE = "it isn't an incident, component or component group"


def read_documents(paths: Iterable[Path]) -> list[ImportedDocument]:
    """Read files: a document for each of v2, and one for all arrays of v1, whose rows refer to each other.

    Raises:
        Invalid: one is neither; the sentence names the file.
    """
    found: list[ImportedDocument] = []
    managed: list[Any] = []
    empty: list[str] = []
    for path in paths:
        raw = load(path)
        if isinstance(raw, list):
            managed += raw
            empty += [] if raw else [path.name]
        elif isinstance(raw, dict) and any(isinstance(raw.get(key), list) for key in LISTS):
            found.append(_public(path.name, raw))
        else:
            raise Invalid(f"{path.name} isn't a Statuspage document: it has no list of components or incidents.")
    if empty and not managed:  # beside others that aren't, it says that there are no groups, or no incidents
        raise Invalid(f"{empty[0]} is an empty list.")
    return [*([_managed(managed)] if managed else []), *found]


def _public(name: str, raw: Fields) -> ImportedDocument:
    gathering = Gathering()
    gathering.add_components("component", raw.get("components"), _component)
    gathering.add_posts("incident", raw.get("incidents"), _post)
    gathering.add_posts("maintenance", raw.get("scheduled_maintenances"), _post)
    return gathering.document(name, _page(raw.get("page"), gathering))


def _managed(rows: list[Any]) -> ImportedDocument:
    """What a row is can be told from what it has: an incident its updates, a group the ids of its components."""
    gathering = Gathering()
    groups, components, posts = [], [], []
    for row in rows:
        known = row if isinstance(row, dict) else {}
        if isinstance(known.get("incident_updates"), list):
            posts.append(row)
        elif isinstance(known.get("components"), list) and "status" not in known:
            groups.append(row)
        elif "showcase" in known or "group_id" in known:
            components.append(row)
        else:
            gathering.refuse("row", row, STRANGE)
    gathering.add_components("group", groups, _group)
    named = {row.id for row in gathering.components}
    fresh = [row for row in components if row.get("group") is not True or str(row.get("id")).lower() not in named]
    gathering.add_components("component", fresh, _component)
    gathering.add_posts("incident", posts, _post)
    return gathering.document(MANAGED)


def _page(raw: Any, gathering: Gathering) -> PageRow | None:
    if not isinstance(raw, dict):
        return None
    try:
        zone = read_line(raw, "time_zone", 64) if raw.get("time_zone") else "Etc/UTC"
        return PageRow(read_id(raw), read_line(raw, "name", 100), read_line(raw, "url", 500), zone)
    except (RowError, Invalid) as error:
        gathering.refuse("page", {**raw, "name": ""}, str(error))
        return None


def _group(raw: Fields) -> ImportedComponent:
    created = read_instant(raw, "created_at")
    position = raw.get("position")
    place = int(position) if isinstance(position, str) and position.isdecimal() else position
    return ImportedComponent(
        id=read_id(raw),
        name=read_line(raw, "name", 200),
        status=None,
        description=read_text(raw, "description"),
        position=read_whole({"position": place}, "position"),
        is_group=True,
        created_at=created,
        updated_at=read_instant(raw, "updated_at", created),
    )


def _component(raw: Fields) -> ImportedComponent:
    created = read_instant(raw, "created_at")
    return ImportedComponent(
        id=read_id(raw),
        name=read_line(raw, "name", 200),
        status=read_word(raw, "status", ComponentStatus),
        description=read_text(raw, "description"),
        position=read_whole(raw, "position"),
        is_group=raw.get("group") is True,
        group_id=read_id(raw, "group_id") if raw.get("group_id") else None,
        showcase=raw.get("showcase") is True,
        only_show_if_degraded=raw.get("only_show_if_degraded") is True,
        start_date=read_date(raw, "start_date"),
        created_at=created,
        updated_at=read_instant(raw, "updated_at", created),
    )


def _post(raw: Fields) -> ImportedPost:
    kind = PostKind.MAINTENANCE if raw.get("scheduled_for") else PostKind.INCIDENT
    created = read_instant(raw, "created_at")
    updates = [_update(one, kind, raw) for one in read_list(raw, "incident_updates")]
    updates = sorted([*updates, *_postmortem(raw, updates)], key=lambda update: (update.display_at, update.id))
    if len({update.id for update in updates}) != len(updates):
        raise RowError("an update's id appears twice in it")
    began = updates[0].display_at if updates and raw.get("backfilled") is True else created
    return ImportedPost(
        id=read_id(raw),
        kind=kind,
        title=read_line(raw, "name", 500),
        status=read_status(raw, kind),
        impact=read_word(raw, "impact", Impact),
        started_at=read_instant(raw, "started_at", began),
        created_at=created,
        updated_at=read_instant(raw, "updated_at", created),
        monitoring_at=read_maybe(raw, "monitoring_at"),
        resolved_at=read_maybe(raw, "resolved_at"),
        scheduled_for=read_maybe(raw, "scheduled_for"),
        scheduled_until=read_maybe(raw, "scheduled_until"),
        component_ids=tuple(dict.fromkeys(read_id(one) for one in read_list(raw, "components"))),
        updates=tuple(updates),
    )


def _update(raw: Fields, kind: PostKind, post: Fields) -> ImportedUpdate:
    """One that was backfilled was written later, about the past: no one was told of it then."""
    created = read_instant(raw, "created_at")
    return ImportedUpdate(
        id=read_id(raw),
        status=read_status(raw, kind),
        body=read_text(raw, "body"),  # word for word, so that what comes out is what went in
        body_html=markdown_to_html(read_body(raw, "body")),
        display_at=read_instant(raw, "display_at", created),
        created_at=created,
        updated_at=read_instant(raw, "updated_at", created),
        notify=raw.get("deliver_notifications") is True and post.get("backfilled") is not True,
        effects=tuple(_effects(raw)),
    )


def _postmortem(raw: Fields, updates: Iterable[ImportedUpdate]) -> Iterable[ImportedUpdate]:
    """What was learned, where it was published and isn't among the updates already.  A draft is no one's business."""
    if not raw.get("postmortem_body") or not raw.get("postmortem_published_at"):
        return
    if any(update.status is PostStatus.POSTMORTEM for update in updates):
        return
    body = read_body(raw, "postmortem_body")
    at = read_instant(raw, "postmortem_published_at")
    yield ImportedUpdate(
        id=foreign_id("statuspage", "postmortem", read_id(raw)),
        status=PostStatus.POSTMORTEM,
        body=body,
        body_html=markdown_to_html(body),
        display_at=at,
        created_at=at,
        updated_at=read_instant(raw, "postmortem_body_last_updated_at", at),
        notify=raw.get("postmortem_notified_subscribers") is True,
    )


def _effects(raw: Fields) -> Iterable[ImportedEffect]:
    seen = set()
    for one in read_list(raw, "affected_components"):
        code = read_id(one, "code")
        if code not in seen:
            seen.add(code)
            yield ImportedEffect(
                code,
                shorten(read_line(one, "name", 1000), 420),
                read_word(one, "old_status", ComponentStatus),
                read_word(one, "new_status", ComponentStatus),
            )
