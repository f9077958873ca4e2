"""A whole world in virtual time: our Lns, LACs with subscribers, a RADIUS server, a bad network.

Everything that has a clock or dice gets the world's, so a run is repeated by its seed.
The LACs are the LAC role of our own core and clients the client role, which is why
nothing here proves conformance: that is for real peers and vectors.  What it proves is
that no order of events, loss, duplication or crash leaves anything hanging.
"""

from __future__ import annotations

import hashlib
import heapq
import hmac
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bras.config import dictionary
from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, Listen, LnsConfig, PoolConfig, PppConfig
from bras.config.radius import RadiusConfig, RadiusServerConfig
from bras.config.story import StoryConfig
from bras.dataplane.null import Null
from bras.l2tp.events import FIRST_OWN, ClosePort, OpenPort, Path, SendDatagram
from bras.lns.commands import Command
from bras.lns.effects import Answer, Effect, Fact, Forward, MeasurePath, ReadCounters, Report
from bras.lns.inputs import (
    ClockRead,
    CommandReceived,
    ConfigChanged,
    CountersRead,
    DatagramReceived,
    Input,
    PathMeasured,
    PortOpened,
    Programmed,
    RadiusReceived,
    TimerFired,
)
from bras.lns.lns import Lns
from bras.radius.coa_events import Origin, SendCoaReply
from bras.radius.codec import Codec
from bras.radius.events import Kind, SendRadius
from bras.runtime.steps import steps
from bras.secret import Secret
from bras.telemetry.stories import Stories

RADIUS_SECRET = b"radsecret"
LNS_ADDRESS = "198.18.0.1"
OTHER_LNS_ADDRESS = "198.18.0.254"
LNS_ADDRESSES = (LNS_ADDRESS, OTHER_LNS_ADDRESS)
OWN_PORTS = 32768
"""From here on a port of ours is a tunnel's, or closed."""
WALL_OFFSET_S = 1_760_000_000.0

_codec: list[Codec] = []


def codec() -> Codec:
    """Return our dictionary's codec, made once."""
    if not _codec:
        import bras

        _codec.append(Codec(dictionary.load(dictionary.find(bras.__path__[0]))))
    return _codec[0]


def config(**changes: object) -> Config:
    """Return the configuration of the first issue, in memory; ``changes`` replace sections."""
    sections: dict[str, object] = {
        "lns": LnsConfig(listen=(Listen(LNS_ADDRESS, 1701),), hostname="lns1"),
        "lac": (LacConfig(name="any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default")),),
        "auth": AuthConfig(methods=("mschapv2", "chap", "pap")),
        "radius": RadiusConfig(
            server=(RadiusServerConfig(address="198.18.1.2", secret=Secret(RADIUS_SECRET), name="radius1"),),
            nas_identifier="lns1",
        ),
        "ppp": PppConfig(mru=1460),
        "pool": (PoolConfig(name="default", ranges=((0x0A400001, 0x0A40FFFE),), hold_down_s=0.0),),
    }
    sections.update(changes)
    return Config(**sections)  # type: ignore[arg-type]  # the keys are Config's


def entropy_of(dice: random.Random) -> Callable[[int], bytes]:
    """Return a seeded Entropy."""
    return dice.randbytes


@dataclass
class Weather:
    """What the network does to datagrams."""

    loss: float = 0.0
    duplication: float = 0.0
    jitter_s: float = 0.0
    """Up to this is added to each datagram's way, which reorders them."""
    delay_s: float = 0.005


@dataclass
class SimulatedRadius:
    """Answers by rules; remembers accounting.  Not our codec: attributes are walked by hand."""

    secret: bytes = RADIUS_SECRET
    reply: Callable[[dict[int, bytes]], tuple[int, bytes]] = lambda attributes: (2, b"")
    """From the request's attributes to (code, attributes)."""
    delay_s: float = 0.01
    silent: bool = False
    knows_status_server: bool = True
    probes: int = 0
    """Status-Servers that came."""
    accounting: list[dict[int, bytes]] = field(default_factory=list)
    """Attributes of each Accounting-Request, the first copy only."""
    packets: list[bytes] = field(default_factory=list)
    """The same, whole."""
    requests: int = 0
    _seen: set[bytes] = field(default_factory=set)

    def receive(self, data: bytes, kind: Kind = Kind.AUTH) -> bytes | None:
        """Return the answer to a request that came to the port for ``kind``."""
        code, identifier, length = struct.unpack_from("!BBH", data)
        if code == 12:
            return self._status(data, identifier, kind)
        self.requests += 1
        if self.silent:
            return None
        attributes = walk(data[20:length])
        if code == 4:
            zeroed = data[:4] + bytes(16) + data[20:]
            assert data[4:20] == hashlib.md5(zeroed + self.secret).digest(), "Accounting-Request is not signed right"
            if data not in self._seen:
                self._seen.add(data)
                self.accounting.append(attributes)
                self.packets.append(data)
            return self._answer(5, identifier, data[4:20], b"", sign=False)
        answer, octets = self.reply(attributes)
        return self._answer(answer, identifier, data[4:20], octets, sign=True)

    def _status(self, data: bytes, identifier: int, kind: Kind) -> bytes | None:
        self.probes += 1
        if self.silent or not self.knows_status_server:
            return None
        assert data[20:22] == b"\x50\x12", "a Status-Server begins with its Message-Authenticator"
        blank = data[:22] + bytes(16) + data[38:]
        assert data[22:38] == hmac.digest(self.secret, blank, "md5"), "Status-Server is not signed right"
        return self._answer(2 if kind is Kind.AUTH else 5, identifier, data[4:20], b"", sign=True)

    def _answer(self, code: int, identifier: int, authenticator: bytes, octets: bytes, *, sign: bool) -> bytes:
        if sign:
            octets = b"\x50\x12" + bytes(16) + octets
        head = struct.pack("!BBH", code, identifier, 20 + len(octets))
        if sign:
            mac = hmac.digest(self.secret, head + authenticator + octets, "md5")
            octets = b"\x50\x12" + mac + octets[18:]
        return head + hashlib.md5(head + authenticator + octets + self.secret).digest() + octets

    def statuses(self, user: bytes | None = None) -> list[int]:
        """Return Acct-Status-Type of each record (of one user), in order of arrival."""
        return [
            int.from_bytes(record[40], "big") for record in self.accounting if user is None or record.get(1) == user
        ]


def walk(octets: bytes) -> dict[int, bytes]:
    """Split attributes; of several with one type the last stays."""
    found: dict[int, bytes] = {}
    while octets:
        kind, length = octets[0], octets[1]
        assert 2 <= length <= len(octets), "attributes are malformed"
        found[kind] = octets[2:length]
        octets = octets[length:]
    return found


class World:
    """Virtual time, a network, one Lns, a data plane and a RADIUS server; LACs are attached."""

    def __init__(
        self,
        configuration: Config | None = None,
        *,
        seed: int = 1,
        weather: Weather | None = None,
        radius: SimulatedRadius | None = None,
    ) -> None:
        """Build a world; its seed is printed, so that a failure can be repeated."""
        print(f"seed={seed}")
        self.dice = random.Random(seed)
        self.now = 1000.0
        self.configuration = configuration or config()
        self.weather = weather or Weather()
        self.radius = radius or SimulatedRadius()
        self.plane = self._new_plane()
        self.path_mtu = 1500
        self.coa_replies: list[tuple[float, Origin, bytes]] = []
        """Answers to CoA- and Disconnect-Requests, and where they go."""
        self.facts: list[Fact] = []
        self.stories = self.new_stories()
        """What ``bras explain`` would be told."""
        self.answers: dict[int, Answer] = {}
        self.ports: dict[tuple[str, int], int] = {}
        """Ports that belong to a tunnel, by (address, port): their listener."""
        self.ports_opened = 0
        self.no_port = ""
        """Why no port can be had."""
        self.lns = self._new_lns()
        self.parties: dict[tuple[str, int], Callable[[bytes, float], None]] = {}
        """Who listens where: LACs, by (address, port)."""
        self.speaker_port = 0
        """From which port what a LAC hears now has come."""
        self.timers: list[Callable[[], float | None]] = []
        self.handlers: list[Callable[[float], None]] = []
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self.steps = 0
        self.give(ClockRead(WALL_OFFSET_S))

    def new_stories(self) -> Stories:
        """Return what a process begins with."""
        return Stories(StoryConfig(), lambda: self.now + WALL_OFFSET_S)

    def _new_plane(self) -> Null:
        return Null()

    def _new_lns(self) -> Lns:
        return Lns(self.configuration, codec(), entropy_of(random.Random(self.dice.random())), epoch=0x68E00000)

    # -- the Lns's side

    def give(self, *inputs: Input) -> None:
        """Give inputs to the Lns and perform what it wants."""
        pending = list(inputs)
        while pending:
            effects: list[Effect] = []
            for given in pending:
                effects += self.handle(given)
            pending = self.perform(effects)

    def handle(self, given: Input) -> list[Effect]:
        """Let the Lns handle one input."""
        return self.lns.handle(given, self.now)

    def perform(self, effects: list[Effect]) -> list[Input]:
        """Do what a driver does."""
        inputs: list[Input] = []
        for operations, others in steps(effects):
            inputs += [Programmed(outcome) for outcome in self.plane.program_all(operations)]
            self._perform_step(others, inputs)
        return inputs

    def _perform_step(self, effects: Sequence[Effect], inputs: list[Input]) -> None:
        for effect in effects:
            match effect:
                case SendDatagram():
                    self.send(
                        effect.path.local,
                        effect.path.local_port,
                        effect.path.remote,
                        effect.path.remote_port,
                        effect.data,
                    )
                case OpenPort():
                    inputs.append(self._open_port(effect))
                case ClosePort():
                    self.ports = {at: one for at, one in self.ports.items() if one != effect.listener}
                case SendRadius():
                    self._send_radius(effect)
                case SendCoaReply():
                    self.coa_replies.append((self.now, effect.origin, effect.data))
                case Forward():
                    self.plane.forward(effect.slot, effect.generation, effect.packet, now=self.now)
                case ReadCounters():
                    inputs.append(CountersRead(self.plane.read(effect.slots)))
                case MeasurePath():
                    inputs.append(PathMeasured(effect.path.remote, self.path_mtu))
                case Report():
                    self.facts.append(effect.fact)
                    tell = self.stories.handlers().get(type(effect.fact))
                    if tell is not None:
                        tell(effect.fact)
                case Answer():
                    self.answers[effect.identifier] = effect

    def _open_port(self, wanted: OpenPort) -> PortOpened:
        if self.no_port:
            return PortOpened(wanted.path, wanted.data, error=self.no_port)
        listener, port = FIRST_OWN + self.ports_opened, OWN_PORTS + self.ports_opened % 28232
        self.ports_opened += 1
        self.ports[wanted.path.local, port] = listener
        return PortOpened(wanted.path, wanted.data, listener, port)

    def configure(self, configuration: Config) -> None:
        """Put another configuration into force, as a reload does."""
        self.configuration = configuration
        self.give(ConfigChanged(configuration, codec()))

    def ask(self, command: Command) -> int:
        """Put a command; return its identifier."""
        identifier = len(self.answers) + 1000 + self.steps
        self.give(CommandReceived(identifier, command))
        return identifier

    def _send_radius(self, effect: SendRadius) -> None:
        def arrive() -> None:
            answer = self.radius.receive(effect.data, effect.kind)
            if answer is not None and not self._lost():
                self.at(self.now + self.radius.delay_s, lambda: self.give(self._radius_reply(effect, answer)))

        if not self._lost():
            self.at(self.now + self._way(), arrive)

    @staticmethod
    def _radius_reply(effect: SendRadius, answer: bytes) -> RadiusReceived:
        return RadiusReceived(effect.server, effect.kind, effect.socket, answer)

    # -- the network

    def _lost(self) -> bool:
        return self.dice.random() < self.weather.loss

    def _way(self) -> float:
        return self.weather.delay_s + self.dice.random() * self.weather.jitter_s

    def send(self, source: str, source_port: int, target: str, target_port: int, data: bytes) -> None:
        """Carry a datagram, or lose it, or bring it twice."""
        copies = 0 if self._lost() else 2 if self.dice.random() < self.weather.duplication else 1
        for _ in range(copies):
            self.at(self.now + self._way(), lambda: self._arrive(source, source_port, target, target_port, data))

    def _arrive(self, source: str, source_port: int, target: str, target_port: int, data: bytes) -> None:
        if target in LNS_ADDRESSES:
            listener = self.ports.get((target, target_port), 0)
            if listener or target_port < OWN_PORTS:
                self.give(DatagramReceived(Path(listener, target, target_port, source, source_port), data))
        elif (target, target_port) in self.parties:
            self.speaker_port = source_port
            self.parties[target, target_port](data, self.now)

    def at(self, instant: float, what: Callable[[], None]) -> None:
        """Do something at an instant."""
        self._serial += 1
        heapq.heappush(self._queue, (instant, self._serial, what))

    # -- time

    def run(self, seconds: float, *, until: Callable[[], bool] | None = None, most_steps: int = 2_000_000) -> None:
        """Let time pass, from event to event; a livelock fails."""
        end = self.now + seconds
        while until is None or not until():
            self.steps += 1
            most_steps -= 1
            assert most_steps > 0, "livelock: too many steps"
            deadlines = [self.lns.deadline, *(timer() for timer in self.timers)]
            timer_at = min((at for at in deadlines if at is not None), default=float("inf"))
            event_at = self._queue[0][0] if self._queue else float("inf")
            next_at = min(timer_at, event_at)
            if next_at > end:
                self.now = end
                return
            self.now = max(self.now, next_at)
            if event_at <= timer_at:
                heapq.heappop(self._queue)[2]()
                continue
            if self.lns.deadline is not None and self.lns.deadline <= self.now:
                self.give(TimerFired())
            for timer, handler in zip(self.timers, self.handlers, strict=True):
                at = timer()
                if at is not None and at <= self.now:
                    handler(self.now)


KINDS = (Kind.AUTH, Kind.ACCT)
