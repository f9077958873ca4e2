"""Everybody is read once an interval, whoever comes and goes."""

from __future__ import annotations

import random

import pytest

from bras.lns.rounds import A_TURN, GRAIN_S, Rounds
from bras.plain import decode, encode
from bras.subscriber.subscriber import Subscriber
from tests.unit.subscriber.pair import LEG, LINE, settings

INTERVAL_S = 10.0
SHARED = settings()


def one(number: int) -> Subscriber:
    return Subscriber(number, number, LINE, LEG, SHARED, bytes, now=0.0)


def crowd(count: int) -> dict[int, Subscriber]:
    return {number: one(number) for number in range(1, count + 1)}


class Watch:
    """Calls ``due`` when it wants to be called, and knows when each was read."""

    def __init__(self, seed: int = 1) -> None:
        print(f"seed={seed}")
        self.dice = random.Random(seed)
        self.now = 1000.0
        self.rounds = Rounds()
        self.all: dict[int, Subscriber] = {}
        self.read_at: dict[int, float] = {}
        self.longest_s = 0.0
        self.turns = 0

    def enter(self, subscriber: Subscriber) -> None:
        self.all[subscriber.number] = subscriber
        self.read_at.setdefault(subscriber.number, self.now)
        self.rounds.enter(subscriber, self.now)

    def go(self, until: float) -> None:
        while (at := self.rounds.due_at(INTERVAL_S)) is not None and at <= until:
            self.now = max(self.now, at)
            self.turns += 1
            found = self.rounds.due(self.all, INTERVAL_S, self.now)
            assert len(found) <= A_TURN
            for subscriber in found:
                self.longest_s = max(self.longest_s, self.now - self.read_at[subscriber.number])
                self.read_at[subscriber.number] = self.now
        self.now = until


def test_fifty_thousand_that_came_in_a_minute_are_each_read_in_time() -> None:
    watch = Watch()
    subscribers = crowd(50_000)
    for number, subscriber in subscribers.items():
        watch.go(1000.0 + number * 60.0 / 50_000)
        watch.enter(subscriber)
    watch.go(1100.0)
    assert len(watch.read_at) == 50_000
    assert watch.longest_s <= INTERVAL_S + GRAIN_S
    assert min(watch.read_at.values()) >= watch.now - INTERVAL_S - GRAIN_S


@pytest.mark.parametrize("seed", range(5))
def test_nobody_waits_longer_because_others_come_and_go(seed: int) -> None:
    watch = Watch(seed)
    alive: list[Subscriber] = []
    for number in range(1, 4000):
        watch.go(watch.now + watch.dice.random() * 0.05)
        alive.append(one(number))
        watch.enter(alive[-1])
        if watch.dice.random() < 0.45:
            gone = alive.pop(watch.dice.randrange(len(alive)))
            watch.rounds.leave(gone)
            del watch.read_at[gone.number]
            if watch.dice.random() < 0.5:
                del watch.all[gone.number]
            else:
                watch.enter(gone)  # its quota is back
                alive.append(gone)
        if number == 3000:  # a tunnel is lost
            for gone in alive[::2]:
                watch.rounds.leave(gone)
                del watch.all[gone.number], watch.read_at[gone.number]
            alive = alive[1::2]
    watch.go(watch.now + 30.0)
    assert watch.longest_s <= INTERVAL_S + GRAIN_S
    assert all(at >= watch.now - INTERVAL_S - GRAIN_S for at in watch.read_at.values())
    assert len(watch.rounds) == len(alive)


def test_a_new_process_spreads_them() -> None:
    watch = Watch()
    watch.all = crowd(5_000)
    watch.read_at = dict.fromkeys(watch.all, watch.now)
    watch.rounds.spread(list(watch.all.values()), INTERVAL_S, watch.now)
    watch.go(watch.now + 1.0)
    assert 400 < sum(at > 1000.0 for at in watch.read_at.values()) <= 600
    watch.go(1000.0 + INTERVAL_S)
    assert min(watch.read_at.values()) > 1000.0
    assert watch.longest_s <= INTERVAL_S + GRAIN_S


def test_those_of_a_moment_are_read_together() -> None:
    watch = Watch()
    for number, subscriber in crowd(100).items():
        watch.now = 1000.0 + number * 0.001
        watch.enter(subscriber)
    watch.go(1010.05)
    assert watch.turns == 1
    assert len(set(watch.read_at.values())) == 1


def test_a_crowd_of_one_moment_has_several_turns() -> None:
    watch = Watch()
    for subscriber in crowd(1000).values():
        watch.enter(subscriber)
    watch.go(1011.0)
    assert watch.turns == 1000 // A_TURN
    assert set(watch.read_at.values()) == {1010.0}


def test_entering_twice_is_harmless_and_saving_too() -> None:
    subscribers = crowd(3)
    rounds = Rounds()
    for subscriber in (*subscribers.values(), *subscribers.values()):
        rounds.enter(subscriber, 1.0)
    rounds.dated.set(2, 1_800_000_000.0)
    again = Rounds.restore(decode(encode(rounds.save())))
    assert [found.number for found in again.due(subscribers, INTERVAL_S, 11.0)] == [1, 2, 3]
    assert again.dated.next_deadline == 1_800_000_000.0
