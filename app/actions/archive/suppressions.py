"""Addresses never to be written to.  They are known by a hash that holds only where the SECRET_KEY is the same."""

import re
from typing import Any

from sqlalchemy import func, select, tuple_

from app.actions.archive.report import KEPT, LEFT_OUT, TAKEN
from app.actions.archive.rows import Taking, Values, batches, check_keys, refuse
from app.actions.archive.tables import SUPPRESSIONS
from app.actions.archive.writing import key_check
from app.actions.imports.fields import RowError
from app.models.subscriber import Subscriber, Suppression
from app.states import subscribers

_HASH = re.compile(r"[0-9a-f]{64}")


def take_suppressions(taking: Taking, *, left_out: bool) -> None:
    """Take those whose address is known, or whose hash holds here.

    Raises:
        Invalid: some can not be recognised here, and nobody said that they may be left out.
    """
    newest = taking.session.scalar(select(func.max(Suppression.id))) or 0
    is_same_key = taking.archive.manifest.key_check == key_check(taking.settings)
    unknown = 0
    for lines in batches(taking.archive.lines(SUPPRESSIONS.file)):
        rows = [(number, *_read(taking, number, row)) for number, row in lines]
        hashes = _hashes(taking, [name for _, name, _ in rows if name is not None])
        wanted: list[tuple[int, Values]] = []
        for number, name, values in rows:
            if name is not None:
                if name not in hashes:
                    refuse(taking, SUPPRESSIONS, number, "its subscriber is not in the archive")
                wanted.append((number, {**values, "address_hash": hashes[name]}))
            elif is_same_key:
                wanted.append((number, values))
            else:
                unknown += 1
        _write(taking, wanted, newest)
    if unknown and not left_out:
        taking.archive.refuse(
            f"{unknown:,} address{'es' * (unknown > 1)} that must never be written to can be told only by a keyed "
            "hash, and this installation has another SECRET_KEY. Set SECRET_KEY to that of the installation which made "
            "the archive, or pass --without-suppressions to leave them out."
        )
    taking.report.count(SUPPRESSIONS.file, LEFT_OUT, unknown)


def _read(taking: Taking, number: int, row: Values) -> tuple[str | None, Values]:
    """Whose address it is, if that is said, and the columns."""
    try:
        check_keys(SUPPRESSIONS, row)
        values: Values = {one.name: one.read(row) for one in SUPPRESSIONS.fields}
        name, hashed = row.get("subscriber"), row.get("address_hash")
        if isinstance(name, str) and hashed is None:
            return name, values
        if name is None and isinstance(hashed, str) and _HASH.fullmatch(hashed):
            return None, {**values, "address_hash": hashed}
        raise RowError("it says neither its subscriber nor its address_hash")
    except RowError as error:
        taking.archive.refuse(f"{SUPPRESSIONS.file}, line {number}: {error}.")


def _hashes(taking: Taking, names: list[str]) -> dict[str, str]:
    found = taking.session.execute(
        select(Subscriber.public_id, Subscriber.address_hash).where(
            Subscriber.page_id == taking.page_id, Subscriber.public_id.in_(names)
        )
    )
    return {row[0]: row[1] for row in found} | taking.kept_hashes


def _write(taking: Taking, wanted: list[tuple[int, Values]], newest: int) -> None:
    pairs: dict[tuple[Any, Any], int] = {}
    for number, values in wanted:
        if pairs.setdefault((values["channel"], values["address_hash"]), number) != number:
            refuse(taking, SUPPRESSIONS, number, "the same address stands twice")
    known = {}
    if pairs:
        here = tuple_(Suppression.channel, Suppression.address_hash).in_(list(pairs))
        for row in taking.session.execute(
            select(Suppression.id, Suppression.channel, Suppression.address_hash).where(here)
        ):
            if row.id > newest:
                refuse(taking, SUPPRESSIONS, pairs[row.channel, row.address_hash], "the same address stands twice")
            known[row.channel, row.address_hash] = row.id
    fresh = [values for _, values in wanted if (values["channel"], values["address_hash"]) not in known]
    taking.report.count(SUPPRESSIONS.file, KEPT, len(wanted) - len(fresh))
    taking.report.count(SUPPRESSIONS.file, TAKEN, len(fresh))
    subscribers.insert_suppressions(taking.session, fresh)
