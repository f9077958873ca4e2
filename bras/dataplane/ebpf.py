"""The back end ``ebpf``: programs in the kernel carry the packets, and go on while this process does not.

Theory of operation.  It is the back end ``tun`` with a faster road beside it.  The TUN device is the anchor
that carries all subscribers, and stays when the process goes.  On each interface by which LACs come, a
program takes subscribers' packets out of their tunnels and lets them come in by the anchor; where packets
leave by the anchor, another puts them into their tunnels.  What a program does not take reaches us as it
is, by the socket or by the device, and the ``Forwarder`` that we are handles it as ``tun`` does.

An Entry is there twice: as a record in the maps, and for the slow road as a Route, whose ``Row`` is made
when a packet first takes it.  What must outlive us (records, counters, policers) is in the maps alone.
A new process finds the maps where they are pinned, puts its own programs in the place of the old ones, and
is told every Entry again.

A removal takes two steps.  The Entry is silenced at once; its counters are final when every packet that
was on its way in the kernel is through (``grace``), and only then the removal is answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat

from bras.config.model import DataplaneConfig
from bras.dataplane.accounts import EMPTY_DOWN, EMPTY_UP
from bras.dataplane.base import DataPlaneError, Outlet, Status, Way
from bras.dataplane.device import MTU
from bras.dataplane.grace import Grace, barrier
from bras.dataplane.kernel import Kernel
from bras.dataplane.keys import GENERATION, destinations
from bras.dataplane.rows import Row, counters_of
from bras.dataplane.template import bucket
from bras.dataplane.tun import Tun, routed
from bras.dataplane.ways import way_of
from bras.errors import DropReason, FallbackReason
from bras.forwarding.entry import AddEntry, Counters, Entry, Operation, Outcome, RemoveEntry, ReplaceEntry, Route

_counters: Callable[[Iterable[tuple[int, ...]]], Iterator[Counters]] = partial(map, tuple.__new__, repeat(Counters))
"""``Counters._make`` of each, without a step in Python."""
_outcome: Callable[[tuple[int, int, bool, str, Counters | None]], Outcome] = partial(tuple.__new__, Outcome)
"""``Outcome._make``, likewise."""
_DROPPED = (DropReason.SPOOFED_SOURCE, DropReason.POLICED_UP, DropReason.POLICED_DOWN)
"""What the programs count in the last fields of ``Counters``."""
_NO_ENTRY = "there is no such Entry"


class Ebpf(Tun):
    """A DataPlane."""

    def __init__(
        self,
        config: DataplaneConfig,
        prefixes: Iterable[tuple[int, int]],
        outlets: Sequence[Outlet],
        *,
        slots: int,
        mtu: int = MTU,
    ) -> None:
        """As ``Tun``; ``slots`` are as many as there can be Entries, numbered from 0.

        No client takes packets of more than ``mtu`` octets: larger ones the kernel itself refuses or cuts.
        """
        super().__init__(config, prefixes, outlets)
        self._config = config
        self._size = slots, mtu
        self._kernel: Kernel | None = None
        self._grace: Grace[tuple[int, int]] | None = None
        self._answers: list[Outcome] = []
        self._orphans = False
        """There are keys in the maps that only ``sweep`` finds."""

    # -- life

    def open(self) -> None:
        """Load and attach the programs, make or take over the anchor; raises DataPlaneError."""
        try:
            slots, mtu = self._size
            self._kernel = Kernel(self._config, slots)
            for outlet in self._outlets.values():
                self._kernel.listen(outlet)
            self._tun = self._kernel.open(self._local_address, self._prefixes, mtu)
            self._device = self._tun.descriptor
            self._errors6.sources.open(self._tun.vrf)
            self._grace = Grace()
        except DataPlaneError:
            self.close()
            raise

    def close(self, *, keep: bool = False) -> None:
        """Let go of everything; without ``keep`` the programs, the maps and the anchor go too."""
        if self._grace is not None:
            self._grace.close()
            self._grace = None
        self._errors6.sources.close()
        kernel, self._kernel = self._kernel, None
        if kernel is None:
            return
        if kernel.anchor is not None:
            kernel.anchor.close(keep=True)
        self._tun, self._device = None, -1
        kernel.close(keep=keep)

    @property
    def kernel(self) -> Kernel:
        """Return what is in the kernel, while it is open."""
        if self._kernel is None:
            raise DataPlaneError("the data plane is not open")
        return self._kernel

    def add_outlet(self, listener: int, outlet: Outlet) -> None:
        """Take one more socket."""
        super().add_outlet(listener, outlet)
        if self._kernel is not None:
            self._kernel.listen(outlet)

    def remove_outlet(self, listener: int) -> None:
        """Forget a socket."""
        outlet = self._outlets.get(listener)
        if outlet is not None and self._kernel is not None:
            self._kernel.listen(outlet, ends=True)
        super().remove_outlet(listener)

    # -- what wakes us

    def filenos(self) -> tuple[int, ...]:
        """Return the descriptors of the anchor, of finished removals and of changes of the network."""
        if self._kernel is None or self._grace is None:
            return ()
        return (*super().filenos(), self._grace.fileno(), *self._kernel.filenos())

    def on_readable(self, *, now: float) -> None:
        """Forward what waits at the anchor, answer removals, follow the network."""
        super().on_readable(now=now)
        if self._grace is None:
            return
        for slot, generation in self._grace.passed():
            self._answers.append(self._final(slot, generation))
        if self._orphans and self._answers:
            self._sweep()
        self.kernel.on_readable()

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return, once, the answers of removals."""
        answers, self._answers = self._answers, []
        return tuple(answers)

    # -- Entries

    def program(self, operation: Operation) -> Outcome:
        """Add, replace or remove an Entry; waits for the final counters (milliseconds): not for the daemon's loop."""
        if not isinstance(operation, RemoveEntry):
            return self.program_all((operation,))[0]
        refused = self._silence(operation.slot, operation.generation)
        if refused is not None:
            return refused
        barrier()
        return self._final(operation.slot, operation.generation)

    def program_all(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Carry out operations; removals that begin well are answered by ``outcomes``."""
        done: list[Outcome] = []
        new: list[Route] = []
        kernel = self.kernel
        self._quieten(operations)
        for operation in operations:
            if isinstance(operation, AddEntry):
                done.append(self._add(operation.entry, kernel, new))
                continue
            self._begin(new, kernel)
            if isinstance(operation, ReplaceEntry):
                done.append(self._replace(operation.entry))
                continue
            refused = self._silence(operation.slot, operation.generation)
            if refused is not None:
                done.append(refused)
            elif self._grace is not None:
                self._grace.hand_over((operation.slot, operation.generation))
        self._begin(new, kernel)
        full = kernel.tables.flush()
        return [self._withdraw(one) if one.ok and one.slot in full else one for one in done] if full else done

    def _quieten(self, operations: Sequence[Operation]) -> None:
        """Have no program use the headers that are about to change, while Python forwards: a LAC calls from elsewhere.

        Waits for milliseconds, once for all calls of a LAC.
        """
        if ReplaceEntry not in map(type, operations):
            return  # as a rule, and at each call
        turned = [one.entry.slot for one in operations if isinstance(one, ReplaceEntry) and self._is_turned(one.entry)]
        for slot in turned:
            self.kernel.tables.silence(slot)
        if turned:
            barrier()

    def _is_turned(self, entry: Entry) -> bool:
        before = self._table.routes.get(entry.slot)
        if self._is_unknown(entry, before) or self._table.refusal(entry, self._outlets, before):
            return False
        return isinstance(entry, Route) and self.kernel.tables.is_turned(entry)

    def _add(self, entry: Entry, kernel: Kernel, new: list[Route]) -> Outcome:
        """Take an Entry, or refuse it; what it begins with is left to ``_begin``."""
        slot = entry.slot
        if slot in self._table.routes or not kernel.tables.is_free(slot):
            return Outcome(slot, entry.generation, ok=False, reason=self._taken(slot))
        reason = self._table.refusal(entry, self._outlets, None) or self._put(entry, None)
        if not reason:
            assert isinstance(entry, Route)  # else it was refused
            new.append(entry)
        return _outcome((slot, entry.generation, not reason, reason, None))

    @staticmethod
    def _begin(new: list[Route], kernel: Kernel) -> None:
        """Have the programs know of those that are new: all at once, a call set up has microseconds."""
        if new:
            kernel.accounts.begin(route.slot for route in new)
            kernel.tables.begin(new)
            for peer in {route.legs[0].remote for route in new}:
                kernel.serve(peer)
            new.clear()

    def _taken(self, slot: int) -> str:
        tables = self.kernel.tables
        if 0 <= slot < tables.slots:
            return f"the slot is taken by generation {tables.generation(slot)}"
        return _beyond(tables.slots)

    def _replace(self, entry: Entry) -> Outcome:
        tables, before = self.kernel.tables, self._table.routes.get(entry.slot)
        reason = self._is_unknown(entry, before) or self._table.refusal(entry, self._outlets, before)
        reason = reason or self._put(entry, before)
        if not reason:
            assert isinstance(entry, Route)  # else it was refused
            self._forgive(entry)  # what the old rate owes would seem too much to the new one
            gone = tables.put(entry, before)
            self._forgive(entry)  # and so would what was sent at the old one meanwhile
            if before is None and gone:  # a predecessor had not come to it
                self._unroute(routed(destinations(gone)))
            self.kernel.serve(entry.legs[0].remote)
        elif before is not None and not tables.is_active(entry.slot):
            tables.put(before, before)  # it was quiet, and stays as it was
        return Outcome(entry.slot, entry.generation, not reason, reason)

    def _is_unknown(self, entry: Entry, before: Route | None) -> str:
        slot, tables = entry.slot, self.kernel.tables
        if not 0 <= slot < tables.slots:
            return _beyond(tables.slots)
        if before is not None:
            return "" if before.generation == entry.generation else _NO_ENTRY
        is_there = tables.is_active(slot) and tables.generation(slot) == entry.generation & GENERATION
        return "" if is_there else _NO_ENTRY  # a predecessor's

    def _make_row(self, route: Route, way: Way, before: Row | None) -> Row:
        """Prepare a row whose counters and policers are those of the programs."""
        accounts, slot = self.kernel.accounts, route.slot
        return Row(
            route,
            way_of(route.legs[0], way, self._unnumbered),
            tally=accounts.tally(slot),
            police_up=accounts.policer(slot, EMPTY_UP, *bucket(route.rate_up_bps, route.burst_up_octets)),
            police_down=accounts.policer(slot, EMPTY_DOWN, *bucket(route.rate_down_bps, route.burst_down_octets)),
        )

    def _forgive(self, route: Route) -> None:
        now, accounts = time.clock_gettime(time.CLOCK_BOOTTIME), self.kernel.accounts
        accounts.forgive(route.slot, EMPTY_UP, *bucket(route.rate_up_bps, route.burst_up_octets), now)
        accounts.forgive(route.slot, EMPTY_DOWN, *bucket(route.rate_down_bps, route.burst_down_octets), now)

    def _silence(self, slot: int, generation: int) -> Outcome | None:
        """Stop to forward for an Entry; return a refusal when there is none of this generation and never was."""
        tables, route = self.kernel.tables, self._table.route(slot, generation)
        if route is not None:
            self._leave(route)
            tables.take_out(route)
        elif 0 <= slot < tables.slots and tables.generation(slot) == generation & GENERATION:
            tables.silence(slot)
            self._orphans = True
        else:
            return Outcome(slot, generation, ok=False, reason=_NO_ENTRY)
        return None

    def _final(self, slot: int, generation: int) -> Outcome:
        """Return the answer to a removal after its grace period."""
        if self.kernel.tables.generation(slot) != generation & GENERATION:
            return Outcome(slot, generation, ok=False, reason=_NO_ENTRY)  # asked twice, and the slot is used again
        counters = self.kernel.accounts.counters(slot)
        self.kernel.tables.release(slot)
        return Outcome(slot, generation, ok=True, counters=counters)

    def _withdraw(self, outcome: Outcome) -> Outcome:
        """Undo what the kernel's tables had no room for."""
        route = self._table.route(outcome.slot, outcome.generation)
        if route is not None:
            self._leave(route)
            self.kernel.tables.take_out(route)
        return Outcome(outcome.slot, outcome.generation, ok=False, reason="the kernel's tables are full")

    def retain(self, entries: Iterable[tuple[int, int]]) -> None:
        """Remove what a predecessor left and nobody knows any more."""
        tables = self.kernel.tables
        known = {(slot, generation & GENERATION) for slot, generation in entries}
        for slot, generation in list(tables.active()):
            if (slot, generation) not in known:
                tables.silence(slot)
        self._sweep()
        tables.inherit()
        anchor = self.kernel.anchor
        if anchor is not None:  # those that go on are told again, and keep their routes until then
            anchor.sweep(routed(destinations(tables.keys())))
        barrier()
        tables.tidy(known)

    def _sweep(self) -> None:
        self._orphans = False
        self._unroute(routed(destinations(self.kernel.tables.sweep())))

    # -- figures

    def read(self, slots: Iterable[tuple[int, int]]) -> tuple[tuple[int, int, Counters], ...]:
        """Return the counters of those (slot, generation) that forward; what goes has its own in its answer."""
        numbers, generations = self.kernel.tables.known(slots)
        counters = _counters(self.kernel.accounts.chosen(numbers))
        return tuple(zip(numbers, generations, counters, strict=True))

    def totals(self) -> Counters:
        """Return the counters summed over all Entries, past ones too, since this process began."""
        tallies = self.kernel.tallies()
        dropped = (tallies.drops[reason] for reason in _DROPPED)
        return Counters(*tallies.carried, *dropped) + counters_of(self._total)

    @property
    def drops(self) -> Mapping[DropReason, int]:
        """Return the packets dropped since this process began, in the kernel and here."""
        dropped = dict(self._dropped)
        for reason, count in self.kernel.tallies().drops.items():
            dropped[reason] += count
        return dropped

    @property
    def fallbacks(self) -> Mapping[FallbackReason, int]:
        """Return the packets that took a slower path, since this process began."""
        return self.kernel.tallies().fallbacks

    def status(self) -> Status:
        """Return what it is and has."""
        return self.kernel.status(len(self._table.routes))


def _beyond(slots: int) -> str:
    return f"there are only {slots} slots"
