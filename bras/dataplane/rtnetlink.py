"""Conversations with the kernel about its network (rtnetlink): requests, answers, attributes, news.

A conversation belongs to the namespace in which it was opened, whichever thread goes on with it.
pyroute2 is not used here: its synchronous calls refuse to run inside an event loop, and cost a
hundred times as much.  The numbers are those of ``linux/netlink.h`` and ``linux/rtnetlink.h``.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from itertools import islice

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERROR = struct.Struct("=i")
U32 = struct.Struct("=I")

_ERROR_MESSAGE, _DONE = 2, 3
_REQUEST, _ACK = 0x1, 0x4
REPLACE, EXCLUSIVE, CREATE = 0x100, 0x200, 0x400
_DUMP = 0x300
_INTERRUPTED = 0x10
_CAPPED, _EXPLAINED = 0x100, 0x200
_NESTED = 0x8000
_TYPE = 0x3FFF
_SOL_NETLINK, _CAP_ACK, _EXPLAIN, _STRICT = 270, 10, 11, 12
_ADD_MEMBERSHIP, _DROP_MEMBERSHIP = 1, 2
_EXPLANATION = 1
_OCTETS = 1 << 17
_TRIES = 5


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded to four octets."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """Return an attribute that consists of others."""
    return attribute(kind | _NESTED, b"".join(attributes))


def attributes(data: bytes, at: int = 0) -> dict[int, bytes]:
    """Return the attributes from offset ``at`` on, by kind; the last one of a kind counts."""
    return dict(walk(data, at))


def walk(data: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """Iterate over (kind, value) of the attributes from offset ``at`` on."""
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _TYPE, data[at + _ATTRIBUTE.size : at + length]
        at += length + -length % 4


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Iterate over (kind, flags, sequence, body) of the messages in a datagram."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, flags, sequence, data[at + _HEADER.size : at + length]
        at += length + -length % 4


class Conversation:
    """A socket for requests; each waits for its answer, which the kernel gives at once."""

    __slots__ = ("_sequence", "_socket")

    def __init__(self) -> None:
        """Open it; raises OSError."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._sequence = 0
        for option in (_CAP_ACK, _EXPLAIN, _STRICT):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def request(self, kind: int, flags: int, body: bytes) -> None:
        """Ask for a change; raises OSError, with the kernel's own explanation where it gives one."""
        self._send(kind, flags | _ACK, body)
        for _ in self._answers():
            pass

    def ask(self, kind: int, body: bytes) -> bytes:
        """Return the body of the one answer to a question; raises OSError."""
        self._send(kind, _ACK, body)
        found = b""
        for _, answer in self._answers():
            found = answer
        return found

    def dump(self, kind: int, body: bytes, most: int | None = None) -> list[bytes]:
        """Return the bodies of a whole list; raises OSError.

        Of more than ``most`` one more than that is returned, and the conversation is of no further use.
        """
        for _ in range(_TRIES):
            self._send(kind, _DUMP, body)
            answers = list(islice(self._answers(), None if most is None else most + 1))
            if most is not None and len(answers) > most:
                break
            if not any(flags & _INTERRUPTED for flags, _ in answers):
                break
        return [answer for _, answer in answers]

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        length = _HEADER.size + len(body)
        self._socket.send(_HEADER.pack(length, kind, flags | _REQUEST, self._sequence, 0) + body)

    def _answers(self) -> Iterator[tuple[int, bytes]]:
        """Iterate over (flags, body) of what answers the request just sent, to its end."""
        while True:
            for kind, flags, sequence, body in messages(self._socket.recv(_OCTETS)):
                if sequence != self._sequence:
                    continue
                if kind in {_ERROR_MESSAGE, _DONE}:
                    _raise(flags, body)
                    return
                yield flags, body


def _raise(flags: int, body: bytes) -> None:
    code = -_ERROR.unpack_from(body)[0] if len(body) >= _ERROR.size else 0
    if code <= 0:
        return
    words = os.strerror(code)
    if flags & _EXPLAINED and flags & _CAPPED:
        said = (
            attributes(body, _ERROR.size + _HEADER.size).get(_EXPLANATION, b"").rstrip(b"\0").decode(errors="replace")
        )
        words = f"{words} ({said})" if said else words
    raise OSError(code, words)


class News:
    """A socket on which the kernel tells of changes; what it tells is a reason to look, not the truth itself.

    Its buffer is not large: when more has changed than goes in, the kernel says so, and the listener looks again.
    """

    __slots__ = ("_groups", "_socket")

    def __init__(self, groups: tuple[int, ...]) -> None:
        """Listen to these groups, ``RTNLGRP_*``; raises OSError."""
        self._groups = groups
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self.listen()

    def fileno(self) -> int:
        """Return the descriptor, readable when there is news."""
        return self._socket.fileno()

    def close(self) -> None:
        """End it; may be called twice."""
        self._socket.close()

    def listen(self) -> None:
        """Hear news from now on."""
        for group in self._groups:
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def look_away(self) -> None:
        """Hear none until ``listen``, and forget what has come: in a storm it is enough to know that there is one."""
        for group in self._groups:
            self._socket.setsockopt(_SOL_NETLINK, _DROP_MEMBERSHIP, group)
        while self.read() != []:
            pass

    def read(self) -> list[tuple[int, bytes]] | None:
        """Return (kind, body) of what came next; nothing: no more for now; ``None``: some was lost."""
        try:
            data = self._socket.recv(_OCTETS)
        except BlockingIOError:
            return []
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                return None
            raise
        return [(kind, body) for kind, _, _, body in messages(data)]
