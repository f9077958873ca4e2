"""The TUN device: made, configured, and gone with its descriptor, even after ``kill -9``.

It is opened before the event loop runs: pyroute2's synchronous calls refuse to work inside.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from bras.dataplane.base import DataPlaneError
from bras.dataplane.links import LINK, SETLINK, links
from bras.dataplane.routes import Prefix, Routes
from bras.dataplane.rtnetlink import U32, Conversation, attribute, nested

MTU = 1500
"""Above every client's, so that the decision to cut or to refuse a packet is ours."""
QUEUE = 1000
"""Packets that wait for us at most, 1000 of the kernel's choice for other devices too."""
_PATH = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI, _IFF_TUN_EXCL = 0x0001, 0x1000, 0x8000
_REQUEST = struct.Struct("16sH22x")
_ADDRESS = struct.Struct("!I")
_IFLA_AF_SPEC, _INET_CONF, ACCEPT_LOCAL = 26, 1, 23
_ADDR_GEN_MODE, _NO_ADDRESSES = 8, b"\x01"
_NO_RIGHT = "this needs CAP_NET_ADMIN: run it as root, or give the unit AmbientCapabilities=CAP_NET_ADMIN"
_WORDS = {
    errno.ENOENT: f"there is no {_PATH}: load the module (modprobe tun), or give the container the device",
    errno.ENODEV: f"{_PATH} has no driver: load the module (modprobe tun)",
    errno.ENXIO: f"{_PATH} has no driver: load the module (modprobe tun)",
    errno.EPERM: _NO_RIGHT,
    errno.EACCES: _NO_RIGHT,
    errno.EBUSY: "the name is taken: end the program that holds the interface, or choose another name",
    errno.EINVAL: "this is no name for an interface: 1 to 15 characters, no slash and no space",
}


def _words(error: OSError | NetlinkError) -> str:
    number = error.errno or 0 if isinstance(error, OSError) else error.code
    return _WORDS.get(number) or os.strerror(number)


class Device:
    """A TUN device with an address of its own, up, and the routes to it.

    Addresses of ``prefixes`` share one route each; any other address or prefix of a subscriber gets a
    route of its own while its Entry lives, the only kernel call that a subscriber ever costs.
    """

    def __init__(self, name: str, local_address: bytes, prefixes: frozenset[tuple[int, int]]) -> None:
        """Make the device and route ``prefixes``, (network, length) pairs, to it; raises DataPlaneError."""
        self._local_address = local_address
        self._prefixes = prefixes
        self._pools = _by_length(prefixes)
        self._kernel = Conversation()
        self._routes: Routes | None = None
        try:
            self.descriptor = self._take(name)
        except DataPlaneError:
            self._kernel.close()
            raise
        try:
            self._index = socket.if_nametoindex(name)
            self._configure(name)
        except (OSError, DataPlaneError) as error:
            self.close()
            raise error if isinstance(error, DataPlaneError) else _refused(name, error) from error

    def _take(self, name: str) -> int:
        return take(name, exclusive=True)

    def _configure(self, name: str) -> None:
        self._prepare_ipv6(name)
        local = socket.inet_ntoa(self._local_address)
        try:
            # ICMP errors come out of the device with our own addresses.
            self._specify(socket.AF_INET, inet_settings((ACCEPT_LOCAL, 1)))
            with IPRoute() as kernel:
                kernel.link("set", index=self._index, mtu=MTU, txqlen=QUEUE, state="up")
                kernel.addr("add", index=self._index, address=local, prefixlen=32)
            self._route(name)
        except (OSError, NetlinkError) as error:
            raise _refused(name, error) from error

    def _prepare_ipv6(self, name: str) -> None:
        # Some systems give new interfaces no IPv6; where /proc is read-only or IPv6 is off, a route will tell.
        with contextlib.suppress(OSError):
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("0")
        with contextlib.suppress(OSError):
            self._specify(socket.AF_INET6, attribute(_ADDR_GEN_MODE, _NO_ADDRESSES))

    def _specify(self, family: int, what: bytes) -> None:
        """Give the device settings of a family; it works where /proc/sys is read-only, as in many containers."""
        head = LINK.pack(0, 0, self._index, 0, 0)
        self._kernel.request(SETLINK, 0, head + nested(_IFLA_AF_SPEC, nested(family, what)))

    def _route(self, name: str) -> None:
        self._routes = Routes(self._kernel, self._index, self._local_address)
        for network, length in sorted(self._prefixes):
            reason = self.add((_ADDRESS.pack(network), length), 0)
            if reason:
                raise DataPlaneError(f"interface {name}: {reason}")

    def close(self) -> None:
        """Give it back; the kernel takes its address and routes away with it."""
        self._kernel.close()
        os.close(self.descriptor)

    def vrf(self) -> str:
        """Return the name of the VRF to which somebody has given the device, or nothing."""
        try:
            found = links(self._kernel)
        except OSError:
            return ""
        ours = found.get(self._index)
        master = found.get(ours.master) if ours is not None else None
        return master.name if master is not None and master.kind == "vrf" else ""

    def cover(self, prefixes: Iterable[tuple[int, int]]) -> str:
        """Route these to it, too, instead of addresses in them that have a route each; return why not, in words.

        What was routed stays: an address of before may still be somebody's.
        """
        for network, length in sorted(frozenset(prefixes) - self._prefixes):
            reason = self.add((_ADDRESS.pack(network), length), 0)
            if reason:
                return reason
            self._prefixes |= {(network, length)}
            self._pools = _by_length(self._prefixes)
        pools = {(_ADDRESS.pack(network), length) for network, length in self._prefixes}
        for prefix in self.routes.held():
            if prefix not in pools and self.covers(prefix):
                self.remove(prefix)
        return ""

    def covers(self, prefix: Prefix) -> bool:
        """Tell whether a prefix is part of a pool's, and so has its route already."""
        octets, length = prefix
        if len(octets) != _ADDRESS.size:
            return False
        (first,) = _ADDRESS.unpack(octets)
        return any(of <= length and (first ^ network) >> (32 - of) == 0 for network, of in self._prefixes)

    def covers_all(self, addresses: Iterable[int]) -> bool:
        """Tell whether each of these IPv4 addresses is a pool's: as a rule, and at each call, so it is quick."""
        for address in addresses:
            for behind, networks in self._pools:
                if address >> behind in networks:
                    break
            else:
                return False
        return True

    @property
    def routes(self) -> Routes:
        """Return the routes to the device."""
        assert self._routes is not None  # it was configured
        return self._routes

    def add(self, prefix: Prefix, mtu: int) -> str:
        """Route a prefix to the device, with an MTU if that is not 0; returns why not, in words, or nothing.

        What is routed already gets another MTU.
        """
        return self.routes.add(prefix, mtu)

    def remove(self, prefix: Prefix) -> None:
        """Take the route of a prefix away; where the kernel will not, it goes with the device."""
        self.routes.remove(prefix)


def _by_length(prefixes: Iterable[tuple[int, int]]) -> tuple[tuple[int, frozenset[int]], ...]:
    """Return (bits behind the prefix, the bits before them of each) of IPv4 prefixes."""
    pools: dict[int, set[int]] = {}
    for network, length in prefixes:
        pools.setdefault(32 - length, set()).add(network >> 32 - length)
    return tuple((behind, frozenset(networks)) for behind, networks in pools.items())


def inet_settings(*settings: tuple[int, int]) -> bytes:
    """Return settings of IPv4 (``IPV4_DEVCONF_*``, value) as ``Device`` specifies them."""
    return nested(_INET_CONF, *(attribute(kind, U32.pack(value)) for kind, value in settings))


def _refused(name: str, error: OSError | NetlinkError) -> DataPlaneError:
    return DataPlaneError(f"interface {name}: {_words(error)}")


def take(name: str, *, exclusive: bool) -> int:
    """Return a descriptor of a TUN device, ``exclusive``: of a new one only; raises DataPlaneError."""
    octets = name.encode()
    if not 0 < len(octets) < 16 or b"%" in octets:  # the kernel would cut it, or put a number for %d
        raise DataPlaneError(f"interface {name}: {_WORDS[errno.EINVAL]}")
    try:
        descriptor = os.open(_PATH, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DataPlaneError(f"interface {name}: {_words(error)}") from error
    try:
        fcntl.ioctl(
            descriptor, _TUNSETIFF, _REQUEST.pack(octets, _IFF_TUN | _IFF_NO_PI | (_IFF_TUN_EXCL if exclusive else 0))
        )
    except OSError as error:
        os.close(descriptor)
        raise DataPlaneError(f"interface {name}: {_words(error)}") from error
    return descriptor
