import pytest

from bras.errors import DropReason
from bras.radius.events import Kind, ReplyDropped
from bras.radius.health import PROBES
from bras.radius.service import Service
from bras.radius.slots import MAX_IN_FLIGHT
from bras.secret import Secret
from tests.support.radius import server


def service(kind=Kind.AUTH, **more):
    return Service(0, 0, kind, server(**{"fail_count": 2, "dead_time_s": 30.0, **more}))


def kill(one, now=0.0):
    while not one.fail():
        pass
    one.die(1.0, now=now)


def test_a_server_is_dead_after_enough_failures_in_a_row():
    one = service()
    assert not one.fail()
    one.answer()
    assert not one.fail()
    assert one.fail()
    one.die(1.0, now=5.0)
    assert one.health.dead_until == 35.0
    assert not one.fail(), "it is dead already"
    assert one.answer()
    assert not one.is_dead


def test_a_dead_accounting_server_gets_probes_and_more_with_each_answer():
    one = service(Kind.ACCT)
    assert one.health.window == MAX_IN_FLIGHT
    kill(one)
    assert one.health.window == PROBES
    one.answer()
    assert one.health.window == PROBES + 1


@pytest.mark.parametrize("most", [5, 100])
def test_no_more_than_max_in_flight_at_a_time(most):
    one = service(Kind.ACCT, max_in_flight=most)
    one.sent = dict.fromkeys(range(most - 1), (0, b"", one.secret))
    assert one.has_room()
    one.sent[most] = (0, b"", one.secret)
    assert not one.has_room()
    kill(one)
    assert one.health.window == min(PROBES, most)
    for _ in range(most):
        one.answer()
    assert one.health.window == most


def test_only_access_requests_ask_for_signed_replies():
    assert service().signed
    assert not service(Kind.ACCT).signed
    assert not service(message_authenticator="if-present").signed


def test_the_intervals_are_those_of_rfc_5080():
    one = service(timeout_s=2.0, timeout_cap_s=16.0, max_tries=5)
    intervals = [2.0]
    while len(intervals) < 6:
        intervals.append(one.next_interval_s(intervals[-1], 1.0))
    assert intervals == [2.0, 4.0, 8.0, 16.0, 16.0, 16.0]
    assert one.next_interval_s(4.0, 1.1) == pytest.approx(2 * 4.0 + 0.1 * 4.0)
    assert one.next_interval_s(16.0, 0.9) == pytest.approx(16.0 - 0.1 * 16.0)
    assert one.patience_s == 2.0 + 4.0 + 8.0 + 16.0 + 16.0
    assert service(timeout_s=2.0, timeout_cap_s=0.0, max_tries=6).patience_s == 2.0 * 63


def test_other_keys_take_effect_at_once():
    one = service()
    secret, kept = one.secret, (0, b"", one.secret)
    one.sent[5] = kept
    one.apply(server(fail_count=1, weight=7, message_authenticator="if-present"))
    assert one.secret is secret
    assert not one.signed
    assert one.fail()
    one.apply(server(secret=b"new"))
    assert one.secret is not secret
    assert one.sent[5] is kept


def test_another_window_is_that_of_a_server_that_lives():
    one = service(Kind.ACCT)
    one.apply(server(max_in_flight=50))
    assert one.health.window == 50
    one.apply(server(max_in_flight=80))
    assert one.health.window == 80
    kill(one)
    one.apply(server(max_in_flight=90))
    assert one.health.window == PROBES
    one.apply(server(max_in_flight=4))
    assert one.health.window == 4


def test_probing_ends_where_it_is_not_wanted_any_more():
    one = service(status_server=True)
    kill(one)
    assert one.health.probe.due_at is not None
    one.apply(server(status_server=False))
    assert one.health.due_at == 30.0


def test_rows_are_those_of_the_contract():
    one = service(weight=3)
    one.drop(DropReason.RADIUS_SHORT)
    assert one.drop(DropReason.RADIUS_SHORT) == ReplyDropped("one", Kind.AUTH, DropReason.RADIUS_SHORT)
    row = one.row(now=0.0)
    expected = {"server": "one", "address": "192.0.2.1", "port": 1812, "kind": "auth", "group": None, "state": "up"}
    assert expected.items() <= row.items()
    assert (row["dead_left_s"], row["dropped"], row["requests"], row["in_flight"]) == (None, 2, 0, 0)
    assert (row["weight"], row["probes"], row["probes_answered"]) == (3, 0, 0)
    kill(one)
    assert (one.row(now=10.0)["state"], one.row(now=10.0)["dead_left_s"]) == ("dead", 20.0)
    expected = {"server": "one", "kind": "auth", "up": False, "requests": 0, "in_flight": 0}
    assert one.census() == expected | {"queued": 0, "unanswered": 2, "probes": 0, "probes_answered": 0}
    assert service(Kind.ACCT).row(now=0.0)["port"] == 1813


def test_plain_data_and_back():
    one, again = service(), Service(7, 7, Kind.AUTH, server())
    kill(one)
    one.queue[3] = None
    one.tally.probes = 5
    again.take_back(one.save())
    assert again.save() == one.save()


def test_a_secret_does_not_show():
    assert "geheim" not in repr(service(secret=b"geheim").save())
    assert Secret(b"geheim") not in service(secret=b"geheim").save().values()
