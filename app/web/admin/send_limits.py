"""How fast may be sent, and what is paused: on a channel, or to one destination on it."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import flash, redirect, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.actions import restoring
from app.actions import send_limits as actions
from app.db import session
from app.errors import CandorError, Invalid
from app.models.delivery import Delivery, SendLimit
from app.text import clean
from app.vocabulary import ChannelName, DeliveryState
from app.web.access import actor, audience
from app.web.admin.blueprint import blueprint
from app.web.console.forms import Problem, problem_of
from app.web.console.rendering import Answer, render
from app.web.pages import current_page

MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit.  `waiting` messages go to this destination, or on this channel."""

    channel: ChannelName
    domain: str
    per_second: float | None
    connections: int | None
    paused_why: str
    waiting: int

    @property
    def where(self) -> str:
        """Such as "Email, all of it" or "Email to example.com"."""
        if self.domain == "*":
            return f"{self.channel.label}, each other destination"
        return f"{self.channel.label} to {self.domain}" if self.domain else f"{self.channel.label}, all of it"

    @property
    def words(self) -> tuple[str, ...]:
        """What is limited, and what waits."""
        rate = f"{self.per_second:g} a second" if self.per_second is not None else ""
        at_once = f"{self.connections} at once" if self.connections is not None else ""
        waiting = f"{self.waiting:,} waiting" if self.waiting else ""
        return tuple(words for words in (rate, at_once, waiting) if words)


@blueprint.get("/limits")
@audience("lead")
def send_limits() -> Answer:
    """Every limit, with what waits behind it."""
    return _show()


@blueprint.post("/limits")
@audience("admin")
def set_send_limit() -> Answer:
    """Set or take away a limit."""
    typed = {
        name: clean(request.form.get(name, ""))[:300] for name in ("channel", "domain", "per_second", "connections")
    }
    try:
        rate, connections = _number(typed, "per_second"), _number(typed, "connections")
        actions.set_limit(
            actor(),
            typed["channel"],
            typed["domain"],
            per_second=rate,
            connections=int(connections) if connections is not None else None,
        )
    except CandorError as error:
        problem, status = problem_of(error)
        return _show(problem, typed), status
    flash("The limit holds from now on." if rate or connections else "There is no limit there any more.")
    return _back()


@blueprint.post("/limits/pause")
@audience("lead")
def pause_sending() -> Answer:
    """Send nothing there until it is resumed."""
    typed = {name: clean(request.form.get(name, ""))[:300] for name in ("channel", "domain", "why")}
    try:
        actions.pause(actor(), typed["channel"], typed["domain"], typed["why"] or actions.PAUSED_BY_HAND)
    except CandorError as error:
        problem, status = problem_of(error)
        return _show(problem, typed), status
    flash("Paused. Nothing is lost: what waits is sent when it is resumed.")
    return _back()


@blueprint.post("/limits/resume")
@audience("lead")
def resume_sending() -> Answer:
    """Send again."""
    actions.resume(actor(), request.form.get("channel", ""), request.form.get("domain", ""))
    flash("Resumed.")
    return _back()


def limit_rows(session: Session) -> list[LimitRow]:
    """Every limit and pause.  Two queries, the second over what waits."""
    rows = session.scalars(select(SendLimit).order_by(SendLimit.channel, SendLimit.domain).limit(MOST_SHOWN)).all()
    waiting: dict[tuple[str, str], int] = {}
    for channel, domain, count in session.execute(
        select(Delivery.channel, Delivery.domain, func.count())
        .where(Delivery.state == DeliveryState.PENDING, Delivery.channel.in_({row.channel for row in rows}))
        .group_by(Delivery.channel, Delivery.domain)
    ):
        waiting[channel, domain] = count
        waiting[channel, ""] = waiting.get((channel, ""), 0) + (count if domain else 0)
    return [
        LimitRow(
            ChannelName(row.channel), row.domain, row.per_second, row.connections, row.paused_why,
            waiting.get((row.channel, row.domain), 0),
        )
        for row in rows
    ]  # fmt: skip


def _number(typed: Mapping[str, str], name: str) -> float | None:
    raw = typed[name].replace(",", ".")
    if not raw:
        return None
    try:
        return float(raw)
    except ValueError:
        raise Invalid.field(name, f"“{raw[:20]}” is no number. Leave it empty for no limit.") from None


def _show(problem: Problem | None = None, typed: Mapping[str, str] | None = None) -> str:
    return render(
        "admin/limits.html",
        current_page(),
        question=restoring.question(session()),
        limits=limit_rows(session()),
        channels=list(ChannelName),
        problem=problem,
        typed=typed or {},
    )


def _back() -> Answer:
    return redirect(url_for("admin.send_limits"), 303)
