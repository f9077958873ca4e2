from itertools import pairwise

import pytest

from bras.radius.credentials import Chap
from bras.radius.dispatch import A_TURN
from bras.radius.events import Kind, SendRadius, ServerAlive, ServerDead, Unanswered
from bras.radius.exchange import Exchanges
from bras.radius.slots import PROBE_SOCKET
from tests.support.radius import Dice, attribute, codec, config, reply_to, server

BLOB = attribute(1, b"user") + attribute(44, b"00000001")
CHAP = Chap(1, b"c" * 16, b"r" * 16)
ASKED = {"status_server": True, "probe_interval_s": 10.0, "probe_answers": 3}
MORTAL = {"timeout_s": 1.0, "max_tries": 1, "fail_count": 1}


def exchanges(*servers, **more):
    return Exchanges(config(*servers, **more), codec(), Dice())


def sends(events):
    return [event for event in events if isinstance(event, SendRadius)]


def run(machine, until):
    """Let time pass; return (instant, event)."""
    seen, now = [], 0.0
    while machine.deadline is not None and machine.deadline <= until:
        now = max(now, machine.deadline)
        seen += [(now, event) for event in machine.handle_timeout(now=now)]
    return seen


def dead(*others, kind=Kind.AUTH, **keys):
    """Return a machine whose first server was found dead; another one answered in its place."""
    machine = exchanges(server("a", **MORTAL, **keys), *others)
    if kind is Kind.AUTH:
        machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    else:
        machine.account(0, None, attribute(40, 1) + BLOB, 0.0, now=0.0)
    events = [event for _, event in run(machine, 2.0)]
    assert ServerDead("a", kind) in events
    for send in sends(events):
        answer(machine, send, 2.0)
    return machine


def next_sent(machine):
    """Let time pass until something is sent: (instant, what); the deadline may be early."""
    while True:
        now = machine.deadline
        if found := sends(machine.handle_timeout(now=now)):
            (send,) = found
            return now, send


def answer(machine, send, now, **more):
    more = {"signed": send.kind is Kind.AUTH, **more}
    data = reply_to(send.data, 2 if send.kind is Kind.AUTH else 5, **more)
    return machine.receive(send.server, send.kind, send.socket, data, now=now)


# -- how much is done in a turn


def test_no_turn_does_more_than_its_share():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=2, fail_count=10**6))
    for key in range(3 * A_TURN):
        machine.authenticate(key, None, BLOB, CHAP, now=0.0)
    again = []
    for _ in range(3):
        again.append(len(sends(machine.handle_timeout(now=1.2))))
    assert again == [A_TURN] * 3
    assert machine.deadline > 1.2


def test_what_a_dead_server_had_moves_in_turns_and_all_at_once():
    machine = exchanges(server("a", **MORTAL), server("b"))
    for key in range(3 * A_TURN):
        machine.authenticate(key, None, BLOB, CHAP, now=0.0)
    moved, died_at = [], machine.deadline
    while len(moved) < 3 * A_TURN:
        turn = sends(machine.handle_timeout(now=died_at))
        assert 0 < len(turn) <= A_TURN + 1
        moved += turn
    assert {send.server for send in moved} == {1}
    assert machine.rows(now=died_at)[0]["in_flight"] == 0


def test_what_waited_for_a_dead_server_moves_in_turns_and_all_at_once():
    """A backlog may have a hundred thousand records."""
    machine = exchanges(server("a", max_in_flight=1, **MORTAL), server("b"), server("c", group="g"))
    for key in range(5 * A_TURN):
        machine.account(key, None, attribute(40, 1) + BLOB, 0.0, now=0.5 if key else 0.0)
    died_at, waiting, moved = machine.deadline, 5 * A_TURN, []
    while waiting:
        assert machine.deadline <= died_at
        moved += sends(machine.handle_timeout(now=died_at))
        before, waiting = waiting, machine.rows(now=died_at)[1]["in_flight"]
        assert before - A_TURN <= waiting < before
    assert {send.server for send in moved} == {1}
    assert len(moved) == 5 * A_TURN
    assert machine.deadline > died_at


def test_who_has_nobody_else_to_go_to_waits_on_for_a_dead_server_in_order():
    machine = exchanges(server("a", max_in_flight=1, timeout_s=3.0, max_tries=1, fail_count=1))
    for key in range(3 * A_TURN):
        machine.account(key, None, attribute(40, 1) + BLOB, 0.0, now=0.0)
    first = [event for _, event in run(machine, 3.3) if isinstance(event, ServerDead)]
    assert first == [ServerDead("a", Kind.ACCT)]
    again = Exchanges.restore(
        machine.save(), config(server("a", max_in_flight=1, timeout_s=3.0, max_tries=1, fail_count=1)), codec(), Dice()
    )
    assert again.save() == machine.save()
    assert machine.records == 3 * A_TURN


# -- patience


@pytest.mark.parametrize("patience", [4.0, 9.5])
def test_patience_ends_a_request_wherever_it_is(patience):
    servers = (server("a", timeout_s=3.0, max_tries=1), server("b", timeout_s=60.0, max_in_flight=1))
    machine = exchanges(*servers, patience_s=patience)
    for key in range(3):
        machine.authenticate(key, None, BLOB, CHAP, now=0.0)
    over = [(at, event) for at, event in run(machine, 100.0) if isinstance(event, Unanswered)]
    assert over == [(patience, Unanswered(key)) for key in (0, 1, 2)]
    assert all(row["in_flight"] == 0 for row in machine.rows(now=100.0))


def test_running_out_of_patience_counts_against_the_server():
    machine = exchanges(server("a", timeout_s=10.0, max_tries=3, fail_count=1), patience_s=5.0)
    machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    assert [event for _, event in run(machine, 5.0)] == [Unanswered(0), ServerDead("a", Kind.AUTH)]


def test_a_record_has_all_the_time_in_the_world():
    machine = exchanges(server("a", timeout_s=10.0, max_tries=1), patience_s=5.0)
    machine.account(1, None, attribute(40, 1) + BLOB, 0.0, now=0.0)
    assert run(machine, 8.0) == []
    assert machine.records == 1


# -- Status-Server


@pytest.mark.parametrize("kind", [Kind.AUTH, Kind.ACCT])
def test_enough_answers_to_status_server_bring_a_server_back(kind):
    machine = dead(server("b"), kind=kind, dead_time_s=1000.0, **ASKED)
    for count in range(3):
        at, probe = next_sent(machine)
        assert (probe.server, probe.kind, probe.socket, probe.data[0]) == (0, kind, PROBE_SOCKET, 12)
        events = answer(machine, probe, at + 0.1)
        assert events == ([ServerAlive("a", kind)] if count == 2 else [])
    row = machine.rows(now=0.0)[kind is Kind.ACCT]
    assert (row["state"], row["probes"], row["probes_answered"]) == ("up", 3, 3)


def test_probes_come_at_jittered_intervals_for_as_long_as_it_takes():
    machine = dead(server("b"), dead_time_s=1000.0, **ASKED)
    at = [instant for instant, event in run(machine, 500.0) if isinstance(event, SendRadius) and event.data[0] == 12]
    waits = [round(after - before, 3) for before, after in pairwise(at)]
    assert len(waits) > 40
    assert all(9.0 <= wait <= 11.0 for wait in waits)
    assert len(set(waits)) > 20


def test_a_server_without_status_server_comes_back_by_time_alone():
    machine = dead(server("b"), dead_time_s=35.0, **ASKED)
    (back,) = [at for at, event in run(machine, 100.0) if event == ServerAlive("a", Kind.AUTH)]
    assert 35.0 <= back <= 37.0
    assert machine.rows(now=back)[0]["probes"] == 3


def test_who_has_answered_once_is_not_believed_by_time():
    machine = dead(server("b"), dead_time_s=35.0, **ASKED)
    _, probe = next_sent(machine)
    answer(machine, probe, 12.0)
    events = [event for _, event in run(machine, 300.0)]
    assert ServerAlive("a", Kind.AUTH) not in events
    assert ServerAlive("a", Kind.AUTH) in [event for _, event in run(machine, 1000.0)], "not for ever either"


def test_a_forged_answer_brings_nobody_back():
    machine = dead(server("b"), dead_time_s=1000.0, status_server=True, probe_answers=1)
    _, probe = next_sent(machine)
    (dropped,) = answer(machine, probe, 12.0, secret=b"x")
    assert dropped.reason.value == "radius_bad_authenticator"
    assert machine.rows(now=12.0)[0]["state"] == "dead"
    assert answer(machine, probe, 12.0) == [ServerAlive("a", Kind.AUTH)]
    assert [event.reason.value for event in answer(machine, probe, 12.0)] == ["radius_unknown_identifier"]


def test_an_answer_to_real_traffic_ends_the_probing():
    machine = dead(dead_time_s=1000.0, **ASKED)
    (send,) = machine.authenticate(1, None, BLOB, CHAP, now=3.0)
    assert ServerAlive("a", Kind.AUTH) in answer(machine, send, 3.1)
    assert run(machine, 1000.0) == []


def test_a_server_whose_slots_are_all_in_use_is_probed_all_the_same():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=8, fail_count=1, dead_time_s=1000.0, **ASKED))
    for key in range(4200):
        machine.authenticate(key, None, BLOB, CHAP, now=0.0)
    machine.unreachable(0, Kind.AUTH, 0, now=0.1)
    probes = [event for _, event in run(machine, 13.0) if isinstance(event, SendRadius) and event.data[0] == 12]
    assert len(probes) == 1


# -- another configuration


def test_a_dead_server_is_asked_or_believed_as_the_new_configuration_says():
    """One that knew Status-Server is not left for twenty times ``dead_time_s`` when nobody asks it any more."""
    keys = {"dead_time_s": 50.0, **MORTAL}
    machine = dead(server("b"), dead_time_s=50.0, **ASKED)
    at, probe = next_sent(machine)
    answer(machine, probe, at)
    assert machine.rows(now=at)[0]["dead_left_s"] > 500.0
    machine.reconfigure(config(server("a", **keys), server("b")), now=at)
    assert machine.rows(now=at)[0]["dead_left_s"] == pytest.approx(50.0)
    machine.reconfigure(config(server("a", **{**ASKED, **keys, "dead_time_s": 20.0}), server("b")), now=at + 1.0)
    events = run(machine, at + 12.0)
    assert [event.socket for _, event in events if isinstance(event, SendRadius)] == [PROBE_SOCKET]
    machine.reconfigure(config(server("a", **{**keys, "dead_time_s": 5.0}), server("b")), now=at + 12.0)
    assert ServerAlive("a", Kind.AUTH) in [event for _, event in run(machine, at + 17.1)]
