"""Who mail is from: the page's own sender or MAIL_FROM, as a mail server and a reader meet it."""

from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from flask import Flask

from app import return_path
from app.actions.pages.pages import edit_page
from app.actions.posts.publishing import open_post, publish_update
from app.settings import Settings
from app.shapes import UpdateDraft
from app.vocabulary import PostStatus
from app.worker.loop import drain
from tests.deliver.conftest import draft
from tests.factories import ALICE, LENA, make_subscriber
from tests.smtp_sink import Received, smtp_sink

pytestmark = pytest.mark.database


def sent(settings: Settings, page_id: int) -> list[Received]:
    """What arrives when a post is opened and updated."""
    make_subscriber(page_id)
    with smtp_sink() as sink:
        ours = settings.with_changes(smtp_url=sink.url, mail_from="Fallback <all@fallback.example>")
        made = open_post(ours, LENA, page_id, draft())
        drain(ours)
        publish_update(ours, LENA, page_id, made.post_id, UpdateDraft(PostStatus.RESOLVED, "Over.", "key-00000002", 1))
        drain(ours)
        sink.wait_for(2)
        return sink.received


def ids(message: EmailMessage) -> list[str]:
    """The domains of a mail's own id and of what it answers to."""
    return [str(message[name]).rpartition("@")[2].strip(">") for name in ("Message-ID", "References") if message[name]]


@pytest.mark.parametrize(
    ("own", "name", "address"),
    [
        ("", "Fallback", "all@fallback.example"),
        ("status@acme.example", "", "status@acme.example"),
        ("Acme, Inc. <Status@ACME.example>", "Acme, Inc.", "Status@acme.example"),
        ("Bücher & Söhne <status@bücher.example>", "Bücher & Söhne", "status@xn--bcher-kva.example"),
    ],
)
def test_mail_is_from_the_page(app: Flask, settings: Settings, page_id: int, own: str, name: str, address: str) -> None:
    edit_page(settings, ALICE, page_id, mail_from=own)
    first, second = sent(settings, page_id)
    domain = address.partition("@")[2]
    assert first.sender == second.sender == address
    assert parseaddr(str(first.message["From"])) == parseaddr(str(second.message["From"])) == (name, address)
    assert ids(first.message) == [domain]
    assert ids(second.message) == [domain, domain]
    assert second.message["References"] == second.message["In-Reply-To"] == first.message["Message-ID"]


def test_mail_comes_back_to_the_bounce_address_all_the_same(app: Flask, settings: Settings, page_id: int) -> None:
    edit_page(settings, ALICE, page_id, mail_from="status@acme.example")
    ours = settings.with_changes(bounce_address="bounces@example.com")
    paths = [one.sender for one in sent(ours, page_id)]
    assert len(set(paths)) == 2
    assert all(return_path.read(settings.secret_key, one) is not None for one in paths)
