"""Counters and policers in memory that the kernel's programs share: both sides' counts add up."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bras.dataplane.accounts import EMPTY_DOWN, EMPTY_UP, WORDS, Accounts
from bras.dataplane.police import Policer
from bras.dataplane.records import ACCOUNT, DOWN, SESSION, UPLINK, Account, Carried, Session, Uplink
from bras.dataplane.template import bucket
from bras.forwarding.entry import Counters

SLOTS = 8
NAMES = (
    "up_octets",
    "up_packets",
    "down_octets",
    "down_packets",
    "up_octets6",
    "up_packets6",
    "down_octets6",
    "down_packets6",
    "up_spoofed",
    "up_policed",
    "down_policed",
    "down_too_big",
)


class Memory:
    """Of the maps; each session has an uplink, in no order."""

    def __init__(self, slots: int = SLOTS) -> None:
        self.sessions, self.accounts = bytearray(slots * SESSION.size), bytearray(slots * ACCOUNT.size)
        self.carried = bytearray(slots * DOWN.size)
        self.uplinks = bytearray((slots + 1) * UPLINK.size)
        for slot in range(slots):
            self.session(slot).uplink = slots - slot

    def opened(self) -> Accounts:
        return Accounts(*map(memoryview, (self.sessions, self.carried, self.accounts, self.uplinks)))

    def session(self, slot: int) -> Session:
        return Session.from_buffer(self.sessions, slot * SESSION.size)

    def count(self, slot: int, **values: int) -> None:
        """Count as a program does."""
        session = self.session(slot)
        account = Account.from_buffer(self.accounts, slot * ACCOUNT.size)
        uplink = Uplink.from_buffer(self.uplinks, session.uplink * UPLINK.size)
        carried = Carried.from_buffer(self.carried, slot * DOWN.size)
        for name, value in values.items():
            where = next(each for each in (uplink, carried, account) if hasattr(each, name))
            setattr(where, name, getattr(where, name) + value)


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_what_the_kernel_counts_and_what_we_count_is_one_sum(memory: Memory) -> None:
    accounts = memory.opened()
    fields = Counters._fields
    memory.count(3, **{name: 10 + at for at, name in enumerate(fields)}, empty_up=999, empty_down=999)
    assert accounts.row(3) == tuple(range(10, 22))
    tally = accounts.tally(3)
    for at, name in enumerate(NAMES):
        setattr(tally, name, getattr(tally, name) + 1000 * (at + 1))
    expected = tuple(10 + at + 1000 * (at + 1) for at in range(12))
    assert accounts.row(3) == expected
    assert accounts.counters(3) == Counters(*expected)
    assert list(accounts.rows(2, 5)) == [(0,) * 12, expected, (0,) * 12]
    assert accounts.counters(2) == Counters()


def test_a_new_process_goes_on_with_both(memory: Memory) -> None:
    before = memory.opened()
    before.tally(6).up_octets6 += 77
    memory.count(6, up_octets6=23)
    after = memory.opened()
    assert after.counters(6) == Counters(up_octets6=100)
    assert list(after.rows(0, SLOTS))[6] == after.row(6)


def test_where_a_slot_begins_nothing_of_ours_is_left(memory: Memory) -> None:
    accounts = memory.opened()
    for slot in (1, 2):
        accounts.tally(slot).down_too_big += 1
        accounts.tally(slot).up_octets += slot
    accounts.begin((1, 3))
    assert accounts.counters(1) == Counters()
    assert accounts.counters(2) == Counters(up_octets4=2, down_too_big=1)
    assert list(memory.opened().rows(0, SLOTS)) == list(accounts.rows(0, SLOTS))
    accounts.tally(1).up_packets += 1
    assert accounts.counters(1) == Counters(up_packets4=1)


def test_what_an_older_layout_held_is_added(memory: Memory) -> None:
    accounts = memory.opened()
    accounts.add(4, tuple(range(12)))
    memory.count(4, up_octets4=100)
    accounts.add(4, tuple(range(12)))
    assert accounts.row(4) == (100, *(2 * number for number in range(1, 12)))


@pytest.mark.parametrize("which", [EMPTY_UP, EMPTY_DOWN])
def test_the_policer_decides_as_the_one_of_tun(memory: Memory, which: int) -> None:
    accounts = memory.opened()
    rate_bps, burst_octets = 800_000, 3000
    shared = accounts.policer(5, which, *bucket(rate_bps, burst_octets))
    plain = Policer(rate_bps, burst_octets)
    assert shared is not None
    verdicts = []
    for step in range(2000):
        now, octets = 1000.0 + step * 0.0071, 40 + step * 97 % 1461
        verdicts.append(plain.conforms(octets, now))
        assert shared.conforms(octets, now) is verdicts[-1]
    assert 0 < sum(verdicts) < len(verdicts)


def test_the_bucket_is_the_kernels_too(memory: Memory) -> None:
    accounts = memory.opened()
    policer = accounts.policer(5, EMPTY_UP, *bucket(8_000_000, 1500))
    assert policer is not None
    assert policer.conforms(1500, 10.0)
    assert accounts.words[5 * WORDS + EMPTY_UP] == 10_001_500_000
    accounts.words[5 * WORDS + EMPTY_UP] = 10_000_000_000 - 1  # as if the program had seen it fill
    assert policer.conforms(1500, 10.0)
    assert accounts.policer(5, EMPTY_UP, 0, 0) is None


def test_a_smaller_burst_forgives_what_only_the_larger_one_allowed(memory: Memory) -> None:
    accounts = memory.opened()
    accounts.words[EMPTY_UP] = 20_000_000_000
    cost, burst = bucket(8_000_000, 10_000)
    accounts.forgive(0, EMPTY_UP, cost, burst, 10.0)
    assert accounts.words[EMPTY_UP] == 10_010_000_000
    accounts.forgive(0, EMPTY_UP, cost, burst, 10.005)
    assert accounts.words[EMPTY_UP] == 10_010_000_000


@pytest.mark.parametrize("slots", [range(200), range(199, -1, -1), [7], [0, 150, 3], [*range(0, 200, 5)]])
def test_those_that_are_asked_for(slots: Sequence[int]) -> None:
    memory = Memory(200)
    accounts = memory.opened()
    for slot in range(200):
        memory.count(slot, up_octets4=slot, down_policed=2 * slot)
    accounts.tally(150).up_octets += 1000
    assert list(accounts.chosen(list(slots))) == [accounts.row(slot) for slot in slots]
    assert list(accounts.chosen([150])) == [(1150, *(0,) * 9, 300, 0)]


def test_what_an_uplink_had_carried_is_in_the_account_when_there_is_none_any_more(memory: Memory) -> None:
    accounts = memory.opened()
    memory.count(4, up_octets4=100, up_packets4=2, down_octets4=7)
    session, account = memory.session(4), Account.from_buffer(memory.accounts, 4 * ACCOUNT.size)
    account.up_octets4, account.up_packets4 = 100, 2
    assert accounts.row(4)[:3] == (100, 2, 7), "not twice, whenever its process had died"
    session.uplink = 0
    memory.uplinks[:] = bytes(len(memory.uplinks))
    assert accounts.row(4)[:3] == (100, 2, 7)
