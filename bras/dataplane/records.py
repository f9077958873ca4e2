"""The records that the programs in ``bpf/`` and this process share: ``bpf/bras.h`` in Python.

Host byte order, but for what the wire has; the header file says what each field means.
``tests/architecture/test_bpf_parity.py`` holds the two against each other.
"""

from __future__ import annotations

import ctypes
import struct
from enum import IntEnum, IntFlag

from bras.errors import DropReason, FallbackReason

LAYOUT = 4
HEADER_OCTETS = 64
HEAD_OCTETS = 40
TAIL_OCTETS = 32
COST_SHIFT = 16
META_MAGIC = 0x62726173
PATHS = 4096
KINDS = 16384
PEERS = 16384
QUICK_PORTS = 256
GOLDEN, OTHER, SPREAD_SHIFT = 0x9E3779B1, 0x85EBCA6B, 6

PLACE = struct.Struct("=II")
"""slot, generation."""
HOST = struct.Struct("=II4sHH")
TEMPLATE = struct.Struct("=HHHH40s")
"""What is before a packet towards a client: the end of a session, but for the ids."""
CALL = struct.Struct("=I")
"""Tunnel id << 16 | session id."""
HOST4 = struct.Struct("=I4s")
"""VRF, address."""
NET4 = struct.Struct("=II4s")
"""Prefix length + 32, VRF, network."""
NET6 = struct.Struct("=II16s")
LISTENER = struct.Struct("!16sHxx")
"""Address (IPv4 mapped), port."""
UPLINK = struct.Struct("=IIHHIQQ")
PEER = struct.Struct("=32s4s4x")
"""Addresses, ours first, and ports, as they stand in a header towards the LAC."""
SESSION = struct.Struct("=IIIIHHHH40s")
DOWN = struct.Struct("=QQ")
"""``struct carried``."""
TERMS = struct.Struct("=32sIHHIIIII4xQQ")
"""The first part of an account, which is ours."""
ACCOUNT = struct.Struct("=32sIHHIIIII4xQQ12Q16Q")
FLAGS = struct.Struct("=I")
SETTINGS = struct.Struct("=IIIIIIII")
PORT = struct.Struct("=II")
QUICK_PORT = struct.Struct("=II")
META = struct.Struct("=IIII")
BLOCKS = struct.Struct("=QI4x65536s")
"""Until when, version, and the number of the route of each block."""
CARRIED = 8
"""Counters of packets and octets, of an Entry and of the tallies."""
VRF_BITS = 32


class SessionFlag(IntFlag):
    """``enum session_flag``."""

    ACTIVE = 1 << 0
    OUTER6 = 1 << 1
    CHECK_SOURCE = 1 << 2
    NUMBERED = 1 << 3
    LENGTH = 1 << 4
    ZERO_CHECKSUM = 1 << 5
    POLICED_UP = 1 << 6
    POLICED_DOWN = 1 << 7
    COLOURED = 1 << 8
    IN_VRF = 1 << 9
    IPV6 = 1 << 10


class XdpMode(IntEnum):
    """``enum xdp_mode``."""

    OFF = 0
    DECAP = 1
    FULL = 2


DROPS = (
    DropReason.SPOOFED_SOURCE,
    DropReason.POLICED_UP,
    DropReason.POLICED_DOWN,
    DropReason.BAD_PACKET_HEADER,
    DropReason.SEND_FAILED,
)
"""``enum drop``, in its order."""
FALLBACKS = tuple(FallbackReason)
"""``enum fallback``, in its order."""
TALLIES = struct.Struct(f"={CARRIED + len(DROPS) + len(FALLBACKS)}Q")


class Uplink(ctypes.Structure):
    """``struct uplink``."""

    _fields_ = (
        ("call", ctypes.c_uint32),
        ("slot", ctypes.c_uint32),
        ("flags", ctypes.c_uint16),
        ("peer", ctypes.c_uint16),
        ("address", ctypes.c_uint32),
        ("up_octets4", ctypes.c_uint64),
        ("up_packets4", ctypes.c_uint64),
    )


class Host(ctypes.Structure):
    """``struct host``."""

    _fields_ = (
        ("address", ctypes.c_uint32),
        ("slot", ctypes.c_uint32),
        ("ids", ctypes.c_uint32),
        ("kind", ctypes.c_uint16),
        ("flags", ctypes.c_uint16),
    )


class Session(ctypes.Structure):
    """``struct session``."""

    _fields_ = (
        ("flags", ctypes.c_uint32),
        ("generation", ctypes.c_uint32),
        ("uplink", ctypes.c_uint32),
        ("address", ctypes.c_uint32),
        ("mtu", ctypes.c_uint16),
        ("header_octets", ctypes.c_uint16),
        ("checksum", ctypes.c_uint16),
        ("path", ctypes.c_uint16),
        ("header", ctypes.c_uint8 * HEAD_OCTETS),
    )


class Carried(ctypes.Structure):
    """``struct carried``."""

    _fields_ = (("down_octets4", ctypes.c_uint64), ("down_packets4", ctypes.c_uint64))


class Account(ctypes.Structure):
    """``struct account``; ``TERMS`` packs what is ours of it, ``slow`` is ours too."""

    _fields_ = (
        ("tail", ctypes.c_uint8 * TAIL_OCTETS),
        ("ports", ctypes.c_uint32),
        ("mss4", ctypes.c_uint16),
        ("mss6", ctypes.c_uint16),
        ("vrf", ctypes.c_uint32),
        ("mark", ctypes.c_uint32),
        ("priority", ctypes.c_uint32),
        ("burst_up", ctypes.c_uint32),
        ("burst_down", ctypes.c_uint32),
        ("spare", ctypes.c_uint32),
        ("cost_up", ctypes.c_uint64),
        ("cost_down", ctypes.c_uint64),
        ("empty_up", ctypes.c_uint64),
        ("empty_down", ctypes.c_uint64),
        ("up_octets4", ctypes.c_uint64),
        ("up_packets4", ctypes.c_uint64),
        ("up_octets6", ctypes.c_uint64),
        ("up_packets6", ctypes.c_uint64),
        ("down_octets6", ctypes.c_uint64),
        ("down_packets6", ctypes.c_uint64),
        ("up_spoofed", ctypes.c_uint64),
        ("up_policed", ctypes.c_uint64),
        ("down_policed", ctypes.c_uint64),
        ("down_too_big", ctypes.c_uint64),
        ("slow", ctypes.c_uint64 * 16),
    )
