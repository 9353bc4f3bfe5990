"""Addresses as they are shown to those who need not know them."""

from urllib.parse import urlsplit

from app.vocabulary import ChannelName


def shown(channel: str, address: str, label: str, *, full: bool) -> str:
    """An address whole, or only enough of it to recognise it by.  Chat addresses hold secrets: only their label."""
    if channel == ChannelName.CHAT:
        return label or f"{urlsplit(address).scheme or 'chat'} channel"
    if channel == ChannelName.PUSH:
        return f"browser ({_host(address)})"
    if channel == ChannelName.WEBHOOK:
        host = _host(address)
        return f"{label} ({host})" if label and label != host else host
    return address if full else masked(channel, address)


def masked(channel: str, address: str) -> str:
    """Such as "c•••@e•••.com" or "+15•••42"."""
    if channel == ChannelName.SMS:
        return f"{address[:3]}•••{address[-2:]}" if len(address) > 7 else "•••"
    local, _, domain = address.rpartition("@")
    name, _, ending = domain.rpartition(".")
    return f"{local[:1]}•••@{name[:1]}•••.{ending}" if local else "•••"


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or "webhook"
    except ValueError:
        return "webhook"
