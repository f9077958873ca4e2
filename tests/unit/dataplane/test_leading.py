"""Keys that are gathered; those in the kernel's own maps are in tests/dataplane/test_ebpf_contract.py."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import cast

import pytest

from bras.dataplane.keys import KEYED, Key, others
from bras.dataplane.leading import Leading, host_of, of_call, of_host
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.maps import Map
from bras.dataplane.records import HOST4, PLACE
from bras.forwarding.entry import Leg, Route
from bras.ids import CallKey

A_HOST = 0x0A400001


class Kept:
    """A map with room for so many keys; as an old kernel's it may have no batches."""

    def __init__(self, key_octets: int, *, room: int, batches: bool) -> None:
        self.there: dict[bytes, bytes] = {}
        self._octets, self._room, self._batches = key_octets, room, batches

    def update(self, key: bytes, value: bytes) -> None:
        if key not in self.there and len(self.there) >= self._room:
            raise LibbpfError("write to the map", errno.E2BIG)
        self.there[key] = value

    def update_batch(self, keys: bytes, values: bytes) -> None:
        if not self._batches:
            raise LibbpfError("write to the map", errno.EINVAL)
        for at in range(len(keys) // self._octets):
            self.update(
                keys[at * self._octets : (at + 1) * self._octets], values[at * PLACE.size : (at + 1) * PLACE.size]
            )

    def delete(self, key: bytes) -> bool:
        return self.there.pop(key, None) is not None

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(dict(self.there).items())


def leading(*, room: int = 100, batches: bool = True) -> Leading:
    sizes = dict(zip(KEYED, (4, 8, 12, 24), strict=True))
    maps = {name: Kept(size, room=room, batches=batches) for name, size in sizes.items()}
    return Leading(cast(dict[str, Map], maps))


def route(slot: int) -> Route:
    leg = Leg(CallKey(7 << 16 | slot), 0, "198.18.0.1", 1701, "198.18.0.2", 1701, 7, slot, acfc=False, pfc=False)
    networks = ((0xCB007100 + (slot << 8), 24),)
    return Route(slot, slot, 0, (leg,), (A_HOST + slot, A_HOST + 100 + slot), 1460, prefixes4=networks)


def there(one: Leading) -> dict[Key, int]:
    """Return the slots to which keys lead."""
    return {key: PLACE.unpack(place)[0] for key, place in one.items()}


def test_keys_and_back() -> None:
    assert host_of(of_host(A_HOST)) == A_HOST
    assert host_of(of_call(A_HOST)) is None
    assert host_of(("hosts4", HOST4.pack(3, bytes(4)))) is None  # in a VRF


@pytest.mark.parametrize("batches", [True, False])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_others_of_routes(count: int, batches: bool) -> None:
    one = leading(batches=batches)
    routes = [route(slot) for slot in range(count)]
    for each in routes:
        one.await_others(each)
    assert there(one) == {}
    assert one.flush() == frozenset()
    assert there(one) == {key: each.slot for each in routes for key in others(each)}
    one.take_out(routes[0])
    assert there(one) == {key: each.slot for each in routes[1:] for key in others(each)}


def test_who_is_gone_before_they_are_written() -> None:
    one = leading()
    one.await_others(route(1))
    one.lead(of_host(A_HOST + 1), 1, 1)
    one.take_out(route(1))
    assert one.flush() == frozenset()
    assert there(one) == {}


def test_keys_that_are_needed_only_where_a_place_is_taken() -> None:
    one = leading()
    for key in (of_call(7 << 16 | 1), of_host(A_HOST + 1)):
        assert not one.is_needed(key)
        one.mislead(key)  # it is not there
        one.lead(key, 1, (1 << 32) + 5)
        assert one.is_needed(key)
    assert one.flush() == frozenset()
    assert {place for _, place in one.items()} == {PLACE.pack(1, 5)}
    again = Leading(one.maps)
    assert all(again.is_needed(key) for key in there(one)), "the next process knows them"
    again.take_out(route(1))
    assert there(one) == {}
    assert not again.is_needed(of_host(A_HOST + 1))


def test_who_is_told_to_be_needed_goes_with_its_route() -> None:
    """The second address of a session that is the first by now: its key is there, and nobody led by it."""
    one = leading()
    one.await_others(route(1))
    one.flush()
    second = of_host(A_HOST + 101)
    one.own({second})
    one.mislead(second)
    assert second not in there(one)


def test_slots_whose_keys_found_no_room_are_told() -> None:
    one = leading(room=2)
    for slot in range(1, 5):
        one.await_others(route(slot))
    one.lead(of_call(9), 9, 9)
    one.lead(of_call(10), 10, 1)
    one.lead(of_call(11), 11, 1)
    assert one.flush() == {3, 4, 11}
    assert one.flush() == frozenset()
