"""From tables to an archive, some thousand rows at a time and as of one instant."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session, aliased

from app.clock import now
from app.db import one_instant
from app.models.component import Component
from app.models.page import Page, PageLogo
from app.models.subscriber import ERASED, Subscriber
from app.settings import Settings
from app.transfer.archive.format import MANIFEST, PAGE, TABLES, MappedClass, Table, belongs, field_of, to_json

FORMAT, VERSION = "candor-archive", 1
ROWS_AT_ONCE = 2000
PAGE_FIELDS = tuple(
    field_of(column, None)
    for column in Page.__table__.c
    if column.name not in {"id", "slug", "revision", "rebuild_revision", "purge_revision"}
)
_MODE = 0o600 << 16
_ALWAYS = (1980, 1, 1, 0, 0, 0)
"""No file of an archive has a time of its own: the same rows make the same bytes."""


@dataclass(frozen=True, slots=True)
class Archived:
    """What was written: how many rows of each file."""

    page: str
    rows: dict[str, int]


def key_check(settings: Settings) -> str:
    """Tells whether two installations have the same SECRET_KEY, and nothing else about it."""
    return hmac.new(settings.secret_key.encode(), b"candor archive: same key?", hashlib.sha256).hexdigest()[:16]


def write_archive(settings: Settings, page_id: int, out: BinaryIO, version: str) -> Archived:
    """Write the whole of a page into `out`, as of one instant, despite concurrent writes.

    `version` is Candor's, and only told.

    Raises:
        Unavailable: the database can't be read.
        OSError: `out` can't be written.
    """
    with one_instant() as session:
        return _write(settings, session, page_id, out, version)


def _write(settings: Settings, session: Session, page_id: int, out: BinaryIO, version: str) -> Archived:
    page = _page(session, page_id)
    files: dict[str, dict[str, Any]] = {}
    with ZipFile(out, "w") as archive:
        files[PAGE] = _put(archive, PAGE, iter([page]))
        for table in TABLES:
            files[table.file] = _put(archive, table.file, lines(session, table, page_id))
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "candor": version,
            "exported_at": to_json(now()),
            "key_check": key_check(settings),
            "page": {"id": page["public_id"], "name": page["name"]},
            "files": files,
        }
        with archive.open(_entry(MANIFEST), "w") as file:
            file.write(json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n")
    return Archived(page["name"], {name: facts["rows"] for name, facts in files.items()})


def _put(archive: ZipFile, name: str, rows: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Write one file; how many rows it has, and what they hash to."""
    count, hashed = 0, hashlib.sha256()
    with archive.open(_entry(name), "w", force_zip64=True) as file:
        for row in rows:
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            file.write(line)
            hashed.update(line)
            count += 1
    return {"rows": count, "sha256": hashed.hexdigest()}


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, _ALWAYS)
    entry.compress_type, entry.external_attr = ZIP_DEFLATED, _MODE
    return entry


def _page(session: Session, page_id: int) -> dict[str, Any]:
    page = session.get_one(Page, page_id)
    logo = session.get(PageLogo, page_id)
    held = None
    if logo is not None:
        body = b64encode(logo.body).decode()
        held = {"content_type": logo.content_type, "body": body, "updated_at": to_json(logo.updated_at)}
    return {**{one.name: to_json(getattr(page, one.name)) for one in PAGE_FIELDS}, "logo": held}


def lines(session: Session, table: Table, page_id: int) -> Iterator[dict[str, Any]]:
    """A table's rows as an archive holds them, in the order they came.  At most two queries for some thousand."""
    model, last = table.model, 0
    targets = [aliased(reference.target) for reference in table.references]
    columns = [getattr(model, field.name) for field in table.fields]
    statement = select(model.id, *[target.public_id for target in targets], *columns)
    for reference, target in zip(table.references, targets, strict=True):
        statement = statement.outerjoin(target, target.id == reference.column)
    if table.is_shared:
        statement = _with_subscriber(statement, model, page_id)
    else:
        statement = statement.where(belongs(model, page_id))
    while rows := session.execute(statement.where(model.id > last).order_by(model.id).limit(ROWS_AT_ONCE)).all():
        last = rows[-1][0]
        chosen = _chosen(session, table, [row[0] for row in rows])
        for row in rows:
            if not (model is Subscriber and row.address == f"{ERASED}{row[0]}"):
                yield _line(table, row, chosen)


def _with_subscriber(statement: Any, model: MappedClass, page_id: int) -> Any:
    """Who of the page is meant, where it is known: a hash alone holds only where the SECRET_KEY is the same."""
    same = and_(
        Subscriber.page_id == page_id,
        Subscriber.channel == model.channel,
        Subscriber.address_hash == model.address_hash,
    )
    return statement.add_columns(Subscriber.public_id, model.address_hash).outerjoin(Subscriber, same)


def _line(table: Table, row: Row[*tuple[Any, ...]], chosen: dict[int, list[str]]) -> dict[str, Any]:
    values = [to_json(value) for value in row[1:]]
    if table.choice:
        values.append(sorted(chosen[row[0]]))
    line = dict(zip(table.keys, values, strict=True))
    if table.is_shared and line["subscriber"] is not None:
        line["address_hash"] = None
    return line


def _chosen(session: Session, table: Table, row_ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    if table.choice is None:
        return found
    owner, component = table.choice.owner, table.choice.component
    for row_id, public_id in session.execute(
        select(owner, Component.public_id).join(Component, Component.id == component).where(owner.in_(row_ids))
    ):
        found[row_id].append(public_id)
    return found
