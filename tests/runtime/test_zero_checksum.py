"""Datagrams without UDP checksum over IPv6: real ones, on the loopback."""

from __future__ import annotations

import select
import socket
import struct

import pytest

from bras.config.model import Listen
from bras.dataplane.null import Null
from bras.lns.inputs import DatagramReceived
from bras.runtime.udp import Listener

pytestmark = pytest.mark.root
BARE, SUMMED = b"\xc8\x02" + bytes(20), b"\xc8\x02" + bytes(30)


def without_checksum(data: bytes, port: int) -> bytes:
    """Return the UDP datagram from port 1701 to ``port``, its checksum zero."""
    return struct.pack("!HHHH", 1701, port, 8 + len(data), 0) + data


@pytest.mark.parametrize("bound", ["::1", "::"])
@pytest.mark.parametrize("takes", [False, True])
def test_they_are_taken_if_a_group_wants_it(bound: str, takes: bool) -> None:
    listener = Listener(0, Listen(bound, 0), 65536)
    if takes:
        listener.take_zero_checksums()
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as ordinary,
    ):
        raw.sendto(without_checksum(BARE, listener.port), ("::1", 0))
        ordinary.sendto(SUMMED, ("::1", listener.port))
        found: list[bytes] = []
        while SUMMED not in found:  # what came before it has been judged
            assert select.select([listener.socket], [], [], 5.0)[0]
            inputs = listener.drain(Null(), 0.0)
            found += [one.data for one in inputs if isinstance(one, DatagramReceived)]
    assert found == ([BARE, SUMMED] if takes else [SUMMED])
    listener.close()


def test_a_wrong_checksum_stays_wrong() -> None:
    listener = Listener(0, Listen("::1", 0), 65536)
    listener.take_zero_checksums()
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as ordinary,
    ):
        wrong = without_checksum(BARE, listener.port)
        raw.sendto(wrong[:6] + b"\x12\x34" + wrong[8:], ("::1", 0))
        ordinary.sendto(SUMMED, ("::1", listener.port))
        assert select.select([listener.socket], [], [], 5.0)[0]
        assert [one.data for one in listener.drain(Null(), 0.0) if isinstance(one, DatagramReceived)] == [SUMMED]
    listener.close()
