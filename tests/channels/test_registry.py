"""The registry, what every channel says of itself, and the placeholders."""

from datetime import timedelta
from functools import cache
from tempfile import mkdtemp

import pytest

from app.channels import registry
from app.channels.base import AddedBy, Channel, fill
from app.channels.registry import all_channels, channel, names, offered
from app.errors import Invalid
from app.settings import Settings, load


@cache
def plain_settings() -> Settings:
    return load({"CANDOR_HOME": mkdtemp(), "SECRET_KEY": "k" * 40})


def test_names_are_checked_against_the_folder() -> None:
    assert [one.name for one in all_channels()] == list(names())
    assert all(channel(name).name == name for name in names())
    with pytest.raises(Invalid) as raised:
        channel("telegraph")
    assert raised.value.sentence == f"Choose one of: {', '.join(names())}."


def test_who_may_add_a_subscriber_is_said_by_the_channel() -> None:
    assert {"email", "sms"} <= set(names(AddedBy.READERS))
    assert {"chat", "webhook"} <= set(names(AddedBy.OPERATORS))
    with pytest.raises(Invalid, match=", ".join(names(AddedBy.READERS))):
        offered("chat", AddedBy.READERS)


def test_rows_of_a_channel_that_is_gone_are_still_shown_and_never_their_address() -> None:
    assert registry.label("pigeon") == "pigeon"
    assert registry.shown("pigeon", "coop 7", "", full=True) == "•••"
    assert registry.destination("pigeon", "coop 7") == ""


@pytest.mark.parametrize("one", all_channels(), ids=lambda one: one.name)
def test_every_channel_says_what_the_house_has_to_know(one: Channel) -> None:
    assert one.name.isascii() and one.name.islower() and 2 <= len(one.name) <= 16
    assert one.label.strip() and one.address_name.startswith(("a ", "an "))
    assert one.address_hint or one.added_by is AddedBy.BROWSERS
    assert one.statuspage_type in {"email", "sms", "webhook", "integration_partner"}
    assert 0 < one.size.working <= one.size.most
    assert list(one.retries.steps) == sorted(one.retries.steps)
    assert one.retries.longest >= timedelta(hours=1)
    assert bool(one.new_secret()) is one.signs_messages
    assert isinstance(one.is_configured(plain_settings()), bool)
    one.open(plain_settings()).close()


@pytest.mark.parametrize("one", all_channels(), ids=lambda one: one.name)
def test_no_channel_takes_nonsense_or_shows_an_address_to_those_who_need_not_know_it(one: Channel) -> None:
    for nonsense in ("", " ", "\0", "nonsense", "x" * 5000):
        with pytest.raises(Invalid) as raised:
            one.normalise(nonsense, plain_settings())
        assert raised.value.fields.keys() == {"address"}
    for address in ("secret-part@example.com", "https://example.com/secret-part", "slack://secret-part/b/c"):
        try:
            taken = one.normalise(address, plain_settings())
        except Invalid:
            continue
        assert "secret-part" not in one.shown(taken, "", full=False)
        assert "secret-part" not in one.shown_to_owner(taken)
        assert one.destination(taken) in {"", "example.com"}


def test_only_known_placeholders_are_filled_and_only_once() -> None:
    personal = {"manage_url": "{{unsubscribe_url}}", "unsubscribe_url": "U"}
    assert (
        fill("{{manage_url}} {{unsubscribe_url}} {{other}} {{confirm_url}}.", personal)
        == "{{unsubscribe_url}} U {{other}} ."
    )
