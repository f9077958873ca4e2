"""A pair of interfaces through which a packet becomes several: what is large for its sender's offload is cut.

A program that must look at each segment of a GSO packet sends it out by the one end, which takes no GSO;
the kernel cuts it, and the segments come in by the other end, where a program takes them up again.
Nothing else ever passes: no address, no ARP, no IPv6.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import socket
import struct
from pathlib import Path

from bras.dataplane.links import LINK, NEWLINK, SETLINK, link
from bras.dataplane.rtnetlink import CREATE, EXCLUSIVE, U32, Conversation, attribute, nested

_DELLINK = 17
_IFLA_IFNAME, _IFLA_MTU, _IFLA_LINKINFO, _IFLA_AF_SPEC, _IFLA_GSO_MAX_SEGS = 3, 4, 18, 26, 40
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_ADDR_GEN_MODE, _NO_ADDRESSES = 8, b"\x01"
_UP, _NO_ARP = 0x1, 0x80
_MTU = 65535
"""The largest that an Ethernet interface can have: as large as any packet."""
_NAME_OCTETS = 15
_SIOCETHTOOL, _ETHTOOL_STXCSUM, _ETHTOOL_STSO = 0x8946, 0x17, 0x1F
_REQUEST = struct.Struct("16sP16x")
_NOBODY = LINK.pack(0, 0, 0, 0, 0)
_VALUE = struct.Struct("=II")


def names(anchor: str) -> tuple[str, str]:
    """Return the names of the end that packets are sent to, and of the end by which they come in."""
    return anchor[: _NAME_OCTETS - 1] + "s", anchor[: _NAME_OCTETS - 1] + "p"


class Segmenter:
    """The pair, up."""

    __slots__ = ("_kernel", "entrance", "exit")

    def __init__(self, kernel: Conversation, anchor: str) -> None:
        """Make it in the namespace of the calling thread, or take over a predecessor's; raises OSError.

        EOPNOTSUPP: the kernel has no veth, and one does without.
        """
        self._kernel = kernel
        into, out = names(anchor)
        if not _there(kernel, into, out):
            _make(kernel, into, out)
        self.entrance = _ready(kernel, into, segments=1)
        """Index of the end that packets are sent to."""
        self.exit = _ready(kernel, out)
        """Index of the end by which segments come in."""

    def close(self) -> None:
        """Remove it; somebody else may have done so before."""
        _remove(self._kernel, self.entrance)


def remove(kernel: Conversation, anchor: str) -> bool:
    """Remove the pair of an anchor, if there is one; raises OSError."""
    into, out = names(anchor)
    found = link(kernel, into)
    if found is None or not _there(kernel, into, out):
        return False
    _remove(kernel, found.index)
    return True


def _there(kernel: Conversation, into: str, out: str) -> bool:
    """Tell whether the pair is there; raises OSError if another interface has one of the names."""
    one, other = link(kernel, into), link(kernel, out)
    if one is None and other is None:
        return False
    if one is None or other is None or (one.kind, one.parent, other.parent) != ("veth", other.index, one.index):
        raise OSError(errno.EEXIST, f"an interface {into} or {out} is there that is not ours")
    return True


def _make(kernel: Conversation, into: str, out: str) -> None:
    peer = attribute(_VETH_PEER, _NOBODY + attribute(_IFLA_IFNAME, out.encode() + b"\0"))
    what = nested(_IFLA_LINKINFO, attribute(_INFO_KIND, b"veth\0"), nested(_INFO_DATA, peer))
    kernel.request(NEWLINK, CREATE | EXCLUSIVE, _NOBODY + attribute(_IFLA_IFNAME, into.encode() + b"\0") + what)


def _ready(kernel: Conversation, name: str, segments: int = 0) -> int:
    """Give an end its settings and put it up; return its index."""
    found = link(kernel, name)
    if found is None:
        raise OSError(errno.ENODEV, f"interface {name} has gone")
    quiet = nested(_IFLA_AF_SPEC, nested(socket.AF_INET6, attribute(_ADDR_GEN_MODE, _NO_ADDRESSES)))
    with contextlib.suppress(OSError):  # where there is no IPv6
        kernel.request(SETLINK, 0, LINK.pack(0, 0, found.index, 0, 0) + quiet)
    with contextlib.suppress(OSError):  # or /proc is read-only: then the kernel's reports of its groups are lost there
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    limits = attribute(_IFLA_MTU, U32.pack(_MTU))
    if segments:
        _no_offloads(name)
        limits += attribute(_IFLA_GSO_MAX_SEGS, U32.pack(segments))
    kernel.request(SETLINK, 0, LINK.pack(0, 0, found.index, _UP | _NO_ARP, _UP | _NO_ARP) + limits)
    return found.index


def _no_offloads(name: str) -> None:
    """Let what leaves an end be whole, as no device behind it will make it.

    Of a packet from a guest, gso_max_segs does not know how many segments it has; and a checksum that a
    device is to finish would be unfinished at the other end too.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for wish in (_ETHTOOL_STSO, _ETHTOOL_STXCSUM):
            value = ctypes.create_string_buffer(_VALUE.pack(wish, 0))
            fcntl.ioctl(any_socket, _SIOCETHTOOL, _REQUEST.pack(name.encode(), ctypes.addressof(value)))


def _remove(kernel: Conversation, index: int) -> None:
    try:
        kernel.request(_DELLINK, 0, LINK.pack(0, 0, index, 0, 0))
    except OSError as error:
        if error.errno != errno.ENODEV:
            raise
