"""From an Entry to the record that the programs in the kernel forward by (``struct session`` of ``bpf/bras.h``).

Pure: a Route in, octets out.  The header before each packet towards a LAC is written here once, with
everything in it that never changes, so that the program only copies it and fills in lengths and sums.
"""

from __future__ import annotations

import socket
import struct
import sys
import zlib
from functools import lru_cache
from typing import NamedTuple

from bras.dataplane.police import burst_of
from bras.dataplane.records import COST_SHIFT, HEAD, HEAD_OCTETS, PATHS, TAIL_OCTETS, TERMS, SessionFlag
from bras.dataplane.rows import TCP_OVERHEAD
from bras.forwarding.entry import Leg, Route

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_UDP = struct.Struct("!HHHH")
_WORD, _WORDS = struct.Struct("!H"), struct.Struct("!HH")
_HOP_LIMIT = 64
_UDP_PROTOCOL = 17
_FLAGS, _FLAGS_LENGTH = 0x0002, 0x4002
"""Version 2, without and with the L bit (RFC 2661 section 3.1)."""
TCP_OVERHEAD6 = 60
"""IPv6 and TCP headers without options."""
_ACTIVE = SessionFlag.ACTIVE.value
_CHECK_SOURCE = SessionFlag.CHECK_SOURCE.value
_COLOURED = SessionFlag.COLOURED.value
_IN_VRF = SessionFlag.IN_VRF.value
_IPV6_TOO = SessionFlag.IPV6.value
_LENGTH = SessionFlag.LENGTH.value
_NUMBERED = SessionFlag.NUMBERED.value
_OUTER6 = SessionFlag.OUTER6.value
_POLICED_DOWN = SessionFlag.POLICED_DOWN.value
_POLICED_UP = SessionFlag.POLICED_UP.value
_ZERO_CHECKSUM = SessionFlag.ZERO_CHECKSUM.value
"""Once: a member's value is a call in Python, and each call set up asks for several."""
_MOST = 2**63 - 1
_MOST_BURST = 2**32 - 1
_MOST_MTU = 2**16 - 1


class Record(NamedTuple):
    """What is ours of the two records of a slot."""

    head: bytes
    """``HEAD``: the first part of ``struct session``."""
    terms: bytes
    """``TERMS``: the first part of ``struct account``."""


def record(route: Route) -> Record:
    """Return the records of a Route with one leg; raises OSError when its addresses are none."""
    leg = route.legs[0]
    frame = _frame_of(leg)
    ids = _WORDS.pack(leg.peer_tunnel_id, leg.peer_session_id)
    header, checksum, tail = frame.before + ids + frame.behind, frame.checksum, b""
    if ":" in leg.remote:
        checksum = _folded(checksum + words(ids))
        tail = header[-TAIL_OCTETS:]
    terms = _terms(
        *(frame.ports, route.mtu if route.clamp_mss else 0, route.vrf, route.mark, route.priority),
        *(route.rate_up_bps, route.burst_up_octets, route.rate_down_bps, route.burst_down_octets),
    )
    head = HEAD.pack(
        _flags(route, leg),
        route.generation & 0xFFFFFFFF,
        leg.key,
        int.from_bytes(route.addresses[0].to_bytes(4, "big"), sys.byteorder) if route.addresses else 0,
        min(route.mtu, _MOST_MTU),
        len(header),
        checksum,
        frame.place,
        header[:HEAD_OCTETS],
    )
    return Record(head, tail + terms[len(tail) :])


@lru_cache(maxsize=4096)
def _terms(
    ports: int,
    clamp: int,
    vrf: int,
    mark: int,
    priority: int,
    rate_up: int,
    burst_up: int,
    rate_down: int,
    burst_down: int,
) -> bytes:
    """Return what many sessions have in common, with an empty tail; ``clamp``: an MTU for TCP, or 0."""
    cost_up, burst_up = bucket(rate_up, burst_up)
    cost_down, burst_down = bucket(rate_down, burst_down)
    mss4, mss6 = (max(clamp - TCP_OVERHEAD, 1), max(clamp - TCP_OVERHEAD6, 1)) if clamp else (0, 0)
    return TERMS.pack(b"", ports, mss4, mss6, vrf, mark, priority, burst_up, burst_down, cost_up, cost_down)


@lru_cache(maxsize=4096)
def bucket(rate_bps: int, burst_octets: int) -> tuple[int, int]:
    """Return what an octet costs, in nanoseconds << 16, and the burst in octets; (0, 0) without a limit."""
    if rate_bps <= 0:
        return 0, 0
    cost = max(round((8_000_000_000 << COST_SHIFT) / rate_bps), 1)
    return cost, min(burst_of(rate_bps, burst_octets), _MOST // cost, _MOST_BURST)  # the program multiplies the two


def path(leg: Leg) -> int:
    """Return the place where the way to the LAC is remembered: the same in every process, shared by few."""
    return _frame_of(leg).place


def _flags(route: Route, leg: Leg) -> int:
    flags = _ACTIVE
    if ":" in leg.remote:
        flags |= _OUTER6
        if leg.udp6_zero_checksum:
            flags |= _ZERO_CHECKSUM
    if route.source_check:
        flags |= _CHECK_SOURCE
    if leg.numbered:
        flags |= _NUMBERED
    if leg.length_bit:
        flags |= _LENGTH
    return flags | _further(route)


def _further(route: Route) -> int:
    """Return the flags that tell of what stands in the second half of the record."""
    flags = 0
    if route.rate_up_bps > 0:
        flags |= _POLICED_UP
    if route.rate_down_bps > 0:
        flags |= _POLICED_DOWN
    if route.mark or route.priority:
        flags |= _COLOURED
    if route.vrf:
        flags |= _IN_VRF
    if route.prefixes6:
        flags |= _IPV6_TOO
    return flags


class _Frame(NamedTuple):
    """What the calls of one LAC have in common."""

    before: bytes
    """Outer IP, UDP and L2TP headers, up to the ids."""
    behind: bytes
    """The PPP header of an IPv4 packet."""
    checksum: int
    """The sum that a record holds, without the ids."""
    ports: int
    """UDP ports as they stand in it, as one number in memory order."""
    place: int
    """Where the way to the LAC is remembered."""


def _frame_of(leg: Leg) -> _Frame:
    ends = leg.local, leg.local_port, leg.remote, leg.remote_port
    return _frame(*ends, leg.acfc, leg.pfc, leg.length_bit)


@lru_cache(maxsize=4096)
def _frame(
    local: str, local_port: int, remote: str, remote_port: int, acfc: bool, pfc: bool, length_bit: bool
) -> _Frame:
    """Return what is the same for all calls of a LAC; made once, for a call is set up in microseconds."""
    inner = _UDP.pack(local_port, remote_port, 0, 0)
    ports = int.from_bytes(inner[:4], sys.byteorder)
    inner += _WORDS.pack(_FLAGS_LENGTH, 0) if length_bit else _WORD.pack(_FLAGS)
    behind = (b"" if acfc else b"\xff\x03") + (b"\x21" if pfc else b"\x00\x21")
    place = zlib.crc32(f"{local} {remote}".encode()) % PATHS
    if ":" in remote:
        addresses = socket.inet_pton(socket.AF_INET6, local) + socket.inet_pton(socket.AF_INET6, remote)
        outer = _IPV6.pack(6 << 28, 0, _UDP_PROTOCOL, _HOP_LIMIT, addresses[:16], addresses[16:])
        # The ids are two words: without them all others stand at even places still.
        return _Frame(
            outer + inner, behind, words(addresses + bytes((0, _UDP_PROTOCOL)) + inner + behind), ports, place
        )
    octets = socket.inet_pton(socket.AF_INET, local), socket.inet_pton(socket.AF_INET, remote)
    outer = _IPV4.pack(0x45, 0, 0, 0, 0, _HOP_LIMIT, _UDP_PROTOCOL, 0, *octets)
    return _Frame(outer + inner, behind, words(outer), ports, place)


def _folded(total: int) -> int:
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)


def words(octets: bytes) -> int:
    """Return the ones' complement sum of 16-bit words as they stand in memory, an odd last octet padded with zero."""
    octets += bytes(len(octets) & 1)
    return _folded(sum(struct.unpack(f"={len(octets) // 2}H", octets)))
