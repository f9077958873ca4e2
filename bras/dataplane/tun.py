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
from bras.dataplane.routes import Prefix
from bras.dataplane.rows import Row, counters_of
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
        self._take(Device(self._interface, self._local_address, self._prefixes))

    def _take(self, device: Device) -> None:
        """Forward by this device, in the namespace in which this is called."""
        self._tun, self._device = device, device.descriptor
        self._errors6.sources.open(self._tun.vrf)

    def close(self, *, keep: bool = False) -> None:
        """Give the device back, and with it everything that hangs on it; nothing of it can be kept."""
        self._errors6.sources.close()
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
        return tuple((slot, generation, counters_of(row.tally)) for slot, generation, row in rows if row is not None)

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
        held = routed(before.route) if before else {}
        wanted = routed(entry)
        reason = self._route(wanted, held)
        if reason:
            return reason
        row = self._make_row(entry, way, before)
        if before:
            self._table.drop(before)
        self._table.put(row)
        self._unroute(held.keys() - wanted.keys())
        return ""

    def _remove(self, slot: int, generation: int) -> Outcome:
        row = self._table.row(slot, generation)
        if row is None:
            return Outcome(slot, generation, ok=False, reason="there is no such Entry")
        self._table.drop(row)
        self._unroute(routed(row.route))
        return Outcome(slot, generation, ok=True, counters=counters_of(row.tally))

    def _route(self, wanted: Mapping[Prefix, int], held: Mapping[Prefix, int]) -> str:
        """Route what no pool covers and what is not ``held`` with the same MTU; all or none."""
        if self._tun is None:
            return ""
        done: list[Prefix] = []
        for prefix, mtu in wanted.items():
            before = held.get(prefix)
            if before == mtu or self._tun.covers(prefix):
                continue
            reason = self._tun.add(prefix, mtu)
            if reason:
                self._undo(done, held)
                return reason
            done.append(prefix)
        return ""

    def _undo(self, done: Iterable[Prefix], held: Mapping[Prefix, int]) -> None:
        for prefix in done:
            if self._tun is not None and prefix in held:
                self._tun.add(prefix, held[prefix])
            else:
                self._unroute((prefix,))

    def _unroute(self, prefixes: Iterable[Prefix]) -> None:
        if self._tun is None:
            return
        for prefix in prefixes:
            if not self._tun.covers(prefix):
                self._tun.remove(prefix)


def routed(route: Route) -> dict[Prefix, int]:
    """Return each prefix that a Route needs routed to us, with the MTU of the way there, 0: that of the interface.

    An IPv6 packet that is too big for the client is so for the kernel too, which then tells the sender.  For IPv4 the
    kernel would do the same, and cut what may be cut; but what we do ourselves is counted.
    """
    prefixes = {(address.to_bytes(4, "big"), 32): 0 for address in route.addresses}
    prefixes |= {(network.to_bytes(4, "big"), length): 0 for network, length in route.prefixes4}
    return prefixes | {(network.to_bytes(16, "big"), length): route.mtu for network, length in route.prefixes6}
