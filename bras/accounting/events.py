"""What the ledger tells its owner."""

from __future__ import annotations

from dataclasses import dataclass

from bras.value import hasten


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell a record to a server of the group; ends in ``acknowledged``, each vain round in ``unanswered``."""

    ticket: int
    """By which the ledger knows it; never used twice."""
    group: str | None
    octets: bytes
    """Attributes, complete but for Acct-Delay-Time."""
    created_at: float
    """Acct-Delay-Time counts from there, in the monotonic seconds of ``now``."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Tell it no more: a later record makes it superfluous, or the disk has it."""

    ticket: int


@dataclass(frozen=True, slots=True)
class Note:
    """Keep a record in the journal, or with ``octets`` empty: no more."""

    key: int
    status: int
    group: str | None = None
    octets: bytes = b""
    wall_s: float = 0.0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Fetch:
    """Read again what the spool holds for a group; answered by ``fetched``."""

    group: str | None
    most: int
    after: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Fact: a record was given up, because too many are owed."""

    group: str | None
    session: str
    """Acct-Session-Id; to the ledger its last 16 digits are known."""
    status: int


@dataclass(frozen=True, slots=True)
class SpoolAlert:
    """Fact: a threshold was passed, or is no more."""

    kind: str
    """`records`, `age` (of one group), `bound` (of all)."""
    group: str | None
    begun: bool
    figure: float
    """Records, or seconds."""


@dataclass(frozen=True, slots=True)
class Unaccounted:
    """A session whose servers have answered nothing for ``silence_s`` is to end (``on_silence``)."""

    key: int


Event = Tell | Withdraw | Note | Fetch | Forgotten | SpoolAlert | Unaccounted

hasten(Tell, Note)
