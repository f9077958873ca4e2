"""What is shown of a tunnel is what happened to it."""

from __future__ import annotations

from bras.config.model import LacConfig
from bras.l2tp import avp, messages
from bras.l2tp.challenge import response
from bras.l2tp.constants import AvpType, MessageType
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.facts import TunnelDetail
from bras.l2tp.messages import CallRequest
from bras.l2tp.states import TunnelState
from bras.secret import Secret
from tests.support.l2tp import AT_LNS, HandLac, control, lns_endpoint

CHALLENGE = avp.octets(AvpType.CHALLENGE, b"0123456789abcdef")


def detail(lac: HandLac) -> TunnelDetail:
    found = lac.endpoint.tunnel(lac.peer_tunnel_id)
    assert found is not None
    return found


def established(*groups: LacConfig, **settings: object) -> HandLac:
    lac = HandLac(lns_endpoint(*groups, **settings))
    lac.establish()
    return lac


def test_who_has_proven_what() -> None:
    """Before the response nothing is proven; then it is the second secret."""
    lac = HandLac(lns_endpoint(LacConfig("g", secrets=(Secret(b"new"), Secret(b"old")))))
    lac.sccrq(more=CHALLENGE)
    lac.peer_tunnel_id = lac.last().numbers[9]
    assert (detail(lac).peer_secret, detail(lac).challenged) == (None, True)
    proof = response(MessageType.SCCCN, Secret(b"old"), lac.last().octets[AvpType.CHALLENGE])
    lac.say(messages.scccn() + avp.octets(AvpType.CHALLENGE_RESPONSE, proof))
    assert (detail(lac).peer_secret, detail(lac).challenged) == (2, True)


def test_an_open_group_proves_nothing() -> None:
    lac = established()
    assert (detail(lac).peer_secret, detail(lac).challenged) == (None, False)
    assert detail(lac).facts.state is TunnelState.ESTABLISHED


def test_what_the_lac_said_of_itself() -> None:
    said = {one.name: one.value for one in detail(established()).avps}
    assert (said["Host Name"], said["Vendor Name"], said["Receive Window Size"]) == ("lac1", "test", "8")


def test_numbers_windows_and_what_waits() -> None:
    lac = established(LacConfig("g", receive_window=5))
    first = detail(lac).facts.channel
    assert (first.ns, first.nr, first.peer_window, first.in_flight, first.queued) == (1, 2, 8, 0, 0)
    assert detail(lac).receive_window == 5
    for number in (1, 2, 3):
        lac.raw(control(lac.peer_tunnel_id, lac.ns, 1, messages.icrq(number, number, CallRequest())))
        lac.ns += 1
    busy = detail(lac).facts.channel
    assert (busy.window, busy.in_flight, busy.queued, busy.nr) == (2, 2, 1, 5)
    lac.raw(control(lac.peer_tunnel_id, lac.ns + 1, 1, messages.hello()))
    assert detail(lac).facts.channel.held == 1
    assert detail(lac).calls == {"wait_connect": 3}


def test_retransmissions_and_when_the_next_one_is_due() -> None:
    lac = established()
    lac.raw(control(lac.peer_tunnel_id, lac.ns, 1, messages.icrq(1, 1, CallRequest())))
    assert detail(lac).retransmit_at == 1.0
    lac.wait_until(3.5)
    channel = detail(lac).facts.channel
    assert (channel.retries, channel.retransmissions, detail(lac).retransmit_at) == (2, 2, 7.0)
    assert (channel.window, channel.threshold) == (1, 1)


def test_the_round_trip_of_the_handshake_and_of_a_hello() -> None:
    lac = HandLac(lns_endpoint(LacConfig("g", hello_interval_s=10.0)))
    lac.sccrq()
    lac.peer_tunnel_id = lac.last().numbers[9]
    assert detail(lac).facts.channel.round_trip_s is None
    lac.now = 0.25
    lac.say(messages.scccn())
    assert lac.trips == [0.25]
    lac.wait_until(10.25)
    assert detail(lac).hello_outstanding
    lac.now = 10.5
    lac.zlb()
    found = detail(lac)
    assert not found.hello_outstanding
    assert (found.facts.channel.round_trip_s, found.facts.channel.smoothed_s) == (0.25, 0.25)
    assert (found.facts.heard_at, found.hello_interval_s) == (10.5, 10.0)


def test_idle_since_and_replacing() -> None:
    lac = established()
    lac.now = 5.0
    lac.call(1)
    assert detail(lac).idle_since_at is None
    lac.ns = lac.nr = 0
    old, lac.peer_tunnel_id = lac.peer_tunnel_id, 0
    lac.now = 100.0
    lac.sccrq(more=avp.number16(AvpType.FIRMWARE_REVISION, 2))
    lac.peer_tunnel_id = lac.last().numbers[9]
    assert detail(lac).replaces == old


def test_an_ended_tunnel_is_not_shown() -> None:
    lac = established()
    endpoint: Endpoint = lac.endpoint
    assert endpoint.standing() == {("any", TunnelState.ESTABLISHED): 1}
    lac.say(avp.number16(0, 4) + avp.number16(9, 0x0101) + avp.octets(1, b"\0\1"))
    assert endpoint.tunnel(lac.peer_tunnel_id) is None
    assert endpoint.tunnel(0) is None
    assert list(endpoint.tunnels()) == []
    assert endpoint.standing() == {}
    assert AT_LNS.remote == "198.18.0.2"


def test_after_a_restart_everything_is_shown_as_before() -> None:
    lac = established(LacConfig("any"))
    lac.now = 3.0
    lac.call(1)
    endpoint = lac.endpoint
    other = lns_endpoint(LacConfig("any"))
    restored = Endpoint.restore(
        endpoint.save(), lns=other._lns, groups=(LacConfig("any"),), entropy=other._table.entropy
    )
    assert restored.tunnel(lac.peer_tunnel_id) == endpoint.tunnel(lac.peer_tunnel_id)
