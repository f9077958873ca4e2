"""IPv4 networks behind subscribers: who has which, by VRF.

Of two networks, one within the other, packets go to the longer prefix, as everywhere in
routing; so only the very same network, or the very same address, is nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Saved = Any
Network = tuple[int, int]
"""Network and length of its prefix."""
_Held = tuple[int, int, int]
"""VRF, network and length."""


class Networks:
    """Who has which network."""

    __slots__ = ("_held", "_holders")

    def __init__(self) -> None:
        """Begin empty."""
        self._holders: dict[_Held, int] = {}
        self._held: dict[int, tuple[_Held, ...]] = {}
        """By holder; most have none."""

    def __bool__(self) -> bool:
        """Return whether anybody has one."""
        return bool(self._held)

    def holder(self, vrf: int, network: int, length: int) -> int | None:
        """Return the key of who has this very network."""
        return self._holders.get((vrf, network, length))

    def rival(self, vrf: int, networks: Iterable[Network], key: int) -> int | None:
        """Return who else than ``key`` has one of these."""
        for network, length in networks:
            holder = self._holders.get((vrf, network, length), key)
            if holder != key:
                return holder
        return None

    def claim(self, vrf: int, networks: Iterable[Network], key: int) -> None:
        """Give ``key`` these, and no others any more, but for what is another's."""
        self.release(key)
        wanted = tuple((vrf, network, length) for network, length in networks)
        free = tuple(one for one in wanted if one not in self._holders)
        if free:
            self._held[key] = free
            self._holders.update(dict.fromkeys(free, key))

    def release(self, key: int) -> None:
        """Take all from ``key``."""
        for one in self._held.pop(key, ()):
            del self._holders[one]

    def save(self) -> Saved:
        """Return the state as plain data."""
        return [[key, [list(one) for one in held]] for key, held in self._held.items()]

    @classmethod
    def restore(cls, saved: Saved) -> Networks:
        """Return the same again."""
        networks = cls()
        for key, held in saved:
            networks._held[key] = tuple((vrf, network, length) for vrf, network, length in held)
            networks._holders.update(dict.fromkeys(networks._held[key], key))
        return networks
