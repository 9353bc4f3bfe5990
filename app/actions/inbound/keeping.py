"""How long raw deliveries are kept: 7 days and 1 GB; a person who is erased is removed from them at once."""

import re
from collections.abc import Collection
from datetime import timedelta
from urllib.parse import quote

from sqlalchemy import delete, func, select, update

from app.actions.inbound import spool
from app.clock import now
from app.db import release, session, transaction
from app.models.inbound import InboundDelivery
from app.settings import Settings
from app.vocabulary import InboundState

KEEP = timedelta(days=7)
MOST_BYTES = 1_000_000_000
AT_ONCE = 200
ERASED = "erased on request"
_TAGGED = re.compile(rb"\+([dn][0-9]{1,18})-[0-9a-f]{12}@", re.IGNORECASE)


def prune(_settings: Settings) -> None:
    """Delete what is older than 7 days, and the oldest of the rest when it's more than 1 GB.

    What no one has read yet stays: it's read within a second as long as a worker runs.
    """
    is_done = InboundDelivery.state != InboundState.STORED
    with transaction() as writing:
        writing.execute(delete(InboundDelivery).where(is_done, InboundDelivery.received_at < now() - KEEP))
    surplus = (session().scalar(select(func.sum(InboundDelivery.size))) or 0) - MOST_BYTES
    oldest = select(InboundDelivery.id, InboundDelivery.size).where(is_done).order_by(InboundDelivery.id)
    gone: list[int] = []
    if surplus > 0:
        for row in session().execute(oldest).yield_per(1000):
            if surplus <= 0:
                break
            gone.append(row.id)
            surplus -= row.size
    release()
    for start in range(0, len(gone), AT_ONCE):
        with transaction() as writing:
            writing.execute(delete(InboundDelivery).where(InboundDelivery.id.in_(gone[start : start + AT_ONCE])))


def erase(settings: Settings, addresses: Collection[str], tags: Collection[str]) -> int:
    """Empty what mentions one of these addresses, or a return path with one of these tags such as "d12"; how many.

    The key stays, so that the same delivery isn't taken in again.
    """
    needles = _needles(addresses)
    wanted = {tag.encode() for tag in tags}
    found: list[int] = []
    rows = select(InboundDelivery.id, InboundDelivery.headers, InboundDelivery.body).where(InboundDelivery.size > 0)
    for row in session().execute(rows).yield_per(AT_ONCE):
        if _mentions(row.body + row.headers.encode(), needles, wanted):
            found.append(row.id)
    release()
    for start in range(0, len(found), AT_ONCE):
        with transaction() as writing:
            writing.execute(
                update(InboundDelivery)
                .where(InboundDelivery.id.in_(found[start : start + AT_ONCE]))
                .values(body=b"", headers="{}", size=0, state=InboundState.UNDERSTOOD, reason=ERASED)
            )
    spooled = [
        path
        for path, kept in spool.read_all(settings)
        if _mentions(kept.body + repr(kept.headers).encode(), needles, wanted)
    ]
    for path in spooled:
        path.unlink(missing_ok=True)
    return len(found) + len(spooled)


def _needles(addresses: Collection[str]) -> set[bytes]:
    """Addresses as JSON and mail write them, and as forms do."""
    plain = {address.lower() for address in addresses if address}
    return {spelled.encode() for address in plain for spelled in (address, quote(address, safe="").lower())}


def _mentions(text: bytes, needles: Collection[bytes], tags: Collection[bytes]) -> bool:
    lowered = text.lower()
    if any(needle in lowered for needle in needles):
        return True
    return bool(tags) and any(found[1] in tags for found in _TAGGED.finditer(lowered))
