"""LACs with subscribers for ``World``: the LAC and client roles of our own core."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from bras.config.model import LacConfig, LnsConfig
from bras.ids import CallKey
from bras.l2tp import events as l2tp
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.messages import CallRequest
from bras.l2tp.reception import Role
from bras.lab.predial import Predial
from bras.ppp import events as ppp
from bras.ppp.link import Link, LinkState
from bras.ppp.network import Network
from bras.ppp.settings import ClientIdentity, LinkConfig, NetworkConfig
from bras.secret import Secret
from bras.timers import DeadlineQueue
from tests.support.world import LNS_ADDRESS, World, entropy_of


@dataclass
class Client:
    """One subscriber's own machine."""

    link: Link
    network: Network
    key: CallKey | None = None
    address: int = 0
    ended: str = ""
    """Why it ended; empty while it has not."""
    was_up: bool = False
    speaks_ipcp: bool = True
    frames_sent: int = 0

    @property
    def deadline(self) -> float | None:
        deadlines = [at for at in (self.link.deadline, self.network.deadline) if at is not None]
        return min(deadlines, default=None)


@dataclass
class SimulatedLac:
    """A LAC at an address of the world, with its clients."""

    world: World
    address: str = "198.18.0.2"
    port: int = 1701
    secret: bytes = b"tunsecret"
    hostname: str = "lac1"
    window: int = 4
    sequencing_required: bool = False
    hide_avps: bool = False
    lns: str = LNS_ADDRESS
    refused: list[l2tp.TunnelRefused | l2tp.CallRefused] = field(default_factory=list)
    downs: list[l2tp.TunnelDown | l2tp.CallDown] = field(default_factory=list)
    clients: dict[CallKey, Client] = field(default_factory=dict)
    waiting: dict[CallKey, Client] = field(default_factory=dict)
    all_clients: list[Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        dice = random.Random(self.world.dice.random())
        self.entropy = entropy_of(dice)
        secrets = (Secret(self.secret),) if self.secret else ()
        self.group = LacConfig(name="lns", secrets=secrets, receive_window=self.window, hide_avps=self.hide_avps)
        lns = LnsConfig(listen=(), hostname=self.hostname, idle_tunnel_s=0.0)
        self.endpoint = Endpoint(lns=lns, groups=(self.group,), entropy=self.entropy, role=Role.LAC)
        self.deadlines: DeadlineQueue[int] = DeadlineQueue()
        self.world.parties[self.address, self.port] = self.receive
        self.world.timers.append(lambda: self.deadline)
        self.world.handlers.append(self.handle_timeout)
        self.path = l2tp.Path(0, self.address, self.port, self.lns, 1701)
        self.tunnel_id = 0

    @property
    def deadline(self) -> float | None:
        deadlines = [at for at in (self.endpoint.deadline, self.deadlines.next_deadline) if at is not None]
        return min(deadlines, default=None)

    def open(self) -> int:
        """Open a tunnel; calls may be placed at once."""
        self.tunnel_id, events = self.endpoint.open_tunnel(self.path, self.group, now=self.world.now)
        self.take(events, self.world.now)
        return self.tunnel_id

    def dial(
        self,
        user: str,
        password: str,
        *,
        method: str = "chap",
        tunnel_id: int | None = None,
        wanted: int = 0,
        mru: int = 1460,
        number: str = "5551234",
        proxy: bool = False,
        request: CallRequest | None = None,
    ) -> Client:
        """Place a call of one subscriber; ``proxy``: after LCP and authentication with the LAC itself."""
        identity = ClientIdentity(user.encode(), Secret(password.encode()))
        config = LinkConfig(
            mru=mru, methods=(method,), hostname=b"client", client=identity, auth_timeout_s=3.0, auth_attempts=10
        )
        network = Network(NetworkConfig(client=True, wants_dns=True), wanted)
        client = Client(Link(config, self.entropy), network)
        request = request or CallRequest(number, "100", sequencing_required=self.sequencing_required)
        now = self.world.now
        proxied = Predial(client.link, method, mru, self.entropy).run(now=now) if proxy else None
        key, events = self.endpoint.open_call(tunnel_id or self.tunnel_id, request, now=now, proxied=proxied)
        client.key = key
        self.waiting[key] = client
        self.all_clients.append(client)
        self.take(events, self.world.now)
        return client

    def tell(self, body: bytes, client: Client | None = None) -> None:
        """Send a control message of the test's own making, about a client's call or about none."""
        tunnel = self.endpoint._tunnels[self.tunnel_id]
        session_id = 0
        if client is not None and client.key is not None:
            session_id = tunnel.calls.table[client.key & 0xFFFF].peer_session_id
        tunnel.channel.send(session_id, body)
        self.take(tunnel._flush([], self.world.now), self.world.now)

    # -- what comes in

    def receive(self, data: bytes, now: float) -> None:
        port = self.world.speaker_port
        path = self.path if port == self.path.remote_port else replace(self.path, remote_port=port)
        self.take(self.endpoint.receive(path, data, now=now), now)

    def handle_timeout(self, now: float) -> None:
        if self.endpoint.deadline is not None and self.endpoint.deadline <= now:
            self.take(self.endpoint.handle_timeout(now=now), now)
        for key in self.deadlines.pop_expired(now):
            client = self.clients.get(CallKey(key))
            if client is None:
                continue
            if client.link.deadline is not None and client.link.deadline <= now:
                self.take_link(client, client.link.handle_timeout(now=now), now)
            if client.network.deadline is not None and client.network.deadline <= now:
                self.take_network(client, client.network.handle_timeout(now=now), now)
            self.arm(client)

    def take(self, events: list[l2tp.Event], now: float) -> None:
        for event in events:
            match event:
                case l2tp.SendDatagram():
                    self.world.send(self.address, self.port, self.lns, event.path.remote_port, event.data)
                case l2tp.CallUp():
                    client = self.clients[event.key] = self.waiting.pop(event.key)
                    self.take_link(client, client.link.open(now=now), now)
                    self.arm(client)
                case l2tp.FrameReceived():
                    client = self.clients.get(event.key)  # type: ignore[assignment]  # None when it hung up
                    if client is not None:
                        self.take_link(client, client.link.receive(event.frame, now=now), now)
                        self.arm(client)
                case l2tp.CallDown():
                    self.downs.append(event)
                    self._gone(self.clients.pop(event.key, None), f"call down: {event.cause}")
                    self.deadlines.set(event.key, None)
                case l2tp.CallRefused():
                    self.refused.append(event)
                    self._gone(self.waiting.pop(event.key, None), f"refused: {event.cause}")
                case l2tp.TunnelRefused():
                    self.refused.append(event)
                    for client in self.waiting.values():
                        self._gone(client, f"refused: {event.cause}")
                    self.waiting.clear()
                case l2tp.TunnelDown():
                    self.downs.append(event)

    @staticmethod
    def _gone(client: Client | None, why: str) -> None:
        if client is not None and not client.ended:
            client.ended = why

    def arm(self, client: Client) -> None:
        assert client.key is not None
        self.deadlines.set(client.key, client.deadline)

    def take_link(self, client: Client, events: list[ppp.LinkEvent], now: float) -> None:
        for event in events:
            match event:
                case ppp.SendFrame():
                    self.send(client, event.frame)
                case ppp.LinkUp():
                    self.take_network(client, client.network.open(now=now), now)
                case ppp.LinkRestarted():
                    self.take_network(client, client.network.lower_down(now=now), now)
                case ppp.NetworkPacketReceived():
                    events_of_network = client.network.receive(event.protocol, event.packet, now=now)
                    self.take_network(client, events_of_network, now)
                case ppp.LinkDown():
                    client.ended = client.ended or f"link down: {event.end.value} {event.text}"
                    assert client.key is not None
                    cause = l2tp.Cause(l2tp.By.LOCAL, 1, 0, "hung up")
                    self.take(self.endpoint.close_call(client.key, cause, now=now), now)

    def take_network(self, client: Client, events: list[ppp.NetworkEvent], now: float) -> None:
        if not client.speaks_ipcp:
            return
        for event in events:
            match event:
                case ppp.SendPacket():
                    self.send(client, client.link.frame(event.protocol, event.packet))
                case ppp.NetworkUp():
                    client.address = event.peer if event.peer else event.local
                    client.address = client.network.address
                    client.was_up = True
                case ppp.NetworkDown():
                    client.address = 0
                    if event.final and client.link.state is LinkState.NETWORK:
                        self.hang_up(client)  # as pppd does with no network protocol left

    def send(self, client: Client, frame: bytes) -> None:
        assert client.key is not None
        client.frames_sent += 1
        datagram = self.endpoint.send_frame(client.key, frame)
        if datagram is not None:
            self.world.send(self.address, self.port, self.lns, datagram.path.remote_port, datagram.data)

    @property
    def retries(self) -> int:
        """How often the oldest unacknowledged control message was repeated."""
        return max((tunnel["channel"]["sender"]["retries"] for tunnel in self.endpoint.save()["tunnels"]), default=0)

    # -- what the test does

    def hang_up(self, client: Client) -> None:
        """Let the subscriber say good-bye."""
        self.take_link(client, client.link.close(b"bye", now=self.world.now), self.world.now)
        self.arm(client)
