"""Which sessions have a value that a CoA- or Disconnect-Request names: found without looking at all.

Of the attributes only a hash is kept, with the session's number, eight octets together: what
they are is in the attributes that all records of the session share, so whoever is found is
looked at there.  An index of texts would cost some two hundred octets for each.  User names
have a dictionary beside it, for each admission asks whether one is here already; that goes
by the name that people see, which need not be the one that RADIUS is told (`strip`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from typing import Final

from bras.radius.dynauth import (
    ACCT_MULTI_SESSION_ID,
    CALLING_STATION_ID,
    CHARGEABLE_USER_IDENTITY,
    DELEGATED_IPV6_PREFIX,
    FRAMED_IPV6_ADDRESS,
    FRAMED_IPV6_PREFIX,
    NAS_PORT,
    NAS_PORT_ID,
    USER_NAME,
)

INDEXED: Final = frozenset((
    USER_NAME, NAS_PORT, CALLING_STATION_ID, ACCT_MULTI_SESSION_ID, NAS_PORT_ID, CHARGEABLE_USER_IDENTITY,
    FRAMED_IPV6_PREFIX, DELEGATED_IPV6_PREFIX, FRAMED_IPV6_ADDRESS,
))  # fmt: skip
"""Attributes that are one session's, or a few sessions'."""
_BUCKETS: Final = 16384
_MOST_IN_A_ROW: Final = 64
"""Entries of a bucket that are looked through; where there are more it has a table."""
_NUMBER: Final = 0xFFFFFFFF


class Index:
    """Finds numbers of sessions."""

    __slots__ = ("_buckets", "by_user", "numbers")

    def __init__(self) -> None:
        """Begin empty, without attributes."""
        self.numbers = array("Q")
        """Of all sessions, ascending: in one place, for to look at 50,000 objects holds the loop for too long."""
        self.by_user: dict[str, int | tuple[int, ...]] = {}
        """The number of the admitted session of each user name; of who has several, their numbers."""
        self._buckets: list[array[int] | set[int] | None] | None = None
        """Of each attribute 32 bits of its hash, and the number; ``None`` when nobody will ask."""

    def add(self, number: int) -> None:
        """Have a session among all of them."""
        numbers = self.numbers
        if numbers and number < numbers[-1]:
            insort(numbers, number)
        else:
            numbers.append(number)

    def remove(self, number: int) -> None:
        """Have it there no more."""
        del self.numbers[bisect_left(self.numbers, number)]

    def of_user(self, user: str) -> tuple[int, ...]:
        """Return the numbers of the admitted sessions of a user name, oldest first."""
        numbers = self.by_user.get(user, ())
        return (numbers,) if isinstance(numbers, int) else numbers

    def name(self, user: str, numbers: tuple[int, ...]) -> None:
        """Have a user name stand for these sessions."""
        if len(numbers) == 1:
            self.by_user[user] = numbers[0]
        elif numbers:
            self.by_user[user] = numbers
        else:
            self.by_user.pop(user, None)

    @property
    def has_attributes(self) -> bool:
        """Return whether attributes are indexed."""
        return self._buckets is not None

    def begin(self) -> None:
        """Index attributes from now on; those that are here already are the caller's to enter."""
        self._buckets = [None] * _BUCKETS

    def end(self) -> None:
        """Nobody asks any more."""
        self._buckets = None

    def enter(self, number: int, attributes: bytes) -> None:
        """Enter a session by its encoded attributes; harmless when it is entered already."""
        if self._buckets is None:
            return
        for digest in _digests(attributes):
            at, entry = digest % _BUCKETS, digest << 32 | number & _NUMBER
            bucket = self._buckets[at]
            if bucket is None:
                self._buckets[at] = array("Q", (entry,))
            elif isinstance(bucket, set):
                bucket.add(entry)
            elif len(bucket) >= _MOST_IN_A_ROW:  # many have it alike: a LAC's address, or a name that tells nothing
                self._buckets[at] = {*bucket, entry}
            elif entry not in bucket:
                bucket.append(entry)

    def leave(self, number: int, attributes: bytes) -> None:
        """Take a session out that was entered by these attributes."""
        if self._buckets is None:
            return
        for digest in _digests(attributes):
            bucket = self._buckets[digest % _BUCKETS]
            entry = digest << 32 | number & _NUMBER
            if isinstance(bucket, set):
                bucket.discard(entry)
            elif bucket is not None and entry in bucket:
                bucket.remove(entry)

    def find(self, attribute: bytes) -> list[int]:
        """Return the numbers of those that may have an attribute, given as on the wire."""
        if self._buckets is None:
            return []
        digest = hash(attribute) & _NUMBER
        bucket = self._buckets[digest % _BUCKETS]
        return [] if bucket is None else [entry & _NUMBER for entry in bucket if entry >> 32 == digest]


def _digests(attributes: bytes) -> list[int]:
    """Return 32 bits for each attribute that is indexed."""
    digests: list[int] = []
    offset, end, indexed = 0, len(attributes), INDEXED
    while offset < end:
        after = offset + attributes[offset + 1]
        if attributes[offset] in indexed:
            digests.append(hash(attributes[offset:after]) & _NUMBER)
        offset = after
    return digests


def has(attributes: bytes, wanted: bytes) -> bool:
    """Return whether ``wanted``, an attribute as on the wire, is among encoded attributes."""
    if wanted not in attributes:
        return False
    at, end = 0, len(wanted)
    while at < len(attributes):
        if attributes[at : at + end] == wanted:
            return True
        at += attributes[at + 1]
    return False
