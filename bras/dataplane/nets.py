"""Networks by longest prefix: a dictionary for each prefix length that occurs, the longest tried first.

A provider hands out prefixes of a handful of lengths, so a look-up is a handful of shifts.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")
Network = tuple[int, int]
"""The first address as an integer, and the prefix length."""


class Nets(Generic[T]):
    """Values by network, of one family."""

    __slots__ = ("_bits", "_levels")

    def __init__(self, bits: int) -> None:
        """Begin empty; an address has ``bits`` bits."""
        self._bits = bits
        self._levels: list[tuple[int, dict[int, T]]] = []
        """(bits behind the prefix, values by the bits before it), ascending."""

    def __bool__(self) -> bool:
        return bool(self._levels)

    def find(self, address: int) -> T | None:
        """Return the value of the smallest network in which an address lies."""
        for shift, values in self._levels:
            value = values.get(address >> shift)
            if value is not None:
                return value
        return None

    def get(self, network: Network) -> T | None:
        """Return the value of just this network."""
        first, length = network
        shift = self._bits - length
        for level, values in self._levels:
            if level == shift:
                return values.get(first >> shift)
        return None

    def put(self, network: Network, value: T) -> None:
        """Enter a network."""
        first, length = network
        shift = self._bits - length
        for level, values in self._levels:
            if level == shift:
                values[first >> shift] = value
                return
        self._levels.append((shift, {first >> shift: value}))
        self._levels.sort(key=_shift)

    def drop(self, network: Network) -> None:
        """Take a network out, if it is there."""
        first, length = network
        shift = self._bits - length
        for level, values in self._levels:
            if level == shift:
                values.pop(first >> shift, None)
        self._levels = [one for one in self._levels if one[1]]


def _shift(level: tuple[int, object]) -> int:
    return level[0]
