"""Sheets of subscribers in and out, and erasing somebody, through the console."""

import csv
import io

import pytest
from sqlalchemy import func, select

from app.actions.posts.publishing import open_post
from app.actions.subscribers.subscriptions import subscribe
from app.db import session, transaction
from app.models.audit import AuditEntry
from app.models.delivery import Delivery, Notice
from app.models.subscriber import RateEvent, Subscriber, SubscriberComponent, Suppression
from app.settings import Settings
from app.states.subscribers import ASKED_NEVER
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.factories import LENA, make_component, make_group
from tests.web.console.person import Person, text_of

pytestmark = pytest.mark.database
PATH = "/console/default/subscribers/sheet"


def give(person: Person, content: str | bytes, *, dry_run: str = "", status: int = 200) -> str:
    """What the screen says after a sheet was given."""
    raw = content.encode() if isinstance(content, str) else content
    sent = person.fill(PATH, PATH, {"file": (io.BytesIO(raw), "people.csv"), "dry_run": dry_run})
    assert sent.status_code == status, sent.text[:400]
    return text_of(sent.text)


def people() -> dict[str, str]:
    session().rollback()
    return {row[0]: row[1] for row in session().execute(select(Subscriber.address, Subscriber.state))}


def test_states_are_kept_and_nothing_is_sent(alice: Person, page_id: int) -> None:
    said = give(
        alice,
        "channel,address,state,locale,created_at\n"
        "email,Ann@Example.com,active,de,2024-05-01T10:00:00Z\n"
        "email,bob@example.com,unconfirmed,,\n"
        "email,eve@example.com,unsubscribed,,\n"
        "email,joe@example.com,quarantined,,\n",
    )
    assert "4 taken" in said
    assert people() == {
        "ann@example.com": "active", "bob@example.com": "unconfirmed", "eve@example.com": "unsubscribed",
        "joe@example.com": "quarantined",
    }  # fmt: skip
    ann = session().scalars(select(Subscriber).where(Subscriber.address == "ann@example.com")).one()
    assert (ann.locale, ann.created_at.year, ann.domain) == ("de", 2024, "example.com")
    assert session().scalar(select(func.count(Notice.id))) == 0


def test_a_dry_run_says_the_same_and_changes_nothing(alice: Person, page_id: int) -> None:
    said = give(alice, "channel,address\nemail,ann@example.com\n", dry_run="yes")
    assert "Nothing was changed" in said
    assert "1 taken" in said
    assert people() == {}


def test_the_same_sheet_again_changes_nothing(alice: Person, page_id: int) -> None:
    sheet = "channel,address,label\nemail,ann@example.com,\nchat,slack://T1J/B2K/abc/#ops,Ops\n"
    give(alice, sheet)
    before = session().scalar(select(func.count(AuditEntry.id)).where(AuditEntry.verb == "import"))
    assert "2 unchanged" in give(alice, sheet)
    session().rollback()
    assert session().scalar(select(func.count(AuditEntry.id)).where(AuditEntry.verb == "import")) == before


def test_bad_lines_are_named_with_their_number_and_why(alice: Person, page_id: int) -> None:
    said = give(
        alice,
        "channel;address;state;components;created_at\n"
        "email;nobody;;;\n"
        "email;ann@example.com;;;\n"
        "\n"
        "email;ANN@example.com;;;\n"
        "pigeon;x;;;\n"
        "email;bob@example.com;asleep;;\n"
        "email;joe@example.com;;No such thing;\n"
        "email;eve@example.com;;;yesterday\n"
        "sms;5551234;;;\n",
    )
    assert "1 taken" in said
    assert "7 refused" in said
    assert "Line 5 This address is already in line 3." in said
    assert "Line 6 “pigeon” isn't a channel." in said
    assert "Line 7 “asleep” isn't a state." in said
    assert "Line 8 This page has no component “No such thing”." in said
    assert "Line 9 “yesterday” isn't a time." in said
    assert "Line 10 Start the phone number with + and the country code" in said
    assert people() == {"ann@example.com": "active"}


def test_nobody_is_subscribed_again_by_a_sheet(alice: Person, page_id: int) -> None:
    give(alice, "channel,address,state\nemail,ann@example.com,unsubscribed\nemail,bob@example.com,unconfirmed\n")
    said = give(alice, "channel,address,state\nemail,ann@example.com,active\nemail,bob@example.com,active\n")
    assert "1 stay unsubscribed, whatever the file says" in said
    assert people() == {"ann@example.com": "unsubscribed", "bob@example.com": "active"}


def test_components_are_found_by_id_and_by_name(alice: Person, page_id: int) -> None:
    group = make_group(page_id, "Europe")
    api, web = make_component(page_id, "API"), make_component(page_id, "Web", group_id=group)
    give(alice, f"channel,address,components\nemail,a@example.com,{api};Europe - Web\nemail,b@example.com,\n")
    session().rollback()
    assert session().scalar(select(func.count()).select_from(SubscriberComponent)) == 2
    assert dict(session().execute(select(Subscriber.address, Subscriber.everything)).all()) == {
        "a@example.com": False,
        "b@example.com": True,
    }
    give(alice, f"channel,address,components\nemail,a@example.com,{web}\n")
    session().rollback()
    assert session().scalar(select(func.count()).select_from(SubscriberComponent)) == 1


@pytest.mark.parametrize(
    "sheet",
    [
        "\ufeffmode,email,phone_number,phone_country,endpoint,quarantined_at,created_at\n"
        "email,ann@example.com,,,,2024-01-01T00:00:00.000Z,2023-01-01T00:00:00.000Z\n"
        "sms,,2025550105,US,,,\nwebhook,ops@example.com,,,https://hooks.example.com/x,,\n",
        "email,ann@example.com,yes\nsms,2025550105,US\nwebhook,https://hooks.example.com/x,ops@example.com\n",
        "Type;Email;Phone Number;Phone Country;Endpoint\nemail;ann@example.com;;;\nsms;;2025550105;US;\n"
        "webhook;;;;https://hooks.example.com/x\n",
    ],
)
def test_statuspages_sheets_are_taken(alice: Person, page_id: int, sheet: str) -> None:
    assert "3 taken" in give(alice, sheet)
    assert set(people()) == {"ann@example.com", "+12025550105", "https://hooks.example.com/x"}
    session().rollback()
    hook = session().scalars(select(Subscriber).where(Subscriber.channel == "webhook")).one()
    assert hook.secret.startswith("whsec_")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty."),
        (b"name,age\nAnn,7\n", "The sheet needs an address column."),
        ("channel,address\nemail,jörg@example.com\n".encode("latin-1"), "The file isn't UTF-8."),
        (b'channel,address\nemail,"' + b"x" * 200_000 + b'"\n', "can't be read"),
    ],
)
def test_what_is_no_sheet_is_refused_whole(alice: Person, page_id: int, content: bytes, why: str) -> None:
    assert why in give(alice, content, status=422)
    assert people() == {}


def test_what_leaves_comes_back_the_same(alice: Person, page_id: int) -> None:
    api = make_component(page_id, "API")
    give(
        alice,
        "channel,address,label,state,components,locale,created_at\n"
        f"email,ann@example.com,,active,{api},de,2024-05-01T10:00:00Z\n"
        "sms,+12025550105,,unsubscribed,,en,2024-05-02T10:00:00Z\n"
        'chat,slack://T1J/B2K/abc/#ops,"=1+1, ops",active,,en,2024-05-03T10:00:00Z\n',
    )
    first = alice.client.get("/console/default/subscribers/export").text
    assert "'+12025550105" in first
    assert '"\'=1+1, ops"' in first
    with transaction() as writing:
        for row in writing.scalars(select(SubscriberComponent)):
            writing.delete(row)
        writing.flush()
        for row in writing.scalars(select(Subscriber)):
            writing.delete(row)
    assert "3 taken" in give(alice, first)
    assert alice.client.get("/console/default/subscribers/export").text == first
    assert [row["label"] for row in csv.DictReader(io.StringIO(first))][2] == "'=1+1, ops"


def test_only_admins_take_and_give_sheets(lena: Person, page_id: int) -> None:
    for path in (PATH, "/console/default/subscribers/export"):
        assert lena.client.get(path).status_code == 403


def known(settings: Settings, page_id: int, address: str = "carol@example.com") -> str:
    """Somebody who asked to subscribe, was written to, and gets an update."""
    api = make_component(page_id)
    session().rollback()
    subscribe(settings, page_id, "email", address, [api])
    drain(settings)
    with transaction() as writing:
        row = writing.scalars(select(Subscriber)).one()
        row.state, row.label = "active", "Carol"
        public_id = row.public_id
    open_post(settings, LENA, page_id, draft("key-00000001", api))
    drain(settings)
    assert len(list(settings.outbox.glob("email/*.eml"))) == 2
    return public_id


def test_erasing_leaves_the_counts_and_nothing_else(alice: Person, settings: Settings, page_id: int) -> None:
    public_id = known(settings, page_id)
    before = session().scalar(select(func.count(Delivery.id)))
    alice.fill(f"/console/default/subscribers/{public_id}", "/erase", {})
    session().rollback()
    row = session().scalars(select(Subscriber)).one()
    assert (row.address, row.label, row.state, row.domain) == (f"erased-{row.id}", "", "unsubscribed", "")
    assert session().scalar(select(func.count(Delivery.id))) == before == 1
    assert session().scalars(select(Delivery.domain)).all() == [""]
    for table in (Notice, SubscriberComponent, RateEvent, Suppression):
        left = session().scalar(select(func.count()).select_from(table).where(_about(table)))
        assert left == 0, table
    assert not list(settings.outbox.glob("email/*.eml"))
    assert "Erased subscriber" in alice.open(f"/console/default/subscribers/{public_id}")
    assert "carol" not in "".join(session().scalars(select(AuditEntry.detail)))
    assert b"carol@" not in raw_database(settings)
    assert "erased-" not in alice.client.get("/console/default/subscribers/export").text


def _about(table: object) -> object:
    return RateEvent.bucket.startswith("subscribe-address") if table is RateEvent else True


def raw_database(settings: Settings) -> bytes:
    """Every row as text: a deleted row's bytes may stay in the file."""
    rows = [session().execute(select(table)).all() for table in Subscriber.metadata.sorted_tables]
    return repr(rows).encode()


def test_never_again_means_no_letter_even_when_asked_for(alice: Person, settings: Settings, page_id: int) -> None:
    public_id = known(settings, page_id)
    alice.fill(f"/console/default/subscribers/{public_id}", "/erase", {"never_again": "yes"})
    session().rollback()
    assert session().scalars(select(Suppression.why)).all() == [ASKED_NEVER]
    subscribe(settings, page_id, "email", "carol@example.com", [])
    drain(settings)
    assert not list(settings.outbox.glob("email/*.eml"))
    said = give(alice, "channel,address\nemail,Carol@example.com\n")
    assert "asked never to be contacted" in said


def test_others_are_left_alone(alice: Person, settings: Settings, page_id: int) -> None:
    public_id = known(settings, page_id)
    subscribe(settings, page_id, "email", "notcarol@example.com", [])
    drain(settings)
    alice.fill(f"/console/default/subscribers/{public_id}", "/erase", {})
    assert "notcarol@example.com" in people()
    assert len(list(settings.outbox.glob("email/*.eml"))) == 1


def test_only_admins_erase(lena: Person, settings: Settings, page_id: int) -> None:
    public_id = known(settings, page_id)
    page = lena.open(f"/console/default/subscribers/{public_id}")
    assert "/erase" not in page
