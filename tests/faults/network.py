"""Hosts of their own inside this one: network namespaces on a switch, whose cables a test pulls out.

The namespaces have no names.  Each lasts as long as something is open or runs in it, so that whatever ends a test, and
however, leaves none behind.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

NETWORK_ONLY = 0x40000000
NETWORK = "192.0.2"
"""An address range that is set aside for examples: there is no way out of these hosts all the same."""

NOBODY = "02:00:00:00:00:01"
_system = ctypes.CDLL(None, use_errno=True)


class Host:
    """One host.  Sockets, threads and processes that are made `inside` stay there."""

    def __init__(self, address: str = "") -> None:
        """An empty one.  Raises OSError: it can not be made here."""
        self.address = address
        with _returning():
            _checked(_system.unshare(NETWORK_ONLY))
            self._namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    @property
    def path(self) -> str:
        """Where programs of this host find it, as long as it is open."""
        return f"/proc/{os.getpid()}/fd/{self._namespace}"

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is on that host for the length of the block."""
        with _returning():
            _checked(_system.setns(self._namespace, NETWORK_ONLY))
            yield

    def ip(self, words: str) -> None:
        """Run iproute2's `ip WORDS` on it."""
        with self.inside():
            subprocess.run(["ip", *words.split()], check=True, capture_output=True)

    def close(self) -> None:
        os.close(self._namespace)


class Network:
    """Hosts by name, all on one switch, each with an address."""

    def __init__(self) -> None:
        self._switch = Host()
        self._hosts: dict[str, Host] = {}
        self._switch.ip("link add switch type bridge")
        self._switch.ip("link set switch up")

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def add(self, name: str) -> None:
        """Another host, with its cable plugged in."""
        host = self._hosts[name] = Host(f"{NETWORK}.{len(self._hosts) + 1}")
        self._switch.ip(f"link add {name} type veth peer name cable netns {host.path}")
        self._switch.ip(f"link set {name} master switch up")
        host.ip(f"address add {host.address}/24 dev cable")
        host.ip("link set cable up")
        host.ip("link set lo up")

    def unplug(self, name: str) -> None:
        """From now on nothing comes through to this host, and nothing from it; nobody is told."""
        self._switch.ip(f"link set {name} down")

    def plug(self, name: str) -> None:
        self._switch.ip(f"link set {name} up")

    def mute(self, name: str, towards: str) -> None:
        """What this host says to that one goes astray, and it hears that one all the same."""
        self[name].ip(f"neighbour replace {self[towards].address} lladdr {NOBODY} dev cable nud permanent")

    def unmute(self, name: str, towards: str) -> None:
        self[name].ip(f"neighbour del {self[towards].address} dev cable")

    def close(self) -> None:
        for host in (*self._hosts.values(), self._switch):
            host.close()


@contextmanager
def network(*names: str) -> Iterator[Network]:
    """Hosts with these names for the length of the block.  Skips, and says why, where there can be none."""
    if shutil.which("ip") is None:
        pytest.skip("iproute2 is not installed")
    with ExitStack() as closing:
        try:
            made = Network()
            closing.callback(made.close)
            for name in names:
                made.add(name)
        except OSError as error:
            pytest.skip(f"network namespaces need root and a machine that allows them: {error.strerror}")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this machine has no bridges or veth pairs: {error.stderr.decode().strip()}")
        yield made


@contextmanager
def _returning() -> Iterator[None]:
    """This thread comes back to the host that it is on."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        yield
    finally:
        _checked(_system.setns(here, NETWORK_ONLY))
        os.close(here)


def _checked(answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
