"""The data messages of one call, where they are more than six octets and a frame (RFC 2661 sections 3.1, 5.4).

Most calls have no ``DataChannel``: their header is constant, and nothing that comes is numbered.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bras.config.model import LacConfig
from bras.errors import DropReason
from bras.l2tp.header import FLAGS, FLAGS_LENGTH, LENGTH_BIT, NS_NR, PRIORITY_BIT, SEQUENCE_BIT, VERSION_2
from bras.l2tp.sequence import Arrivals, Disorder, Numbering, Order
from bras.plain import Saved

_UNNUMBERED: Final = Order(dropped=DropReason.UNNUMBERED_DATA)


class DataOptions(NamedTuple):
    """What a group says of the data messages of its calls; a call keeps what held when it came up."""

    number: bool = False
    """Our messages are numbered, whether the LAC requires it or not."""
    require: bool = False
    """Messages without a number are dropped."""
    deny: bool = False
    """Nothing is numbered; a call whose LAC requires it is refused."""
    hold_s: float = 0.0
    """Seconds for which what comes early waits for what is missing; 0: not at all."""
    length_bit: bool = False
    """Our messages carry their length."""
    priority_bit: bool = False
    """Our PPP control frames ask for preferential treatment."""

    @classmethod
    def of(cls, group: LacConfig) -> DataOptions:
        """Return what a ``[[lac]]`` says."""
        word = group.dataseq
        options = cls(
            word in ("prefer", "require"),
            word == "require",
            word == "deny",
            group.reorder_timeout_s,
            group.length_bit,
            group.priority_bit,
        )
        return PLAIN if options == PLAIN else options


PLAIN: Final = DataOptions()
"""Nothing said: most calls share this one."""


class DataChannel:
    """Header, numbers and order of the data messages of one call."""

    __slots__ = ("_arrivals", "arriving", "disorder", "ids", "numbering", "options")

    def __init__(self, options: DataOptions, ids: bytes) -> None:
        """Begin with number 0 in both directions; ``ids`` are those of the peer, as they stand in the header."""
        self.options = options
        self.numbering = Numbering()
        self.disorder = Disorder()
        self.arriving = False
        """The last message that came was numbered."""
        self._arrivals = Arrivals()
        self.ids = ids

    @property
    def deadline(self) -> float | None:
        """Return when ``handle_timeout`` has something to give on; ``None`` while nothing is held."""
        return self._arrivals.deadline

    def pack(self, frame: bytes, *, numbered: bool, control: bool) -> bytes:
        """Return a data message; ``control``: the frame is PPP's own, not a subscriber's packet."""
        flags = VERSION_2
        head = self.ids
        if numbered:
            flags |= SEQUENCE_BIT
            head += NS_NR.pack(self.numbering.take(), 0)
        if control and self.options.priority_bit:
            flags |= PRIORITY_BIT
        if self.options.length_bit:
            flags |= LENGTH_BIT
            return FLAGS_LENGTH.pack(flags, FLAGS_LENGTH.size + len(head) + len(frame)) + head + frame
        return FLAGS.pack(flags) + head + frame

    def receive(self, ns: int, frame: bytes, *, required: bool, hold: bool, now: float) -> Order:
        """Judge a frame with its Ns, or -1 without one; ``hold``: it may wait if it came early."""
        self.arriving = ns >= 0
        if self.arriving:
            order = self._arrivals.receive(ns, frame, self.options.hold_s if hold else 0.0, now=now)
        else:
            order = _UNNUMBERED if required else Order((frame,))
        self.disorder.count(order)
        return order

    def handle_timeout(self, *, now: float) -> Order:
        """Give on what has waited long enough."""
        order = self._arrivals.handle_timeout(now=now)
        self.disorder.count(order)
        return order

    def save(self) -> Saved:
        """Return plain data."""
        numbering = self.numbering
        return [
            list(self.options),
            [numbering.following, numbering.reserved],
            self._arrivals.save(),
            self.disorder.save(),
            self.arriving,
        ]

    def lasting(self) -> Saved:
        """Return what a journal must hold: the options, and from which number on we may go on."""
        return (self.options, self.numbering.reserved)

    @classmethod
    def restore(cls, saved: Saved, ids: bytes) -> DataChannel:
        """Go on from ``save``, or from ``lasting``: then what came before is not known."""
        options, numbers, *rest = saved
        channel = cls(DataOptions(*options), ids)
        if not rest:
            channel.numbering, channel._arrivals = Numbering(numbers), Arrivals(None)
            return channel
        channel.numbering.following, channel.numbering.reserved = numbers
        arrivals, disorder, channel.arriving = rest
        channel._arrivals, channel.disorder = Arrivals.restore(arrivals), Disorder(*disorder)
        return channel
