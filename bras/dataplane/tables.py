"""The entries of the data plane in the kernel: session records by slot, and the keys by which packets find them.

A record is written before what leads to it, and is made inactive before that is taken away, so a program
never finds half an entry; a key that leads to a slot of another generation, or to an inactive one, leads
nowhere.  What a LAC sends finds its session by an uplink, and only by a key where that lies elsewhere than its
call says.  Headers of an active record never change: who wants that silences it and waits for a grace period.
Keys are gathered and written many at a time by ``flush``.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence

from bras.dataplane.keys import DESTINATIONS, GENERATION, KEYED, Key, keys, written
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.maps import Map
from bras.dataplane.records import (
    ACCOUNT,
    CALL,
    FLAGS,
    HEAD,
    PEER,
    PLACE,
    SESSION,
    TERMS,
    Account,
    Session,
    SessionFlag,
)
from bras.dataplane.template import parts, peer_of, record
from bras.dataplane.uplinks import FLAGS_AT, HALVES, NOWHERE, Uplinks
from bras.forwarding.entry import Route

_SESSION, _ACCOUNT, _FLAGS = SESSION.size, ACCOUNT.size, FLAGS.size
SHARED = ("sessions", "accounts", "uplinks", "peers")
"""The maps whose memory we share with the programs."""
_FEW = 3
"""A batch has a price of its own: below this many Routes, key by key is cheaper."""
_WORDS = _SESSION // 4
_FLAGS_AT, _GENERATION_AT = Session.flags.offset, Session.generation.offset
_UPLINK, _ADDRESS = Session.uplink.offset // 4, Session.address.offset // 4
_NOBODY = bytes(PEER.size)
_CARRIED_UP = slice(Session.up_octets4.offset, Session.down_octets4.offset)
_HEADER = slice(Session.header_octets.offset, HEAD.size)
_TAIL = Account.mss4.offset
"""What a packet towards a LAC is given, bit by bit: of a record that changes meanwhile it would get some of each."""
_write_account = struct.Struct(f"{Account.slow.offset}s").pack_into
_write_session = struct.Struct(f"{_SESSION - _FLAGS}s").pack_into
"""As assigning to a slice would, in half the time."""
_ACTIVE = SessionFlag.ACTIVE.value


class Tables:
    """What the programs look into."""

    __slots__ = (
        "_accounts",
        "_elsewhere",
        "_inherited",
        "_leading",
        "_maps",
        "_pending",
        "_sessions",
        "_words",
        "slots",
        "uplinks",
    )

    def __init__(self, maps: Mapping[str, Map], sessions: memoryview, accounts: memoryview, uplinks: Uplinks) -> None:
        """Write into these maps, and into the memory of the maps ``sessions`` and ``accounts``."""
        self._maps = maps
        self.uplinks = uplinks
        self._accounts = accounts.cast("B")
        self._sessions = sessions.cast("B")
        self._words = self._sessions.cast("I")
        self.slots = len(self._sessions) // _SESSION
        """How many there are."""
        self._pending: dict[int, Route] = {}
        """By slot: those whose keys wait for ``flush``."""
        self._inherited: dict[int, list[Key]] = {}
        """Keys that a predecessor has left, by the slot to which they lead, until its Route is told."""
        self._elsewhere = {CALL.unpack(key)[0] for key, _ in maps["calls"].items()} if "calls" in maps else set[int]()
        """Calls to which only a key leads."""
        self._leading: dict[int, tuple[int, int]] = {}
        """Those of them whose keys wait for ``flush``, and slot and generation."""

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

    def is_free(self, slot: int) -> bool:
        """Tell whether there is such a slot, and it does not forward."""
        return 0 <= slot < self.slots and not self._words[(slot * _SESSION + _FLAGS_AT) // 4] & _ACTIVE

    def active(self) -> Iterator[tuple[int, int]]:
        """Iterate over (slot, generation) of those that forward."""
        step = _SESSION // 4
        flags = self._words[_FLAGS_AT // 4 :: step].tolist()
        generations = self._words[_GENERATION_AT // 4 :: step].tolist()
        for slot, (flag, generation) in enumerate(zip(flags, generations, strict=True)):
            if flag & _ACTIVE:
                yield slot, generation

    def begin(self, routes: Iterable[Route]) -> None:
        """Enter Routes in slots that are free, with counters of zero and full buckets; their keys wait for ``flush``.

        Raises OSError.
        """
        sessions, accounts, words, uplinks = self._sessions, self._accounts, self._words, self.uplinks
        pending, halves = self._pending, uplinks.halves
        for route in routes:
            slot = route.slot
            at = slot * _WORDS
            if words[at + _UPLINK]:
                self.release(slot)  # the end of the one before was never told
            flags, rest, account, peer = parts(route)
            _write_account(accounts, slot * _ACCOUNT, account)
            _write_session(sessions, slot * _SESSION + _FLAGS, rest)
            place = uplinks.begin(route.legs[0].key, slot, peer, words[at + _ADDRESS])
            if place < 0:
                place = -place
                self._lead(route.legs[0].key, slot, route.generation & GENERATION)
            words[at + _UPLINK] = place
            words[at] = halves[place * HALVES + FLAGS_AT] = flags  # last: they are what a session begins with
            pending[slot] = route

    def adopt(self, slot: int, call: int, session: bytes, account: bytes) -> None:
        """Enter a session whose records are there already, but for its uplink; its other keys are the caller's."""
        at = slot * _WORDS
        self._write_records(slot, bytes(_FLAGS) + session[_FLAGS:], account)
        if call:
            place = self.uplinks.begin(call, slot, peer_of(session, account), self._words[at + _ADDRESS])
            self._words[at + _UPLINK] = abs(place)
            if place < 0:
                self._lead(call, slot, self.generation(slot))
        self._sessions[slot * _SESSION : slot * _SESSION + _FLAGS] = session[:_FLAGS]
        self.uplinks.flag(self._words[at + _UPLINK], self._words[at])

    def put(self, route: Route, before: Route | None) -> list[Key]:
        """Enter a Route in the place of another, ``before`` if that is known, whose counters go on; as ``begin``.

        Returns the keys of the other one that this one has not: they are gone.
        """
        slot, place = route.slot, self._place_of(route)
        session, account, peer = record(route, place)
        self._write_records(slot, session[: HEAD.size], account[: TERMS.size])
        self.uplinks.change(place, peer, self._words[slot * _WORDS + _ADDRESS])
        self.uplinks.flag(place, self._words[slot * _WORDS])
        there = self._inherited.pop(route.slot, ()) if before is None else keys(before)
        gone = list(set(there).difference(keys(route)))
        for name, key in gone:
            self._maps[name].delete(key)
        self._pending[route.slot] = route
        return gone

    def _place_of(self, route: Route) -> int:
        """Return the place of a Route's uplink; made if a predecessor had not come to it, or the call moved."""
        slot, call, uplinks = route.slot, route.legs[0].key, self.uplinks
        there = place = self._words[slot * _WORDS + _UPLINK]
        owner = uplinks.owner(there)
        if owner != (call, slot):
            place = abs(uplinks.begin(call, slot, _NOBODY, 0))
            if there and owner[1] == slot:
                uplinks.counters(place)[:] = uplinks.counters(there)
                self._mislead(owner[0])
                uplinks.leave(there)
        if place not in uplinks.said(call):
            self._lead(call, slot, self.generation(slot))
        return place

    def _lead(self, call: int, slot: int, generation: int) -> None:
        """Have ``flush`` write the key by which a call is found that lies where its number does not say."""
        self._elsewhere.add(call)
        self._leading[call] = slot, generation

    def _mislead(self, call: int) -> None:
        if call in self._elsewhere:
            self._elsewhere.discard(call)
            self._leading.pop(call, None)
            self._maps["calls"].delete(CALL.pack(call))

    def release(self, slot: int) -> None:
        """Have the uplink of a slot free again, whose end is told: what it has carried stays in the session."""
        at, first = slot * _WORDS + _UPLINK, slot * _SESSION
        place = self._words[at]
        is_its = place != NOWHERE and self.uplinks.owner(place)[1] == slot
        if is_its:
            counters = self.uplinks.counters(place).cast("B")
            self._sessions[first + _CARRIED_UP.start : first + _CARRIED_UP.stop] = counters
        self._words[at] = NOWHERE  # from now on they are read there
        if is_its:
            self.uplinks.leave(place)

    def _write_records(self, slot: int, session: bytes, account: bytes) -> None:
        """Write both records as far as they are given, the flags last: they are what a session begins with."""
        at = slot * _ACCOUNT
        self._accounts[at : at + len(account)] = account
        at = slot * _SESSION
        self._sessions[at + _FLAGS : at + len(session)] = session[_FLAGS:]
        self._sessions[at : at + _FLAGS] = session[:_FLAGS]

    def is_turned(self, route: Route) -> bool:
        """Tell whether packets of a slot that forwards would go to the LAC under other headers than they do."""
        if not self.is_active(route.slot):
            return False
        if self.uplinks.owner(self._words[route.slot * _WORDS + _UPLINK])[0] != route.legs[0].key:
            return True
        session, account, _ = record(route)
        at, there = route.slot * _SESSION, route.slot * _ACCOUNT
        same = self._sessions[at : at + HEAD.size][_HEADER] == session[_HEADER]
        return not same or self._accounts[there : there + _TAIL] != account[:_TAIL]

    def silence(self, slot: int) -> None:
        """Make a slot inactive: nothing is forwarded by it any more; its keys may still be there."""
        place = self._words[slot * _WORDS + _UPLINK]
        if self.uplinks.owner(place)[1] == slot:
            self.uplinks.flag(place, 0)
        self._words[slot * _WORDS + _FLAGS_AT // 4] = 0

    def take_out(self, route: Route) -> None:
        """Silence the slot of a Route, and take its keys away."""
        self.silence(route.slot)
        self._pending.pop(route.slot, None)
        self._mislead(route.legs[0].key)
        for name, key in keys(route):
            self._maps[name].delete(key)

    def flush(self) -> frozenset[int]:
        """Write the keys that wait; return the slots that miss some because the kernel took no more."""
        routes = self._pending.values()
        names: Collection[str] = DESTINATIONS
        if len(routes) >= _FEW:
            names = [name for name, *found in written(routes) if not _batch(self._maps[name], *found)]
        failed = {*self._one_by_one(routes, names)} if names else set()
        self._pending.clear()
        for call, place in self._leading.items():
            try:
                self._maps["calls"].update(CALL.pack(call), PLACE.pack(*place))
            except LibbpfError:
                failed.add(place[0])
        self._leading.clear()
        return frozenset(failed)

    def _one_by_one(self, routes: Iterable[Route], names: Collection[str]) -> Iterator[int]:
        """Write the keys of Routes that belong into the maps of these names; returns the slots that miss some."""
        for route in routes:
            place = PLACE.pack(route.slot, route.generation & GENERATION)
            for name, key in keys(route):
                if name in names:
                    try:
                        self._maps[name].update(key, place)
                    except LibbpfError:
                        yield route.slot

    def sweep(self) -> list[Key]:
        """Take away all keys that lead nowhere, and return them.  Walks everything: for starts and mishaps."""
        dead = [(name, key) for name in KEYED for key, value in self._maps[name].items() if not self.leads(value)]
        for name, key in dead:
            self._maps[name].delete(key)
            if name == "calls":
                self._elsewhere.discard(*CALL.unpack(key))
        return dead

    def tidy(self, known: Container[tuple[int, int]]) -> None:
        """Free the places of what neither forwards nor is among these (slot, generation): nobody asks for it."""
        for place, slot in self.uplinks.taken():
            if slot >= self.slots or self._words[slot * _WORDS + _UPLINK] != place:
                self.uplinks.leave(place)
            elif not self.is_active(slot) and (slot, self.generation(slot)) not in known:
                self.release(slot)

    def inherit(self) -> None:
        """Learn which keys there are, so that ``put`` finds those that a Route has no more.  Walks everything."""
        self._inherited.clear()
        for name in DESTINATIONS:
            for key, value in self._maps[name].items():
                self._inherited.setdefault(PLACE.unpack(value)[0], []).append((name, key))

    def keys(self) -> Iterator[Key]:
        """Iterate over all keys that there are."""
        return ((name, key) for name in KEYED for key, _ in self._maps[name].items())

    def leads(self, place: bytes) -> bool:
        """Tell whether the place of a key is that of a session that forwards."""
        slot, generation = PLACE.unpack(place)
        return slot < self.slots and self.is_active(slot) and self.generation(slot) == generation


def _batch(one: Map, found: bytes, places: bytes) -> bool:
    """Set all keys at once; false when some could not be written, or this kind of map knows no batches."""
    try:
        one.update_batch(found, places)
    except LibbpfError:
        return False
    return True
