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
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from bras.dataplane.base import DataPlaneError
from bras.dataplane.netlink import Netlink

MTU = 1500
"""Above every client's, so that the decision to cut or to refuse a packet is ours."""
_QUEUE = 1000
"""Packets that wait for us at most, 1000 of the kernel's choice for other devices too."""
_PATH = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI, _IFF_TUN_EXCL = 0x0001, 0x1000, 0x8000
_REQUEST = struct.Struct("16sH22x")
_ADDRESS = struct.Struct("!I")
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


Prefix = tuple[bytes, int]
"""Network and prefix length; the number of octets says which family."""


class Device:
    """A TUN device with an address of its own, up, and the routes to it.

    Addresses of ``prefixes`` share one route each; any other address or prefix of a subscriber gets a
    route of its own while its Entry lives, the only kernel call that a subscriber ever costs.
    """

    def __init__(self, name: str, local_address: bytes, prefixes: frozenset[tuple[int, int]]) -> None:
        """Make the device and route ``prefixes``, (network, length) pairs, to it; raises DataPlaneError."""
        self._local_address = local_address
        self._prefixes = prefixes
        self.descriptor = self._take(name)
        try:
            self._index = socket.if_nametoindex(name)
            self._netlink = Netlink()
        except OSError as error:
            os.close(self.descriptor)
            raise DataPlaneError(f"interface {name}: {_words(error)}") from error
        try:
            self._configure(name)
        except DataPlaneError:
            self.close()
            raise

    def _take(self, name: str) -> int:
        return take(name, exclusive=True)

    def _configure(self, name: str) -> None:
        # Some systems give new interfaces no IPv6; where /proc is read-only or IPv6 is off, a route will tell.
        with contextlib.suppress(OSError):
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("0")
        with contextlib.suppress(OSError):
            self._netlink.no_link_local(self._index)
        local = socket.inet_ntoa(self._local_address)
        try:
            self._netlink.accept_local(self._index)
            with IPRoute() as kernel:
                kernel.link("set", index=self._index, mtu=MTU, txqlen=_QUEUE, state="up")
                kernel.addr("add", index=self._index, address=local, prefixlen=32)
        except (OSError, NetlinkError) as error:
            raise DataPlaneError(f"interface {name}: {_words(error)}") from error
        for network, length in sorted(self._prefixes):
            reason = self.add((_ADDRESS.pack(network), length), 0)
            if reason:
                raise DataPlaneError(f"interface {name}: {reason}")

    def close(self) -> None:
        """Give it back; the kernel takes its address and routes away with it."""
        self._netlink.close()
        os.close(self.descriptor)

    def covers(self, prefix: Prefix) -> bool:
        """Tell whether a prefix is part of a pool's, and so has its route already."""
        octets, length = prefix
        if len(octets) != _ADDRESS.size:
            return False
        (first,) = _ADDRESS.unpack(octets)
        return any(of <= length and (first ^ network) >> (32 - of) == 0 for network, of in self._prefixes)

    def add(self, prefix: Prefix, mtu: int) -> str:
        """Route a prefix to the device, with an MTU if that is not 0; returns why not, in words, or nothing."""
        return self._say(self._netlink.add_route, prefix, mtu)

    def change(self, prefix: Prefix, mtu: int) -> str:
        """Give the route of a prefix another MTU; returns why not, in words, or nothing."""
        return self._say(self._netlink.change_route, prefix, mtu)

    def remove(self, prefix: Prefix) -> None:
        """Take the route of a prefix away; where the kernel will not, it goes with the device."""
        with contextlib.suppress(OSError):
            self._netlink.remove_route(self._index, *prefix)

    def _say(self, word: Callable[[int, bytes, int, bytes, int], None], prefix: Prefix, mtu: int) -> str:
        try:
            word(self._index, *prefix, self._local_address, mtu)
        except OSError as error:
            why = "there is one already: remove it" if error.errno == errno.EEXIST else error.strerror
            return f"route to {ip_address(prefix[0])}/{prefix[1]}: {why}"
        return ""


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
