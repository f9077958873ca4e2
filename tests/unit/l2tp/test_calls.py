"""Calls within a tunnel (RFC 2661 sections 5.2.1, 5.6, 7.4)."""

from __future__ import annotations

import pytest

from bras.config.model import LacConfig
from bras.errors import DropReason
from bras.ids import call_key
from bras.l2tp import avp, messages
from bras.l2tp.constants import AvpType, MessageType
from bras.l2tp.events import (
    AccmReceived,
    By,
    CallDown,
    CallInfo,
    CallRefused,
    CallUp,
    Cause,
    Dropped,
    ErrorsReported,
    TunnelRefused,
    TunnelUp,
)
from bras.l2tp.messages import CallRequest
from tests.support.l2tp import AT_LAC, AT_LNS, HandLac, control, header, lac_endpoint, lns_endpoint, read, sent

FULL = CallRequest("030123", "0198", "sub", 2, 7, 10_000_000, 1_000_000, 1, "red", False)
ICRQ = messages.icrq(0x11, 5, FULL)


def tunnel(*groups: LacConfig, **settings: object) -> HandLac:
    lac = HandLac(lns_endpoint(*groups, **settings))
    lac.establish()
    return lac


def asked(lac: HandLac, session_id: int = 0x11) -> int:
    """Send ICRQ and return the LNS's session id."""
    assert lac.say(messages.icrq(session_id, 5, FULL)) == []
    assert lac.last().type == MessageType.ICRP
    return lac.last().numbers[14]


def cdn_result(lac: HandLac) -> tuple[int, int]:
    assert lac.last().type == MessageType.CDN
    cause = lac.last().cause()
    return cause.result, cause.error


def test_a_call_comes_up_with_all_that_the_lac_said() -> None:
    lac = tunnel()
    session_id = asked(lac)
    assert session_id != 0
    assert header(lac.heard[-1])[:2] == (lac.tunnel_id, 0x11)
    body = messages.iccn(FULL) + avp.octets(AvpType.PROXY_AUTHEN_NAME, b"joe@isp")
    key = call_key(lac.peer_tunnel_id, session_id)
    info = CallInfo(
        "any",
        AT_LNS,
        "lac1",
        lac.tunnel_id,
        0x11,
        5,
        "030123",
        "0198",
        "sub",
        2,
        7,
        tx_connect_speed_bps=10_000_000,
        rx_connect_speed_bps=1_000_000,
        framing_type=1,
        private_group="red",
        proxy_auth_name="joe@isp",
    )
    assert lac.say(body, session_id) == [CallUp(key, info)]
    assert lac.kinds() == ["ICRP", "ZLB"]
    assert lac.endpoint.call(key) == info


def test_without_rx_speed_the_speed_is_symmetric() -> None:
    lac = tunnel()
    _, (up,) = lac.call(1, CallRequest(tx_connect_speed_bps=64000))
    assert isinstance(up, CallUp)
    assert (up.info.tx_connect_speed_bps, up.info.rx_connect_speed_bps) == (64000, 64000)


def test_session_ids_are_many_and_differ() -> None:
    lac = tunnel()
    ids = {lac.call(number)[0] for number in range(1, 300)}
    assert len(ids) == 299
    assert lac.endpoint.census.sessions == 299


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (avp.number16(0, 10) + avp.number16(14, 0x11), (2, 3)),
        (ICRQ + bytes.fromhex("8008 0000 003c 0001"), (2, 8)),
        (ICRQ + bytes.fromhex("800a 0009 0001 00000001"), (2, 8)),
        (ICRQ + bytes.fromhex("8007 0000 0012 00"), (2, 2)),
        (ICRQ + bytes.fromhex("80ff 0000 0012 00"), (2, 2)),
    ],
)
def test_an_icrq_that_is_not_acceptable_is_refused_and_the_tunnel_lives(body: bytes, expected: tuple[int, int]) -> None:
    lac = tunnel()
    (event,) = lac.say(body)
    assert isinstance(event, CallRefused)
    assert cdn_result(lac) == expected
    assert header(lac.heard[-1])[1] == 0x11
    assert lac.last().numbers[14] != 0
    lac.call(2)
    assert lac.endpoint.census.sessions == 1


def test_an_unknown_vendors_avp_is_skipped_whole() -> None:
    # Its value looks like an Assigned Session ID; the M bit would have refused the call (2/8, above).
    lac = tunnel()
    assert lac.say(ICRQ + bytes.fromhex("000e 0a4c 0001 8008 0000 000e 0099")) == []
    assert header(lac.heard[-1])[1] == 0x11


def test_an_icrq_without_a_session_id_can_be_told_nothing_but_our_operator_is() -> None:
    lac = tunnel()
    dropped, refused = lac.say(avp.number16(0, 10) + avp.number32(15, 1))
    assert dropped == Dropped(DropReason.BAD_AVP, AT_LNS)
    assert isinstance(refused, CallRefused)
    assert refused.cause.text == "ICRQ without Assigned Session ID, RFC 2661 section 6.6"
    assert (refused.group, refused.lac_hostname, refused.key) == ("any", "lac1", 0)
    assert lac.kinds() == ["ZLB"]


def test_an_iccn_that_is_not_acceptable_ends_the_call_alone() -> None:
    lac = tunnel()
    first, _ = lac.call(1)
    session_id = asked(lac)
    (event,) = lac.say(avp.number16(0, 12) + avp.octets(13, bytes(15)), session_id)
    assert isinstance(event, CallRefused)
    assert event.key == call_key(lac.peer_tunnel_id, session_id)
    assert cdn_result(lac) == (2, 2)
    assert lac.endpoint.call(call_key(lac.peer_tunnel_id, first)) is not None


@pytest.mark.parametrize("kind", ["ICRQ", "ICRP", "ICCN"])
def test_messages_out_of_sequence_end_the_call(kind: str) -> None:
    bodies = {"ICRQ": messages.icrq(0x22, 5, FULL), "ICRP": messages.icrp(0x22), "ICCN": messages.iccn(FULL)}
    lac = tunnel()
    session_id, _ = lac.call(0x22)
    (event,) = lac.say(bodies[kind], session_id)
    assert isinstance(event, CallDown)
    assert cdn_result(lac) == (2, 5)
    assert lac.endpoint.census.sessions == 0


def test_a_second_icrq_with_a_session_id_in_use_ends_the_call() -> None:
    lac = tunnel()
    lac.call(0x22)
    (event,) = lac.say(messages.icrq(0x22, 6, FULL))
    assert isinstance(event, CallDown)
    assert cdn_result(lac) == (2, 5)


def test_the_peers_cdn_ends_the_call() -> None:
    lac = tunnel()
    session_id, _ = lac.call(0x22)
    cdn = messages.cdn(0x22, Cause(By.LOCAL, 1, 0, "carrier"))
    key = call_key(lac.peer_tunnel_id, session_id)
    assert lac.say(cdn, session_id) == [CallDown(key, Cause(By.PEER, 1, 0, "carrier"))]
    assert lac.say(cdn, session_id) == []  # a new message for a call that is gone
    assert lac.kinds() == ["ZLB", "ZLB"]
    assert lac.endpoint.call(key) is None


def test_a_cdn_without_ids_is_understood_all_the_same() -> None:
    lac = tunnel()
    asked(lac, 0x22)
    (event,) = lac.say(messages.cdn(0x22, Cause(By.LOCAL, 7)), 0)
    assert isinstance(event, CallRefused)
    session_id = asked(lac, 0x23)
    (event,) = lac.say(avp.number16(0, 14), session_id)
    assert isinstance(event, CallRefused)
    assert event.cause == Cause(By.PEER, 0)


def test_our_cdn_carries_both_ids_and_the_cause() -> None:
    lac = tunnel()
    session_id, _ = lac.call(0x22)
    key = call_key(lac.peer_tunnel_id, session_id)
    cause = Cause(By.LOCAL, 3, 0, "operator")
    assert lac.hear(lac.endpoint.close_call(key, cause, now=0.0)) == [CallDown(key, cause)]
    assert header(lac.heard[-1])[:2] == (lac.tunnel_id, 0x22)
    assert lac.last().numbers[14] == session_id
    assert lac.last().cause() == Cause(By.PEER, 3, 0, "operator")
    assert lac.endpoint.close_call(key, cause, now=0.0) == []


def test_a_call_that_is_never_connected_times_out() -> None:
    lac = tunnel(setup_timeout_s=30.0)
    session_id = asked(lac)
    lac.zlb()
    assert lac.wait_until(29.9) == []
    (event,) = lac.wait_until(30.0)
    assert isinstance(event, CallRefused)
    assert event.key == call_key(lac.peer_tunnel_id, session_id)
    assert event.cause.by is By.TIMEOUT
    assert cdn_result(lac) == (10, 0)


@pytest.mark.parametrize("groups", [(LacConfig("g", max_sessions=2),), (LacConfig("g"),)])
def test_over_the_limit_of_sessions_calls_are_refused(groups: tuple[LacConfig, ...]) -> None:
    lac = tunnel(*groups, max_sessions=2)
    first, _ = lac.call(1)
    asked(lac, 2)  # also a call that is not yet connected counts
    (event,) = lac.say(messages.icrq(3, 3, FULL))
    assert isinstance(event, CallRefused)
    assert cdn_result(lac) == (4, 0)
    lac.say(messages.cdn(1, Cause(By.LOCAL, 3)), first)
    asked(lac, 3)


def test_the_limit_holds_for_calls_that_come_all_at_once() -> None:
    lac = tunnel(max_sessions=2)
    ns, lac.ns = lac.ns, lac.ns + 1
    for number in range(4):
        lac.say(messages.icrq(2 + number, 1, FULL))
    events = lac.raw(control(lac.peer_tunnel_id, ns, lac.nr, messages.icrq(1, 1, FULL)))
    assert len([event for event in events if isinstance(event, CallRefused)]) == 3
    assert lac.endpoint.census.sessions == 2


@pytest.mark.parametrize(("kind", "expected"), [(MessageType.OCRQ, (5, 0)), (MessageType.ICRP, (2, 5))])
def test_requests_that_an_lns_does_not_serve_are_refused_by_cdn(kind: MessageType, expected: tuple[int, int]) -> None:
    lac = tunnel()
    (event,) = lac.say(avp.number16(0, kind) + avp.number16(14, 0x33))
    assert isinstance(event, CallRefused)
    assert cdn_result(lac) == expected
    assert header(lac.heard[-1])[1] == 0x33


@pytest.mark.parametrize(
    "kind", [MessageType.OCRP, MessageType.OCCN, MessageType.ICCN, MessageType.WEN, MessageType.SLI]
)
def test_messages_for_no_call_are_dropped(kind: MessageType) -> None:
    lac = tunnel()
    assert lac.say(avp.number16(0, kind), 0x4444) == [Dropped(DropReason.UNKNOWN_CALL, AT_LNS)]
    assert lac.kinds() == ["ZLB"]


@pytest.mark.parametrize(
    "body", [avp.number16(0, 15) + avp.octets(34, bytes(26)), avp.number16(0, 16) + avp.octets(35, bytes(10))]
)
def test_reports_are_taken_and_their_faults_end_the_call(body: bytes) -> None:
    lac = tunnel()
    session_id, _ = lac.call(1)
    assert [type(event) for event in lac.say(body, session_id)] in ([ErrorsReported], [AccmReceived])
    (event,) = lac.say(body + bytes.fromhex("8008 0000 003c 0001"), session_id)
    assert isinstance(event, CallDown)
    assert cdn_result(lac) == (2, 8)


def test_outgoing_messages_for_an_incoming_call_are_dropped() -> None:
    lac = tunnel()
    session_id, _ = lac.call(1)
    body = avp.number16(0, 8) + avp.number16(14, 9)
    assert lac.say(body, session_id) == [Dropped(DropReason.UNEXPECTED_MESSAGE, AT_LNS)]


def lac_with_tunnel() -> tuple[object, int]:
    endpoint = lac_endpoint()
    tunnel_id, _ = endpoint.open_tunnel(AT_LAC, LacConfig("up"), now=0.0)
    body = messages.start(MessageType.SCCRP, "lns", "v", 77, 8)
    (event, *_) = endpoint.receive(AT_LAC, control(tunnel_id, 0, 1, body), now=0.0)
    assert isinstance(event, TunnelUp)
    endpoint.receive(AT_LAC, control(tunnel_id, 1, 2), now=0.0)
    return endpoint, tunnel_id


def test_the_lac_role_makes_a_call() -> None:
    endpoint, tunnel_id = lac_with_tunnel()
    key, events = endpoint.open_call(tunnel_id, FULL, now=0.0)
    icrq = sent(events)[0]
    assert header(icrq)[:2] == (77, 0)
    assert read(icrq).octets == {21: b"0198", 22: b"030123", 23: b"sub"}
    events = endpoint.receive(AT_LAC, control(tunnel_id, 1, 3, messages.icrp(0x99), key & 0xFFFF), now=0.0)
    assert isinstance(events[0], CallUp)
    assert events[0].key == key
    assert header(sent(events)[0])[:2] == (77, 0x99)
    assert read(sent(events)[0]).type == MessageType.ICCN
    frame = endpoint.send_frame(key, b"\xff\x03")
    assert frame is not None
    assert frame.data == bytes.fromhex("0002 004d 0099 ff03")


def test_the_lac_role_hears_a_refusal_of_a_call() -> None:
    endpoint, tunnel_id = lac_with_tunnel()
    key, _ = endpoint.open_call(tunnel_id, FULL, now=0.0)
    cdn = messages.cdn(0x99, Cause(By.LOCAL, 4))
    (event, *_) = endpoint.receive(AT_LAC, control(tunnel_id, 1, 3, cdn, key & 0xFFFF), now=0.0)
    assert event == CallRefused("up", AT_LAC, Cause(By.PEER, 4), key, "lac1")


def test_the_lac_role_gives_up_before_the_reply_with_session_id_zero() -> None:
    endpoint, tunnel_id = lac_with_tunnel()
    key, _ = endpoint.open_call(tunnel_id, FULL, now=0.0)
    endpoint.receive(AT_LAC, control(tunnel_id, 1, 3), now=0.0)
    events = endpoint.close_call(key, Cause(By.LOCAL, 3), now=0.0)
    assert header(sent(events)[0])[:2] == (77, 0)
    assert read(sent(events)[0]).numbers[14] == key & 0xFFFF


@pytest.mark.parametrize("kind", [MessageType.ICRQ, MessageType.OCRQ])
def test_the_lac_role_refuses_calls_from_the_lns(kind: MessageType) -> None:
    endpoint, tunnel_id = lac_with_tunnel()
    body = avp.number16(0, kind) + avp.number16(14, 0x33) + avp.number32(15, 1)
    events = endpoint.receive(AT_LAC, control(tunnel_id, 1, 2, body), now=0.0)
    assert read(sent(events)[0]).cause().result == 5


def test_the_lac_role_ends_a_call_with_a_bad_icrp() -> None:
    endpoint, tunnel_id = lac_with_tunnel()
    key, _ = endpoint.open_call(tunnel_id, FULL, now=0.0)
    bad = messages.icrp(0x99) + bytes.fromhex("8008 0000 003c 0001")
    events = endpoint.receive(AT_LAC, control(tunnel_id, 1, 3, bad, key & 0xFFFF), now=0.0)
    assert isinstance(events[0], CallRefused)
    assert header(sent(events)[0])[:2] == (77, 0x99)
    assert read(sent(events)[0]).cause().error == 8


def test_a_call_cannot_be_opened_in_a_tunnel_that_is_not_there() -> None:
    endpoint = lac_endpoint()
    with pytest.raises(LookupError):
        endpoint.open_call(5, FULL, now=0.0)
    tunnel_id, _ = endpoint.open_tunnel(AT_LAC, LacConfig("up"), now=0.0)
    (event, *_) = endpoint.close_tunnel(tunnel_id, Cause(By.LOCAL, 1), now=0.0)
    assert isinstance(event, TunnelRefused)
    with pytest.raises(LookupError):
        endpoint.open_call(tunnel_id, FULL, now=0.0)
