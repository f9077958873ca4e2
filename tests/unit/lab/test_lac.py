"""The emulated LAC dials into our LNS in virtual time, and says what became of it."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, Listen
from bras.l2tp.events import Path, SendDatagram
from bras.lab.lac import LabLac, words
from bras.lab.plan import LacPlan
from bras.lab.subscriber import Stage
from bras.lab.summary import counts, summarize, table
from bras.lab.traffic import ICMP, PingPlan, ipv4
from bras.lns.commands import Disconnect
from bras.secret import Secret
from bras.subscriber.events import ProxyJudged
from tests.support.world import LNS_ADDRESS, SimulatedRadius, Weather, World, config, entropy_of

LAC_ADDRESS = "198.18.0.2"


@dataclass
class Bench:
    """A LAC of the lab in a world."""

    plan: LacPlan
    world: World = field(default_factory=lambda: World(config(auth=AuthConfig(methods=("chap", "pap")))))
    ports: int = 1

    def __post_init__(self) -> None:
        paths = [Path(index, LAC_ADDRESS, 1701 + index, LNS_ADDRESS, 1701) for index in range(self.ports)]
        self.lac = LabLac(self.plan, paths, entropy_of(random.Random(7)))
        for path in paths:
            self.world.parties[LAC_ADDRESS, path.local_port] = self._receiver(path)
        self.world.timers.append(lambda: self.lac.deadline)
        self.world.handlers.append(lambda now: self.send(self.lac.handle_timeout(now=now)))
        self.send(self.lac.start(now=self.world.now))

    def _receiver(self, path: Path) -> Any:
        return lambda data, now: self.send(self.lac.receive(path, data, now=now))

    def send(self, datagrams: list[SendDatagram]) -> None:
        for datagram in datagrams:
            path = datagram.path
            self.world.send(path.local, path.local_port, path.remote, path.remote_port, datagram.data)

    def settle(self) -> None:
        self.world.run(120.0, until=lambda: self.lac.settled)
        assert self.lac.settled

    def finish(self) -> dict[str, Any]:
        self.send(self.lac.finish(now=self.world.now))
        self.world.run(60.0, until=lambda: self.lac.finished)
        assert self.lac.finished
        return summarize(self.lac)


def plan(**more: Any) -> LacPlan:
    given = {"secret": "tunsecret", "tunnels": 2, "sessions": 6} | more
    return LacPlan(Listen(LNS_ADDRESS, 1701), **given)


@pytest.mark.parametrize("ports", [1, 2])
def test_all_come_up_and_end_politely(ports: int) -> None:
    bench = Bench(plan(methods=("chap", "pap")), ports=ports)
    bench.settle()
    assert counts(bench.lac)["up"] == 6
    summary = bench.finish()
    assert summary["passed"], summary["problems"]
    assert (summary["tunnels_up"], summary["sessions_up"], summary["addresses"]) == (2, 6, 6)
    bench.world.run(30.0)
    assert sorted(bench.world.radius.statuses()) == [1] * 6 + [2] * 6 + [7]
    assert table(summary).row_count >= 5


def test_lcp_goes_out_after_iccn_so_that_nothing_waits_for_a_restart_timer() -> None:
    bench = Bench(plan())
    bench.settle()
    assert summarize(bench.lac)["setup_99_percent_ms"] < 900


def test_a_rate_spreads_the_calls() -> None:
    bench = Bench(plan(rate=2.0))
    bench.world.run(1.2)
    assert len(bench.lac.subscribers) == 3
    bench.settle()
    assert bench.finish()["passed"]


def test_calls_under_loss_still_come_up() -> None:
    weather = Weather(loss=0.1, duplication=0.1, jitter_s=0.02)
    world = World(config(auth=AuthConfig(methods=("chap",))), weather=weather)
    bench = Bench(plan(), world)
    bench.settle()
    assert bench.finish()["sessions_up"] == 6


def test_a_refused_password_is_said() -> None:
    world = World(config(auth=AuthConfig(methods=("chap",))), radius=SimulatedRadius(reply=lambda _: (3, b"")))
    bench = Bench(plan(), world)
    bench.settle()
    summary = bench.finish()
    assert not summary["passed"]
    assert summary["sessions_up"] == 0
    assert sum(summary["failures"].values()) == 6


def test_a_wrong_tunnel_secret_is_said() -> None:
    bench = Bench(plan(secret="wrong"))
    bench.settle()
    summary = bench.finish()
    assert not summary["passed"]
    assert summary["tunnels_up"] == 0
    assert summary["complaints"]
    assert sum(summary["failures"].values()) == 6


def test_an_lns_that_is_not_there_is_given_up() -> None:
    bench = Bench(plan())
    bench.world.weather.loss = 1.0
    bench.settle()
    assert not bench.finish()["passed"]


def test_a_session_that_the_lns_ends_is_a_failure() -> None:
    bench = Bench(plan())
    bench.settle()
    bench.world.ask(Disconnect("user3"))
    bench.world.run(5.0)
    assert [one.number for one in bench.lac.subscribers if one.stage is Stage.ENDED] == [3]
    summary = bench.finish()
    assert not summary["passed"]
    assert "1 sessions ended before their subscriber hung up" in summary["problems"]


def test_hanging_up_before_all_are_called() -> None:
    bench = Bench(plan(rate=0.5))
    bench.world.run(3.0)
    summary = bench.finish()
    assert summary["sessions_up"] == 2
    assert not summary["passed"]


def test_echoes_are_answered_through_the_session() -> None:
    bench = Bench(plan(tunnels=1, sessions=1, ping=PingPlan(0xC6120102, 2, 0.5)))
    bench.world.run(10.0, until=lambda: counts(bench.lac)["up"] == 1)
    (one,) = bench.lac.subscribers
    assert one.ping is not None
    while not one.ping.done:
        at = one.ping.deadline
        assert at is not None
        for frame in one.handle_timeout(now=at):
            packet = frame[-84:]
            echo = b"\0" + packet[21:]
            one.receive(b"\xff\x03\x00\x21" + ipv4(0xC6120102, one.network.address, ICMP, echo), now=at + 0.01)
    assert summarize(bench.lac)["ping"] == pytest.approx(
        {"sent": 2, "received": 2, "lost": 0, "without_reply": 0, "median_ms": 10.0, "max_ms": 10.0}
    )


def test_echoes_that_nobody_answers_fail_the_run() -> None:
    bench = Bench(plan(ping=PingPlan(0xC6120102, 1, 0.5)))
    bench.settle()
    summary = bench.finish()
    assert "6 subscribers never had an echo answered" in summary["problems"]


def test_octets_from_anywhere_are_never_a_traceback() -> None:
    bench = Bench(plan())
    bench.settle()
    path = Path(0, LAC_ADDRESS, 1701, LNS_ADDRESS, 1701)
    tunnel = next(bench.lac.endpoint.tunnels()).tunnel_id
    for seed in range(300):
        octets = hashlib.sha512(bytes((seed & 255, seed >> 8))).digest()[: seed % 64]
        bench.lac.receive(path, octets, now=bench.world.now)
        bench.lac.receive(path, b"\0\x02" + tunnel.to_bytes(2, "big") + octets, now=bench.world.now)
    for one in bench.lac.subscribers:
        one.receive(b"", now=bench.world.now)
        one.receive(b"\xff\x03\x00\x21\x45", now=bench.world.now)


def test_causes_in_words() -> None:
    bench = Bench(plan(secret="wrong"))
    bench.settle()
    assert "result" in bench.lac.complaints[0]
    assert words.__doc__


@pytest.mark.parametrize("policy", ["renegotiate", "accept"])
def test_calls_with_all_of_ppp_that_a_lac_can_do_itself(policy: str) -> None:
    group = LacConfig(name="any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"), proxy=policy)
    world = World(config(auth=AuthConfig(methods=("chap", "pap")), lac=(group,)))
    bench = Bench(plan(methods=("chap", "pap"), proxy=True), world)
    bench.settle()
    results = [fact.result.value for fact in world.facts if isinstance(fact, ProxyJudged)]
    assert results == ["accepted" if policy == "accept" else "renegotiated"] * 6
    summary = bench.finish()
    assert summary["passed"], summary["problems"]
