"""Identifiers: how they are numbered, and who owns which part of the space.

A local tunnel id is 4 bits of worker and 12 random bits, so that a datagram's tunnel id
tells which worker owns it.  A call's key is its local tunnel id and local session id in
one integer: what a data packet carries, and what every table is keyed on.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from sys import intern
from typing import NewType

Entropy = Callable[[int], bytes]
"""Random octets: ``os.urandom`` in the daemon, a seeded generator in tests."""


def no_entropy(count: int) -> bytes:
    """Return zeros: for what is made only to be filled with saved state, and must not use up dice."""
    return bytes(count)


CallKey = NewType("CallKey", int)
"""``local tunnel id << 16 | local session id``."""

WORKER_BITS = 4
TUNNEL_BITS = 16 - WORKER_BITS
MAX_TUNNELS = (1 << TUNNEL_BITS) - 1
"""Tunnels that one worker can hold (id 0 of its range is not used)."""
MAX_CALLS = 0xFFFF
ACCOUNTING_ID_DIGITS = (20, 16)


def call_key(tunnel_id: int, session_id: int) -> CallKey:
    """Join a local tunnel id and a local session id."""
    return CallKey(tunnel_id << 16 | session_id)


def tunnel_of(key: int) -> int:
    """Return the local tunnel id of a call's key."""
    return key >> 16


def session_of(key: int) -> int:
    """Return the local session id of a call's key."""
    return key & 0xFFFF


def worker_of(tunnel_id: int) -> int:
    """Return which worker owns a local tunnel id."""
    return tunnel_id >> TUNNEL_BITS


def session_origin(node: int, worker: int, epoch: int) -> str:
    """Return what the Acct-Session-Ids of one start have in common: node (12 bits), worker (4), epoch (32)."""
    return f"{node & 0xFFF:03X}{worker & 0xF:X}{epoch & 0xFFFFFFFF:08X}"


def accounting_id(origin: str, number: int) -> str:
    """Return an Acct-Session-Id (RFC 2866 section 5.5): 20 digits, unique over nodes, workers and starts."""
    return f"{origin}{number:08X}"


def origin_of(accounting_id: str) -> str:
    """Return what an Acct-Session-Id has in common with those of its start; one object for all of them."""
    return intern(accounting_id[:-8])


def number_of(accounting_id: str) -> int | None:
    """Return the number in an Acct-Session-Id, be it of 16 digits as they once were; ``None``: it is none."""
    if len(accounting_id) not in ACCOUNTING_ID_DIGITS:
        return None
    try:
        return int(accounting_id[-8:], 16)
    except ValueError:
        return None


def epoch_of(accounting_id: str) -> int:
    """Return the epoch in an Acct-Session-Id that we have made."""
    return int(accounting_id[-16:-8], 16)


def new_tunnel_id(worker: int, taken: Container[int], entropy: Entropy) -> int | None:
    """Choose a random free tunnel id of ``worker``; ``None`` when all are taken."""
    base = worker << TUNNEL_BITS
    start = int.from_bytes(entropy(2), "big") & MAX_TUNNELS
    for step in range(MAX_TUNNELS + 1):
        low = (start + step) & MAX_TUNNELS
        if low and base | low not in taken:
            return base | low
    return None


def new_session_id(taken: Container[int], entropy: Entropy) -> int | None:
    """Choose a random free session id of a tunnel; ``None`` when all are taken."""
    start = int.from_bytes(entropy(2), "big")
    for step in range(MAX_CALLS + 1):
        candidate = (start + step) & MAX_CALLS
        if candidate and candidate not in taken:
            return candidate
    return None
