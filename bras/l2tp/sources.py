"""Addresses as numbers, and what counts as one source: an IPv4 address, or the /64 of an IPv6 one."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final

_MAPPED: Final = 0xFFFF << 32
_ONES4: Final = (1 << 32) - 1


def number_of(address: str) -> tuple[int, int]:
    """Return the version and the number of an address; IPv4 on a socket that takes both is version 4."""
    if ":" not in address:
        a, b, c, d = address.split(".")
        return 4, int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)
    number = int(IPv6Address(address.partition("%")[0]))
    if number & ~_ONES4 == _MAPPED:
        return 4, number & _ONES4
    return 6, number


def source_of(address: str) -> str:
    """Return the key of whoever commands an address: who has one of IPv6 has all of its /64."""
    if ":" not in address:
        return address
    version, number = number_of(address)
    return address.partition("%")[0] if version == 4 else f"{number >> 64:x}::/64"
