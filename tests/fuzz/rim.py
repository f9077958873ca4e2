"""The whole LNS, from states that a world has reached: frames, control messages, RADIUS, commands and time together.

Each input begins with one of four saved states: a tunnel, a client in LCP, a client that
waits for RADIUS, a session that is up with another beside it.
"""

from __future__ import annotations

from typing import Any

from bras.errors import WireError
from bras.forwarding.entry import Counters
from bras.l2tp.events import Path, SendDatagram
from bras.l2tp.header import parse_control, parse_data
from bras.lns.commands import Disconnect, Shutdown, TakeCensus
from bras.lns.effects import Answer, Effect, MeasurePath, Program, ReadCounters
from bras.lns.inputs import (
    ClockRead,
    CommandReceived,
    CountersRead,
    DatagramReceived,
    Input,
    RadiusReceived,
    SendFailed,
    TimerFired,
)
from bras.lns.lns import Lns
from bras.plain import decode, encode
from bras.ppp import packet
from bras.ppp.constants import CHAP, IPCP, LCP, PAP
from bras.radius.events import Kind, SendRadius
from tests.fuzz.harness import Cursor, Harness, Numbers
from tests.fuzz.journal import performed
from tests.support.l2tp import control, filled
from tests.support.radius import attribute, reply_to
from tests.support.rim import Rim
from tests.support.world import LNS_ADDRESS, RADIUS_SECRET, WALL_OFFSET_S, codec

PATH = Path(0, LNS_ADDRESS, 1701, "198.18.0.2", 1701)
PROTOCOLS = (LCP, IPCP, CHAP, PAP, 0x21, 0x8057, LCP, IPCP)
KINDS = (10, 12, 14, 6, 4, 16, 15, 1)
GRANTS = (b"", attribute(8, 0x0A400050), attribute(27, 3), attribute(28, 2), attribute(85, 60), attribute(18, b"hello"))
MOST_EFFECTS = 60
MOST_STEPS = 40


class _State:
    """A saved LNS, and what its LAC knows."""

    def __init__(self, rim: Rim, calls: list[int]) -> None:
        self.saved = encode(rim.lns.save())
        self.now = rim.now
        self.config = rim.configuration
        tunnel = decode(self.saved)["endpoint"]["tunnels"][0]
        self.tunnel_id = tunnel["tunnel_id"]
        self.channel = tunnel["channel"]
        self.calls = calls
        self.asked = [asked.data for asked in rim.asked[-1:]]


def _states() -> list[_State]:
    found = []
    for silent, users, seconds in ((False, 0, 1.0), (False, 1, 0.03), (True, 1, 1.0), (False, 2, 3.0)):
        rim = Rim()
        rim.servers[0].silent = silent
        lac = rim.lac()
        rim.run(0.5)
        for number in range(users):
            lac.dial(f"user{number}", "pass", method=("pap", "chap")[number])
        rim.run(seconds)
        calls = [call["session_id"] for call in rim.lns.core.endpoint.save()["tunnels"][0]["calls"]["calls"]]
        assert len(calls) == users
        found.append(_State(rim, calls))
    return found


class _Play:
    """One input's course."""

    def __init__(self, state: _State, cursor: Cursor) -> None:
        self.cursor = cursor
        self.now = state.now
        self.lns = Lns.restore(decode(state.saved), state.config, codec(), Numbers())
        self.tunnel_id, self.calls = state.tunnel_id, [*state.calls, 0]
        self.ns, self.nr = _numbers(state.channel)
        self.asked = list(state.asked)
        self.sockets: list[tuple[int, Kind, int]] = [(0, Kind.AUTH, 0)] * len(self.asked)
        self.answers = 0

    def give(self, *inputs: Input) -> None:
        pending = list(inputs)
        while pending:
            effects = self.lns.handle(pending.pop(0), self.now)
            assert len(effects) <= MOST_EFFECTS, "one input makes many effects"
            self._look(effects)
            pending += performed(effects)

    def _look(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case SendDatagram(data=data):
                    self._sent(data)
                case SendRadius(data=data):
                    self.asked.append(data)
                    self.sockets.append((effect.server, effect.kind, effect.socket))
                case Answer():
                    self.answers += 1
                case Program() | ReadCounters() | MeasurePath():
                    pass

    def _sent(self, data: bytes) -> None:
        try:
            if data[0] & 0x80:
                length, _, _, ns, _ = parse_control(data)
                self.nr = ns + 1 & 0xFFFF if length > 12 and ns == self.nr else self.nr
                if length > 20 and data[19] == 11:
                    self.calls.append(int.from_bytes(data[26:28], "big"))
            else:
                parse_data(data)
        except WireError as error:
            raise AssertionError("what we send is not what we read") from error
        assert len(data) <= 1560

    # -- the steps

    def frame(self, more: int) -> None:
        cursor = self.cursor
        octets = packet.build(cursor.u8() & 15, cursor.u8() & 7, cursor.string(31))
        protocol = PROTOCOLS[more & 7]
        session_id = cursor.of(self.calls)
        head = b"\x00\x02" + self.tunnel_id.to_bytes(2, "big") + session_id.to_bytes(2, "big")
        self.give(DatagramReceived(PATH, head + b"\xff\x03" + protocol.to_bytes(2, "big") + octets))

    def message(self, more: int) -> None:
        session_id = self.cursor.of(self.calls)
        ns, self.ns = self.ns, self.ns + 1 & 0xFFFF
        body = filled(KINDS[more & 7]) + (self.cursor.string(31) if more & 8 else b"")
        self.give(DatagramReceived(PATH, control(self.tunnel_id, ns, self.nr, body, session_id)))

    def octets(self, more: int) -> None:
        head = b"\x00\x02" + self.tunnel_id.to_bytes(2, "big") if more & 1 else b""
        self.give(DatagramReceived(PATH, head + self.cursor.string()))

    def radius(self, more: int) -> None:
        if not self.asked:
            return
        which = -1 - more % len(self.asked)
        server, kind, socket = self.sockets[which]
        code = 5 if kind is Kind.ACCT else (2, 2, 2, 3)[self.cursor.u8() & 3]
        body = b"".join(self.cursor.of(GRANTS) for _ in range(self.cursor.u8() & 3)) + self.cursor.string(31)
        data = reply_to(self.asked[which], code, body, secret=RADIUS_SECRET)
        self.give(RadiusReceived(server, kind, socket, data))

    def silence(self, more: int) -> None:
        self.give(SendFailed(0, Kind.ACCT if more & 1 else Kind.AUTH, 0))

    def time(self, more: int) -> None:
        for _ in range(1 + (more & 7)):
            deadline = self.lns.deadline
            if deadline is None:
                return
            self.now = max(self.now, deadline)
            self.give(TimerFired())

    def command(self, more: int) -> None:
        who = ("user0", "user1", "10.64.0.1", "nobody")[more & 3]
        self.give(CommandReceived(1, Disconnect(who) if more & 4 else TakeCensus()))

    def clock(self, more: int) -> None:
        self.give(ClockRead(WALL_OFFSET_S + more - 8.0))

    def counters(self, more: int) -> None:
        numbers = list(self.lns.core.registry.by_number)
        self.give(CountersRead(tuple((0, number, Counters(up_octets4=more)) for number in numbers)))

    def reborn(self, _more: int) -> None:
        core = self.lns.core
        self.lns = Lns.restore(decode(encode(self.lns.save())), core.config, codec(), core.entropy)

    def finish(self) -> None:
        """Told to end, it ends, whatever came before: every session gone, every address free."""
        self.give(CommandReceived(2, Shutdown()))
        for _ in range(80):
            deadline = self.lns.deadline
            if deadline is None or not (self.lns.core.registry.by_number or list(self.lns.core.endpoint.tunnels())):
                break
            self.now = max(self.now, deadline)
            self.give(TimerFired())
        assert not self.lns.core.registry.by_number, "sessions that do not end"
        assert not list(self.lns.core.endpoint.tunnels())


STEPS = (
    _Play.frame, _Play.frame, _Play.frame, _Play.frame, _Play.message, _Play.message, _Play.message, _Play.octets,
    _Play.radius, _Play.radius, _Play.time, _Play.time, _Play.command, _Play.silence, _Play.counters, _Play.reborn,
)  # fmt: skip


def _numbers(channel: dict[str, Any]) -> tuple[int, int]:
    """Return the Ns and Nr that the LAC would send next, by what our channel says."""
    sender = channel["sender"]
    return channel["expected"], sender["first"] + len(sender["messages"]) & 0xFFFF


class _States:
    def __init__(self) -> None:
        self._states = _states()

    def run(self, data: bytes) -> None:
        cursor = Cursor(data)
        play = _Play(self._states[cursor.u8() & 3], cursor)
        for _ in range(MOST_STEPS):
            if not cursor.more:
                break
            what = cursor.u8()
            STEPS[what >> 4](play, what & 15)
        play.finish()


def harness(_name: str) -> Harness:
    return Harness(_States().run, 128)
