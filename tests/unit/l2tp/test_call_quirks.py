"""Calls as the field's LACs make and end them: the octets are in tests/vectors/call_quirks.py, each with its source."""

from __future__ import annotations

import pytest

from bras.config.model import LacConfig
from bras.errors import DropReason
from bras.ids import call_key
from bras.l2tp import messages
from bras.l2tp.constants import MessageType
from bras.l2tp.disconnect import Disconnect
from bras.l2tp.events import By, CallDown, CallRefused, CallUp, Cause, Dropped, TunnelUp
from bras.l2tp.messages import CallRequest
from tests.support.l2tp import AT_LAC, AT_LNS, HandLac, control, header, lac_endpoint, lns_endpoint, read
from tests.vectors.call_quirks import (
    AS5300_ICCN,
    AS5300_SLOW_ICCN,
    ICCN_WITH_STRANGERS,
    L2TPNS_REFUSAL,
    WIDE_ICCN,
    softether_cdn,
    xl2tpd_cdn,
)

PLAIN = CallRequest("030", "0198", tx_connect_speed_bps=1000)


def tunnel() -> HandLac:
    lac = HandLac(lns_endpoint())
    lac.establish()
    return lac


def connected(iccn: bytes) -> CallUp:
    lac = tunnel()
    lac.say(messages.icrq(0x22, 1, PLAIN))
    (up,) = lac.say(iccn, lac.last().numbers[14])
    assert isinstance(up, CallUp)
    return up


def test_a_refusal_by_l2tpns_has_no_session_id() -> None:
    endpoint = lac_endpoint()
    tunnel_id, _ = endpoint.open_tunnel(AT_LAC, LacConfig("up"), now=0.0)
    sccrp = messages.start(MessageType.SCCRP, "lns", "v", 77, 8)
    endpoint.receive(AT_LAC, control(tunnel_id, 0, 1, sccrp), now=0.0)
    key, _ = endpoint.open_call(tunnel_id, PLAIN, now=0.0)
    (event, *_) = endpoint.receive(AT_LAC, control(tunnel_id, 1, 3, L2TPNS_REFUSAL, key & 0xFFFF), now=0.0)
    assert isinstance(event, CallRefused)
    assert (event.cause, event.key) == (Cause(By.PEER, 4), key)


def test_softether_says_why_ppp_ended() -> None:
    lac = tunnel()
    session_id, _ = lac.call(0x22)
    (down,) = lac.say(softether_cdn(0x22), session_id)
    assert isinstance(down, CallDown)
    assert down.cause == Cause(By.PEER, 3, 0, disconnect=Disconnect(8, 0xC021, 1))


@pytest.mark.parametrize("answered", [False, True])
def test_xl2tpd_hangs_up_before_it_knows_our_id(answered: bool) -> None:
    lac = tunnel()
    lac.say(messages.icrq(0x22, 1, PLAIN))
    session_id = lac.last().numbers[14]
    (event,) = lac.say(xl2tpd_cdn(0x22), session_id if answered else 0)
    assert isinstance(event, CallRefused)
    assert event.cause == Cause(By.PEER, 1, 0, "Server closing")
    assert event.key == call_key(lac.peer_tunnel_id, session_id)
    assert lac.endpoint.census.sessions == 0


def test_a_cdn_that_names_nobody_ends_nobody() -> None:
    lac = tunnel()
    lac.call(0x22)
    assert lac.say(L2TPNS_REFUSAL, 0) == []
    assert lac.say(xl2tpd_cdn(0x33), 0) == []
    assert lac.endpoint.census.sessions == 1
    lac.kinds()
    lac.say(messages.hello())
    assert lac.kinds() == ["ZLB"], "and it is acknowledged"


def test_an_icrq_comes_on_the_heels_of_scccn() -> None:
    """A LAC that has a caller waiting sends both before SCCCN is acknowledged."""
    lac = HandLac(lns_endpoint())
    lac.sccrq()
    lac.peer_tunnel_id = lac.last().numbers[9]
    behind = lac.ns + 1
    events = lac.say(messages.scccn())
    assert [type(event) for event in events] == [TunnelUp]
    lac.raw(control(lac.peer_tunnel_id, behind, 1, messages.icrq(0x22, 1, PLAIN)))  # Nr as if nothing had come since
    icrp = lac.last()
    assert icrp.type == MessageType.ICRP
    lac.ns = behind + 1
    assert [type(event) for event in lac.say(messages.iccn(PLAIN), icrp.numbers[14])] == [CallUp]


def test_an_icrq_overtakes_scccn() -> None:
    lac = HandLac(lns_endpoint())
    lac.sccrq()
    lac.peer_tunnel_id = lac.last().numbers[9]
    scccn, icrq = lac.ns, lac.ns + 1
    assert lac.raw(control(lac.peer_tunnel_id, icrq, 1, messages.icrq(0x22, 1, PLAIN))) == []
    assert lac.last().type == MessageType.SCCRP, "nothing is answered before its turn"
    events = lac.raw(control(lac.peer_tunnel_id, scccn, 1, messages.scccn()))
    assert [type(event) for event in events] == [TunnelUp]
    assert lac.last().type == MessageType.ICRP
    assert header(lac.heard[-1])[3] == icrq + 1, "both are acknowledged"


def test_avps_of_other_messages_in_an_iccn_change_nothing() -> None:
    info = connected(ICCN_WITH_STRANGERS).info
    assert (info.calling_number, info.peer_session_id, info.tx_connect_speed_bps) == ("030", 0x22, 1_000_000)


@pytest.mark.parametrize(
    ("iccn", "speeds", "framing"),
    [
        (AS5300_ICCN, (31_200, 24_000), 2),
        (AS5300_SLOW_ICCN, (9600, 9600), 2),
        (WIDE_ICCN, (10_000_000_000, 2_000_000_000), 1),
    ],
)
def test_speeds_of_every_kind(iccn: bytes, speeds: tuple[int, int], framing: int) -> None:
    info = connected(iccn).info
    assert (info.tx_connect_speed_bps, info.rx_connect_speed_bps) == speeds
    assert info.framing_type == framing


def test_speeds_in_64_bits_are_more_exact_and_one_stands_for_both() -> None:
    wide = bytes.fromhex("000e 0000 004a 00000002540be400")
    info = connected(messages.iccn(CallRequest(tx_connect_speed_bps=0xFFFFFFFF)) + wide).info
    assert (info.tx_connect_speed_bps, info.rx_connect_speed_bps) == (10_000_000_000, 10_000_000_000)


def test_cdns_cross() -> None:
    lac = tunnel()
    session_id, _ = lac.call(0x22)
    key = call_key(lac.peer_tunnel_id, session_id)
    ours = Cause(By.LOCAL, 3, 0, "operator")
    assert lac.hear(lac.endpoint.close_call(key, ours, now=0.0)) == [CallDown(key, ours)]
    lac.nr -= 1  # theirs was sent before ours had come
    assert lac.say(xl2tpd_cdn(0x22), session_id) == []
    assert [read(data).type for data in lac.heard if len(data) > 12][-1] == MessageType.CDN, "and no second one"
    other, _ = lac.call(0x22)  # the LAC may use its id again at once
    assert other != session_id, "we do not: late frames of the old call must not reach the new one"
    assert lac.endpoint.census.sessions == 1


def test_frames_after_a_cdn_are_nobodys() -> None:
    lac = tunnel()
    session_id, _ = lac.call(0x22)
    lac.say(softether_cdn(0x22), session_id)
    ids = lac.peer_tunnel_id.to_bytes(2, "big") + session_id.to_bytes(2, "big")
    assert lac.raw(b"\0\2" + ids + b"\xff\x03\xc0\x21") == [Dropped(DropReason.UNKNOWN_CALL, AT_LNS)]
