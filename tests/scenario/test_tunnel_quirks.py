"""What LACs and LNSes in the field do when they open and close tunnels, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import md5

import pytest

from bras.config.model import LacConfig
from bras.errors import DropReason
from bras.l2tp import avp, messages
from bras.l2tp.constants import MessageType
from bras.l2tp.events import CallDown, Dropped, Path, Retransmitted, TunnelDown, TunnelRefused, TunnelUp
from bras.secret import Secret
from tests.support.l2tp import (
    AT_LAC,
    AT_LNS,
    LNS_ADDRESS,
    HandLac,
    control,
    lac_endpoint,
    lns_endpoint,
)
from tests.vectors import tunnel_quirks as quirks
from tests.vectors.l2tp_hidden import RANDOM_VECTOR, hidden_avp, hide

SECRET = b"tunsecret"
ELSEWHERE = Path(0, *LNS_ADDRESS, "198.18.0.66", 1701)


def last_result(lac: HandLac) -> tuple[int, int]:
    value = lac.last().octets[1]
    return int.from_bytes(value[:2], "big"), int.from_bytes(value[2:4], "big")


def test_mpd_repeats_its_avps_in_scccn_and_marks_its_name_mandatory() -> None:
    lac = HandLac(lns_endpoint(LacConfig("any", secrets=(Secret(SECRET),))))
    assert lac.raw(quirks.MPD_SCCRQ) == []
    reply = lac.last()
    assert reply.octets[13] == md5(b"\2" + SECRET + bytes(range(0x10, 0x20))).digest()
    proof = md5(b"\3" + SECRET + reply.octets[11]).digest()
    (up,) = lac.raw(quirks.filled(quirks.MPD_SCCCN, reply.numbers[9], proof))
    assert isinstance(up, TunnelUp)
    assert (up.peer_tunnel_id, up.lac_hostname) == (0x1A2B, "bsd")
    (facts,) = lac.endpoint.tunnels()
    assert facts.vendor == "FreeBSD MPD"
    assert lac.kinds() == ["SCCRP", "ZLB"]


def test_rp_l2tp_always_sends_a_tie_breaker() -> None:
    lac = HandLac(lns_endpoint())
    assert lac.raw(quirks.RP_L2TP_SCCRQ) == []
    assert lac.kinds() == ["SCCRP"]
    (facts,) = lac.endpoint.tunnels()
    assert (facts.hostname, facts.vendor) == ("rp", "Roaring Penguin Software Inc.")


def test_a_sccrq_without_capabilities_or_window_is_answered() -> None:
    lac = HandLac(lns_endpoint())
    assert lac.raw(quirks.SCCRQ_WITHOUT_CAPABILITIES) == []
    (facts,) = lac.endpoint.tunnels()
    lac.peer_tunnel_id, lac.ns = facts.tunnel_id, 1
    (up,) = lac.say(messages.scccn())
    assert isinstance(up, TunnelUp)


def test_a_reply_without_capabilities_is_taken_by_our_lac() -> None:
    lac = lac_endpoint()
    tunnel_id, _ = lac.open_tunnel(AT_LAC, LacConfig("up"), now=0.0)
    body = avp.number16(0, 2) + avp.number16(2, 0x0100) + avp.octets(7, b"lns") + avp.number16(9, 77)
    up, *_ = lac.receive(AT_LAC, control(tunnel_id, 0, 1, body), now=0.0)
    assert isinstance(up, TunnelUp)


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(lambda ours: quirks.filled(quirks.STOPCCN_WITHOUT_ID, ours), id="without an id"),
        pytest.param(
            lambda ours: quirks.filled(quirks.WINDOWS_STOPCCN, ours, ours.to_bytes(2, "big"), b"\xff\xff"),
            id="with ours, as Windows",
        ),
        pytest.param(lambda ours: control(ours, 2, 1, avp.number16(0, 4)), id="with nothing at all"),
    ],
)
def test_a_stopccn_ends_the_tunnel_whose_id_is_in_its_header(stop: Callable[[int], bytes]) -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    events = lac.raw(stop(lac.peer_tunnel_id))
    assert [type(event) for event in events] == [TunnelDown]
    assert lac.kinds() == ["ZLB"]
    assert not list(lac.endpoint.tunnels())


def test_its_calls_end_with_it() -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    lac.call(5)
    stop = quirks.filled(quirks.STOPCCN_WITHOUT_ID, lac.peer_tunnel_id)
    events = lac.raw(stop[:8] + lac.ns.to_bytes(2, "big") + stop[10:])
    assert [type(event) for event in events] == [CallDown, TunnelDown]


def test_a_stopccn_with_tunnel_id_zero_ends_the_one_that_it_names_even_when_hidden() -> None:
    """RFC 2661 section 4.4.3: whoever stops before it knows our id can only name its own."""
    lac = HandLac(lns_endpoint(LacConfig("any", secrets=(Secret(b"old"), Secret(SECRET)))))
    lac.sccrq()
    named = lac.tunnel_id.to_bytes(2, "big")
    body = avp.number16(0, 4) + avp.octets(36, RANDOM_VECTOR)
    body += hidden_avp(9, hide(9, named, SECRET, RANDOM_VECTOR, bytes(12))) + avp.octets(1, b"\0\1")
    (refused,) = lac.say(body)
    assert isinstance(refused, TunnelRefused)
    assert lac.kinds() == ["SCCRP", "ZLB"]


def test_a_stopccn_with_tunnel_id_zero_and_no_name_ends_nothing() -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    assert lac.raw(quirks.filled(quirks.STOPCCN_WITHOUT_ID, 0)) == [Dropped(DropReason.UNKNOWN_TUNNEL, AT_LNS)]
    assert len(list(lac.endpoint.tunnels())) == 1


@pytest.mark.parametrize("tunnel_id", [1, 7, 0xFFFF])
def test_a_sccrq_asks_for_a_tunnel_whatever_id_its_header_has(tunnel_id: int) -> None:
    """And comes again with it: that is a retransmission, not a second one."""
    lac = HandLac(lns_endpoint())
    sccrq = quirks.filled(quirks.RP_L2TP_SCCRQ, tunnel_id)
    assert lac.raw(sccrq) == []
    assert [type(event) for event in lac.raw(sccrq)] == [Retransmitted]
    assert lac.kinds() == ["SCCRP", "SCCRP"], "the first one did not arrive"
    assert len(list(lac.endpoint.tunnels())) == 1


def test_a_sccrq_with_the_id_of_somebody_elses_tunnel_does_it_no_harm() -> None:
    endpoint = lns_endpoint()
    lac = HandLac(endpoint)
    lac.establish()
    other = HandLac(endpoint, ELSEWHERE)
    assert other.raw(quirks.filled(quirks.RP_L2TP_SCCRQ, lac.peer_tunnel_id)) == []
    assert other.kinds() == ["SCCRP"]
    states = {facts.tunnel_id: facts.state.name for facts in endpoint.tunnels()}
    assert sorted(states.values()) == ["ESTABLISHED", "WAIT_CTL_CONN"]
    assert states[lac.peer_tunnel_id] == "ESTABLISHED"


def test_anything_else_for_somebody_elses_tunnel_is_dropped() -> None:
    endpoint = lns_endpoint()
    lac = HandLac(endpoint)
    lac.establish()
    other = HandLac(endpoint, ELSEWHERE)
    for body in (messages.scccn(), messages.hello(), avp.number16(0, 4), b""):
        assert other.raw(control(lac.peer_tunnel_id, 0, 0, body)) == [Dropped(DropReason.WRONG_PEER, ELSEWHERE)]
        stray = lac.peer_tunnel_id ^ 1
        assert other.raw(control(stray, 0, 0, body)) == [Dropped(DropReason.UNKNOWN_TUNNEL, ELSEWHERE)]


def connected() -> tuple[HandLac, bytes]:
    """Return a LAC of ours with a tunnel, spoken to by hand, and the SCCRP that brought it up."""
    hand = HandLac(lac_endpoint(), AT_LAC)
    hand.peer_tunnel_id, events = hand.endpoint.open_tunnel(AT_LAC, LacConfig("up"), now=0.0)
    hand.hear(events)
    body = messages.start(MessageType.SCCRP, "lns", "test", 77, 4)
    (up,) = hand.say(body)
    assert isinstance(up, TunnelUp)
    assert hand.kinds() == ["SCCRQ", "SCCCN"]
    return hand, body


def test_a_second_sccrp_that_is_a_retransmission_is_acknowledged() -> None:
    hand, body = connected()
    assert hand.raw(control(hand.peer_tunnel_id, 0, 1, body)) == []
    assert hand.kinds() == ["ZLB"]
    assert [facts.state.name for facts in hand.endpoint.tunnels()] == ["ESTABLISHED"]


def test_a_second_sccrp_that_is_a_new_message_ends_the_tunnel() -> None:
    """RFC 2661 section 7.2.1, established: Receive SCCRP, Send StopCCN."""
    hand, body = connected()
    (down,) = hand.say(body)
    assert isinstance(down, TunnelDown)
    assert last_result(hand)[0] == 7


@pytest.mark.parametrize("established", [True, False])
@pytest.mark.parametrize("session_id", [0, 99])
def test_an_unknown_message_type(established: bool, session_id: int) -> None:
    """Acknowledged and ignored, or, where the sender insists on it, the tunnel's end (RFC 2661 section 4.4.1)."""
    lac = HandLac(lns_endpoint())
    if established:
        lac.establish()
    else:
        lac.sccrq()
        lac.peer_tunnel_id = lac.last().numbers[9]
        lac.kinds()
    ignored = lac.say(bytes.fromhex("0008 0000 0000 0063"), session_id)
    assert not [event for event in ignored if isinstance(event, TunnelDown | TunnelRefused)]
    assert lac.kinds() == ["ZLB"]
    assert len(list(lac.endpoint.tunnels())) == 1
    (end,) = lac.say(bytes.fromhex("8008 0000 0000 0063"), session_id)
    assert isinstance(end, TunnelDown if established else TunnelRefused)
    assert (end.cause.result, end.cause.error) == (2, 8) == last_result(lac)
