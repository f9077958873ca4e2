from bras.radius.health import LAST_RESORT, Health, Tally
from tests.support.radius import server

WITH = server(dead_time_s=30.0, status_server=True, probe_interval_s=10.0, probe_answers=3)
WITHOUT = server(dead_time_s=30.0, status_server=False)


def dead(config=WITH, spread=1.0, now=5.0):
    health = Health(100)
    health.die(config, spread, now=now)
    return health


def test_a_server_that_knows_no_status_server_comes_back_when_its_dead_time_is_over():
    assert dead().dead_until == dead(WITHOUT).dead_until == 35.0
    assert dead(WITHOUT).due_at == 35.0


def test_the_first_status_server_is_due_after_an_interval_moved_at_random():
    assert dead(spread=1.05).due_at == 5.0 + 10.5
    assert dead(server(dead_time_s=4.0, status_server=True)).due_at == 9.0, "the end of the dead time is nearer"


def test_answers_in_a_row_are_enough():
    health = dead()
    assert [health.probe_answered(WITH, now=20.0) for _ in range(3)] == [False, False, True]


def test_one_that_has_answered_once_is_waited_for_but_not_for_ever():
    health = dead()
    health.probe_answered(WITH, now=20.0)
    assert health.dead_until == 20.0 + 30.0 * LAST_RESORT
    health.live()
    assert health.due_at is None
    health.die(WITH, 1.0, now=100.0)
    assert health.dead_until == 100.0 + 30.0 * LAST_RESORT
    health.live()
    health.die(WITHOUT, 1.0, now=100.0)
    assert health.dead_until == 130.0


def test_life_ends_the_asking():
    health = dead()
    health.probe.authenticator, health.probe.answers, health.failures = b"x" * 16, 2, 5
    health.live()
    assert (health.dead_until, health.failures, health.due_at) == (None, 0, None)
    assert (health.probe.authenticator, health.probe.answers) == (b"", 0)


def test_plain_data_and_back():
    health = dead()
    health.failures, health.window = 3, 17
    health.probe.authenticator, health.probe.answers, health.probe.knows, health.probe.identifier = b"x", 2, True, 9
    assert Health.restore(health.save()).save() == health.save()
    assert Health.restore(Health().save()).save() == Health().save()
    tally = Tally(1, 2, 3, 4, 5, 6)
    assert Tally(*tally.save()).save() == tally.save()
