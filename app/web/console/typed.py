"""The content of a publishing form exactly as typed, so that no error can lose it."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from werkzeug.datastructures import MultiDict

from app.inputs.posts import EFFECT
from app.text import clean
from app.vocabulary import PostKind, PostStatus

RECORD_ROWS = 3
PROOFS = frozenset({"key", "version", "acknowledged", "draft_id", "draft_version"})
"""What authenticates the form, or says where it was saved: not part of the request's content."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One publishing form.  `effects` maps a component's public id to the status chosen ("" leaves it as it is).

    `incident` is the public id of the internal incident that a new post will speak for.
    `promise` is minutes from now, "at", or "" for the usual time; `version` is the post's that the author saw.
    `draft_id` and `draft_version` say where the form is saved while someone types; empty before that.
    """

    kind: str = PostKind.INCIDENT
    title: str = ""
    status: str = ""
    impact: str = ""
    body: str = ""
    effects: Mapping[str, str] = field(default_factory=dict)
    promise: str = ""
    promise_at: str = ""
    notify: bool = True
    scheduled_for: str = ""
    scheduled_until: str = ""
    by_clock: bool = False
    severity: str = ""
    incident: str = ""
    records: tuple[tuple[str, str], ...] = ()
    key: str = ""
    version: str = ""
    acknowledged: bool = False
    asks_about_components: bool = False
    draft_id: str = ""
    draft_version: str = ""

    @property
    def chosen(self) -> list[str]:
        """The public ids of the components that this update is about."""
        return [component_id for component_id, status in self.effects.items() if status]

    @property
    def asked(self) -> dict[str, object]:
        """What the author asks for: all but what proves the form, and that a finding of the guard is meant."""
        return {name: said for name, said in asdict(self).items() if name not in PROOFS}

    @property
    def record_rows(self) -> list[tuple[str, str]]:
        """The record links typed, and empty rows to type more."""
        rows = list(self.records)
        return rows + [("", "")] * max(1, RECORD_ROWS - len(rows)) if len(rows) < RECORD_ROWS else rows

    def is_kind(self, kind: PostKind) -> bool:
        return self.kind == kind


def new_key() -> str:
    """An idempotency key: one per rendering of a form."""
    return secrets.token_urlsafe(18)


def blank_post(kind: PostKind) -> Typed:
    """An empty form for a new post of this kind."""
    first = PostStatus.INVESTIGATING if kind is PostKind.INCIDENT else PostStatus.SCHEDULED
    return Typed(kind=kind, status=first, key=new_key(), by_clock=kind is PostKind.MAINTENANCE)


def blank_update(kind: str, status: str, version: int, effects: Mapping[str, str]) -> Typed:
    """An empty form for the next update of a post that is in `status`."""
    return Typed(
        kind=kind,
        status=status,
        key=new_key(),
        version=str(version),
        effects=dict(effects),
        asks_about_components=bool(effects),
    )


def read_typed(form: MultiDict[str, str]) -> Typed:
    """Everything a publishing form sent.  Never fails: what is wrong is found when a draft is made of it."""
    return Typed(
        kind=_line(form, "kind") or PostKind.INCIDENT,
        title=_line(form, "title"),
        status=_line(form, "status"),
        impact=_line(form, "impact"),
        body=clean(form.get("body", ""), multiline=True),
        effects={
            name.removeprefix(EFFECT): clean(value)
            for name, value in form.items()
            if name.startswith(EFFECT) and len(name) <= len(EFFECT) + 32
        },
        promise=_line(form, "promise"),
        promise_at=_line(form, "promise_at"),
        notify=form.get("notify", "") != "no",
        scheduled_for=_line(form, "scheduled_for"),
        scheduled_until=_line(form, "scheduled_until"),
        by_clock=form.get("by_clock") == "yes",
        severity=_line(form, "severity"),
        incident=_line(form, "incident")[:32],
        records=_records(form),
        key=_line(form, "idempotency_key"),
        version=_line(form, "version"),
        acknowledged=form.get("acknowledged") == "yes",
        asks_about_components=form.get("resolving") == "yes",
        draft_id=_line(form, "draft_id")[:32],
        draft_version=_line(form, "draft_version")[:9],
    )


def with_version(typed: Typed, version: int) -> Typed:
    """The same form for the current version, after the author has seen both texts."""
    return replace(typed, version=str(version))


def with_new_key(typed: Typed) -> Typed:
    """The same form as another request and draft, after the author has read that it published something else."""
    return replace(typed, key=new_key(), draft_id="", draft_version="")


def _line(form: MultiDict[str, str], name: str) -> str:
    return clean(form.get(name, ""))


def _records(form: MultiDict[str, str]) -> tuple[tuple[str, str], ...]:
    keys, urls = form.getlist("record_key"), form.getlist("record_url")
    keys += [""] * (len(urls) - len(keys))
    urls += [""] * (len(keys) - len(urls))
    rows = ((clean(key), clean(url)) for key, url in zip(keys, urls, strict=True))
    return tuple(row for row in rows if any(row))[:20]
