"""The L2TP machine in either role: a peer that knows the right Ns, Nr and ids, and what it does with them.

The first octet chooses configuration and state: nothing yet, a tunnel asked for, a tunnel up,
calls up.  Each further one is something that the peer, the owner or time does.
"""

from __future__ import annotations

from bras.config.model import LacConfig, LnsConfig
from bras.errors import WireError
from bras.ids import CallKey, call_key
from bras.l2tp import avp, messages
from bras.l2tp.avp import RULES
from bras.l2tp.challenge import response
from bras.l2tp.constants import AvpType
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import (
    By,
    Cause,
    Dropped,
    Event,
    Path,
    SendDatagram,
)
from bras.l2tp.header import CONTROL_OCTETS, parse_control, parse_data
from bras.l2tp.hidden import reveal
from bras.l2tp.messages import CallRequest
from bras.l2tp.reception import Role
from bras.plain import decode, encode
from bras.secret import Secret
from tests.fuzz.harness import Cursor, Harness, Numbers
from tests.support.l2tp import AT_LAC, AT_LNS, Ledger, control, filled
from tests.vectors.l2tp_hidden import hidden_avp, hide

CAUSE = Cause(By.LOCAL, 2, 6, "test")
SECRET = Secret(b"tunsecret")
GROUPS = (
    LacConfig("open"),
    LacConfig("secret", secrets=(SECRET,), hide_avps=True),
    LacConfig(
        "old and new", secrets=(Secret(b"new"), SECRET), receive_window=2, max_sessions=2, dataseq="require",
        length_bit=True,
    ),
    LacConfig(
        "hasty", hello_interval_s=3.0, retransmit_cap_s=2.0, max_retransmissions=2, max_tunnels=2,
        one_session_per_host=True, follow_port=True, dataseq="prefer", reorder_timeout_s=1.0,
    ),
)  # fmt: skip
LNS = LnsConfig((), hostname="lns1", max_sessions=3, idle_tunnel_s=30.0)
OTHER = Path(0, AT_LNS.local, 1701, "198.18.0.9", 1701)
MOVED = Path(0, AT_LNS.local, 1701, AT_LNS.remote, 1702)
"""Where the peer may have moved to (``follow_port``)."""
KINDS = (10, 12, 14, 3, 4, 6, 1, 2, 11, 16, 15, 7, 28, 29, 13, 5)
ATTRIBUTES = sorted(int(attribute) for attribute in RULES)
MOST_OUT = 24
"""Datagrams that one datagram may bring about: those that its acknowledgement lets go, and answers."""
MOST_STEPS = 60


class Peer:
    """Talks to an endpoint and keeps the numbers as a good peer would."""

    def __init__(self, cursor: Cursor, role: Role) -> None:
        self.cursor = cursor
        start = cursor.u8()
        self.group = GROUPS[start >> 2 & 3]
        self.role = role
        self.endpoint = Endpoint(lns=LNS, groups=(self.group,), entropy=Numbers(start >> 4), role=role)
        self.path = AT_LNS if role is Role.LNS else AT_LAC
        self.ledger = Ledger()
        self.now = 1000.0
        self.tunnel_id = 0  # the endpoint's
        self.numbers = [0, 0]  # our Ns and Nr
        self.sessions = [0]  # the endpoint's ids
        self.challenge = b""
        self.last = b""
        self.told = 0  # datagrams given, and calls opened
        self._begin(start & 3)

    # -- what comes out

    def take(self, events: list[Event]) -> None:
        out = 0
        for event in events:
            if isinstance(event, SendDatagram):
                out += 1
                self._sent(event)
            else:
                self.ledger.enter(event)
        assert out <= MOST_OUT, "one datagram makes many"

    def _sent(self, event: SendDatagram) -> None:
        data = event.data
        if not data[0] & 0x80:
            parse_data(data)
            return
        length, _, _, ns, _ = parse_control(data)
        assert length == len(data)
        assert length < 1400, "an answer longer than a datagram should be"
        if length == CONTROL_OCTETS or event.path != self.path:
            return
        message = messages.parse(data)
        reveal(message, self.group.secrets)
        assert message.problem() is None, "we are strict in what we send"
        if ns == self.numbers[1]:
            self.numbers[1] = ns + 1 & 0xFFFF
        self.challenge = message.octets.get(AvpType.CHALLENGE, self.challenge)
        if message.type in (1, 2):
            self.tunnel_id = message.numbers[AvpType.ASSIGNED_TUNNEL_ID]
        elif message.type in (10, 11):
            self.sessions.append(message.numbers[AvpType.ASSIGNED_SESSION_ID])

    # -- what goes in

    def give(self, data: bytes, path: Path | None = None) -> None:
        self.last = data
        self.told += 1
        events = self.endpoint.receive(path or self.path, data, now=self.now)
        if len(events) == 1 and isinstance(events[0], Dropped):
            return
        self.take(events)

    def say(self, body: bytes, session_id: int = 0) -> None:
        """Send a message as a good peer does."""
        ns = self.numbers[0]
        self.numbers[0] = ns + 1 & 0xFFFF
        self.give(control(self.tunnel_id, ns, self.numbers[1], body, session_id))

    def body(self, kind: int) -> bytes:
        """Build a message as a good peer does."""
        if kind in (1, 2):
            body = messages.start(kind, "peer", "test", 9, 4)
            if self.group.secrets:
                body += avp.octets(11, b"challenge of sixteen")
        else:
            body = filled(kind) if kind in messages.SPECIFICATIONS else avp.number16(0, kind)
        if kind in (2, 3) and self.challenge:
            body += avp.octets(13, response(kind, SECRET, self.challenge))
        return body

    def _begin(self, state: int) -> None:
        if self.role is Role.LAC:
            _, events = self.endpoint.open_tunnel(self.path, self.group, now=self.now)
            self.take(events)
            if state == 3:
                self.open_call()
            self.numbers[0] = 0
            script = (b"", self.body(2), self.body(2), self.body(2))[state]
            if script:
                self.say(script)
            if state == 3:
                self.say(filled(11), self.sessions[-1])
        else:
            for kind in ((), (1,), (1, 3), (1, 3, 10, 12))[state]:
                self.say(self.body(kind), self.sessions[-1] if kind == 12 else 0)

    def open_call(self) -> None:
        if self.role is Role.LAC and any(facts.tunnel_id == self.tunnel_id for facts in self.endpoint.tunnels()):
            self.told += 1
            _, events = self.endpoint.open_call(self.tunnel_id, CallRequest("1", "2"), now=self.now)
            self.take(events)

    def step(self) -> None:
        """Do what the next octet says."""
        what = self.cursor.u8()
        STEPS[(what >> 4) % len(STEPS)](self, what & 15)

    # -- the steps

    def message(self, kind: int) -> None:
        twist = self.cursor.u8()
        body = self.body(KINDS[kind])
        if twist & 0x80:
            body += self.avps()
        if twist & 0x40:
            body = body[: len(body) - 1 - self.cursor.u8() % 24]
        self._twisted(body, twist)

    def bare(self, kind: int) -> None:
        self._twisted(avp.number16(0, KINDS[kind]) + self.avps(), self.cursor.u8())

    def _twisted(self, body: bytes, twist: int) -> None:
        session_id = (self.sessions[-1], 0, self.sessions[len(self.sessions) // 2], 4321)[twist & 3]
        jump = (0, 0, -1, 1)[twist >> 2 & 3]
        acknowledged = self.numbers[1] - (1 if twist & 0x10 else 0) & 0xFFFF
        tunnel_id = 0 if twist & 0x20 else self.tunnel_id
        ns = self.numbers[0] + jump & 0xFFFF
        if jump == 0 and tunnel_id:
            self.numbers[0] = ns + 1 & 0xFFFF
        self.give(control(tunnel_id, ns, acknowledged, body[:1300], session_id))

    def avps(self) -> bytes:
        cursor = self.cursor
        body = b""
        for _ in range(cursor.u8() & 7):
            how, attribute = cursor.u8(), cursor.of(ATTRIBUTES)
            rule = RULES[attribute]
            size = rule.minimum_octets if how & 8 else min(rule.maximum_octets, cursor.u8() & 63)
            value = cursor.take(size)
            value += bytes(size - len(value))
            if how & 3 == 3:
                vector = cursor.take(4)
                body += avp.octets(36, vector) + hidden_avp(
                    attribute & 0xFFFF, hide(attribute & 0xFFFF, value, b"tunsecret", vector)
                )
                continue
            flags = (0x8000 if how & 0x80 else 0) | (0x4000 if how & 3 == 2 else 0) | 6 + size
            name = (0x09 << 16 if how & 0x20 else 0) | attribute
            body += flags.to_bytes(2, "big") + name.to_bytes(4, "big") + value
        return body

    def zlb(self, less: int) -> None:
        self.give(control(self.tunnel_id, self.numbers[0], self.numbers[1] - less & 0xFFFF))

    def raw_body(self, _number: int) -> None:
        ns = self.numbers[0]
        self.numbers[0] = ns + 1 & 0xFFFF
        self.give(control(self.tunnel_id, ns, self.numbers[1], self.cursor.string(), self.sessions[-1]))

    def raw(self, other: int) -> None:
        self.give(self.cursor.string(), (None, OTHER, MOVED, OTHER)[other & 3])

    def data(self, form: int) -> None:
        """Send a data message with length, sequence numbers and offset as ``form`` says."""
        flags = 0x0002 | (0x4000 if form & 1 else 0) | (0x0800 if form & 2 else 0) | (0x0200 if form & 4 else 0)
        frame = self.cursor.string(15)
        body = self.tunnel_id.to_bytes(2, "big") + self.sessions[-1].to_bytes(2, "big")
        body += self.cursor.take(4) if form & 2 else b""
        body += bytes((0, self.cursor.u8())) if form & 4 else b""
        body += frame
        length = (len(body) + 4 - (self.cursor.u8() if form & 8 else 0)) & 0xFFFF
        self.give(flags.to_bytes(2, "big") + (length.to_bytes(2, "big") if form & 1 else b"") + body)

    def again(self, other: int) -> None:
        if self.last:
            self.give(self.last, {15: OTHER, 14: MOVED, 13: MOVED}.get(other))

    def wait(self, seconds: int) -> None:
        self._wait_until(self.now + seconds + 0.25)

    def deadline(self, _number: int) -> None:
        if self.endpoint.deadline is not None:
            self._wait_until(max(self.now, self.endpoint.deadline))

    def _wait_until(self, end: float) -> None:
        for _ in range(40):
            deadline = self.endpoint.deadline
            if deadline is None or deadline > end:
                break
            self.now = max(self.now, deadline)
            self.take(self.endpoint.handle_timeout(now=self.now))
        self.now = end

    def owner(self, what: int) -> None:
        key = call_key(self.tunnel_id, self.sessions[-1])
        if what < 4:
            self.take(self.endpoint.close_call(key, CAUSE, now=self.now))
        elif what < 6:
            self.take(self.endpoint.close_tunnel(self.tunnel_id, CAUSE, now=self.now))
        elif what < 7:
            self.take(self.endpoint.close(CAUSE, now=self.now))
        elif what < 12:
            sent = self.endpoint.send_frame(key, b"\xff\x03\x00\x21data")
            assert (sent is not None) is (key in self.ledger.calls), "frames go where a call is up, and only there"
        elif what < 14:
            self.open_call()
        else:
            self.reborn()

    def reborn(self) -> None:
        saved = decode(encode(self.endpoint.save()))
        endpoint = Endpoint.restore(saved, lns=LNS, groups=(self.group,), entropy=Numbers(77))
        assert decode(encode(endpoint.save())) == saved
        self.endpoint = endpoint

    # -- what must hold

    def check(self) -> None:
        endpoint = self.endpoint
        facts = list(endpoint.tunnels())
        assert endpoint.census.sessions == sum(one.calls for one in facts)
        assert all(endpoint.call(CallKey(key)) is not None for key in self.ledger.calls)
        assert self.ledger.tunnels <= {one.tunnel_id for one in facts}
        assert len(facts) <= self.told + 1
        assert sum(one.calls for one in facts) <= self.told + 1

    def finish(self) -> None:
        """After the end nothing is left: no call, no tunnel, no deadline."""
        shown = self.endpoint.tunnel(self.tunnel_id)
        assert (shown is not None) == any(one.tunnel_id == self.tunnel_id for one in self.endpoint.tunnels())
        self.take(self.endpoint.close(CAUSE, now=self.now))
        assert not self.ledger.calls
        assert not self.ledger.tunnels
        for _ in range(80):
            deadline = self.endpoint.deadline
            if deadline is None:
                break
            self.now = max(self.now, deadline)
            self.take(self.endpoint.handle_timeout(now=self.now))
        assert self.endpoint.closed
        assert self.endpoint.save()["tunnels"] == []


STEPS = (
    Peer.message, Peer.message, Peer.message, Peer.message, Peer.bare, Peer.bare, Peer.zlb, Peer.raw_body,
    Peer.raw, Peer.data, Peer.data, Peer.again, Peer.wait, Peer.deadline, Peer.owner, Peer.owner,
)  # fmt: skip


def _run(data: bytes, role: Role) -> None:
    cursor = Cursor(data)
    try:
        peer = Peer(cursor, role)
    except WireError as error:
        raise AssertionError("what we send is not what we read") from error
    for _ in range(MOST_STEPS):
        if not cursor.more:
            break
        peer.step()
        peer.check()
    peer.finish()


def harness(name: str) -> Harness:
    role = Role.LAC if name == "l2tp_lac" else Role.LNS
    return Harness(lambda data: _run(data, role), largest_octets=160)
