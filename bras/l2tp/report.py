"""What is told of a call while it lives: errors, ACCM, speeds (RFC 2661 sections 6.13 and 6.14, RFC 5515).

- WEN tells how often the LAC's line erred since the call began.
- SLI tells the other end the ACCM that LCP agreed on.  It means something where the LAC's
  line is asynchronous; on synchronous framing there is no character to escape.
- CSUN tells the present speeds of any number of calls of the tunnel; CSURQ asks for them.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from bras.l2tp.constants import AvpType
from bras.plain import Saved

_ERRORS: Final = Struct("!H6I")
_ACCM: Final = Struct("!HII")
_SPEED: Final = Struct("!HHII")
SPEED_OCTETS: Final = _SPEED.size
_LARGEST: Final = 0xFFFFFFFF


class LineErrors(NamedTuple):
    """Call Errors AVP: counts since the call began (RFC 2661 section 4.4.6)."""

    crc: int = 0
    framing: int = 0
    hardware_overruns: int = 0
    buffer_overruns: int = 0
    timeouts: int = 0
    alignment: int = 0

    def build(self) -> bytes:
        """Return the value of the AVP."""
        return _ERRORS.pack(0, *self)

    @classmethod
    def parse(cls, value: bytes) -> LineErrors:
        """Read a value, of which the rules for AVPs have seen that its length is right."""
        return cls(*_ERRORS.unpack(value)[1:])


class Accm(NamedTuple):
    """ACCM AVP: which control characters are escaped towards and from the client (RFC 2661 section 4.4.6)."""

    send: int = _LARGEST
    receive: int = _LARGEST

    def build(self) -> bytes:
        """Return the value of the AVP."""
        return _ACCM.pack(0, *self)

    @classmethod
    def parse(cls, value: bytes) -> Accm:
        """Read a value, of which the rules for AVPs have seen that its length is right."""
        return cls(*_ACCM.unpack(value)[1:])


class Speed(NamedTuple):
    """Connect Speed Update AVP: the present speeds of one call (RFC 5515)."""

    session_id: int
    """The Session ID that the receiver has given to the call."""
    tx_bps: int = 0
    rx_bps: int = 0

    def build(self) -> bytes:
        """Return the value of the AVP; what 32 bits cannot say is the most that they can."""
        return _SPEED.pack(0, self.session_id, min(self.tx_bps, _LARGEST), min(self.rx_bps, _LARGEST))

    @classmethod
    def parse(cls, values: bytes) -> list[Speed]:
        """Read the values of all such AVPs of a message, put one behind the other."""
        return [cls(*_SPEED.unpack_from(values, offset)[1:]) for offset in range(0, len(values), SPEED_OCTETS)]


class Reports:
    """What was told of one call since it came up."""

    __slots__ = ("accm", "errors", "speed_changes")

    def __init__(self) -> None:
        """Begin with nothing told."""
        self.errors: LineErrors | None = None
        self.accm: Accm | None = None
        self.speed_changes = 0
        """How often the speeds were told anew."""

    def take(self, octets: dict[int, bytes]) -> None:
        """Keep what a WEN or SLI says."""
        if AvpType.CALL_ERRORS in octets:
            self.errors = LineErrors.parse(octets[AvpType.CALL_ERRORS])
        if AvpType.ACCM in octets:
            self.accm = Accm.parse(octets[AvpType.ACCM])

    def save(self) -> Saved:
        """Return plain data."""
        return [list(self.errors) if self.errors else None, list(self.accm) if self.accm else None, self.speed_changes]

    @classmethod
    def restore(cls, saved: Saved) -> Reports:
        """Go on from ``save``."""
        reports = cls()
        errors, accm, reports.speed_changes = saved
        reports.errors = LineErrors(*errors) if errors else None
        reports.accm = Accm(*accm) if accm else None
        return reports
