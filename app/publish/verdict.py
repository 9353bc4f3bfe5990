"""The overall status at the top of the page, from components and open posts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus

Statuses = Sequence[ComponentStatus]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`indicator` is the machine's word, `text` the reader's."""

    indicator: Impact
    text: str


@dataclass(frozen=True, slots=True)
class OpenPost:
    """What the verdict needs of an open post."""

    kind: PostKind
    status: PostStatus
    impact: Impact
    has_component: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table: when it holds, in words for the reader and for the machine."""

    when: str
    holds: Callable[[Statuses], bool]
    verdict: Verdict


def _any(status: ComponentStatus) -> Callable[[Statuses], bool]:
    return lambda statuses: status in statuses


def _all(status: ComponentStatus) -> Callable[[Statuses], bool]:
    return lambda statuses: bool(statuses) and all(one is status for one in statuses)


_S = ComponentStatus
MINOR, MAJOR, CRITICAL = Impact.MINOR, Impact.MAJOR, Impact.CRITICAL
RULES: tuple[Rule, ...] = (
    Rule("every component is in a major outage", _all(_S.MAJOR_OUTAGE), Verdict(CRITICAL, "Major System Outage")),
    Rule("a component is in a major outage", _any(_S.MAJOR_OUTAGE), Verdict(MAJOR, "Partial System Outage")),
    Rule("every component is in a partial outage", _all(_S.PARTIAL_OUTAGE), Verdict(MAJOR, "Partial System Outage")),
    Rule("a component is in a partial outage", _any(_S.PARTIAL_OUTAGE), Verdict(MINOR, "Minor Service Outage")),
    Rule("every component is degraded", _all(_S.DEGRADED_PERFORMANCE), Verdict(MINOR, "Degraded System Service")),
    Rule("a component is degraded", _any(_S.DEGRADED_PERFORMANCE), Verdict(MINOR, "Partially Degraded Service")),
    Rule("the status of a component is unknown", _any(_S.UNKNOWN), Verdict(MINOR, "Status Partly Unknown")),
    Rule(
        "a component is under maintenance",
        _any(_S.UNDER_MAINTENANCE),
        Verdict(Impact.MAINTENANCE, "Service Under Maintenance"),
    ),
)
"""Worst first: the first that holds decides.  Hidden components are never among the statuses."""

ALL_WELL = Verdict(Impact.NONE, "All Systems Operational")
OF_POSTS: dict[Impact, Verdict] = {
    Impact.MAINTENANCE: Verdict(Impact.MAINTENANCE, "Service Under Maintenance"),
    Impact.MINOR: Verdict(Impact.MINOR, "Minor Service Outage"),
    Impact.MAJOR: Verdict(Impact.MAJOR, "Partial System Outage"),
    Impact.CRITICAL: Verdict(Impact.CRITICAL, "Major System Outage"),
}
UNDERWAY = frozenset({PostStatus.IN_PROGRESS, PostStatus.VERIFYING})


def verdict(statuses: Statuses, open_posts: Sequence[OpenPost] = ()) -> Verdict:
    """The verdict over the visible components' `statuses` and the open posts.

    The worst component decides.  Where none is worse than under maintenance, an open post that names no component
    lifts the verdict to its own impact: an outage that no one tied to a component isn't hidden, nor is it by
    maintenance.
    """
    decided = next((rule.verdict for rule in RULES if rule.holds(statuses)), ALL_WELL)
    if decided.indicator.rank > Impact.MAINTENANCE.rank:
        return decided
    lifted = max((_weight(post) for post in open_posts if not post.has_component), default=Impact.NONE, key=_rank)
    return OF_POSTS[lifted] if lifted.rank > decided.indicator.rank else decided


def _weight(post: OpenPost) -> Impact:
    if post.kind is PostKind.MAINTENANCE:
        return Impact.MAINTENANCE if post.status in UNDERWAY else Impact.NONE
    return post.impact


def _rank(impact: Impact) -> int:
    return impact.rank
