import pytest

from bras.radius.records import REST_CAP_S, WOKEN_BY_ANSWER, Records, rest_s


def records(count):
    found = Records()
    found.count = count
    return found


def test_records_are_counted():
    found = records(2)
    assert found.count == 2
    found.leave(0)
    assert found.count == 1


def test_who_rested_longest_wakes_first():
    found = records(5)
    found.resting.update(dict.fromkeys((4, 2, 0)))
    assert found.wake() == [4, 2][:WOKEN_BY_ANSWER]
    found.leave(0)
    assert found.wake() == []


@pytest.mark.parametrize(
    ("rounds", "rest"), [(1, 30.0), (2, 60.0), (3, 120.0), (4, 240.0), (5, REST_CAP_S), (900, 300)]
)
def test_rests_get_longer_up_to_a_cap(rounds, rest):
    assert rest_s(rounds) == rest
