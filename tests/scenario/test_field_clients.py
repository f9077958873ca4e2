"""Clients as they are in the field: their octets, their habits and their faults, against the whole LNS.

Every one of them ends in one of two ways: up, or gone in a known time with a reason that says why.
"""

from __future__ import annotations

import struct

import pytest

from bras.config.model import AuthConfig, Config, PppConfig
from bras.errors import DropReason
from bras.lns.commands import ShowSession
from bras.ppp.events import Dropped
from bras.radius.events import Kind
from bras.subscriber.events import SubscriberEnded, SubscriberUp, TerminateCause
from tests.support.rim import (
    CDN,
    CHAP,
    CONFIGURE_ACK,
    CONFIGURE_NAK,
    CONFIGURE_REJECT,
    CONFIGURE_REQUEST,
    ECHO_REQUEST,
    IPCP,
    LCP,
    PAP,
    TERMINATE_REQUEST,
    Line,
    Rim,
    option,
)
from tests.support.world import SimulatedRadius, config
from tests.vectors import clients_logged as logged
from tests.vectors import ppp_frames

TERMINATE_ACK, CODE_REJECT, PROTOCOL_REJECT, ECHO_REPLY = 6, 7, 8, 10
ACCOUNTING_ON = 7
SETUP_TIMEOUT_S = 30.0
NAME_SERVER = bytes((192, 168, 1, 3))
PAP_PROOF = b"\5user1\4pass"


def world(*methods: str) -> Config:
    return config(
        auth=AuthConfig(methods=methods or ("pap",)),
        ppp=PppConfig(mru=1460, dns=("192.168.1.3", "192.168.1.3")),
    )


def call(*methods: str, radius: SimulatedRadius | None = None) -> Line:
    """Return a call on which the LNS has asked for its options, and nothing else was said."""
    rim = Rim(world(*methods), servers=(radius,) if radius is not None else ())
    line = rim.line()
    rim.run(0.2)
    return line


def agreed(*methods: str, own: bytes = b"", radius: SimulatedRadius | None = None) -> Line:
    line = call(*methods, radius=radius)
    line.agree(own)
    return line


def logged_in(own: bytes = b"") -> Line:
    line = agreed(own=own)
    line.login()
    return line


def up(own: bytes = b"") -> Line:
    line = logged_in(own)
    take_address(line)
    assert line.rim.of(SubscriberUp)
    return line


def take_address(line: Line) -> None:
    """Agree on IPCP as the LNS wants it."""
    request = line.last(IPCP, CONFIGURE_REQUEST)
    line.say(IPCP, CONFIGURE_ACK, request.identifier, request.data)
    line.say(IPCP, CONFIGURE_REQUEST, 201, option(3, bytes(4)))
    line.say(IPCP, CONFIGURE_REQUEST, 202, line.last(IPCP, CONFIGURE_NAK).data)


def put(line: Line, frame: bytes) -> None:
    """Send a frame as it is, and let it be answered."""
    line.lac.send(line, frame)  # type: ignore[arg-type]  # as a Client
    line.rim.run(0.1)


def packet(code: int, identifier: int, data: bytes = b"") -> bytes:
    return struct.pack("!BBH", code, identifier, 4 + len(data)) + data


def drops(line: Line) -> list[DropReason]:
    return [fact.reason for fact in line.rim.of(Dropped)]


def billed(line: Line) -> list[int]:
    """Return Acct-Status-Type of the records of sessions."""
    return [status for status in line.rim.radius.statuses() if status != ACCOUNTING_ON]


def ended(line: Line) -> SubscriberEnded:
    (fact,) = line.rim.of(SubscriberEnded)
    assert len(line.rim.controls(CDN)) == 1
    assert not line.rim.lns.core.registry.by_number
    return fact


# -- Windows


def test_windows_xp_with_ms_chap_v1_from_its_first_packet_to_its_last() -> None:
    line = call("mschapv1")
    rim = line.rim
    request = line.last(LCP, CONFIGURE_REQUEST)
    assert request.options[3] == bytes.fromhex("c22380")
    line.say(LCP, CONFIGURE_ACK, request.identifier, request.data)
    put(line, logged.XP_LCP_REQUEST)
    assert line.last(LCP, CONFIGURE_REJECT).data == logged.XP_LCP_CALLBACK_REJECT
    put(line, logged.XP_LCP_REQUEST_2)
    assert line.last(LCP, CONFIGURE_ACK).data == logged.XP_LCP_REQUEST_2[8:]

    challenge = line.last(CHAP, 1)
    assert challenge.data[0] == 8, "octets of the challenge (RFC 2433 section 4)"
    put(line, logged.XP_IDENTIFICATION)
    put(line, logged.XP_IDENTIFICATION_2)
    assert not rim.frames(LCP, CODE_REJECT)
    value = bytes((49,)) + logged.XP_MS_CHAP_VALUE + logged.XP_MS_CHAP_NAME
    line.say(CHAP, 2, challenge.identifier, value)
    (asked,) = rim.requests(Kind.AUTH)
    # RFC 2548 sections 2.1.2 and 2.1.3: vendor 311, and the flags before the responses.
    assert bytes.fromhex("000001370b0a") + challenge.data[1:9] in asked.data
    response = bytes((challenge.identifier, 1)) + logged.XP_MS_CHAP_VALUE[:48]
    assert bytes.fromhex("000001370134") + response in asked.data
    assert asked.attributes[1] == b"shop"
    assert line.last(CHAP, 3).identifier == challenge.identifier

    put(line, logged.XP_CCP_REQUEST)
    assert line.last(LCP, PROTOCOL_REJECT).data == logged.XP_CCP_REQUEST[2:]
    put(line, logged.XP_IPCP_REQUEST)
    assert line.last(IPCP, CONFIGURE_REJECT).data == bytes.fromhex("820600000000840600000000")
    put(line, logged.XP_IPCP_REQUEST_2)
    given = line.last(IPCP, CONFIGURE_NAK)
    assert (given.options[0x81], given.options[0x83]) == (NAME_SERVER, NAME_SERVER)
    line.say(IPCP, CONFIGURE_REQUEST, 9, given.data)
    ours = line.last(IPCP, CONFIGURE_REQUEST)
    line.say(IPCP, CONFIGURE_ACK, ours.identifier, ours.data)
    (fact,) = rim.of(SubscriberUp)
    assert (fact.user, fact.method) == ("shop", "mschapv1")
    shown = rim.answers[rim.ask(ShowSession("shop"))].body["sessions"][0]  # type: ignore[index,call-overload]  # plain data
    assert shown["software"] == "MSRASV5.10, MSRAS-0-COMPTECH2"  # type: ignore[index,call-overload]  # plain data

    put(line, logged.XP_TERMINATE)
    assert line.last(LCP, TERMINATE_ACK).identifier == 0x0A
    end = ended(line)
    assert (end.cause, end.reason, end.text) == (TerminateCause.USER_REQUEST, "client_terminated", "")
    assert billed(line) == [1, 2]
    assert drops(line) == [DropReason.UNKNOWN_PROTOCOL], "CCP"


def test_a_failure_of_ms_chap_v1_is_windows_own_words() -> None:
    """RFC 2433 section 5: E, R, C, V; what RADIUS says in MS-CHAP-Error goes before what we would say."""
    line = agreed("mschapv1", radius=SimulatedRadius(reply=lambda _: (3, b"")))
    challenge = line.last(CHAP, 1)
    line.say(CHAP, 2, challenge.identifier, bytes((49,)) + logged.XP_MS_CHAP_VALUE + b"shop")
    words = line.last(CHAP, 4).data.split(b" ")
    assert [word[:2] for word in words] == [b"E=", b"R=", b"C=", b"V="]
    assert (words[0], words[1], words[3]) == (b"E=691", b"R=0", b"V=2")
    assert len(bytes.fromhex(words[2][2:].decode())) == 8


@pytest.mark.parametrize("code", [646, 647, 648, 649, 691, 709])
def test_what_radius_says_of_a_password_is_passed_on(code: int) -> None:
    """E=648: the password has expired.  We cannot change it: the client is told, and not asked to try again."""
    error = b"\x01E=%d R=1 C=0011223344556677 V=2" % code
    attribute = option(26, bytes.fromhex("00000137") + option(2, error))
    line = agreed("mschapv1", radius=SimulatedRadius(reply=lambda _: (3, attribute)))
    challenge = line.last(CHAP, 1)
    line.say(CHAP, 2, challenge.identifier, bytes((49,)) + logged.XP_MS_CHAP_VALUE + b"shop")
    assert line.last(CHAP, 4).data == b"E=%d R=0 C=0011223344556677 V=2" % code
    line.say(LCP, TERMINATE_ACK, line.last(LCP, TERMINATE_REQUEST).identifier)
    assert ended(line).reason == "authentication_rejected"


def test_windows_does_not_believe_our_success_and_goes() -> None:
    line = agreed("mschapv2")
    put(line, logged.XP_TERMINATE_778)
    line.rim.run(1.0)
    assert line.rim.controls(CDN)
    assert not line.rim.lns.core.registry.by_number


def test_a_bundling_windows_is_told_what_we_do_not_do_all_at_once() -> None:
    line = call()
    put(line, logged.MP_LCP_REQUEST)
    assert line.last(LCP, CONFIGURE_REJECT).data == logged.MP_LCP_REJECT


# -- EAP


def test_a_client_that_would_have_eap_gets_the_next_of_ours_and_may_take_it() -> None:
    line = call("mschapv2", "chap", "pap")
    wants = option(3, bytes.fromhex("c227"))
    line.say(LCP, CONFIGURE_NAK, line.last(LCP, CONFIGURE_REQUEST).identifier, wants)
    request = line.last(LCP, CONFIGURE_REQUEST)
    assert request.options[3] == bytes.fromhex("c22305")
    line.agree()
    assert line.last(CHAP, 1)


def test_a_client_that_has_nothing_but_eap_is_told_and_the_reason_is_kept() -> None:
    line = call("mschapv2", "chap", "pap")
    wants = option(3, bytes.fromhex("c227"))
    for _ in range(3):
        line.say(LCP, CONFIGURE_NAK, line.last(LCP, CONFIGURE_REQUEST).identifier, wants)
    goodbye = line.last(LCP, TERMINATE_REQUEST)
    assert goodbye.data == b"no common authentication"
    assert len(line.rim.frames(LCP, CONFIGURE_REQUEST)) == 3, "each method once"
    line.say(LCP, TERMINATE_ACK, goodbye.identifier)
    assert ended(line).reason == "no_common_authentication"


def test_eap_packets_from_a_client_that_agreed_to_another_method_are_rejected_by_protocol() -> None:
    """RFC 1661 section 5.7: then it knows, and may still do what it has agreed to."""
    line = agreed()
    identity = bytes.fromhex("c227 02 01 000a 01") + b"user1"
    put(line, b"\xff\x03" + identity)
    assert line.last(LCP, PROTOCOL_REJECT).data == identity
    assert drops(line) == [DropReason.UNKNOWN_PROTOCOL]
    line.login()
    take_address(line)
    assert line.rim.of(SubscriberUp)


def test_eap_before_lcp_is_open_is_left_unanswered() -> None:
    line = call()
    put(line, bytes.fromhex("ff03 c227 02 01 000a 01") + b"user1")
    assert drops(line) == [DropReason.NOT_OPEN]
    assert not line.rim.frames(LCP, PROTOCOL_REJECT)


# -- methods that do not fit


def test_a_netgear_dm602_that_answers_pap_with_chap_is_challenged() -> None:
    """It acknowledges PAP and speaks CHAP (a remark in l2tpns, ppp.c); we ask it so, if we would do CHAP at all."""
    line = agreed("pap", "chap")
    line.say(CHAP, 2, 1, b"\x10" + bytes(16) + b"user1")
    challenge = line.last(CHAP, 1)
    assert not line.rim.requests(Kind.AUTH), "what it said answers no challenge of ours"
    line.say(CHAP, 2, challenge.identifier, b"\x10" + bytes(16) + b"user1")
    assert line.last(CHAP, 3).identifier == challenge.identifier
    take_address(line)
    (fact,) = line.rim.of(SubscriberUp)
    assert (fact.user, fact.method) == ("user1", "chap")


def test_where_chap_is_not_wanted_a_dm602_gets_no_challenge_and_may_still_use_pap() -> None:
    line = agreed("pap", "mschapv2")
    line.say(CHAP, 2, 1, b"\x10" + bytes(16) + b"user1")
    assert drops(line) == [DropReason.UNEXPECTED_PACKET]
    assert not line.rim.frames(CHAP)
    line.login()
    assert line.last(PAP, 2)


def test_chap_after_pap_was_offered_or_decided_changes_nothing() -> None:
    slow = SimulatedRadius(delay_s=2.0)
    line = agreed("pap", "chap", radius=slow)
    line.login()
    line.say(CHAP, 2, 1, b"\x10" + bytes(16) + b"user1")
    line.rim.run(3.0)
    line.say(CHAP, 2, 1, b"\x10" + bytes(16) + b"user1")
    assert not line.rim.frames(CHAP)
    take_address(line)
    assert line.rim.of(SubscriberUp)[0].method == "pap"


# -- frames


@pytest.mark.parametrize("fill", [b"", bytes(40), b"\xff\x03\xc0\x21 rests of another frame"])
@pytest.mark.parametrize("ff03", [True, False])
def test_with_ff03_or_without_and_whatever_follows_the_packet(ff03: bool, fill: bytes) -> None:
    """A modem on Ethernet pads to 46 octets, some compress what nobody agreed to (RFC 1661 section 5)."""
    head = b"\xff\x03" if ff03 else b""
    line = call()

    def say(protocol: int, code: int, identifier: int, data: bytes) -> None:
        put(line, head + protocol.to_bytes(2, "big") + packet(code, identifier, data) + fill)

    request = line.last(LCP, CONFIGURE_REQUEST)
    say(LCP, CONFIGURE_ACK, request.identifier, request.data)
    say(LCP, CONFIGURE_REQUEST, 1, b"")
    say(PAP, 1, 1, PAP_PROOF)
    request = line.last(IPCP, CONFIGURE_REQUEST)
    say(IPCP, CONFIGURE_ACK, request.identifier, request.data)
    say(IPCP, CONFIGURE_REQUEST, 1, option(3, bytes(4)))
    say(IPCP, CONFIGURE_REQUEST, 2, line.last(IPCP, CONFIGURE_NAK).data)
    assert len(line.rim.of(SubscriberUp)) == 1
    assert not drops(line)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("ff03 c021 01 01 0003", DropReason.BAD_PACKET),  # Length below its own header
        ("ff03 c021 01 01 000a 0506 6f593c", DropReason.BAD_PACKET),  # Length beyond the frame
        ("ff03 c021 01 01 0006 0100", DropReason.BAD_OPTION),  # an option of no length
        ("ff03 c021 01 01 0006 0101", DropReason.BAD_OPTION),
        ("ff03 c021 01 01 0008 0106 0578", DropReason.BAD_OPTION),  # an option beyond the packet
        ("ff03 c021 01 01 0005 01", DropReason.BAD_OPTION),  # half an option
        ("ff03 c022 01 01 0004", DropReason.BAD_FRAME),  # an even protocol
    ],
)
def test_what_is_malformed_is_counted_and_a_good_request_after_it_answered(frame: str, reason: DropReason) -> None:
    line = call()
    put(line, bytes.fromhex(frame))
    assert drops(line) == [reason]
    assert not line.rim.frames(LCP, CONFIGURE_ACK)
    line.agree()
    line.login()
    take_address(line)
    assert line.rim.of(SubscriberUp)


# -- LCP


def test_forty_options_in_any_order_are_answered_in_theirs() -> None:
    unknown = [option(kind, bytes((kind,)) * (kind % 4)) for kind in range(60, 97)]
    known = [option(8), option(5, b"abcd"), option(1, b"\x05\x78")]
    options = unknown[:20] + known[:1] + unknown[20:30] + known[1:] + unknown[30:]
    line = call()
    line.say(LCP, CONFIGURE_REQUEST, 7, b"".join(options))
    reject = line.last(LCP, CONFIGURE_REJECT)
    assert (reject.identifier, reject.data) == (7, b"".join(unknown))
    line.agree(b"".join(known))
    line.login()
    take_address(line)
    assert line.rim.entry.mtu == 1400
    assert line.rim.entry.legs[0].acfc


def test_of_an_option_that_comes_twice_the_last_one_counts() -> None:
    options = option(1, b"\x05\x78") + option(5, b"abcd") + option(1, b"\x05\x14") + option(5, b"efgh")
    line = up(options)
    assert line.last(LCP, CONFIGURE_ACK).data == options, "an Ack is the request again (RFC 1661 section 5.2)"
    assert line.rim.entry.mtu == 1300


@pytest.mark.parametrize("mru", [128, 296, 575])
def test_a_small_mru_is_granted(mru: int) -> None:
    assert up(option(1, mru.to_bytes(2, "big"))).rim.entry.mtu == mru


@pytest.mark.parametrize("mru", [0, 1, 64, 127])
def test_an_mru_that_carries_nothing_is_hinted_then_rejected(mru: int) -> None:
    """The client may give way to either; then it has the MRU of who asks for none."""
    wish = option(1, mru.to_bytes(2, "big"))
    line = call()
    request = line.last(LCP, CONFIGURE_REQUEST)
    line.say(LCP, CONFIGURE_ACK, request.identifier, request.data)
    for identifier in range(1, 7):
        line.say(LCP, CONFIGURE_REQUEST, identifier, wish)
    assert [one.data for one in line.rim.frames(LCP, CONFIGURE_NAK)] == [option(1, b"\0\x80")] * 5
    assert line.last(LCP, CONFIGURE_REJECT).data == wish
    line.say(LCP, CONFIGURE_REQUEST, 7, b"")
    line.login()
    take_address(line)
    assert line.rim.entry.mtu == 1460


def test_a_client_that_insists_on_what_cannot_be_is_ended_in_the_time_of_a_set_up() -> None:
    line = call()
    began = line.rim.now
    for identifier in range(40):
        request = line.last(LCP, CONFIGURE_REQUEST)
        line.say(LCP, CONFIGURE_ACK, request.identifier, request.data)
        line.say(LCP, CONFIGURE_REQUEST, identifier, option(1, b"\0\0"))
        line.rim.run(1.0)
    assert ended(line).reason == "setup_timeout"
    (cdn,) = line.rim.controls(CDN)
    assert cdn.at - began <= SETUP_TIMEOUT_S + 4.0


def test_a_magic_number_of_zero_is_hinted_at_and_a_client_without_one_comes_up() -> None:
    line = call()
    line.say(LCP, CONFIGURE_REQUEST, 1, option(5, bytes(4)))
    hint = line.last(LCP, CONFIGURE_NAK).options[5]
    assert hint not in (bytes(4), line.last(LCP, CONFIGURE_REQUEST).options[5])
    line.agree()
    line.login()
    take_address(line)
    assert line.rim.of(SubscriberUp)


@pytest.mark.parametrize("code", [CONFIGURE_NAK, CONFIGURE_REJECT])
def test_a_client_that_refuses_our_magic_number_and_mru_comes_up_without(code: int) -> None:
    line = call()
    request = line.last(LCP, CONFIGURE_REQUEST)
    refused = option(1, b"\x05\x00") + option(5, b"wxyz")
    if code == CONFIGURE_REJECT:
        refused = option(1, request.options[1]) + option(5, request.options[5])
    line.say(LCP, code, request.identifier, refused)
    again = line.last(LCP, CONFIGURE_REQUEST)
    assert again.identifier != request.identifier
    if code == CONFIGURE_NAK:
        assert again.options[1] == b"\x05\x00"
        assert again.options[5] not in (b"wxyz", request.options[5])
    else:
        assert set(again.options) == {3}
    line.agree()
    line.login()
    take_address(line)
    assert line.rim.of(SubscriberUp)


@pytest.mark.parametrize("magic", [bytes(4), b"abcd", b"wrng"])
def test_an_echo_is_answered_whatever_magic_number_it_bears(magic: bytes) -> None:
    """Real clients forget theirs when LCP is renegotiated; only our own means a loop."""
    line = up(option(5, b"abcd"))
    line.say(LCP, ECHO_REQUEST, 77, magic + b"data")
    reply = line.last(LCP, ECHO_REPLY)
    assert (reply.identifier, reply.data[4:]) == (77, b"data")
    assert not drops(line)


@pytest.mark.parametrize("code", [0, 14, 99])
def test_codes_that_nobody_knows_are_rejected_and_harm_nothing(code: int) -> None:
    """0 is vendors' (RFC 2153 section 2)."""
    line = up()
    line.say(LCP, code, 5, b"magc\0\0\x0evendor")
    assert line.last(LCP, CODE_REJECT).data == packet(code, 5, b"magc\0\0\x0evendor")
    line.rim.run(5.0)
    assert not line.rim.of(SubscriberEnded)


@pytest.mark.parametrize("phase", ["establish", "authenticate", "judged", "network", "up"])
@pytest.mark.parametrize("frame", [ppp_frames.PPPD_TERMINATE, logged.XP_TERMINATE])
def test_a_terminate_request_is_heard_in_each_phase(phase: str, frame: bytes) -> None:
    slow = SimulatedRadius(delay_s=4.0)
    line = {
        "establish": call,
        "authenticate": agreed,
        "judged": lambda: agreed(radius=slow),
        "network": logged_in,
        "up": up,
    }[phase]()
    if phase == "judged":
        line.login()
    rim = line.rim
    put(line, frame)
    assert rim.frames(LCP, TERMINATE_ACK)
    assert rim.controls(CDN)
    rim.run(10.0)
    assert not rim.lns.core.registry.by_number
    assert not rim.plane.entries
    assert billed(line) == ([1, 2] if phase == "up" else [])


# -- who was not there yet


@pytest.mark.parametrize("late_s", [0.03, 0.1, 0.25])
def test_a_pppd_that_missed_our_first_request_gets_it_again_soon(late_s: float) -> None:
    """xl2tpd's pppd opens its side some time after ICCN: what came before is lost on it (RFC 1661 section 4.6)."""
    rim = Rim(world())
    line = rim.line()
    rim.run(1.0, until=lambda: bool(rim.frames(LCP, CONFIGURE_REQUEST)))
    (first,) = rim.frames(LCP, CONFIGURE_REQUEST)
    rim.run(late_s)
    line.lac.send(line, ppp_frames.PPPD_LCP_REQUEST)  # type: ignore[arg-type]  # as a Client
    rim.run(10.0, until=lambda: len(rim.frames(LCP, CONFIGURE_REQUEST)) > 1)
    second = line.last(LCP, CONFIGURE_REQUEST)
    assert 2.0 * late_s <= second.at - first.at <= max(3.0 * late_s, late_s + 0.1) + 0.02 < 1.0
    assert (second.identifier, second.data) == (first.identifier, first.data)
    line.say(LCP, CONFIGURE_ACK, second.identifier, second.data)
    line.login()
    take_address(line)
    assert line.rim.of(SubscriberUp)
    assert len(rim.frames(LCP, CONFIGURE_REQUEST)) == 2, "once, and no more"


def test_a_client_that_says_its_request_again_and_again_does_not_make_us_hurry_more_than_once() -> None:
    line = call()
    for identifier in range(20):
        line.say(LCP, CONFIGURE_REQUEST, identifier, b"")
    requests = line.rim.frames(LCP, CONFIGURE_REQUEST)
    assert len(requests) <= 3


# -- IPCP


def test_ipcp_before_its_time_is_left_unanswered_and_waits_for_its_turn() -> None:
    line = agreed()
    put(line, logged.XP_IPCP_REQUEST)
    assert drops(line) == [DropReason.NOT_OPEN]
    assert not line.rim.frames(IPCP)
    line.login()
    take_address(line)
    assert line.rim.of(SubscriberUp)


def test_a_client_that_never_answers_ipcp_is_ended_when_all_requests_are_out() -> None:
    line = logged_in()
    line.rim.run(60.0)
    end = ended(line)
    assert (end.cause, end.reason) == (TerminateCause.USER_ERROR, "setup_timeout")
    assert billed(line) == [], "it was never up: nothing is billed"


def test_with_few_requests_the_reason_names_ipcp() -> None:
    rim = Rim(config(auth=AuthConfig(methods=("pap",)), ppp=PppConfig(mru=1460, max_configure=3)))
    line = rim.line()
    rim.run(0.2)
    line.agree()
    line.login()
    rim.run(25.0)
    assert len(rim.frames(IPCP, CONFIGURE_REQUEST)) == 3
    end = ended(line)
    assert (end.cause, end.reason, end.text) == (TerminateCause.USER_ERROR, "ipcp_failed", "IPCP found no agreement")


@pytest.mark.parametrize("address", [bytes(4), bytes((192, 168, 1, 10))])
def test_a_client_that_never_takes_its_address_is_ended(address: bytes) -> None:
    line = logged_in()
    for identifier in range(40):
        request = line.last(IPCP, CONFIGURE_REQUEST)
        line.say(IPCP, CONFIGURE_ACK, request.identifier, request.data)
        line.say(IPCP, CONFIGURE_REQUEST, identifier, option(3, address))
        line.rim.run(1.0)
    rim = line.rim
    naks, rejects = rim.frames(IPCP, CONFIGURE_NAK), rim.frames(IPCP, CONFIGURE_REJECT)
    assert len(naks) == 5
    assert all(one.data == option(3, address) for one in rejects)
    end = ended(line)
    assert (end.cause, end.reason) == (TerminateCause.USER_ERROR, "setup_timeout")
    assert billed(line) == []


def test_a_client_that_asks_for_no_address_is_told_which_it_has_and_let_in() -> None:
    """RFC 1332 section 3.3: the option may be left out; what it then sends is judged by its source."""
    line = logged_in()
    request = line.last(IPCP, CONFIGURE_REQUEST)
    line.say(IPCP, CONFIGURE_ACK, request.identifier, request.data)
    for identifier in range(1, 7):
        line.say(IPCP, CONFIGURE_REQUEST, identifier, b"")
    hints = line.rim.frames(IPCP, CONFIGURE_NAK)
    assert len(hints) == 5
    assert all(set(one.options) == {3} for one in hints)
    (fact,) = line.rim.of(SubscriberUp)
    assert fact.address.to_bytes(4, "big") == hints[0].options[3]


def test_a_client_that_rejects_our_address_does_without() -> None:
    line = logged_in()
    request = line.last(IPCP, CONFIGURE_REQUEST)
    line.say(IPCP, CONFIGURE_REJECT, request.identifier, request.data)
    assert line.last(IPCP, CONFIGURE_REQUEST).data == b""
    take_address(line)
    assert line.rim.of(SubscriberUp)


def test_pppd_with_van_jacobson_compression_comes_up_without() -> None:
    line = logged_in()
    put(line, ppp_frames.PPPD_IPCP_REQUEST)
    assert line.last(IPCP, CONFIGURE_REJECT).data == ppp_frames.PPPD_IPCP_REJECT[4:]
    take_address(line)
    assert line.rim.of(SubscriberUp)
