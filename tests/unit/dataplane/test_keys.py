"""Keys of Routes, one by one and by the batch, and back."""

from __future__ import annotations

from bras.dataplane.keys import DESTINATIONS, destinations, keys, others, written
from bras.dataplane.records import HOST4, NET4, NET6, PLACE
from bras.forwarding.entry import Route

ADDRESSES = (0x0A400002, 0x0A400003)
NET = (0xCB007100, 24)
SINGLE = (0xCB007107, 32)
PREFIX = (0x20010DB8 << 96, 56)


def route(slot: int, **changes: object) -> Route:
    values: dict[str, object] = {"addresses": ADDRESSES, "prefixes4": (NET, SINGLE), "prefixes6": (PREFIX,)} | changes
    return Route(slot, (1 << 32) + slot, 3, (), mtu=1460, **values)  # type: ignore[arg-type]  # as they are named


def test_keys_of_a_route() -> None:
    assert set(keys(route(1))) == {
        ("hosts4", HOST4.pack(3, bytes((10, 64, 0, 2)))),
        ("hosts4", HOST4.pack(3, bytes((10, 64, 0, 3)))),
        ("hosts4", HOST4.pack(3, bytes((203, 0, 113, 7)))),
        ("nets4", NET4.pack(32 + 24, 3, bytes((203, 0, 113, 0)))),
        ("nets6", NET6.pack(32 + 56, 3, bytes.fromhex("20010db8").ljust(16, b"\0"))),
    }


def test_others_are_all_but_the_first_address() -> None:
    assert others(route(1)) == keys(route(1))[1:]
    assert others(route(1, addresses=())) == keys(route(1, addresses=()))


def test_a_batch_has_the_keys_of_all_and_leads_each_to_its_slot() -> None:
    routes = [route(1), route(2, addresses=(5,), prefixes4=(), prefixes6=()), route(3, addresses=(), prefixes4=())]
    found: dict[tuple[str, bytes], bytes] = {}
    for name, joined, places in written(routes):
        assert name in DESTINATIONS
        size = {"hosts4": HOST4.size, "nets4": NET4.size, "nets6": NET6.size}[name]
        assert len(joined) // size == len(places) // PLACE.size
        for at in range(len(joined) // size):
            found[name, joined[at * size : (at + 1) * size]] = places[at * PLACE.size : (at + 1) * PLACE.size]
    expected = {key: PLACE.pack(one.slot, one.slot) for one in routes for key in others(one)}
    assert found == expected


def test_from_keys_to_what_is_routed() -> None:
    found = destinations(keys(route(1)))
    assert set(found.addresses) == {*ADDRESSES, SINGLE[0]}
    assert (found.prefixes4, found.prefixes6) == ((NET,), (PREFIX,))
