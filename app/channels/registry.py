"""Finds the channels: every module of this folder that has a `CHANNEL`.  Names of channels are checked here."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import app.channels
from app.channels.base import AddedBy, Channel
from app.errors import Invalid


def channel(name: str) -> Channel:
    """The channel of this name.

    Raises:
        Invalid: about the field "channel": there is none.
    """
    found = _found().get(name)
    if found is None:
        raise Invalid.field("channel", f"Choose one of: {', '.join(names())}.")
    return found


def all_channels() -> tuple[Channel, ...]:
    """Every channel, in the order of lists."""
    return tuple(_found().values())


def names(*added_by: AddedBy) -> tuple[str, ...]:
    """The names of all channels, or of those that any of these may add subscribers on, in the order of lists."""
    return tuple(name for name, one in _found().items() if not added_by or one.added_by in added_by)


def offered(name: str, added_by: AddedBy) -> Channel:
    """The channel of this name, when these may add subscribers on it.

    Raises:
        Invalid: about the field "channel": they may not, or there is none.
    """
    found = _found().get(name)
    if found is None or found.added_by is not added_by:
        raise Invalid.field("channel", f"Choose one of: {', '.join(names(added_by))}.")
    return found


def label(name: str) -> str:
    """What people read for a channel; the name itself of one that isn't installed any more but has rows left."""
    found = _found().get(name)
    return found.label if found is not None else name


def statuspage_type(name: str) -> str:
    """What the Statuspage-shaped API calls subscribers on a channel; see `Channel.statuspage_type`."""
    found = _found().get(name)
    return found.statuspage_type if found is not None else Channel.statuspage_type


def shown(name: str, address: str, label: str, *, full: bool) -> str:
    """An address as the console shows it; see `Channel.shown`."""
    found = _found().get(name)
    return found.shown(address, label, full=full) if found is not None else label or "•••"


def destination(name: str, address: str) -> str:
    """Whose server an address leads to; see `Channel.destination`."""
    found = _found().get(name)
    return found.destination(address)[:255] if found is not None else ""


@cache
def _found() -> Mapping[str, Channel]:
    modules = (
        importlib.import_module(f"app.channels.{module.name}") for module in pkgutil.iter_modules(app.channels.__path__)
    )
    offered = [module.CHANNEL for module in modules if hasattr(module, "CHANNEL")]
    offered.sort(key=lambda one: (one.position, one.name))
    return MappingProxyType({one.name: one for one in offered})
