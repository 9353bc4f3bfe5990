"""The delivery report: who got an update, who didn't and why; retry, or cancel during the hold."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.actions.deliveries import dispatches as actions
from app.channels.registry import names as channel_names
from app.channels.registry import shown
from app.clock import now
from app.db import session
from app.deliver import missing as missed
from app.deliver.missing import Missing, Wanted, missing, missing_after
from app.deliver.report import (
    SAMPLE_FOR,
    DispatchName,
    DispatchReport,
    Sample,
    chosen_dispatch,
    dispatch_report,
    dispatches_of,
)
from app.errors import NotFound
from app.queries.posts import update_facts
from app.settings import Settings
from app.vocabulary import DeliveryState, DispatchKind, Role
from app.web.access import actor, audience
from app.web.console.blueprint import blueprint
from app.web.console.downloads import download
from app.web.console.paging import page_number
from app.web.console.rendering import render, render_block
from app.web.guarding import may
from app.web.htmx import is_htmx
from app.web.pages import current_page

MISSING_PER_PAGE = 50
LINES_AT_ONCE = 2000
REASON_LIMIT = 300
HEADINGS = ("channel", "address", "label", "state", "reason", "tries", "next_or_last_at", "subscriber")


@blueprint.get("/updates/<public_id>/deliveries")
@audience("viewer")
def deliveries(public_id: str) -> ResponseReturnValue:
    """What happened to an update's notices; to htmx only the panel, while it moves."""
    update = update_facts(session(), current_page().id, public_id)
    facts = current_page()
    sample = _sample(request.args)
    sent, chosen = dispatches_of(session(), update.id), request.args.get("dispatch", "")
    report = dispatch_report(session(), update.id, public_id=chosen, why_skipped=False, sample=sample)
    settings: Settings = current_app.config["SETTINGS"]
    which = report.public_id if report is not None and report.kind is not DispatchKind.UPDATE else None
    panel: dict[str, object] = {
        "update": update,
        "report": report,
        "which": which,
        "has_mail_server": bool(settings.smtp_url),
    }
    if report is not None:
        panel["sample"] = sample if sample and now() - sample.at < SAMPLE_FOR else Sample(now(), report.tried)
    if is_htmx():
        return render_block("console/updates/deliveries.html", "panel", facts, **panel)
    return render(
        "console/updates/deliveries.html",
        facts,
        dispatches=sent,
        **panel,
        **(_who_has_not(sent, chosen) if report and report.is_planned else {"rows": (), "filter": {}}),
    )


@blueprint.get("/updates/<public_id>/missing")
@audience("lead")
def missing_sheet(public_id: str) -> Response:
    """Everyone who hasn't received an update, or those filtered for, as a sheet."""
    update = update_facts(session(), current_page().id, public_id)
    chosen = chosen_dispatch(dispatches_of(session(), update.id), request.args.get("dispatch", ""))
    pieces = _pieces(chosen.id if chosen is not None else 0, _wanted(request.args))
    return download(f"not-received-{public_id}", HEADINGS, pieces)


@blueprint.post("/updates/<public_id>/deliveries/retry")
@audience("lead")
def retry(public_id: str) -> ResponseReturnValue:
    """Try failed ones again: those given up on, and, if requested, those refused permanently."""
    wanted = _wanted(request.form)
    chosen = actions.Retry(
        before=_instant(request.form.get("before", "")),
        even_permanent=request.form.get("which") == "all",
        channel=wanted.channel,
        reason=wanted.reason,
    )
    count = actions.retry_failed(
        current_app.config["SETTINGS"], actor(), current_page().id, _dispatch_of(public_id).public_id, chosen
    )
    people = "1 notice is" if count == 1 else f"{count:,} notices are"
    flash(f"{people} on the way again." if count else "There was nothing left to try again.")
    return _back(public_id)


@blueprint.post("/updates/<public_id>/deliveries/cancel")
@audience("lead")
def cancel(public_id: str) -> ResponseReturnValue:
    """Stop the notices while they are still held.  The update stays on the page."""
    actions.cancel_dispatch(
        current_app.config["SETTINGS"], actor(), current_page().id, _dispatch_of(public_id).public_id
    )
    flash("Cancelled: nobody was notified. The update itself stays on the page.")
    return _back(public_id)


def _who_has_not(dispatches: Sequence[DispatchName], public_id: str) -> Mapping[str, object]:
    """The list below the panel, with its filter and why people are on it."""
    dispatch = chosen_dispatch(dispatches, public_id)
    dispatch_id = dispatch.id if dispatch is not None else 0
    wanted, number = _wanted(request.args), page_number(request.args)
    rows = missing(
        session(), dispatch_id, wanted=wanted, limit=MISSING_PER_PAGE + 1, offset=(number - 1) * MISSING_PER_PAGE
    )
    why = missed.reasons(session(), dispatch_id)
    chosen = [one for one in why if wanted.takes(one)]
    failed = sum(one.count for one in chosen if one.state is DeliveryState.FAILED)
    sees_all = may(Role.LEAD)
    return {
        "rows": [(row, shown(row.channel, row.address, row.label, full=sees_all)) for row in rows[:MISSING_PER_PAGE]],
        "number": number,
        "has_more": len(rows) > MISSING_PER_PAGE,
        "reasons": why,
        "wanted": wanted,
        "filter": _as_query(wanted),
        "given_up": missed.given_up(chosen),
        "refused": failed - missed.given_up(chosen),
    }


def _wanted(args: Mapping[str, str]) -> Wanted:
    """What is filtered for; what makes no sense filters nothing."""
    channel, state = args.get("channel", ""), args.get("state", "")
    reason = args.get("reason")
    return Wanted(
        channel=channel if channel in channel_names() else None,
        state=DeliveryState(state) if state in missed.NOT_RECEIVED else None,
        reason=reason.replace("\x00", "")[:REASON_LIMIT] if reason is not None else None,
    )


def _as_query(wanted: Wanted) -> dict[str, str]:
    given = {"channel": wanted.channel, "state": wanted.state, "reason": wanted.reason}
    return {name: str(value) for name, value in given.items() if value is not None}


def _pieces(dispatch_id: int, wanted: Wanted) -> Iterator[list[tuple[object, ...]]]:
    last = 0
    while rows := missing_after(session(), dispatch_id, last, wanted=wanted, limit=LINES_AT_ONCE):
        yield [_line(row) for row in rows]
        last = rows[-1].delivery_id


def _line(row: Missing) -> tuple[object, ...]:
    address = shown(row.channel, row.address, row.label, full=True)
    at = row.settled_at or row.due_at
    return row.channel, address, row.label, row.state, row.reason, row.attempts, at, row.subscriber_id


def _sample(args: Mapping[str, str]) -> Sample | None:
    """What the panel said before, as it sends it along; None when it says nothing that makes sense."""
    tried = args.get("tried", "")
    if not (tried.isascii() and tried.isdigit() and len(tried) < 10):
        return None
    return Sample(_instant(args.get("since", "")), int(tried))


def _instant(raw: str) -> datetime:
    """When the form was shown; now if it doesn't say."""
    try:
        at = datetime.fromisoformat(raw)
    except ValueError:
        return now()
    return min(at, now()) if at.tzinfo else now()


def _dispatch_of(public_id: str) -> DispatchReport:
    update_id, chosen = update_facts(session(), current_page().id, public_id).id, request.values.get("dispatch", "")
    report = dispatch_report(session(), update_id, public_id=chosen)
    if report is None:
        raise NotFound("This update sent no notifications.")
    return report


def _back(public_id: str) -> Response:
    chosen = request.values.get("dispatch") or None
    return redirect(url_for("console.deliveries", public_id=public_id, dispatch=chosen), 303)
