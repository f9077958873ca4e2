"""The entries of the data plane in the kernel: session records by slot, and the keys by which packets find them.

A record is written before its keys are, and is made inactive before they are taken away, so a program
never finds half an entry; a key that leads to a slot of another generation, or to an inactive one, leads
nowhere.  Headers of an active record never change: who wants that silences it and waits for a grace period.
Keys are gathered and written many at a time by ``flush``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.maps import Map
from bras.dataplane.records import (
    ACCOUNT,
    CALL,
    FLAGS,
    HEAD,
    HOST4,
    NET4,
    NET6,
    PLACE,
    SESSION,
    TERMS,
    VRF_BITS,
    Account,
    Session,
    SessionFlag,
)
from bras.dataplane.template import record
from bras.forwarding.entry import Route

_SESSION, _ACCOUNT, _FLAGS = SESSION.size, ACCOUNT.size, FLAGS.size
KEYED = ("calls", "hosts4", "nets4", "nets6")
"""The maps that lead to a slot."""
_FEW = 3
"""A batch has a price of its own: below this many keys, one by one is cheaper."""
GENERATION = 0xFFFFFFFF
"""The kernel knows the low 32 bits of a generation: no number is used twice before all of them were."""
_FLAGS_AT, _GENERATION_AT = Session.flags.offset, Session.generation.offset
_HEADER = slice(Session.header_octets.offset, HEAD.size)
_TAIL = Account.mss4.offset
"""What a packet towards a LAC is given, bit by bit: of a record that changes meanwhile it would get some of each."""
_WHOLE4, _WHOLE6 = 32, 128
_ACTIVE = SessionFlag.ACTIVE.value
Key = tuple[str, bytes]
"""Name of a map, and a key of it."""


def keys(route: Route) -> list[Key]:
    """Return the keys by which packets of a Route are found."""
    hosts = [("hosts4", HOST4.pack(route.vrf, address.to_bytes(4, "big"))) for address in route.addresses]
    return [("calls", CALL.pack(route.legs[0].key)), *hosts, *_keys_of_networks(route)]


def _keys_of_networks(route: Route) -> Iterator[Key]:
    for network, length in route.prefixes4:
        if length == _WHOLE4:
            yield "hosts4", HOST4.pack(route.vrf, network.to_bytes(4, "big"))
        else:
            yield "nets4", NET4.pack(VRF_BITS + length, route.vrf, network.to_bytes(4, "big"))
    for network, length in route.prefixes6:
        yield "nets6", NET6.pack(VRF_BITS + length, route.vrf, network.to_bytes(16, "big"))


class Tables:
    """What the programs look into."""

    __slots__ = ("_accounts", "_inherited", "_maps", "_pending", "_sessions", "_words", "slots")

    def __init__(self, maps: Mapping[str, Map], sessions: memoryview, accounts: memoryview) -> None:
        """Write into these maps, and into the memory of the maps ``sessions`` and ``accounts``."""
        self._maps = maps
        self._accounts = accounts.cast("B")
        self._sessions = sessions.cast("B")
        self._words = self._sessions.cast("I")
        self.slots = len(self._sessions) // _SESSION
        """How many there are."""
        self._pending: dict[str, dict[bytes, bytes]] = {name: {} for name in KEYED}
        self._inherited: dict[int, list[Key]] = {}
        """Keys that a predecessor has left, by the slot to which they lead, until its Route is told."""

    def generation(self, slot: int) -> int:
        """Return the generation (32 bits) that a slot has or had last; 0: it never had one."""
        return self._words[(slot * _SESSION + _GENERATION_AT) // 4]

    def known(self, slots: Iterable[tuple[int, int]]) -> tuple[Sequence[int], Sequence[int]]:
        """Return slots and generations of those that forward; many are asked for, so it is quick."""
        asked = tuple(slots)
        if not asked:
            return (), ()
        numbers, generations = zip(*asked, strict=True)
        if self._all_forward(numbers, generations):
            return numbers, generations
        words, step, flags, generation = self._words, _SESSION // 4, _FLAGS_AT // 4, _GENERATION_AT // 4
        active, most = _ACTIVE, self.slots
        found = [
            one
            for one in asked
            if 0 <= (slot := one[0]) < most
            and words[slot * step + generation] == one[1] & GENERATION
            and words[slot * step + flags] & active
        ]
        return [slot for slot, _ in found], [number for _, number in found]

    def _all_forward(self, numbers: tuple[int, ...], generations: tuple[int, ...]) -> bool:
        """Tell whether these are slots that follow one another, as many often do, and all of them forward."""
        first, last = numbers[0], numbers[-1] + 1
        if not 0 <= first < last <= self.slots or numbers != tuple(range(first, last)):
            return False
        words, step = self._words[first * _SESSION // 4 : last * _SESSION // 4], _SESSION // 4
        if generations != tuple(words[_GENERATION_AT // 4 :: step].tolist()):
            return False
        return all(map(_ACTIVE.__and__, words[_FLAGS_AT // 4 :: step].tolist()))

    def is_active(self, slot: int) -> bool:
        """Tell whether a slot forwards."""
        return bool(self._words[(slot * _SESSION + _FLAGS_AT) // 4] & _ACTIVE)

    def active(self) -> Iterator[tuple[int, int]]:
        """Iterate over (slot, generation) of those that forward."""
        step = _SESSION // 4
        flags = self._words[_FLAGS_AT // 4 :: step].tolist()
        generations = self._words[_GENERATION_AT // 4 :: step].tolist()
        for slot, (flag, generation) in enumerate(zip(flags, generations, strict=True)):
            if flag & _ACTIVE:
                yield slot, generation

    def begin(self, route: Route) -> None:
        """Enter a Route in a slot that is free, with counters of zero and full buckets; its keys wait for ``flush``.

        Raises OSError.
        """
        self._write_records(route.slot, *record(route))
        self._gather(route)

    def put(self, route: Route, before: Route | None) -> list[Key]:
        """Enter a Route in the place of another, ``before`` if that is known, whose counters go on; as ``begin``.

        Returns the keys of the other one that this one has not: they are gone.
        """
        session, account = record(route)
        self._write_records(route.slot, session[: HEAD.size], account[: TERMS.size])
        there = self._inherited.pop(route.slot, ()) if before is None else keys(before)
        gone = list(set(there).difference(keys(route)))
        for name, key in gone:
            self._remove(name, key)
        self._gather(route)
        return gone

    def _write_records(self, slot: int, session: bytes, account: bytes) -> None:
        """Write both records as far as they are given, the flags last: they are what a session begins with."""
        at = slot * _ACCOUNT
        self._accounts[at : at + len(account)] = account
        at = slot * _SESSION
        self._sessions[at + _FLAGS : at + len(session)] = session[_FLAGS:]
        self._sessions[at : at + _FLAGS] = session[:_FLAGS]

    def _gather(self, route: Route) -> None:
        """Have ``flush`` write all ``keys``."""
        pending, vrf = self._pending, route.vrf
        place = PLACE.pack(route.slot, route.generation & GENERATION)
        pending["calls"][CALL.pack(route.legs[0].key)] = place
        for address in route.addresses:
            pending["hosts4"][HOST4.pack(vrf, address.to_bytes(4, "big"))] = place
        if route.prefixes4 or route.prefixes6:
            for name, key in _keys_of_networks(route):
                pending[name][key] = place

    def is_turned(self, route: Route) -> bool:
        """Tell whether packets of a slot that forwards would go to the LAC under other headers than they do."""
        if not self.is_active(route.slot):
            return False
        session, account = record(route)
        at, there = route.slot * _SESSION, route.slot * _ACCOUNT
        same = self._sessions[at : at + HEAD.size][_HEADER] == session[_HEADER]
        return not same or self._accounts[there : there + _TAIL] != account[:_TAIL]

    def silence(self, slot: int) -> None:
        """Make a slot inactive: nothing is forwarded by it any more; its keys may still be there."""
        at = slot * _SESSION + _FLAGS_AT
        self._sessions[at : at + _FLAGS] = FLAGS.pack(0)

    def take_out(self, route: Route) -> None:
        """Silence the slot of a Route, and take its keys away."""
        self.silence(route.slot)
        for key in keys(route):
            self._remove(*key)

    def flush(self) -> frozenset[int]:
        """Write the keys that wait; return the slots that miss some because the kernel took no more."""
        failed: set[int] = set()
        for name, pending in self._pending.items():
            if pending:
                self._write(self._maps[name], pending, failed)
                pending.clear()
        return frozenset(failed)

    def sweep(self) -> list[Key]:
        """Take away all keys that lead nowhere, and return them.  Walks everything: for starts and mishaps."""
        dead = [(name, key) for name in KEYED for key, value in self._maps[name].items() if self._is_dead(value)]
        for name, key in dead:
            self._maps[name].delete(key)
        return dead

    def inherit(self) -> None:
        """Learn which keys there are, so that ``put`` finds those that a Route has no more.  Walks everything."""
        self._inherited.clear()
        for name in KEYED:
            for key, value in self._maps[name].items():
                self._inherited.setdefault(PLACE.unpack(value)[0], []).append((name, key))

    def keys(self) -> Iterator[Key]:
        """Iterate over all keys that there are."""
        return ((name, key) for name in KEYED for key, _ in self._maps[name].items())

    def _is_dead(self, place: bytes) -> bool:
        slot, generation = PLACE.unpack(place)
        return slot >= self.slots or not self.is_active(slot) or self.generation(slot) != generation

    def _remove(self, name: str, key: bytes) -> None:
        self._pending[name].pop(key, None)
        self._maps[name].delete(key)

    @staticmethod
    def _write(one: Map, pending: Mapping[bytes, bytes], failed: set[int]) -> None:
        if len(pending) >= _FEW and _batch(one, pending.keys(), pending.values()):
            return
        for key, place in pending.items():
            try:
                one.update(key, place)
            except LibbpfError:
                failed.add(PLACE.unpack(place)[0])


def _batch(one: Map, keys_: Collection[bytes], values: Collection[bytes]) -> bool:
    """Write all at once; false when some could not be written, or this kind of map knows no batches."""
    try:
        one.update_batch(b"".join(keys_), b"".join(values))
    except LibbpfError:
        return False
    return True


def destinations(found: Iterable[Key]) -> Route:
    """Return a Route to nobody that has the addresses and prefixes of these keys: what is routed for them."""
    hosts: list[int] = []
    nets4: list[tuple[int, int]] = []
    nets6: list[tuple[int, int]] = []
    for name, key in found:
        if name == "hosts4":
            hosts.append(int.from_bytes(HOST4.unpack(key)[1], "big"))
        elif name == "nets4":
            nets4.append(_network(*NET4.unpack(key)))
        elif name == "nets6":
            nets6.append(_network(*NET6.unpack(key)))
    return Route(0, 0, 0, (), tuple(hosts), 0, prefixes4=tuple(nets4), prefixes6=tuple(nets6))


def _network(length: int, _vrf: int, network: bytes) -> tuple[int, int]:
    return int.from_bytes(network, "big"), length - VRF_BITS
