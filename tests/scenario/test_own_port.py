"""Tunnels with a port of their own (RFC 2661 section 8.1): opened for an acceptable SCCRQ, closed with the tunnel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bras.config.grant import Grant
from bras.config.model import Config, LacConfig, LnsConfig
from bras.errors import DropReason
from bras.l2tp.events import (
    FIRST_OWN,
    By,
    Cause,
    Dropped,
    Refusal,
    TunnelDown,
    TunnelRefused,
    TunnelUp,
)
from bras.l2tp.events import (
    Path as Way,
)
from bras.l2tp.reception import Reception
from bras.l2tp.refusals import of_tunnel
from bras.lns.effects import Effect
from bras.lns.inputs import DatagramReceived, Input
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded, SubscriberUp
from tests.support.crash import Mortal
from tests.support.faults import Fault
from tests.support.lacs import SimulatedLac
from tests.support.rim import SCCRP, STOPCCN, Rim
from tests.support.world import LNS_ADDRESS, OTHER_LNS_ADDRESS, Weather, config

LAC = "198.18.0.2"
SECRET = Secret(b"tunsecret")
CYCLE_S = 31.0
"""1 + 2 + 4 + 8 + 8 + 8 seconds: a full retransmission cycle with the values that a group has."""


def group(name: str = "any", **keys: object) -> LacConfig:
    values: dict[str, object] = {"secrets": (SECRET,), "grant": Grant(pool="default"), "use_ephemeral_port": True}
    return LacConfig(name, **values | keys)  # type: ignore[arg-type]  # keys of [[lac]]


def given(*groups: LacConfig, **lns: object) -> Config:
    section = LnsConfig(listen=config().lns.listen, hostname="lns1", idle_tunnel_s=0.0)
    return config(lac=groups or (group(),), lns=replace(section, **lns))


class Ported(Rim):
    """Notes from where everything is sent."""

    def __init__(self, configuration: Config | None = None) -> None:
        self.sources: list[tuple[str, int]] = []
        super().__init__(configuration or given())

    def send(self, source: str, source_port: int, target: str, target_port: int, data: bytes) -> None:
        if source == LNS_ADDRESS:
            self.sources.append((source, source_port))
        super().send(source, source_port, target, target_port, data)

    @property
    def listeners(self) -> set[int]:
        """Return the listeners of the tunnels that there are, ended ones too."""
        return {tunnel.path.listener for tunnel in self.lns.core.endpoint._tunnels.values()}

    def check(self) -> None:
        """Every port is a tunnel's."""
        assert set(self.ports.values()) == {one for one in self.listeners if one >= FIRST_OWN}


def test_use_ephemeral_port() -> None:
    """Control and data leave from a port that is the tunnel's own, and what comes to it is taken."""
    rim = Ported()
    first, client = rim.up()
    ((address, port),) = rim.ports
    assert (address, port) != (LNS_ADDRESS, 1701)
    assert set(rim.sources) == {(LNS_ADDRESS, port)}, "from the SCCRP on"
    second = rim.lac(address="198.18.0.3", hostname="lac2")
    other = second.dial("user2", "pass")
    rim.run(3.0)
    assert other.address
    assert len(rim.ports) == len(set(rim.sources)) == 2
    assert {up.path.local_port for up in rim.of(TunnelUp)} == {port for _, port in rim.ports}
    assert {entry.legs[0].local_port for entry in rim.plane.entries.values()} == {port for _, port in rim.ports}  # type: ignore[union-attr]  # a Route
    assert {entry.legs[0].listener for entry in rim.plane.entries.values()} == set(rim.ports.values())  # type: ignore[union-attr]  # a Route
    assert not first.downs
    assert len(rim.of(SubscriberUp)) == 2
    assert client.address != other.address


def test_without_the_key_it_is_the_port_that_was_called() -> None:
    rim = Ported(given(group(use_ephemeral_port=False)))
    rim.up()
    assert set(rim.sources) == {(LNS_ADDRESS, 1701)}
    assert not rim.ports_opened


def test_a_port_is_closed_when_its_tunnel_is_gone_and_not_before() -> None:
    """The StopCCN may come again for a full cycle (RFC 2661 section 5.7)."""
    rim = Ported()
    lac, client = rim.up()
    lac.hang_up(client)
    rim.run(1.0)
    lac.take(lac.endpoint.close_tunnel(lac.tunnel_id, Cause(By.LOCAL, 1, 0, ""), now=rim.now), rim.now)
    rim.run(CYCLE_S - 1.0)
    assert rim.of(TunnelDown)
    assert len(rim.ports) == 1
    rim.run(2.0)
    assert not rim.ports
    assert not rim.listeners


def test_a_lac_that_has_not_heard_the_answer_gets_it_again_from_the_same_port() -> None:
    rim = Ported()
    rim.weather = Weather(loss=0.6)
    lac = rim.lac()
    rim.run(60.0, until=lambda: lac.endpoint._tunnels[lac.tunnel_id].timers.up_at is not None)
    rim.weather = Weather()
    rim.run(5.0)
    assert len(rim.controls(SCCRP)) > 1, "it was asked and said more than once"
    assert rim.ports_opened == len(rim.ports) == len(set(rim.sources)) == 1


def test_a_request_that_comes_twice_at_once_wants_one_port() -> None:
    """Both ask for a port before either has one."""
    rim = Ported()
    rim.parties.clear()
    sent: list[bytes] = []
    rim.send = lambda *where: sent.append(where[4])  # type: ignore[method-assign]  # held back
    lac = SimulatedLac(rim)
    lac.open()
    del rim.send
    way = Way(0, LNS_ADDRESS, 1701, LAC, 1701)
    rim.give(DatagramReceived(way, sent[0]), DatagramReceived(way, sent[0]))
    assert rim.ports_opened == 2
    assert len(rim.ports) == 1
    assert len(rim.controls(SCCRP)) == 2
    assert len(rim.lns.core.endpoint._tunnels) == 1
    rim.check()


def test_a_request_that_is_refused_opens_none() -> None:
    rim = Ported(given(group(max_tunnels=1)))
    rim.up()
    rim.lac(address="198.18.0.3", hostname="lac2")
    rim.run(1.0)
    assert rim.controls(STOPCCN)[0].result == (2, 4)
    assert rim.ports_opened == 1
    assert rim.sources[-1] == (LNS_ADDRESS, 1701)


def test_without_a_port_it_is_refused_in_words_and_may_come_again() -> None:
    rim = Ported()
    rim.no_port = "Too many open files"
    refused = rim.lac()
    rim.run(1.0)
    (stop,) = rim.controls(STOPCCN)
    assert stop.result == (2, 4)
    assert stop.avps[1][4:] == b"no port for the tunnel: Too many open files"
    (fact,) = rim.of(TunnelRefused)
    assert of_tunnel(fact.cause) is Refusal.LIMIT
    assert refused.refused
    assert not rim.lns.core.endpoint._tunnels
    rim.no_port = ""
    refused.open()
    rim.run(1.0)
    assert len(rim.of(TunnelUp)) == 1


def test_a_limit_that_is_reached_meanwhile() -> None:
    """Two ask in one wake for the last place: one gets it, the other's port is closed again."""
    rim = Ported(given(group(max_tunnels=1)))
    sent: list[tuple[str, bytes]] = []
    rim.send = lambda *where: sent.append((where[0], where[4]))  # type: ignore[method-assign]  # held back
    for number in (2, 3):
        SimulatedLac(rim, address=f"198.18.0.{number}", hostname=f"lac{number}").open()
    del rim.send
    rim.give(*[DatagramReceived(Way(0, LNS_ADDRESS, 1701, source, 1701), data) for source, data in sent])
    rim.run(1.0)
    assert len(rim.of(TunnelUp)) == 1
    assert rim.controls(STOPCCN)[0].result == (2, 4)
    assert rim.ports_opened == 2
    assert len(rim.ports) == 1
    rim.check()


def test_forged_requests_hold_no_more_ports_than_half_open_tunnels() -> None:
    rim = Ported(given(max_half_open=20))
    for number in range(200):
        lac = SimulatedLac(rim, address=f"198.18.{2 + number // 100}.{number % 100}", hostname=f"lac{number}")
        lac.receive = lambda _data, _now: None  # type: ignore[method-assign]  # nobody is there
        rim.parties[lac.address, lac.port] = lac.receive
        lac.open()
        rim.run(0.2)
        assert len(rim.ports) <= 20
    assert rim.ports_opened > 50
    rim.run(120.0)
    assert not rim.ports


def test_a_request_of_another_group_to_a_tunnels_port_is_dropped() -> None:
    """It would lose its way when that tunnel ends."""
    rim = Ported(given(group("own", hostname="lac1"), group("other", hostname="*", use_ephemeral_port=False)))
    rim.up()
    ((_, port),) = rim.ports
    stray = SimulatedLac(rim, address="198.18.0.3", hostname="lac2")
    stray.path = replace(stray.path, remote_port=port)
    stray.open()
    rim.run(1.0)
    assert rim.of(Dropped)[-1].reason is DropReason.WRONG_PEER
    assert len(rim.of(TunnelUp)) == 1


def test_many_tunnels_have_a_port_each() -> None:
    rim = Ported()
    for number in range(300):
        rim.lac(address=f"198.18.{2 + number // 200}.{number % 200}", hostname=f"lac{number}")
        rim.run(0.05)
    rim.run(5.0)
    assert len(rim.of(TunnelUp)) == len(rim.ports) == 300
    rim.check()


def test_a_lac_that_begins_anew_gets_another_port() -> None:
    rim = Ported()
    rim.up()
    before = dict(rim.ports)
    again = rim.lac()  # at the same address; it has forgotten the tunnel
    again.dial("user2", "pass")
    rim.run(5.0)
    assert len(rim.of(TunnelUp)) == 2
    assert len(rim.ports) == 2
    assert before.items() < rim.ports.items()


@pytest.mark.interpreted  # a compiled machine takes no part that is not what it says
def test_a_defect_leaves_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clumsy(Ported):
        def handle(self, given: Input) -> list[Effect]:
            try:
                return super().handle(given)
            except Fault:
                return self.lns.abandon(given, self.now)

    def fail(*_: object, **__: object) -> None:
        raise Fault

    rim = Clumsy()
    with monkeypatch.context() as patch:
        patch.setattr(Reception, "_succeed", fail)
        patch.setattr(Reception, "_new_tunnel", fail)
        rim.lac()
        rim.run(0.5)
        assert rim.ports_opened == 1
        assert not rim.ports
    rim.run(5.0)
    assert len(rim.of(TunnelUp)) == 1, "its SCCRQ comes again"


# -- the LAC's side


def test_our_lac_follows_only_the_right_answer_from_the_same_address() -> None:
    """Else whoever guesses a tunnel id could lead a LAC away."""
    rim = Ported()
    held: list[tuple[str, int, bytes]] = []
    lac = SimulatedLac(rim)
    forward = lac.receive
    rim.parties[LAC, 1701] = lambda data, _now: held.append((LNS_ADDRESS, rim.speaker_port, data))
    lac.open()
    rim.run(0.5)
    (_, port, data), *_ = held
    tunnel = lac.endpoint._tunnels[lac.tunnel_id]

    def hear(remote: str, octets: bytes) -> None:
        lac.take(lac.endpoint.receive(Way(0, LAC, 1701, remote, port), octets, now=rim.now), rim.now)

    hear(OTHER_LNS_ADDRESS, data)
    hear(LNS_ADDRESS, data[:-1] + bytes([data[-1] ^ 1]))  # the last octet of the response
    assert tunnel.path.remote_port == 1701
    assert tunnel.channel.peer_tunnel_id == 0
    hear(LNS_ADDRESS, data)
    assert tunnel.path.remote_port == port
    rim.parties[LAC, 1701] = forward
    rim.run(1.0)
    assert len(rim.of(TunnelUp)) == 1
    lac.take(lac.endpoint.receive(Way(0, LAC, 1701, LNS_ADDRESS, port + 1), data, now=rim.now), rim.now)
    assert tunnel.path.remote_port == port, "an established tunnel stays where it is"


# -- restarts


def test_a_port_is_bound_again_after_a_crash(tmp_path: Path) -> None:
    world = Mortal(tmp_path, given())
    lac = SimulatedLac(world)
    lac.open()
    client = lac.dial("user1", "pass")
    world.run(3.0)
    before = dict(world.ports)
    world.kill("unheard")
    assert world.ports == before
    later = lac.dial("user2", "pass")
    world.run(5.0)
    assert client.address
    assert later.address
    assert not lac.downs
    assert {entry.legs[0].listener for entry in world.plane.entries.values()} == set(before.values())  # type: ignore[union-attr]  # a Route


def test_a_port_that_somebody_else_has_now_costs_its_tunnel_alone(tmp_path: Path) -> None:
    world = Mortal(tmp_path, given(), pinned=False)
    lacs = [SimulatedLac(world, address=f"198.18.0.{number}", hostname=f"lac{number}") for number in (2, 3)]
    for lac in lacs:
        lac.open()
        lac.dial(f"user{lac.address}", "pass")
    world.run(3.0)
    world.ports_taken = {min(world.ports.values())}
    world.kill("unheard")
    world.run(5.0)
    (ended,) = [fact for fact in world.facts if isinstance(fact, SubscriberEnded)]
    assert ended.reason == "call_lost"
    assert len(world.plane.entries) == 1
    assert [facts.path.remote for facts in world.lns.core.endpoint.tunnels()] == ["198.18.0.3"]


def test_a_reboot_binds_nothing(tmp_path: Path) -> None:
    world = Mortal(tmp_path, given())
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(3.0)
    world.kill_at = "unheard"
    world.run(60.0, until=lambda: not world.alive)
    world.revive(boot="boot2")
    assert not world.ports
