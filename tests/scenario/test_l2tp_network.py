"""Both roles over a simulated network: loss, duplication, reordering, silence, rebirth."""

from __future__ import annotations

import random
from collections import deque

import pytest

from bras.config.model import LacConfig, LnsConfig
from bras.l2tp import messages
from bras.l2tp.constants import MessageType
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import (
    By,
    CallDown,
    CallRefused,
    CallUp,
    Cause,
    FrameReceived,
    Path,
    Retransmitted,
    TunnelDown,
    TunnelRefused,
    TunnelUp,
)
from bras.l2tp.messages import CallRequest
from bras.l2tp.reception import Role
from bras.secret import Secret
from tests.support.l2tp import AT_LAC, LAC_ADDRESS, LNS_ADDRESS, Peer, control, header, lac_endpoint, lns_endpoint, read
from tests.support.network import Datagram, Network

GROUP = LacConfig("any", secrets=(Secret(b"new"), Secret(b"old")))
UPLINK = LacConfig("up", secrets=(Secret(b"old"), Secret(b"new")))
CLOSE = Cause(By.LOCAL, 6, 0, "end of test")


class Reborn(Peer):
    """A Peer whose endpoint is saved, turned into plain data and restored before each input."""

    def __init__(self, endpoint: Endpoint, config: LnsConfig, groups: tuple[LacConfig, ...], seed: int) -> None:
        super().__init__(endpoint)
        self._again = (config, groups, random.Random(seed).randbytes)

    def receive(self, path: Path, data: bytes, now: float) -> list[Datagram]:
        self._rebirth()
        return super().receive(path, data, now)

    def handle_timeout(self, now: float) -> list[Datagram]:
        self._rebirth()
        return super().handle_timeout(now)

    def _rebirth(self) -> None:
        config, groups, entropy = self._again
        saved = self.endpoint.save()
        self.endpoint = Endpoint.restore(plain(saved), lns=config, groups=groups, entropy=entropy)
        assert self.endpoint.save() == saved


def plain(value: object) -> object:
    """Copy as a serializer would: tuples become lists, and anything not plain is an error."""
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    assert value is None or type(value) in (int, str, float, bool, bytes), value
    return value


def connect(network: Network, lac: Peer, lns: Peer) -> None:
    network.attach("lac", lac, LAC_ADDRESS)
    network.attach("lns", lns, LNS_ADDRESS)


def balanced(peer: Peer) -> None:
    """Every CallUp has exactly one CallDown, every TunnelUp one TunnelDown, calls before their tunnel."""
    calls: set[int] = set()
    tunnels: set[int] = set()
    for event in peer.events:
        if isinstance(event, CallUp):
            assert event.key not in calls
            assert event.key >> 16 in tunnels
            calls.add(event.key)
        elif isinstance(event, CallDown):
            calls.remove(event.key)
        elif isinstance(event, TunnelUp):
            assert event.tunnel_id not in tunnels
            tunnels.add(event.tunnel_id)
        elif isinstance(event, TunnelDown):
            assert not any(key >> 16 == event.tunnel_id for key in calls)
            tunnels.remove(event.tunnel_id)
    assert not calls
    assert not tunnels


@pytest.mark.parametrize("first", range(0, 200, 10))
def test_on_a_bad_network_every_call_comes_up_or_ends_with_a_reason(first: int) -> None:
    came_up = sum(bad_network(seed) for seed in range(first, first + 10))
    assert came_up >= 90  # of 100; the rest has ended with a reason


def bad_network(seed: int) -> int:
    network = Network(seed, loss=0.2, duplication=0.2, reordering=0.3, latency_s=0.05)
    lac, lns = (
        Peer(lac_endpoint(seed, setup_timeout_s=120.0)),
        Peer(lns_endpoint(GROUP, seed=seed + 1, setup_timeout_s=120.0)),
    )
    connect(network, lac, lns)
    keys = []
    for _ in range(2):
        tunnel_id, events = lac.endpoint.open_tunnel(AT_LAC, UPLINK, now=network.now)
        network.send(lac.did(events))
        for number in range(5):
            key, events = lac.endpoint.open_call(tunnel_id, CallRequest(f"{number}"), now=network.now)
            network.send(lac.did(events))
            keys.append(key)

    def settled() -> bool:
        return len(lac.of(CallUp)) + len(lac.of(CallRefused)) == len(keys)

    network.run(until=300.0, done=settled)
    assert settled(), f"seed {seed}"
    up = {event.key for event in lac.of(CallUp)}
    refused = {event.key: event.cause for event in lac.of(CallRefused)}
    assert up | set(refused) == set(keys)
    assert all(cause.result and cause.text for cause in refused.values())
    network.run(until=network.now + 40.0)
    network.send(lac.did(lac.endpoint.close(CLOSE, now=network.now)))
    network.run(until=network.now + 200.0)
    network.send(lns.did(lns.endpoint.close(CLOSE, now=network.now)))
    network.run(until=network.now + 100.0)
    for peer in (lac, lns):
        balanced(peer)
        assert peer.endpoint.closed, f"seed {seed}"
        assert peer.endpoint.census.sessions == peer.endpoint.census.tunnels == 0
        assert peer.endpoint.deadline is None, f"seed {seed}"
        assert peer.endpoint.save()["tunnels"] == []
    return len(up)


@pytest.mark.parametrize("seed", range(8))
def test_endpoints_that_are_restored_before_every_input_do_not_notice(seed: int) -> None:
    network = Network(seed, loss=0.1, duplication=0.1, reordering=0.3)
    lac_config, lns_config = LnsConfig((), hostname="lac1"), LnsConfig((), hostname="lns1")
    lac = Reborn(lac_endpoint(seed), lac_config, (UPLINK,), seed)
    lns = Reborn(lns_endpoint(GROUP, seed=seed + 1), lns_config, (GROUP,), seed + 1)
    connect(network, lac, lns)
    tunnel_id, events = lac.endpoint.open_tunnel(AT_LAC, UPLINK, now=0.0)
    network.send(lac.did(events))
    keys = []
    for number in range(6):
        key, events = lac.endpoint.open_call(tunnel_id, CallRequest(sequencing_required=number % 2 == 0), now=0.0)
        keys.append(key)
        network.send(lac.did(events))
    network.run(until=25.0)
    assert {event.key for event in lac.of(CallUp)} == set(keys)
    assert lac.endpoint.census.sessions_of == {"up": 6}
    for key in keys:
        sending = lac.endpoint.send_frame(key, b"\xff\x03hello")
        assert sending is not None
        network.send([(sending.path, sending.data)] * 5)
    network.run(until=26.0)
    assert len({event.key for event in lns.of(FrameReceived)}) == 6
    network.send(lns.did(lns.endpoint.close(CLOSE, now=network.now)))
    network.run(until=200.0)
    balanced(lac)
    balanced(lns)


class Twin(Peer):
    """A Peer beside whom a restored copy answers each input, and has to say the very same."""

    def __init__(self, config: LnsConfig, groups: tuple[LacConfig, ...], role: Role) -> None:
        super().__init__(Endpoint(lns=config, groups=groups, entropy=bytes, role=role))
        self._config = config
        self._groups = groups
        self.compared = 0

    def _twin(self) -> Endpoint:
        saved = plain(self.endpoint.save())
        return Endpoint.restore(saved, lns=self._config, groups=self._groups, entropy=bytes)

    def receive(self, path: Path, data: bytes, now: float) -> list[Datagram]:
        twin = self._twin()
        events = self.endpoint.receive(path, data, now=now)
        assert twin.receive(path, data, now=now) == events
        assert twin.save() == self.endpoint.save()
        self.compared += 1
        return self.did(events)

    def handle_timeout(self, now: float) -> list[Datagram]:
        twin = self._twin()
        events = self.endpoint.handle_timeout(now=now)
        assert twin.handle_timeout(now=now) == events
        assert twin.save() == self.endpoint.save()
        return self.did(events)


def test_a_restored_endpoint_answers_as_the_saved_one() -> None:
    network = Network(4, loss=0.2, duplication=0.2, reordering=0.2)
    lac = Twin(LnsConfig((), hostname="lac1"), (UPLINK,), Role.LAC)
    lns = Twin(LnsConfig((), hostname="lns1"), (GROUP,), Role.LNS)
    connect(network, lac, lns)
    tunnel_id, events = lac.endpoint.open_tunnel(AT_LAC, UPLINK, now=0.0)
    network.send(lac.did(events))
    for _ in range(10):
        network.send(lac.did(lac.endpoint.open_call(tunnel_id, CallRequest(), now=0.0)[1]))
    network.run(until=40.0)
    assert len(lac.of(CallUp)) == 10
    network.send(lns.did(lns.endpoint.close(CLOSE, now=network.now)))
    network.run(until=200.0)
    balanced(lac)
    assert lns.compared > 20


def test_a_lac_that_vanishes_is_noticed_by_hello() -> None:
    network = Network(1)
    lac, lns = Peer(lac_endpoint()), Peer(lns_endpoint(GROUP))
    connect(network, lac, lns)
    tunnel_id, events = lac.endpoint.open_tunnel(AT_LAC, UPLINK, now=0.0)
    network.send(lac.did(events))
    network.send(lac.did(lac.endpoint.open_call(tunnel_id, CallRequest(), now=0.0)[1]))
    network.run(until=30.0)
    network.cut("lac")
    network.run(until=130.0)
    (down,) = lns.of(CallDown)
    assert down.cause == Cause(By.TIMEOUT, 1, 0, "no answer to Hello", of_tunnel=True, stop=1)
    balanced(lns)
    balanced(lac)


def test_a_short_outage_costs_no_call() -> None:
    network = Network(1)
    lac, lns = Peer(lac_endpoint()), Peer(lns_endpoint(GROUP))
    connect(network, lac, lns)
    tunnel_id, events = lac.endpoint.open_tunnel(AT_LAC, UPLINK, now=0.0)
    network.send(lac.did(events))
    for _ in range(20):
        network.send(lac.did(lac.endpoint.open_call(tunnel_id, CallRequest(), now=0.0)[1]))
    network.run(until=60.0)
    network.cut("lac")
    network.run(until=80.0)
    network.mend("lac")
    network.run(until=200.0)
    assert lac.of(CallDown) == lns.of(CallDown) == []
    assert len(lns.of(CallUp)) == 20
    assert lns.of(Retransmitted) + lac.of(Retransmitted) != []


def test_an_lns_that_does_not_answer_ends_everything_with_a_reason() -> None:
    network = Network(1)
    lac = Peer(lac_endpoint(setup_timeout_s=100.0))
    network.attach("lac", lac, LAC_ADDRESS)
    tunnel_id, events = lac.endpoint.open_tunnel(AT_LAC, UPLINK, now=0.0)
    network.send(lac.did(events))
    key, _ = lac.endpoint.open_call(tunnel_id, CallRequest(), now=0.0)
    network.run()
    refused, tunnel = lac.events[-2:]
    assert isinstance(refused, CallRefused)
    assert refused.key == key
    assert isinstance(tunnel, TunnelRefused)
    assert tunnel.cause.by is By.TIMEOUT
    assert network.now == 31.0


class StubbornLac:
    """A LAC as bad as RFC 2661 allows, written from its text alone.

    It never sends a ZLB while it has messages of its own to send, throws away whatever is
    not in order, has ``window`` messages under way at most, and retransmits after a second
    at the earliest.  All its calls are begun at once.
    """

    def __init__(self, calls: int, window: int) -> None:
        self.waiting: deque[tuple[int, bytes]] = deque()
        self.window = window
        self.under_way: list[bytes] = []
        self.ns = self.nr = self.acknowledged = 0
        self.peer_tunnel_id = 0
        self.deadline: float | None = None
        self.retransmitted = 0
        self.connected = 0
        self._calls = calls

    def begin(self, now: float) -> list[Datagram]:
        body = messages.start(MessageType.SCCRQ, "stubborn", "", 0x77, self.window)
        self.waiting.append((0, body))
        return self._flush(now)

    def receive(self, path: Path, data: bytes, now: float) -> list[Datagram]:
        _, _, ns, nr = header(data)
        count = (nr - self.acknowledged) & 0xFFFF
        if count <= len(self.under_way):
            del self.under_way[:count]
            self.acknowledged = nr
        owes = False
        if len(data) > 12:
            owes = True
            if ns == self.nr:
                self.nr = (ns + 1) & 0xFFFF
                self._take(data)
        out = self._flush(now)
        if owes and not out and not self.under_way:
            out = [(AT_LAC, control(self.peer_tunnel_id, self.ns, self.nr))]
        self.deadline = now + 1.0 if self.under_way else None
        return out

    def _take(self, data: bytes) -> None:
        message = read(data)
        if message.type == MessageType.SCCRP:
            self.peer_tunnel_id = message.numbers[9]
            self.waiting.append((0, messages.scccn()))
            for number in range(1, self._calls + 1):
                self.waiting.append((0, messages.icrq(number, number, CallRequest())))
        elif message.type == MessageType.ICRP:
            self.waiting.appendleft((message.numbers[14], messages.iccn(CallRequest())))
            self.connected += 1

    def _flush(self, now: float) -> list[Datagram]:
        out = []
        while self.waiting and len(self.under_way) < self.window:
            session_id, body = self.waiting.popleft()
            data = control(self.peer_tunnel_id, self.ns, self.nr, body, session_id)
            self.ns = (self.ns + 1) & 0xFFFF
            self.under_way.append(data)
            out.append((AT_LAC, data))
        if self.under_way and self.deadline is None:
            self.deadline = now + 1.0
        return out

    def handle_timeout(self, now: float) -> list[Datagram]:
        self.deadline = now + 1.0
        self.retransmitted += len(self.under_way)
        nr = self.nr.to_bytes(2, "big")
        return [(AT_LAC, data[:10] + nr + data[12:]) for data in self.under_way]


@pytest.mark.parametrize("window", [1, 4])
def test_a_lac_with_a_small_window_is_never_kept_waiting(window: int) -> None:
    # 0.1 ms there and 0.1 ms back: 2,500 calls a second are 2 round trips a call.
    network = Network(1, latency_s=0.0001)
    lac, lns = StubbornLac(1000, window), Peer(lns_endpoint())
    network.attach("lac", lac, LAC_ADDRESS)
    network.attach("lns", lns, LNS_ADDRESS)
    network.send(lac.begin(0.0))
    network.run(done=lambda: len(lns.of(CallUp)) == 1000, max_steps=20_000)
    assert network.now <= 0.4 + 0.002
    assert lac.retransmitted == 0
    assert lns.of(Retransmitted) == []


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize("seed", range(10))
def test_a_stubborn_lac_gets_in_over_a_bad_network(seed: int, window: int) -> None:
    network = Network(seed, loss=0.1, duplication=0.1, reordering=0.2)
    lac, lns = StubbornLac(20, window), Peer(lns_endpoint(setup_timeout_s=600.0))
    network.attach("lac", lac, LAC_ADDRESS)
    network.attach("lns", lns, LNS_ADDRESS)
    network.send(lac.begin(0.0))
    network.run(until=600.0, done=lambda: len(lns.of(CallUp)) == 20 or bool(lns.of(TunnelDown)))
    assert len(lns.of(CallUp)) == 20, f"seed {seed}"


def test_a_thousand_calls_are_closed_one_by_one_and_all_at_once() -> None:
    network = Network(1, latency_s=0.001)
    lac, lns = Peer(lac_endpoint()), Peer(lns_endpoint(GROUP))
    connect(network, lac, lns)
    tunnel_id, events = lac.endpoint.open_tunnel(AT_LAC, UPLINK, now=0.0)
    network.send(lac.did(events))
    for _ in range(1000):
        network.send(lac.did(lac.endpoint.open_call(tunnel_id, CallRequest(), now=0.0)[1]))
    network.run(until=10.0)
    keys = [event.key for event in lns.of(CallUp)]
    assert len(keys) == 1000
    for key in keys[:500]:
        network.send(lns.did(lns.endpoint.close_call(key, Cause(By.LOCAL, 3), now=network.now)))
    network.run(until=20.0)
    assert len(lac.of(CallDown)) == 500
    assert all(event.cause == Cause(By.PEER, 3) for event in lac.of(CallDown))
    network.send(lns.did(lns.endpoint.close(CLOSE, now=network.now)))
    network.run(until=20.1, done=lambda: lns.endpoint.closed)
    assert lns.endpoint.closed
    network.run(until=100.0)
    balanced(lac)
    balanced(lns)


def test_what_ends_a_tunnel_overtakes_what_waits_to_be_sent() -> None:
    network = Network(1, latency_s=0.001)
    lac, lns = Peer(lac_endpoint()), Peer(lns_endpoint(GROUP))
    connect(network, lac, lns)
    tunnel_id, events = lac.endpoint.open_tunnel(AT_LAC, UPLINK, now=0.0)
    network.send(lac.did(events))
    for _ in range(300):
        network.send(lac.did(lac.endpoint.open_call(tunnel_id, CallRequest(), now=0.0)[1]))
    network.run(until=10.0)
    for event in lns.of(CallUp):
        network.send(lns.did(lns.endpoint.close_call(event.key, Cause(By.LOCAL, 3), now=network.now)))
    network.send(lns.did(lns.endpoint.close(CLOSE, now=network.now)))
    network.run(until=10.01)
    assert lac.of(TunnelDown) != []
    assert lns.endpoint.closed
