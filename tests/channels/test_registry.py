"""The registry and the placeholders."""

from functools import cache
from tempfile import mkdtemp

from app.channels.base import fill
from app.channels.registry import all_channels, channel
from app.settings import Settings, load
from app.vocabulary import ChannelName


@cache
def plain_settings() -> Settings:
    return load({"CANDOR_HOME": mkdtemp(), "SECRET_KEY": "k" * 40})


def test_every_name_has_its_channel() -> None:
    assert [one.name for one in all_channels()] == list(ChannelName)
    assert all(channel(name).name is name for name in ChannelName)


def test_only_known_placeholders_are_filled_and_only_once() -> None:
    personal = {"manage_url": "{{unsubscribe_url}}", "unsubscribe_url": "U"}
    assert (
        fill("{{manage_url}} {{unsubscribe_url}} {{other}} {{confirm_url}}.", personal)
        == "{{unsubscribe_url}} U {{other}} ."
    )
