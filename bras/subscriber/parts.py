"""The parts of a subscriber that are plain data: who it is, its instants, its Entry, its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from bras.forwarding.entry import AddEntry, Counters, Operation, Outcome, RemoveEntry, ReplaceEntry, Route
from bras.plain import Saved, restore_fields
from bras.subscriber.events import Phase, TerminateCause
from bras.value import hasten

NOTHING_CARRIED = Counters()
NO_PROXY = ("", "")
"""The LAC had negotiated nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where a subscriber's frames come from and go to, as far as it must know.

    The package never sees the tunnelling protocol; its owner fills this in.
    """

    group: str
    """Name of the policy group (``[[lac]]``)."""
    peer_name: str
    """Host name of the access concentrator."""
    peer_address: str
    calling_number: str
    called_number: str
    serial_number: int = 0
    """Call Serial Number, by which both ends know the call."""
    tx_speed_bps: int = 0
    rx_speed_bps: int = 0
    """Connect speeds as the concentrator told them; 0 when it did not."""
    asynchronous: bool = False
    """Whether the concentrator's own line frames asynchronously."""
    sub_address: str = ""
    physical_channel: int | None = None
    private_group: str = ""
    access_line: bytes = b""
    """What the concentrator told of the access line, as sub-attributes of RADIUS (RFC 4679)."""
    bearer_type: int | None = None
    """What kind of bearer it said that the call came by."""


class EntryState(Enum):
    """How far the data plane has got with what we want of it."""

    NONE = "none"
    ADDING = "adding"
    CHANGING = "changing"
    ACTIVE = "active"
    REMOVING = "removing"


@dataclass(slots=True)
class Forwarding:
    """The Entry of a subscriber: what is wanted, what is there, what it has carried."""

    slot: int
    wanted: Route | None = None
    present: Route | None = None
    """The Entry that the data plane has, or is being given."""
    state: EntryState = EntryState.NONE
    base: Counters = NOTHING_CARRIED
    """What earlier Entries of this session carried (LCP was renegotiated)."""
    last: Counters = NOTHING_CARRIED
    """What the present Entry had carried when its counters were last read."""
    refusals: int = 0
    """How often the data plane has refused the change to ``present``: what it has is not known while there are any."""
    read_at: float | None = None
    """When ``last`` was read, which tells its rate at the next time."""
    round_at: float | None = None
    """It was read in a round at this time, or entered for the next; ``None``: it is in none."""
    interim_at: float | None = None
    """It stands among those that are read for an Interim-Update at this instant; ``None``: it does not."""
    throttled: bool = False
    """A quota is exhausted, and its rates are those for that."""

    @classmethod
    def restore(cls, saved: Saved) -> Forwarding:
        """Return what ``saved`` are the fields of."""
        return restore_fields(
            cls,
            saved,
            wanted=Route.restore,
            present=Route.restore,
            state=EntryState,
            base=Counters.restore,
            last=Counters.restore,
        )

    @property
    def total(self) -> Counters:
        """Return all that this session has carried, as last read."""
        if self.base is NOTHING_CARRIED:
            return self.last
        return self.base if self.last is NOTHING_CARRIED else self.base + self.last

    def next_operation(self) -> Operation | None:
        """Return the next step from what is there to what is wanted; ``None`` while one is on its way."""
        if self.state is EntryState.NONE and self.wanted is not None:
            self.state, self.present = EntryState.ADDING, self.wanted
            return AddEntry(self.wanted)
        if self.state is EntryState.ACTIVE and self.present is not None:
            if self.wanted is None or self.wanted.addresses != self.present.addresses:
                self.state = EntryState.REMOVING
                return RemoveEntry(self.slot, self.present.generation)
            if self.wanted != self.present:
                self.state, self.present, self.refusals = EntryState.CHANGING, self.wanted, 0
                return ReplaceEntry(self.wanted)
        return None

    def answered(self, outcome: Outcome) -> None:
        """Note what became of the operation on its way.

        A refused change is to be told again; a refused removal means that there is nothing: in
        both the state must not wait for ever.
        """
        if self.state is EntryState.NONE:
            return  # it was removed twice, to be sure
        if self.state is EntryState.ADDING and not outcome.ok:
            self.state, self.present, self.wanted = EntryState.NONE, None, None
        elif self.state is EntryState.REMOVING:
            self.base = self.total if outcome.counters is None else self.base + outcome.counters
            self.last = NOTHING_CARRIED
            self.state, self.present = EntryState.NONE, None
        else:
            self.state = EntryState.ACTIVE
            self.refusals = 0 if outcome.ok else self.refusals + 1

    def tell_again(self) -> Operation | None:
        """Return what tells a back end of a new process an Entry that it has found; ``None`` where it is to go.

        What is in the kernel has outlived the old process; what the back end keeps beside it has not.
        """
        present, wanted = self.present, self.wanted
        if present is None or self.state not in (EntryState.ACTIVE, EntryState.CHANGING):
            return None
        if wanted is None or wanted.addresses != present.addresses:
            self.state = EntryState.ACTIVE  # nobody answers the change any more that was on its way
            return None
        self.state, self.present = EntryState.CHANGING, wanted
        return ReplaceEntry(wanted)

    def found(self, counters: Counters | None) -> None:
        """Take what a new process has found of the Entry: its counters, or ``None`` when there is none.

        What a lost Entry had carried when it was last read is kept; a removal that was on its
        way is done again by the owner.
        """
        if self.state is EntryState.REMOVING or self.state is EntryState.NONE:
            return
        if counters is None:
            self.base, self.last = self.total, NOTHING_CARRIED
            self.state, self.present = EntryState.NONE, None
        else:
            self.last = counters


@dataclass(slots=True)
class Instants:
    """When things happened and will happen, in the monotonic seconds of ``now``."""

    called_at: float
    """The call was established."""
    setup_by_at: float
    """It must be up by then."""
    up_at: float | None = None
    """Forwarding began for the first time: the accounting session's start."""
    active_at: float = 0.0
    """Its counters last moved."""
    idle_suspected: bool = False
    """Nothing moved for the idle timeout, as far as was read: the counters were asked for."""
    interim_at: float | None = None
    """The next Interim-Update is due."""
    insist_at: float | None = None
    """The data plane is told again what it has refused to change."""
    interim_wanted: bool = False
    """An Interim-Update waits for the counters."""
    renewed_at: float | None = None
    """The client proved itself again, for another Session-Timeout."""
    renewing: bool = False
    """Its time is over, and it is to prove itself again."""
    news: bool = False
    """What its records say has changed: one goes out as soon as the data plane has done its part."""
    quota_at: float | None = None
    """Its counters are read again, for at this rate a quota is exhausted then."""


@dataclass(slots=True)
class Who:
    """Who authenticated, and how."""

    user: str = ""
    """User name, printable: as the client gave it, or as RADIUS rewrote it."""
    method: str = ""
    source: str = ""
    """Name of the RADIUS server, or `local`."""
    identity: bytes = b""
    """The attributes that say who and where, encoded; until ``record`` takes them up."""
    record: bytes = b""
    """The attributes that all accounting records of this session share, encoded, once they are known."""
    classes: tuple[bytes, ...] = ()
    """Class attributes to be returned in accounting (RFC 2865 section 5.25)."""
    claimed: str = ""
    """User name as the client gave it, whatever RADIUS made of it."""
    state: bytes = b""
    """State of the Access-Accept, for when the client must prove itself again (RFC 2865 section 5.24)."""
    accounting: str | None = ""
    """Group of RADIUS servers that has its books; empty until that is known."""

    @classmethod
    def restore(cls, saved: Saved) -> Who:
        """Return what ``saved`` are the fields of."""
        return restore_fields(cls, saved, classes=tuple)


@dataclass(frozen=True, slots=True)
class End:
    """Why a subscriber ends."""

    cause: TerminateCause
    reason: str
    text: str
    phase: Phase
    """How far it had got."""

    @classmethod
    def restore(cls, saved: Saved) -> End:
        """Return what ``saved`` are the fields of."""
        return restore_fields(cls, saved, cause=TerminateCause, phase=Phase)


@dataclass(slots=True)
class Standing:
    """How far a subscriber has come, and what of it is still there once it ends."""

    phase: Phase = Phase.LINK
    counted: Phase | None = None
    """The phase under which the registry counts it now."""
    call_up: bool = True
    link_up: bool = True
    """The Link has not reported LinkDown."""
    started: bool = False
    """Accounting-Start was made: a Stop must be."""
    settled: bool = False
    """Stop made, address free."""
    end: End | None = None
    round_trip_s: float = 0.0
    """The last echo's round-trip time; 0 while none was measured."""
    link_facts: tuple[int, bool, bool] = field(default=(1500, False, False))
    """(mru, acfc, pfc) of LinkUp."""
    named: str = ""
    """The user name under which the registry finds it."""
    proxy: tuple[str, str] = NO_PROXY
    """What became of what the LAC had negotiated, and why."""
    software: str = ""
    """What the client says of itself in LCP Identification (RFC 1570 section 2.1)."""

    @classmethod
    def restore(cls, saved: Saved) -> Standing:
        """Return what ``saved`` are the fields of."""
        return restore_fields(cls, saved, phase=Phase, counted=Phase, end=End.restore, link_facts=tuple, proxy=tuple)


hasten(Line)
