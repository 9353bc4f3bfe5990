"""One lane: claims from the ledger, sends over one warm connection, notes and settles what happened."""

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby

from app.channels.base import Sender
from app.channels.registry import channel
from app.db import release as release_connection
from app.db import session
from app.deliver import ledger, recovery
from app.deliver.addressing import Addressed, address_deliveries, address_notice
from app.deliver.journal import Journal
from app.deliver.ledger import Claim, Ledger
from app.deliver.letters import Letters, notice_letter
from app.errors import Unavailable
from app.models.delivery import Delivery, Notice
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.vocabulary import ChannelName, DeliveryState

logger = logging.getLogger(__name__)
BATCH = 200
FLUSH_EVERY = 50
FLUSH_SECONDS = 1.0
FAULT = "an internal fault; it is in the log"


class Lane:
    """One sender of one channel, used from one thread inside an application context."""

    def __init__(self, settings: Settings, name: ChannelName, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._settings = settings
        self._name = name
        self._is_stopping = is_stopping
        self._sender: Sender | None = None
        self._letters = Letters(settings)
        self._journals: dict[Ledger, Journal] = {}
        self._unsettled: _Run | None = None

    def work(self) -> int:
        """Send one batch of what is due, single notices first; how many rows were claimed.

        Raises:
            Unavailable: the database went away.  What went out is in the journal and is settled first next time.
        """
        if self._unsettled is not None:
            self._unsettled.finish()
            self._unsettled = None
        return self._work(Notice) or self._work(Delivery)

    def close(self) -> None:
        """Leave in order: connections closed, journals empty and gone."""
        if self._sender is not None:
            self._sender.close()
        if self._unsettled is not None:
            self._unsettled.finish()
        for journal in self._journals.values():
            journal.close()

    def _work(self, table: Ledger) -> int:
        if not ledger.has_due(session(), table, self._name):
            release_connection()
            return 0
        journal = self._journal(table)
        claims = ledger.claim(table, self._name, journal.owner, BATCH)
        run = self._unsettled = _Run(table, journal, claims)
        try:
            for batch_id, group in groupby(sorted(claims, key=lambda c: (c.batch_id, c.id)), lambda c: c.batch_id):
                self._send_group(run, table, batch_id, list(group))
        finally:
            run.finish()
            self._unsettled = None
        return len(claims)

    def _send_group(self, run: "_Run", table: Ledger, batch_id: int, group: list[Claim]) -> None:
        for letter, addressed in self._prepared(table, batch_id, group):
            for outcome in addressed.skipped:
                run.note(outcome)
            if addressed.recipients and not self._is_stopping():
                self._send(run, letter, addressed.recipients)

    def _prepared(self, table: Ledger, batch_id: int, group: list[Claim]) -> Iterator[tuple[Letter, Addressed]]:
        if table is Delivery:
            letter = self._letters.of_dispatch(session(), batch_id, self._name)
            addressed = address_deliveries(session(), self._settings, group)
            release_connection()
            yield letter, addressed
            return
        for claim in group:
            notice, addressed = address_notice(session(), self._settings, claim)
            letter = notice_letter(session(), self._settings, notice)
            release_connection()
            yield letter, addressed

    def _send(self, run: "_Run", letter: Letter, recipients: Sequence[Recipient]) -> None:
        if self._sender is None:
            self._sender = channel(self._name).open(self._settings)
        tried = set()
        try:
            for outcome in self._sender.send(letter, recipients):
                tried.add(outcome.delivery_id)
                run.note(outcome)
                if self._is_stopping():
                    break
        except Exception:
            logger.exception("the %s channel failed", self._name)
            left = [recipient for recipient in recipients if recipient.delivery_id not in tried]
            self._sender.close()
            self._sender = None
            for recipient in left:
                run.note(Outcome(recipient.delivery_id, DeliveryState.FAILED, FAULT))

    def _journal(self, table: Ledger) -> Journal:
        if table not in self._journals:
            owner = recovery.owner_name(table, f"{self._name}-{secrets.token_hex(8)}")
            self._journals[table] = Journal(self._settings.journal, owner)
        return self._journals[table]


class _Run:
    """The outcomes of one claim: noted at once, settled in bulk."""

    def __init__(self, table: Ledger, journal: Journal, claims: Sequence[Claim]) -> None:
        self._table = table
        self._journal = journal
        self._claims = claims
        self._noted: list[Outcome] = []
        self._settled = 0
        self._flushed_at = time.monotonic()

    def note(self, outcome: Outcome) -> None:
        self._journal.note(outcome)
        self._noted.append(outcome)
        if len(self._noted) >= FLUSH_EVERY or time.monotonic() - self._flushed_at > FLUSH_SECONDS:
            with suppress(Unavailable):  # it is in the journal; the next flush settles it
                self._flush()

    def finish(self) -> None:
        self._flush()
        if self._settled < len(self._claims):
            ledger.release(self._table, self._journal.owner)

    def _flush(self) -> None:
        self._flushed_at = time.monotonic()
        if not self._noted:
            return
        ledger.settle(self._table, self._journal.owner, self._claims, self._noted)
        self._settled += len(self._noted)
        self._noted.clear()
        self._journal.clear()
