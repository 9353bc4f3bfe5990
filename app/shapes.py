"""Frozen values that are passed between packages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.vocabulary import ComponentStatus, DeliveryState, DraftState, Impact, PostKind, PostStatus, Role, Severity


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it: an account, a token, or `system` and the command line with no account behind them.

    `role` is that on all pages, None when there is none; `page_roles` are those on single pages, by the page's row id.
    """

    name: str
    role: Role | None
    account_id: int | None = None
    page_roles: Mapping[int, Role] = field(default_factory=dict)

    def role_on(self, page_id: int) -> Role | None:
        """The role on a page: that on all pages or that on this one, whichever is higher."""
        return _highest(self.role, self.page_roles.get(page_id))

    @property
    def highest_role(self) -> Role | None:
        """The highest role on any page; None for a person without any role."""
        return _highest(self.role, *self.page_roles.values())


def _highest(*roles: Role | None) -> Role | None:
    return max((role for role in roles if role is not None), key=lambda role: role.rank, default=None)


SYSTEM = Actor("system", Role.ADMIN)
COMMAND_LINE = Actor("command line", Role.ADMIN)
VISITOR = Actor("visitor", None)
"""Anybody on the public page: for the verbs that are open to the public."""


@dataclass(frozen=True, slots=True)
class ComponentEffect:
    """What an update does to one component (by its public id).  `status` None names it and leaves it as it is."""

    component_id: str
    status: ComponentStatus | None


@dataclass(frozen=True, slots=True)
class RecordLinkDraft:
    """Where the internal record also lives: a tracker's key and address, as typed."""

    key: str
    url: str


@dataclass(frozen=True, slots=True)
class PostDraft:
    """What the Communications Lead typed to open a post.  Times are UTC.

    `impact` None means computed from the effects.  `severity` None means no internal incident is opened; `incident` is
    the public id of one that was declared before and that the post speaks for.
    `notify` says whether subscribers are notified; `acknowledged` that the guards' findings were seen and accepted.
    A maintenance that `auto_start` or `auto_end` starts or ends automatically at its planned times.
    `happened_at` is when it was, for an incident that is written down after it was over; `display_at` dates the first
    statement of any other, where that was before now.
    `metadata_json` is what a program keeps with the post for itself.
    `fingerprint` tells whether the same idempotency key asks for the same again; empty where that isn't compared.
    `texts` are (title, body) in languages other than the page's own.
    """

    kind: PostKind
    title: str
    status: PostStatus
    body: str
    idempotency_key: str
    impact: Impact | None = None
    effects: tuple[ComponentEffect, ...] = ()
    next_update_by: datetime | None = None
    notify: bool = True
    scheduled_for: datetime | None = None
    scheduled_until: datetime | None = None
    auto_start: bool = False
    auto_end: bool = False
    severity: Severity | None = None
    incident: str = ""
    record_links: tuple[RecordLinkDraft, ...] = ()
    acknowledged: bool = False
    happened_at: datetime | None = None
    display_at: datetime | None = None
    metadata_json: str = ""
    fingerprint: str = ""
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PostFacts:
    """Facts of a post to change without saying anything; None leaves one as it is.  Times are UTC.

    `component_ids` are the components that it is about from now on, by their public ids, and no others.  `titles` are
    those in languages other than the page's own.
    """

    title: str | None = None
    impact: Impact | None = None
    scheduled_for: datetime | None = None
    scheduled_until: datetime | None = None
    auto_start: bool | None = None
    auto_end: bool | None = None
    metadata_json: str | None = None
    component_ids: tuple[str, ...] | None = None
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpdateDraft:
    """One more statement in a post.  `version` is the post's version that the author saw; None when they saw none.

    `facts` are changed with it, or not at all.  `display_at` dates it, where that was before now.
    `fingerprint` is as a `PostDraft`'s.  `texts` are the body in languages other than the page's own.
    """

    status: PostStatus
    body: str
    idempotency_key: str
    version: int | None
    impact: Impact | None = None
    effects: tuple[ComponentEffect, ...] = ()
    next_update_by: datetime | None = None
    notify: bool = True
    acknowledged: bool = False
    facts: PostFacts | None = None
    display_at: datetime | None = None
    fingerprint: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftContent:
    """What a draft holds: possibly half-written, so nothing in it has been checked yet.  Times are UTC.

    `texts` are (title, body) by language code; updates have no title of their own.  `effects` are as a `PostDraft`'s.
    `promise_minutes` counts from the moment of publishing, `next_update_by` is an instant; at most one is set.
    `base_version` is the post's version that the author saw, None for a new post.  `incident` is as a `PostDraft`'s.
    `acknowledged` says that the leak guard's findings were seen and accepted.
    """

    kind: PostKind
    status: PostStatus
    texts: Mapping[str, tuple[str, str]]
    post_id: str = ""
    base_version: int | None = None
    impact: Impact | None = None
    effects: tuple[ComponentEffect, ...] = ()
    promise_minutes: int | None = None
    next_update_by: datetime | None = None
    notify: bool = True
    scheduled_for: datetime | None = None
    scheduled_until: datetime | None = None
    auto_start: bool = False
    auto_end: bool = False
    severity: Severity | None = None
    incident: str = ""
    record_links: tuple[RecordLinkDraft, ...] = ()
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class SavedDraft:
    """A draft after a verb: its public id, its version, and its state."""

    public_id: str
    version: int
    state: DraftState


@dataclass(frozen=True, slots=True)
class Waiting:
    """What publishing makes on a page that waits for the hold: a draft that is published at `publish_at`, unless
    someone unschedules it before.  `repeated` as for `Published`.
    """

    draft_id: str
    publish_at: datetime
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class AnnouncementDraft:
    """What someone typed to announce something.  `starts_at` None means now, `ends_at` None until it is ended.

    `texts` are `title` and `body` in languages other than the page's own; None leaves those that still fit.
    """

    title: str
    body: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    acknowledged: bool = False
    texts: Mapping[str, Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What a publish made: the post's and update's public ids, and whether it had been made before."""

    post_id: str
    update_id: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """The words of one notice on one channel in one language, the same for every recipient.

    `text` and `html` may hold the placeholders `{{unsubscribe_url}}` and `{{manage_url}}`, filled in per recipient.
    `headers` are extra mail headers, already safe.  `payload` is a webhook's JSON body as bytes, with placeholders.
    `valid_until` is when the words are stale because more was promised by then; None when nothing was.
    """

    channel: str
    subject: str
    text: str
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    message_id: str = ""
    in_reply_to: str = ""
    payload: bytes = b""
    sender: str = ""
    valid_until: datetime | None = None


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address a letter goes to.  `secret` signs a webhook; `key` names this delivery for idempotency.

    `language` and `time_zone` are the recipient's, empty for the page's.
    `return_path` is where a mail that can't be delivered comes back to; empty for the sender's own address.
    `may_go` is called right before the message leaves, when some time has gone by since the recipient was handed over:
    someone else may send it by now.
    """

    delivery_id: int
    address: str
    key: str
    personal: Mapping[str, str] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    return_path: str = ""
    language: str = ""
    time_zone: str = ""
    may_go: Callable[[], bool] = field(default=_always, repr=False, compare=False)


MAY_HAVE_ARRIVED = "unknown whether accepted"
"""What the reason of a FAILED outcome begins with when the other side may have taken the message all the same."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one recipient's copy.

    `state` is SENT, or FAILED with `permanent` saying that trying again can't help, or SKIPPED (kept in the outbox),
    or UNKNOWN (the provider may have taken it: its status is checked before anything is sent again), or PENDING (not
    tried after all, and given back). `reason` is one plain sentence without secrets or addresses.  `retry_after` is in
    seconds. `status` (HTTP) and `took_ms` are kept as an attempt when `took_ms` isn't None.  `disable` says why nothing
    must go to this subscriber any more.
    """

    delivery_id: int
    state: DeliveryState
    reason: str = ""
    permanent: bool = False
    retry_after: int | None = None
    provider_id: str = ""
    suppress: bool = False
    status: int | None = None
    took_ms: int | None = None
    disable: str = ""

    @property
    def is_plain(self) -> bool:
        """Sent, and nothing more to say, as nearly all are: kept and written for many at once."""
        return self.state is DeliveryState.SENT and not (self.reason or self.provider_id) and self.took_ms is None


@dataclass(frozen=True, slots=True)
class AudienceCount:
    """Who would get an update, per channel, and who would not and why."""

    by_channel: Mapping[str, int]
    skipped: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.by_channel.values())
