import pytest

from bras.radius.accounting import INTERIM_UPDATE, START, STOP
from bras.radius.records import REST_CAP_S, WOKEN_BY_ANSWER, Records, rest_s
from tests.support.radius import attribute


def records(*statuses):
    found = Records()
    for number, status in enumerate(statuses):
        found.enter(number, attribute(40, status))
    return found


def test_there_is_room_until_there_are_too_many():
    found = records(START, STOP)
    assert found.superfluous() is None
    found.most = 2
    assert found.superfluous() == 0
    found.leave(0)
    assert (len(found), found.superfluous()) == (1, None)


def test_the_oldest_interim_update_goes_before_the_oldest():
    found = records(START, INTERIM_UPDATE, STOP, INTERIM_UPDATE)
    found.most = 0
    gone = []
    while len(found):
        gone.append(found.superfluous())
        found.leave(gone[-1])
    assert gone == [1, 3, 0, 2]


def test_who_rested_longest_wakes_first():
    found = records(START, STOP, START, STOP, STOP)
    found.resting.update(dict.fromkeys((4, 2, 0)))
    assert found.wake() == [4, 2][:WOKEN_BY_ANSWER]
    found.leave(0)
    assert found.wake() == []


@pytest.mark.parametrize(
    ("rounds", "rest"), [(1, 30.0), (2, 60.0), (3, 120.0), (4, 240.0), (5, REST_CAP_S), (900, 300)]
)
def test_rests_get_longer_up_to_a_cap(rounds, rest):
    assert rest_s(rounds) == rest
