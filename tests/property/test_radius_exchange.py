"""Any course of events: every question gets one answer, and a restored machine does what the first one does."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bras.config.radius import RadiusGroupConfig
from bras.radius.accounting import INTERIM_UPDATE, START, STOP
from bras.radius.credentials import Chap, MsChap2, Pap
from bras.radius.events import Accepted, AccountingAcknowledged, Kind, Rejected, SendRadius, Unanswered
from bras.radius.exchange import Exchanges
from tests.support.radius import Dice, attribute, codec, config, reply_to, server

BLOB = attribute(1, b"user") + attribute(44, b"00000001")
A = {"timeout_s": 1.0, "max_tries": 2, "fail_count": 2, "dead_time_s": 8.0}
B = {"timeout_s": 0.5, "max_tries": 1, "fail_count": 1, "dead_time_s": 5.0, "status_server": True}
B |= {"probe_interval_s": 1.0, "probe_answers": 2}
C = server("c", timeout_s=1.0, auth_port=0)
SERVERS = config(server("a", **A), server("b", secret=b"other", **B), C)
CONFIGS = (
    SERVERS,
    config(server("a", secret=b"new", weight=3, **A), server("b", secret=b"newer", max_in_flight=2, **B), C),
    config(server("a", address="192.0.2.7", **A), C, group=(RadiusGroupConfig(select="weighted"),)),
    config(C, server("d", **B), server("b", secret=b"other", **B), group=(RadiusGroupConfig(select="weighted"),)),
    config(
        server("a", **A), server("b", **B), C, group=(RadiusGroupConfig(select="least-outstanding"),), patience_s=3.0
    ),
    config(server("a", group="elsewhere", **A)),
)
CREDENTIALS = (Chap(1, b"c" * 16, b"r" * 16), Pap(b"password"), Pap(b"\0\0"), MsChap2(1, b"c" * 16, b"r" * 49))

steps = st.one_of(
    st.tuples(st.just("authenticate"), st.integers(0, 5), st.integers(0, 3)),
    st.tuples(st.just("account"), st.sampled_from([START, INTERIM_UPDATE, STOP]), st.just(0)),
    st.tuples(st.just("reply"), st.integers(0, 30), st.sampled_from([2, 2, 3, 5, 5, 11, 99])),
    st.tuples(st.just("forge"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 90), st.just(0)),
    st.tuples(st.just("unreachable"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("cancel"), st.integers(0, 5), st.just(0)),
    st.tuples(st.just("withdraw"), st.integers(0, 5), st.just(0)),
    st.tuples(st.just("reconfigure"), st.integers(0, len(CONFIGS) - 1), st.just(0)),
)


class Course:
    """One course of events, with the machine and all it ever sent."""

    def __init__(self, restores):
        self.dice = Dice()
        self.config = SERVERS
        self.machine = Exchanges(SERVERS, codec(), self.dice)
        self.restores = restores
        self.now = 100.0
        self.sent = []
        self.log = []
        self.records = 0
        self.asked = {}

    def take(self, events):
        for event in events:
            if isinstance(event, SendRadius):
                self.sent.append((event, self.machine.servers[event.server].secret.reveal()))
            elif isinstance(event, Accepted | Rejected | Unanswered):
                assert self.asked.pop(event.key), "an answer to no question"
        self.log += events
        if self.restores:
            saved = msgspec.msgpack.decode(msgspec.msgpack.encode(self.machine.save()))
            self.machine = Exchanges.restore(saved, self.config, codec(), self.dice)
            assert self.machine.save() == saved

    def do(self, step):
        what, number, more = step
        machine, now = self.machine, self.now
        if what == "authenticate":
            self.asked[number] = True
            self.take(machine.authenticate(number, None, BLOB, CREDENTIALS[more], now=now))
        elif what == "account":
            self.records += 1
            self.take(machine.account(self.records, None, attribute(40, number) + BLOB, now, now=now))
        elif what in ("reply", "forge") and self.sent:
            send, secret = self.sent[-1 - number % len(self.sent)]
            data = reply_to(send.data, more, secret=secret if what == "reply" else b"forged")
            self.take(machine.receive(send.server, send.kind, send.socket, data, now=now))
        elif what == "wait":
            self.wait(number / 10)
        elif what == "unreachable":
            self.take(machine.unreachable(number, Kind.ACCT if more else Kind.AUTH, 0, now=now))
        elif what == "cancel":
            self.asked.pop(number, None)
            self.take(machine.cancel(number, now=now))
        elif what == "withdraw":
            self.take(machine.withdraw(self.records - number, now=now))
        elif what == "reconfigure":
            self.config = CONFIGS[number]
            self.take(machine.reconfigure(self.config, codec(), now=now))

    def wait(self, seconds):
        until = self.now + seconds
        while self.machine.deadline is not None and self.machine.deadline <= until:
            self.now = max(self.now, self.machine.deadline)
            self.take(self.machine.handle_timeout(now=self.now))
        self.now = until


@given(st.lists(steps, max_size=40))
def test_a_machine_restored_after_each_step_does_the_same(course):
    plain, restored = Course(False), Course(True)
    for step in course:
        plain.do(step)
        restored.do(step)
        assert plain.log == restored.log
        assert plain.machine.save() == restored.machine.save()


@given(st.lists(steps, max_size=40))
def test_in_the_end_every_question_is_answered_and_nothing_is_left_in_use(course):
    one = Course(False)
    for step in course:
        one.do(step)
    one.do(("reconfigure", 0, 0))
    one.wait(200.0)
    assert not one.asked
    assert one.machine.records <= sum(what == "account" for what, *_ in course)
    for _ in range(200):
        if not one.machine.records:
            break
        one.wait(30.0)
        for send, secret in one.sent[-40:]:
            if send.kind is Kind.ACCT:
                data = reply_to(send.data, 5, secret=secret)
                one.take(one.machine.receive(send.server, send.kind, send.socket, data, now=one.now))
    assert one.machine.records == 0
    one.wait(300.0)
    assert one.machine.deadline is None
    assert all(row["in_flight"] == 0 and row["state"] == "up" for row in one.machine.rows(now=one.now))
    acknowledged = [event.record for event in one.log if isinstance(event, AccountingAcknowledged)]
    assert len(acknowledged) == len(set(acknowledged))


@given(st.integers(0, 10**6))
def test_with_a_fifth_of_all_packets_lost_everything_is_answered(seed):
    dice = Dice(seed)
    machine = Exchanges(SERVERS, codec(), Dice())
    outcomes, now, sent = {}, 0.0, []

    def take(events):
        for event in events:
            if isinstance(event, SendRadius) and dice(1)[0] > 51:
                sent.append(event)
            elif isinstance(event, Accepted | Unanswered):
                outcomes[event.key] = event

    for key in range(30):
        take(machine.authenticate(key, None, BLOB, CREDENTIALS[key % 4], now=now))
        take(machine.account(key, None, attribute(40, START) + BLOB, now, now=now))
    while machine.deadline is not None and now < 4000.0:
        for send in sent[:]:
            sent.remove(send)
            if dice(1)[0] > 51:
                secret = SERVERS.server[send.server].secret.reveal()
                data = reply_to(send.data, 2 if send.kind is Kind.AUTH else 5, secret=secret)
                take(machine.receive(send.server, send.kind, send.socket, data, now=now))
        if machine.deadline is not None:
            now = max(now, machine.deadline)
            take(machine.handle_timeout(now=now))
    assert set(outcomes) == set(range(30)), f"seed {seed}"
    assert machine.records == 0, f"seed {seed}"
