"""Loads the sample data, so that a newcomer sees a page in use.  No messages are sent."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app import clock
from app.actions.frame import changing
from app.actions.pages.sample_story import ALONE, DESCRIPTIONS, GROUPS, MAINTENANCE, SUBSCRIBERS, TALES, Tale
from app.actions.posts.publishing import open_post, publish_update
from app.channels.names import EMAIL
from app.models.component import Component, ComponentGroup
from app.publish.refresh import try_refresh
from app.settings import Settings
from app.shapes import Actor, ComponentEffect, PostDraft, Published, UpdateDraft
from app.states import subscribers
from app.states.subscribers import address_hash
from app.vocabulary import ComponentStatus, PostKind, PostStatus, Role

BEGAN_DAYS_AGO = 95


def load(settings: Settings, actor: Actor, page_id: int) -> bool:
    """Fill a page with components, three months of history, an open incident, a maintenance and subscribers.

    Whether anything was done: a page that has components already is left alone.

    Raises:
        NotAllowed: the actor is no admin of the page.
        NotFound: the page doesn't exist.
    """
    at = clock.now()
    with (
        clock.frozen(at - timedelta(days=BEGAN_DAYS_AGO)),
        changing(settings, actor, page_id, needs=Role.ADMIN) as change,
    ):
        if change.session.scalar(select(exists().where(Component.page_id == page_id))):
            return False
        ids = _components(change.session, page_id)
        _subscribers(change.session, settings, page_id)
        change.touch(everything=True)
        change.audit("load sample", "page", change.page.public_id)
    for tale in TALES:
        _tell(settings, actor, page_id, tale, ids, at)
    _plan(settings, actor, page_id, ids, at)
    try_refresh(settings, page_id)
    return True


def _components(session: Session, page_id: int) -> dict[str, str]:
    ids = {}
    places: list[tuple[str | None, tuple[str, ...]]] = [*GROUPS.items(), (None, ALONE)]
    for place, (group_name, names) in enumerate(places):
        group_id = None
        if group_name is not None:
            group = ComponentGroup(page_id=page_id, name=group_name, position=place + 1)
            session.add(group)
            session.flush()
            group_id = group.id
        for position, name in enumerate(names, 1):
            component = Component(
                page_id=page_id, group_id=group_id, name=name, position=position,
                description=DESCRIPTIONS.get(name, ""),
            )  # fmt: skip
            session.add(component)
            session.flush()
            ids[name] = component.public_id
    return ids


def _subscribers(session: Session, settings: Settings, page_id: int) -> None:
    for address in SUBSCRIBERS:
        row = subscribers.add(
            session,
            page_id=page_id,
            channel=EMAIL,
            address=address,
            address_hash=address_hash(settings, EMAIL, address),
        )
        subscribers.activate(session, row)


def _tell(settings: Settings, actor: Actor, page_id: int, tale: Tale, ids: dict[str, str], at: datetime) -> None:
    began = at - timedelta(hours=tale.hours_ago)
    made: Published | None = None
    for number, said in enumerate(tale.said):
        status = ComponentStatus.OPERATIONAL if said.status.is_terminal else None
        effects = tuple(ComponentEffect(ids[name], status or worst) for name, worst in tale.effects)
        key = f"sample-{page_id}-{began:%Y%m%d%H%M%S}-{number}"
        with clock.frozen(began + timedelta(minutes=said.minutes)):
            if made is None:
                draft = PostDraft(
                    PostKind.INCIDENT, tale.title, said.status, said.body, key, effects=effects, notify=False
                )
                made = open_post(settings, actor, page_id, draft)
            else:
                moved = effects if said.status.is_terminal else ()
                update = UpdateDraft(said.status, said.body, key, number, effects=moved, notify=False)
                publish_update(settings, actor, page_id, made.post_id, update)


def _plan(settings: Settings, actor: Actor, page_id: int, ids: dict[str, str], at: datetime) -> None:
    title, name, body = MAINTENANCE
    begins = (at + timedelta(days=5)).replace(hour=2, minute=0, second=0, microsecond=0)
    draft = PostDraft(
        PostKind.MAINTENANCE, title, PostStatus.SCHEDULED, body, f"sample-{page_id}-{at:%Y%m%d%H%M%S}-plan",
        effects=(ComponentEffect(ids[name], ComponentStatus.UNDER_MAINTENANCE),),
        notify=False, scheduled_for=begins, scheduled_until=begins + timedelta(hours=2),
    )  # fmt: skip
    open_post(settings, actor, page_id, draft)
