"""What the overview says about sending beside its figures: alarms, pauses, and what the canaries prove."""

from dataclasses import dataclass

from flask import flash, redirect, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.actions import alarms as actions
from app.deliver import alarms
from app.deliver.alarms import Raised
from app.deliver.canaries import proofs, sentence
from app.errors import NotFound
from app.models.delivery import SendLimit
from app.vocabulary import ChannelName
from app.web.access import actor, audience
from app.web.console.blueprint import blueprint
from app.web.console.rendering import Answer


@dataclass(frozen=True, slots=True)
class Pause:
    """Where nothing is sent, and why.  `domain` is empty for a whole channel."""

    channel: ChannelName
    domain: str
    why: str


@dataclass(frozen=True, slots=True)
class Proven:
    """What one canary says about its channel."""

    channel: ChannelName
    is_proven: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Read at one moment."""

    alarms: tuple[Raised, ...]
    pauses: tuple[Pause, ...]
    canaries: tuple[Proven, ...]


def standing(session: Session) -> Standing:
    """How sending stands.  Three queries."""
    rows = session.scalars(
        select(SendLimit).where(SendLimit.paused_why != "").order_by(SendLimit.channel, SendLimit.domain)
    )
    return Standing(
        tuple(alarms.raised(session)),
        tuple(Pause(ChannelName(row.channel), row.domain, row.paused_why) for row in rows),
        tuple(Proven(proof.channel, proof.is_proven, sentence(proof)) for proof in proofs(session)),
    )


@blueprint.post("/alarms/<number>/dismiss")
@audience("lead")
def dismiss_alarm(number: str) -> Answer:
    """Somebody has seen an alarm."""
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise NotFound("There is no such alarm.")
    actions.dismiss(actor(), int(number))
    flash("Dismissed. It comes back if there is more to say.")
    return redirect(url_for("console.overview"), 303)
