"""Drafts in the console: saved during typing, available on any device, scheduled and discarded."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import current_app, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.actions.posts import drafts as actions
from app.actions.posts.fingerprints import fingerprint
from app.db import session
from app.errors import CandorError, NotFound, Stale
from app.inputs.base import from_form
from app.inputs.drafts import PROMISE_LIMIT, DraftSchedule
from app.inputs.fields import Member
from app.inputs.posts import AT
from app.models.post import Post
from app.queries import drafts as queries
from app.queries.drafts import DraftView
from app.queries.pages import PageFacts
from app.shapes import ComponentEffect, DraftContent, Published, RecordLinkDraft, Waiting
from app.text import clean
from app.vocabulary import POST_STATUSES, ComponentStatus, Impact, PostKind, PostStatus, Severity
from app.web.access import actor, audience, wants_json
from app.web.console.blueprint import blueprint
from app.web.console.forms import instant_or_none, problem_of, promised_or_none
from app.web.console.rendering import render, still_saying
from app.web.console.typed import Typed, new_key, read_typed
from app.web.pages import current_page


@blueprint.get("/drafts")
@audience("responder")
def list_drafts() -> ResponseReturnValue:
    """The drafts that can still be published."""
    facts = current_page()
    return render("console/drafts/list.html", facts, drafts=queries.open_drafts(session(), facts.id))


@blueprint.post("/drafts")
@audience("responder")
def save_draft() -> ResponseReturnValue:
    """Save what a publishing form holds, half-written or not.  Scripts get its id and version, others its form."""
    facts = current_page()
    typed = read_typed(request.form)
    content = _content(typed, facts, clean(request.form.get("post_id", ""))[:32])
    content = replace(content, texts={**_other_texts(typed), **content.texts})
    try:
        saved = actions.save_draft(
            current_app.config["SETTINGS"],
            actor(),
            facts.id,
            content,
            public_id=typed.draft_id or None,
            version=_version(typed),
        )
    except CandorError as error:
        problem, status = problem_of(error)
        if wants_json():
            answer = jsonify(problem=problem.sentence)
            answer.status_code = status
            return answer
        if isinstance(error, Stale):  # nothing typed is lost: it becomes a draft of its own
            saved = actions.save_draft(current_app.config["SETTINGS"], actor(), facts.id, content)
            flash("This draft was saved elsewhere meanwhile, so your text is saved as another draft.")
            return redirect(url_for("console.open_draft", public_id=saved.public_id), 303)
        with still_saying(error):
            drafts = queries.open_drafts(session(), facts.id)
            return render("console/drafts/list.html", facts, drafts=drafts, problem=replace(problem, fields={})), status
    if wants_json():
        return jsonify(id=saved.public_id, version=saved.version)
    flash("Draft saved.")
    return redirect(url_for("console.open_draft", public_id=saved.public_id), 303)


@blueprint.get("/drafts/<public_id>")
@audience("lead")
def open_draft(public_id: str) -> ResponseReturnValue:
    """The form that goes on with a draft."""
    found = queries.draft(session(), current_page().id, public_id)
    if found.post_id:
        return redirect(url_for("console.show_post", public_id=found.post_id, draft=public_id), 303)
    return redirect(url_for("console.new_post", kind=found.kind, draft=public_id), 303)


@blueprint.post("/drafts/<public_id>/schedule")
@audience("lead")
def schedule_draft(public_id: str) -> ResponseReturnValue:
    """Have a draft published at a time in the page's zone."""
    facts = current_page()
    queries.draft(session(), facts.id, public_id)  # another page's isn't found, whatever the time says

    def schedule() -> str:
        given = from_form(DraftSchedule, request.form, zone=facts.zone)
        actions.schedule_draft(
            current_app.config["SETTINGS"],
            actor(),
            facts.id,
            public_id,
            given.publish_at,
            acknowledged=given.acknowledged,
        )
        at = given.publish_at.astimezone(facts.zone)
        return f"Scheduled for {at:%Y-%m-%d %H:%M} {facts.zone.key}."

    return _done(schedule)


@blueprint.post("/drafts/<public_id>/unschedule")
@audience("lead")
def unschedule_draft(public_id: str) -> ResponseReturnValue:
    """Take a scheduled draft back."""

    def unschedule() -> str:
        actions.unschedule_draft(current_app.config["SETTINGS"], actor(), current_page().id, public_id)
        return "Unscheduled. The draft is kept."

    return _done(unschedule)


@blueprint.post("/drafts/<public_id>/discard")
@audience("responder")
def discard_draft(public_id: str) -> ResponseReturnValue:
    """Throw a draft away."""

    def discard() -> str:
        actions.discard_draft(current_app.config["SETTINGS"], actor(), current_page().id, public_id)
        return "Draft discarded."

    return _done(discard)


def drafted(public_id: str) -> Typed | None:
    """What a draft that can still be published holds, as its form shows it; None when it can't.  Raises NotFound."""
    facts = current_page()
    found = queries.draft(session(), facts.id, public_id)
    return _typed(found, facts.zone) if found.state.is_open else None


def publish(typed: Typed, content: DraftContent) -> Published | Waiting:
    """Publish what a form holds, through its draft.  Raises as `actions.publish_form`."""
    return actions.publish_form(
        current_app.config["SETTINGS"],
        actor(),
        current_page().id,
        content,
        key=typed.key,
        fingerprint=fingerprint(typed.asked),
        draft_id=typed.draft_id,
        draft_version=_version(typed),
    )


def to_waiting(made: Waiting) -> ResponseReturnValue:
    """See the drafts after publishing on a page that waits for the hold: there it can be undone."""
    facts = current_page()
    at = made.publish_at.astimezone(facts.zone)
    flash(f"Your update will be published at {at:%H:%M:%S} {facts.zone.key}. Until then you can undo it here.")
    return redirect(url_for("console.list_drafts"), 303)


def _version(typed: Typed) -> int | None:
    """The version of the draft that the form shows; None where it has none."""
    return int(typed.draft_version) if typed.draft_version.isascii() and typed.draft_version.isdigit() else None


def _other_texts(typed: Typed) -> dict[str, tuple[str, str]]:
    """What the form's draft says in other languages than the form does."""
    if not typed.draft_id:
        return {}
    facts = current_page()
    try:
        texts = queries.draft(session(), facts.id, typed.draft_id).content.texts
    except NotFound:
        return {}
    return {language: text for language, text in texts.items() if language != facts.locale and any(text)}


def _done(verb: Callable[[], str]) -> ResponseReturnValue:
    """Do it and show the list; when it can't be done, the list says why."""
    facts = current_page()
    try:
        flash(verb())
    except CandorError as error:
        problem, status = problem_of(error)
        with still_saying(error):
            drafts = queries.open_drafts(session(), facts.id)
            return render("console/drafts/list.html", facts, drafts=drafts, problem=replace(problem, fields={})), status
    return redirect(url_for("console.list_drafts"), 303)


def _content(typed: Typed, facts: PageFacts, post_id: str) -> DraftContent:
    """What was typed, as far as it makes sense: a draft may be half-written."""
    kind = _member(PostKind, typed.kind) or PostKind.INCIDENT
    minutes = int(typed.promise) if typed.promise.isascii() and typed.promise.isdigit() else 0
    statuses = {one: _member(ComponentStatus, status) for one, status in typed.effects.items() if status}
    base = session().scalar(select(Post.version).where(Post.public_id == post_id, Post.page_id == facts.id))
    seen = int(typed.version) if typed.version.isascii() and typed.version.isdigit() else base
    return DraftContent(
        kind=kind,
        status=_member(PostStatus, typed.status) or POST_STATUSES[kind][0],
        texts={facts.locale: (typed.title, typed.body)},
        post_id=post_id,
        base_version=seen if post_id else None,
        impact=_member(Impact, typed.impact),
        effects=tuple(ComponentEffect(one, status) for one, status in statuses.items() if status is not None),
        promise_minutes=minutes if 0 < minutes <= PROMISE_LIMIT else None,
        next_update_by=promised_or_none(typed, facts.zone) if typed.promise == AT else None,
        notify=typed.notify,
        scheduled_for=instant_or_none(typed.scheduled_for, facts.zone),
        scheduled_until=instant_or_none(typed.scheduled_until, facts.zone),
        auto_start=typed.by_clock,
        auto_end=typed.by_clock,
        severity=_member(Severity, typed.severity),
        incident=typed.incident,
        record_links=tuple(RecordLinkDraft(key=key, url=url) for key, url in typed.records),
        acknowledged=typed.acknowledged,
    )


def _typed(found: DraftView, zone: ZoneInfo) -> Typed:
    content = found.content
    promise = str(content.promise_minutes or "") or (AT if content.next_update_by else "")
    return Typed(
        kind=found.kind,
        title=found.title,
        status=found.status,
        impact=content.impact or "",
        body=found.body,
        effects={one.component_id: one.status or "" for one in content.effects},
        promise=promise,
        promise_at=_local(content.next_update_by, zone),
        notify=content.notify,
        scheduled_for=_local(content.scheduled_for, zone),
        scheduled_until=_local(content.scheduled_until, zone),
        by_clock=content.auto_start,
        severity=content.severity or "",
        incident=content.incident,
        records=tuple((one.key, one.url) for one in content.record_links),
        key=new_key(),
        version=str(content.base_version or ""),
        draft_id=found.public_id,
        draft_version=str(found.version),
    )


def _local(at: datetime | None, zone: ZoneInfo) -> str:
    """A time as a form's field holds it, in the page's zone."""
    return at.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if at else ""


def _member(kind: type[Member], value: str) -> Member | None:
    return kind(value) if value in tuple(kind) else None
