"""What is taken over of a link that an access concentrator has begun (RFC 2661 section 4.4.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bras.ppp import packet
from bras.ppp.events import (
    ChapCredentials,
    CredentialsOffered,
    HandoverJudged,
    HandoverReason,
    HandoverResult,
    LinkRestarted,
    LinkUp,
    MsChapCredentials,
    PapCredentials,
    SendFrame,
)
from bras.ppp.handover import Handover, judge, open_link
from bras.ppp.link import Link, LinkConfig, LinkState
from bras.ppp.settings import HandoverPolicy
from bras.secret import Secret
from tests.vectors import l2tp_proxy as vectors
from tests.vectors import ppp_mschap

ACCEPT, STRICT = HandoverPolicy.ACCEPT, HandoverPolicy.RENEGOTIATE_ON_MISMATCH
ACCEPTED, CHALLENGED, RENEGOTIATED = HandoverResult.ACCEPTED, HandoverResult.CHALLENGED, HandoverResult.RENEGOTIATED
Reason = HandoverReason
CONFIG = LinkConfig(mru=1492, methods=("mschapv2", "mschapv1", "chap", "pap"), hostname=b"lns1", handover=ACCEPT)
CHAP = Handover(
    True,
    vectors.LAST_SENT_CHAP,
    vectors.LAST_RECEIVED,
    "chap",
    b"user1",
    vectors.CHALLENGE,
    vectors.IDENTIFIER,
    Secret(vectors.RESPONSE),
)
PAP = Handover(True, vectors.LAST_SENT_PAP, vectors.LAST_RECEIVED, "pap", b"user1", None, 7, Secret(b"pass"))
MAGIC, CLIENT_MAGIC = bytes.fromhex("0506a1b2c3d4"), bytes.fromhex("050611223344")
AUTH_CHAP, AUTH_PAP = bytes.fromhex("0305c22305"), bytes.fromhex("0304c023")
MS1, MS2 = bytes.fromhex("0305c22380"), bytes.fromhex("0305c22381")
MRU_1460 = bytes.fromhex("010405b4")
MRRU = bytes.fromhex("110405dc")
DISCRIMINATOR = bytes.fromhex("130703aabbccdd")


def verdict(told: Handover, policy: HandoverPolicy = ACCEPT, **config: object) -> tuple[HandoverResult, HandoverReason]:
    found = judge(told, replace(CONFIG, handover=policy, **config))  # type: ignore[arg-type]  # its fields
    assert (found.options is None) is (found.result is RENEGOTIATED)
    assert (found.credentials is None) is (found.result is not ACCEPTED)
    return found[:2]


@pytest.mark.parametrize("policy", [ACCEPT, STRICT])
@pytest.mark.parametrize("told", [CHAP, PAP])
def test_all_is_well(told: Handover, policy: HandoverPolicy) -> None:
    assert verdict(told, policy) == (ACCEPTED, Reason.NONE)


def test_the_credentials() -> None:
    assert judge(PAP, CONFIG).credentials == PapCredentials(b"user1", b"pass")
    assert judge(CHAP, CONFIG).credentials == ChapCredentials(
        b"user1", vectors.IDENTIFIER, vectors.CHALLENGE, vectors.RESPONSE
    )


def test_by_default_all_begins_anew() -> None:
    assert LinkConfig(mru=1492, methods=(), hostname=b"").handover is HandoverPolicy.RENEGOTIATE
    assert verdict(CHAP, HandoverPolicy.RENEGOTIATE) == (RENEGOTIATED, Reason.POLICY)


@pytest.mark.parametrize("policy", [ACCEPT, STRICT])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trusted": False}, Reason.UNTRUSTED),
        ({"last_sent": None}, Reason.NO_LCP),
        ({"last_received": None}, Reason.NO_LCP),
        ({"last_sent": b"\x01"}, Reason.BAD_LCP),
        ({"last_received": b"\x01\x01"}, Reason.BAD_LCP),
        ({"last_sent": AUTH_CHAP + MRRU}, Reason.OPTION),  # the client may send fragments
        ({"last_sent": AUTH_CHAP + b"\x0f\x02"}, Reason.OPTION),  # compound frames
        ({"last_sent": AUTH_CHAP + b"\x01\x03\x05"}, Reason.OPTION),  # an MRU of one octet
        ({"last_sent": b""}, Reason.METHOD),  # no authentication
        ({"last_sent": MRU_1460 + bytes.fromhex("0304c227")}, Reason.METHOD),  # EAP
        ({"last_received": MRRU}, Reason.OPTION),
        ({"last_received": AUTH_CHAP}, Reason.OPTION),  # we shall prove ourselves to the client
        ({"last_received": bytes.fromhex("0408c02500000bb8")}, Reason.OPTION),  # link quality reports
        ({"last_received": bytes.fromhex("01040040")}, Reason.OPTION),  # an MRU of 64
        ({"last_received": MAGIC}, Reason.OPTION),  # a loop
    ],
)
def test_what_cannot_work_begins_anew_whatever_the_policy(
    changes: dict[str, object], reason: HandoverReason, policy: HandoverPolicy
) -> None:
    assert verdict(replace(CHAP, **changes), policy) == (RENEGOTIATED, reason)  # type: ignore[arg-type]  # its fields


@pytest.mark.parametrize(
    ("changes", "config", "reason"),
    [
        ({}, {"mru": 1400}, Reason.MRU),
        ({"last_sent": AUTH_CHAP}, {"mru": 1492}, Reason.MRU),  # none asked for is 1500
        ({"last_sent": MRU_1460 + AUTH_CHAP + DISCRIMINATOR}, {}, Reason.OPTION),
        ({"last_received": DISCRIMINATOR}, {}, Reason.OPTION),
        ({}, {"pfc": False}, Reason.OPTION),
        ({}, {"acfc": False}, Reason.OPTION),
        ({"last_received": bytes.fromhex("050600000000")}, {}, Reason.OPTION),  # magic number 0
    ],
)
def test_what_we_would_not_have_agreed_to_is_for_the_policy(
    changes: dict[str, object], config: dict[str, object], reason: HandoverReason
) -> None:
    told = replace(CHAP, **changes)  # type: ignore[arg-type]  # its fields
    assert verdict(told, ACCEPT, **config) == (ACCEPTED, Reason.NONE)
    assert verdict(told, STRICT, **config) == (RENEGOTIATED, reason)


@pytest.mark.parametrize("method", ["chap", "pap"])
def test_a_method_that_we_do_not_want_begins_anew(method: str) -> None:
    told = CHAP if method == "chap" else PAP
    assert verdict(told, methods=("mschapv2",)) == (RENEGOTIATED, Reason.METHOD)


def test_maps_compressions_and_quirks_of_the_concentrator_do_no_harm() -> None:
    sent = bytes.fromhex("0206000a0000") + AUTH_CHAP + bytes.fromhex("07020802") + MRU_1460
    assert verdict(replace(CHAP, last_sent=sent), STRICT) == (ACCEPTED, Reason.NONE)
    assert judge(replace(CHAP, last_sent=sent), CONFIG).options[:2] == (bytes(4), "chap")  # type: ignore[index]  # given
    received = bytes.fromhex("0206ffffffff")
    assert verdict(replace(CHAP, last_received=received), STRICT) == (ACCEPTED, Reason.NONE)


def test_a_whole_packet_instead_of_its_options_is_understood() -> None:
    def whole(options: bytes) -> bytes:
        return packet.build(1, 9, options)

    told = replace(CHAP, last_sent=whole(vectors.LAST_SENT_CHAP), last_received=whole(vectors.LAST_RECEIVED))
    assert judge(told, CONFIG) == judge(CHAP, CONFIG)
    told = replace(PAP, last_sent=vectors.WHOLE_RECEIVED, last_received=vectors.WHOLE_SENT)
    found = judge(told, CONFIG)
    assert (found.result, found.options and found.options.method) == (ACCEPTED, "pap")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"method": ""}, Reason.NO_PROOF),  # Proxy Authen Type 1, 4, or none
        ({"method": "pap", "challenge": None, "response": Secret(b"pass")}, Reason.BAD_PROOF),
        ({"name": None}, Reason.BAD_PROOF),
        ({"name": b"x" * 254}, Reason.BAD_PROOF),
        ({"identifier": None}, Reason.BAD_PROOF),  # osvbng sends none
        ({"response": None}, Reason.BAD_PROOF),
        ({"response": Secret(b"x" * 15)}, Reason.BAD_PROOF),
        ({"response": Secret(b"x" * 17)}, Reason.BAD_PROOF),
        ({"challenge": None}, Reason.BAD_PROOF),
        ({"challenge": b""}, Reason.BAD_PROOF),
        ({"challenge": b"x" * 254}, Reason.BAD_PROOF),
    ],
)
def test_a_client_whose_proof_is_of_no_use_is_challenged(changes: dict[str, object], reason: HandoverReason) -> None:
    assert verdict(replace(CHAP, **changes)) == (CHALLENGED, reason)  # type: ignore[arg-type]  # its fields


@pytest.mark.parametrize("octets", [1, 8, 16, 17, 64, 253])
def test_challenges_of_any_size(octets: int) -> None:
    assert verdict(replace(CHAP, challenge=b"c" * octets)) == (ACCEPTED, Reason.NONE)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"method": ""}, Reason.NO_PROOF),
        ({"method": "chap"}, Reason.BAD_PROOF),
        ({"response": None}, Reason.BAD_PROOF),
        ({"response": Secret(b"x" * 256)}, Reason.BAD_PROOF),
        ({"identifier": None}, Reason.BAD_PROOF),
    ],
)
def test_a_client_that_agreed_to_pap_can_only_be_asked_by_lcp(
    changes: dict[str, object], reason: HandoverReason
) -> None:
    assert verdict(replace(PAP, **changes)) == (RENEGOTIATED, reason)  # type: ignore[arg-type]  # its fields


def test_mschapv1_only_where_the_group_wants_it() -> None:
    response = bytes(24) + ppp_mschap.V1_NT_RESPONSE + b"\x01"
    told = replace(CHAP, last_sent=MS1, method="mschapv1", challenge=ppp_mschap.V1_CHALLENGE, response=Secret(response))
    found = judge(told, CONFIG)
    assert found.credentials == MsChapCredentials(b"user1", vectors.IDENTIFIER, ppp_mschap.V1_CHALLENGE, response)
    assert verdict(told, methods=("chap", "pap")) == (RENEGOTIATED, Reason.METHOD)
    assert verdict(replace(told, challenge=b"x" * 16)) == (CHALLENGED, Reason.BAD_PROOF)
    assert verdict(replace(told, response=Secret(b"x" * 16))) == (CHALLENGED, Reason.BAD_PROOF)


def test_mschapv2_cannot_be_proxied_but_goes_on_with_a_challenge() -> None:
    assert verdict(replace(CHAP, last_sent=MS2)) == (CHALLENGED, Reason.BAD_PROOF)


# -- the link


def entropy(count: int) -> bytes:
    return bytes(range(1, count + 1))


def taken(told: Handover = CHAP, **config: object) -> tuple[Link, list[object]]:
    link = Link(replace(CONFIG, **config), entropy)  # type: ignore[arg-type]  # its fields
    return link, list(open_link(link, told, now=0.0))


def test_chap_is_answered_under_the_identifier_that_the_client_knows() -> None:
    link, events = taken()
    credentials = judge(CHAP, CONFIG).credentials
    assert events == [HandoverJudged(ACCEPTED, Reason.NONE), CredentialsOffered(credentials)]  # type: ignore[arg-type]  # given
    assert (link.state, link.deadline) == (LinkState.AUTHENTICATE, None)
    success = SendFrame(bytes.fromhex("c223" + "032a0004"))
    assert link.accept(b"", b"", now=1.0) == [success, LinkUp(1460, True, True)]
    copy = b"\xff\x03\xc2\x23" + packet.build(2, 0x2A, b"\x10" + vectors.RESPONSE + b"user1")
    assert link.receive(copy, now=2.0) == [success], "a late copy gets the same answer"


def test_pap_is_answered_under_the_identifier_of_the_latest_copy() -> None:
    link, _ = taken(PAP, acfc=False)
    request = b"\xff\x03\xc0\x23" + packet.build(1, 9, b"\x05user1\x04pass")
    link.receive(request, now=1.0)
    assert link.accept(b"hi", b"", now=1.0)[0] == SendFrame(bytes.fromhex("ff03c023" + "020900070268 69"))


def test_a_refusal_names_the_identifier_too() -> None:
    link, _ = taken(PAP)
    failure, terminate = link.refuse(b"no", b"", now=1.0)
    assert failure == SendFrame(bytes.fromhex("c023" + "03070007026e6f"))
    assert isinstance(terminate, SendFrame)
    assert terminate.frame[4] == 5


def test_a_challenge_anew_follows_the_proxied_identifier() -> None:
    link, _ = taken()
    again = link.proof.method.start()  # type: ignore[union-attr]  # a ChapServer
    assert again[1] == vectors.IDENTIFIER + 1


def test_the_concentrators_magic_number_is_ours() -> None:
    link, _ = taken()
    assert link.facts.magic == 0xA1B2C3D4
    (reply,) = link.receive(b"\xff\x03\xc0\x21" + packet.build(9, 3, b"\x11\x22\x33\x44"), now=1.0)
    assert reply == SendFrame(b"\xff\x03\xc0\x21" + packet.build(10, 3, b"\xa1\xb2\xc3\xd4"))


def test_a_client_without_usable_proof_is_challenged_and_has_to_answer() -> None:
    link, events = taken(replace(CHAP, method=""))
    judged, challenge = events
    assert judged == HandoverJudged(CHALLENGED, Reason.NO_PROOF)
    assert isinstance(challenge, SendFrame)
    assert challenge.frame[:3] == bytes.fromhex("c22301"), "compressed as the client has asked for"
    assert link.deadline == CONFIG.auth_timeout_s
    assert link.accept(b"", b"", now=1.0) == [], "nothing was offered yet"


def test_lcp_can_be_negotiated_again_at_any_time() -> None:
    link, _ = taken()
    events = link.receive(b"\xff\x03\xc0\x21" + packet.build(1, 50, CLIENT_MAGIC), now=1.0)
    restarted, request, ack = events
    assert restarted == LinkRestarted()
    assert isinstance(request, SendFrame)
    assert MS2 in request.frame, "our own first choice"
    assert ack == SendFrame(b"\xff\x03\xc0\x21" + packet.build(2, 50, CLIENT_MAGIC))
    assert link.accept(b"", b"", now=1.0) == [], "the verdict on the proxied proof comes too late"


@pytest.mark.parametrize(("told", "seconds"), [(CHAP, 1.0), (replace(CHAP, last_received=None), 4.0)])
def test_a_client_that_only_acknowledges_comes_up_with_what_it_had(told: Handover, seconds: float) -> None:
    link, events = taken(replace(told, trusted=False))
    (request,) = (event.frame for event in events if isinstance(event, SendFrame))
    now = 0.0
    while link.state is LinkState.ESTABLISH:
        assert now < 10.0
        link.receive(b"\xff\x03\xc0\x21" + packet.build(2, request[5], request[8:]), now=now)
        assert link.deadline is not None
        now = link.deadline
        requests = [event.frame for event in link.handle_timeout(now=now) if isinstance(event, SendFrame)]
        request = requests[0]
    assert now == seconds
    assert (link.facts.acfc, link.facts.peer_mru) == ((True, 1460) if told.last_received else (False, 1500))


def test_saved_and_back_while_the_proof_is_judged() -> None:
    link, _ = taken()
    again = Link.restore(link.save(), CONFIG, entropy)
    assert again.save() == link.save()
    assert again.accept(b"", b"", now=1.0) == link.accept(b"", b"", now=1.0)


def test_the_password_does_not_show() -> None:
    assert "pass" not in repr(PAP)
    assert "pass'" not in repr(judge(PAP, CONFIG))
    assert b"pass" not in repr(taken(PAP)[0].save()).encode()
