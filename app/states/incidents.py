"""The one writer of an internal incident's times: declared, mitigated, resolved."""

from datetime import datetime

from app.models.incident import Incident


def resolve(incident: Incident, at: datetime) -> None:
    """Mark an incident resolved; the first time is kept."""
    if incident.resolved_at is not None:
        return
    incident.mitigated_at = incident.mitigated_at or at
    incident.resolved_at = at
    incident.version += 1


def reopen(incident: Incident) -> None:
    """Open an incident again, because something was found that isn't over."""
    if incident.resolved_at is None:
        return
    incident.resolved_at = None
    incident.version += 1
