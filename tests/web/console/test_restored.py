"""After a restore, the limits screen asks what becomes of what was under way."""

import pytest
from sqlalchemy import select

from app.actions.deliveries import restoring
from app.actions.posts.publishing import open_post
from app.db import session
from app.models.delivery import Delivery
from app.settings import Settings
from app.vocabulary import DeliveryState
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.deliver.fakes import Edge
from tests.factories import LENA, make_subscriber
from tests.web.console.person import Person, form_of, text_of

pytestmark = pytest.mark.database
LIMITS = "/admin/limits"


@pytest.fixture
def restored(settings: Settings, page_id: int, edge: Edge) -> None:
    """An update for carol was under way."""
    make_subscriber(page_id)
    open_post(settings, LENA, page_id, draft())
    restoring.hold(None)
    drain(settings)
    assert edge.addresses == []


def test_the_overview_and_the_limits_screen_say_what_waits(lena: Person, restored: None) -> None:
    assert "This database was restored from a backup. What was being sent is paused" in text_of(
        lena.open("/console/default")
    )
    assert "Slow answers 1 waiting" in text_of(lena.open(LIMITS))


def test_it_is_sent(lena: Person, settings: Settings, restored: None, edge: Edge) -> None:
    assert lena.fill(LIMITS, "/limits/restored/resume", {}).status_code == 303
    drain(settings)
    assert edge.addresses == ["carol@example.com"]
    assert "Restored from a backup" not in text_of(lena.open(LIMITS))
    assert "restored from a backup" not in text_of(lena.open("/console/default"))


def test_it_is_dropped_and_a_second_tap_says_that_there_is_nothing(
    lena: Person, settings: Settings, restored: None, edge: Edge, page_id: int
) -> None:
    form = form_of(lena.open(LIMITS), "/limits/restored/drop")
    assert lena.send(form, {}).status_code == 303
    assert "Dropped: 1 updates, 1 messages" in text_of(lena.open(LIMITS))
    assert lena.send(form, {}).status_code == 409
    open_post(settings, LENA, page_id, draft("key-00000002"))
    drain(settings)
    assert edge.addresses == ["carol@example.com"]
    first = session().scalars(select(Delivery).order_by(Delivery.id).limit(1)).one()
    assert (first.state, first.reason) == (DeliveryState.SKIPPED, restoring.DROPPED)


def test_a_form_without_its_time_drops_nothing(lena: Person, restored: None) -> None:
    assert lena.fill(LIMITS, "/limits/restored/drop", {"before": "yesterday"}).status_code == 422
    assert session().scalars(select(Delivery.state)).all() == [DeliveryState.PENDING]


def test_nothing_is_asked_without_a_restore(lena: Person, settings: Settings, page_id: int) -> None:
    assert "Restored from a backup" not in lena.open(LIMITS)
    assert lena.client.post("/admin/limits/restored/resume").status_code in {400, 409}
