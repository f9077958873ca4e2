"""One end of a link, frame by frame: what it says to what, in every phase."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bras.errors import DropReason
from bras.ppp import packet
from bras.ppp.constants import IPCP, IPV4, LCP
from bras.ppp.events import (
    ClientIdentified,
    CredentialsOffered,
    Dropped,
    EchoMeasured,
    LcpOpened,
    LinkDown,
    LinkEnd,
    LinkEvent,
    LinkRestarted,
    LinkUp,
    NetworkPacketReceived,
    PapCredentials,
    ProtocolRejected,
    SendFrame,
)
from bras.ppp.link import Link, LinkConfig, LinkState
from tests.vectors import ppp_frames

CONFIG = LinkConfig(mru=1460, methods=("pap",), hostname=b"lns1", echo_interval_s=20.0, echo_failures=2)
MAGIC = bytes.fromhex("00010203")
GOOD = b"\x05\x06zzzz"


def entropy(count: int) -> bytes:
    return bytes(range(count))


def lcp(code: int, identifier: int, data: bytes = b"") -> bytes:
    return b"\xff\x03\xc0\x21" + packet.build(code, identifier, data)


def pap(code: int, identifier: int, data: bytes = b"") -> bytes:
    return b"\xff\x03\xc0\x23" + packet.build(code, identifier, data)


def sent(events: list[LinkEvent]) -> list[bytes]:
    return [event.frame for event in events if isinstance(event, SendFrame)]


def establishing(config: LinkConfig = CONFIG) -> tuple[Link, bytes]:
    link = Link(config, entropy)
    (request,) = sent(link.open(now=0.0))
    return link, request


def authenticating(config: LinkConfig = CONFIG, options: bytes = GOOD) -> Link:
    link, request = establishing(config)
    link.receive(lcp(1, 1, options), now=0.0)
    link.receive(lcp(2, request[5], request[8:]), now=0.0)
    return link


def network(config: LinkConfig = CONFIG, options: bytes = GOOD) -> Link:
    link = authenticating(config, options)
    link.receive(pap(1, 1, b"\x03joe\x02pw"), now=0.0)
    link.accept(b"", b"", now=0.0)
    assert link.state is LinkState.NETWORK
    return link


def test_a_link_comes_up_frame_by_frame() -> None:
    link, request = establishing()
    assert link.state is LinkState.ESTABLISH
    assert request == lcp(1, 1, b"\x01\x04\x05\xb4" + b"\x03\x04\xc0\x23" + b"\x05\x06" + MAGIC)
    assert link.receive(lcp(1, 9, GOOD), now=0.0) == [SendFrame(lcp(2, 9, GOOD))]
    opened = LcpOpened("pap", 1460, 1500, acfc=False, pfc=False, magic=True)
    assert link.receive(lcp(2, 1, request[8:]), now=0.0) == [opened]
    assert link.state is LinkState.AUTHENTICATE
    offered = link.receive(pap(1, 1, b"\x03joe\x02pw"), now=0.0)
    assert offered == [CredentialsOffered(PapCredentials(b"joe", b"pw"))]
    assert link.deadline is None  # the owner's turn
    assert link.accept(b"hi", b"", now=0.0) == [
        SendFrame(pap(2, 1, b"\x02hi")),
        LinkUp(1460, acfc=False, pfc=False),
    ]
    assert link.receive(b"\x80\x21abc", now=0.0) == [NetworkPacketReceived(IPCP, b"abc")]
    facts = link.facts
    assert (facts.method, facts.magic, facts.peer_mru, facts.round_trip_s) == ("pap", 0x010203, 1500, 0.0)


def test_opening_twice_and_deciding_twice_do_nothing() -> None:
    link = network()
    assert link.open(now=0.0) == []
    assert link.accept(b"", b"", now=0.0) == []
    assert link.refuse(b"", b"", now=0.0) == []


@pytest.mark.parametrize(("asked", "mru"), [(1400, 1400), (1460, 1460), (1500, 1460), (9000, 1460)])
def test_the_mru_is_the_clients_and_at_most_ours(asked: int, mru: int) -> None:
    link = authenticating(options=b"\x01\x04" + asked.to_bytes(2, "big"))
    link.receive(pap(1, 1, b"\x03joe\x02pw"), now=0.0)
    assert link.accept(b"", b"", now=0.0)[-1] == LinkUp(mru, acfc=False, pfc=False)


def test_frames_are_compressed_once_it_is_agreed_and_never_for_lcp() -> None:
    link, request = establishing()
    link.receive(lcp(1, 1, b"\x07\x02\x08\x02"), now=0.0)
    assert link.frame(IPV4, b"E") == b"\xff\x03\x00\x21E"
    link.receive(lcp(2, 1, request[8:]), now=0.0)
    assert link.frame(IPV4, b"E") == b"\x21E"
    assert link.frame(IPCP, b"x") == b"\x80\x21x"
    assert link.frame(LCP, b"x") == b"\xff\x03\xc0\x21x"
    assert link.frame(0x8281, b"x") == b"\xff\x03\x82\x81x"  # MPLS control: not in the table
    link.receive(lcp(1, 2, b"\x07\x02\x08\x02"), now=0.0)  # it negotiates again
    assert link.frame(IPV4, b"E") == b"\xff\x03\x00\x21E"


def test_before_open_and_after_the_end_frames_are_dropped() -> None:
    link = Link(CONFIG, entropy)
    assert link.receive(lcp(1, 1), now=0.0) == [Dropped(DropReason.NOT_OPEN)]
    assert link.close(b"bye", now=0.0) == [LinkDown(LinkEnd.LOCAL_CLOSE, "bye")]
    assert link.receive(lcp(1, 1), now=0.0) == [Dropped(DropReason.NOT_OPEN)]
    assert link.close(b"bye", now=0.0) == []
    assert link.open(now=0.0) == []
    assert link.deadline is None
    assert link.handle_timeout(now=99.0) == []


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", DropReason.BAD_FRAME),
        (b"\xff\x03", DropReason.BAD_FRAME),
        (b"\xff\x03\xc0\x21\x01", DropReason.BAD_PACKET),
        (lcp(1, 1, b"\x01"), DropReason.BAD_OPTION),
        (b"\xc0\x23\x01\x01\x00\x05\x09", DropReason.BAD_PACKET),
        (b"\x80\x21abc", DropReason.NOT_OPEN),
        (b"\x21E", DropReason.NOT_OPEN),
        (b"\x57`", DropReason.NOT_OPEN),
        (b"\x80\xfdabc", DropReason.NOT_OPEN),
        (b"\xc2\x23" + packet.build(2, 1, b"\x10" + bytes(16)), DropReason.UNEXPECTED_PACKET),
        (lcp(9, 1, bytes(4)), None),
    ],
)
def test_while_authenticating_only_lcp_and_the_method_speak(frame: bytes, reason: DropReason | None) -> None:
    link = authenticating()
    events = link.receive(frame, now=0.0)
    if reason is None:
        assert sent(events) == [lcp(10, 1, MAGIC)]
    else:
        assert events == [Dropped(reason)]
    assert link.state is LinkState.AUTHENTICATE


@pytest.mark.parametrize("frame", [ppp_frames.PPPD_CCP_REQUEST, ppp_frames.PPPD_IPV6CP_REQUEST])
def test_what_nobody_here_speaks_is_rejected_in_the_network_phase(frame: bytes) -> None:
    link = network()
    for identifier in (1, 2):
        assert link.receive(frame, now=0.0) == [
            SendFrame(lcp(8, identifier, frame[2:])),
            Dropped(DropReason.UNKNOWN_PROTOCOL),
        ]


@pytest.mark.parametrize("frame", [b"\x00\x57`", b"\x57`"])
def test_ipv6_packets_are_dropped_and_not_rejected(frame: bytes) -> None:
    assert network().receive(frame, now=0.0) == [Dropped(DropReason.NOT_OPEN)]


@pytest.mark.parametrize("frame", [b"\xff\x03\x00\x21E", b"\x21E"])
def test_ipv4_packets_that_the_data_plane_did_not_take_are_handed_on(frame: bytes) -> None:
    assert network().receive(frame, now=0.0) == [NetworkPacketReceived(IPV4, b"E")]


def test_a_protocol_reject_is_told_ignored_or_fatal() -> None:
    link = network()
    assert link.receive(lcp(8, 1, b"\x80\x21abc"), now=0.0) == [ProtocolRejected(IPCP)]
    assert link.receive(lcp(8, 1, b"\x80\xfdabc"), now=0.0) == [Dropped(DropReason.UNEXPECTED_PACKET)]
    assert link.receive(lcp(8, 1, b"\x80"), now=0.0) == [Dropped(DropReason.UNEXPECTED_PACKET)]
    assert link.state is LinkState.NETWORK
    (request,) = sent(link.receive(lcp(8, 1, b"\xc0\x23"), now=0.0))
    assert request == lcp(5, 2, b"Protocol-Reject of c023")
    assert link.receive(lcp(6, 2), now=0.0) == [LinkDown(LinkEnd.PROTOCOL_REJECTED, "Protocol-Reject of c023")]
    assert establishing()[0].receive(lcp(8, 1, b"\xc0\x21"), now=0.0) == [Dropped(DropReason.NOT_OPEN)]


def test_a_code_reject_of_what_all_must_know_is_fatal() -> None:
    link = network()
    assert link.receive(lcp(7, 1, packet.build(12, 1)), now=0.0) == []
    assert link.receive(lcp(7, 1), now=0.0) == [Dropped(DropReason.BAD_PACKET)]
    assert sent(link.receive(lcp(7, 1, packet.build(1, 1)), now=0.0))[0][4] == 5
    assert link.state is LinkState.TERMINATE
    assert link.handle_timeout(now=1.0)
    assert link.handle_timeout(now=3.0) == [LinkDown(LinkEnd.PROTOCOL_REJECTED, "Code-Reject of code 1")]
    early, _ = establishing()
    assert early.receive(lcp(7, 1, packet.build(1, 1)), now=0.0) == [
        LinkDown(LinkEnd.PROTOCOL_REJECTED, "Code-Reject of code 1")
    ]


def test_a_client_that_knows_no_echo_is_not_asked_again() -> None:
    link = network()
    assert link.deadline == 20.0
    assert link.handle_timeout(now=20.0)
    assert link.receive(lcp(7, 1, packet.build(9, 1, MAGIC)), now=20.1) == []
    assert link.deadline is None


def test_an_identification_is_told_and_a_time_remaining_taken() -> None:
    link = network()
    assert link.receive(ppp_frames.WINDOWS_IDENTIFICATION, now=0.0) == [ClientIdentified("MSRASV5.20")]
    assert link.receive(lcp(12, 3, MAGIC + b"\0\1"), now=0.0) == [ClientIdentified("")]
    assert link.receive(lcp(12, 3, b"abc"), now=0.0) == [Dropped(DropReason.BAD_PACKET)]
    assert link.receive(lcp(13, 4, MAGIC + bytes(4) + b"soon"), now=0.0) == []
    assert establishing()[0].receive(ppp_frames.WINDOWS_IDENTIFICATION, now=0.0) == [Dropped(DropReason.NOT_OPEN)]


@pytest.mark.parametrize(
    ("frame", "identifier", "text"),
    [(ppp_frames.PPPD_TERMINATE, 2, "User request"), (ppp_frames.WINDOWS_TERMINATE, 7, "")],
)
@pytest.mark.parametrize("phase", ["establishing", "authenticating", "network"])
def test_a_terminate_request_ends_it_at_once(frame: bytes, identifier: int, text: str, phase: str) -> None:
    link = {"establishing": establishing()[0], "authenticating": authenticating(), "network": network()}[phase]
    assert link.receive(frame, now=0.0) == [
        SendFrame(lcp(6, identifier)),
        LinkDown(LinkEnd.PEER_TERMINATED, text),
    ]
    assert link.state is LinkState.ENDED


def test_closing_waits_for_the_ack() -> None:
    link = network()
    assert link.close(b"bye", now=0.0) == [SendFrame(lcp(5, 2, b"bye"))]
    assert link.state is LinkState.TERMINATE
    assert link.close(b"again", now=0.0) == []
    assert link.receive(b"\x80\x21abc", now=0.0) == [Dropped(DropReason.NOT_OPEN)]
    assert link.receive(lcp(9, 1, bytes(4)), now=0.0) == [Dropped(DropReason.NOT_OPEN)]
    assert link.receive(lcp(1, 5, GOOD), now=0.0) == []
    assert link.receive(lcp(6, 2), now=0.0) == [LinkDown(LinkEnd.LOCAL_CLOSE, "bye")]


def test_a_terminate_request_that_crosses_ours_ends_it_for_our_reason() -> None:
    link = network()
    link.close(b"bye", now=0.0)
    assert link.receive(lcp(5, 1, b"me too"), now=0.0) == [
        SendFrame(lcp(6, 1)),
        LinkDown(LinkEnd.LOCAL_CLOSE, "bye"),
    ]


def test_a_refusal_is_told_before_the_end() -> None:
    link = authenticating()
    link.receive(pap(1, 3, b"\x03joe\x02pw"), now=0.0)
    assert link.refuse(b"no", b"", now=0.0) == [SendFrame(pap(3, 3, b"\x02no")), SendFrame(lcp(5, 2, b"no"))]
    assert link.receive(lcp(6, 2), now=0.0) == [LinkDown(LinkEnd.AUTH_REFUSED, "no")]


def test_a_pap_request_that_comes_again_gets_the_same_answer() -> None:
    link = network()
    assert link.receive(pap(1, 2, b"\x03joe\x02pw"), now=0.0) == [SendFrame(pap(2, 2, b"\0"))]
    assert link.deadline == 20.0


def test_a_client_without_credentials_is_waited_for_so_long() -> None:
    link = authenticating(replace(CONFIG, auth_timeout_s=5.0, auth_attempts=3))
    for at in (5.0, 10.0):
        assert link.deadline == at
        assert link.handle_timeout(now=at) == []
    assert link.handle_timeout(now=15.0) == [SendFrame(lcp(5, 2, b"authentication timed out"))]
    link.handle_timeout(now=16.0)
    assert link.handle_timeout(now=18.0) == [LinkDown(LinkEnd.AUTH_TIMEOUT, "authentication timed out")]


def test_a_chap_client_is_challenged_again() -> None:
    link = authenticating(replace(CONFIG, methods=("chap",)))
    assert sent(link.handle_timeout(now=4.9)) == []
    (challenge,) = sent(link.handle_timeout(now=5.0))
    assert challenge[2:5] == b"\xc2\x23\x01"


def test_silence_at_lcp_ends_it() -> None:
    link, _ = establishing()
    events: list[LinkEvent] = []
    while link.deadline is not None:
        events = link.handle_timeout(now=link.deadline)
    assert events == [LinkDown(LinkEnd.NEGOTIATION_FAILED, "LCP found no agreement")]


def test_a_client_that_never_agrees_ends_it() -> None:
    link, _ = establishing()
    for identifier in range(1, 21):
        assert sent(link.receive(lcp(3, identifier, b"\x05\x06abcd"), now=0.0))
    (terminate,) = sent(link.receive(lcp(3, 21, b"\x05\x06abcd"), now=0.0))
    assert terminate[4] == 5
    assert link.receive(lcp(6, terminate[5]), now=0.0) == [LinkDown(LinkEnd.NEGOTIATION_FAILED, "no agreement")]


def test_echo_only_into_silence_and_measured() -> None:
    link = network()
    assert link.deadline == 20.0
    link.receive(b"\x80\x21abc", now=15.0)
    assert link.handle_timeout(now=20.0) == []
    assert link.deadline == 35.0
    assert link.handle_timeout(now=35.0) == [SendFrame(lcp(9, 1, MAGIC))]
    assert link.receive(lcp(10, 1, b"peer"), now=35.25) == [EchoMeasured(0.25)]
    assert link.keepalive.round_trip_s == link.facts.round_trip_s == 0.25
    assert link.receive(lcp(10, 1, b"peer"), now=36.0) == [Dropped(DropReason.UNEXPECTED_PACKET)]


def test_unanswered_echoes_end_it_with_a_last_word() -> None:
    link = network()
    assert sent(link.handle_timeout(now=20.0)) == [lcp(9, 1, MAGIC)]
    assert sent(link.handle_timeout(now=40.0)) == [lcp(9, 2, MAGIC)]
    assert link.handle_timeout(now=60.0) == [
        SendFrame(lcp(5, 2, b"no answer to Echo-Requests")),
        LinkDown(LinkEnd.ECHO_TIMEOUT, "no answer to Echo-Requests"),
    ]
    assert link.deadline is None


def test_no_interval_no_echo() -> None:
    assert network(replace(CONFIG, echo_interval_s=0.0)).deadline is None


def test_a_reply_with_our_own_magic_is_a_reply_all_the_same() -> None:
    link = network()
    link.handle_timeout(now=20.0)
    assert link.receive(lcp(10, 1, MAGIC), now=20.5) == [EchoMeasured(0.5)]


def test_echo_requests_are_answered_unless_they_are_ours() -> None:
    link = network()
    assert sent(link.receive(lcp(9, 77, b"peerdata"), now=0.0)) == [lcp(10, 77, MAGIC + b"data")]
    assert link.receive(lcp(9, 77, b"pee"), now=0.0) == [Dropped(DropReason.BAD_PACKET)]
    assert link.receive(lcp(11, 77, b"peerdata"), now=0.0) == []
    for _ in range(2):
        assert link.receive(lcp(9, 1, MAGIC), now=0.0) == [Dropped(DropReason.LOOPBACK)]
    assert link.receive(lcp(9, 1, MAGIC), now=0.0) == [LinkDown(LinkEnd.LOOPBACK, "our own magic number came back")]


def test_a_request_while_open_begins_again() -> None:
    link = network()
    events = link.receive(lcp(1, 44, GOOD), now=9.0)
    assert events[0] == LinkRestarted()
    assert [frame[4] for frame in sent(events)] == [1, 2]
    assert link.state is LinkState.ESTABLISH
    assert link.deadline == 10.0
    assert link.receive(b"\x80\x21abc", now=9.0) == [Dropped(DropReason.NOT_OPEN)]


def test_a_link_without_proof_is_up_when_lcp_is() -> None:
    link = authenticating(replace(CONFIG, methods=()))
    assert link.state is LinkState.NETWORK


def test_saved_and_restored_in_each_phase_it_is_the_same() -> None:
    links = [Link(CONFIG, entropy), establishing()[0], authenticating(), network()]
    links.append(network())
    links[-1].close(b"bye", now=0.0)
    links.append(network())
    links[-1].receive(ppp_frames.PPPD_TERMINATE, now=0.0)
    assert [link.state for link in links] == list(LinkState)
    for link in links:
        twin = Link.restore(link.save(), CONFIG, entropy)
        assert twin.save() == link.save()
        assert (twin.state, twin.deadline, twin.facts) == (link.state, link.deadline, link.facts)
        assert twin.frame(IPV4, b"E") == link.frame(IPV4, b"E")
