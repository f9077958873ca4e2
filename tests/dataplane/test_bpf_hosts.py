"""From a client's address to its session: where it may lie, and what is believed of it."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import replace

import pytest

from bras.dataplane.hosts import HALVES, KIND_AT
from bras.dataplane.records import SessionFlag
from bras.errors import FallbackReason
from tests.support.fastpath import (
    CLIENT4,
    CORE,
    LEG,
    LEG6,
    REDIRECT,
    SHOT,
    FastPath,
    frame,
    is_downstream,
    packed,
    route,
    udp,
)

pytestmark = pytest.mark.root
FIRST, SECOND, BY_KEY = 0, 1, -1


def number(text: str) -> int:
    return int.from_bytes(packed(text), "big")


def text(address: int) -> str:
    return str(ipaddress.IPv4Address(address))


def down(fast: FastPath, address: str = CLIENT4) -> int:
    return fast.tc("tc_segmented", frame(udp(CORE[4], address))).verdict


def is_nobodys(fast: FastPath, reason: FallbackReason = FallbackReason.NO_SUBSCRIBER, address: str = CLIENT4) -> None:
    fast.take_tallies()
    assert down(fast, address) == SHOT
    assert fast.take_tallies().fallbacks == {reason: 1}


def carried(fast: FastPath, slot: int = 3) -> int:
    return int(fast.account(slot).down_packets4)


@pytest.mark.parametrize("at", [FIRST, SECOND, BY_KEY])
def test_where_its_address_says_or_by_a_key(fast: FastPath, at: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    addresses = [number(each) for each in ("10.64.0.0", "1.0.0.1", "223.255.255.255", "10.64.255.255", "192.168.0.1")]
    addresses += [dice.randrange(1 << 24, 224 << 24) for _ in range(60)]
    for address in addresses:
        if address >> 24 == 127:
            continue
        fast.clear()
        entry = route(addresses=(address,), prefixes4=(), prefixes6=())
        fast.add(entry, host_at=at)
        packet = udp(CORE[4], text(address))
        is_downstream(fast.tc("tc_segmented", frame(packet)).data[14:], packet, entry)
        assert carried(fast) == 1


def test_the_addresses_of_a_network_lie_side_by_side(fast: FastPath) -> None:
    first = fast.hosts.said(number("10.64.0.0"))[0]
    places = [fast.hosts.said(number("10.64.0.0") + n)[0] for n in range(300)]
    assert places == [first + n & fast.hosts.mask for n in range(300)]
    assert fast.hosts.said(number("10.65.0.0"))[0] != first


def test_other_addresses_have_keys(fast: FastPath) -> None:
    fast.add(route(addresses=(number(CLIENT4), number("10.64.0.9"))))
    for each in (CLIENT4, "10.64.0.9", "172.20.0.5"):
        assert down(fast, each) == REDIRECT
    assert carried(fast) == 3


def test_nobodys_place(fast: FastPath) -> None:
    fast.add(route())
    fast.hosts.leave(number(CLIENT4), 3)
    is_nobodys(fast)


@pytest.mark.parametrize(
    ("address", "slot", "reason"),
    [
        ("10.64.0.9", 3, FallbackReason.NO_SUBSCRIBER),
        (CLIENT4, 1024, FallbackReason.STALE),
        (CLIENT4, 0xFFFFFFFF, FallbackReason.STALE),
    ],
)
def test_what_stands_there_is_not_believed(fast: FastPath, address: str, slot: int, reason: FallbackReason) -> None:
    """It is another address's, or of no slot."""
    fast.add(route(addresses=(number("10.64.0.9"),), prefixes4=(), prefixes6=()))
    for place in fast.hosts.said(number(CLIENT4)):
        fast.hosts.put(place, number(address), slot, b"", b"abcd", SessionFlag.ACTIVE)
    is_nobodys(fast, reason)
    fast.add(route(replace(LEG, key=99), slot=7), host_at=BY_KEY)
    assert down(fast) == REDIRECT
    assert carried(fast, 7) == 1


@pytest.mark.parametrize("changes", [{}, {"length_bit": True}, {"acfc": True, "pfc": True}])
@pytest.mark.parametrize("kinds", [True, False], ids=["a number", "the session"])
@pytest.mark.parametrize("outer", [4, 6])
def test_who_has_the_template(fast: FastPath, outer: int, kinds: bool, changes: dict[str, bool]) -> None:
    """A number that calls share, or where there is none, or over IPv6, the session: the packet is the same."""
    entry = route(replace(LEG if outer == 4 else LEG6, **changes))
    other = replace(entry.legs[0], key=99, peer_tunnel_id=0x0A0B, peer_session_id=0x0C0D)
    neighbour = route(other, slot=9, addresses=(number("10.64.0.3"),), prefixes4=(), prefixes6=())
    for each in (entry, neighbour):
        fast.add(each, kinds=kinds)
    assert len(fast.hosts._kinds) == int(kinds and outer == 4)
    for each, address in ((entry, CLIENT4), (neighbour, "10.64.0.3")):
        packet = udp(CORE[4], address, b"an odd one")
        is_downstream(fast.tc("tc_segmented", frame(packet)).data[14:], packet, each)


def test_a_number_that_there_is_not(fast: FastPath) -> None:
    fast.add(route())
    place = fast.hosts.said(number(CLIENT4))[0]
    fast.hosts.halves[place * HALVES + KIND_AT] = 0xFFFF
    is_nobodys(fast, FallbackReason.STALE)


def test_a_session_that_goes(fast: FastPath) -> None:
    fast.add(route())
    fast.set_flags(3, 0)
    is_nobodys(fast, FallbackReason.STALE)


@pytest.mark.parametrize("at", [SECOND, BY_KEY])
def test_its_address_is_anothers_already(fast: FastPath, at: int) -> None:
    fast.add(route())
    fast.set_flags(3, 0)
    fast.add(route(replace(LEG, key=99), slot=5, generation=9), host_at=at)
    assert down(fast) == REDIRECT
    assert (carried(fast, 3), carried(fast, 5)) == (0, 1)


@pytest.mark.parametrize("at", [FIRST, SECOND])
def test_numbered_is_for_user_space(fast: FastPath, at: int) -> None:
    fast.add(route(replace(LEG, numbered=True)), host_at=at)
    is_nobodys(fast, FallbackReason.NUMBERED)


def test_an_address_in_another_vrf(fast: FastPath) -> None:
    entry = route(vrf=4)
    fast.add(entry)
    fast.hosts.put(fast.hosts.said(number(CLIENT4))[0], number(CLIENT4), 3, b"", b"abcd", 1 | SessionFlag.IN_VRF)
    is_nobodys(fast)
