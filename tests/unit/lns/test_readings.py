from __future__ import annotations

from typing import Any

import pytest

from bras.forwarding.entry import Counters
from bras.lns.commands import ListSessions, TakeReadings
from bras.lns.readings import shard_of
from bras.subscriber.parts import NOTHING_CARRIED
from tests.support.rim import Rim


def world(count: int = 3) -> Rim:
    rim = Rim()
    lac = rim.lac()
    for number in range(1, count + 1):
        lac.dial(f"user{number}", "pass")
    rim.run(3.0)
    return rim


def numbers(rim: Rim, user: str | None = None) -> tuple[int, ...]:
    body: Any = rim.answers[rim.ask(ListSessions(user))].body
    return tuple(body["numbers"])


def read(rim: Rim, *chosen: int, **filters: Any) -> list[list[Any]]:
    body: Any = rim.answers[rim.ask(TakeReadings(chosen, **filters))].body
    rows: list[list[Any]] = body["readings"]
    return rows


def test_a_row_is_the_sessions() -> None:
    rim = world(1)
    (number,) = numbers(rim)
    subscriber = rim.lns.core.registry.by_number[number]
    subscriber.forwarding.base = Counters(1, 2)
    subscriber.standing.round_trip_s = 0.25
    (row,) = read(rim, number)
    line = subscriber.line
    assert row == [
        subscriber.session_id, "user1", "chap", "any", line.peer_name, line.peer_address, line.calling_number,
        line.called_number, subscriber.address, subscriber.instants.up_at, 0.25, subscriber.forwarding.slot, number,
        False, list(Counters(1, 2)), None, None,
    ]  # fmt: skip
    assert subscriber.forwarding.last is NOTHING_CARRIED


def test_a_slice_is_what_was_asked_for_and_is_still_there() -> None:
    rim = world(3)
    first, second, third = numbers(rim)
    assert [row[1] for row in read(rim, third, 999, first)] == ["user3", "user1"]
    rim.lns.core.registry.by_number[second].instants.up_at = None
    assert read(rim, second) == [], "it has never been up"


def test_by_user_and_by_group() -> None:
    rim = world(3)
    (number,) = numbers(rim, "user2")
    assert numbers(rim, "nobody") == ()
    assert [row[1] for row in read(rim, number, group="any")] == ["user2"]
    assert read(rim, number, group="other") == []


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
def test_shards_are_all_the_sessions_each_once(shards: int) -> None:
    rim = world(20)
    everyone = numbers(rim)
    parts = [read(rim, *everyone, shard=shard, shards=shards) for shard in range(shards)]
    assert sorted(row[12] for part in parts for row in part) == sorted(everyone)
    for shard, part in enumerate(parts):
        assert all(shard_of(row[0], shards) == shard for row in part)


def test_a_shard_is_the_same_for_ever() -> None:
    """Also in another process: it is no hash of Python's."""
    assert shard_of("0010000000000000001F", 4) == 2


def test_readings_leave_no_trace() -> None:
    """Neither counters nor timers of a session move because somebody looks."""
    rim = world(2)
    before = rim.lns.save()
    read(rim, *numbers(rim))
    assert rim.lns.save() == before
