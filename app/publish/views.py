"""The values in a snapshot: frozen, read once, and the source of everything public."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from app.publish.addresses import base_path
from app.publish.uptime import History
from app.publish.verdict import Verdict
from app.vocabulary import ComponentStatus, Impact, Language, PostKind, PostStatus

Translations = Mapping[str, str]
"""The same words in languages other than the page's own, by the language's code.  A language without any reads the
page's own.
"""


@dataclass(frozen=True, slots=True)
class PageView:
    """A page's public facts."""

    id: int
    public_id: str
    slug: str
    feed_authority: str
    name: str
    url: str
    time_zone: str
    locale: str
    theme: str
    updated_at: datetime
    revision: int
    rebuild_revision: int
    languages: tuple[Language, ...] = (Language.ENGLISH,)
    accent: str = ""
    logo: "LogoView | None" = None
    mail_from: str = ""
    purge_revision: int = 1

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def base(self) -> str:
        """What the addresses on the page's host begin with: the path of its URL, such as "/status"; mostly empty."""
        return base_path(self.url)

    @property
    def origin(self) -> str:
        """The page's URL without that path."""
        return self.url.rstrip("/").removesuffix(self.base)

    @property
    def language(self) -> Language:
        """The page's own language."""
        return self.languages[0]


@dataclass(frozen=True, slots=True)
class LogoView:
    """A page's logo; `name` holds a hash of it, so that it may be kept forever."""

    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class AnnouncementView:
    """What the page says that is tied to no incident."""

    public_id: str
    title: str
    body_html: str
    starts_at: datetime
    ends_at: datetime | None
    titles: Translations = field(default_factory=dict, hash=False)
    htmls: Translations = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class ComponentView:
    """A visible component.  `history` is its last 90 days; None where only its facts are wanted."""

    id: int
    public_id: str
    name: str
    description: str
    status: ComponentStatus
    position: int
    group_id: str | None
    showcase: bool
    only_show_if_degraded: bool
    start_date: date | None
    created_at: datetime
    updated_at: datetime
    history: History | None = None
    names: Translations = field(default_factory=dict, hash=False)
    descriptions: Translations = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class GroupView:
    """A heading and its visible components; its status is its worst member's."""

    public_id: str
    name: str
    description: str
    position: int
    created_at: datetime
    updated_at: datetime
    components: tuple[ComponentView, ...]
    names: Translations = field(default_factory=dict, hash=False)

    @property
    def status(self) -> ComponentStatus:
        return max((c.status for c in self.components), key=_rank, default=ComponentStatus.OPERATIONAL)


@dataclass(frozen=True, slots=True)
class EffectView:
    """What an update did to one visible component.  `name` is the one that it had then; `names` are those of today."""

    component_id: str
    name: str
    from_status: ComponentStatus
    to_status: ComponentStatus
    names: Translations = field(default_factory=dict, hash=False)

    @property
    def is_same(self) -> bool:
        return self.from_status is self.to_status


@dataclass(frozen=True, slots=True)
class RevisionView:
    """What stood before a correction; `display_at` is when it was dated, if the correction moved it.

    `language` is that of a text in another language than the page's own.
    """

    body_html: str
    replaced_at: datetime
    display_at: datetime | None = None
    status: PostStatus | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class FormerFacts:
    """What a post's facts were before a correction; None for those that it didn't change.  `components` are names.

    `language` is that of a title in another language than the page's own.
    """

    replaced_at: datetime
    title: str | None
    impact: Impact | None
    scheduled_for: datetime | None
    scheduled_until: datetime | None
    components: tuple[str, ...] | None
    language: str | None = None

    @property
    def tells_something(self) -> bool:
        """Whether any fact in it was changed."""
        facts = (self.title, self.impact, self.scheduled_for, self.scheduled_until, self.components)
        return any(fact is not None for fact in facts)


@dataclass(frozen=True, slots=True)
class UpdateView:
    """One statement.  Of one that was withdrawn only its time and place are known here.

    `bodies` and `htmls` are its text in other languages than the page's own.
    """

    id: int
    public_id: str
    sequence: int
    status: PostStatus
    body: str
    body_html: str
    display_at: datetime
    created_at: datetime
    updated_at: datetime
    corrected_at: datetime | None
    next_update_by: datetime | None
    notify: bool
    effects: tuple[EffectView, ...] = ()
    revisions: tuple[RevisionView, ...] = ()
    withdrawn_at: datetime | None = None
    bodies: Translations = field(default_factory=dict, hash=False)
    htmls: Translations = field(default_factory=dict, hash=False)

    @property
    def is_translated(self) -> bool:
        """Whether readers of another language read, or read before a correction, a text of their own."""
        return bool(self.htmls) or any(former.language is not None for former in self.revisions)

    def former(self, language: str | None = None) -> tuple[RevisionView, ...]:
        """What readers of a language read before each correction, the newest first; None is the page's own.

        `body_html` is empty where a correction left the words as they were.
        """
        if language not in {*self.htmls, *(former.language for former in self.revisions)}:
            language = None
        newer = self.body_html
        told = []
        for former in self.revisions:
            if former.language != language:
                if former.language is None and (former.display_at or former.status):
                    told.append(replace(former, body_html=""))
                continue
            is_reworded = language is not None or former.body_html != newer
            newer = former.body_html
            if is_reworded or not (former.display_at or former.status):
                told.append(former)
            else:
                told.append(replace(former, body_html=""))
        return tuple(told)


@dataclass(frozen=True, slots=True)
class PostView:
    """A public thread; `updates` are newest first, `component_ids` the visible components it is about.

    `titles` are its title in other languages than the page's own.
    What was `withdrawn` isn't among the updates: a stub is shown in its place.  A post that was withdrawn as a whole
    has no updates and no title of its own here.

    `is_tied` says whether it is about any component at all, a hidden one included.  `version` rises from 1 with every
    change of its facts: what it says, its status, its times.
    """

    id: int
    public_id: str
    kind: PostKind
    title: str
    status: PostStatus
    impact: Impact
    started_at: datetime
    created_at: datetime
    updated_at: datetime
    monitoring_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    scheduled_for: datetime | None
    scheduled_until: datetime | None
    next_update_by: datetime | None
    updates: tuple[UpdateView, ...] = ()
    component_ids: tuple[str, ...] = ()
    is_tied: bool = False
    is_pinned: bool = False
    changed_revision: int = 0
    version: int = 1
    withdrawn: tuple[UpdateView, ...] = ()
    withdrawn_at: datetime | None = None
    former_facts: tuple[FormerFacts, ...] = ()
    titles: Translations = field(default_factory=dict, hash=False)

    @property
    def is_translated(self) -> bool:
        """Whether readers of another language read, or read before a correction, a title of their own."""
        return bool(self.titles) or any(former.language is not None for former in self.former_facts)

    def former(self, language: str | None = None) -> tuple[FormerFacts, ...]:
        """The facts that readers of a language read before each correction, newest first; None is the page's own."""
        if language not in {*self.titles, *(former.language for former in self.former_facts)}:
            return tuple(former for former in self.former_facts if former.language is None)
        shown = (
            former if former.language == language else replace(former, title=None)
            for former in self.former_facts
            if former.language in {None, language}
        )
        return tuple(former for former in shown if former.tells_something)

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def is_upcoming(self) -> bool:
        return self.status is PostStatus.SCHEDULED and self.withdrawn_at is None

    @property
    def happened_at(self) -> datetime:
        """When it began to matter: a maintenance at its planned start, an incident when it was declared."""
        return self.scheduled_for or self.started_at

    @property
    def began_at(self) -> datetime:
        """When it really began: a maintenance with the update that said so, an incident when it was declared."""
        begun = [update.display_at for update in self.updates if update.status is PostStatus.IN_PROGRESS]
        return min(begun) if begun else self.happened_at

    @property
    def took_place(self) -> bool:
        """False for a maintenance that is still to come, or was cancelled before it began."""
        if self.withdrawn_at is not None:
            return False
        if self.status is PostStatus.CANCELLED:
            return any(update.status is PostStatus.IN_PROGRESS for update in self.updates)
        return not self.is_upcoming

    @property
    def lasted(self) -> float | None:
        """Seconds from its beginning to its end; None while it is open, or when it never took place."""
        ended = self.resolved_at or self.closed_at
        if (
            ended is None
            or self.withdrawn_at is not None
            or self.status is PostStatus.CANCELLED
            or ended < self.began_at
        ):
            return None
        return (ended - self.began_at).total_seconds()

    @property
    def told(self) -> tuple[UpdateView, ...]:
        """The statements, newest first, without the post-mortem; one that a later one replaced is among them."""
        shown_last = self.postmortem
        return tuple(update for update in self.updates if update is not shown_last)

    @property
    def thread(self) -> tuple[UpdateView, ...]:
        """The statements and the stubs of those that were withdrawn, newest first."""
        return _merged(self.updates, self.withdrawn)

    @property
    def earlier(self) -> tuple[UpdateView, ...]:
        """As `thread`, without the post-mortem, and without what is known now while the post is open."""
        said = self.told[1:] if self.is_open else self.told
        return _merged(said, self.withdrawn)

    @property
    def tells_impact(self) -> bool:
        """Whether its impact is worth a word: of an open incident no one can say yet that it has none."""
        return self.kind is PostKind.INCIDENT and not (self.is_open and self.impact is Impact.NONE)

    @property
    def postmortem(self) -> UpdateView | None:
        """What was learned, as last said."""
        return next((update for update in self.updates if update.status is PostStatus.POSTMORTEM), None)

    @property
    def last_said_at(self) -> datetime:
        return self.updates[0].display_at if self.updates else self.updated_at


@dataclass(frozen=True, slots=True)
class DayView:
    """One day of the past, in the page's zone, and what began on it: what is over, and what is `ongoing`.

    Days without anything are told together: `first` is the earliest of them, and `day` itself otherwise.
    """

    day: date
    first: date
    posts: tuple[PostView, ...]
    ongoing: tuple[PostView, ...] = ()

    @property
    def is_quiet(self) -> bool:
        return not self.posts and not self.ongoing


@dataclass(frozen=True, slots=True)
class MonthView:
    """One month of history and its neighbours; `key` is "2026-08"."""

    key: str
    first_day: date
    posts: tuple[PostView, ...]
    older: str | None
    newer: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything public about a page at one revision, and which lasting pages have to be written again.

    `called_off` are the maintenances that were to come, `windows` all that a calendar tells of.
    """

    page: PageView
    rendered_at: datetime
    verdict: Verdict
    components: tuple[ComponentView, ...]
    groups: tuple[GroupView, ...]
    open_posts: tuple[PostView, ...]
    upcoming: tuple[PostView, ...]
    past_days: tuple[DayView, ...]
    newest: tuple[PostView, ...]
    newest_incidents: tuple[PostView, ...]
    newest_maintenances: tuple[PostView, ...]
    changed: tuple[PostView, ...]
    months: tuple[MonthView, ...]
    newest_month: MonthView
    all_months: tuple[str, ...]
    announcements: tuple[AnnouncementView, ...] = ()
    pinned: tuple[PostView, ...] = ()
    called_off: tuple[PostView, ...] = ()
    windows: tuple[PostView, ...] = ()

    @property
    def worst_first(self) -> tuple[PostView, ...]:
        """The open posts as a reader in a hurry wants them: the gravest on top, the newest first of those alike."""
        return tuple(sorted(self.open_posts, key=lambda post: -post.impact.rank))

    @property
    def ungrouped(self) -> tuple[ComponentView, ...]:
        return tuple(component for component in self.components if component.group_id is None)


def _merged(said: tuple[UpdateView, ...], withdrawn: tuple[UpdateView, ...]) -> tuple[UpdateView, ...]:
    if not withdrawn:
        return said
    return tuple(sorted((*said, *withdrawn), key=lambda one: (one.display_at, one.sequence), reverse=True))


def _rank(status: ComponentStatus) -> int:
    return status.severity_rank
