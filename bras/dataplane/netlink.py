"""The few words of rtnetlink that are said while sessions come and go: the routes of one subscriber.

Packed by hand: a /32 route of one subscriber costs some microseconds, which a library's
message classes would make a hundred, and their synchronous calls refuse to run inside an
event loop.  What is said once, at the start, is said by pyroute2 (``device``).  Numbers are
those of ``linux/rtnetlink.h`` and ``linux/if_link.h``.
"""

from __future__ import annotations

import os
import socket
import struct

_HEADER = struct.Struct("=IHHII")
_ERROR = struct.Struct("=i")
_ATTRIBUTE = struct.Struct("=HH")
_U32 = struct.Struct("=I")
_LINK = struct.Struct("=BxHiII")
_ROUTE = struct.Struct("=BBBBBBBBI")

_NLMSG_ERROR = 2
_REQUEST, _ACK, _REPLACE, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x100, 0x200, 0x400
_NEWLINK, _NEWROUTE, _DELROUTE = 16, 24, 25
_IFLA_AF_SPEC = 26
_IFLA_INET_CONF = 1
_DEVCONF_ACCEPT_LOCAL = 23
_IFLA_INET6_ADDR_GEN_MODE = 8
_GENERATE_NONE = b"\x01"
_RTA_DST, _RTA_OIF, _RTA_PREFSRC, _RTA_METRICS = 1, 4, 7, 8
_RTAX_MTU = 2
_TABLE_MAIN, _PROTOCOL_STATIC, _SCOPE_UNIVERSE, _SCOPE_LINK, _UNICAST = 254, 4, 0, 253, 1
_IPV4_OCTETS = 4
_RECEIVE_OCTETS = 65536


def _attribute(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


class Netlink:
    """A conversation with the kernel of the namespace in which it was opened."""

    __slots__ = ("_sequence", "_socket")

    def __init__(self) -> None:
        """Open it; raises OSError."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._sequence = 0

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def accept_local(self, index: int) -> None:
        """Let an interface take packets from our own addresses; raises OSError.

        That is how ICMP errors come out of a TUN device.  It works where /proc/sys is
        read-only, as in many containers.
        """
        accept = _attribute(_IFLA_INET_CONF, _attribute(_DEVCONF_ACCEPT_LOCAL, _U32.pack(1)))
        self._specify(index, socket.AF_INET, accept)

    def no_link_local(self, index: int) -> None:
        """Let the kernel make no IPv6 address for an interface; raises OSError, as where there is no IPv6."""
        self._specify(index, socket.AF_INET6, _attribute(_IFLA_INET6_ADDR_GEN_MODE, _GENERATE_NONE))

    def _specify(self, index: int, family: int, attribute: bytes) -> None:
        body = _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0)
        self._request(_NEWLINK, 0, body + _attribute(_IFLA_AF_SPEC, _attribute(family, attribute)))

    def add_route(self, index: int, network: bytes, length: int, source: bytes, mtu: int = 0) -> None:
        """Route a prefix to an interface; raises OSError.

        Our own IPv4 packets there come from ``source``; ``mtu``: packets of that size at most, if not 0.
        """
        self._request(_NEWROUTE, _CREATE | _EXCLUSIVE, _route(index, network, length) + _details(network, source, mtu))

    def change_route(self, index: int, network: bytes, length: int, source: bytes, mtu: int) -> None:
        """Give a route another MTU; raises OSError."""
        self._request(_NEWROUTE, _CREATE | _REPLACE, _route(index, network, length) + _details(network, source, mtu))

    def remove_route(self, index: int, network: bytes, length: int) -> None:
        """Take a route away; raises OSError."""
        self._request(_DELROUTE, 0, _route(index, network, length))

    def _request(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        length = _HEADER.size + len(body)
        self._socket.send(_HEADER.pack(length, kind, flags | _REQUEST | _ACK, self._sequence, 0) + body)
        while True:
            answer = self._socket.recv(_RECEIVE_OCTETS)
            _, answered, _, sequence, _ = _HEADER.unpack_from(answer)
            if answered == _NLMSG_ERROR and sequence == self._sequence:
                break
        code = -_ERROR.unpack_from(answer, _HEADER.size)[0]
        if code:
            raise OSError(code, os.strerror(code))


def _route(index: int, network: bytes, length: int) -> bytes:
    ipv4 = len(network) == _IPV4_OCTETS
    family, scope = (socket.AF_INET, _SCOPE_LINK) if ipv4 else (socket.AF_INET6, _SCOPE_UNIVERSE)
    head = _ROUTE.pack(family, length, 0, 0, _TABLE_MAIN, _PROTOCOL_STATIC, scope, _UNICAST, 0)
    return head + _attribute(_RTA_DST, network) + _attribute(_RTA_OIF, _U32.pack(index))


def _details(network: bytes, source: bytes, mtu: int) -> bytes:
    """Return what a new route has beside its place."""
    details = _attribute(_RTA_PREFSRC, source) if len(network) == len(source) else b""
    if mtu:
        details += _attribute(_RTA_METRICS, _attribute(_RTAX_MTU, _U32.pack(mtu)))
    return details
