"""The field's vocabulary, as enums.  Every table, form, URL and document uses these values and no others."""

from datetime import timedelta
from enum import StrEnum


class ComponentStatus(StrEnum):
    """What a component is doing, from best to worst as `severity_rank` orders them."""

    OPERATIONAL = "operational"
    UNDER_MAINTENANCE = "under_maintenance"
    UNKNOWN = "unknown"
    DEGRADED_PERFORMANCE = "degraded_performance"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"

    @property
    def severity_rank(self) -> int:
        """0 for operational, rising to 5 for a major outage."""
        return list(ComponentStatus).index(self)

    @property
    def label(self) -> str:
        """The words a reader sees."""
        return self.value.replace("_", " ").capitalize()


class PostKind(StrEnum):
    INCIDENT = "incident"
    MAINTENANCE = "maintenance"


class PostStatus(StrEnum):
    """The stages of a post; which kind may take which is in `POST_STATUSES`."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    POSTMORTEM = "postmortem"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more is promised after this status."""
        return self in TERMINAL_STATUSES

    @property
    def label(self) -> str:
        if self is PostStatus.POSTMORTEM:
            return "Post-mortem"
        return self.value.replace("_", " ").capitalize()


POST_STATUSES: dict[PostKind, tuple[PostStatus, ...]] = {
    PostKind.INCIDENT: (
        PostStatus.INVESTIGATING,
        PostStatus.IDENTIFIED,
        PostStatus.MONITORING,
        PostStatus.RESOLVED,
        PostStatus.POSTMORTEM,
    ),
    PostKind.MAINTENANCE: (
        PostStatus.SCHEDULED,
        PostStatus.IN_PROGRESS,
        PostStatus.VERIFYING,
        PostStatus.COMPLETED,
        PostStatus.CANCELLED,
    ),
}
TERMINAL_STATUSES = frozenset(
    {PostStatus.RESOLVED, PostStatus.POSTMORTEM, PostStatus.COMPLETED, PostStatus.CANCELLED},
)


class DraftState(StrEnum):
    """What becomes of a text before it is published."""

    EDITING = "editing"
    PROPOSED = "proposed"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    DISCARDED = "discarded"

    @property
    def is_open(self) -> bool:
        """Whether the draft can still be published."""
        return self not in {DraftState.PUBLISHED, DraftState.DISCARDED}


class Impact(StrEnum):
    """How much a post matters to readers; also the verdict's indicator."""

    NONE = "none"
    MAINTENANCE = "maintenance"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for none, rising to 4 for critical."""
        return list(Impact).index(self)

    @property
    def label(self) -> str:
        return self.value.capitalize()


PROMISE_DEFAULTS: dict[Impact, timedelta] = {
    Impact.CRITICAL: timedelta(minutes=20),
    Impact.MAJOR: timedelta(minutes=30),
    Impact.MINOR: timedelta(minutes=60),
    Impact.MAINTENANCE: timedelta(minutes=60),
    Impact.NONE: timedelta(minutes=60),
}
"""How soon the next update is promised when the author names no time."""

IMPACT_OF_COMPONENT: dict[ComponentStatus, Impact] = {
    ComponentStatus.OPERATIONAL: Impact.NONE,
    ComponentStatus.UNKNOWN: Impact.NONE,
    ComponentStatus.UNDER_MAINTENANCE: Impact.MAINTENANCE,
    ComponentStatus.DEGRADED_PERFORMANCE: Impact.MINOR,
    ComponentStatus.PARTIAL_OUTAGE: Impact.MAJOR,
    ComponentStatus.MAJOR_OUTAGE: Impact.CRITICAL,
}
"""The impact a post has because it puts a component into this status."""


class Visibility(StrEnum):
    """Who may read a page.  Until there is a gate in front of the other two, every page is public."""

    PUBLIC = "public"
    PRIVATE = "private"
    INTERNAL = "internal"


class Language(StrEnum):
    """The languages that the page's own words are translated into, by their codes (BCP 47)."""

    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    SPANISH = "es"
    JAPANESE = "ja"
    ARABIC = "ar"

    @classmethod
    def of(cls, locale: str, otherwise: "Language") -> "Language":
        """The language of a locale such as "pt-BR"; `otherwise` when Candor doesn't speak it."""
        code = locale.replace("_", "-").partition("-")[0].lower()
        return cls(code) if code in set(cls) else otherwise

    @property
    def own_name(self) -> str:
        """What its speakers call it: a switch shows nothing else."""
        return {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ja": "日本語", "ar": "العربية"}[
            self.value
        ]

    @property
    def direction(self) -> str:
        """ "rtl" where it is written from right to left, else "ltr"."""
        return "rtl" if self is Language.ARABIC else "ltr"


ALL_LANGUAGES = ",".join(Language)


class Severity(StrEnum):
    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class Role(StrEnum):
    """What a signed-in person may do; each role may do all that those before it may."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    LEAD = "lead"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    @property
    def label(self) -> str:
        return "Communications Lead" if self is Role.LEAD else self.value.capitalize()


class IncidentRoleName(StrEnum):
    """What someone does in an incident: one person at a time leads, and may have a deputy."""

    INCIDENT_COMMANDER = "incident_commander"
    DEPUTY_INCIDENT_COMMANDER = "deputy_incident_commander"
    COMMUNICATIONS_LEAD = "communications_lead"
    DEPUTY_COMMUNICATIONS_LEAD = "deputy_communications_lead"
    OPERATIONS_LEAD = "operations_lead"
    DEPUTY_OPERATIONS_LEAD = "deputy_operations_lead"

    @property
    def label(self) -> str:
        return self.value.replace("_", " ").title()


class Scope(StrEnum):
    """What a program may do with its token.  Every other scope may read what is public; `admin` may do everything."""

    READ = "read"
    POSTS = "posts"
    COMPONENTS = "components"
    SUBSCRIBERS = "subscribers"
    ADMIN = "admin"


class SubscriberState(StrEnum):
    UNCONFIRMED = "unconfirmed"
    ACTIVE = "active"
    QUARANTINED = "quarantined"
    UNSUBSCRIBED = "unsubscribed"


class DispatchKind(StrEnum):
    """What a dispatch sends: an update; what became of one (a correction, a withdrawal); or something about a post that
    is no update (a reminder, a post-mortem, a notice).
    """

    UPDATE = "update"
    CORRECTION = "correction"
    WITHDRAWAL = "withdrawal"
    REMINDER = "reminder"
    POSTMORTEM = "post-mortem"
    NOTICE = "notice"

    @property
    def label(self) -> str:
        return self.value.capitalize()

    @property
    def follows_an_update(self) -> bool:
        """Whether only those who got the update before get it: no one else has anything to put right."""
        return self in {DispatchKind.CORRECTION, DispatchKind.WITHDRAWAL}


class DispatchState(StrEnum):
    """One fan-out: held, then planned into deliveries (sending), then done; or cancelled before everyone got it."""

    HELD = "held"
    SENDING = "sending"
    DONE = "done"
    CANCELLED = "cancelled"


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"
    BOUNCED = "bounced"


class NoticeKind(StrEnum):
    """What an outgoing message is about."""

    UPDATE = "update"
    CONFIRM = "confirm"
    MANAGE = "manage"
    FOLLOWS = "follows"
    CANARY = "canary"
    DISABLED = "disabled"

    @property
    def label(self) -> str:
        """What a subscriber's history says of it."""
        return {
            NoticeKind.UPDATE: "Update",
            NoticeKind.CONFIRM: "Asked to confirm the address",
            NoticeKind.MANAGE: "Told that it is subscribed already",
            NoticeKind.FOLLOWS: "Asked to choose its updates",
            NoticeKind.CANARY: "Test message",
            NoticeKind.DISABLED: "Told that the webhook was disabled",
        }[self]


class AccountNoticeKind(StrEnum):
    """What a notice to a person with an account is about."""

    VERIFY_CONTACT = "verify_contact"
    ROLE_GIVEN = "role_given"
    DRAFT_NOT_PUBLISHED = "draft_not_published"

    @property
    def label(self) -> str:
        return {
            AccountNoticeKind.VERIFY_CONTACT: "Contact verification",
            AccountNoticeKind.ROLE_GIVEN: "Role in an incident",
            AccountNoticeKind.DRAFT_NOT_PUBLISHED: "Scheduled update not published",
        }[self]


class InboundState(StrEnum):
    """How far a delivery has come.  FAILED is a fault of ours; NOT_UNDERSTOOD is a body that makes no sense to us."""

    STORED = "stored"
    UNDERSTOOD = "understood"
    NOT_UNDERSTOOD = "not_understood"
    FAILED = "failed"


RESERVED_SLUGS = frozenset(
    {
        "accounts",
        "alarms",
        "announcements",
        "canaries",
        "components",
        "groups",
        "limits",
        "outbox",
        "page",
        "posts",
        "subscribers",
        "templates",
        "tokens",
        "updates",
    }
)
"""What no page's slug may be: the console's addresses began with these words before they named the page."""
