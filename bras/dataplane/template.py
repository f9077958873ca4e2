"""From an Entry to the record that the programs in the kernel forward by (``struct session`` of ``bpf/bras.h``).

Pure: a Route in, octets out.  The header before each packet towards a LAC is written here once, with
everything in it that never changes, so that the program only copies it and fills in lengths and sums.
"""

from __future__ import annotations

import socket
import struct
import sys
import zlib
from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

from bras.dataplane.police import burst_of
from bras.dataplane.records import (
    COST_SHIFT,
    HEAD_OCTETS,
    PATHS,
    PEER,
    SESSION,
    TAIL_OCTETS,
    TERMS,
    Account,
    Session,
    SessionFlag,
)
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
_PORTS_OCTETS = 4
_IDS4 = 30
"""Where the ids stand in a header of IPv4 without a length."""
_ENDS4, _ENDS6 = 12, 8
"""Where addresses stand in a header of IPv4 and of IPv6."""
_FLAG, _BEGINS, _NUMBERS = struct.Struct("=I"), struct.Struct("=III"), struct.Struct("=HHHH")
"""What stands before the header in a session, of one call and of its kind."""
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


def record(route: Route, uplink: int = 0) -> tuple[bytes, bytes, bytes]:
    """Return the records of a Route, the session whole and with the place of its uplink; else as ``parts``."""
    flags, rest, account, peer, _, _ = parts(route)
    return _FLAG.pack(flags) + rest[: _FLAG.size] + _FLAG.pack(uplink) + rest[2 * _FLAG.size :], account, peer


def parts(route: Route) -> tuple[int, bytes, bytes, bytes, bytes, bytes]:
    """Return the records of a Route with one leg as they begin: with counters of zero and full buckets.

    They are the flags of its session, and what stands behind them, with an uplink of none; its account without the
    ``slow`` part, which no program knows; its peer; and as ``kind_of``.  Raises OSError when its addresses are none.
    """
    leg = route.legs[0]
    fields = _of_leg(leg), _of_route(route)
    kind = _kinds.get(fields) or _kind(*fields)
    flags, goes_on, ends, account, peer, template, _, _ = kind
    if route.prefixes6:
        flags |= _IPV6_TOO
    address = socket.htonl(route.addresses[0]) if route.addresses else 0
    begins = _BEGINS.pack(route.generation & 0xFFFFFFFF, 0, address)
    ids = _WORDS.pack(leg.peer_tunnel_id, leg.peer_session_id)
    if flags & _OUTER6:
        return flags, *_over_ipv6(begins, ids, kind), peer, b"", b""
    return flags, begins + goes_on + ids + ends, account, peer, template, ids


def kind_of(session: bytes) -> tuple[bytes, bytes]:
    """Return the template of a session without its ids, and these; nothing over IPv6, where it has no room for both."""
    flags = _FLAG.unpack_from(session)[0]
    if flags & _OUTER6:
        return b"", b""
    at = Session.header.offset + _IDS4 + (_WORD.size if flags & _LENGTH else 0)
    end = at + _WORDS.size
    return session[Session.mtu.offset : at] + bytes(_WORDS.size) + session[end:], session[at:end]


def _over_ipv6(begins: bytes, ids: bytes, kind: _Kind) -> tuple[bytes, bytes]:
    """Return session and account of a call whose header is longer than a session has room for."""
    header = kind.frame.before + ids + kind.frame.behind
    checksum = _folded(kind.frame.checksum + words(ids))
    numbers = _NUMBERS.pack(kind.mtu, len(header), checksum, kind.frame.place)
    session = begins + numbers + header[:HEAD_OCTETS]
    account = header[-TAIL_OCTETS:] + kind.account[TAIL_OCTETS:]
    return session.ljust(SESSION.size - _FLAG.size, b"\0"), account


def peer_of(session: bytes, account: bytes) -> bytes:
    """Return the record of the ends that are written in these two."""
    begins, octets = (_ENDS6, 32) if _FLAG.unpack_from(session)[0] & _OUTER6 else (_ENDS4, 8)
    at, ports = Session.header.offset + begins, Account.ports.offset
    return PEER.pack(session[at : at + octets], account[ports : ports + _PORTS_OCTETS])


_OfLeg = tuple[str, int, str, int, bool, bool, bool, bool, bool]
_OfRoute = tuple[int, bool, bool, int, int, int, int, int, int, int]
_of_leg: Final[Callable[[Leg], _OfLeg]] = attrgetter(
    "local", "local_port", "remote", "remote_port", "acfc", "pfc", "length_bit", "numbered", "udp6_zero_checksum"
)
_of_route: Final[Callable[[Route], _OfRoute]] = attrgetter(
    "mtu",
    "clamp_mss",
    "source_check",
    "vrf",
    "mark",
    "priority",
    "rate_up_bps",
    "burst_up_octets",
    "rate_down_bps",
    "burst_down_octets",
)


class _Kind(NamedTuple):
    """What the calls of one LAC on the same terms have in common."""

    flags: int
    goes_on: bytes
    """The first record, for outer IPv4, from ``mtu`` up to the ids in the header."""
    ends: bytes
    """What follows the ids, up to the end of the record: it has carried nothing."""
    account: bytes
    """The second record, for outer IPv4."""
    peer: bytes
    template: bytes
    """What is before a packet, for outer IPv4: the rest of the first record, its ids zero."""
    mtu: int
    frame: _Frame


_kinds: dict[tuple[_OfLeg, _OfRoute], _Kind] = {}
"""By the fields of a leg and of a Route: a call is set up in microseconds, of which ``lru_cache`` would take more."""
_MOST_KINDS = 4096


def _kind(of_leg: _OfLeg, of_route: _OfRoute) -> _Kind:
    """Make one, and keep it."""
    frame = _frame(*of_leg)
    terms = _terms(frame.ports, *of_route)
    octets = len(frame.before) + _WORDS.size + len(frame.behind)
    goes_on = _NUMBERS.pack(terms.mtu, octets, frame.checksum, frame.place) + frame.before
    rest = frame.behind.ljust(SESSION.size - _FLAG.size - _BEGINS.size - len(goes_on) - _WORDS.size, b"\0")
    template = goes_on + bytes(_WORDS.size) + rest
    if len(_kinds) >= _MOST_KINDS:
        _kinds.clear()
    made = _Kind(frame.flags | terms.flags, goes_on, rest, terms.account, frame.peer, template, terms.mtu, frame)
    _kinds[of_leg, of_route] = made
    return made


class _Terms(NamedTuple):
    """What calls on the same terms have in common."""

    mtu: int
    account: bytes
    """The second record, for outer IPv4."""
    flags: int


@lru_cache(maxsize=4096)
def _terms(
    ports: bytes,
    mtu: int,
    clamp: bool,
    checked: bool,
    vrf: int,
    mark: int,
    priority: int,
    rate_up: int,
    burst_up: int,
    rate_down: int,
    burst_down: int,
) -> _Terms:
    """Return the terms of a Route by its fields: made once, for a call is set up in microseconds."""
    cost_up, burst_up = bucket(rate_up, burst_up)
    cost_down, burst_down = bucket(rate_down, burst_down)
    mss4, mss6 = (max(mtu - TCP_OVERHEAD, 1), max(mtu - TCP_OVERHEAD6, 1)) if clamp else (0, 0)
    number = int.from_bytes(ports, sys.byteorder)
    terms = TERMS.pack(b"", number, mss4, mss6, vrf, mark, priority, burst_up, burst_down, cost_up, cost_down)
    flags = _sum_of(
        (_CHECK_SOURCE, checked),
        (_POLICED_UP, rate_up > 0),
        (_POLICED_DOWN, rate_down > 0),
        (_COLOURED, mark != 0 or priority != 0),
        (_IN_VRF, vrf != 0),
    )
    return _Terms(min(mtu, _MOST_MTU), terms.ljust(Account.slow.offset, b"\0"), flags)


def _sum_of(*flags: tuple[int, bool]) -> int:
    """Return the flags that are set."""
    return sum(flag for flag, is_set in flags if is_set)


@lru_cache(maxsize=4096)
def bucket(rate_bps: int, burst_octets: int) -> tuple[int, int]:
    """Return what an octet costs, in nanoseconds << 16, and the burst in octets; (0, 0) without a limit."""
    if rate_bps <= 0:
        return 0, 0
    cost = max(round((8_000_000_000 << COST_SHIFT) / rate_bps), 1)
    return cost, min(burst_of(rate_bps, burst_octets), _MOST // cost, _MOST_BURST)  # the program multiplies the two


def path(leg: Leg) -> int:
    """Return the place where the way to the LAC is remembered: the same in every process, shared by few."""
    return _frame(*_of_leg(leg)).place


class _Frame(NamedTuple):
    """What the calls of one LAC have in common."""

    before: bytes
    """Outer IP, UDP and L2TP headers, up to the ids."""
    behind: bytes
    """The PPP header of an IPv4 packet."""
    checksum: int
    """The sum that a record holds, without the ids."""
    place: int
    """Where the way to the LAC is remembered."""
    ports: bytes
    """UDP ports as they stand in it."""
    flags: int
    peer: bytes
    """The record of both ends."""


@lru_cache(maxsize=4096)
def _frame(
    local: str,
    local_port: int,
    remote: str,
    remote_port: int,
    acfc: bool,
    pfc: bool,
    length_bit: bool,
    numbered: bool,
    unsummed: bool,
) -> _Frame:
    """Return what is the same for all calls of a LAC, by the fields of a leg."""
    inner = _UDP.pack(local_port, remote_port, 0, 0)
    ports = inner[:_PORTS_OCTETS]
    inner += _WORDS.pack(_FLAGS_LENGTH, 0) if length_bit else _WORD.pack(_FLAGS)
    behind = (b"" if acfc else b"\xff\x03") + (b"\x21" if pfc else b"\x00\x21")
    place = zlib.crc32(f"{local} {remote}".encode()) % PATHS
    flags = _sum_of((_ACTIVE, True), (_NUMBERED, numbered), (_LENGTH, length_bit))
    if ":" in remote:
        addresses = socket.inet_pton(socket.AF_INET6, local) + socket.inet_pton(socket.AF_INET6, remote)
        outer = _IPV6.pack(6 << 28, 0, _UDP_PROTOCOL, _HOP_LIMIT, addresses[:16], addresses[16:])
        # The ids are two words: without them all others stand at even places still.
        checksum = words(addresses + bytes((0, _UDP_PROTOCOL)) + inner + behind)
        flags |= _sum_of((_OUTER6, True), (_ZERO_CHECKSUM, unsummed))
        return _Frame(outer + inner, behind, checksum, place, ports, flags, PEER.pack(addresses, ports))
    octets = socket.inet_pton(socket.AF_INET, local), socket.inet_pton(socket.AF_INET, remote)
    outer = _IPV4.pack(0x45, 0, 0, 0, 0, _HOP_LIMIT, _UDP_PROTOCOL, 0, *octets)
    peer = PEER.pack(b"".join(octets), ports)
    return _Frame(outer + inner, behind, words(outer), place, ports, flags, peer)


def _folded(total: int) -> int:
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)


def words(octets: bytes) -> int:
    """Return the ones' complement sum of 16-bit words as they stand in memory, an odd last octet padded with zero."""
    octets += bytes(len(octets) & 1)
    return _folded(sum(struct.unpack(f"={len(octets) // 2}H", octets)))
