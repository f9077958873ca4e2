"""What passes the rim of a ``World``: every datagram, RADIUS packet and reading of counters, with its instant.

The octets are taken apart by hand here, so that what a test sees is what a peer would see.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from bras.config.model import Config
from bras.forwarding.entry import Counters, Route
from bras.ids import CallKey
from bras.l2tp.messages import CallRequest
from bras.l2tp.proxy import Proxied
from bras.lns.inputs import Input, RadiusReceived
from bras.radius.events import Kind, SendRadius
from tests.support.lacs import Client, SimulatedLac
from tests.support.world import LNS_ADDRESSES, SimulatedRadius, Weather, World

SCCRQ, SCCRP, SCCCN, STOPCCN, HELLO, ICRQ, ICRP, ICCN, CDN = 1, 2, 3, 4, 6, 10, 11, 12, 14
LCP, PAP, CHAP, IPCP = 0xC021, 0xC023, 0xC223, 0x8021
CONFIGURE_REQUEST, CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT, TERMINATE_REQUEST = 1, 2, 3, 4, 5
ECHO_REQUEST = 9
STATUS_SERVER = 12
MRU, AUTHENTICATION, MAGIC, PFC, ACFC = 1, 3, 5, 7, 8
NO_CALL = CallKey(0)


class Datagram(NamedTuple):
    """What the LNS sent to a LAC."""

    at: float
    target: tuple[str, int]
    data: bytes

    @property
    def is_control(self) -> bool:
        """Return whether it is a control message, a ZLB too."""
        return bool(self.data[0] & 0x80)


class Control(NamedTuple):
    """A control message that is no ZLB (RFC 2661 section 3.1 and 4.1)."""

    at: float
    target: tuple[str, int]
    kind: int
    tunnel_id: int
    session_id: int
    ns: int
    avps: dict[int, bytes]

    @property
    def result(self) -> tuple[int, int]:
        """Return Result Code and Error Code."""
        value = self.avps[1]
        return int.from_bytes(value[:2], "big"), int.from_bytes(value[2:4], "big")


class Frame(NamedTuple):
    """A PPP frame that the LNS sent."""

    at: float
    session_id: int
    protocol: int
    code: int
    identifier: int
    data: bytes

    @property
    def options(self) -> dict[int, bytes]:
        """Return the options of a Configure packet."""
        return options(self.data)


class Asked(NamedTuple):
    """A RADIUS request that the LNS sent."""

    at: float
    server: int
    kind: Kind
    data: bytes

    @property
    def attributes(self) -> dict[int, bytes]:
        """Return the attributes; of several with one type the last."""
        return options(self.data[20:])


def options(octets: bytes) -> dict[int, bytes]:
    """Take type-length-value triples apart."""
    found = {}
    while octets:
        found[octets[0]] = octets[2 : octets[1]]
        octets = octets[octets[1] :]
    return found


def option(kind: int, value: bytes = b"") -> bytes:
    """Make one option or attribute."""
    return bytes((kind, len(value) + 2)) + value


def control(datagram: Datagram) -> Control | None:
    """Take a control message apart; ``None`` for a ZLB."""
    data = datagram.data
    tunnel_id, session_id, ns, _nr = struct.unpack_from("!HHHH", data, 4)
    avps: dict[int, bytes] = {}
    rest = data[12:]
    while rest:
        flags, vendor, kind = struct.unpack_from("!HHH", rest)
        assert vendor == 0
        avps[kind] = rest[6 : flags & 0x3FF]
        rest = rest[flags & 0x3FF :]
    if not avps:
        return None
    return Control(datagram.at, datagram.target, int.from_bytes(avps[0], "big"), tunnel_id, session_id, ns, avps)


def frame(datagram: Datagram) -> Frame:
    """Take a data message with a PPP control protocol apart."""
    data = datagram.data
    assert data[:2] == b"\0\x02", "the LNS sends no length, sequence or offset unless asked"
    session_id = int.from_bytes(data[4:6], "big")
    data = data[6:].removeprefix(b"\xff\x03")
    protocol, code, identifier, length = struct.unpack_from("!HBBH", data)
    return Frame(datagram.at, session_id, protocol, code, identifier, data[6 : 2 + length])


class Rim(World):
    """A World that remembers what passes its rim, with a RADIUS server for each one configured."""

    def __init__(
        self,
        configuration: Config | None = None,
        *,
        servers: Iterable[SimulatedRadius] = (),
        path_mtu: int = 1500,
        seed: int = 1,
    ) -> None:
        self.sent: list[Datagram] = []
        self.asked: list[Asked] = []
        self.reads: list[tuple[float, tuple[tuple[int, int], ...]]] = []
        self.servers = tuple(servers) or (SimulatedRadius(),)
        super().__init__(configuration, seed=seed, weather=Weather(), radius=self.servers[0])
        self.path_mtu = path_mtu
        read = self.plane.read

        def noted(slots: Iterable[tuple[int, int]]) -> tuple[tuple[int, int, Counters], ...]:
            wanted = tuple(slots)
            if wanted:
                self.reads.append((self.now, wanted))
            return read(wanted)

        self.plane.read = noted  # type: ignore[method-assign]  # watched, not replaced

    def send(self, source: str, source_port: int, target: str, target_port: int, data: bytes) -> None:
        """Note what the LNS sends, then carry it."""
        if source in LNS_ADDRESSES:
            self.sent.append(Datagram(self.now, (target, target_port), data))
        super().send(source, source_port, target, target_port, data)

    def _send_radius(self, effect: SendRadius) -> None:
        self.asked.append(Asked(self.now, effect.server, effect.kind, effect.data))
        server = self.servers[effect.server]
        answer = server.receive(effect.data, effect.kind)
        if answer is not None:
            reply: Input = RadiusReceived(effect.server, effect.kind, effect.socket, answer)
            self.at(self.now + server.delay_s, lambda: self.give(reply))

    # -- what was seen

    def controls(self, kind: int, target: str | None = None) -> list[Control]:
        """Return the control messages of one type that were sent, retransmissions too."""
        found = [control(datagram) for datagram in self.sent if datagram.is_control]
        return [one for one in found if one is not None and one.kind == kind and target in (None, one.target[0])]

    def frames(self, protocol: int, code: int | None = None) -> list[Frame]:
        """Return the PPP packets of one protocol that were sent."""
        found = [frame(datagram) for datagram in self.sent if not datagram.is_control]
        return [one for one in found if one.protocol == protocol and code in (None, one.code)]

    def requests(self, kind: Kind, server: int | None = None) -> list[Asked]:
        """Return the RADIUS requests of one kind that were sent, retransmissions too, without Status-Server."""
        found = (one for one in self.asked if one.data[0] != STATUS_SERVER)
        return [one for one in found if one.kind is kind and server in (None, one.server)]

    def probes(self, kind: Kind, server: int) -> list[Asked]:
        """Return the Status-Servers that were sent."""
        found = (one for one in self.asked if one.data[0] == STATUS_SERVER)
        return [one for one in found if one.kind is kind and one.server == server]

    @property
    def entry(self) -> Route:
        """Return the one Entry that there is."""
        (entry,) = self.plane.entries.values()
        assert isinstance(entry, Route)
        return entry

    def of(self, kind: type) -> list:  # type: ignore[type-arg]  # of that kind
        """Return the facts of one kind, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    # -- who comes

    def lac(self, **settings: object) -> SimulatedLac:
        """Attach a LAC and open its tunnel."""
        lac = SimulatedLac(self, **settings)  # type: ignore[arg-type]  # its fields
        lac.open()
        return lac

    def up(self, user: str = "user1", **settings: object) -> tuple[SimulatedLac, Client]:
        """Bring up a session of a LAC of its own."""
        lac = self.lac()
        client = lac.dial(user, "pass", **settings)  # type: ignore[arg-type]  # those of dial
        self.run(3.0)
        assert client.address, "the session did not come up"
        return lac, client

    def line(
        self, lac: SimulatedLac | None = None, proxied: Proxied | None = None, request: CallRequest | None = None
    ) -> Line:
        """Place a call on which a test speaks PPP by hand; ``proxied`` is what the LAC has done of it already."""
        lac = lac or self.lac()
        line = Line(self, lac)
        request = request or CallRequest(calling_number="5551234", called_number="100")
        line.key, events = lac.endpoint.open_call(lac.tunnel_id, request, now=self.now, proxied=proxied)
        lac.waiting[line.key] = line  # type: ignore[assignment]  # it answers as a Client does
        lac.take(events, self.now)
        return line

    def vanish(self, lac: SimulatedLac) -> None:
        """Let a LAC and its clients fall silent for good."""
        del self.parties[lac.address, lac.port]
        lac.endpoint = type(lac.endpoint)(lns=self.configuration.lns, groups=(), entropy=lac.entropy)
        lac.deadlines = type(lac.deadlines)()


class _Deaf:
    """A Link or Network that says nothing by itself."""

    deadline: float | None = None

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard

    def open(self, *, now: float) -> list[object]:
        return []

    def receive(self, octets: bytes, *, now: float) -> list[object]:
        self._heard(octets)
        return []


@dataclass
class Line:
    """A call of which a test is the client, packet by packet."""

    rim: Rim
    lac: SimulatedLac
    key: CallKey = NO_CALL
    ended: str = ""
    deadline: float | None = None
    address: int = 0
    frames_sent: int = 0
    heard: list[bytes] = field(default_factory=list)
    """The frames that came, FF 03 and all."""

    def __post_init__(self) -> None:
        self.link = self.network = _Deaf(self.heard.append)

    def say(self, protocol: int, code: int, identifier: int, data: bytes = b"") -> None:
        """Send a PPP packet, and let it arrive and be answered."""
        packet = struct.pack("!BBH", code, identifier, 4 + len(data)) + data
        self.lac.send(self, b"\xff\x03" + protocol.to_bytes(2, "big") + packet)  # type: ignore[arg-type]  # as a Client
        self.rim.run(0.1)

    def last(self, protocol: int, code: int) -> Frame:
        """Return the last packet of a kind that the LNS sent."""
        return self.rim.frames(protocol, code)[-1]

    def agree(self, own: bytes = b"") -> None:
        """Come to an agreement on LCP: ours are the options ``own``, theirs are as they are."""
        request = self.last(LCP, CONFIGURE_REQUEST)
        self.say(LCP, CONFIGURE_ACK, request.identifier, request.data)
        self.say(LCP, CONFIGURE_REQUEST, 1, own)

    def login(self, user: bytes = b"user1", password: bytes = b"pass") -> None:
        """Prove ourselves by PAP."""
        name, secret = bytes((len(user),)) + user, bytes((len(password),)) + password
        self.say(PAP, 1, 1, name + secret)

    def addresses(self, *wishes: bytes) -> dict[int, bytes]:
        """Ask by IPCP, and return the options of the last Nak, Reject or Ack, marked by its code under 0."""
        self.say(IPCP, CONFIGURE_REQUEST, 1, b"".join(wishes))
        answer = next(one for one in reversed(self.rim.frames(IPCP)) if one.code != CONFIGURE_REQUEST)
        return {0: bytes((answer.code,)), **answer.options}


def gaps(instants: Iterable[float]) -> list[float]:
    """Return the seconds between instants, to a thousandth."""
    times = list(instants)
    return [round(after - before, 3) for before, after in pairwise(times)]
