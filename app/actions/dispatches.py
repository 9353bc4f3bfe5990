"""What a person may do to a fan-out: cancel it while it is held, and try the failed ones again."""

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from app.actions import audit
from app.clock import now
from app.db import transaction
from app.errors import Conflict, NotFound
from app.models.delivery import Delivery, Dispatch
from app.shapes import Actor
from app.vocabulary import DeliveryState, DispatchState


def cancel_dispatch(actor: Actor, dispatch_public_id: str) -> None:
    """Cancel a dispatch that is still held: nobody is notified.  The update itself stays published.

    Raises:
        Conflict: it is already being sent.
        NotFound: there is no such dispatch.
    """
    with transaction() as session:
        dispatch = _locked(session, dispatch_public_id)
        if dispatch.state == DispatchState.CANCELLED:
            return
        if dispatch.state != DispatchState.HELD:
            raise Conflict("The notices are already being sent and can not be called back.")
        dispatch.state = DispatchState.CANCELLED
        dispatch.finished_at = now()
        audit.record(session, actor, "cancel", "dispatch", dispatch.public_id)


def retry_failed(actor: Actor, dispatch_public_id: str) -> int:
    """Put the failed deliveries of a dispatch back into the queue; how many they were.

    Raises:
        NotFound: there is no such dispatch.
    """
    with transaction() as session:
        dispatch = _locked(session, dispatch_public_id)
        result = session.execute(
            update(Delivery)
            .where(Delivery.dispatch_id == dispatch.id, Delivery.state == DeliveryState.FAILED)
            .values(
                state=DeliveryState.PENDING, attempts=0, due_at=now(), first_attempt_at=None, settled_at=None, reason=""
            )
            .execution_options(synchronize_session=False)
        )
        count = result.rowcount if isinstance(result, CursorResult) else 0
        if count:
            dispatch.state = DispatchState.SENDING
            dispatch.finished_at = None
            audit.record(session, actor, "retry", "dispatch", dispatch.public_id, f"{count} deliveries")
        return count


def _locked(session: Session, public_id: str) -> Dispatch:
    dispatch = session.scalar(select(Dispatch).where(Dispatch.public_id == public_id).with_for_update())
    if dispatch is None:
        raise NotFound("There is no such dispatch.")
    return dispatch
