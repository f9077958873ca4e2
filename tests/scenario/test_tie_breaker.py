"""Two ends that ask each other for a tunnel at once (RFC 2661 sections 4.4.3, 5.1 and 7.2.1)."""

from __future__ import annotations

import random

import pytest

from bras.config.model import LacConfig
from bras.errors import DropReason
from bras.l2tp import avp, messages
from bras.l2tp.constants import AvpType, MessageType
from bras.l2tp.events import Dropped, Path, TunnelDown, TunnelRefused, TunnelUp
from bras.secret import Secret
from tests.support.l2tp import (
    AT_LAC,
    AT_LNS,
    LAC_ADDRESS,
    LNS_ADDRESS,
    HandLac,
    Peer,
    control,
    kind,
    lac_endpoint,
    lns_endpoint,
    read,
    sent,
)
from tests.support.network import Network

GROUP = LacConfig("any", secrets=(Secret(b"s3cret"),), hello_interval_s=0.0)
HIGHEST = b"\xff" * 8
LOWEST = bytes(8)


def both_open(seed: int, **weather: float) -> tuple[Network, Peer, Peer]:
    """Let two cores, each of which would take a tunnel, ask each other for one."""
    network = Network(seed, **weather)  # type: ignore[arg-type]  # its keywords
    one = Peer(lns_endpoint(GROUP, seed=seed, idle_tunnel_s=0.0))
    other = Peer(lns_endpoint(GROUP, seed=seed + 1000, idle_tunnel_s=0.0))
    network.attach("one", one, LAC_ADDRESS)
    network.attach("other", other, LNS_ADDRESS)
    for peer, path in ((one, AT_LAC), (other, AT_LNS)):
        network.send(peer.did(peer.endpoint.open_tunnel(path, GROUP, now=0.0)[1]))
    return network, one, other


def breakers(*peers: Peer) -> list[bytes]:
    return [next(iter(peer.endpoint._tunnels.values())).tie_breaker for peer in peers]


@pytest.mark.parametrize("seed", range(10))
def test_one_tunnel_is_left_the_one_with_the_lower_tie_breaker(seed: int) -> None:
    network, one, other = both_open(seed)
    first, second = breakers(one, other)
    winner, loser = (one, other) if first < second else (other, one)
    network.run(until=300.0)
    (up,), (mirrored) = winner.of(TunnelUp), loser.of(TunnelUp)
    assert [(mirror.tunnel_id, mirror.peer_tunnel_id) for mirror in mirrored] == [(up.peer_tunnel_id, up.tunnel_id)]
    assert not winner.of(TunnelRefused)
    (lost,) = loser.of(TunnelRefused)
    assert lost.cause.text == "the peer's tie breaker wins"
    assert [drop.reason for drop in winner.of(Dropped)] == [DropReason.TIE]
    assert not winner.of(TunnelDown)
    assert [len(list(peer.endpoint.tunnels())) for peer in (one, other)] == [1, 1]


@pytest.mark.parametrize("seed", range(40))
def test_losses_leave_at_least_one_tunnel_and_nothing_half_open(seed: int) -> None:
    """Six SCCRQs of which each needs its SCCRP, for that is sent only when asked: one handshake in 500 fails."""
    network, one, other = both_open(seed, loss=0.2, reordering=0.2, duplication=0.2)
    network.run(until=40.0)
    network.loss = network.reordering = network.duplication = 0.0
    network.run(until=200.0)
    pairs = [{(t.tunnel_id, t.peer_tunnel_id) for t in peer.endpoint.tunnels()} for peer in (one, other)]
    assert pairs[0] == {(there, here) for here, there in pairs[1]}, "both ends have the same"
    assert len(pairs[0]) == 1


def outstanding() -> tuple[HandLac, int]:
    """Return a core that has asked for a tunnel, and the id of that."""
    endpoint = lns_endpoint(LacConfig("any", hello_interval_s=0.0), idle_tunnel_s=0.0)
    tunnel_id, events = endpoint.open_tunnel(AT_LNS, LacConfig("any"), now=0.0)
    (sccrq,) = sent(events)
    assert len(read(sccrq).octets[AvpType.TIE_BREAKER]) == 8
    lac = HandLac(endpoint)
    lac.hear(events)
    lac.kinds()
    return lac, tunnel_id


def states(lac: HandLac) -> dict[int, str]:
    return {facts.tunnel_id: facts.state.name for facts in lac.endpoint.tunnels()}


def test_the_breaker_is_8_octets_of_entropy_not_hidden_and_not_mandatory() -> None:
    _, events = lac_endpoint().open_tunnel(AT_LAC, LacConfig("up", secrets=GROUP.secrets, hide_avps=True), now=0.0)
    (data,) = sent(events)
    assert data.count(b"\x00\x0e\x00\x00\x00\x05") == 1
    _, events = lac_endpoint(seed=3).open_tunnel(AT_LAC, LacConfig("up"), now=0.0)
    assert read(sent(events)[0]).octets[5] != read(data).octets[5]


def test_a_lower_one_wins_and_ours_is_discarded_without_a_word() -> None:
    lac, tunnel_id = outstanding()
    (refused,) = lac.sccrq(more=avp.octets(AvpType.TIE_BREAKER, LOWEST))
    assert isinstance(refused, TunnelRefused)
    assert lac.kinds() == ["SCCRP"]
    assert tunnel_id not in states(lac)
    lac.wait_until(100.0)
    assert "SCCRQ" not in lac.kinds(), "it is not sent again"


def test_a_higher_one_loses_and_hears_nothing() -> None:
    lac, tunnel_id = outstanding()
    assert lac.sccrq(more=avp.octets(AvpType.TIE_BREAKER, HIGHEST)) == [Dropped(DropReason.TIE, AT_LNS)]
    assert lac.kinds() == []
    assert states(lac) == {tunnel_id: "WAIT_CTL_REPLY"}
    lac.wait_until(1.0)
    assert lac.kinds() == ["SCCRQ"], "ours is sent again"


def test_equal_ones_discard_both() -> None:
    lac, tunnel_id = outstanding()
    equal = lac.endpoint._tunnels[tunnel_id].tie_breaker
    refused, dropped = lac.sccrq(more=avp.octets(AvpType.TIE_BREAKER, equal))
    assert isinstance(refused, TunnelRefused)
    assert refused.cause.text == "both tie breakers are equal"
    assert dropped == Dropped(DropReason.TIE, AT_LNS)
    assert (lac.kinds(), states(lac)) == ([], {})


def test_a_peer_that_sends_none_loses_and_comes_in_when_it_asks_again_later() -> None:
    """It is to discard its own; one that knows nothing of this gets both, one after the other."""
    lac, tunnel_id = outstanding()
    assert lac.sccrq() == [Dropped(DropReason.TIE, AT_LNS)]
    assert states(lac) == {tunnel_id: "WAIT_CTL_REPLY"}
    reply = messages.start(MessageType.SCCRP, "lac1", "test", 0x0303, 8)
    (up,) = lac.raw(control(tunnel_id, 0, 1, reply))
    assert isinstance(up, TunnelUp)
    lac.ns = 0
    lac.sccrq()
    assert kind(lac.heard[-1]) == "SCCRP"
    assert sorted(states(lac).values()) == ["ESTABLISHED", "WAIT_CTL_CONN"]


def test_another_port_of_the_same_host_is_the_same_peer() -> None:
    lac, tunnel_id = outstanding()
    lac.path = Path(0, *LNS_ADDRESS, LAC_ADDRESS[0], 40000)
    lac.sccrq(more=avp.octets(AvpType.TIE_BREAKER, LOWEST))
    assert tunnel_id not in states(lac)


def test_another_host_is_none_of_its_business() -> None:
    lac, tunnel_id = outstanding()
    lac.path = Path(0, *LNS_ADDRESS, "198.18.0.77", 1701)
    lac.sccrq(more=avp.octets(AvpType.TIE_BREAKER, LOWEST))
    assert sorted(states(lac).values()) == ["WAIT_CTL_CONN", "WAIT_CTL_REPLY"]
    assert states(lac)[tunnel_id] == "WAIT_CTL_REPLY"


def test_an_established_tunnel_loses_to_nobody() -> None:
    lac, tunnel_id = outstanding()
    reply = messages.start(MessageType.SCCRP, "lac1", "test", 0x0303, 8)
    lac.raw(control(tunnel_id, 0, 1, reply))
    lac.ns = 0
    lac.sccrq(more=avp.octets(AvpType.TIE_BREAKER, LOWEST))
    assert states(lac)[tunnel_id] == "ESTABLISHED"


def test_several_of_ours_at_once() -> None:
    """Those that lose go; as long as one wins the peer's goes, too."""
    dice = random.Random(5)
    endpoint = lns_endpoint(seed=5)
    group = LacConfig("any")
    numbers = [endpoint.open_tunnel(AT_LNS, group, now=0.0)[0] for _ in range(6)]
    ours = {number: endpoint._tunnels[number].tie_breaker for number in numbers}
    middle = sorted(ours.values())[3][:-1] + b"\0"
    lac = HandLac(endpoint, tunnel_id=dice.randrange(1, 0xFFFF))
    lac.sccrq(more=avp.octets(AvpType.TIE_BREAKER, middle))
    assert set(states(lac)) == {number for number, breaker in ours.items() if breaker < middle}
    assert lac.kinds() == []
