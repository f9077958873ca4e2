"""The few words of rtnetlink that a TUN device needs: link, address, route.

Packed by hand: a /32 route of one subscriber costs some microseconds, which a library's
message classes would make a hundred, and their synchronous calls refuse to run inside an
event loop.  Numbers are those of ``linux/rtnetlink.h`` and ``linux/if_link.h``.
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
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")

_NLMSG_ERROR = 2
_REQUEST, _ACK, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x200, 0x400
_NEWLINK, _NEWADDR, _NEWROUTE, _DELROUTE = 16, 20, 24, 25
_IFF_UP = 1
_IFLA_MTU, _IFLA_TXQLEN, _IFLA_AF_SPEC = 4, 13, 26
_IFLA_INET_CONF = 1
_DEVCONF_ACCEPT_LOCAL = 23
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RTA_DST, _RTA_OIF, _RTA_PREFSRC = 1, 4, 7
_TABLE_MAIN, _PROTOCOL_STATIC, _SCOPE_LINK, _UNICAST = 254, 4, 253, 1
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

    def set_up(self, index: int, mtu: int, queue: int) -> None:
        """Bring an interface up with an MTU in octets and room for ``queue`` packets; raises OSError.

        It accepts packets from our own address, for that is how ICMP errors come out of a TUN device.
        """
        self._set_link(index, _attribute(_IFLA_MTU, _U32.pack(mtu)) + _attribute(_IFLA_TXQLEN, _U32.pack(queue)))
        accept = _attribute(_IFLA_INET_CONF, _attribute(_DEVCONF_ACCEPT_LOCAL, _U32.pack(1)))
        self._set_link(index, _attribute(_IFLA_AF_SPEC, _attribute(socket.AF_INET, accept)))
        self._request(_NEWLINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP))

    def _set_link(self, index: int, attributes: bytes) -> None:
        self._request(_NEWLINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, index, 0, 0) + attributes)

    def add_address(self, index: int, address: bytes) -> None:
        """Give an interface an IPv4 address, alone in its network; raises OSError."""
        body = _ADDRESS.pack(socket.AF_INET, 32, 0, 0, index)
        body += _attribute(_IFA_LOCAL, address) + _attribute(_IFA_ADDRESS, address)
        self._request(_NEWADDR, _CREATE | _EXCLUSIVE, body)

    def add_route(self, index: int, network: bytes, length: int, source: bytes) -> None:
        """Route an IPv4 prefix to an interface; our own packets there come from ``source``; raises OSError."""
        self._request(
            _NEWROUTE, _CREATE | _EXCLUSIVE, _route(index, network, length) + _attribute(_RTA_PREFSRC, source)
        )

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
    head = _ROUTE.pack(socket.AF_INET, length, 0, 0, _TABLE_MAIN, _PROTOCOL_STATIC, _SCOPE_LINK, _UNICAST, 0)
    return head + _attribute(_RTA_DST, network) + _attribute(_RTA_OIF, _U32.pack(index))
