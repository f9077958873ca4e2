"""Which secret a LAC is likely to know, while the secrets of its group are being replaced.

A LAC that challenges us wants our answer before it has proven anything.  With one secret
there is no choice.  With several the answer is given with the one that the LAC had before:
the one that it has proven last, or, when it gave up after an answer, the one after that.
So a LAC that already has the new secret and one that still has the old both come in, at
the latest with as many attempts as there are secrets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bras.plain import Saved
from bras.secret import Secret

_MOST = 4096
"""LACs remembered; the one remembered longest ago makes room."""


class Rotation:
    """Remembers, by group and address, who is thought to know another secret than the first."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        """Begin with the first secret for everybody."""
        self._numbers: dict[tuple[str, str], int] = {}

    def guess(self, group: str, remote: str, secrets: int) -> int:
        """Return the number of the secret to answer with, of so many."""
        number = self._numbers.get((group, remote), 0)
        return number if number < secrets else 0

    def knows(self, group: str, remote: str, number: int) -> None:
        """Take note that a LAC knows this secret, or is to be tried with it."""
        self._numbers.pop((group, remote), None)
        if number:
            if len(self._numbers) >= _MOST:
                del self._numbers[next(iter(self._numbers))]
            self._numbers[group, remote] = number

    def follow(self, before: Mapping[str, Sequence[Secret]], after: Mapping[str, Sequence[Secret]]) -> None:
        """Know other secrets of the groups from now on: who knows one that stays knows it by its new number."""
        numbers = {}
        for (group, remote), number in self._numbers.items():
            known, secrets = before.get(group, ()), after.get(group, ())
            if number < len(known) and known[number] in secrets:
                numbers[group, remote] = secrets.index(known[number])
        self._numbers = {who: number for who, number in numbers.items() if number}

    def save(self) -> Saved:
        """Return plain data."""
        return [[group, remote, number] for (group, remote), number in self._numbers.items()]

    @classmethod
    def restore(cls, saved: Saved) -> Rotation:
        """Go on from ``save``."""
        rotation = cls()
        rotation._numbers.update({(group, remote): number for group, remote, number in saved})
        return rotation
