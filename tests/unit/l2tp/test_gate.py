"""Who is heard that has no tunnel."""

from __future__ import annotations

from bras.l2tp.gate import MOST_KNOWN, SEEN_S, Gate, Memory
from bras.plain import decode, encode


def stranger(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def flooded(gate: Gate, now: float, count: int = 20_000, seed: int = 0) -> int:
    """Let so many invented addresses knock; return how many are heard."""
    return sum(gate.admits(stranger(seed + number), now=now) for number in range(count))


def test_all_lacs_of_a_provider_are_heard_after_a_power_cut() -> None:
    gate = Gate()
    assert all(gate.admits(f"198.18.{number >> 8}.{number & 255}", now=number / 2000) for number in range(2000))


def test_a_flood_is_not() -> None:
    gate = Gate()
    assert flooded(gate, 0.0) == 2000
    assert 500 <= flooded(gate, 1.0, seed=1 << 20) < 550, "some are taken for one that came before"


def test_a_stranger_that_comes_again_is_heard_in_a_flood() -> None:
    gate = Gate()
    flooded(gate, 0.0)
    assert not gate.admits("198.18.0.2", now=0.0)
    flooded(gate, 0.5, seed=1 << 20)
    flooded(gate, 1.0, seed=1 << 21)
    assert gate.admits("198.18.0.2", now=1.0)


def test_half_a_million_strangers_are_not_taken_for_each_other() -> None:
    memory = Memory()
    assert sum(memory.came_before(stranger(number), now=number / 50_000) for number in range(500_000)) < 2000
    assert all(memory.came_before(stranger(number), now=10.0) for number in range(0, 500_000, 1000))
    assert all(memory.came_before(stranger(number), now=19.9) for number in range(500, 500_000, 1000))


def test_a_known_one_is_heard_at_once_in_a_flood_up_to_its_own_rate() -> None:
    gate = Gate()
    gate.proven("198.18.0.2", now=0.0)
    flooded(gate, 1.0)
    assert gate.knows("198.18.0.2")
    assert list(gate.known()) == ["198.18.0.2"]
    assert sum(gate.admits("198.18.0.2", now=1.0) for _ in range(5000)) == 1000 + 400, "and as one that comes again"
    assert not gate.admits("198.18.0.2", now=1.0)


def test_what_is_remembered_is_bounded() -> None:
    gate = Gate()
    flooded(gate, 0.0, 200_000)
    flooded(gate, SEEN_S + 1.0, 20_000)
    assert sum(map(len, gate.save()["seen"][:2])) == 4 << 20
    for number in range(MOST_KNOWN + 10):
        gate.proven(stranger(number), now=1.0)
    assert len(gate.save()["known"]) == MOST_KNOWN
    assert not gate.knows(stranger(0))
    assert gate.knows(stranger(MOST_KNOWN + 9))


def test_who_came_long_ago_has_not_come_again() -> None:
    gate = Gate()
    flooded(gate, 0.0)
    assert not gate.admits("198.18.0.2", now=0.0)
    gate.admits("198.18.0.3", now=3 * SEEN_S)
    flooded(gate, 3 * SEEN_S, seed=1 << 20)
    assert not gate.admits("198.18.0.2", now=3 * SEEN_S)


def test_it_goes_on_as_it_was_saved() -> None:
    gate = Gate()
    gate.proven("198.18.0.2", now=0.0)
    flooded(gate, 0.0, 3000)
    again = Gate()
    again.resume(decode(encode(gate.save())))
    assert again.save() == gate.save()
    assert flooded(again, 1.0) == flooded(gate, 1.0)
