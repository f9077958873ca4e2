"""What is being understood of an Access-Accept: values by field, each from who has the most to say of it.

Several vendors may speak of one thing.  The order is fixed: our own attributes before the
standard ones, those before Cisco's, Juniper's (ERX), Nokia's (Alcatel-Lucent), MikroTik's,
WISPr's, ChilliSpot's and Ascend's.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from ipaddress import IPv6Address
from typing import NamedTuple

Value = int | float | bool | str | tuple[object, ...]
"""What a field of a Grant can be."""


class Rank(IntEnum):
    """Whose word goes before whose; the lower, the earlier."""

    BRAS = 0
    STANDARD = 1
    CISCO = 2
    ERX = 3
    ALCATEL = 4
    MIKROTIK = 5
    WISPR = 6
    CHILLISPOT = 7
    ASCEND = 8


class Senseless(ValueError):
    """A value that makes no sense where it stands."""


class Lacking(Exception):
    """A value that makes sense, and authorises what we do not have."""


class Understood(NamedTuple):
    """What attributes say together."""

    own: tuple[tuple[str, Value], ...] = ()
    """Values that stand before those of ordinary attributes."""
    others: tuple[tuple[str, Value], ...] = ()
    """Those that stand behind them."""
    profiles: tuple[str, ...] = ()
    """Names of policies, each of which is to be a `[[profile]]`."""
    gateways: tuple[int, ...] = ()
    """Gateways of routes that are to be the subscriber's own address."""
    said_by: tuple[str, ...] = ()
    """For each of ``profiles``, in order, the attribute that names it."""
    lacking: tuple[str, ...] = ()
    """Names of the attributes that authorise what we lack, or make no sense."""
    senseless: tuple[str, ...] = ()
    """Those of them whose value makes no sense."""


class Draft:
    """Collects values."""

    __slots__ = ("_lacking", "_values", "attribute", "gateways", "profiles", "rank")

    def __init__(self) -> None:
        """Begin empty."""
        self.rank = Rank.STANDARD
        self.attribute = ""
        """The one that is being read, and its rank before it."""
        self._values: dict[str, tuple[Rank, Value]] = {}
        self._lacking: dict[str, bool] = {}
        self.profiles: dict[str, tuple[Rank, str]] = {}
        self.gateways: list[int] = []

    def put(self, field: str, value: Value) -> None:
        """Take a value, unless one of this or a stronger rank is there."""
        there = self._values.get(field)
        if there is None or there[0] > self.rank:
            self._values[field] = (self.rank, value)

    def drop(self, field: str) -> None:
        """Forget a value of this rank or a weaker one: something of the same rank knows better."""
        there = self._values.get(field)
        if there is not None and there[0] >= self.rank:
            del self._values[field]

    def extend(self, field: str, item: object) -> None:
        """Add to a list."""
        there = self._values.get(field)
        if there is None or there[0] > self.rank:
            self._values[field] = (self.rank, (item,))
        elif there[0] == self.rank and isinstance(there[1], tuple) and item not in there[1]:
            self._values[field] = (self.rank, (*there[1], item))

    def add(self, field: str, amount: int) -> None:
        """Add a part of a number that comes in two."""
        there = self._values.get(field)
        if there is not None and there[0] == self.rank and isinstance(there[1], int):
            self._values[field] = (self.rank, there[1] + amount)
        else:
            self.put(field, amount)

    def place(self, field: str, at: int, text: str) -> None:
        """Put the first (0) or second (1) of a pair of servers, which stay in this order whichever comes first."""
        there = self._values.get(field)
        if there is None or there[0] > self.rank:
            pair = [""] * 2
        elif there[0] == self.rank and isinstance(there[1], tuple):
            pair = [str(server) for server in there[1]]
        else:
            return
        pair[at] = text
        self._values[field] = (self.rank, tuple(pair))

    def name(self, profile: str) -> None:
        """Note the name of a policy."""
        if not profile or any(char.isspace() for char in profile):
            raise Senseless(profile)
        self.profiles.setdefault(profile, (self.rank, self.attribute))

    def lack(self, attribute: str, *, senseless: bool = False) -> None:
        """Note an attribute that authorises what we lack, or whose value makes no sense."""
        self._lacking[attribute] = senseless

    def finish(self) -> Understood:
        """Return what was collected."""
        own, others = list[tuple[str, Value]](), list[tuple[str, Value]]()
        for way in ("up", "down"):
            rate, burst = self._values.get(f"rate_{way}_bps"), self._values.get(f"burst_{way}_octets")
            if rate is not None and burst is not None and burst[0] > rate[0]:
                del self._values[f"burst_{way}_octets"]  # it belongs to another's rate
        for field, (rank, value) in self._values.items():
            full = tuple(item for item in value if item) if isinstance(value, tuple) else value
            (own if rank is Rank.BRAS else others).append((field, full))
        profiles = sorted(self.profiles, key=lambda name: self.profiles[name][0])
        said_by = tuple(self.profiles[name][1] for name in profiles)
        senseless = tuple(name for name, is_so in self._lacking.items() if is_so)
        lacking = tuple(self._lacking)
        return Understood(tuple(own), tuple(others), tuple(profiles), tuple(self.gateways), said_by, lacking, senseless)


Reader = Callable[[Draft, bytes], None]
"""Understands the value of one attribute; raises ``Senseless`` or ``Lacking``."""


def number(octets: bytes, size: int = 4) -> int:
    """Read a whole number."""
    if len(octets) != size:
        raise Senseless(f"{len(octets)} octets")
    return int.from_bytes(octets, "big")


def word(octets: bytes) -> str:
    """Read text of at least one character; some servers end it with a NUL all the same (RFC 2865 section 5)."""
    try:
        text = octets.rstrip(b"\0").decode()
    except UnicodeDecodeError as wrong:
        raise Senseless("not UTF-8") from wrong
    if not text or not text.isprintable():
        raise Senseless(text)
    return text


def ipv6(octets: bytes) -> str:
    """Read an IPv6 address of one host."""
    if len(octets) != 16:
        raise Senseless(f"{len(octets)} octets")
    address = IPv6Address(octets)
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        raise Senseless(str(address))
    return str(address)
