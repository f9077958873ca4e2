from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bras.lns.interims import A_TURN, Interims
from bras.plain import decode, encode
from bras.subscriber.subscriber import Subscriber
from tests.unit.subscriber.pair import LEG, LINE, settings

SHARED = settings()


def session(number: int, at: float | None) -> Subscriber:
    subscriber = Subscriber(number, number, LINE, LEG, SHARED, bytes, now=0.0)
    subscriber.instants.interim_at = at
    return subscriber


def due(interims: Interims, now: float) -> list[int]:
    served, found = interims.come_due(now), list[int]()
    while served:
        found.append(served.popleft())
    return found


def test_those_of_one_instant_come_together_and_in_time() -> None:
    interims = Interims()
    for number, at in enumerate((5.0, 3.0, 5.0, 4.0, None), 1):
        interims.follow(session(number, at))
    assert (len(interims), interims.next_deadline) == (4, 3.0)
    assert due(interims, 2.9) == []
    assert due(interims, 4.0) == [2, 4]
    assert interims.next_deadline == 5.0
    assert due(interims, 9.0) == [1, 3]
    assert (len(interims), interims.next_deadline) == (0, None)


def test_a_session_is_in_one_place() -> None:
    interims, one = Interims(), session(1, 5.0)
    interims.follow(one)
    interims.follow(one)
    assert len(interims) == 1
    one.instants.interim_at = 7.0
    interims.follow(one)
    assert due(interims, 6.0) == []
    assert due(interims, 7.0) == [1]
    one.instants.interim_at = None
    interims.follow(one)
    assert (len(interims), one.forwarding.interim_at) == (0, None)


def test_who_goes_is_nowhere_even_while_it_is_being_served() -> None:
    interims, stays, goes = Interims(), session(1, 5.0), session(2, 5.0)
    for one in (stays, goes):
        interims.follow(one)
    interims.leave(goes)
    assert len(interims) == 1
    assert due(interims, 5.0) == [1]
    interims.leave(stays)
    interims.leave(stays)
    assert stays.forwarding.interim_at is None
    assert len(interims) == 0


def test_of_many_some_have_the_next_turn() -> None:
    interims = Interims()
    for number in range(A_TURN + 10):
        interims.follow(session(number, 5.0))
    interims.follow(session(1000, 6.0))
    assert due(interims, 6.0) == list(range(A_TURN))
    assert interims.next_deadline == 5.0, "at once"
    assert due(interims, 6.0) == [*range(A_TURN, A_TURN + 10), 1000]


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([None, 1.0, 2.0, 3.0, 4.0]), st.booleans()), max_size=60))
def test_it_is_due_once_when_the_session_says_so_whatever_was_before(
    steps: list[tuple[int, float | None, bool]],
) -> None:
    interims, sessions = Interims(), {number: session(number, None) for number in range(10)}
    for number, at, goes in steps:
        sessions[number].instants.interim_at = at
        (interims.leave if goes else interims.follow)(sessions[number])
        saved = interims.save()
        interims = Interims.restore(decode(encode(saved)))
        assert interims.save() == saved
    for now in (1.0, 2.0, 3.0, 4.0):
        expected = [number for number, one in sessions.items() if one.forwarding.interim_at == now]
        assert sorted(due(interims, now)) == expected
    assert interims.next_deadline is None
