"""A worker's periodic jobs besides sending: holds that end, stale pages, and what crashes left behind."""

import logging
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import delete

from app.actions import alarms
from app.actions.deliveries import mail_health
from app.actions.inbound import keeping
from app.actions.pages import announcements
from app.actions.posts import auto_start, drafts
from app.actions.subscribers import canaries
from app.clock import now
from app.db import release, session, transaction, translated
from app.deliver import ledger, plan, recovery
from app.errors import CandorError
from app.models.account import SignInSession
from app.models.subscriber import RateEvent
from app.publish.refresh import stale_pages, try_refresh
from app.settings import Settings

logger = logging.getLogger(__name__)
KEEP_RATE_EVENTS = timedelta(days=1)


def plan_due(_settings: Settings) -> None:
    """Turn every dispatch whose hold has ended into deliveries."""
    due = plan.due_dispatches(session())
    release()
    for dispatch_id in due:
        plan.plan(dispatch_id)


def refresh_stale(settings: Settings) -> None:
    """Render what was committed and never written, and keep "as of" and the day bars true."""
    pages = stale_pages(settings, session())
    release()
    for page_id in pages:
        try_refresh(settings, page_id)


def announcements_due(settings: Settings) -> None:
    """Show announcements whose time has come, and take away those whose time is over."""
    announcements.show_due(settings)


def recover_leases(settings: Settings) -> None:
    """Take over from senders that died, on this machine at once and on others when their lease has expired."""
    recovery.recover(settings)
    alive = recovery.living(settings)
    for table in recovery.LEDGERS:
        ledger.expire_leases(table, alive)


def forget_old(_settings: Settings) -> None:
    """Delete what has served its time: counted events and sessions that have expired."""
    with transaction() as writing:
        writing.execute(delete(RateEvent).where(RateEvent.at < now() - KEEP_RATE_EVENTS))
        writing.execute(delete(SignInSession).where(SignInSession.expires_at < now()))


SWEEPS: tuple[tuple[Callable[[Settings], object], float], ...] = (
    (plan_due, 0.5),
    (refresh_stale, 1.0),
    (announcements_due, 1.0),
    (auto_start.move_due, 1.0),
    (drafts.publish_due, 0.5),
    (recover_leases, 5.0),
    (alarms.watch, 60.0),
    (mail_health.watch, 60.0),
    (canaries.run_due, 600.0),
    (alarms.watch_addresses, 3600.0),
    (forget_old, 600.0),
    (keeping.prune, 600.0),
)
"""Each sweep and how often it runs, in seconds."""


def run_sweep(sweep: Callable[[Settings], object], settings: Settings) -> bool:
    """Run one sweep; a failure is logged and told, never raised: the next round tries again."""
    try:
        with translated():
            sweep(settings)
    except CandorError as error:
        logger.warning("%s: %s", sweep.__name__, error.sentence)
        return False
    except Exception:
        logger.exception("%s failed", sweep.__name__)
        return False
    finally:
        release()
    return True
