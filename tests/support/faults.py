"""Defects to be put into a machine on purpose."""

from __future__ import annotations


class Fault(Exception):
    """What a defect raises."""


class Faulty:
    """Stands in for a part of a machine, and fails where one of ``names`` is used, so many ``times``."""

    _part: object
    _names: tuple[str, ...]
    _left: int

    def __init__(self, part: object, *names: str, times: int) -> None:
        """Stand in for ``part``."""
        for name, value in (("_part", part), ("_names", names), ("_left", times)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> object:
        if name in self._names and self._left:
            object.__setattr__(self, "_left", self._left - 1)
            raise Fault
        return getattr(self._part, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._part, name, value)


def spoil(machine: object, part: str, *names: str, times: int = 1_000_000) -> None:
    """Put a defect into a part of a machine."""
    setattr(machine, part, Faulty(getattr(machine, part), *names, times=times))
