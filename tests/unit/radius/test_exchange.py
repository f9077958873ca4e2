from itertools import pairwise

import pytest

from bras.errors import DropReason
from bras.radius.accounting import INTERIM_UPDATE, START, STOP
from bras.radius.codec import SharedSecret
from bras.radius.credentials import Chap, Pap, reveal
from bras.radius.events import (
    Accepted,
    AccountingAcknowledged,
    AccountingUnanswered,
    Answered,
    Kind,
    Rejected,
    ReplyDropped,
    Resent,
    SendRadius,
    ServerAlive,
    ServerDead,
    Unanswered,
)
from bras.radius.exchange import Exchanges
from bras.radius.health import PROBES
from bras.radius.records import REST_CAP_S, WOKEN_BY_ANSWER
from bras.radius.slots import MAX_IN_FLIGHT
from tests.support.radius import SECRET, Dice, attribute, attributes_of, codec, config, reply_to, server

BLOB = attribute(1, b"user") + attribute(44, b"00000001")
CHAP = Chap(1, b"c" * 16, b"r" * 16)
AUTH, ACCT = Kind.AUTH, Kind.ACCT


def exchanges(*servers, **more):
    return Exchanges(config(*servers, **more), codec(), Dice())


def record(status=START):
    return attribute(40, status) + BLOB


def sends(events):
    return [event for event in events if isinstance(event, SendRadius)]


def others(events):
    return [event for event in events if not isinstance(event, SendRadius | Resent)]


def answer(machine, send, code=None, *, now=0.0, **more):
    data = reply_to(send.data, code or (2 if send.kind is AUTH else 5), **more)
    return machine.receive(send.server, send.kind, send.socket, data, now=now)


def run(machine, until, drop=lambda send: None):
    """Let time pass; ``drop`` sees every transmission.  Return (instant, event) of the rest."""
    seen = []
    now = 0.0
    while machine.deadline is not None and machine.deadline <= until:
        now = max(now, machine.deadline)
        for event in machine.handle_timeout(now=now):
            if isinstance(event, SendRadius):
                drop(event)
            seen.append((now, event))
    return seen


# -- one request


def test_an_access_request_is_sent_at_once_and_its_answer_understood():
    machine = exchanges()
    (send,) = machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    assert (send.server, send.kind, send.socket) == (0, AUTH, 0)
    assert [code for code, _ in attributes_of(send.data)] == [80, 1, 44, 3, 60]
    events = answer(machine, send, now=0.25)
    assert events[0] == Answered("one", AUTH, 2, 0.25, 5)
    assert isinstance(events[1], Accepted)
    assert events[1].key == 5
    assert machine.rows(now=0.0)[0]["in_flight"] == 0
    assert not run(machine, 1000.0)


def test_a_rejection():
    machine = exchanges()
    (send,) = machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    assert answer(machine, send, 3, attributes=attribute(18, b"no"))[1] == Rejected(5, "one", "no", b"", "reject")


def test_a_retransmission_is_the_same_packet_after_doubling_jittered_intervals():
    machine = exchanges(server(timeout_s=3.0, max_tries=3))
    (send,) = machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    seen = run(machine, 1000.0)
    assert [type(event) for _, event in seen] == [Resent, SendRadius, Resent, SendRadius, Unanswered]
    assert all(event == send for _, event in seen if isinstance(event, SendRadius))
    at = [0.0] + [instant for instant, event in seen if isinstance(event, SendRadius | Unanswered)]
    first, second, third = (after - before for before, after in pairwise(at))
    assert 2.7 <= first <= 3.3
    assert 1.9 * first <= second <= 2.1 * first
    assert 1.9 * second <= third <= 2.1 * second
    assert len({round(first, 3), round(second / 2, 3), round(third / 4, 3)}) == 3


def test_the_time_of_an_answer_counts_from_the_first_transmission():
    machine = exchanges()
    machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    again = sends(machine.handle_timeout(now=machine.deadline))[0]
    assert answer(machine, again, now=4.0)[0] == Answered("one", AUTH, 2, 4.0, 5)


def test_authenticators_and_identifiers_differ_from_request_to_request():
    machine = exchanges()
    seen = set()
    for key in range(100):
        (send,) = machine.authenticate(key, None, BLOB, CHAP, now=0.0)
        seen.add((send.data[1], send.data[4:20]))
        answer(machine, send)
    assert len({identifier for identifier, _ in seen}) == len({authenticator for _, authenticator in seen}) == 100


def test_nobody_to_ask():
    machine = exchanges(server(auth_port=0, acct_port=0))
    assert machine.authenticate(5, None, BLOB, CHAP, now=0.0) == [Unanswered(5)]
    assert machine.authenticate(5, "other", BLOB, CHAP, now=0.0) == [Unanswered(5)]
    assert machine.deadline is None


def test_a_record_that_nobody_takes_waits_until_somebody_does():
    machine = exchanges(server(acct_port=0))
    assert machine.account(1, None, record(), 0.0, now=0.0) == [AccountingUnanswered(1)]
    machine.reconfigure(config(server()), now=1.0)
    (send,) = [event for event in machine.handle_timeout(now=60.0) if isinstance(event, SendRadius)]
    assert AccountingAcknowledged(1, "one") in answer(machine, send)


@pytest.mark.parametrize(("blob", "credentials"), [(b"", CHAP), (attribute(44, b"x"), CHAP), (BLOB, Pap(b"x" * 129))])
def test_what_radius_cannot_carry_is_refused_without_asking(blob, credentials):
    machine = exchanges()
    assert machine.authenticate(5, None, blob, credentials, now=0.0) == [Rejected(5, "", "", b"", "unsupported")]
    assert machine.deadline is None


def test_a_second_question_under_the_same_key_replaces_the_first():
    machine = exchanges()
    (first,) = machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    (second,) = machine.authenticate(5, None, BLOB, CHAP, now=1.0)
    assert answer(machine, first) == [ReplyDropped("one", AUTH, DropReason.RADIUS_LATE)]
    assert isinstance(answer(machine, second)[1], Accepted)


def test_cancel_forgets_and_lets_the_next_one_go():
    machine = exchanges()
    first = [sends(machine.authenticate(key, None, BLOB, CHAP, now=0.0)) for key in range(MAX_IN_FLIGHT)]
    assert machine.authenticate(9999, None, BLOB, CHAP, now=0.0) == []
    (send,) = machine.cancel(0, now=0.5)
    assert (send.socket, send.data[1]) == (first[0][0].socket, first[0][0].data[1])
    assert machine.cancel(0, now=0.5) == []
    assert answer(machine, send)[1].key == 9999


# -- replies that are not believed


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda send: b"", DropReason.RADIUS_SHORT),
        (lambda send: bytes(19), DropReason.RADIUS_SHORT),
        (lambda send: reply_to(send.data, 2, secret=b"forged"), DropReason.RADIUS_BAD_AUTHENTICATOR),
        (lambda send: reply_to(send.data, 2, signed=False), DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR),
        (lambda send: reply_to(send.data, 5), DropReason.RADIUS_UNEXPECTED_CODE),
        (lambda send: reply_to(send.data, 2, b"\x08\x03\x00"), DropReason.RADIUS_BAD_ATTRIBUTE),
        (lambda send: send.data, DropReason.RADIUS_BAD_AUTHENTICATOR),
    ],
)
def test_a_forged_reply_is_dropped_and_the_true_one_still_counts(spoil, reason):
    machine = exchanges()
    (send,) = machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    assert machine.receive(0, AUTH, 0, spoil(send), now=0.0) == [ReplyDropped("one", AUTH, reason)]
    assert isinstance(answer(machine, send)[1], Accepted)
    assert machine.rows(now=0.0)[0]["dropped"] == 1


def test_if_present_takes_unsigned_replies():
    machine = exchanges(server(message_authenticator="if-present"))
    (send,) = machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    assert isinstance(answer(machine, send, signed=False)[1], Accepted)


def test_a_duplicate_reply_and_one_to_nothing_are_dropped():
    machine = exchanges()
    (send,) = machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    answer(machine, send)
    unknown = [ReplyDropped("one", AUTH, DropReason.RADIUS_UNKNOWN_IDENTIFIER)]
    assert answer(machine, send) == [ReplyDropped("one", AUTH, DropReason.RADIUS_DUPLICATE)]
    forged = answer(machine, send, secret=b"forged")
    assert forged == [ReplyDropped("one", AUTH, DropReason.RADIUS_BAD_AUTHENTICATOR)]
    assert machine.receive(0, AUTH, 7, reply_to(send.data, 2), now=0.0) == unknown
    assert machine.receive(3, AUTH, 0, reply_to(send.data, 2), now=0.0) == []


def test_a_late_reply_meets_a_new_request_with_its_identifier_in_vain():
    machine = exchanges(server(max_tries=1))
    (old,) = machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    run(machine, 100.0)
    for key in range(1, 2000):
        (send,) = machine.authenticate(key, None, BLOB, CHAP, now=200.0)
        if send.data[1] == old.data[1] and send.socket == old.socket:
            break
        answer(machine, send)
    assert answer(machine, old) == [ReplyDropped("one", AUTH, DropReason.RADIUS_LATE)]
    forged = answer(machine, old, secret=b"forged")
    assert forged == [ReplyDropped("one", AUTH, DropReason.RADIUS_BAD_AUTHENTICATOR)]
    assert isinstance(answer(machine, send)[1], Accepted)


# -- several servers


def test_a_silent_server_is_left_for_the_next_with_a_request_of_its_own_secret():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=2), server("b", secret=b"other"))
    (first,) = machine.authenticate(5, None, BLOB, Pap(b"pass"), now=0.0)
    seen = run(machine, 4.0)
    second = sends([event for _, event in seen])[-1]
    assert (first.server, second.server) == (0, 1)
    assert answer(machine, second, secret=b"other")[0] == Answered("b", AUTH, 2, -seen[-1][0], 5)


def test_all_silent_ends_in_unanswered():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=2), server("b", timeout_s=1.0, max_tries=1))
    machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    seen = run(machine, 100.0)
    assert [event.server for event in sends([event for _, event in seen])] == [0, 1]
    assert others([event for _, event in seen]) == [Unanswered(5)]


def test_a_server_that_leaves_enough_unanswered_is_dead_and_what_it_has_moves_on_at_once():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=1, fail_count=3, dead_time_s=30.0), server("b"))
    for key in range(3):
        machine.authenticate(key, None, BLOB, CHAP, now=0.0)
    machine.authenticate(3, None, BLOB, CHAP, now=0.8)
    seen = [event for _, event in run(machine, 1.2)]
    assert others(seen) == [ServerDead("a", AUTH)]
    assert [send.server for send in sends(seen)] == [1, 1, 1, 1]
    assert machine.authenticate(4, None, BLOB, CHAP, now=2.0)[0].server == 1


def test_when_the_dead_time_is_over_it_is_asked_again():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=1, fail_count=1, dead_time_s=30.0), server("b"))
    machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    (died_at,) = [at for at, event in run(machine, 2.0) if event == ServerDead("a", AUTH)]
    machine.cancel(0, now=2.0)
    revived = [(at, event) for at, event in run(machine, 100.0) if isinstance(event, ServerAlive)]
    assert revived == [(died_at + 30.0, ServerAlive("a", AUTH))]
    assert machine.authenticate(1, None, BLOB, CHAP, now=100.0)[0].server == 0


def test_an_only_server_is_asked_though_dead_and_its_answer_revives_it():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=1, fail_count=1, dead_time_s=30.0))
    machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    assert [event for _, event in run(machine, 2.0)] == [ServerDead("a", AUTH), Unanswered(0)]
    assert machine.rows(now=2.0)[0]["state"] == "dead"
    (send,) = machine.authenticate(1, None, BLOB, CHAP, now=3.0)
    assert ServerAlive("a", AUTH) in answer(machine, send, now=3.1)
    assert machine.rows(now=2.0)[0]["state"] == "up"
    assert not run(machine, 1000.0)


def test_authentication_and_accounting_die_apart():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=1, fail_count=1))
    machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    run(machine, 2.0)
    assert [row["state"] for row in machine.rows(now=2.0)] == ["dead", "up"]
    assert [row["up"] for row in machine.census()] == [False, True]


def test_a_closed_port_sends_everything_to_the_next_server_now():
    machine = exchanges(server("a", fail_count=3), server("b"))
    for key in range(2):
        machine.authenticate(key, None, BLOB, CHAP, now=0.0)
    events = machine.unreachable(0, AUTH, 0, now=0.1)
    assert [(send.server, send.kind) for send in sends(events)] == [(1, AUTH), (1, AUTH)]
    assert others(events) == []
    machine.authenticate(3, None, BLOB, CHAP, now=0.2)
    assert others(machine.unreachable(0, AUTH, 0, now=0.3)) == [ServerDead("a", AUTH)]
    assert machine.unreachable(0, AUTH, 0, now=0.4) == []
    assert machine.unreachable(9, AUTH, 0, now=0.4) == []


def test_a_closed_port_without_another_server_leaves_the_request_to_its_timer():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=2, fail_count=10))
    (send,) = machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    assert machine.unreachable(0, AUTH, 0, now=0.1) == []
    assert isinstance(answer(machine, send)[1], Accepted)


# -- more requests than identifiers


def test_more_than_256_requests_take_more_sockets():
    machine = exchanges()
    sent = [machine.authenticate(key, None, BLOB, CHAP, now=0.0)[0] for key in range(1000)]
    assert len({(send.socket, send.data[1]) for send in sent}) == 1000
    assert {send.socket for send in sent} == {0, 1, 2, 3}
    for key, send in reversed(list(enumerate(sent))):
        assert answer(machine, send)[1].key == key


def test_more_than_all_identifiers_wait_their_turn_in_order():
    machine = exchanges()
    sent = [machine.authenticate(key, None, BLOB, CHAP, now=0.0)[0] for key in range(MAX_IN_FLIGHT)]
    for key in range(MAX_IN_FLIGHT, MAX_IN_FLIGHT + 5):
        assert machine.authenticate(key, None, BLOB, CHAP, now=0.0) == []
    row = machine.rows(now=0.0)[0]
    assert (row["in_flight"], row["queued"], row["sockets"]) == (MAX_IN_FLIGHT + 5, 5, 16)
    turn = [answer(machine, send)[2] for send in sent[:5]]
    assert [answer(machine, send)[1].key for send in turn] == list(range(MAX_IN_FLIGHT, MAX_IN_FLIGHT + 5))


def test_waiting_in_the_queue_has_an_end_too():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=2, fail_count=10**6))
    for key in range(MAX_IN_FLIGHT + 1):
        machine.authenticate(key, None, BLOB, CHAP, now=0.0)
    seen = [event for _, event in run(machine, 20.0)]
    assert {event.key for event in seen if isinstance(event, Unanswered)} == set(range(MAX_IN_FLIGHT + 1))
    assert machine.rows(now=20.0)[0]["in_flight"] == 0


# -- accounting


def test_a_record_is_acknowledged():
    machine = exchanges()
    (send,) = machine.account(1, None, record(), 0.0, now=0.0)
    assert send.kind is ACCT
    assert machine.records == 1
    assert answer(machine, send, now=0.5) == [Answered("one", ACCT, 5, 0.5), AccountingAcknowledged(1, "one")]
    assert machine.records == 0
    assert not run(machine, 1000.0)


def test_a_record_told_twice_is_sent_once():
    machine = exchanges()
    assert len(machine.account(1, None, record(), 0.0, now=0.0)) == 1
    assert machine.account(1, None, record(), 0.0, now=0.0) == []


def test_its_delay_grows_with_a_new_identifier_each_time_and_any_answer_counts():
    machine = exchanges(server(timeout_s=3.0, max_tries=3))
    (first,) = machine.account(1, None, record(), -2.5, now=0.0)
    again = sends([event for _, event in run(machine, 12.0)])
    delays = [int.from_bytes(attributes_of(send.data)[-1][1], "big") for send in (first, *again)]
    assert delays[0] == 2
    assert delays == sorted(set(delays))
    assert len({send.data[1] for send in (first, *again)}) == 3
    assert AccountingAcknowledged(1, "one") in answer(machine, first, now=12.0)
    assert others(answer(machine, again[0])) == [ReplyDropped("one", ACCT, DropReason.RADIUS_DUPLICATE)]
    assert machine.records == 0


def test_a_record_is_never_given_up_and_rests_longer_up_to_a_cap():
    machine = exchanges(server(timeout_s=1.0, max_tries=1, fail_count=10**6))
    machine.account(1, None, record(STOP), 0.0, now=0.0)
    seen = run(machine, 40_000.0)
    unanswered = [at for at, event in seen if isinstance(event, AccountingUnanswered)]
    sent = [at for at, event in seen if isinstance(event, SendRadius)]
    rests = [after - before for before, after in zip(unanswered, sent, strict=False)]
    assert len(sent) > 100
    assert 27.0 <= rests[0] <= 33.0
    assert all(rest <= REST_CAP_S * 1.1 for rest in rests)
    assert max(rests) >= REST_CAP_S * 0.9
    assert machine.records == 1


def test_an_answer_wakes_those_that_rest():
    machine = exchanges(server(timeout_s=1.0, max_tries=1, fail_count=10**6))
    for number in range(5):
        machine.account(number, None, record(), 0.0, now=0.0)
    run(machine, 5.0)
    (send,) = machine.account(99, None, record(), 5.0, now=5.0)
    woken = sends(answer(machine, send, now=5.1))
    assert len(woken) == WOKEN_BY_ANSWER
    acknowledged = set()
    while woken:
        events = answer(machine, woken.pop(0), now=5.2)
        acknowledged |= {event.record for event in events if isinstance(event, AccountingAcknowledged)}
        woken += sends(events)
    assert acknowledged == set(range(5))
    assert machine.records == 0


def test_a_dead_accounting_server_gets_a_few_probes_and_then_all_of_the_backlog():
    machine = exchanges(server(timeout_s=1.0, max_tries=1, fail_count=1, dead_time_s=600.0))
    machine.account(0, None, record(), 0.0, now=0.0)
    run(machine, 2.0)
    sent = []
    for number in range(1, 200):
        sent += sends(machine.account(number, None, record(), 2.0, now=2.0))
    assert len(sent) == PROBES
    acknowledged = set()
    while sent:
        events = answer(machine, sent.pop(0), now=2.1)
        acknowledged |= {event.record for event in events if isinstance(event, AccountingAcknowledged)}
        sent += sends(events)
    assert acknowledged == set(range(200))


def test_a_record_that_is_withdrawn_is_told_no_more_and_the_next_has_its_place():
    machine = exchanges(server(max_in_flight=1))
    (first,) = sends(machine.account(1, None, record(INTERIM_UPDATE), 0.0, now=0.0))
    assert sends(machine.account(2, None, record(INTERIM_UPDATE), 0.0, now=0.0)) == []
    (second,) = sends(machine.withdraw(1, now=0.1))
    assert machine.records == 1
    assert machine.withdraw(1, now=0.1) == []
    assert machine.withdraw(7, now=0.1) == []
    assert not any(isinstance(event, AccountingAcknowledged) for event in answer(machine, first, now=0.2)), "too late"
    assert AccountingAcknowledged(2, "one") in answer(machine, second, now=0.2)


def test_a_record_that_rests_can_be_withdrawn():
    machine = exchanges(server(max_tries=1, timeout_s=1.0))
    machine.account(1, None, record(INTERIM_UPDATE), 0.0, now=0.0)
    assert AccountingUnanswered(1) in machine.handle_timeout(now=2.0)
    assert machine.withdraw(1, now=3.0) == []
    assert sends(machine.handle_timeout(now=1000.0)) == []
    assert machine.records == 0


def test_records_that_rest_are_roused_two_at_a_time():
    machine = exchanges(server(max_tries=1, timeout_s=1.0, fail_count=100))
    assert machine.rouse(now=0.0) == []
    for number in range(5):
        machine.account(number, None, record(START), 0.0, now=0.0)
    machine.handle_timeout(now=2.0)
    assert len(sends(machine.rouse(now=3.0))) == 2


# -- what is counted


def test_rows_count_requests_repetitions_answers_and_drops():
    machine = exchanges(server(timeout_s=1.0))
    machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    send = sends(machine.handle_timeout(now=2.0))[0]
    machine.receive(0, AUTH, 0, b"", now=2.0)
    answer(machine, send)
    row = machine.rows(now=2.0)[0]
    assert (row["requests"], row["resent"], row["answered"], row["dropped"]) == (1, 1, 1, 1)
    row = {"server": "one", "kind": "auth", "up": True, "requests": 1, "in_flight": 0}
    assert machine.census()[0] == row | {"queued": 0, "unanswered": 0, "probes": 0, "probes_answered": 0}


def test_requests_that_a_server_leaves_unanswered_are_counted_once_each():
    machine = exchanges(server(timeout_s=1.0, max_tries=2))
    for key in (0, 1):
        machine.authenticate(key, None, BLOB, CHAP, now=0.0)
    for now in (2.0, 6.0, 12.0):
        machine.handle_timeout(now=now)
    figures = machine.census()[0]
    assert (figures["requests"], figures["unanswered"], figures["in_flight"], figures["queued"]) == (2, 2, 0, 0)


def test_requests_that_wait_for_their_turn_are_queued():
    machine = exchanges(server(max_in_flight=1))
    for key in (0, 1, 2):
        machine.authenticate(key, None, BLOB, CHAP, now=0.0)
    figures = machine.census()[0]
    assert (figures["requests"], figures["in_flight"], figures["queued"]) == (1, 3, 2)


def test_secrets_and_passwords_do_not_show_in_what_is_saved():
    machine = exchanges()
    machine.authenticate(0, None, BLOB, Pap(b"geheimnis"), now=0.0)
    saved = repr(machine.save())
    assert "geheimnis" not in saved
    assert SECRET.decode() not in saved


def test_restored_among_other_servers_the_records_are_kept_and_offered_anew():
    machine = exchanges(server("a"))
    machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    machine.account(1, None, record(STOP), 0.0, now=0.0)
    again = Exchanges.restore(machine.save(), config(server("b")), codec(), Dice())
    assert again.records == 1
    (send,) = sends([event for _, event in run(again, 4.0)])
    assert AccountingAcknowledged(1, "b") in answer(again, send)


# -- another configuration


def test_what_a_removed_server_had_goes_to_the_others():
    machine = exchanges(server("a"), server("b"))
    machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    machine.account(1, None, record(), 0.0, now=0.0)
    assert machine.reconfigure(config(server("b")), codec(), now=1.0) == []
    moved = sends(machine.handle_timeout(now=1.0))
    assert sorted((send.server, send.kind.value) for send in moved) == [(1, "acct"), (1, "auth")]
    outcomes = [answer(machine, send, now=1.1)[1] for send in moved]
    assert {type(outcome) for outcome in outcomes} == {Accepted, AccountingAcknowledged}
    assert machine.receive(0, AUTH, 0, bytes(40), now=1.2) == [], "nobody speaks for it any more"


def test_the_last_server_of_a_group_is_removed():
    machine = exchanges(server("a", group="g"), server("b"))
    machine.authenticate(0, "g", BLOB, CHAP, now=0.0)
    machine.account(1, "g", record(), 0.0, now=0.0)
    machine.reconfigure(config(server("b")), codec(), now=1.0)
    assert set(machine.handle_timeout(now=1.0)) == {Unanswered(0), AccountingUnanswered(1)}
    assert machine.account(2, "g", record(STOP), 2.0, now=2.0) == [AccountingUnanswered(2)]
    assert not sends([event for _, event in run(machine, 3000.0)])
    assert machine.records == 2, "no record is lost"
    machine.reconfigure(config(server("b"), server("new", group="g")), codec(), now=4000.0)
    sent = sends(machine.handle_timeout(now=4000.0))
    done = {event.record for send in sent for event in answer(machine, send, now=4000.1) if hasattr(event, "record")}
    assert done == {1, 2}


def test_no_request_authenticator_is_sent_under_two_identifiers():
    """RFC 2865 section 4.1: not to another server, and not under another secret."""
    machine = exchanges(server("a", timeout_s=1.0, max_tries=2), server("b", timeout_s=1.0, max_tries=2))
    sent = machine.authenticate(0, None, BLOB, Pap(b"pass"), now=0.0)
    sent += sends([event for _, event in run(machine, 3.5)])
    assert {send.server for send in sent} == {0, 1}
    machine.reconfigure(config(server("b", timeout_s=1.0, max_tries=2, secret=b"new")), codec(), now=3.6)
    sent += sends([event for _, event in run(machine, 5.0)])
    machine.reconfigure(config(server("c")), codec(), now=5.1)
    sent += sends(machine.handle_timeout(now=5.1))
    uses = {(send.server, send.data[1]): send.data[4:20] for send in sent}
    assert len(uses) == len(set(uses.values())) == 4
    assert len({send.data for send in sent}) == 4
    last = sent[-1].data
    assert reveal(dict(attributes_of(last))[2], last[4:20], SharedSecret(SECRET)).rstrip(b"\0") == b"pass"


def test_a_new_secret_is_that_of_the_next_transmission_and_the_old_one_of_what_was_sent():
    machine = exchanges(server(timeout_s=1.0))
    (first,) = machine.authenticate(0, None, BLOB, Pap(b"pass"), now=0.0)
    (early,) = machine.authenticate(1, None, BLOB, CHAP, now=0.0)
    (told,) = machine.account(2, None, record(), 0.0, now=0.0)
    machine.reconfigure(config(server(timeout_s=1.0, secret=b"new")), codec(), now=0.1)
    assert answer(machine, early, secret=b"new") == [ReplyDropped("one", AUTH, DropReason.RADIUS_BAD_AUTHENTICATOR)]
    assert isinstance(answer(machine, early)[1], Accepted)
    again = {send.kind: send for send in sends([event for _, event in run(machine, 1.3)])}
    assert again[AUTH].data[1] != first.data[1]
    assert dict(attributes_of(again[AUTH].data))[2] != dict(attributes_of(first.data))[2], "hidden with the new secret"
    assert isinstance(answer(machine, again[AUTH], secret=b"new")[1], Accepted)
    assert answer(machine, first) == [ReplyDropped("one", AUTH, DropReason.RADIUS_DUPLICATE)]
    assert AccountingAcknowledged(2, "one") in answer(machine, told)
    (late,) = machine.authenticate(3, None, BLOB, CHAP, now=2.0)
    assert isinstance(answer(machine, late, secret=b"new")[1], Accepted)


def test_a_server_at_another_address_is_asked_anew_and_the_old_one_not_heard():
    machine = exchanges(server("a"))
    (first,) = machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    machine.reconfigure(config(server("a", address="192.0.2.77")), codec(), now=1.0)
    assert {number: one.address for number, one in machine.servers.items()} == {1: "192.0.2.77"}
    (again,) = sends(machine.handle_timeout(now=1.0))
    assert (first.server, again.server) == (0, 1)
    assert answer(machine, first) == []
    assert isinstance(answer(machine, again)[1], Accepted)


def test_other_timers_and_windows_take_effect():
    machine = exchanges(server(timeout_s=1.0, max_in_flight=1))
    machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    assert machine.authenticate(1, None, BLOB, CHAP, now=0.0) == []
    (waited,) = machine.reconfigure(config(server(timeout_s=5.0, max_in_flight=2), patience_s=7.0), codec(), now=0.1)
    assert isinstance(answer(machine, waited)[1], Accepted)
    assert machine.authenticate(2, None, BLOB, CHAP, now=0.2)
    ends = [at for at, event in run(machine, 100.0) if isinstance(event, Unanswered)]
    assert ends == [7.0, 7.2]


def test_a_dead_server_stays_dead_over_a_reload_and_a_new_one_lives():
    machine = exchanges(server("a", timeout_s=1.0, max_tries=1, fail_count=1, dead_time_s=300.0), server("b"))
    machine.authenticate(0, None, BLOB, CHAP, now=0.0)
    run(machine, 1.5)
    machine.reconfigure(config(server("a", weight=2), server("c")), codec(), now=2.0)
    assert [row["state"] for row in machine.rows(now=2.0)] == ["dead", "up", "up", "up"]
    assert machine.authenticate(1, None, BLOB, CHAP, now=2.0)[0].server == 2
    assert ServerAlive("a", AUTH) in [event for _, event in run(machine, 400.0)]


def test_plain_data_and_back_after_a_reload():
    machine = exchanges(server("a"), server("b"))
    machine.authenticate(0, None, BLOB, Pap(b"pass"), now=0.0)
    machine.account(1, None, record(), 0.0, now=0.0)
    machine.account(2, "gone", record(), 0.0, now=0.0)
    after = config(server("c"), server("a", secret=b"new"))
    machine.reconfigure(after, codec(), now=0.5)
    again = Exchanges.restore(machine.save(), after, codec(), Dice())
    assert again.save() == machine.save()
    assert "new" not in repr(machine.save())
    assert "radsecret" not in repr(machine.save())
