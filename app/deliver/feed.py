"""From the ledger to the senders and back: claims and addresses rows, notes what happened and settles it in bulk."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

from app.db import release as release_connection
from app.db import session, translated
from app.deliver import ledger, recovery, settling
from app.deliver.account_notices import address_account_notice
from app.deliver.addressing import Addressed, address_deliveries, address_notice
from app.deliver.journal import Journal
from app.deliver.ledger import Claim
from app.deliver.letters import Letters, notice_letter
from app.deliver.wake_up import POLL_SECONDS
from app.errors import NotFound
from app.models.account_contact import AccountNotice
from app.models.delivery import Delivery
from app.settings import Settings
from app.shapes import Letter, Outcome, Recipient
from app.states.deliveries import Ledger
from app.vocabulary import DeliveryState

FLUSH_EVERY = 800
FLUSH_SECONDS = 0.25
RENEW_SECONDS = 20.0
MARGIN_SECONDS = 10.0
"""So long before its lease ends a row is no longer sent: someone else may take it soon."""

UNSETTLED_SECONDS = 5.0
"""So long more is sent while the ledger can't be told: all of that goes out again if this machine is lost."""

UNWRITTEN_SECONDS = 1.0
"""So long nothing is claimed after the journal could not be written."""

logger = logging.getLogger(__name__)
WITHDRAWN = "withdrawn before it was sent"


class Item(NamedTuple):
    """One message to be sent, and the feed to report its outcome to."""

    feed: "Feed"
    letter: Letter
    recipient: Recipient


class Hold(NamedTuple):
    """The lease on what was claimed at once.  `until` is monotonic."""

    feed: "Feed"
    generation: int
    until: float

    def lasts(self) -> bool:
        """Whether the lease still holds and what is sent is told: a machine that was frozen or is cut off, or that can
        not note anything, must not send.
        """
        at, feed = time.monotonic(), self.feed
        is_told = not feed.is_unwritten and (not feed.unsettled_since or at - feed.unsettled_since < UNSETTLED_SECONDS)
        return is_told and self.generation == feed.generation and at < max(self.until, feed.renewed_until)


class Feed:
    """The rows of one ledger and channel that this process holds.  `note` may be called from any thread."""

    def __init__(self, settings: Settings, table: Ledger, name: str) -> None:
        self._settings = settings
        self._table = table
        self._name = name
        self._letters = Letters(settings)
        self._journal: Journal | None = None
        self._claims: dict[int, Claim] = {}
        self._noted: list[Outcome] = []
        self._noting = threading.Lock()
        self._flushed_at = self._renewed_at = time.monotonic()
        self._look_at = 0.0
        self._is_unsure = self._is_unsettled = self.is_unwritten = False
        self.renewed_until = self.unsettled_since = 0.0
        self.generation = 0

    def look(self) -> None:
        """Someone said that there is something: look at once."""
        self._look_at = 0.0

    def take(self, limit: int) -> list[Item]:
        """Claim up to `limit` due rows and address them; those who are skipped after all are noted at once.

        When there was nothing, no one looks again before a while has passed or a wake-up came.

        Raises:
            Unavailable: the database went away.
        """
        begun = time.monotonic()
        if begun < self._look_at:
            return []
        try:
            with translated():
                is_due = self._is_unsure or ledger.has_due(session(), self._table, self._name)
            if not is_due:
                self._look_at = begun + POLL_SECONDS - 0.05
                return []
            claims = self._claim(limit)
            return self._addressed_or_given_back(claims, begun + ledger.LEASE.total_seconds() - MARGIN_SECONDS)
        finally:
            release_connection()

    def note(self, outcome: Outcome) -> None:
        """Keep what happened: in the journal at once, in the ledger with the next `settle`."""
        with self._noting:
            if self._journal is None:  # we have left, and an answer comes too late to be told
                return
            self._noted.append(outcome)
            self.unsettled_since = self.unsettled_since or time.monotonic()
            try:
                self._journal.note(outcome)
            except OSError as error:
                if not self.is_unwritten:
                    logger.warning("the journal of %s can't be written: %s", self._name, error.strerror)
                self.is_unwritten = True  # until the ledger knows instead
                self._look_at = time.monotonic() + UNWRITTEN_SECONDS

    @property
    def is_due(self) -> bool:
        """Whether there is enough to settle, or it has waited long enough."""
        if len(self._noted) >= FLUSH_EVERY or self.is_unwritten:
            return True
        return bool(self._noted) and time.monotonic() - self._flushed_at > FLUSH_SECONDS

    @property
    def held(self) -> int:
        """How many rows are in our hands."""
        return len(self._claims)

    def settle(self) -> None:
        """Write all that was noted into the ledger.

        Raises:
            Unavailable: the database went away; what was noted is kept and settled next time.
        """
        self._flushed_at = time.monotonic()
        with self._noting:
            noted, self._noted = self._noted, []
        if not noted:
            return
        try:
            if self._is_unsettled:
                self._claims = {claim.id: claim for claim in self._in_ledger() if claim.id in self._claims}
            self._is_unsettled = True
            settling.settle(self._table, self._owner, self._claims, noted)
            self._is_unsettled = False
        except BaseException:
            with self._noting:
                self._noted = noted + self._noted
            raise
        for outcome in noted:
            self._claims.pop(outcome.delivery_id, None)
        with self._noting:
            self.unsettled_since = self._flushed_at if self._noted else 0.0
            if not self._noted and self._journal is not None:
                self.is_unwritten = False
                with suppress(OSError):  # what is settled and stays in it does no harm
                    self._journal.clear()

    def renew(self) -> None:
        """Keep what we hold for another lease, now and then.

        When the ledger doesn't know some of it as ours any more, others took it while this machine stood still, and
        nothing that is in our hands goes out: it is given back, and what is ours after all is claimed again.
        """
        begun = time.monotonic()
        if self._claims and begun - self._renewed_at > RENEW_SECONDS:
            if ledger.renew(self._table, self._owner) != len(self._claims):
                self.generation += 1
            self._renewed_at = begun
            self.renewed_until = begun + ledger.LEASE.total_seconds() - MARGIN_SECONDS

    def close(self) -> None:
        """Leave: everything noted is settled.  What is in doubt stays in the journal, for the next worker."""
        self.settle()
        with self._noting:
            journal, self._journal = self._journal, None
        if journal is not None:
            journal.close(keep=bool(self._claims))

    def _claim(self, limit: int) -> list[Claim]:
        """Up to `limit` more rows, and those that are ours since a claim whose answer never came."""
        claims = [claim for claim in self._in_ledger() if claim.id not in self._claims] if self._is_unsure else []
        self._is_unsure = True
        claims += ledger.claim(self._table, self._name, self._owner, limit)
        self._is_unsure = False
        fresh = [claim for claim in claims if claim.id not in self._claims]
        if len(fresh) < len(claims):  # someone gave away what is in our hands
            self.generation += 1
        self._claims |= {claim.id: claim for claim in fresh}
        return fresh

    def _in_ledger(self) -> list[Claim]:
        """What is ours as the ledger knows it, kept for another lease."""
        ledger.renew(self._table, self._owner)
        with translated():
            return ledger.claims_of(session(), self._table, self._owner)

    def _addressed_or_given_back(self, claims: list[Claim], until: float) -> list[Item]:
        """What is claimed and can't be addressed, because the database went away between the two, is given back."""
        try:
            with translated():
                return list(self._addressed(claims, until))
        except BaseException:
            for claim in claims:
                self.note(Outcome(claim.id, DeliveryState.PENDING))
            raise

    def _addressed(self, claims: list[Claim], until: float) -> Iterator[Item]:
        may_go = Hold(self, self.generation, until).lasts
        for batch_id, group in groupby(claims, lambda claim: claim.batch_id):
            for letter, addressed in self._prepared(batch_id, list(group), may_go):
                for outcome in addressed.skipped:
                    self.note(outcome)
                if letter is not None:
                    for recipient in addressed.recipients:
                        yield Item(self, letter, recipient)

    def _prepared(
        self, batch_id: int, group: list[Claim], may_go: Callable[[], bool]
    ) -> Iterator[tuple[Letter | None, Addressed]]:
        if self._table is Delivery:
            addressed = address_deliveries(session(), self._settings, self._name, group, may_go)
            alike: dict[tuple[str, str], list[Recipient]] = {}
            for recipient in addressed.recipients:
                alike.setdefault((recipient.language, recipient.time_zone), []).append(recipient)
            yield None, Addressed((), addressed.skipped)
            if alike:
                try:
                    edition = self._letters.of_dispatch(session(), batch_id, self._name)
                except NotFound:  # taken back after these were claimed
                    for recipient in addressed.recipients:
                        self.note(Outcome(recipient.delivery_id, DeliveryState.SKIPPED, WITHDRAWN))
                    return
                for (language, time_zone), recipients in alike.items():
                    yield edition.letter(language, time_zone), Addressed(tuple(recipients), ())
            return
        if self._table is AccountNotice:
            for claim in group:
                yield address_account_notice(session(), self._settings, claim, may_go)
            return
        for claim in group:
            notice, addressed = address_notice(session(), self._settings, claim, may_go)
            language = addressed.recipients[0].language if addressed.recipients else ""
            yield notice_letter(session(), self._settings, notice, language), addressed

    @property
    def _owner(self) -> str:
        if self._journal is None:
            owner = recovery.owner_name(self._table, f"{self._name}-{secrets.token_hex(8)}")
            self._journal = Journal(self._settings.journal, owner)
        return self._journal.owner
