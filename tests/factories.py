"""Plain functions that put things into the database, and the small cast that a test is about."""

import hashlib
from typing import Any

from sqlalchemy import select

from app.clock import now
from app.db import session, transaction
from app.models.component import Component, ComponentGroup
from app.models.page import Page
from app.models.subscriber import Subscriber, SubscriberComponent
from app.shapes import Actor
from app.vocabulary import ComponentStatus, Language, Role, SubscriberState

ALICE = Actor("Alice Admin", Role.ADMIN)
LENA = Actor("Lena Lead", Role.LEAD)
RAVI = Actor("Ravi Responder", Role.RESPONDER)
VERA = Actor("Vera Viewer", Role.VIEWER)


def make_page(name: str = "Acme Status", **fields: Any) -> int:
    """A page in English alone, because each language takes its time; its id."""
    fields = {"slug": "default", "languages": Language.ENGLISH, **fields}
    with transaction() as session:
        page = Page(name=name, **{"url": "http://localhost:8000", **fields})
        session.add(page)
        session.flush()
        return page.id


def only_page() -> int:
    """The page's id, where there is one page."""
    session().rollback()
    return session().scalars(select(Page.id)).one()


def make_component(page_id: int, name: str = "API", status: str = ComponentStatus.OPERATIONAL, **fields: Any) -> str:
    """A component; its public id."""
    with transaction() as session:
        component = Component(page_id=page_id, name=name, status=status, **fields)
        session.add(component)
        session.flush()
        return component.public_id


def make_group(page_id: int, name: str = "Services", position: int = 0) -> int:
    """A component group; its id."""
    with transaction() as session:
        group = ComponentGroup(page_id=page_id, name=name, position=position)
        session.add(group)
        session.flush()
        return group.id


def make_subscriber(
    page_id: int,
    address: str = "carol@example.com",
    channel: str = "email",
    state: str = SubscriberState.ACTIVE,
    component_ids: tuple[int, ...] = (),
    **fields: Any,
) -> int:
    """A subscriber, by default to everything; its id."""
    with transaction() as session:
        subscriber = Subscriber(
            page_id=page_id,
            channel=channel,
            address=address,
            address_hash=hashlib.sha256(address.encode()).hexdigest(),
            state=state,
            everything=not component_ids,
            **{
                "confirmed_at": None if state == SubscriberState.UNCONFIRMED else now(),
                "unsubscribed_at": now() if state == SubscriberState.UNSUBSCRIBED else None,
                **fields,
            },
        )
        session.add(subscriber)
        session.flush()
        session.add_all(SubscriberComponent(subscriber_id=subscriber.id, component_id=c) for c in component_ids)
        return subscriber.id
