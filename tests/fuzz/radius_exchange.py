"""The RADIUS client: questions, answers true and forged, silence, and time; each octet is one of them."""

from __future__ import annotations

from typing import Any

from bras.config.radius import RadiusGroupConfig
from bras.plain import decode, encode
from bras.radius.accounting import INTERIM_UPDATE, START, STOP
from bras.radius.credentials import Chap, Credentials, MsChap2, Pap
from bras.radius.events import (
    Accepted,
    AccountingAcknowledged,
    Event,
    Kind,
    Rejected,
    SendRadius,
    Unanswered,
)
from bras.radius.exchange import Exchanges
from tests.fuzz.harness import Cursor, Harness, Numbers
from tests.support.radius import attribute, codec, config, reply_to, server

B: dict[str, Any] = {"timeout_s": 0.5, "max_tries": 1, "fail_count": 1, "dead_time_s": 5.0, "status_server": True}
SERVERS = config(
    server("a", timeout_s=1.0, max_tries=2, fail_count=2, dead_time_s=8.0),
    server("b", secret=b"other", probe_interval_s=1.0, probe_answers=2, **B),
    server("c", timeout_s=1.0, auth_port=0),
)
CONFIGS = (
    SERVERS,
    config(server("b", secret=b"new", weight=2, **B), server("c"), group=(RadiusGroupConfig(select="weighted"),)),
    config(server("a", address="192.0.2.9"), server("b", **B), group=(RadiusGroupConfig(select="least-outstanding"),)),
    config(server("d", group="elsewhere")),
)
CREDENTIALS: tuple[Credentials, ...] = (
    Chap(1, b"c" * 16, b"r" * 16),
    Pap(b"password"),
    Pap(b"\0" * 200),
    MsChap2(1, b"c" * 16, b"r" * 49),
)
BLOB = attribute(1, b"user") + attribute(44, b"00000001")
STATUSES = (START, STOP, INTERIM_UPDATE, INTERIM_UPDATE)
CODES = (2, 3, 5, 5, 11, 2, 5, 99)
MOST_RECORDS = 6
MOST_OUT = 16
MOST_STEPS = 60


class Client:
    """The machine, and all it ever sent."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.entropy = Numbers()
        self.machine = Exchanges(SERVERS, codec(), self.entropy)
        self.now = 100.0
        self.config = SERVERS
        self.sent: list[tuple[SendRadius, bytes]] = []
        """What was sent, and under which secret."""
        self.asked: set[int] = set()
        self.records = 0
        self.settled: set[int] = set()
        self.told: dict[int, None] = {}
        """Records that are under way."""

    def take(self, events: list[Event]) -> None:
        out = 0
        for event in events:
            match event:
                case SendRadius():
                    out += 1
                    assert 20 <= len(event.data) <= 4096
                    self.sent.append((event, self.machine.servers[event.server].secret.reveal()))
                case Accepted() | Rejected() | Unanswered():
                    self.asked.remove(event.key)
                case AccountingAcknowledged(record=record):
                    assert record not in self.settled, "a record is settled once"
                    self.settled.add(record)
                    del self.told[record]
        assert out <= MOST_OUT
        assert self.machine.records == len(self.told) or self.machine.records <= MOST_RECORDS + 1

    def step(self) -> None:
        what = self.cursor.u8()
        more, now, machine = what & 15, self.now, self.machine
        match what >> 4:
            case 0 | 1 | 2:
                self.asked.add(more & 7)
                self.take(machine.authenticate(more & 7, None, BLOB, CREDENTIALS[more & 3], now=now))
            case 3 | 4 | 5:
                self.records += 1
                record = attribute(40, STATUSES[more & 3]) + BLOB
                self.told[self.records] = None
                self.take(machine.account(self.records, None, record, now, now=now))
                if len(self.told) > MOST_RECORDS:
                    oldest = next(iter(self.told))
                    del self.told[oldest]
                    self.take(machine.withdraw(oldest, now=now))
            case 6 | 7 | 8:
                self._answer(more)
            case 9:
                self._octets(more)
            case 10 | 11:
                self._wait((more + 1) / 4)
            case 12:
                self._wait(more * 20.0)
                if more & 3 == 3:
                    self._reconfigure(more >> 2)
            case 13:
                kind = Kind.ACCT if more & 1 else Kind.AUTH
                self.take(machine.unreachable(more >> 2, kind, 0, now=now))
            case 14:
                self.asked.discard(more & 7)
                self.take(machine.cancel(more & 7, now=now))
            case _:
                self._reborn()

    def _answer(self, more: int) -> None:
        """Answer something that was sent, with a right signature, a wrong one, or from another server."""
        if not self.sent:
            return
        which = self.cursor.u8()
        send, secret = self.sent[-1 - (which & 31) % len(self.sent)]
        secret = b"forged" if which & 0x20 else secret
        source = (send.server + 1) % 4 if which & 0x40 else send.server
        body = self.cursor.string() if which & 0x80 else b""
        data = reply_to(send.data, CODES[more & 7], body, secret=secret)
        self.take(self.machine.receive(source, send.kind, send.socket, data, now=self.now))

    def _octets(self, more: int) -> None:
        kind = Kind.ACCT if more & 1 else Kind.AUTH
        self.take(self.machine.receive(more >> 2, kind, more >> 1 & 1, self.cursor.string(), now=self.now))

    def _wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self.machine.deadline is not None and self.machine.deadline <= until:
            self.now = max(self.now, self.machine.deadline)
            self.take(self.machine.handle_timeout(now=self.now))
        self.now = until

    def _reconfigure(self, which: int) -> None:
        self.config = CONFIGS[which]
        self.take(self.machine.reconfigure(self.config, now=self.now))

    def _reborn(self) -> None:
        saved = decode(encode(self.machine.save()))
        self.machine = Exchanges.restore(saved, self.config, codec(), self.entropy)
        assert decode(encode(self.machine.save())) == saved

    def finish(self) -> None:
        """In the end every question has its answer."""
        self._wait(40.0)
        assert not self.asked


def _run(data: bytes) -> None:
    cursor = Cursor(data)
    client = Client(cursor)
    for _ in range(MOST_STEPS):
        if not cursor.more:
            break
        client.step()
    client.finish()


def harness(_name: str) -> Harness:
    return Harness(_run, largest_octets=128)
