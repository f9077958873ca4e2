"""The filter for floods, in the real kernel, and when it is there."""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from bras.runtime.sieve import CALM_CHECKS, CHECK_S, MOST_PER_S, MOST_SOURCES, SLICE_S, Sieve, attach, program

FACTOR = 0x9E3779B1


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as one:
        one.bind(("127.0.0.1", 0))
        yield one


def passes(bound: socket.socket, source: str) -> bool:
    """Send from ``source`` and tell whether it arrives: on loopback that is settled when ``sendto`` returns."""
    with socket.socket(bound.family, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.sendto(b"x", bound.getsockname()[:2])
    try:
        return bound.recvfrom(10)[1][0] == source
    except BlockingIOError:
        return False


def part(source: str, factor: int = FACTOR) -> int:
    """In which of the 256 parts an IPv4 address is: the multiplication again, in Python."""
    return (int(ipaddress.ip_address(source)) * factor & 0xFFFFFFFF) >> 24


@pytest.mark.parametrize(("first", "width"), [(0, 1), (0, 128), (200, 100), (255, 1), (17, 255)])
def test_strangers_pass_in_their_slice_and_known_ones_always(bound: socket.socket, first: int, width: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    dice = random.Random(seed)
    sources = [f"127.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(1, 255)}" for _ in range(60)]
    known = sources[:20]
    attach(bound, program(known, ipv6=False, factor=FACTOR, first=first, width=width))
    for source in sources:
        assert passes(bound, source) is (source in known or (part(source) - first) % 256 < width), source


def test_every_part_has_its_turn(bound: socket.socket) -> None:
    turns = 0
    for first in range(0, 256, 16):
        attach(bound, program([], ipv6=False, factor=FACTOR, first=first, width=16))
        turns += passes(bound, "127.4.5.6")
    assert turns == 1


def test_of_very_many_known_ones_the_networks_pass(bound: socket.socket) -> None:
    known = [f"127.7.{number >> 8}.{number & 255}" for number in range(4 * MOST_SOURCES)]
    code = program(known, ipv6=False, factor=FACTOR, first=0, width=1)
    assert len(code) < 4096, "the kernel takes no more"
    attach(bound, code)
    assert all(passes(bound, source) for source in known[::97])
    strangers = [f"127.{number}.9.9" for number in range(8, 40)]
    assert [source for source in strangers if passes(bound, source)] == [one for one in strangers if part(one) == 0]


@pytest.mark.parametrize("known", [["::1"], []])
def test_ipv6(known: list[str]) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as bound:
        bound.bind(("::1", 0))
        attach(bound, program([*known, "192.0.2.1"], ipv6=True, factor=FACTOR, first=1, width=1))
        assert passes(bound, "::1") is bool(known), "the upper half of ::1 is 0, in part 0"
        attach(bound, program([], ipv6=True, factor=FACTOR, first=0, width=1))
        assert passes(bound, "::1")


class Watched:
    """A Sieve before a real socket, with a count that the test drives."""

    def __init__(self, bound: socket.socket) -> None:
        self.count = 0
        self.now = 100.0
        self.known = ["127.1.1.1"]
        self.sieve = Sieve([bound], lambda: self.count, lambda: self.known, b"\x12\x34\x56\x78")
        self.sieve.check(now=self.now)

    def turned_away(self, per_s: float, checks: int = 1) -> None:
        for _ in range(checks):
            self.now += CHECK_S
            self.count += round(per_s * CHECK_S)
            self.sieve.check(now=self.now)


def test_it_comes_with_a_flood_and_goes_with_it(bound: socket.socket) -> None:
    watched = Watched(bound)
    with capture_logs() as lines:
        watched.turned_away(MOST_PER_S * 0.9, 10)
        assert watched.sieve.flood is None
        assert passes(bound, "127.9.9.9")
        watched.turned_away(MOST_PER_S * 10)
        assert watched.sieve.flood is not None
        assert watched.sieve.flood.width in (25, 26), "a tenth of all parts"
        strangers = [f"127.9.{number}.9" for number in range(200)]
        assert 0 < sum(passes(bound, one) for one in strangers) < 60
        assert passes(bound, "127.1.1.1")
        watched.turned_away(MOST_PER_S, 20)
        assert watched.sieve.flood is not None
        watched.turned_away(10.0, CALM_CHECKS)
    assert watched.sieve.flood is None
    assert all(passes(bound, one) for one in strangers)
    assert [line["event"] for line in lines] == ["flood_began", "flood_ended"]


def test_who_becomes_known_in_a_flood_passes_from_then_on(bound: socket.socket) -> None:
    watched = Watched(bound)
    watched.turned_away(MOST_PER_S * 100)
    assert watched.sieve.flood is not None
    stranger = next(one for one in (f"127.3.3.{number}" for number in range(1, 255)) if not passes(bound, one))
    watched.known = [stranger]
    watched.turned_away(MOST_PER_S)
    assert passes(bound, stranger)


def test_the_slice_moves_on_so_that_every_stranger_is_heard_in_the_end(bound: socket.socket) -> None:
    watched = Watched(bound)
    watched.turned_away(MOST_PER_S * 10)
    heard = False
    for _ in range(11):
        heard = heard or passes(bound, "127.8.8.8")
        watched.turned_away(MOST_PER_S, round(SLICE_S / CHECK_S) + 1)
    assert heard


def test_it_narrows_when_more_comes(bound: socket.socket) -> None:
    watched = Watched(bound)
    watched.turned_away(MOST_PER_S * 4)
    assert watched.sieve.flood is not None
    assert watched.sieve.flood.width in (63, 64)
    watched.turned_away(MOST_PER_S * 4)
    assert watched.sieve.flood.width in (15, 16)
