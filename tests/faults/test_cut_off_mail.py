"""A worker's cable is pulled out while a message is on its way to the mail server: it does not arrive later, when
another machine has sent it.
"""

import threading
from pathlib import Path

import pytest

from app.channels import smtp, smtp_lines
from app.channels.email import IN_DOUBT, SmtpSender
from app.vocabulary import DeliveryState
from tests.channels.helpers import letter, recipient
from tests.conftest import make_settings
from tests.faults.network import Network, network
from tests.smtp_sink import smtp_sink

pytestmark = pytest.mark.faults
GIVES_UP = 1.0
TRIES_AGAIN = 3.0
"""The system tries 0.2, 0.6, 1.4 and 3.0 seconds later to get a message through."""


def cut(hosts: Network, is_cut: threading.Event) -> None:
    hosts.mute("worker", "mail")
    is_cut.set()


@pytest.mark.parametrize("stands_still", [False, True], ids=["looks", "waits for its database"])
def test_a_message_that_was_on_its_way_does_not_arrive_when_the_cable_is_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stands_still: bool
) -> None:
    monkeypatch.setattr(smtp_lines, "MESSAGE_SECONDS", GIVES_UP)
    monkeypatch.setattr(smtp, "UNHEARD_SECONDS", GIVES_UP)
    is_cut = threading.Event()
    with network("mail", "worker") as hosts, hosts["mail"].inside(), smtp_sink(address=hosts["mail"].address) as sink:
        sink.on_data = lambda _recipient: cut(hosts, is_cut)
        sender = SmtpSender(make_settings(tmp_path, smtp_url=sink.url, send_connections=1))
        with hosts["worker"].inside():
            outcomes = sender.send(letter(), iter([recipient()]))
            while not is_cut.is_set():
                next(outcomes)
            for _ in range(3):
                next(outcomes)  # the mail server asks for the message, and it is sent
            told = [] if stands_still else [one for one in outcomes if one.delivery_id]
            threading.Event().wait(GIVES_UP if stands_still else 0.0)
            hosts.unmute("worker", "mail")
            threading.Event().wait(TRIES_AGAIN)  # for so long it could arrive
            assert sink.recipients == []
            told += [one for one in outcomes if one.delivery_id]
            assert [(one.state, one.reason) for one in told] == [(DeliveryState.FAILED, IN_DOUBT)]
            sink.on_data = lambda _recipient: None
            assert [one.state for one in sender.send(letter(), iter([recipient(2)])) if one.delivery_id] == ["sent"]
            sender.close()
        assert sink.recipients == ["user2@example.com"]
