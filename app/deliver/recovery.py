"""Recovery after a crash on this machine: reads dead senders' journals, settles what was sent, gives the rest back."""

import logging
from pathlib import Path

from app.db import session
from app.deliver import journal, ledger, settling
from app.models.account_contact import AccountNotice
from app.models.delivery import Delivery, Notice
from app.settings import Settings
from app.states.deliveries import Ledger

logger = logging.getLogger(__name__)
LEDGERS: tuple[Ledger, ...] = (Delivery, Notice, AccountNotice)
"""Every table that is a queue: what a dead process held in one of them is taken over."""

_BY_NAME: dict[str, Ledger] = {ledger.__tablename__: ledger for ledger in LEDGERS}


def owner_name(table: Ledger, rest: str) -> str:
    """A sender's name, from which a later process can tell which ledger it worked on."""
    return f"{table.__tablename__}-{rest}"


def recover(settings: Settings) -> int:
    """Settle and give back what dead senders of this machine held; how many senders that were."""
    return sum(_recover_one(path) for path in journal.journals(settings.journal))


def living(settings: Settings) -> list[str]:
    """The senders of this machine that are alive: their journals are locked."""
    return [path.stem for path in journal.journals(settings.journal) if journal.is_owned(path)]


def _recover_one(path: Path) -> int:
    with journal.orphan(path) as found:
        if found is None:
            return 0
        owner, outcomes = found
        table = _BY_NAME.get(owner.partition("-")[0])
        if table is not None:
            claims = {claim.id: claim for claim in ledger.claims_of(session(), table, owner)}
            last = {outcome.delivery_id: outcome for outcome in outcomes}
            settling.settle(table, owner, claims, list(last.values()))
            ledger.release(table, owner)
            if claims:
                logger.warning("%s died: %d outcomes settled, %d claims looked at", owner, len(outcomes), len(claims))
        return 1
