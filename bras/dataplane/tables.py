"""The entries of the data plane in the kernel: session records by slot, and the keys by which packets find them.

A record is written before what leads to it, and is made inactive before that is taken away, so a program
never finds half an entry; a key that leads to a slot of another generation, or to an inactive one, leads
nowhere.  What a LAC sends finds its session by an uplink, and only by a key where that lies elsewhere than its
call says; what is sent to a client by a place that its first IPv4 address says, and only by a key where both are
taken.  Headers of an active record never change: who wants that silences it and waits for a grace period.
Keys are gathered and written many at a time by ``flush``.
"""

from __future__ import annotations

import struct
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from socket import htonl, ntohl

from bras.dataplane.hosts import Hosts
from bras.dataplane.keys import DESTINATIONS, GENERATION, Key, keys, others
from bras.dataplane.leading import Leading, host_of, of_call, of_host
from bras.dataplane.maps import Map
from bras.dataplane.records import (
    ACCOUNT,
    DOWN,
    FLAGS,
    PEER,
    PLACE,
    SESSION,
    TERMS,
    Account,
    Session,
    SessionFlag,
)
from bras.dataplane.template import kind_of, parts, peer_of, record
from bras.dataplane.uplinks import FLAGS_AT, HALVES, NOWHERE, Uplinks
from bras.forwarding.entry import Route

_SESSION, _ACCOUNT, _DOWN, _FLAGS = SESSION.size, ACCOUNT.size, DOWN.size, FLAGS.size
SHARED = ("sessions", "carried", "accounts", "uplinks", "peers", "hosts", "kinds")
"""The maps whose memory we share with the programs."""
_WORDS = _SESSION // 4
_FLAGS_AT, _GENERATION_AT = Session.flags.offset, Session.generation.offset
_UPLINK, _ADDRESS = Session.uplink.offset // 4, Session.address.offset // 4
_NOBODY = bytes(PEER.size)
_ENDED = slice(Account.up_octets4.offset, Account.up_octets6.offset)
_HEADER = slice(Session.header_octets.offset, _SESSION)
_TAIL = Account.mss4.offset
"""What a packet towards a LAC is given, bit by bit: of a record that changes meanwhile it would get some of each."""
_write_account = struct.Struct(f"{Account.slow.offset}s").pack_into
_write_session = struct.Struct(f"{_SESSION - _FLAGS}s").pack_into
_write_nothing = DOWN.pack_into
"""As assigning to a slice would, in half the time."""
_ACTIVE, _IN_VRF = SessionFlag.ACTIVE.value, SessionFlag.IN_VRF.value


class Tables:
    """What the programs look into."""

    __slots__ = (
        "_accounts",
        "_down",
        "_inherited",
        "_sessions",
        "_words",
        "hosts",
        "leading",
        "slots",
        "uplinks",
    )

    def __init__(
        self,
        maps: Mapping[str, Map],
        sessions: memoryview,
        carried: memoryview,
        accounts: memoryview,
        uplinks: Uplinks,
        hosts: Hosts,
    ) -> None:
        """Write into these maps, and into the memory of those of these names."""
        self.leading = Leading(maps)
        self.uplinks = uplinks
        self.hosts = hosts
        self._accounts = accounts.cast("B")
        self._down = carried.cast("B")
        self._sessions = sessions.cast("B")
        self._words = self._sessions.cast("I")
        self.slots = len(self._sessions) // _SESSION
        """How many there are."""
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
        sessions, accounts, down, words = self._sessions, self._accounts, self._down, self._words
        begin, halves, seat = self.uplinks.begin, self.uplinks.halves, self.hosts.begin
        for route in routes:
            slot, call, addresses = route.slot, route.legs[0].key, route.addresses
            at = slot * _WORDS
            if words[at + _UPLINK]:
                self.release(slot)  # the end of the one before was never told
            flags, rest, account, peer, kind, ids = parts(route)
            _write_account(accounts, slot * _ACCOUNT, account)
            _write_session(sessions, slot * _SESSION + _FLAGS, rest)
            _write_nothing(down, slot * _DOWN, 0, 0)
            place = begin(call, slot, peer, words[at + _ADDRESS])
            if place < 0:
                place = -place
                self.leading.lead(of_call(call), slot, route.generation)
            words[at + _UPLINK] = place
            words[at] = halves[place * HALVES + FLAGS_AT] = flags  # last: they are what a session begins with
            if addresses and not seat(addresses[0], slot, kind, ids, flags):
                self._seat(addresses[0], slot, kind, ids)
            if len(addresses) > 1 or route.prefixes4 or route.prefixes6:
                self.leading.await_others(route)

    def adopt(self, slot: int, call: int, session: bytes, account: bytes) -> None:
        """Enter a session whose records are there already, but for its uplink; its other keys are the caller's."""
        at = slot * _WORDS
        self._write_records(slot, bytes(_FLAGS) + session[_FLAGS:], account)
        _write_nothing(self._down, slot * _DOWN, 0, 0)
        if call:
            place = self.uplinks.begin(call, slot, peer_of(session, account), self._words[at + _ADDRESS])
            self._words[at + _UPLINK] = abs(place)
            if place < 0:
                self.leading.lead(of_call(call), slot, self.generation(slot))
        self._sessions[slot * _SESSION : slot * _SESSION + _FLAGS] = session[:_FLAGS]
        self.uplinks.flag(self._words[at + _UPLINK], self._words[at])
        if self._words[at + _ADDRESS] and not self._words[at] & _IN_VRF:
            self._seat(self._host(slot), slot, *kind_of(session))

    def put(self, route: Route, before: Route | None) -> list[Key]:
        """Enter a Route in the place of another, ``before`` if that is known, whose counters go on; as ``begin``.

        Returns the keys of the other one that this one has not: they are gone.
        """
        slot, place = route.slot, self._place_of(route)
        session, account, peer = record(route, place)
        self._write_records(slot, session, account[: TERMS.size])
        self.uplinks.change(place, peer, self._words[slot * _WORDS + _ADDRESS])
        self.uplinks.flag(place, self._words[slot * _WORDS])
        there = self._inherited.pop(route.slot, ()) if before is None else keys(before)
        gone = list(set(there).difference(keys(route)))
        for each in gone:
            self._remove(each, slot)
        if before is not None and before.addresses[:1] != route.addresses[:1]:
            self._turn(before, route)
        for host in route.addresses[:1]:
            self._seat(host, slot, *kind_of(session))
        self.leading.await_others(route)
        return gone

    def _turn(self, before: Route, route: Route) -> None:
        """What was the first address of a Route is so no more: to others only keys lead."""
        for host in before.addresses[:1]:
            self.hosts.leave(host, before.slot)
        self.leading.own(set(map(of_host, route.addresses[:1])).intersection(others(before)))

    def _seat(self, host: int, slot: int, kind: bytes, ids: bytes) -> None:
        """Have a session found by its first address: by a place that it says, or a key that waits for ``flush``."""
        place = self.hosts.place(host, slot)
        if place is None:
            free = (place for place in self.hosts.said(host) if not self._is_at_home(place))
            place = next(free, None)
        if place is None:
            self.leading.lead(of_host(host), slot, self.generation(slot))
        else:
            self.hosts.put(place, host, slot, kind, ids, self._words[slot * _WORDS])

    def _is_at_home(self, place: int) -> bool:
        """Tell whether what stands in a place of ``hosts`` is the record of a session that forwards."""
        address, slot = self.hosts.owner(place)
        if not address or slot >= self.slots:
            return False
        return self.is_active(slot) and self._words[slot * _WORDS + _ADDRESS] == address

    def _host(self, slot: int) -> int:
        """Return the first address that a slot has or had last."""
        return ntohl(self._words[slot * _WORDS + _ADDRESS])

    def _remove(self, key: Key, slot: int) -> None:
        """Have a key, or what stands for it in ``hosts``, not lead to a slot any more."""
        self.leading.remove(key)
        host = host_of(key)
        if host is not None:
            self.hosts.leave(host, slot)

    def _place_of(self, route: Route) -> int:
        """Return the place of a Route's uplink; made if a predecessor had not come to it, or the call moved."""
        slot, call, uplinks = route.slot, route.legs[0].key, self.uplinks
        there = place = self._words[slot * _WORDS + _UPLINK]
        owner = uplinks.owner(there)
        if owner != (call, slot):
            place = abs(uplinks.begin(call, slot, _NOBODY, 0))
            if there and owner[1] == slot:
                uplinks.counters(place)[:] = uplinks.counters(there)
                self.leading.mislead(of_call(owner[0]))
                uplinks.leave(there)
        if place not in uplinks.said(call):
            self.leading.lead(of_call(call), slot, self.generation(slot))
        return place

    def release(self, slot: int) -> None:
        """Have the uplink of a slot free again, whose end is told: what it has carried stays in the account."""
        at, first = slot * _WORDS + _UPLINK, slot * _ACCOUNT
        place = self._words[at]
        is_its = place != NOWHERE and self.uplinks.owner(place)[1] == slot
        if is_its:
            counters = self.uplinks.counters(place).cast("B")
            self._accounts[first + _ENDED.start : first + _ENDED.stop] = counters
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
        same = self._sessions[at : at + _SESSION][_HEADER] == session[_HEADER]
        return not same or self._accounts[there : there + _TAIL] != account[:_TAIL]

    def silence(self, slot: int) -> None:
        """Make a slot inactive: nothing is forwarded by it any more; its keys may still be there."""
        place = self._words[slot * _WORDS + _UPLINK]
        if self.uplinks.owner(place)[1] == slot:
            self.uplinks.flag(place, 0)
        seat = self.hosts.place(self._host(slot), slot)
        if seat is not None:
            self.hosts.flag(seat, 0)
        self._words[slot * _WORDS + _FLAGS_AT // 4] = 0

    def take_out(self, route: Route) -> None:
        """Silence the slot of a Route, and take its keys away."""
        self.silence(route.slot)
        for host in route.addresses[:1]:
            self.hosts.leave(host, route.slot)
        self.leading.take_out(route)

    def flush(self) -> frozenset[int]:
        """Write the keys that wait; return the slots that miss some because the kernel took no more."""
        return self.leading.flush()

    def sweep(self) -> list[Key]:
        """Take away all keys that lead nowhere, and return them.  Walks everything: for starts and mishaps."""
        dead = [key for key, place in self.leading.items() if not self.leads(place)]
        for key in dead:
            self.leading.remove(key)
        for place, slot in self.hosts.taken():
            if not self._is_at_home(place):
                host = ntohl(self.hosts.owner(place)[0])
                self.hosts.leave(host, slot)
                led = of_host(host)
                if not self.is_seated(led) and not self.leading.is_needed(led):  # else it is another's by now
                    dead.append(led)
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
        for key, place in self.leading.items():
            if key[0] in DESTINATIONS:
                self._inherited.setdefault(PLACE.unpack(place)[0], []).append(key)
        for slot, instead in self._seated():
            self._inherited.setdefault(slot, []).append(instead)

    def keys(self) -> Iterator[Key]:
        """Iterate over all keys that there are, and what would be one if it had no place."""
        yield from (key for key, _ in self.leading.items())
        yield from (key for _, key in self._seated())

    def _seated(self) -> Iterator[tuple[int, Key]]:
        """Iterate over the slots to which places lead, and the keys that they have instead."""
        taken = self.hosts.taken()
        return ((slot, of_host(self._host(slot))) for place, slot in taken if self._is_at_home(place))

    def is_seated(self, key: Key) -> bool:
        """Tell whether a key that leads to a session is not needed, since a place does."""
        host = host_of(key)
        if host is None:
            return False
        wanted, places = htonl(host), self.hosts.said(host)
        return any(self.hosts.owner(at)[0] == wanted and self._is_at_home(at) for at in places)

    def leads(self, place: bytes) -> bool:
        """Tell whether the place of a key is that of a session that forwards."""
        slot, generation = PLACE.unpack(place)
        return slot < self.slots and self.is_active(slot) and self.generation(slot) == generation
