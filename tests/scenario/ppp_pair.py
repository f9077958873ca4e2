"""A server and a client joined by a simulated wire: virtual time, loss, duplication, reordering.

The owners are as small as owners can be: they frame what networks send, judge credentials
against one password, and close the link when IPCP gives up.  ``reborn`` saves and restores
every machine after every event, through the octets of a file.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from bras import plain
from bras.ppp import chap, mschap
from bras.ppp.constants import LCP
from bras.ppp.events import (
    AddressWanted,
    ChapCredentials,
    Credentials,
    CredentialsOffered,
    LinkDown,
    LinkEvent,
    LinkRestarted,
    LinkUp,
    MsChap2Credentials,
    MsChapCredentials,
    NetworkDown,
    NetworkEvent,
    NetworkPacketReceived,
    PapCredentials,
    ProtocolRejected,
    SendFrame,
    SendPacket,
)
from bras.ppp.link import ClientIdentity, Link, LinkConfig, LinkState
from bras.ppp.network import Network, NetworkConfig, NetworkState
from bras.secret import Secret

PASSWORD = b"open sesame"
USER = b"joe@example.net"
LOCAL = 0x0AFFFFFF
ADDRESS = 0x0A400001
DNS = (0xC6120102, 0xC6120103)
METHODS = ("mschapv2", "mschapv1", "chap", "pap")
SERVER = LinkConfig(mru=1460, methods=METHODS, hostname=b"lns1")
SERVER_NETWORK = NetworkConfig(local_address=LOCAL, dns=DNS)
CLIENT_NETWORK = NetworkConfig(client=True, wants_dns=True)


def client_config(*methods: str, password: bytes = PASSWORD, user: bytes = USER, mru: int = 1500) -> LinkConfig:
    return LinkConfig(mru=mru, methods=methods, hostname=b"", client=ClientIdentity(user, Secret(password)))


def seeded(seed: int) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def judge(credentials: Credentials, password: bytes) -> bytes | None:
    """Return what the client must be told, or None when the credentials are wrong."""
    match credentials:
        case PapCredentials():
            return b"" if credentials.password == password else None
        case ChapCredentials():
            return b"" if chap.verify(credentials, password) else None
        case MsChapCredentials():
            return b"" if mschap.verify_v1(credentials.challenge, credentials.response, password) else None
        case MsChap2Credentials():
            return mschap.verify_v2(credentials.challenge, credentials.response, credentials.name, password)


@dataclass
class End:
    """One end of the wire."""

    link: Link
    network: Network
    entropy: Callable[[int], bytes]
    events: list[LinkEvent | NetworkEvent] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    round_trips: int = 0

    def of(self, *kinds: type) -> list[LinkEvent | NetworkEvent]:
        return [event for event in self.events if isinstance(event, kinds)]

    @property
    def down(self) -> LinkDown | None:
        ends = [event for event in self.events if isinstance(event, LinkDown)]
        assert len(ends) <= 1, ends
        return ends[0] if ends else None

    @property
    def is_up(self) -> bool:
        return self.link.state is LinkState.NETWORK and self.network.state is NetworkState.OPEN

    def reborn(self) -> None:
        link = plain.decode(plain.encode(self.link.save()))
        network = plain.decode(plain.encode(self.network.save()))
        self.link = Link.restore(link, self.link.config, self.entropy)
        self.network = Network.restore(network, self.network.config)
        assert plain.decode(plain.encode(self.link.save())) == link
        assert plain.decode(plain.encode(self.network.save())) == network


class Pair:
    """A server, a client, and the wire between them."""

    def __init__(
        self,
        server: LinkConfig = SERVER,
        client: LinkConfig | None = None,
        *,
        server_network: NetworkConfig = SERVER_NETWORK,
        client_network: NetworkConfig = CLIENT_NETWORK,
        wish: int = 0,
        seed: int = 1,
        loss: float = 0.0,
        duplication: float = 0.0,
        way_s: float = 0.01,
        jitter_s: float = 0.0,
        decides_after_s: float = 0.0,
        reborn: bool = False,
    ) -> None:
        self.dice = random.Random(seed)
        self.loss, self.duplication, self.jitter_s, self.way_s = loss, duplication, jitter_s, way_s
        self.decides_after_s = decides_after_s
        self.reborn = reborn
        self.grants_wishes = True
        self.now = 1000.0
        self.serial = 0
        self.due: list[tuple[float, int, End, bytes | Credentials]] = []
        ours, theirs = seeded(seed + 1), seeded(seed + 2)
        self.server = End(Link(server, ours), Network(server_network, ADDRESS), ours)
        self.client = End(Link(client or client_config(*METHODS), theirs), Network(client_network, wish), theirs)

    def start(self) -> Pair:
        self.take(self.server, self.server.link.open(now=self.now))
        self.take(self.client, self.client.link.open(now=self.now))
        return self

    def other(self, end: End) -> End:
        return self.client if end is self.server else self.server

    def post(self, to: End, what: bytes | Credentials, after_s: float) -> None:
        self.serial += 1
        heapq.heappush(self.due, (self.now + after_s, self.serial, to, what))

    def send(self, end: End, frame: bytes) -> None:
        end.sent.append(frame)
        copies = 0 if self.dice.random() < self.loss else 1 + (self.dice.random() < self.duplication)
        for _ in range(copies):
            self.post(self.other(end), frame, self.way_s + self.dice.random() * self.jitter_s)

    def take(self, end: End, events: list[LinkEvent] | list[NetworkEvent]) -> None:
        for event in events:
            end.events.append(event)
            match event:
                case SendFrame(frame):
                    assert end.down is None, "a link that is down sends nothing"
                    self.send(end, frame)
                case SendPacket(protocol, packet):
                    self.send(end, end.link.frame(protocol, packet))
                case CredentialsOffered(credentials):
                    self.post(end, credentials, self.decides_after_s)
                case LinkUp():
                    self.take(end, end.network.open(now=self.now))
                case LinkRestarted() | LinkDown():
                    self.take(end, end.network.lower_down(now=self.now))
                case NetworkPacketReceived(protocol, packet):
                    self.take(end, end.network.receive(protocol, packet, now=self.now))
                case ProtocolRejected(protocol):
                    self.take(end, end.network.reject(protocol, now=self.now))
                case AddressWanted(address):
                    self.take(end, end.network.assign(address if self.grants_wishes else ADDRESS, now=self.now))
                case NetworkDown(final=True):
                    self.take(end, end.link.close(b"IPCP failed", now=self.now))
        if self.reborn:
            end.reborn()

    def decide(self, end: End, credentials: Credentials) -> None:
        told = judge(credentials, PASSWORD)
        if told is None:
            self.take(end, end.link.refuse(b"go away", b"", now=self.now))
        else:
            self.take(end, end.link.accept(b"welcome", told, now=self.now))

    def _next_timer(self) -> tuple[float, End, Link | Network] | None:
        timers = [
            (machine.deadline, index, end, machine)
            for index, (end, machine) in enumerate(
                (end, machine) for end in (self.server, self.client) for machine in (end.link, end.network)
            )
            if machine.deadline is not None
        ]
        if not timers:
            return None
        deadline, _, end, machine = min(timers, key=lambda timer: timer[:2])
        return deadline, end, machine

    def step(self, until: float) -> bool:
        """Do the one next thing; false when there is none before ``until``."""
        timer = self._next_timer()
        if self.due and (timer is None or self.due[0][0] <= timer[0]):
            at, _, end, what = self.due[0]
            if at > until:
                return False
            heapq.heappop(self.due)
            self.now = max(self.now, at)
            if isinstance(what, bytes):
                self.take(end, end.link.receive(what, now=self.now))
            else:
                self.decide(end, what)
            return True
        if timer is None or timer[0] > until:
            return False
        self.now = max(self.now, timer[0])
        _, end, machine = timer
        self.take(end, machine.handle_timeout(now=self.now))
        return True

    def run(self, seconds: float = 5.0) -> Pair:
        """Let time pass; a livelock fails."""
        until = self.now + seconds
        for _ in range(20_000):
            if not self.step(until):
                self.now = until
                return self
        raise AssertionError("livelock")


def lcp_frames(frames: list[bytes]) -> list[bytes]:
    header = b"\xff\x03" + LCP.to_bytes(2, "big")
    return [frame[4:] for frame in frames if frame.startswith(header)]
