"""Finds the channels: every module of this folder that has a `CHANNEL`."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

import app.channels
from app.channels.base import Channel
from app.vocabulary import ChannelName


def channel(name: ChannelName) -> Channel:
    """The channel of this name.

    Raises:
        KeyError: no module offers it.
    """
    return _found()[name]


def all_channels() -> tuple[Channel, ...]:
    """Every channel, in the order of the vocabulary."""
    return tuple(_found()[name] for name in ChannelName if name in _found())


@cache
def _found() -> Mapping[ChannelName, Channel]:
    found: dict[ChannelName, Channel] = {}
    for module in pkgutil.iter_modules(app.channels.__path__):
        offered = getattr(importlib.import_module(f"app.channels.{module.name}"), "CHANNEL", None)
        if offered is not None:
            found[offered.name] = offered
    return found
