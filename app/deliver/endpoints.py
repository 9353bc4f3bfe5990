"""What follows for an endpoint from what its server said."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.deliver.ledger import Claim
from app.shapes import Outcome


def note(session: Session, outcomes: Sequence[tuple[Claim, Outcome]]) -> None:
    """Look at outcomes just settled, in their transaction."""
