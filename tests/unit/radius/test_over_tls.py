"""The exchange with servers over TLS: nothing is sent twice on one connection, and nothing is lost with one."""

import pytest

from bras.plain import decode, encode
from bras.radius.accounting import START
from bras.radius.credentials import Chap, Pap
from bras.radius.events import (
    Accepted,
    AccountingAcknowledged,
    AccountingUnanswered,
    ConnectionDown,
    ConnectionUp,
    Kind,
    Resent,
    SendRadius,
    ServerAlive,
    ServerDead,
    Unanswered,
)
from bras.radius.exchange import Exchanges
from bras.radius.slots import PROBE_SOCKET, SPARE_SLOTS
from tests.support.radius import Dice, attribute, attributes_of, codec, config, reply_to, server

BLOB = attribute(1, b"user") + attribute(44, b"00000001")
CHAP = Chap(1, b"c" * 16, b"r" * 16)
AUTH, ACCT = Kind.AUTH, Kind.ACCT
KEYS = {"timeout_s": 1.0, "max_tries": 3, "fail_count": 3, "dead_time_s": 30.0}


def tls(name="one", **more):
    return server(name, transport="tls", **{**KEYS, **more})


def exchanges(*servers):
    return Exchanges(config(*servers), codec(), Dice())


def up(machine, number=0, kind=AUTH, socket=0, now=0.0):
    return machine.connected(number, kind, socket, now=now)


def down(machine, number=0, kind=AUTH, socket=0, reason="reset", now=0.0):
    return machine.disconnected(number, kind, socket, reason, now=now)


def sends(events):
    return [event for event in events if isinstance(event, SendRadius)]


def answer(machine, send, now=0.0):
    data = reply_to(send.data, 2 if send.kind is AUTH else 5)
    return machine.receive(send.server, send.kind, send.socket, data, now=now)


def run(machine, until):
    """Let time pass; return (instant, event)."""
    seen, now = [], 0.0
    while machine.deadline is not None and machine.deadline <= until:
        now = max(now, machine.deadline)
        seen += [(now, event) for event in machine.handle_timeout(now=now)]
    return seen


def state(machine, row=0):
    return machine.rows(now=0.0)[row]["state"]


def test_nothing_is_asked_before_there_is_a_connection():
    machine = exchanges(tls())
    assert state(machine) == "connecting"
    assert machine.census()[0]["up"] is False
    assert sends(machine.authenticate(5, None, BLOB, CHAP, now=0.0)) == []
    told, send = up(machine, now=0.1)
    assert told == ConnectionUp("one", AUTH)
    assert (send.server, send.kind, send.socket) == (0, AUTH, 0)
    assert state(machine) == "up"
    assert machine.rows(now=0.0)[0]["transport"] == "tls"
    assert isinstance(answer(machine, send, now=0.2)[1], Accepted)


def test_nothing_is_sent_twice_on_one_connection():
    """RFC 6613 section 2.6.1; it is given up after as long as over UDP."""
    machine = exchanges(tls())
    up(machine)
    machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    seen = run(machine, 60.0)
    assert not sends([event for _, event in seen])
    assert not [event for _, event in seen if isinstance(event, Resent)]
    (ended_at,) = [at for at, event in seen if event == Unanswered(5)]
    assert ended_at == pytest.approx(7.0, rel=0.11)  # 1 + 2 + 4


def test_after_the_time_out_the_next_server_is_asked():
    machine = exchanges(tls("one"), tls("two"))
    up(machine, 0)
    up(machine, 1)
    machine.authenticate(5, None, BLOB, CHAP, now=0.0)
    ((at, send),) = [(at, event) for at, event in run(machine, 10.0) if isinstance(event, SendRadius)]
    assert send.server == 1
    assert at == pytest.approx(7.0, rel=0.11)


def test_a_connection_that_breaks_sends_its_requests_elsewhere_at_once():
    machine = exchanges(tls("one"), tls("two"))
    up(machine, 0)
    up(machine, 1)
    first = [sends(machine.authenticate(key, None, BLOB, CHAP, now=0.0))[0] for key in range(3)]
    events = down(machine, 0, reason="the other end reset the connection", now=0.5)
    assert events[:2] == [
        ConnectionDown("one", AUTH, "the other end reset the connection"),
        ServerDead("one", AUTH),
    ]
    again = sends(events)
    assert [send.server for send in again] == [1, 1, 1]
    assert state(machine) == "down: the other end reset the connection"
    assert machine.census()[0]["up"] is False
    assert all(isinstance(answer(machine, send, now=0.6)[1], Accepted) for send in again)
    assert answer(machine, first[0], now=0.7)[0].reason.value != "", "what comes of the old one is not believed"


def test_without_another_server_they_wait_for_the_connection():
    machine = exchanges(tls())
    up(machine)
    up(machine, kind=ACCT)
    machine.authenticate(1, None, BLOB, Pap(b"secret"), now=0.0)
    machine.account(1, None, attribute(40, START) + BLOB, 0.0, now=0.0)
    assert not sends(down(machine) + down(machine, kind=ACCT))
    (again,) = sends(up(machine, now=3.0))
    assert [code for code, _ in attributes_of(again.data)] == [80, 1, 44, 2]
    (record,) = sends(up(machine, kind=ACCT, now=3.0))
    assert (41, (3).to_bytes(4, "big")) in attributes_of(record.data), "Acct-Delay-Time is that of now"
    assert isinstance(answer(machine, again, now=3.1)[1], Accepted)
    assert isinstance(answer(machine, record, now=3.1)[1], AccountingAcknowledged)


def test_a_connection_that_does_not_come_back_in_time():
    machine = exchanges(tls())
    up(machine)
    up(machine, kind=ACCT)
    machine.authenticate(1, None, BLOB, CHAP, now=0.0)
    machine.account(1, None, attribute(40, START) + BLOB, 0.0, now=0.0)
    down(machine)
    down(machine, kind=ACCT)
    seen = [event for _, event in run(machine, 20.0)]
    assert Unanswered(1) in seen
    assert AccountingUnanswered(1) in seen
    assert not sends(seen)
    seen = sends(up(machine, kind=ACCT, now=25.0)) or sends([event for _, event in run(machine, 60.0)])
    assert len(seen) == 1, "the record is told when it is its turn again"


def test_another_connection_of_the_same_service_takes_over():
    machine = exchanges(tls())
    up(machine)
    count = 256 - SPARE_SLOTS + 10
    sent = [sends(machine.authenticate(key, None, BLOB, CHAP, now=0.0))[0] for key in range(count)]
    grown = {send.socket for send in sent}
    assert grown == {0}
    more = [sends(machine.authenticate(1000 + key, None, BLOB, CHAP, now=0.0))[0] for key in range(60)]
    assert {send.socket for send in more} == {0, 1}
    up(machine, socket=1)
    lost = sum(send.socket == 0 for send in [*sent, *more])
    events = down(machine, socket=0)
    assert not [event for event in events if isinstance(event, ConnectionDown | ServerDead)]
    again = sends(events)
    assert {send.socket for send in again} <= {1, 2}
    assert len(again) == lost
    assert state(machine) == "up"
    assert len({(send.socket, send.data[1]) for send in again}) == len(again)


def test_a_service_without_connection_stays_dead_until_there_is_one():
    machine = exchanges(tls("one"), tls("two"))
    up(machine, 0)
    up(machine, 1)
    down(machine, 0)
    seen = [event for _, event in run(machine, 200.0)]
    assert ServerAlive("one", AUTH) not in seen
    (send,) = sends(machine.authenticate(1, None, BLOB, CHAP, now=200.0))
    assert send.server == 1
    assert up(machine, 0, now=201.0)[:2] == [ConnectionUp("one", AUTH), ServerAlive("one", AUTH)]
    (send,) = sends(machine.authenticate(2, None, BLOB, CHAP, now=202.0))
    assert send.server == 0


def test_each_reason_is_told_once():
    machine = exchanges(tls())
    assert down(machine, reason="nobody listens there")[0] == ConnectionDown("one", AUTH, "nobody listens there")
    assert down(machine, reason="nobody listens there") == []
    assert down(machine, reason="certificate expired")[0] == ConnectionDown("one", AUTH, "certificate expired")


def test_what_is_not_ours_is_ignored():
    machine = exchanges(tls(), server("udp"))
    assert up(machine, 9) == down(machine, 9) == []
    assert up(machine, socket=PROBE_SOCKET) == down(machine, socket=PROBE_SOCKET) == []
    assert state(machine) == "connecting"


def test_a_client_that_leaves_while_the_connection_is_down_is_forgotten():
    machine = exchanges(tls())
    up(machine)
    machine.authenticate(1, None, BLOB, CHAP, now=0.0)
    down(machine)
    machine.cancel(1, now=0.1)
    assert not sends(up(machine, now=0.2))
    assert machine.rows(now=0.2)[0]["in_flight"] == 0


def test_saved_amid_it_goes_on_as_it_would_have():
    def machines():
        machine = exchanges(tls("one"), tls("two"))
        up(machine, 0)
        up(machine, 1)
        for key in range(300):
            machine.authenticate(key, None, BLOB, CHAP, now=0.0)
        down(machine, 0, now=0.5)
        down(machine, 1, now=0.6)
        yield machine
        yield Exchanges.restore(decode(encode(machine.save())), config(tls("one"), tls("two")), codec(), Dice())

    one, other = machines()
    assert one.rows(now=1.0) == other.rows(now=1.0)
    assert len(sends(up(one, 1, now=1.0))) == len(sends(up(other, 1, now=1.0))) > 0
    assert one.rows(now=1.0) == other.rows(now=1.0)


def test_a_request_that_breaks_every_connection_is_left_after_some():
    machine = exchanges(tls(max_tries=3))
    up(machine)
    up(machine, kind=ACCT)
    sent = sends(machine.authenticate(1, None, BLOB, CHAP, now=0.0))
    machine.account(1, None, attribute(40, START) + BLOB, 0.0, now=0.0)
    seen = []
    for now in (1.0, 2.0, 3.0):
        for kind in (AUTH, ACCT):
            seen += down(machine, kind=kind, now=now)
            seen += up(machine, kind=kind, now=now)
    assert len(sends(seen)) + len(sent) == 2 * 3 - 1, "each three times"
    assert Unanswered(1) in seen
    assert AccountingUnanswered(1) in seen, "and not before its rest is over"
    assert [event for event in seen if isinstance(event, Resent)] == [Resent("one", AUTH, 1), Resent("one", ACCT)] * 2


def test_the_last_of_several_transmissions_is_waited_for_as_long_as_the_first():
    machine = exchanges(tls())
    up(machine)
    machine.authenticate(1, None, BLOB, CHAP, now=0.0)
    down(machine, now=5.0)
    (send,) = sends(up(machine, now=5.5))
    answered = answer(machine, send, now=11.0)
    assert answered[0].seconds == 11.0
    machine.authenticate(2, None, BLOB, CHAP, now=0.0)
    down(machine, now=5.0)
    up(machine, now=5.5)
    (ended_at,) = [at for at, event in run(machine, 60.0) if event == Unanswered(2)]
    assert ended_at == pytest.approx(12.5, rel=0.11)


def test_a_server_that_takes_few_connections_gets_what_these_carry():
    """FreeRADIUS takes 16 unless told otherwise; what has no identifier on those that are up waits for one."""
    machine = exchanges(tls(max_tries=99))
    up(machine)
    sent = [send for key in range(4000) for send in sends(machine.authenticate(key, None, BLOB, CHAP, now=0.0))]
    sockets = {send.socket for send in sent}
    assert len(sockets) == 16
    for socket in sockets - {0}:
        assert not [
            event for event in down(machine, socket=socket, now=0.1) if not isinstance(event, (SendRadius, Resent))
        ]
    assert machine.rows(now=0.1)[0]["queued"] == 4000 - 256
    waiting = [send for send in sent if send.socket == 0]
    accepted = []
    while waiting:
        events = [event for send in waiting for event in answer(machine, send, now=0.2)]
        accepted += [event.key for event in events if isinstance(event, Accepted)]
        waiting = sends(events)
        assert {send.socket for send in waiting} <= {0}
    assert sorted(accepted) == list(range(4000))
