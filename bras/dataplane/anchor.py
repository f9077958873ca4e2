"""The TUN device of ``ebpf``: it stays when the process goes, and carries the subscribers meanwhile.

The next process takes hold of it by its name.  What it has already (an address, routes) is left as it is.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from collections.abc import Container
from pathlib import Path

from bras.dataplane.base import DataPlaneError
from bras.dataplane.device import ACCEPT_LOCAL, QUEUE, Device, inet_settings, take
from bras.dataplane.links import LINK, SETLINK, addresses, link
from bras.dataplane.routes import Prefix
from bras.dataplane.rtnetlink import CREATE, REPLACE, U32, Conversation, attribute

_TUNSETPERSIST = 0x400454CB
_DELLINK, _NEWADDR, _DELADDR = 17, 20, 21
_ADDRESS = struct.Struct("=BBBBI")
_IFA_LOCAL, _HOST = 2, 32
_IFLA_MTU, _IFLA_TXQLEN, _UP, _RP_FILTER = 4, 13, 1, 8
_OFF, _LOOSE = 0, 2
_RP_FILTER_OF_ALL = Path("/proc/sys/net/ipv4/conf/all/rp_filter")
_NO_TUN = "an interface of that name is there, and is no TUN device: remove it, or choose another name"


class Anchor(Device):
    """A TUN device that is there already, or is made to stay."""

    def __init__(self, name: str, local_address: bytes, prefixes: frozenset[tuple[int, int]], mtu: int) -> None:
        """Take hold of it, or make it, and route ``prefixes`` to it; raises DataPlaneError.

        Packets from there of more than ``mtu`` octets are refused or cut by the kernel itself.
        """
        self._mtu = mtu
        self._was_there = False
        super().__init__(name, local_address, prefixes)

    @property
    def index(self) -> int:
        """Return its index."""
        return self._index

    def _take(self, name: str) -> int:
        self._was_there = link(self._kernel, name) is not None
        try:
            descriptor = take(name, exclusive=False)
        except DataPlaneError as error:
            wrong = error.__cause__
            if self._was_there and isinstance(wrong, OSError) and wrong.errno == errno.EINVAL:
                raise DataPlaneError(f"interface {name}: {_NO_TUN}") from error
            raise
        fcntl.ioctl(descriptor, _TUNSETPERSIST, 1)
        return descriptor

    def _configure(self, name: str) -> None:
        self._prepare_ipv6(name)
        try:
            self._specify(socket.AF_INET, inet_settings((ACCEPT_LOCAL, 1), (_RP_FILTER, _reverse_path())))
            limits = attribute(_IFLA_MTU, U32.pack(self._mtu)) + attribute(_IFLA_TXQLEN, U32.pack(QUEUE))
            self._kernel.request(SETLINK, 0, LINK.pack(0, 0, self._index, _UP, _UP) + limits)
            self._address()
            self._route(name)
        except OSError as error:
            raise DataPlaneError(f"interface {name}: {error.strerror}") from error

    def _address(self) -> None:
        """Give it our address, and take away what it had under another configuration."""
        ours = socket.inet_ntoa(self._local_address)
        for index, address in addresses(self._kernel):
            if index == self._index and ":" not in address and address != ours:
                self._kernel.request(_DELADDR, 0, self._holding(socket.inet_aton(address)))
        self._kernel.request(_NEWADDR, CREATE | REPLACE, self._holding(self._local_address))

    def _holding(self, address: bytes) -> bytes:
        return _ADDRESS.pack(socket.AF_INET, _HOST, 0, 0, self._index) + attribute(_IFA_LOCAL, address)

    def close(self, *, keep: bool = False) -> None:
        """Let go of it; without ``keep`` it goes, and takes its address and routes with it."""
        unusable = self._was_there and self._routes is None  # a predecessor's, which goes on without us
        if not keep and not unusable:
            fcntl.ioctl(self.descriptor, _TUNSETPERSIST, 0)
        super().close()

    def sweep(self, kept: Container[Prefix] = ()) -> int:
        """Take away routes of a predecessor that nobody has asked for, but for ``kept``; return how many."""
        return self.routes.sweep(kept)


def _reverse_path() -> int:
    """Return which reverse path filter the device needs.

    None: the programs check sources, and each filtered packet would cost another look-up.  But the
    larger of its own and that of all interfaces counts, and a strict one would turn away our own
    packets that come out of it to be cut: then it is to be loose.
    """
    try:
        return _LOOSE if int(_RP_FILTER_OF_ALL.read_text()) else _OFF
    except (OSError, ValueError):
        return _LOOSE


def there(kernel: Conversation, name: str) -> int:
    """Return the index of the TUN device that a process has left; 0: there is none.

    Raises DataPlaneError when a process has it.
    """
    found = link(kernel, name)
    if found is None or found.kind != "tun":
        return 0
    if found.carrier:
        raise DataPlaneError(f"interface {name}: a process has it: end that first")
    return found.index


def remove(kernel: Conversation, index: int) -> None:
    """Remove it, and with it its address and routes; raises OSError."""
    kernel.request(_DELLINK, 0, LINK.pack(0, 0, index, 0, 0))
