"""The keys by which packets towards subscribers are found, and where they lead: those of the hash maps and tries.

``calls``, the fourth map of keys, has but the calls whose uplinks lie elsewhere than their numbers say (tables.py);
and of sessions' first addresses ``hosts4`` has but those whose places are taken (hosts.py).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from socket import htonl

from bras.dataplane.records import HOST4, NET4, NET6, PLACE, VRF_BITS
from bras.forwarding.entry import Route

KEYED = ("calls", "hosts4", "nets4", "nets6")
"""The maps that lead to a slot."""
DESTINATIONS = KEYED[1:]
"""Those by which packets towards subscribers are found."""
GENERATION = 0xFFFFFFFF
"""The kernel knows the low 32 bits of a generation: no number is used twice before all of them were."""
_WHOLE4 = 32
Key = tuple[str, bytes]
"""Name of a map, and a key of it."""


def keys(route: Route) -> list[Key]:
    """Return the keys by which packets towards a Route are found."""
    hosts = [("hosts4", HOST4.pack(route.vrf, address.to_bytes(4, "big"))) for address in route.addresses]
    return [*hosts, *_keys_of_networks(route)]


def others(route: Route) -> list[Key]:
    """Return its ``keys`` but for that of its first address, which as a rule needs none (hosts.py)."""
    return keys(route)[len(route.addresses[:1]) :]


def _keys_of_networks(route: Route) -> Iterator[Key]:
    for network, length in route.prefixes4:
        if length == _WHOLE4:
            yield "hosts4", HOST4.pack(route.vrf, network.to_bytes(4, "big"))
        else:
            yield "nets4", NET4.pack(VRF_BITS + length, route.vrf, network.to_bytes(4, "big"))
    for network, length in route.prefixes6:
        yield "nets6", NET6.pack(VRF_BITS + length, route.vrf, network.to_bytes(16, "big"))


def written(routes: Iterable[Route]) -> Iterator[tuple[str, bytes, bytes]]:
    """Return by map the ``others`` of Routes, and where they lead: in one go, for calls come in crowds."""
    hosts: list[int] = []
    hosted: list[bytes] = []
    nets: dict[str, tuple[list[bytes], list[bytes]]] = {}
    for route in routes:
        place = PLACE.pack(route.slot, route.generation & GENERATION)
        for address in route.addresses[1:]:
            hosts += route.vrf, htonl(address)  # as ``HOST4`` has them
            hosted.append(place)
        if route.prefixes4 or route.prefixes6:
            for name, key in _keys_of_networks(route):
                of_them, places = nets.setdefault(name, ([], []))
                of_them.append(key)
                places.append(place)
    if hosted:
        yield "hosts4", _numbers(hosts), b"".join(hosted)
    for name, (of_them, places) in nets.items():
        yield name, b"".join(of_them), b"".join(places)


def _numbers(given: Sequence[int]) -> bytes:
    """Return 32-bit numbers as they stand in memory."""
    return struct.pack(f"={len(given)}I", *given)


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
