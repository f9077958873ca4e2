"""Which blocks of addresses go by one route, and when the programs are told so."""

from __future__ import annotations

import errno
import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane import blocks
from bras.dataplane.blocks import KEPT, Blocks, reach, survey, table
from bras.dataplane.links import Route4
from bras.dataplane.records import BLOCKS
from bras.dataplane.rtnetlink import attribute

ADDRESS_BITS = 32


def one(text: str, *, alone: bool = True) -> Route4:
    network, _, length = text.partition("/")
    return Route4(int.from_bytes(bytes(map(int, network.split("."))), "big"), int(length), alone)


def block(text: str) -> int:
    return one(f"{text}/32").network >> blocks.BITS


def test_a_default_route_covers_all_but_what_is_longer() -> None:
    made = table([one("0.0.0.0/0"), one("10.64.0.0/16"), one("192.0.2.0/24"), one("192.0.2.1/32")])
    default = made[block("203.0.113.1")]
    assert default
    assert made[block("10.64.3.4")] not in {0, default}
    assert made[block("192.0.77.1")] == 0  # a part of it goes elsewhere
    assert made.count(default) == (1 << blocks.BITS) - 2


def test_where_there_is_no_route_there_is_no_number() -> None:
    made = table([one("10.0.0.0/8")])
    assert set(made[block("10.0.0.0") : block("11.0.0.0")]) == {1}
    assert made.count(0) == (1 << blocks.BITS) - 256


@pytest.mark.parametrize("order", [1, -1])
def test_several_next_hops_spoil_all_that_lies_in_them(order: int) -> None:
    """When a longer route has no neighbour the kernel falls back on the shorter one."""
    made = table([one("0.0.0.0/0"), one("10.0.0.0/8", alone=False), one("10.64.0.0/16")][::order])
    assert made[block("10.64.0.1")] == made[block("10.1.0.1")] == 0
    assert made[block("11.0.0.1")]


def test_one_prefix_has_one_number_however_many_routes_it_has() -> None:
    made = table([one("10.0.0.0/8"), one("10.0.0.0/8"), one("11.0.0.0/8"), one("11.0.0.0/8", alone=False)])
    assert made[block("10.0.0.1")] == 1
    assert made[block("11.0.0.1")] == 0


def test_there_are_no_more_numbers_than_an_octet_has() -> None:
    made = table([one("0.0.0.0/0"), *(one(f"10.{n}.0.0/16") for n in range(256))])
    numbers = [made[block(f"10.{n}.0.0")] for n in range(256)]
    assert numbers[:254] == list(range(2, 256))
    assert numbers[254:] == [0, 0]


@st.composite
def routes(draw: st.DrawFn) -> list[Route4]:
    """Routes that lie in each other, as routes do."""
    roots = draw(st.lists(st.integers(0, (1 << ADDRESS_BITS) - 1), min_size=1, max_size=4))
    made = []
    for _ in range(draw(st.integers(0, 12))):
        length = draw(st.integers(0, ADDRESS_BITS))
        near = draw(st.sampled_from(roots)) ^ draw(st.integers(0, 1 << 18))
        kept = ~0 << (ADDRESS_BITS - length) & 0xFFFFFFFF
        made.append(Route4(near & kept, length, draw(st.integers(0, 9)) > 0))
    return made


def covering(found: list[Route4], address: int) -> list[Route4]:
    return [route for route in found if not (address ^ route.network) >> (ADDRESS_BITS - route.length)]


@given(routes(), st.integers(0, 1 << 30))
def test_addresses_with_one_number_have_the_same_routes(found: list[Route4], seed: int) -> None:
    """Whatever the kernel makes of them: what it says of one it says of all."""
    made, dice = table(found), random.Random(seed)
    seen: dict[int, set[tuple[int, int]]] = {}
    edges = [edge for route in found for edge in (route.network, route.network - 1, route.network + 1)]
    for near in [*edges, *(dice.getrandbits(ADDRESS_BITS) for _ in range(20))]:
        for address in (near & 0xFFFFFFFF, near & 0xFFFF0000, (near & 0xFFFFFFFF) | 0xFFFF):
            number = made[address >> blocks.BITS]
            of = covering(found, address)
            if number:
                prefixes = {(route.network, route.length) for route in of}
                assert seen.setdefault(number, prefixes) == prefixes
                assert all(route.alone for route in of)


@given(routes())
def test_a_route_reaches_the_blocks_of_its_addresses(found: list[Route4]) -> None:
    for route in found:
        last = route.network | ((1 << (ADDRESS_BITS - route.length)) - 1)
        assert reach(route) == slice(route.network >> blocks.BITS, (last >> blocks.BITS) + 1)


# -- what is told


class Told:
    """The memory of the map, and what is to be found in the kernel."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.memory = bytearray(BLOCKS.size)
        self.found: bytes | str | OSError = table([one("0.0.0.0/0")])
        monkeypatch.setattr(blocks, "survey", self._survey)

    def _survey(self) -> bytes | str:
        if isinstance(self.found, OSError):
            raise self.found
        return self.found

    def open(self, *, wanted: bool = True) -> closing[Blocks]:
        return closing(Blocks(memoryview(self.memory), wanted=wanted))

    @property
    def until(self) -> int:
        return int(BLOCKS.unpack(self.memory)[0])

    @property
    def version(self) -> int:
        return int(BLOCKS.unpack(self.memory)[1])

    @property
    def routes(self) -> bytes:
        return bytes(BLOCKS.unpack(self.memory)[2])


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


def test_nothing_is_told_before_the_first_look_nor_after_the_end(told: Told) -> None:
    told.memory[:] = BLOCKS.pack(1 << 60, 7, b"\1" * 65536)  # a predecessor's
    with told.open() as one_of_them:
        assert told.version == 0
        one_of_them.look(in_vrf=False)
        assert (told.version, told.routes) == (8, told.found)
        assert one_of_them.said == KEPT
    assert told.version == 0
    one_of_them.close()


def test_nobody_looks_where_nobody_wants_to_know(told: Told) -> None:
    told.found = OSError(errno.EPERM, "nobody may")
    with told.open(wanted=False) as one_of_them:
        one_of_them.look(in_vrf=False)
        assert (told.version, told.until, one_of_them.said) == (0, 0, "")


@pytest.mark.parametrize(
    ("found", "in_vrf", "said"),
    [
        ("there are more than 500 routes", False, "there are more than 500 routes"),
        (table([]), True, "the subscribers' interface belongs to a VRF"),
        (
            OSError(errno.ENOBUFS, "No buffer space available"),
            False,
            "the routes cannot be read: No buffer space available",
        ),
    ],
)
def test_where_it_cannot_be_told_it_is_said_why(
    told: Told, found: bytes | str | OSError, in_vrf: bool, said: str
) -> None:
    with told.open() as one_of_them:
        one_of_them.look(in_vrf=False)
        assert told.version
        told.found = found
        one_of_them.look(in_vrf=in_vrf)
        assert (told.version, one_of_them.said) == (0, said)
        told.found = table([one("0.0.0.0/0")])
        one_of_them.look(in_vrf=False)
        assert (told.version, one_of_them.said) == (2, KEPT)


def test_other_routes_have_another_version_and_the_same_have_not(told: Told) -> None:
    with told.open() as one_of_them:
        one_of_them.look(in_vrf=False)
        one_of_them.look(in_vrf=False)
        assert told.version == 1
        told.found = table([one("0.0.0.0/0"), one("10.0.0.0/8")])
        one_of_them.look(in_vrf=False)
        assert (told.version, told.routes) == (2, told.found)
        one_of_them.distrust()
        assert told.version == 0
        one_of_them.look(in_vrf=False)
        assert told.version == 3


def test_no_version_is_nothing(told: Told) -> None:
    told.memory[:] = BLOCKS.pack(0, 0xFFFFFFFF, bytes(65536))
    with told.open() as one_of_them:
        one_of_them.look(in_vrf=False)
        assert told.version == 1


def _soon(what: Callable[[], bool]) -> Iterator[None]:
    end = time.monotonic() + 10
    while not what():
        assert time.monotonic() < end
        yield
        time.sleep(0.02)


def test_what_is_told_holds_for_seconds_and_is_renewed(told: Told) -> None:
    with told.open() as one_of_them:
        before = time.monotonic_ns()
        one_of_them.look(in_vrf=False)
        first = told.until
        assert before + 3_000_000_000 <= first <= time.monotonic_ns() + 3_000_000_000
        one_of_them.renew()
        assert told.until == first  # it is not time yet
        for _ in _soon(lambda: told.until != first):
            one_of_them.renew()
        assert told.until >= first + 900_000_000
        assert told.version == 1


def _body(prefix: Route4, family: int = 2) -> bytes:
    head = struct.pack("=BBBBBBBBI", family, prefix.length, 0, 0, 254, 4, 0, 1, 0)
    return head + (attribute(1, struct.pack("!I", prefix.network)) if prefix.length else b"")


def test_a_route_of_our_own_is_left_to_the_kernel_at_once(told: Told) -> None:
    with told.open() as one_of_them:
        one_of_them.look(in_vrf=False)
        one_of_them.mark(_body(one("198.51.100.7/32")))
        one_of_them.mark(_body(one("10.8.0.0/14")))
        one_of_them.mark(_body(one("203.0.113.0/24"), family=10))  # not IPv4
        zeros = {number for number, route in enumerate(told.routes) if not route}
        assert zeros == {block("198.51.0.0"), *(block(f"10.{n}.0.0") for n in range(8, 12))}
        assert told.version == 1
        one_of_them.look(in_vrf=False)
        assert told.version == 2  # and read again it is what it is


def test_a_kernel_that_looks_at_what_it_learnt_of_paths_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class File:
        def read_text(self) -> str:
            return "1\n"

    monkeypatch.setattr(blocks, "_USE_PMTU", File())
    assert survey() == "net.ipv4.ip_forward_use_pmtu is set"
