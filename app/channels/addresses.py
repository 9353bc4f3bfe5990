"""Which network addresses a webhook may reach: public ones, and those the operator allowed."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from app.settings import Network

_NEVER_V4 = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GLOBAL_V6 = ip_network("2000::/3")
_NEVER_V6 = tuple(
    ip_network(network)
    for network in (
        "2001::/23",  # protocol assignments, with Teredo, ORCHID and benchmarking
        "2001:db8::/32", "3fff::/20",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "5f00::/16",  # segment routing; outside 2000::/3, named for the reader
    )
)  # fmt: skip


def host_of(url: str) -> str:
    """The host that a web address names; empty when there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_allowed(address: IPv4Address | IPv6Address | str, allowed_networks: Sequence[Network] = ()) -> bool:
    """Whether a webhook may connect to `address`.

    Only global unicast passes.  Everything that is, or wraps, a local, shared, reserved, multicast, translated or
    tunnelled address doesn't: an IPv6 address outside 2000::/3 covers loopback, link-local, unique local, site-local,
    NAT64 (64:ff9b::/96 and 64:ff9b:1::/48), IPv4-mapped and IPv4-compatible ones.  An address inside one of
    `allowed_networks` passes always.
    """
    ip = ip_address(address) if isinstance(address, str) else address
    if isinstance(ip, IPv6Address) and ip.scope_id:
        return False
    if any(ip in network for network in allowed_networks):
        return True
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        return any(ip.ipv4_mapped in network for network in allowed_networks)
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NEVER_V4)
    return ip in _GLOBAL_V6 and not any(ip in network for network in _NEVER_V6)
