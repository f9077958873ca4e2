"""The keys that lead to sessions in the kernel's maps: gathered, written many at a time, taken away.

Most sessions need none for their call and their first address: uplinks.py, hosts.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from bras.dataplane.keys import DESTINATIONS, GENERATION, KEYED, Key, others, written
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.maps import Map
from bras.dataplane.records import CALL, HOST4, PLACE
from bras.forwarding.entry import Route

_FEW = 3
"""A batch has a price of its own: below this many Routes, key by key is cheaper."""
_MAIN_VRF = 0
_NONE: frozenset[int] = frozenset()
_LEADING = ("calls", "hosts4")
"""The maps of keys that are needed only where a place is taken."""


def of_call(call: int) -> Key:
    """Return the key of a call."""
    return "calls", CALL.pack(call)


def of_host(host: int) -> Key:
    """Return the key of an address."""
    return "hosts4", HOST4.pack(_MAIN_VRF, host.to_bytes(4, "big"))


def host_of(key: Key) -> int | None:
    """Return the address of which a key is, if it is one's."""
    name, octets = key
    if name != "hosts4":
        return None
    vrf, address = HOST4.unpack(octets)
    return int.from_bytes(address, "big") if vrf == _MAIN_VRF else None


class Leading:
    """The maps of keys."""

    __slots__ = ("_elsewhere", "_leading", "_pending", "maps")

    def __init__(self, maps: Mapping[str, Map]) -> None:
        """Write into these maps."""
        self.maps = maps
        self._pending: dict[int, Route] = {}
        """By slot: those whose keys wait for ``flush``."""
        self._elsewhere = {(name, key) for name in _LEADING if name in maps for key, _ in maps[name].items()}
        """Keys of calls, and of sessions' first addresses, to which nothing else leads."""
        self._leading: dict[Key, tuple[int, int]] = {}
        """Those of them that wait for ``flush``, and slot and generation."""

    def await_others(self, route: Route) -> None:
        """Have ``flush`` write the keys of a Route, but for its call and first address."""
        self._pending[route.slot] = route

    def lead(self, key: Key, slot: int, generation: int) -> None:
        """Have ``flush`` write the key of what lies where its number does not say."""
        self._elsewhere.add(key)
        self._leading[key] = slot, generation & GENERATION

    def own(self, keys: Iterable[Key]) -> None:
        """Know that these are there, and needed where they might not be."""
        self._elsewhere.update(keys)

    def is_needed(self, key: Key) -> bool:
        """Tell whether nothing but a key leads to its session."""
        return key in self._elsewhere

    def mislead(self, key: Key) -> None:
        """Take the key of a call or of a first address away, if there is one."""
        if key in self._elsewhere:
            self._leading.pop(key, None)
            self.remove(key)

    def remove(self, key: Key) -> None:
        """Take a key away."""
        self._elsewhere.discard(key)
        self.maps[key[0]].delete(key[1])

    def take_out(self, route: Route) -> None:
        """Take all keys of a Route away."""
        self._pending.pop(route.slot, None)
        for key in (of_call(route.legs[0].key), *map(of_host, route.addresses[:1])):
            self.mislead(key)
        for key in others(route):
            self.remove(key)

    def flush(self) -> frozenset[int]:
        """Write the keys that wait; return the slots that miss some because the kernel took no more."""
        if not self._pending and not self._leading:
            return _NONE  # as a rule, and at each call
        routes = self._pending.values()
        names: Collection[str] = DESTINATIONS
        if len(routes) >= _FEW:
            names = [name for name, *found in written(routes) if not _batch(self.maps[name], *found)]
        failed = {*self._one_by_one(routes, names)} if names else set()
        self._pending.clear()
        for (name, octets), place in self._leading.items():
            try:
                self.maps[name].update(octets, PLACE.pack(*place))
            except LibbpfError:
                failed.add(place[0])
        self._leading.clear()
        return frozenset(failed)

    def _one_by_one(self, routes: Iterable[Route], names: Collection[str]) -> Iterator[int]:
        """Write the keys of Routes that belong into the maps of these names; returns the slots that miss some."""
        for route in routes:
            place = PLACE.pack(route.slot, route.generation & GENERATION)
            for name, key in others(route):
                if name in names:
                    try:
                        self.maps[name].update(key, place)
                    except LibbpfError:
                        yield route.slot

    def items(self) -> Iterator[tuple[Key, bytes]]:
        """Iterate over all keys and the places to which they lead."""
        return (((name, key), value) for name in KEYED for key, value in self.maps[name].items())


def _batch(one: Map, found: bytes, places: bytes) -> bool:
    """Set all keys at once; false when some could not be written, or this kind of map knows no batches."""
    try:
        one.update_batch(found, places)
    except LibbpfError:
        return False
    return True
