"""Whatever weights, loads and deaths: every choice is allowed, shares are what they should be, and state goes on."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bras.radius.events import Kind
from bras.radius.selection import LEAST_OUTSTANDING, WAYS, WEIGHTED, Group
from bras.radius.service import Service
from tests.support.radius import server

weights = st.lists(st.integers(1, 20), min_size=1, max_size=6)
fleets = st.lists(
    st.tuples(st.integers(1, 20), st.booleans(), st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=6
)
"""(weight, dead, requests under way, requests that wait) of each server."""


def group(select: str, fleet: list[tuple[int, bool, int, int]]) -> Group:
    made = Group(select)
    for number, (weight, dead, sent, waiting) in enumerate(fleet):
        service = Service(number, number, Kind.AUTH, server(str(number), weight=weight, max_in_flight=10))
        service.health.dead_until = 1.0 if dead else None
        service.sent = dict.fromkeys(range(min(sent, 10)), (0, b"", service.secret))
        service.queue.update(dict.fromkeys(range(waiting)))
        made.services.append(service)
    return made


@given(weights, st.integers(1, 4))
def test_each_gets_its_share_of_every_round_exactly(shares: list[int], rounds: int) -> None:
    made = group(WEIGHTED, [(weight, False, 0, 0) for weight in shares])
    for _ in range(rounds):
        chosen = Counter(one.number for _ in range(sum(shares)) if (one := made.choose(0)) is not None)
        assert [chosen[number] for number in range(len(shares))] == shares


@given(weights)
def test_nobody_is_ever_far_from_its_share(shares: list[int]) -> None:
    made, chosen = group(WEIGHTED, [(weight, False, 0, 0) for weight in shares]), Counter[int]()
    for count in range(1, 2 * sum(shares) + 1):
        service = made.choose(0)
        assert service is not None
        chosen[service.number] += 1
        for number, weight in enumerate(shares):
            assert abs(chosen[number] - count * weight / sum(shares)) <= len(shares)


@given(st.sampled_from(WAYS), fleets, st.integers(0, 63))
def test_who_is_chosen_was_not_asked_and_lives_if_anybody_does(
    select: str, fleet: list[tuple[int, bool, int, int]], tried: int
) -> None:
    made = group(select, fleet)
    chosen = made.choose(tried)
    assert (chosen is not None) is made.has_other(tried)
    if chosen is None:
        living = [one for one in made.services if not one.is_dead] or made.services
        assert all(tried >> one.number & 1 for one in living)
        return
    assert not tried >> chosen.number & 1
    assert not chosen.is_dead or all(one.is_dead for one in made.services)


@given(fleets, st.integers(0, 63))
def test_the_least_loaded_for_its_weight_is_chosen(fleet: list[tuple[int, bool, int, int]], tried: int) -> None:
    made = group(LEAST_OUTSTANDING, fleet)
    living = [one for one in made.services if not one.is_dead] or made.services
    allowed = [one for one in living if not tried >> one.number & 1]
    roomy = [one for one in allowed if one.has_room() and not one.queue] or allowed
    chosen = made.choose(tried)
    if roomy:
        assert chosen in roomy
        assert chosen.outstanding / chosen.config.weight == min(one.outstanding / one.config.weight for one in roomy)


@given(st.sampled_from(WAYS), fleets, st.lists(st.integers(0, 63), max_size=20), st.integers(0, 20))
def test_a_saved_group_goes_on_as_it_would_have(
    select: str, fleet: list[tuple[int, bool, int, int]], tries: list[int], before: int
) -> None:
    made, again = group(select, fleet), group(select, fleet)
    for _ in range(before):
        made.choose(0)
    again.balance = dict(made.save())
    for tried in tries:
        first, second = made.choose(tried), again.choose(tried)
        assert (first and first.number) == (second and second.number)
