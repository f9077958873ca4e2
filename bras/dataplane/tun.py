"""The back end ``tun``: one TUN device for all subscribers, their packets through this process.

It runs wherever Linux does, at the price of Python's speed.  Nothing of it outlives the
process: the kernel takes the device away with its descriptor, and with it address and routes.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence

from bras.config.model import DataplaneConfig
from bras.dataplane.base import NO_FALLBACKS, Outlet, Status
from bras.dataplane.device import Device
from bras.dataplane.forward import Forwarder
from bras.dataplane.rows import Row
from bras.dataplane.ways import way_of
from bras.errors import FallbackReason
from bras.forwarding.entry import AddEntry, Counters, Entry, Operation, Outcome, RemoveEntry, Route


class Tun(Forwarder):
    """A DataPlane."""

    def __init__(self, config: DataplaneConfig, prefixes: Iterable[tuple[int, int]], outlets: Sequence[Outlet]) -> None:
        """Take the pools' aggregate ``prefixes`` and the listening sockets, as ``Leg.listener`` counts them."""
        local_address = socket.inet_aton(config.local_address)
        super().__init__(local_address)
        self._interface = config.interface
        self._local_address = local_address
        self._prefixes = frozenset(prefixes)
        self._outlets = dict(enumerate(outlets))
        self._tun: Device | None = None

    def open(self) -> None:
        """Make the device, its address and the routes; raises DataPlaneError."""
        self._tun = Device(self._interface, self._local_address, self._prefixes)
        self._device = self._tun.descriptor

    def close(self, *, keep: bool = False) -> None:
        """Give the device back, and with it everything that hangs on it; nothing of it can be kept."""
        if self._tun is not None:
            self._tun.close()
            self._tun, self._device = None, -1

    @property
    def fallbacks(self) -> Mapping[FallbackReason, int]:
        """Return nothing: there is one path only."""
        return NO_FALLBACKS

    def status(self) -> Status:
        """Return what it is and has."""
        return Status("tun", self._interface, len(self._table.slots))

    def retain(self, entries: Iterable[tuple[int, int]]) -> None:
        """Do nothing: no Entry is there before this process has made it."""

    def add_outlet(self, listener: int, outlet: Outlet) -> None:
        """Take one more socket."""
        self._outlets[listener] = outlet

    def remove_outlet(self, listener: int) -> None:
        """Forget a socket."""
        self._outlets.pop(listener, None)

    def filenos(self) -> tuple[int, ...]:
        """Return the device's descriptor, once it is open."""
        return (self._device,) if self._tun is not None else ()

    def read(self, slots: Iterable[tuple[int, int]]) -> tuple[tuple[int, int, Counters], ...]:
        """Return the counters of those (slot, generation) that there are."""
        rows = ((slot, generation, self._table.row(slot, generation)) for slot, generation in slots)
        return tuple((slot, generation, row.tally.counters()) for slot, generation, row in rows if row is not None)

    def program_all(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Carry out operations in their order; all are done at once."""
        return [self.program(operation) for operation in operations]

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return nothing: nothing takes longer."""
        return ()

    def program(self, operation: Operation) -> Outcome:
        """Add, replace or remove an Entry."""
        if isinstance(operation, RemoveEntry):
            return self._remove(operation.slot, operation.generation)
        entry = operation.entry
        before = self._table.slots.get(entry.slot)
        if isinstance(operation, AddEntry):
            reason = "" if before is None else f"the slot is taken by generation {before.route.generation}"
        else:
            reason = "" if before and before.route.generation == entry.generation else "there is no such Entry"
        reason = reason or self._table.refusal(entry, self._outlets, before) or self._put(entry, before)
        return Outcome(entry.slot, entry.generation, not reason, reason)

    def _put(self, entry: Entry, before: Row | None) -> str:
        """Enter a Route that nothing speaks against; returns why it failed, or nothing."""
        assert isinstance(entry, Route)
        leg = entry.legs[0]
        try:
            way = way_of(leg, self._outlets[leg.listener].prepare(leg), self._unnumbered)
        except OSError:
            return f"no way from {leg.local} to {leg.remote}"
        held = before.route.addresses if before else ()
        reason = self._route(entry.addresses, held)
        if reason:
            return reason
        row = Row(entry, way, before)
        if before:
            self._table.drop(before)
        self._table.put(row)
        self._unroute(held, entry.addresses)
        return ""

    def _remove(self, slot: int, generation: int) -> Outcome:
        row = self._table.row(slot, generation)
        if row is None:
            return Outcome(slot, generation, ok=False, reason="there is no such Entry")
        self._table.drop(row)
        self._unroute(row.route.addresses, ())
        return Outcome(slot, generation, ok=True, counters=row.tally.counters())

    def _route(self, addresses: Sequence[int], held: Sequence[int]) -> str:
        """Route those addresses that no prefix covers and that are not ``held``; all or none."""
        added: list[int] = []
        for address in addresses:
            if self._tun is None or address in held or self._tun.covers(address):
                continue
            reason = self._tun.add(address)
            if reason:
                self._unroute(added, ())
                return reason
            added.append(address)
        return ""

    def _unroute(self, addresses: Sequence[int], kept: Sequence[int]) -> None:
        for address in addresses:
            if self._tun is not None and address not in kept and not self._tun.covers(address):
                self._tun.remove(address)
