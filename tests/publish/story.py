"""A page with something of everything on it, told in Greek: whatever English is found on it is the page's own."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from app import clock
from app.actions.pages.announcements import create_announcement
from app.actions.posts.correcting import correct_update
from app.actions.posts.editing import pin_post
from app.actions.posts.publishing import open_post, publish_update
from app.db import release, session
from app.models.component import Component
from app.settings import Settings
from app.shapes import AnnouncementDraft, ComponentEffect, UpdateDraft
from app.vocabulary import ComponentStatus, Impact, PostKind, PostStatus
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component, make_group

NOON = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Story:
    """The posts' public ids."""

    open: str
    resolved: str
    learned: str
    underway: str
    planned: str

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every kind of page that there is, in the page's own language."""
        posts = (self.open, self.resolved, self.learned, self.underway, self.planned)
        months = ("2026-03", "2026-02", "2026-01")
        return ("/", "/history", *(f"/history/{key}" for key in months), *(f"/incidents/{post}" for post in posts))


def tell(settings: Settings, page_id: int) -> Story:
    """Two months that end at `NOON`; nothing happens in February."""
    with clock.frozen(NOON - 60 * DAY):
        group = make_group(page_id, "Ομάδα")
        for number in range(8):
            make_component(page_id, f"Μονάδα {number}", group_id=group, description="Σχόλιο")
        alone = make_component(page_id, "Πύλη")
    with clock.frozen(NOON - 50 * DAY):
        learned = over(settings, page_id, "story-learned", alone, ComponentStatus.MAJOR_OUTAGE)
        publish_update(settings, LENA, page_id, learned, said(PostStatus.POSTMORTEM, "Μάθημα", "story-learned-3", 2))
        pin_post(settings, LENA, page_id, learned, True)
    with clock.frozen(NOON - 3 * DAY):
        resolved = over(settings, page_id, "story-resolved", alone, ComponentStatus.PARTIAL_OUTAGE)
    with clock.frozen(NOON - DAY):
        planned = plan(settings, page_id, "story-planned", alone, NOON + DAY)
        underway = plan(settings, page_id, "story-underway", alone, NOON - HOUR)
        create_announcement(settings, LENA, page_id, AnnouncementDraft("Αγγελία", "Κείμενο"))
    with clock.frozen(NOON - HOUR):
        publish_update(settings, LENA, page_id, underway, said(PostStatus.IN_PROGRESS, "Αρχή", "story-underway-2", 1))
    with clock.frozen(NOON - 30 * MINUTE):
        trouble = degrade_all(settings, page_id)
    return Story(trouble, resolved, learned, underway, planned)


def said(status: PostStatus, body: str, key: str, version: int, *effects: ComponentEffect) -> UpdateDraft:
    return UpdateDraft(status, body, key, version, effects=effects)


def over(settings: Settings, page_id: int, key: str, component: str, status: ComponentStatus) -> str:
    """An incident that lasted an hour and twenty minutes."""
    effect = ComponentEffect(component, status)
    made = open_post(settings, LENA, page_id, draft(key, title="Πάει", body="Βλάβη", effects=(effect,)))
    fixed = ComponentEffect(component, ComponentStatus.OPERATIONAL)
    with clock.frozen(clock.now() + 80 * MINUTE):
        publish_update(settings, LENA, page_id, made.post_id, said(PostStatus.RESOLVED, "Τέλος", f"{key}-2", 1, fixed))
    return made.post_id


def plan(settings: Settings, page_id: int, key: str, component: str, start: datetime) -> str:
    effect = ComponentEffect(component, ComponentStatus.UNDER_MAINTENANCE)
    planned = draft(
        key, title="Έργο", body="Σχέδιο", kind=PostKind.MAINTENANCE, status=PostStatus.SCHEDULED,
        effects=(effect,), scheduled_for=start, scheduled_until=start + 2 * HOUR,
    )  # fmt: skip
    return open_post(settings, LENA, page_id, planned).post_id


def degrade_all(settings: Settings, page_id: int) -> str:
    """An open incident of five updates about eight components, its first one corrected."""
    named = select(Component.public_id).where(Component.page_id == page_id, Component.name.startswith("Μονάδα"))
    ids = list(session().scalars(named.order_by(Component.id)))
    release()
    effects = tuple(ComponentEffect(one, ComponentStatus.DEGRADED_PERFORMANCE) for one in ids)
    post = draft("story-open", title="Αργά", body="Ψάχνουμε", effects=effects, impact=Impact.MAJOR)
    made = open_post(settings, LENA, page_id, post)
    correct_update(settings, LENA, page_id, made.update_id, "Ψάχνουμε όλοι", 1)
    worse = ComponentEffect(ids[0], ComponentStatus.MAJOR_OUTAGE)
    for number in range(1, 5):
        more = said(PostStatus.IDENTIFIED, f"Λόγος {number}", f"story-open-{number}", number, worse)
        publish_update(settings, LENA, page_id, made.post_id, more)
    return made.post_id
