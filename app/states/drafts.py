"""The state of a draft: editing → proposed → approved → scheduled → published, or discarded.

What always holds: only a scheduled draft has a time to be published at; only an approved, scheduled or published one
has the hash of its content; only a published one has an update.
"""

from datetime import datetime

from app.errors import Conflict
from app.models.draft import Draft
from app.vocabulary import DraftState

CLOSED = {
    DraftState.PUBLISHED: "This draft is already published.",
    DraftState.DISCARDED: "This draft was discarded.",
}


def require_open(draft: Draft) -> None:
    """Raises Conflict: the draft is published or discarded."""
    if not draft.state.is_open:
        raise Conflict(CLOSED[draft.state])


def edit(draft: Draft) -> None:
    """The content changes: what was proposed or approved has to be proposed and approved again.

    Raises:
        Conflict: the draft is scheduled, published or discarded.
    """
    require_open(draft)
    if draft.state is DraftState.SCHEDULED:
        raise Conflict("This draft is scheduled. Unschedule it to edit it.")
    draft.state, draft.approved_hash, draft.problem = DraftState.EDITING, "", ""


def propose(draft: Draft) -> None:
    """Ask for approval.  Raises Conflict: the draft isn't being edited."""
    require_open(draft)
    if draft.state is not DraftState.EDITING:
        raise Conflict(f"This draft is already {draft.state}.")
    draft.state = DraftState.PROPOSED


def approve(draft: Draft, content_hash: str) -> None:
    """Approve exactly this content.  Raises Conflict: no one proposed it."""
    require_open(draft)
    if draft.state is not DraftState.PROPOSED:
        raise Conflict("Propose this draft before you approve it.")
    draft.state, draft.approved_hash = DraftState.APPROVED, content_hash


def schedule(draft: Draft, at: datetime, content_hash: str) -> None:
    """Have exactly this content published at an instant; a scheduled draft moves to the new time.  Raises Conflict."""
    require_open(draft)
    draft.state, draft.publish_at, draft.approved_hash = DraftState.SCHEDULED, at, content_hash
    draft.problem = ""


def unschedule(draft: Draft, problem: str = "") -> None:
    """Go back to editing; `problem` says why it couldn't be published.  Raises Conflict: it isn't scheduled."""
    if draft.state is not DraftState.SCHEDULED:
        require_open(draft)
        raise Conflict("This draft isn't scheduled.")
    draft.state, draft.publish_at, draft.approved_hash = DraftState.EDITING, None, ""
    draft.problem = problem[:300]


def publish(draft: Draft, update_id: int, content_hash: str) -> None:
    """The draft has become an update.  Raises Conflict: it was published or discarded before."""
    require_open(draft)
    draft.state, draft.update_id, draft.publish_at = DraftState.PUBLISHED, update_id, None
    draft.approved_hash, draft.problem = content_hash, ""


def discard(draft: Draft) -> None:
    """Throw the draft away.  Raises Conflict: it was published or discarded before."""
    require_open(draft)
    draft.state, draft.publish_at, draft.approved_hash = DraftState.DISCARDED, None, ""
