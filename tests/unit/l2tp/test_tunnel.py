"""Control connections: establishment, authentication, Hello, the end (RFC 2661 sections 5.1, 5.5, 5.7, 7.2)."""

from __future__ import annotations

import pytest

from bras.config.model import LacConfig
from bras.errors import DropReason
from bras.l2tp import avp, messages
from bras.l2tp.challenge import response
from bras.l2tp.constants import AvpType, MessageType
from bras.l2tp.events import (
    By,
    CallDown,
    CallRefused,
    Cause,
    Dropped,
    Retransmitted,
    TunnelDown,
    TunnelRefused,
    TunnelUp,
)
from bras.l2tp.messages import CallRequest
from bras.secret import Secret
from tests.support.l2tp import AT_LAC, AT_LNS, HandLac, control, header, lac_endpoint, lns_endpoint, read, sent

SECRET = Secret(b"tunsecret")
CHALLENGE = avp.octets(AvpType.CHALLENGE, b"0123456789abcdef")


def result(lac: HandLac) -> tuple[int, int]:
    cause = lac.last().cause()
    assert lac.last().type == MessageType.STOPCCN
    return cause.result, cause.error


def answer(lac: HandLac, secret: Secret = SECRET) -> bytes:
    challenge = lac.last().octets[AvpType.CHALLENGE]
    return avp.octets(AvpType.CHALLENGE_RESPONSE, response(MessageType.SCCCN, secret, challenge))


def test_a_tunnel_comes_up_without_authentication() -> None:
    lac = HandLac(lns_endpoint())
    assert lac.sccrq() == []
    sccrp = lac.last()
    assert header(lac.heard[0]) == (lac.tunnel_id, 0, 0, 1)
    assert sccrp.type == MessageType.SCCRP
    assert sccrp.text(AvpType.HOST_NAME) == "lns1"
    assert sccrp.numbers[AvpType.PROTOCOL_VERSION] == 0x0100
    assert sccrp.numbers[AvpType.RECEIVE_WINDOW_SIZE] == 16
    assert AvpType.CHALLENGE not in sccrp.octets
    lac.peer_tunnel_id = sccrp.numbers[9]
    assert lac.say(messages.scccn()) == [TunnelUp(lac.peer_tunnel_id, lac.tunnel_id, "any", "lac1", AT_LNS)]
    assert lac.kinds() == ["SCCRP", "ZLB"]


def test_both_sides_are_authenticated() -> None:
    lac = HandLac(lns_endpoint(LacConfig("g", secrets=(SECRET,))))
    lac.sccrq(more=CHALLENGE)
    sccrp = lac.last()
    expected = response(MessageType.SCCRP, SECRET, b"0123456789abcdef")
    assert sccrp.octets[AvpType.CHALLENGE_RESPONSE] == expected
    lac.peer_tunnel_id = sccrp.numbers[9]
    (event,) = lac.say(messages.scccn() + answer(lac))
    assert isinstance(event, TunnelUp)


@pytest.mark.parametrize("accepted", [Secret(b"new"), Secret(b"old")])
def test_any_of_the_groups_secrets_is_accepted(accepted: Secret) -> None:
    lac = HandLac(lns_endpoint(LacConfig("g", secrets=(Secret(b"new"), Secret(b"old")))))
    lac.sccrq(more=CHALLENGE)
    assert lac.last().octets[13] == response(MessageType.SCCRP, Secret(b"new"), b"0123456789abcdef")
    lac.peer_tunnel_id = lac.last().numbers[9]
    (event,) = lac.say(messages.scccn() + answer(lac, accepted))
    assert isinstance(event, TunnelUp)


@pytest.mark.parametrize("wrong", [b"", avp.octets(13, bytes(16)), avp.octets(13, bytes(15))])
def test_a_wrong_or_missing_response_disallows_the_tunnel(wrong: bytes) -> None:
    lac = HandLac(lns_endpoint(LacConfig("g", secrets=(SECRET,))))
    lac.sccrq()
    lac.peer_tunnel_id = lac.last().numbers[9]
    event, *_ = lac.say(messages.scccn() + wrong)
    assert isinstance(event, TunnelRefused)
    assert event.tunnel_id == lac.peer_tunnel_id
    assert result(lac) in ((4, 0), (2, 2))
    assert lac.say(messages.icrq(1, 1, CallRequest())) == []  # nothing more is done for it
    assert lac.kinds()[-1] == "ZLB"


def test_a_challenge_cannot_be_answered_without_a_secret() -> None:
    lac = HandLac(lns_endpoint())
    (event,) = lac.sccrq(more=CHALLENGE)
    assert isinstance(event, TunnelRefused)
    assert result(lac) == (4, 0)


def test_another_protocol_version_is_refused_with_ours() -> None:
    lac = HandLac(lns_endpoint())
    lac.sccrq(more=avp.number16(AvpType.PROTOCOL_VERSION, 0x0200))
    assert result(lac) == (5, 0x0100)
    lac = HandLac(lns_endpoint())
    assert lac.sccrq(more=avp.number16(AvpType.PROTOCOL_VERSION, 0x0105)) == []
    assert lac.last().type == MessageType.SCCRP


def test_an_unknown_mandatory_avp_ends_the_tunnel() -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    lac.call(1)
    unknown = bytes.fromhex("8008 0000 003c 0001")
    down, tunnel = lac.say(messages.hello() + unknown)
    assert isinstance(down, CallDown)
    assert down.cause.result == 3
    assert isinstance(tunnel, TunnelDown)
    assert result(lac) == (2, 8)
    assert "60" in tunnel.cause.text


def test_a_refusal_says_which_avp_was_wrong_and_where_to_read_about_it() -> None:
    lac = HandLac(lns_endpoint())
    (event,) = lac.sccrq(window=0)
    assert isinstance(event, TunnelRefused)
    assert (event.cause.avp, event.cause.section) == ("Receive Window Size", "RFC 2661 section 4.4.3")
    assert lac.last().cause().text == event.cause.text
    assert event.cause.text == "Receive Window Size 0 is not allowed, RFC 2661 section 4.4.3"


def test_an_unknown_optional_avp_does_not() -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    assert lac.say(messages.hello() + bytes.fromhex("0008 0000 003c 0001")) == []
    assert lac.kinds() == ["ZLB"]


def test_an_unknown_message_type_ends_the_tunnel_if_it_is_mandatory() -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    assert lac.say(bytes.fromhex("0008 0000 0000 0063")) == [Dropped(DropReason.UNKNOWN_MESSAGE, AT_LNS)]
    assert lac.kinds() == ["ZLB"]
    (event,) = lac.say(bytes.fromhex("8008 0000 0000 0063"))
    assert isinstance(event, TunnelDown)
    assert result(lac) == (2, 8)


@pytest.mark.parametrize("kind", [MessageType.SCCRQ, MessageType.SCCRP, MessageType.SCCCN])
def test_messages_out_of_sequence_end_the_tunnel(kind: MessageType) -> None:
    body = messages.scccn() if kind == MessageType.SCCCN else messages.start(kind, "x", "", 1, 4)
    lac = HandLac(lns_endpoint())
    lac.establish()
    (event,) = lac.say(body)
    assert isinstance(event, TunnelDown)
    assert result(lac) == (7, 0)


@pytest.mark.parametrize("body", [messages.icrq(1, 1, CallRequest()), messages.start(MessageType.SCCRP, "x", "", 1, 4)])
def test_before_scccn_nothing_else_is_taken(body: bytes) -> None:
    lac = HandLac(lns_endpoint(LacConfig("g", secrets=(SECRET,))))
    lac.sccrq()
    lac.peer_tunnel_id = lac.last().numbers[9]
    (event,) = lac.say(body)
    assert isinstance(event, TunnelRefused)
    assert result(lac) == (7, 0)


def test_the_peers_stopccn_ends_everything_and_is_acknowledged_for_a_full_cycle() -> None:
    endpoint = lns_endpoint()
    lac = HandLac(endpoint)
    lac.establish()
    session_id, _ = lac.call(1)
    stop = control(lac.peer_tunnel_id, lac.ns, lac.nr, messages.stopccn(lac.tunnel_id, Cause(By.LOCAL, 6, 0, "bye")))
    down, tunnel = lac.raw(stop)
    assert down == CallDown(lac.peer_tunnel_id << 16 | session_id, Cause(By.PEER, 3, 0, "bye", of_tunnel=True, stop=6))
    assert isinstance(tunnel, TunnelDown)
    assert tunnel.cause == Cause(By.PEER, 6, 0, "bye")
    assert lac.kinds() == ["ZLB"]
    assert endpoint.closed
    assert list(endpoint.tunnels()) == []
    lac.wait_until(30.9)
    assert lac.raw(stop) == []
    assert lac.kinds() == ["ZLB"]
    lac.wait_until(31.1)
    assert lac.raw(stop) == [Dropped(DropReason.UNKNOWN_TUNNEL, AT_LNS)]


def test_our_stopccn_is_sent_again_until_it_is_acknowledged_and_then_kept_for_a_cycle() -> None:
    endpoint = lns_endpoint()
    lac = HandLac(endpoint)
    lac.establish()
    (event,) = lac.hear(endpoint.close_tunnel(lac.peer_tunnel_id, Cause(By.LOCAL, 6, 0, "maintenance"), now=0.0))
    assert isinstance(event, TunnelDown)
    assert result(lac) == (6, 0)
    assert lac.last().text(AvpType.RESULT_CODE).endswith("maintenance")
    assert lac.last().numbers[9] == lac.peer_tunnel_id
    lac.wait_until(3.5)
    assert lac.kinds() == ["STOPCCN"] * 3
    assert not endpoint.closed
    assert lac.zlb() == []
    assert endpoint.closed
    lac.wait_until(34.0)
    assert lac.say(messages.hello()) == []
    assert lac.kinds() == ["ZLB"]
    lac.wait_until(35.0)
    assert endpoint.save()["tunnels"] == []


def test_hello_is_sent_after_silence_only() -> None:
    lac = HandLac(lns_endpoint(LacConfig("g", hello_interval_s=60.0), idle_tunnel_s=0.0))
    lac.establish()
    lac.wait_until(50.0)
    lac.zlb()
    lac.wait_until(109.9)
    assert lac.kinds() == []
    lac.wait_until(110.0)
    assert lac.kinds() == ["HELLO"]
    assert header(control(1, 0, 0))[1] == 0
    lac.zlb()
    lac.wait_until(169.9)
    assert lac.kinds() == []


def test_data_counts_as_a_sign_of_life() -> None:
    endpoint = lns_endpoint(LacConfig("g", hello_interval_s=60.0))
    lac = HandLac(endpoint)
    lac.establish()
    session_id, _ = lac.call(1)
    lac.wait_until(59.0)
    lac.raw(bytes.fromhex("0002") + lac.peer_tunnel_id.to_bytes(2, "big") + session_id.to_bytes(2, "big") + b"\xff\x03")
    lac.wait_until(118.9)
    assert lac.kinds() == []
    lac.wait_until(119.0)
    assert lac.kinds() == ["HELLO"]


def test_hello_zero_means_never() -> None:
    lac = HandLac(lns_endpoint(LacConfig("g", hello_interval_s=0.0), idle_tunnel_s=0.0))
    lac.establish()
    lac.zlb()
    assert lac.endpoint.deadline is None or lac.endpoint.deadline <= 60.0
    lac.wait_until(10_000.0)
    assert lac.kinds() == []


def test_a_silent_peer_is_lost_after_a_full_cycle() -> None:
    endpoint = lns_endpoint(LacConfig("g", hello_interval_s=60.0))
    lac = HandLac(endpoint)
    lac.establish()
    session_id, _ = lac.call(1)
    lac.zlb()
    events = lac.wait_until(91.5)
    assert lac.kinds() == ["HELLO"] * 6
    down, tunnel = events[-2:]
    assert down == CallDown(
        lac.peer_tunnel_id << 16 | session_id, Cause(By.TIMEOUT, 1, 0, "no answer to Hello", of_tunnel=True, stop=1)
    )
    assert isinstance(tunnel, TunnelDown)
    assert tunnel.cause.by is By.TIMEOUT
    assert endpoint.census.tunnels == 0
    assert lac.zlb() == [Dropped(DropReason.UNKNOWN_TUNNEL, AT_LNS)]


def test_a_lac_that_acknowledges_nothing_is_stalled_until_it_does() -> None:
    endpoint = lns_endpoint(LacConfig("g", hello_interval_s=60.0))
    lac = HandLac(endpoint)
    lac.establish()
    lac.zlb()

    def retries(until: float) -> list[int]:
        return [event.retries for event in lac.wait_until(until) if isinstance(event, Retransmitted)]

    assert retries(62.9) == [1]
    assert list(endpoint.stalled()) == []
    assert retries(63.1) == [2]
    assert list(endpoint.stalled()) == ["g"]
    assert retries(67.1) == [3], "it is the same stall"
    lac.zlb()
    assert list(endpoint.stalled()) == []


def test_a_tunnel_that_is_never_established_times_out() -> None:
    lac = HandLac(lns_endpoint())
    lac.sccrq()
    assert lac.kinds() == ["SCCRP"]
    assert lac.wait_until(59.0) == []
    (event,) = lac.wait_until(60.0)
    assert isinstance(event, TunnelRefused)
    assert event.cause.by is By.TIMEOUT
    assert lac.kinds() == [], "nobody has proven to be there: nothing is sent unasked"
    assert lac.endpoint.save()["tunnels"] == []


def test_a_tunnel_without_calls_is_closed() -> None:
    lac = HandLac(lns_endpoint(LacConfig("g", hello_interval_s=0.0), idle_tunnel_s=60.0))
    lac.establish()
    session_id, _ = lac.call(1)
    lac.zlb()
    lac.wait_until(500.0)
    assert lac.kinds() == []
    lac.say(messages.cdn(1, Cause(By.LOCAL, 3)), session_id)
    assert lac.wait_until(559.0) == []
    events = lac.wait_until(560.0)
    assert isinstance(events[0], TunnelDown)
    assert events[0].cause.text == "no calls"


def test_the_lac_role_opens_a_tunnel_and_its_waiting_calls() -> None:
    endpoint = lac_endpoint()
    tunnel_id, events = endpoint.open_tunnel(AT_LAC, LacConfig("up", secrets=(SECRET,)), now=0.0)
    sccrq = read(sent(events)[0])
    assert header(sent(events)[0])[0] == 0
    assert sccrq.text(AvpType.HOST_NAME) == "lac1"
    key, events = endpoint.open_call(tunnel_id, CallRequest("030"), now=0.0)
    assert events == []
    body = messages.start(MessageType.SCCRP, "lns", "v", 77, 4) + CHALLENGE
    body += avp.octets(13, response(MessageType.SCCRP, SECRET, sccrq.octets[AvpType.CHALLENGE]))
    events = endpoint.receive(AT_LAC, control(tunnel_id, 0, 1, body), now=0.1)
    assert events[0] == TunnelUp(tunnel_id, 77, "up", "lac1", AT_LAC)
    (scccn, icrq) = (read(data) for data in sent(events))
    assert scccn.octets[13] == response(MessageType.SCCCN, SECRET, b"0123456789abcdef")
    assert icrq.type == MessageType.ICRQ
    assert icrq.numbers[14] == key & 0xFFFF


@pytest.mark.parametrize("wrong", [b"", avp.octets(13, bytes(16))])
def test_the_lac_role_refuses_an_lns_that_does_not_know_the_secret(wrong: bytes) -> None:
    endpoint = lac_endpoint()
    tunnel_id, _ = endpoint.open_tunnel(AT_LAC, LacConfig("up", secrets=(SECRET,)), now=0.0)
    key, _ = endpoint.open_call(tunnel_id, CallRequest(), now=0.0)
    body = messages.start(MessageType.SCCRP, "lns", "v", 77, 4) + wrong
    events = endpoint.receive(AT_LAC, control(tunnel_id, 0, 1, body), now=0.1)
    refused, tunnel = events[:2]
    assert isinstance(refused, CallRefused)
    assert refused.key == key
    assert isinstance(tunnel, TunnelRefused)
    assert header(sent(events)[0])[0] == 77
    assert read(sent(events)[0]).cause().result == 4


def test_the_lac_role_answers_no_challenge_without_a_secret() -> None:
    endpoint = lac_endpoint()
    tunnel_id, _ = endpoint.open_tunnel(AT_LAC, LacConfig("up"), now=0.0)
    body = messages.start(MessageType.SCCRP, "lns", "v", 77, 4) + CHALLENGE
    events = endpoint.receive(AT_LAC, control(tunnel_id, 0, 1, body), now=0.1)
    assert read(sent(events)[0]).cause().result == 4


def test_the_lac_role_hears_a_refusal() -> None:
    endpoint = lac_endpoint()
    tunnel_id, _ = endpoint.open_tunnel(AT_LAC, LacConfig("up"), now=0.0)
    stop = messages.stopccn(77, Cause(By.LOCAL, 4, 0, "no"))
    (event, *_) = endpoint.receive(AT_LAC, control(tunnel_id, 0, 1, stop), now=0.1)
    assert event == TunnelRefused("up", "lac1", AT_LAC, Cause(By.PEER, 4, 0, "no"), tunnel_id)
