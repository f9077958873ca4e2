"""Demultiplexing, admission, encapsulation and shutdown."""

from __future__ import annotations

import pytest

from bras.config.model import LacConfig, LnsConfig
from bras.errors import DropReason
from bras.ids import call_key, worker_of
from bras.l2tp import avp, messages
from bras.l2tp.challenge import response
from bras.l2tp.constants import AvpType, MessageType
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import (
    By,
    CallDown,
    Cause,
    DataDisordered,
    Dropped,
    FrameReceived,
    Path,
    Refusal,
    Retransmitted,
    SendDatagram,
    TunnelDown,
    TunnelRefused,
    TunnelUp,
)
from bras.l2tp.messages import CallRequest
from bras.l2tp.states import TunnelState
from bras.secret import Secret
from tests.support.l2tp import (
    AT_LAC,
    AT_LNS,
    LNS_ADDRESS,
    HandLac,
    control,
    header,
    lac_endpoint,
    lns_endpoint,
    read,
    sent,
)
from tests.vectors.l2tp_hidden import RANDOM_VECTOR, hidden_avp, hide
from tests.vectors.l2tp_messages import XL2TPD_ICCN, XL2TPD_ICRQ, XL2TPD_SCCRQ, addressed

OTHER_PORT = Path(0, *LNS_ADDRESS, "198.18.0.2", 1024)
OTHER_HOST = Path(0, *LNS_ADDRESS, "198.18.0.3", 1701)
OTHER_LOCAL = Path(0, "198.18.0.9", 1701, "198.18.0.2", 1701)
CLOSE = Cause(By.LOCAL, 6, 0, "shutdown")


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in numbers)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("", DropReason.SHORT_DATAGRAM),
        ("0002 0001 00", DropReason.SHORT_DATAGRAM),
        ("c803 0014 0000 0000 0000 0000", DropReason.L2TPV3),
        ("0003 0000 0000 0001", DropReason.L2TPV3),
        ("0001 0000 0000 0001", DropReason.UNKNOWN_VERSION),
        ("c804 0014 0000 0000 0000 0000", DropReason.UNKNOWN_VERSION),
        ("c802 000c 0000 0000 0000", DropReason.BAD_HEADER),
        ("8802 000c 0001 0000 0000 0000", DropReason.BAD_HEADER),
        ("c802 0014 0001 0000 0000 0000 8008 0000 0001 0006", DropReason.BAD_AVP),
        ("c802 000c 0001 0000 0000 0000", DropReason.UNKNOWN_TUNNEL),
        ("c802 000c 0000 0000 0000 0000", DropReason.UNKNOWN_TUNNEL),
        ("c802 0014 0000 0000 0000 0000 8008 0000 0000 0006", DropReason.UNKNOWN_TUNNEL),
        ("0002 0001 0001 ff03", DropReason.UNKNOWN_TUNNEL),
        ("4002 0002 0001 0001 ff03", DropReason.BAD_HEADER),
    ],
)
def test_what_belongs_nowhere_is_dropped_and_counted(octets: str, reason: DropReason) -> None:
    endpoint = lns_endpoint()
    assert endpoint.receive(AT_LNS, bytes.fromhex(octets), now=0.0) == [Dropped(reason, AT_LNS)]
    assert endpoint.deadline is None


def test_what_xl2tpd_sends_brings_a_call_up() -> None:
    lac = HandLac(lns_endpoint())
    lac.raw(XL2TPD_SCCRQ)
    assert header(lac.heard[0]) == (0x22F4, 0, 0, 1)
    tunnel_id = lac.last().numbers[9]
    (up,) = lac.raw(control(tunnel_id, 1, 1, messages.scccn()))
    assert isinstance(up, TunnelUp)
    assert up.lac_hostname == "lac"
    lac.raw(addressed(XL2TPD_ICRQ, tunnel_id))
    session_id = lac.last().numbers[14]
    (call,) = lac.raw(addressed(XL2TPD_ICCN, tunnel_id, session_id))
    assert call.info.tx_connect_speed_bps == 100_000_000
    (facts,) = lac.endpoint.tunnels()
    assert (facts.hostname, facts.vendor, facts.calls, facts.state) == (
        "lac",
        "xelerance.com",
        1,
        TunnelState.ESTABLISHED,
    )


def test_frames_go_both_ways() -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    session_id, _ = lac.call(0x77)
    key = call_key(lac.peer_tunnel_id, session_id)
    ids = words(lac.peer_tunnel_id, session_id)
    frame = b"\xff\x03\xc0\x21frame"
    for data in (
        words(0x0002) + ids + frame,
        words(0x4002, 8 + len(frame)) + ids + frame,
        words(0x4002, 8 + len(frame)) + ids + frame + b"padding",
        words(0x0302) + ids + words(2) + b"??" + frame,
        words(0x0802) + ids + words(0, 0) + frame,
        words(0x4B02, 16 + len(frame)) + ids + words(1, 0xABCD) + words(2) + b"??" + frame,
    ):
        assert lac.endpoint.receive(AT_LNS, data, now=1.0) == [FrameReceived(key, frame)]
    again = words(0x0802) + ids + words(1, 0) + frame
    assert lac.endpoint.receive(AT_LNS, again, now=1.0) == [Dropped(DropReason.DUPLICATE_DATA, AT_LNS)]
    assert lac.endpoint.receive(AT_LNS, words(0x0802) + ids + words(4, 0) + frame, now=1.0) == [
        DataDisordered(key, "any", 2, 0),
        FrameReceived(key, frame),
    ]
    late = words(0x0802) + ids + words(3, 0) + frame
    assert lac.endpoint.receive(AT_LNS, late, now=1.0) == [Dropped(DropReason.OUT_OF_ORDER_DATA, AT_LNS)]
    numbered = words(0x0802) + ids + words(5, 0)
    assert lac.endpoint.receive(AT_LNS, numbered, now=1.0) == [Dropped(DropReason.BAD_HEADER, AT_LNS)]
    empty = words(0x0002) + ids
    assert lac.endpoint.receive(AT_LNS, empty, now=1.0) == [Dropped(DropReason.BAD_HEADER, AT_LNS)]
    assert lac.endpoint.send_frame(key, frame) == SendDatagram(AT_LNS, words(2, lac.tunnel_id, 0x77) + frame)


def test_frames_of_a_call_that_is_not_there_or_not_yet_up_are_dropped() -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    lac.say(messages.icrq(1, 1, CallRequest()))
    session_id = lac.last().numbers[14]
    key = call_key(lac.peer_tunnel_id, session_id)
    for one in (session_id, 0, session_id ^ 1):
        data = words(2, lac.peer_tunnel_id, one) + b"\xff\x03"
        assert lac.endpoint.receive(AT_LNS, data, now=0.0) == [Dropped(DropReason.UNKNOWN_CALL, AT_LNS)]
    assert lac.endpoint.send_frame(key, b"x") is None
    assert lac.endpoint.send_frame(call_key(1, 1), b"x") is None
    assert lac.endpoint.call(key) is None
    assert lac.endpoint.call(call_key(1, 1)) is None


@pytest.mark.parametrize("path", [OTHER_PORT, OTHER_HOST, OTHER_LOCAL])
def test_a_changed_address_or_port_is_never_followed(path: Path) -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    session_id, _ = lac.call(1)
    for data in (
        words(2, lac.peer_tunnel_id, session_id) + b"\xff\x03",
        control(lac.peer_tunnel_id, lac.ns, lac.nr, messages.stopccn(lac.tunnel_id, CLOSE)),
        control(lac.peer_tunnel_id, lac.ns, lac.nr),
    ):
        assert lac.endpoint.receive(path, data, now=0.0) == [Dropped(DropReason.WRONG_PEER, path)]
    key = call_key(lac.peer_tunnel_id, session_id)
    sending = lac.endpoint.send_frame(key, b"x")
    assert sending is not None
    assert sending.path == AT_LNS


def test_an_equal_path_is_the_same_path() -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    lac.path = Path(0, *LNS_ADDRESS, "198.18.0.2", 1701)
    assert lac.say(messages.hello()) == []
    assert lac.kinds() == ["ZLB"]


def test_no_group_no_tunnel_and_no_memory() -> None:
    endpoint = lns_endpoint(LacConfig("g", address=("192.0.2.0/24",)))
    lac = HandLac(endpoint)
    (event,) = lac.sccrq()
    assert event == TunnelRefused("", "lac1", AT_LNS, Cause(By.LOCAL, 4, 0, "not authorized", refusal=Refusal.NO_GROUP))
    assert header(lac.heard[0]) == (lac.tunnel_id, 0, 0, 1)
    stop = lac.last()
    assert (stop.type, stop.cause().result) == (MessageType.STOPCCN, 4)
    assert stop.problem() is None
    assert endpoint.deadline is None
    assert endpoint.closed
    lac.peer_tunnel_id = stop.numbers[9]
    assert lac.zlb() == []  # its acknowledgement is expected, and belongs to no tunnel
    lac.ns = 0
    lac.peer_tunnel_id = 0
    (event,) = lac.sccrq()  # the StopCCN was lost: it is sent again
    assert isinstance(event, TunnelRefused)
    assert lac.kinds() == ["STOPCCN", "STOPCCN"]


@pytest.mark.parametrize("groups", [(LacConfig("g", max_tunnels=1),), (LacConfig("g"),)])
def test_over_the_limit_of_tunnels_they_are_refused(groups: tuple[LacConfig, ...]) -> None:
    endpoint = lns_endpoint(*groups, max_tunnels=1)
    first = HandLac(endpoint)
    first.establish()
    second = HandLac(endpoint, OTHER_HOST)
    (event,) = second.sccrq()
    assert isinstance(event, TunnelRefused)
    assert (event.group, event.cause.result, event.cause.error) == ("g", 2, 4)
    first.hear(endpoint.close_tunnel(first.peer_tunnel_id, CLOSE, now=0.0))
    second.ns = 0
    assert second.establish() != []


def test_the_group_is_taken_by_prefix_and_hostname() -> None:
    groups = (LacConfig("a", hostname="a*"), LacConfig("b", address=("198.18.0.0/24",)))
    for hostname, group in (("abc", "a"), ("bcd", "b")):
        (event,) = HandLac(lns_endpoint(*groups)).establish(hostname)
        assert isinstance(event, TunnelUp)
        assert event.group == group


def test_a_sccrq_that_comes_again_is_answered_again_and_makes_no_second_tunnel() -> None:
    endpoint = lns_endpoint()
    lac = HandLac(endpoint)
    lac.sccrq()
    request = control(0, 0, 0, messages.start(MessageType.SCCRQ, "lac1", "test", lac.tunnel_id, 8))
    lac.kinds()
    assert lac.raw(request) == [Retransmitted(next(iter(endpoint.tunnels())).tunnel_id, "any")]
    assert lac.kinds() == ["SCCRP"], "it has not got the first one"
    lac.peer_tunnel_id = next(iter(endpoint.tunnels())).tunnel_id
    lac.say(messages.scccn())
    assert lac.raw(request) == []
    assert len(list(endpoint.tunnels())) == 1


def test_a_lac_that_began_anew_replaces_its_half_open_tunnel() -> None:
    endpoint = lns_endpoint(LacConfig("g", max_tunnels=1))
    lac = HandLac(endpoint)
    lac.sccrq()
    again = HandLac(endpoint)
    (event,) = again.sccrq(window=9)
    assert isinstance(event, TunnelRefused)
    assert event.cause.text == "the peer began anew"
    assert len(list(endpoint.tunnels())) == 1


def test_a_lac_that_began_anew_replaces_its_tunnel_once_it_has_proven_itself() -> None:
    # Before that, anybody who can spoof an address could end the tunnel with one datagram.
    endpoint = lns_endpoint(LacConfig("g", max_tunnels=1))
    lac = HandLac(endpoint)
    lac.establish()
    session_id, _ = lac.call(1)
    again = HandLac(endpoint)
    assert again.sccrq(window=9) == []
    again.peer_tunnel_id = again.last().numbers[9]
    assert endpoint.call(call_key(lac.peer_tunnel_id, session_id)) is not None
    again.kinds()
    down, tunnel, up = again.say(messages.scccn())
    assert isinstance(down, CallDown)
    assert isinstance(tunnel, TunnelDown)
    assert tunnel.tunnel_id == lac.peer_tunnel_id
    assert isinstance(up, TunnelUp)
    assert again.kinds() == ["ZLB"]  # nothing goes to the old tunnel: its id is the new one's
    assert endpoint.census.tunnels_of == {"g": 1}


def test_the_same_sccrq_after_a_full_cycle_is_a_lac_that_began_anew() -> None:
    endpoint = lns_endpoint(LacConfig("g", hello_interval_s=0.0), idle_tunnel_s=0.0)
    lac = HandLac(endpoint)
    lac.establish()
    lac.zlb()
    lac.wait_until(31.5)
    again = HandLac(endpoint)
    again.now = 31.5
    assert isinstance(again.establish()[-1], TunnelUp)


def test_after_the_end_the_lac_may_use_its_id_again_at_once() -> None:
    endpoint = lns_endpoint()
    lac = HandLac(endpoint)
    lac.establish()
    lac.say(messages.stopccn(lac.tunnel_id, CLOSE))
    again = HandLac(endpoint)
    assert isinstance(again.establish()[-1], TunnelUp)
    assert len(list(endpoint.tunnels())) == 1


def test_a_stopccn_of_a_lac_that_does_not_know_our_id() -> None:
    endpoint = lns_endpoint()
    lac = HandLac(endpoint)
    lac.sccrq()
    (event,) = lac.say(messages.stopccn(lac.tunnel_id, CLOSE))
    assert isinstance(event, TunnelRefused)
    assert lac.kinds() == ["SCCRP", "ZLB"]
    assert endpoint.closed


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (b"", "SCCRQ without Protocol Version, RFC 2661 section 6.1"),
        (avp.number16(9, 0), "Assigned Tunnel ID 0 is not allowed, RFC 2661 section 4.4.3"),
        (
            avp.octets(36, b"vector") + bytes.fromhex("c016 0000 0009") + bytes(16),
            "hidden Assigned Tunnel ID cannot be read: there is no secret for it here, RFC 2661 section 4.3",
        ),
    ],
)
def test_a_sccrq_without_an_id_can_be_told_nothing_but_our_operator_is(more: bytes, text: str) -> None:
    lac = HandLac(lns_endpoint())
    dropped, refused = lac.say(avp.number16(0, 1) + avp.octets(7, b"x") + more)
    assert dropped == Dropped(DropReason.BAD_AVP, AT_LNS)
    assert isinstance(refused, TunnelRefused)
    assert (refused.group, refused.lac_hostname, refused.cause.text) == ("any", "x", text)
    assert lac.heard == []


def test_a_sccrq_that_is_not_complete_is_refused() -> None:
    lac = HandLac(lns_endpoint())
    (event,) = lac.say(avp.number16(0, 1) + avp.octets(7, b"x") + avp.number16(9, lac.tunnel_id))
    assert isinstance(event, TunnelRefused)
    assert (event.cause.result, event.cause.error) == (2, 3)


@pytest.mark.parametrize(("secret", "comes_up"), [(b"s3cret", True), (b"other", False)])
def test_a_sccrq_with_hidden_avps_before_the_hostname(secret: bytes, comes_up: bool) -> None:
    lac = HandLac(lns_endpoint(LacConfig("g", hostname="lac*", secrets=(Secret(b"s3cret"),))))
    body = avp.number16(0, 1) + avp.octets(36, RANDOM_VECTOR)
    body += hidden_avp(9, hide(9, words(lac.tunnel_id), secret, RANDOM_VECTOR, bytes(20)))
    body += hidden_avp(3, hide(3, b"\0\0\0\3", secret, RANDOM_VECTOR))
    body += avp.octets(7, b"lac1") + avp.number16(2, 0x0100)
    events = lac.say(body)
    assert (lac.kinds() == ["SCCRP"]) is comes_up
    assert bool(events) is not comes_up


def test_hidden_avps_of_a_call_are_understood() -> None:
    secret = Secret(b"s3cret")
    lac = HandLac(lns_endpoint(LacConfig("g", secrets=(secret,))))
    lac.sccrq()
    lac.peer_tunnel_id = lac.last().numbers[9]
    challenge = lac.last().octets[AvpType.CHALLENGE]
    lac.say(messages.scccn() + avp.octets(13, response(3, secret, challenge)))
    body = messages.icrq(1, 1, CallRequest()) + avp.octets(36, RANDOM_VECTOR)
    body += hidden_avp(22, hide(22, b"0301234", b"s3cret", RANDOM_VECTOR))
    lac.say(body)
    (up,) = lac.say(messages.iccn(CallRequest()), lac.last().numbers[14])
    assert up.info.calling_number == "0301234"


def test_local_ids_carry_the_worker() -> None:
    endpoint = lns_endpoint(worker=5)
    lac = HandLac(endpoint)
    lac.establish()
    assert worker_of(lac.peer_tunnel_id) == 5


def test_shutdown_stops_every_tunnel_and_refuses_new_ones() -> None:
    endpoint = lns_endpoint()
    lacs = [HandLac(endpoint, path) for path in (AT_LNS, OTHER_HOST)]
    for lac in lacs:
        lac.establish()
        lac.call(1)
    events = endpoint.close(CLOSE, now=0.0)
    assert len([event for event in events if isinstance(event, CallDown)]) == 2
    assert len([event for event in events if isinstance(event, TunnelDown)]) == 2
    stops = sent(events)
    assert [read(data).type for data in stops] == [MessageType.STOPCCN] * 2
    assert endpoint.census.sessions == endpoint.census.tunnels == 0
    assert not endpoint.closed
    for lac in lacs:
        lac.hear([event for event in events if isinstance(event, SendDatagram) and event.path == lac.path])
        lac.zlb()
    assert endpoint.closed
    late = HandLac(endpoint, OTHER_PORT)
    (event,) = late.sccrq()
    assert isinstance(event, TunnelRefused)
    assert (event.cause.result, event.cause.error) == (2, 7)
    assert endpoint.close(CLOSE, now=1.0) == []


def test_what_is_gone_is_closed_without_a_word() -> None:
    endpoint = lns_endpoint()
    assert endpoint.close_tunnel(1, CLOSE, now=0.0) == []
    assert endpoint.close_call(call_key(1, 1), CLOSE, now=0.0) == []
    assert endpoint.handle_timeout(now=5.0) == []


def test_a_lac_takes_no_tunnels() -> None:
    endpoint = lac_endpoint()
    request = control(0, 0, 0, messages.start(MessageType.SCCRQ, "lns", "", 5, 4))
    (_, event) = endpoint.receive(AT_LAC, request, now=0.0)
    assert isinstance(event, TunnelRefused)
    assert event.cause.result == 4


def test_a_lac_loses_to_a_lower_tie_breaker_and_takes_no_tunnel_all_the_same() -> None:
    endpoint = lac_endpoint()
    tunnel_id, _ = endpoint.open_tunnel(AT_LAC, LacConfig("up"), now=0.0)
    body = messages.start(MessageType.SCCRQ, "lns", "", 5, 4) + avp.octets(AvpType.TIE_BREAKER, bytes(8))
    events = endpoint.receive(AT_LAC, control(0, 0, 0, body), now=0.0)
    (lost,) = [event for event in events if isinstance(event, TunnelRefused) and event.tunnel_id]
    assert lost.tunnel_id == tunnel_id
    assert list(endpoint.tunnels()) == []


def test_when_no_tunnel_id_is_free_sccrq_is_refused() -> None:
    endpoint = Endpoint(
        lns=LnsConfig((), max_tunnels=100_000, max_half_open=100_000, max_half_open_per_source=100_000),
        groups=(LacConfig("g"),),
        entropy=lambda count: b"\1" * count,
    )
    for number in range(1, 4096):
        lac = HandLac(endpoint, tunnel_id=number)
        lac.now = number / 100
        events = lac.sccrq()
    (event,) = events
    assert isinstance(event, TunnelRefused)
    assert (event.cause.result, event.cause.error) == (2, 4)
    assert len(list(endpoint.tunnels())) == 4094
    tunnel_id, (refused,) = endpoint.open_tunnel(AT_LNS, LacConfig("up"), now=0.0)
    assert tunnel_id == 0
    assert isinstance(refused, TunnelRefused)


def test_known_is_who_has_a_tunnel_or_had_one_and_not_who_only_asked() -> None:
    endpoint = lns_endpoint()
    lac = HandLac(endpoint)
    lac.establish()
    HandLac(endpoint, OTHER_HOST).sccrq()
    assert endpoint.known() == {AT_LNS.remote}
    endpoint.vanish(lac.peer_tunnel_id, now=0.0)
    assert endpoint.known() == {AT_LNS.remote}
