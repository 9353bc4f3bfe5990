"""The sample data: the last weeks of an imaginary company."""

from dataclasses import dataclass

from app.vocabulary import ComponentStatus as Is
from app.vocabulary import PostStatus


@dataclass(frozen=True, slots=True)
class Said:
    """One statement: `minutes` after the beginning, the status, the text."""

    minutes: int
    status: PostStatus
    body: str


@dataclass(frozen=True, slots=True)
class Tale:
    """A past or present incident: it began `hours_ago`; `effects` name components and what happened to them."""

    hours_ago: float
    title: str
    effects: tuple[tuple[str, Is], ...]
    said: tuple[Said, ...]

    @property
    def is_over(self) -> bool:
        return self.said[-1].status.is_terminal


GROUPS: dict[str, tuple[str, ...]] = {
    "Shop": ("Website", "Search", "Checkout"),
    "Platform": ("API", "Webhooks", "Reports"),
}
ALONE = ("Support desk",)
DESCRIPTIONS = {"API": "api.example.com, versions 1 and 2", "Checkout": "Cards, bank transfer and vouchers"}
FIRST, KNOWN, WATCHED, OVER = (
    PostStatus.INVESTIGATING, PostStatus.IDENTIFIED, PostStatus.MONITORING, PostStatus.RESOLVED,
)  # fmt: skip

TALES: tuple[Tale, ...] = (
    Tale(24 * 71, "Reports arrive late", (("Reports", Is.DEGRADED_PERFORMANCE),), (
        Said(0, FIRST, "Daily reports are up to two hours late. No data is lost."),
        Said(150, OVER, "All reports have been delivered. A queue had filled up overnight; it is larger now."),
    )),
    Tale(24 * 48, "The shop can't be reached from parts of Europe", (
        ("Website", Is.PARTIAL_OUTAGE), ("Checkout", Is.PARTIAL_OUTAGE),
    ), (
        Said(0, FIRST, "Customers in parts of Europe can't open the shop. We are looking into it."),
        Said(18, KNOWN, "A network provider has lost a route. We are sending traffic another way."),
        Said(55, WATCHED, "The shop can be reached again. We are monitoring."),
        Said(120, OVER, "Everything has been stable for an hour. The provider has repaired the route."),
    )),
    Tale(24 * 26, "API answers with errors", (("API", Is.MAJOR_OUTAGE),), (
        Said(0, FIRST, "Most requests to the API fail. Our whole team is working on it."),
        Said(20, KNOWN, "A faulty release is the cause. We are rolling it back."),
        Said(43, OVER, "The release is rolled back and the API answers as usual. We are sorry."),
    )),
    Tale(24 * 9, "Search is slow", (("Search", Is.DEGRADED_PERFORMANCE),), (
        Said(0, FIRST, "Searching takes up to ten seconds."),
        Said(80, OVER, "Search is fast again. An index was rebuilt at the wrong time of day."),
    )),
    Tale(24 * 4, "Webhooks are delayed", (("Webhooks", Is.PARTIAL_OUTAGE),), (
        Said(0, FIRST, "Webhooks arrive up to 20 minutes late. None are lost."),
        Said(35, WATCHED, "The backlog is gone. We are monitoring."),
        Said(75, OVER, "Webhooks arrive on time again."),
    )),
    Tale(24 * 2, "Some card payments were refused", (("Checkout", Is.DEGRADED_PERFORMANCE),), (
        Said(0, KNOWN, "About one card payment in fifty is refused. Trying again works in most cases."),
        Said(64, OVER, "Our payment partner has fixed the fault. Nobody was charged twice."),
    )),
    Tale(0.6, "Search results are incomplete", (("Search", Is.DEGRADED_PERFORMANCE),), (
        Said(0, FIRST, "Products added today don't show up in search. Everything else works."),
        Said(20, KNOWN, "An import stopped half-way. We have started it again; it takes about an hour."),
    )),
)  # fmt: skip
MAINTENANCE = ("Database upgrade", "API", "Short interruptions of a minute or two are possible.")
SUBSCRIBERS = ("ana@example.com", "ben@example.com", "chi@example.com")
