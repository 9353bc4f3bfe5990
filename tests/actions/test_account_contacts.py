"""Contacts of accounts, and notices to them through the ledger."""

import re
from collections import Counter
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.actions import incidents
from app.actions.accounts import accounts
from app.actions.accounts import contacts as actions
from app.actions.accounts.notices import notify_account
from app.actions.posts.drafts import publish_due, save_draft, schedule_draft
from app.actions.posts.publishing import open_post, publish_update
from app.clock import frozen, now
from app.db import session, transaction
from app.deliver import ledger
from app.deliver.account_notices import code_of
from app.errors import Conflict, Invalid, NotAllowed, NotFound, TooMany
from app.models.account import Account
from app.models.account_contact import AccountContact, AccountNotice
from app.models.subscriber import Suppression
from app.settings import Settings
from app.shapes import COMMAND_LINE, Actor, DraftContent, Outcome, UpdateDraft
from app.states import deliveries, subscribers
from app.states.subscribers import address_hash
from app.vocabulary import AccountNoticeKind, DeliveryState, IncidentRoleName, PostKind, PostStatus, Role, Severity
from app.worker.loop import drain
from tests.deliver.conftest import draft, edge  # noqa: F401 - a fixture
from tests.deliver.fakes import Edge, refuse
from tests.factories import ALICE, LENA
from tests.smtp_sink import smtp_sink
from tests.web.console.cast import sign_in
from tests.web.console.person import text_of

pytestmark = pytest.mark.database
PASSWORD = "correct horse battery staple"


def make(email: str = "mia@example.com", role: Role = Role.RESPONDER) -> Actor:
    """An account with its first contact, as the actor that it is."""
    public_id = accounts.create_account(COMMAND_LINE, email=email, name="Mia", password=PASSWORD, role=role)
    account = session().scalars(select(Account).where(Account.public_id == public_id)).one()
    actor = Actor(account.name, role, account.id)
    session().rollback()
    return actor


def public_id_of(actor: Actor) -> str:
    found = session().get_one(Account, actor.account_id).public_id
    session().rollback()
    return found


def notice(actor: Actor, subject: str = "You lead") -> int:
    assert actor.account_id is not None
    with transaction() as writing:
        return notify_account(writing, actor.account_id, AccountNoticeKind.ROLE_GIVEN, subject=subject).id


def states() -> list[tuple[str, str]]:
    session().rollback()
    found = session().execute(select(AccountNotice.state, AccountNotice.reason).order_by(AccountNotice.id)).all()
    session().rollback()
    return [(state, reason) for state, reason in found]


def contact_of(public_id: str) -> AccountContact:
    session().rollback()
    return session().scalars(select(AccountContact).where(AccountContact.public_id == public_id)).one()


def test_from_the_form_through_a_mail_server_to_a_notice(app: Flask, settings: Settings, page_id: int) -> None:
    ravi, alice = sign_in(app, "ravi"), sign_in(app, "alice")
    private = "ravi.private@example.com"
    with smtp_sink() as sink:
        sending = settings.with_changes(smtp_url=sink.url, mail_from="status@example.com")
        made = ravi.fill("/account", "/account/contacts", {"channel": "email", "address": " Ravi.Private@Example.com "})
        assert made.status_code == 303
        incident = incidents.declare_incident(ALICE, title="Checkout fails", severity=Severity.P1)
        ravi_id = session().scalars(select(Account.public_id).where(Account.email == "ravi@example.com")).one()
        session().rollback()
        role = IncidentRoleName.DEPUTY_INCIDENT_COMMANDER
        incidents.set_role(ALICE, incident, role, account_id=ravi_id)
        drain(sending)
        assert Counter(sink.recipients) == {private: 1, "ravi@example.com": 1}, "one is not verified yet"
        (asked,), (told,) = sink.to(private), sink.to("ravi@example.com")
        assert told["Subject"] == "[Candor] You're the Deputy Incident Commander: Checkout fails"
        words = told.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert "Alice Admin gave you the role" in " ".join(words.split())
        assert f"{settings.base_url}/board/{incident}" in words
        assert "List-Unsubscribe" not in told
        code = re.search(r"\b[0-9]{8}\b", asked.get_body(("plain",)).get_content())  # type: ignore[union-attr]
        assert code is not None
        wrong = ravi.fill("/account", "/verify", {"code": "00000000" if code[0] != "00000000" else "00000001"})
        assert (wrong.status_code, "the code that was sent" in wrong.text) == (422, True)
        assert ravi.fill("/account", "/verify", {"code": f"{code[0][:4]} {code[0][4:]}"}).status_code == 303
        assert ravi.fill("/account", "/default", {}).status_code == 303
        incidents.set_role(ALICE, incident, IncidentRoleName.OPERATIONS_LEAD, account_id=ravi_id)
        drain(sending)
        assert sink.recipients[2:] == [private]
    assert [state for state, _ in states()] == [DeliveryState.SENT] * 3
    page = text_of(ravi.open("/account"))
    assert "You're the Operations Lead: Checkout fails" in page
    assert code[0] not in page
    screen = text_of(alice.open("/admin/notices"))
    assert "Sent 3" in screen
    assert private not in screen
    assert ravi.client.get("/admin/notices").status_code == 403


def test_what_must_not_be_sent_is_skipped_and_says_why(
    app: Flask,
    settings: Settings,
    page_id: int,
    edge: Edge,  # noqa: F811 - the fixture
) -> None:
    gone, stopped, left, alone, lost = (
        make(f"{name}@example.com") for name in ("gone", "stop", "left", "alone", "lost")
    )
    for one in (gone, stopped, left, lost):
        notice(one)
    accounts.deactivate(ALICE, public_id_of(gone))
    for who, why in ((stopped, subscribers.COMPLAINED), (left, subscribers.UNSUBSCRIBED)):
        address = f"{'stop' if who is stopped else 'left'}@example.com"
        with transaction() as writing:
            hashed = address_hash(settings, "email", address)
            writing.add(Suppression(channel="email", address_hash=hashed, why=why))
    contact = session().scalars(select(AccountContact).where(AccountContact.account_id == alone.account_id)).one()
    actions.remove_contact(alone, contact.public_id)
    notice(alone)
    notice(gone)
    edge.behave = lambda one: (
        refuse("no such address", permanent=True)(one) if one.address == "lost@example.com" else None
    )
    drain(settings)
    assert edge.addresses == ["left@example.com"], "a colleague who left a page's updates is still a colleague"
    assert states() == [
        (DeliveryState.SKIPPED, "the account is deactivated"),
        (DeliveryState.SKIPPED, "on the suppression list"),
        (DeliveryState.SENT, ""),
        (DeliveryState.FAILED, "no such address"),
        (DeliveryState.SKIPPED, "there is no verified contact"),
        (DeliveryState.SKIPPED, "the account is deactivated"),
    ]


def test_a_notice_is_retried_and_taken_over_like_a_delivery(
    app: Flask,
    settings: Settings,
    page_id: int,
    edge: Edge,  # noqa: F811 - the fixture
) -> None:
    mia = make()
    at = now()
    with frozen(at):
        notice(mia)
        edge.behave = refuse("busy")
        drain(settings)
        row = session().scalars(select(AccountNotice)).one()
        assert (row.state, row.attempts, row.lane, row.reason) == (
            DeliveryState.PENDING,
            1,
            deliveries.RETRY_LANE,
            "busy",
        )
        session().rollback()
        edge.behave = lambda _one: None
        drain(settings)
        assert edge.sent == [], "it is not due yet"
    with frozen(at + timedelta(minutes=2)):
        (held,) = ledger.claim(AccountNotice, "email", "account_notice-email-dead", 10)
    with frozen(at + timedelta(minutes=4)):
        assert ledger.expire_leases(AccountNotice, ()) == 1
        drain(settings)
    assert [letter.subject for _, letter in edge.sent] == ["[Candor] You lead"]
    row = session().get_one(AccountNotice, held.id)
    assert (row.state, row.attempts, row.leased_by) == (DeliveryState.SENT, 3, "")
    session().rollback()


def test_an_address_that_does_not_exist_has_to_be_verified_again(
    app: Flask,
    settings: Settings,
    page_id: int,
    edge: Edge,  # noqa: F811 - the fixture
) -> None:
    mia = make()
    made = actions.add_contact(
        settings, ALICE, public_id_of(mia), channel="sms", address="+12025550123", is_vouched_for=True
    )
    notice(mia)
    edge.behave = lambda one: Outcome(one.delivery_id, DeliveryState.FAILED, "gone", permanent=True, suppress=True)
    drain(settings)
    session().rollback()
    kept = {
        one.channel: (one.verified_at is not None, one.is_default) for one in session().scalars(select(AccountContact))
    }
    assert kept == {"email": (False, False), "sms": (True, True)}
    edge.behave = lambda _one: None
    notice(mia)
    drain(settings)
    assert edge.addresses == ["+12025550123"]
    assert edge.sent[0][1].text == "Candor: You lead"
    assert contact_of(made).is_default


def test_contacts_that_can_not_be_taken_are_refused_and_nothing_is_kept(
    app: Flask, settings: Settings, page_id: int
) -> None:
    mia, other = make(), make("other@example.com")
    mine = public_id_of(mia)
    cases = (
        (mia, mine, "webhook", "https://example.com/hook", Invalid),
        (mia, mine, "carrier pigeon", "coop 7", Invalid),
        (mia, mine, "email", "mia at home", Invalid),
        (mia, mine, "sms", "12", Invalid),
        (mia, mine, "chat", "slack://a/b/c", NotAllowed),
        (mia, mine, "email", "MIA@example.com", Conflict),
        (other, mine, "email", "new@example.com", NotAllowed),
        (ALICE, "nobody", "email", "new@example.com", NotFound),
    )
    for actor, account_id, channel, address, error in cases:
        with pytest.raises(error):
            actions.add_contact(settings, actor, account_id, channel=channel, address=address)
    with pytest.raises(NotAllowed):
        actions.add_contact(settings, mia, mine, channel="email", address="new@example.com", is_vouched_for=True)
    session().rollback()
    assert len(session().scalars(select(AccountContact)).all()) == 2
    session().rollback()


def test_a_code_is_tried_five_times_and_lasts_a_day(app: Flask, settings: Settings, page_id: int) -> None:
    mia = make()
    made = actions.add_contact(settings, mia, public_id_of(mia), channel="email", address="new@example.com")
    with pytest.raises(Conflict, match="Verify"):
        actions.prefer_contact(mia, made)
    for _ in range(actions.MOST_TRIES):
        with pytest.raises(Invalid, match="isn't the code"):
            actions.verify_contact(settings, mia, made, "x")
    code = code_of(settings, contact_of(made))
    with pytest.raises(Invalid, match="too often"):
        actions.verify_contact(settings, mia, made, code)
    actions.send_code(settings, mia, made)
    with pytest.raises(Invalid, match="isn't the code"):
        actions.verify_contact(settings, mia, made, code)
    code = code_of(settings, contact_of(made))
    with frozen(now() + timedelta(hours=25)), pytest.raises(Invalid, match="24 hours"):
        actions.verify_contact(settings, mia, made, code)
    actions.verify_contact(settings, mia, made, code)
    assert contact_of(made).verified_at is not None
    session().rollback()
    with pytest.raises(TooMany):
        for number in range(actions.CODES_PER_HOUR):
            actions.add_contact(settings, mia, public_id_of(mia), channel="email", address=f"n{number}@example.com")
    with pytest.raises(NotAllowed):
        actions.remove_contact(make("other@example.com"), made)


def test_who_wrote_a_scheduled_draft_is_told_that_it_was_not_published(
    app: Flask, settings: Settings, page_id: int
) -> None:
    lena = make("lena@example.com", Role.LEAD)
    at = now()
    post = open_post(settings, LENA, page_id, draft()).post_id
    content = DraftContent(
        kind=PostKind.INCIDENT,
        status=PostStatus.MONITORING,
        texts={"en": ("", "We watch it.")},
        post_id=post,
        base_version=1,
        promise_minutes=30,
    )
    saved = save_draft(settings, lena, page_id, content).public_id
    schedule_draft(settings, lena, page_id, saved, at + timedelta(minutes=10))
    publish_update(
        settings, LENA, page_id, post, UpdateDraft(PostStatus.IDENTIFIED, "Found.", "key-00000002", version=None)
    )
    with frozen(at + timedelta(minutes=11)):
        publish_due(settings)
    (told,) = session().scalars(select(AccountNotice)).all()
    assert (told.account_id, told.kind, told.path) == (
        lena.account_id,
        AccountNoticeKind.DRAFT_NOT_PUBLISHED,
        f"/console/default/drafts/{saved}",
    )
