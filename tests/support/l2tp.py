"""Both ends of L2TP for tests: an Endpoint as a party of the simulated network, with its log of events."""

from __future__ import annotations

import random
from struct import Struct

from bras.config.model import LacConfig, LnsConfig
from bras.l2tp import avp, messages
from bras.l2tp.avp import RULES
from bras.l2tp.constants import MessageType
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import (
    CallDown,
    CallUp,
    Event,
    FrameReceived,
    Path,
    RoundTripMeasured,
    SendDatagram,
    TunnelDown,
    TunnelUp,
)
from bras.l2tp.header import CONTROL, CONTROL_FLAGS
from bras.l2tp.messages import SPECIFICATIONS, Message
from bras.l2tp.reception import Role
from tests.support.network import Datagram

LNS_ADDRESS = ("198.18.0.1", 1701)
LAC_ADDRESS = ("198.18.0.2", 1701)
AT_LNS = Path(0, *LNS_ADDRESS, *LAC_ADDRESS)
AT_LAC = Path(0, *LAC_ADDRESS, *LNS_ADDRESS)
_WORDS = Struct("!HHHHHH")


class Peer:
    """An Endpoint that remembers every event but the datagrams."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.events: list[Event] = []

    @property
    def deadline(self) -> float | None:
        return self.endpoint.deadline

    def receive(self, path: Path, data: bytes, now: float) -> list[Datagram]:
        return self.did(self.endpoint.receive(path, data, now=now))

    def handle_timeout(self, now: float) -> list[Datagram]:
        return self.did(self.endpoint.handle_timeout(now=now))

    def did(self, events: list[Event]) -> list[Datagram]:
        """Remember the events and return the datagrams among them."""
        self.events += [event for event in events if not isinstance(event, SendDatagram)]
        return [(event.path, event.data) for event in events if isinstance(event, SendDatagram)]

    def of(self, kind: type[Event]) -> list[Event]:
        """Return the events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]


def lns_endpoint(*groups: LacConfig, seed: int = 1, **settings: object) -> Endpoint:
    config = LnsConfig((), hostname="lns1", **settings)  # type: ignore[arg-type]  # any key of [lns]
    return Endpoint(lns=config, groups=groups or (LacConfig("any"),), entropy=random.Random(seed).randbytes)


def lac_endpoint(seed: int = 2, hostname: str = "lac1", **settings: object) -> Endpoint:
    config = LnsConfig((), hostname=hostname, **settings)  # type: ignore[arg-type]  # any key of [lns]
    return Endpoint(lns=config, groups=(), entropy=random.Random(seed).randbytes, role=Role.LAC)


def control(tunnel_id: int, ns: int, nr: int, body: bytes = b"", session_id: int = 0) -> bytes:
    """Build a control message from its AVPs."""
    return CONTROL.pack(CONTROL_FLAGS, 12 + len(body), tunnel_id, session_id, ns, nr) + body


def sent(events: list[Event]) -> list[bytes]:
    """Return the datagrams among events."""
    return [event.data for event in events if isinstance(event, SendDatagram)]


def header(data: bytes) -> tuple[int, int, int, int]:
    """Return Tunnel ID, Session ID, Ns and Nr."""
    return _WORDS.unpack_from(data)[2:]


def read(data: bytes) -> Message:
    """Parse a control message that is no ZLB."""
    return messages.parse(data)


def kind(data: bytes) -> str:
    """Return a datagram's message type, "ZLB" or "data"."""
    if not data[0] & 0x80:
        return "data"
    return "ZLB" if len(data) == 12 else MessageType(read(data).type).name


def something(attribute: int) -> bytes:
    """Build an AVP with a legal value."""
    rule = RULES[attribute]
    if not rule.number:
        return avp.octets(attribute, b"x" * max(rule.minimum_octets, min(rule.maximum_octets, 3)))
    return avp.number16(attribute, 1) if rule.minimum_octets == 2 else avp.number32(attribute, 1)


def filled(kind: int, without: int | None = None) -> bytes:
    """Build a message with all that it must have, ``without`` one."""
    must = SPECIFICATIONS[kind].must
    return avp.number16(0, kind) + b"".join(something(attribute) for attribute in must if attribute != without)


class HandLac:
    """A LAC by hand against an LNS endpoint: keeps Ns and Nr, says what it is told to say."""

    def __init__(self, endpoint: Endpoint, path: Path = AT_LNS, tunnel_id: int = 0x0101) -> None:
        self.endpoint = endpoint
        self.path = path
        self.tunnel_id = tunnel_id
        self.peer_tunnel_id = 0
        self.now = 0.0
        self.ns = 0
        self.nr = 0
        self.heard: list[bytes] = []
        self.trips: list[float] = []
        """Round trips that the endpoint has measured."""

    def say(self, body: bytes, session_id: int = 0) -> list[Event]:
        """Send the next message; return the events that ``hear`` does."""
        ns = self.ns
        self.ns = (ns + 1) & 0xFFFF
        return self.raw(control(self.peer_tunnel_id, ns, self.nr, body, session_id))

    def zlb(self) -> list[Event]:
        return self.raw(control(self.peer_tunnel_id, self.ns, self.nr))

    def raw(self, data: bytes) -> list[Event]:
        return self.hear(self.endpoint.receive(self.path, data, now=self.now))

    def hear(self, events: list[Event]) -> list[Event]:
        """Take events of the endpoint, whose datagrams are acknowledged by what is said next.

        Returned are those but the datagrams and measurements, which go to ``heard`` and ``trips``.
        """
        for event in events:
            if isinstance(event, SendDatagram):
                self.heard.append(event.data)
                ns = header(event.data)[2]
                if len(event.data) > 12 and event.data[0] & 0x80 and ns == self.nr:
                    self.nr = (ns + 1) & 0xFFFF
        self.trips += [event.round_trip_s for event in events if isinstance(event, RoundTripMeasured)]
        return [event for event in events if not isinstance(event, (SendDatagram, RoundTripMeasured))]

    def wait_until(self, now: float) -> list[Event]:
        """Let time pass; deadlines are served as they come."""
        others: list[Event] = []
        while True:
            deadline = self.endpoint.deadline
            if deadline is None or deadline > now:
                self.now = now
                return others
            self.now = max(self.now, deadline)
            others += self.hear(self.endpoint.handle_timeout(now=self.now))

    def last(self) -> Message:
        """Return the last message that is no ZLB."""
        return read([data for data in self.heard if len(data) > 12][-1])

    def kinds(self) -> list[str]:
        """Return what was heard since the last call of this."""
        heard, self.heard = self.heard, []
        return [kind(data) for data in heard]

    def sccrq(self, hostname: str = "lac1", more: bytes = b"", window: int = 8) -> list[Event]:
        body = messages.start(MessageType.SCCRQ, hostname, "test", self.tunnel_id, window)
        return self.say(body + more)

    def establish(self, hostname: str = "lac1") -> list[Event]:
        """Bring the tunnel up without authentication."""
        events = self.sccrq(hostname)
        self.peer_tunnel_id = self.last().numbers[9]
        events += self.say(messages.scccn())
        self.kinds()
        return events

    def call(self, session_id: int, request: messages.CallRequest | None = None) -> tuple[int, list[Event]]:
        """Bring a call up; return the LNS's session id."""
        request = request or messages.CallRequest("030", "0198", tx_connect_speed_bps=1000)
        events = self.say(messages.icrq(session_id, session_id, request))
        peer_session_id = self.last().numbers[14]
        events += self.say(messages.iccn(request), peer_session_id)
        self.kinds()
        return peer_session_id, events


class Ledger:
    """What is up, by the events, which must be in a legal order."""

    def __init__(self) -> None:
        self.calls: set[int] = set()
        self.tunnels: set[int] = set()

    def enter(self, event: Event) -> None:
        if isinstance(event, CallUp):
            assert event.key not in self.calls
            self.calls.add(event.key)
        elif isinstance(event, CallDown):
            self.calls.remove(event.key)
        elif isinstance(event, TunnelUp):
            assert event.tunnel_id not in self.tunnels
            self.tunnels.add(event.tunnel_id)
        elif isinstance(event, TunnelDown):
            assert not any(key >> 16 == event.tunnel_id for key in self.calls)
            self.tunnels.remove(event.tunnel_id)
        elif isinstance(event, FrameReceived):
            assert event.key in self.calls, "a frame of a dead call"
            assert event.frame
