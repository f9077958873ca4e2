"""The back end ``tun``: one TUN device for all subscribers, their packets through this process.

It runs wherever Linux does, at the price of Python's speed.  Nothing of it outlives the
process: the kernel takes the device away with its descriptor, and with it address and routes.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence

from bras.config.model import DataplaneConfig
from bras.dataplane.base import NO_FALLBACKS, Outlet, Status, Way
from bras.dataplane.device import Device
from bras.dataplane.forward import Forwarder
from bras.dataplane.routes import Prefix
from bras.dataplane.rows import counters_of
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

    def cover(self, prefixes: Iterable[tuple[int, int]]) -> str:
        """Route further prefixes of pools to the device; see ``DataPlane.cover``."""
        reason = "" if self._tun is None else self._tun.cover(prefixes)
        if not reason:
            self._prefixes |= frozenset(prefixes)
        return reason

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
        return Status("tun", self._interface, len(self._table.routes))

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
        route = self._table.route
        return tuple((*one, self._counters(one[0])) for one in slots if route(*one) is not None)

    def _counters(self, slot: int) -> Counters:
        row = self._table.rows.get(slot)
        return counters_of(row.tally) if row is not None else Counters()

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
        before = self._table.routes.get(entry.slot)
        if isinstance(operation, AddEntry):
            reason = "" if before is None else f"the slot is taken by generation {before.generation}"
        else:
            reason = "" if before and before.generation == entry.generation else "there is no such Entry"
        reason = reason or self._table.refusal(entry, self._outlets, before) or self._put(entry, before)
        return Outcome(entry.slot, entry.generation, not reason, reason)

    def _put(self, entry: Entry, before: Route | None) -> str:
        """Enter a Route that nothing speaks against; returns why it failed, or nothing."""
        assert isinstance(entry, Route)
        leg = entry.legs[0]
        try:
            way = self._outlets[leg.listener].prepare(leg)
        except OSError:
            return f"no way from {leg.local} to {leg.remote}"
        if before is not None:
            return self._put_instead(entry, before, way)
        if not self._is_covered(entry):
            reason = self._route(routed(entry), {})
            if reason:
                return reason
        self._table.put(entry, way)
        return ""

    def _put_instead(self, route: Route, before: Route, way: Way) -> str:
        held, wanted = routed(before), routed(route)
        reason = self._route(wanted, held)
        if not reason:
            self._table.replace(before, route, way)
            self._unroute(held.keys() - wanted.keys())
        return reason

    def _is_covered(self, route: Route) -> bool:
        """Tell whether a Route needs no routing: it has but addresses of pools, as most have."""
        if route.prefixes4 or route.prefixes6 or self._tun is None:
            return False
        return self._tun.covers_all(route.addresses)

    def _remove(self, slot: int, generation: int) -> Outcome:
        route = self._table.route(slot, generation)
        if route is None:
            return Outcome(slot, generation, ok=False, reason="there is no such Entry")
        counters = self._counters(slot)
        self._leave(route)
        return Outcome(slot, generation, ok=True, counters=counters)

    def _leave(self, route: Route) -> None:
        """Forward no more for a Route."""
        self._table.drop(route)
        if not self._is_covered(route):
            self._unroute(routed(route))

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
