"""What stands in the spool, and what is done to it; ``bras.store.spool`` keeps it on disk.

One row for each accounting session, under its key: the Start, whether it is owed still, the
newest Interim-Update that nobody has acknowledged, the Stop.  A row without Stop is an open
session.  Accounting-On and -Off are rows too, under keys of their own: so the order of the
keys is the order in which a group was owed its records, with the server's among the sessions'.

Every operation may be done twice: what is there already is not put again, what is gone
already is not dropped again.  A Stop whose session has no row makes one, for it is owed all
the same; an Interim-Update does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from bras.value import hasten

KEY_BITS: Final = 32
"""Lower bits of a key, which are the session's number; above them is the epoch of the start that gave it."""


def key_of(epoch: int, number: int) -> int:
    """Return the key of an accounting session; 64 bits, and later sessions have greater ones."""
    return epoch << KEY_BITS | number


class Made(NamedTuple):
    """When a record was made."""

    wall_s: float
    """Seconds since 1970 (UTC): its Event-Timestamp."""
    boot: str
    """The run of the machine's clock in which it was made."""
    at: float
    """Seconds of that clock: Acct-Delay-Time counts from there while it runs."""


@dataclass(frozen=True, slots=True)
class Put:
    """A record is owed: it is to be on disk until ``Drop``."""

    key: int
    status: int
    """Acct-Status-Type: Start begins a row, Interim-Update takes the place of an older one, Stop of any."""
    group: str | None
    """Server group."""
    octets: bytes
    """The record's attributes, as the exchange takes them."""
    made: Made


@dataclass(frozen=True, slots=True)
class Drop:
    """A record is owed no more: acknowledged, or forgotten."""

    key: int
    status: int
    """Of a Stop: the row goes."""
    at: float = 0.0
    """``Made.at`` of an Interim-Update: a newer one stays."""


Operation = Put | Drop


@dataclass(frozen=True, slots=True)
class Row:
    """One accounting session, or one Accounting-On or -Off, as it stands on disk."""

    key: int
    status: int
    """Acct-Status-Type of ``start``: Start, Accounting-On or Accounting-Off."""
    group: str | None
    start: bytes
    """Attributes of the Start, or of the Accounting-On or -Off; they hold what all records of the session share.

    Empty where the Stop has come alone, because the spool was begun anew while the session was up.
    """
    start_made: Made
    start_owed: bool
    interim: bytes | None
    interim_made: Made | None
    stop: bytes | None
    stop_made: Made | None


class Depth(NamedTuple):
    """What one group of servers is owed, on disk."""

    group: str | None
    starts: int
    interims: int
    stops: int
    announcements: int
    oldest_wall_s: float | None
    """When the oldest of them was made; ``None`` while there is none."""

    @property
    def records(self) -> int:
        """Return how many they are."""
        return self.starts + self.interims + self.stops + self.announcements


hasten(Put, Drop, Row)
