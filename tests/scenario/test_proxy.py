"""LACs that have done LCP and authentication themselves (RFC 2661 section 4.4.5), seen from outside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import md5

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig, PppConfig, UserConfig
from bras.errors import DropReason
from bras.l2tp import proxy
from bras.l2tp.events import CallUp
from bras.l2tp.events import Dropped as DatagramDropped
from bras.l2tp.proxy import Proxied
from bras.lns.commands import ShowSession
from bras.ppp.events import HandoverReason, HandoverResult
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import Authenticated, AuthOutcome, ProxyJudged, SubscriberEnded, SubscriberUp
from tests.support.lacs import Client, SimulatedLac
from tests.support.rim import (
    AUTHENTICATION,
    CDN,
    CHAP,
    CONFIGURE_ACK,
    CONFIGURE_REQUEST,
    ECHO_REQUEST,
    IPCP,
    LCP,
    MAGIC,
    PAP,
    TERMINATE_REQUEST,
    Line,
    Rim,
    option,
)
from tests.support.world import LNS_ADDRESS, RADIUS_SECRET, SimulatedRadius, config
from tests.vectors import l2tp_proxy as vectors
from tests.vectors import ppp_mschap

ECHO_REPLY, TERMINATE_ACK = 10, 6
CHALLENGE, RESPONSE, SUCCESS, FAILURE = 1, 2, 3, 4
AUTHENTICATE_ACK, AUTHENTICATE_NAK = 2, 3
REJECT = 3
ACCEPTED, CHALLENGED, RENEGOTIATED = HandoverResult.ACCEPTED, HandoverResult.CHALLENGED, HandoverResult.RENEGOTIATED
Reason = HandoverReason
TOLD_CHAP = Proxied(
    False,
    vectors.LAST_SENT_CHAP,
    vectors.LAST_RECEIVED,
    proxy.CHAP,
    b"user1",
    vectors.CHALLENGE,
    vectors.IDENTIFIER,
    Secret(vectors.RESPONSE),
)
TOLD_PAP = Proxied(False, vectors.LAST_SENT_PAP, vectors.LAST_RECEIVED, proxy.PAP, b"user1", None, 7, Secret(b"pass"))
WISHES = option(3, bytes(4))


def configured(policy: str = "accept", secret: bytes = b"tunsecret", **sections: object) -> Config:
    secrets = (Secret(secret),) if secret else ()
    group = LacConfig(name="any", secrets=secrets, grant=Grant(pool="default"), proxy=policy)
    return config(**{"lac": (group,), "ppp": PppConfig(mru=1492), **sections})


def called(
    told: Proxied, policy: str = "accept", *, servers: tuple[SimulatedRadius, ...] = (), **sections: object
) -> tuple[Rim, Line]:
    """Return a call whose LAC told so much, half a second after the ICCN."""
    rim = Rim(configured(policy, **sections), servers=servers)
    line = rim.line(rim.lac(), told)
    rim.run(0.5)
    return rim, line


def judged(rim: Rim) -> list[tuple[HandoverResult, HandoverReason]]:
    return [(fact.result, fact.reason) for fact in rim.of(ProxyJudged)]


def requests_of_lcp(rim: Rim) -> int:
    return len(rim.frames(LCP, CONFIGURE_REQUEST))


def revealed(hidden: bytes, authenticator: bytes) -> bytes:
    """Undo RFC 2865 section 5.2 by hand, for passwords of up to 16 octets."""
    pad = md5(RADIUS_SECRET + authenticator).digest()
    return bytes(one ^ other for one, other in zip(hidden, pad, strict=True)).rstrip(b"\0")


# -- taken over


def test_chap_from_the_iccn_to_ipcp() -> None:
    """Trap: bngblaster issue 154, where the LNS waits for a proof that was given already."""
    rim, line = called(TOLD_CHAP)
    (asked,) = rim.requests(Kind.AUTH)
    assert asked.attributes[1] == b"user1"
    assert asked.attributes[3] == bytes((vectors.IDENTIFIER,)) + vectors.RESPONSE
    assert asked.attributes[60] == vectors.CHALLENGE
    said = [(frame.protocol, frame.code, frame.identifier) for frame in _frames(rim)]
    assert said[0] == (CHAP, SUCCESS, vectors.IDENTIFIER)
    assert [protocol for protocol, _, _ in said[1:]] == [IPCP], "and LCP not a word"
    assert judged(rim) == [(ACCEPTED, Reason.NONE)]
    _finish(rim, line)


def test_pap_from_the_iccn_to_ipcp() -> None:
    """The client of bngblaster issue 154: it has sent its password once, and waits for the answer."""
    rim, line = called(TOLD_PAP)
    (asked,) = rim.requests(Kind.AUTH)
    assert revealed(asked.attributes[2], asked.data[4:20]) == b"pass"
    (ack,) = rim.frames(PAP)
    assert (ack.code, ack.identifier) == (AUTHENTICATE_ACK, 7)
    assert requests_of_lcp(rim) == 0
    _finish(rim, line)


def test_mschapv1_against_a_local_user() -> None:
    told = replace(
        TOLD_CHAP,
        last_sent=option(AUTHENTICATION, b"\xc2\x23\x80"),
        type=proxy.MSCHAPV1,
        challenge=ppp_mschap.V1_CHALLENGE,
        response=Secret(bytes(24) + ppp_mschap.V1_NT_RESPONSE + b"\1"),
    )
    user = UserConfig(name="user1", password=Secret(ppp_mschap.V1_PASSWORD))
    for methods, source in ((("mschapv1", "chap"), "local"), (("chap",), "local")):
        auth = AuthConfig(methods=methods, source=source)
        rim, line = called(told, auth=auth, user=(user,))
        if "mschapv1" in methods:
            assert rim.frames(CHAP, SUCCESS)[0].identifier == vectors.IDENTIFIER
            _finish(rim, line)
        else:
            assert judged(rim) == [(RENEGOTIATED, Reason.METHOD)]
            assert rim.of(Authenticated) == []


def _finish(rim: Rim, line: Line) -> None:
    """Agree on IPCP, and see that packets flow."""
    request = rim.frames(IPCP, CONFIGURE_REQUEST)[-1]
    line.say(IPCP, CONFIGURE_ACK, request.identifier, request.data)
    nak = line.addresses(WISHES)
    line.say(IPCP, CONFIGURE_REQUEST, 2, option(3, nak[3]))
    assert len(rim.of(SubscriberUp)) == 1
    assert rim.entry.addresses == (int.from_bytes(nak[3], "big"),)


def _frames(rim: Rim) -> list[object]:
    frames = [frame for protocol in (LCP, PAP, CHAP, IPCP) for frame in rim.frames(protocol)]
    return sorted(frames, key=lambda frame: frame.at)


@pytest.mark.parametrize("octets", [1, 8, 17, 253])
def test_challenges_of_any_size_reach_radius_whole(octets: int) -> None:
    challenge = bytes(range(octets))
    response = md5(bytes((5,)) + b"pass" + challenge).digest()
    told = replace(TOLD_CHAP, challenge=challenge, identifier=5, response=Secret(response))
    user = UserConfig(name="user1", password=Secret(b"pass"))
    rim, _ = called(told)
    assert rim.requests(Kind.AUTH)[0].attributes[60] == challenge
    rim, _ = called(told, auth=AuthConfig(source="local"), user=(user,))
    assert [frame.code for frame in rim.frames(CHAP)] == [SUCCESS], "and our own arithmetic agrees"


def test_a_client_is_billed_under_the_name_that_radius_gives_it() -> None:
    rim, line = called(TOLD_PAP, servers=(SimulatedRadius(reply=lambda attributes: (2, option(1, b"real@isp"))),))
    _finish(rim, line)
    assert rim.of(SubscriberUp)[0].user == "real@isp"


def test_the_lacs_magic_number_and_the_clients_compressions_hold() -> None:
    rim, line = called(TOLD_PAP)
    datagram = next(one for one in rim.sent if not one.is_control)
    assert datagram.data[6:8] == b"\xc0\x23", "FF 03 is left out, as the client has asked the LAC"
    line.say(LCP, ECHO_REQUEST, 9, b"\x11\x22\x33\x44" + b"hello")
    assert line.last(LCP, ECHO_REPLY).data == b"\xa1\xb2\xc3\xd4hello"
    _finish(rim, line)
    assert (rim.entry.legs[0].acfc, rim.entry.legs[0].pfc, rim.entry.mtu) == (True, True, 1460)
    rim, line = called(TOLD_PAP, ppp=PppConfig(mru=1492, acfc=False, pfc=False))
    _finish(rim, line)
    assert (rim.entry.legs[0].acfc, rim.entry.legs[0].pfc) == (False, False)


# -- refused


@pytest.mark.parametrize(("told", "protocol", "code"), [(TOLD_CHAP, CHAP, FAILURE), (TOLD_PAP, PAP, AUTHENTICATE_NAK)])
def test_a_wrong_password(told: Proxied, protocol: int, code: int) -> None:
    rim, line = called(told, servers=(SimulatedRadius(reply=lambda attributes: (REJECT, option(18, b"no"))),))
    (answer,) = rim.frames(protocol)
    assert (answer.code, answer.identifier) == (code, told.identifier)
    assert b"no" in answer.data
    terminate = line.last(LCP, TERMINATE_REQUEST)
    assert rim.controls(CDN) == []
    line.say(LCP, TERMINATE_ACK, terminate.identifier)
    assert len(rim.controls(CDN)) == 1
    assert [fact.outcome for fact in rim.of(Authenticated)] == [AuthOutcome.REJECTED]
    (ended,) = rim.of(SubscriberEnded)
    assert (ended.user, ended.reason) == ("user1", "authentication_rejected")
    assert rim.frames(IPCP) == []


# -- not taken over


@pytest.mark.parametrize("policy", ["accept", "renegotiate-on-mismatch"])
@pytest.mark.parametrize(("kind", "sent"), [(proxy.NONE, vectors.LAST_SENT_CHAP), (proxy.TEXT, vectors.LAST_SENT_CHAP)])
def test_nobody_comes_in_without_proof(kind: int, sent: bytes, policy: str) -> None:
    """Whatever the LAC says of it: no authentication, or a dialogue in words."""
    rim, line = called(replace(TOLD_CHAP, type=kind, last_sent=sent), policy)
    assert judged(rim) == [(CHALLENGED, Reason.NO_PROOF)]
    rim.run(60.0)
    assert rim.requests(Kind.AUTH) == []
    assert rim.frames(IPCP) == []
    assert line.ended, "it was hung up"
    rim, line = called(replace(TOLD_CHAP, type=kind, last_sent=sent), policy)
    challenge = line.last(CHAP, CHALLENGE)
    proof = md5(bytes((challenge.identifier,)) + b"pass" + challenge.data[1:17]).digest()
    line.say(CHAP, RESPONSE, challenge.identifier, b"\x10" + proof + b"user1")
    _finish(rim, line)


@pytest.mark.parametrize("kind", [proxy.NONE, proxy.TEXT, 8, None])
def test_after_pap_without_proof_lcp_begins_anew(kind: int | None) -> None:
    rim, _ = called(replace(TOLD_PAP, type=kind))
    assert judged(rim) == [(RENEGOTIATED, Reason.NO_PROOF)]
    assert requests_of_lcp(rim) == 1
    assert rim.requests(Kind.AUTH) == []


def test_no_authentication_at_all_is_not_enough() -> None:
    rim, line = called(replace(TOLD_CHAP, type=proxy.NONE, last_sent=option(MAGIC, b"lacs")))
    assert judged(rim) == [(RENEGOTIATED, Reason.METHOD)]
    assert AUTHENTICATION in line.last(LCP, CONFIGURE_REQUEST).options


def test_a_lac_that_has_proven_nothing_is_not_believed() -> None:
    rim = Rim(configured(secret=b""))
    rim.line(rim.lac(secret=b""), TOLD_PAP)
    rim.run(0.5)
    assert judged(rim) == [(RENEGOTIATED, Reason.UNTRUSTED)]
    assert rim.requests(Kind.AUTH) == []
    assert requests_of_lcp(rim) == 1


@pytest.mark.parametrize("told", [TOLD_CHAP, TOLD_PAP])
@pytest.mark.parametrize(
    ("policy", "mru", "expected"),
    [
        ("renegotiate", 1492, (RENEGOTIATED, Reason.POLICY)),
        ("renegotiate-on-mismatch", 1492, (ACCEPTED, Reason.NONE)),
        ("renegotiate-on-mismatch", 1400, (RENEGOTIATED, Reason.MRU)),
        ("accept", 1492, (ACCEPTED, Reason.NONE)),
        ("accept", 1400, (ACCEPTED, Reason.NONE)),
    ],
)
def test_proxy_of_a_group(
    told: Proxied, policy: str, mru: int, expected: tuple[HandoverResult, HandoverReason]
) -> None:
    rim, line = called(told, policy, ppp=PppConfig(mru=mru))
    assert judged(rim) == [expected]
    assert requests_of_lcp(rim) == (expected[0] is RENEGOTIATED)
    assert bool(rim.requests(Kind.AUTH)) is (expected[0] is ACCEPTED)
    if expected[0] is RENEGOTIATED:
        line.agree()
        assert len(rim.frames(CHAP, CHALLENGE)) == 1, "the client is asked by us"


def test_what_a_lac_without_proxy_avps_does_is_not_told() -> None:
    rim, _ = called(Proxied())
    assert judged(rim) == []
    assert requests_of_lcp(rim) == 1


# -- clients that are in the middle of it


@dataclass
class Stubborn:
    """The client of bngblaster issue 388: LCP is open for it; it acknowledges a new request and asks for nothing.

    The messages are those of the issue: PAP with the LAC, then Configure-Requests of the LNS,
    each answered by a Configure-Ack.  It answers challenges, and repeats its PAP request as
    RFC 1334 section 2.2.1 asks.
    """

    line: Line

    def live(self, seconds: float) -> None:
        """Answer what comes, for so long."""
        end = self.line.rim.now + seconds
        done, asked_at = 0, 0.0
        while self.line.rim.now < end:
            self.line.rim.run(0.05)
            for octets in self.line.heard[done:]:
                done += 1
                self._answer(octets.removeprefix(b"\xff\x03"))
            if self.line.rim.now - asked_at > 3.0 and not self.line.rim.frames(PAP) and not self.line.rim.frames(CHAP):
                asked_at = self.line.rim.now
                self.line.say(PAP, 1, 7, b"\x05user1\x04pass")

    def _answer(self, packet: bytes) -> None:
        protocol, code, identifier, data = packet[:2], packet[2], packet[3], packet[6:]
        if (protocol, code) in ((b"\xc0\x21", CONFIGURE_REQUEST), (b"\x80\x21", CONFIGURE_REQUEST)):
            self.line.say(int.from_bytes(protocol, "big"), CONFIGURE_ACK, identifier, data)
        elif (protocol, code) == (b"\xc2\x23", CHALLENGE):
            proof = md5(bytes((identifier,)) + b"pass" + data[1 : 1 + data[0]]).digest()
            self.line.say(CHAP, RESPONSE, identifier, b"\x10" + proof + b"user1")
        elif (protocol, code) in ((b"\xc2\x23", SUCCESS), (b"\xc0\x23", AUTHENTICATE_ACK)):
            self.line.say(IPCP, CONFIGURE_REQUEST, 1, WISHES)
        elif (protocol, code) == (b"\x80\x21", 3):
            self.line.say(IPCP, CONFIGURE_REQUEST, identifier + 1, data)


@pytest.mark.parametrize("method", ["chap", "pap"])
@pytest.mark.parametrize(
    ("policy", "told", "within_s"),
    [
        ("accept", True, 1.0),
        ("renegotiate", True, 5.0),
        ("renegotiate", False, 8.0),
        ("accept", False, 8.0),
    ],
)
def test_a_client_that_does_not_restart_its_own_side_comes_up(
    policy: str, told: bool, within_s: float, method: str
) -> None:
    """Trap: bngblaster issue 388, where LCP never converges."""
    avps = (TOLD_CHAP if method == "chap" else TOLD_PAP) if told else Proxied()
    rim, line = called(avps, policy, auth=AuthConfig(methods=(method,)))
    Stubborn(line).live(20.0)
    (up,) = rim.of(SubscriberUp)
    assert up.setup_s < within_s
    assert bool(requests_of_lcp(rim)) is not (policy == "accept" and told)
    assert rim.entry.legs[0].acfc is told, "as the client takes frames, where the LAC told"
    assert rim.of(SubscriberEnded) == []


def test_a_client_that_was_only_slow_is_heard() -> None:
    """Its side was taken for agreed too early; its request then begins LCP as any does."""
    rim, line = called(TOLD_PAP, "renegotiate", auth=AuthConfig(methods=("pap",)))
    request = line.last(LCP, CONFIGURE_REQUEST)
    line.say(LCP, CONFIGURE_ACK, request.identifier, request.data)
    rim.run(1.5)
    line.say(LCP, CONFIGURE_REQUEST, 1, option(MAGIC, b"slow"))
    request = line.last(LCP, CONFIGURE_REQUEST)
    line.say(LCP, CONFIGURE_ACK, request.identifier, request.data)
    line.login()
    _finish(rim, line)


def test_the_client_renegotiates_after_it_was_taken_over() -> None:
    rim, line = called(TOLD_CHAP)
    _finish(rim, line)
    address = rim.entry.addresses
    line.say(LCP, CONFIGURE_REQUEST, 40, option(MAGIC, b"mine"))
    assert rim.plane.entries == {}, "nobody unauthenticated is forwarded"
    request = line.last(LCP, CONFIGURE_REQUEST)
    assert request.options[AUTHENTICATION] == b"\xc2\x23\x81", "all of our own wishes again"
    line.say(LCP, 4, request.identifier, option(AUTHENTICATION, request.options[AUTHENTICATION]))
    request = line.last(LCP, CONFIGURE_REQUEST)
    line.say(LCP, CONFIGURE_ACK, request.identifier, request.data)
    challenge = line.last(CHAP, CHALLENGE)
    assert challenge.data[1:17] != vectors.CHALLENGE
    proof = md5(bytes((challenge.identifier,)) + b"pass" + challenge.data[1:17]).digest()
    line.say(CHAP, RESPONSE, challenge.identifier, b"\x10" + proof + b"user1")
    request = rim.frames(IPCP, CONFIGURE_REQUEST)[-1]
    line.say(IPCP, CONFIGURE_ACK, request.identifier, request.data)
    line.say(IPCP, CONFIGURE_REQUEST, 9, option(3, address[0].to_bytes(4, "big")))
    assert rim.entry.addresses == address
    assert len(rim.of(SubscriberUp)) == 1, "one accounting session"


@pytest.mark.parametrize("method", ["chap", "mschapv1"])
def test_a_client_that_was_taken_over_is_challenged_again_in_its_time(method: str) -> None:
    user = UserConfig(name="user1", password=Secret(b"pass"))
    auth = AuthConfig(methods=(method,), source="local", rechallenge_interval_s=60.0)
    rim = Rim(configured(auth=auth, user=(user,)))
    client = rim.lac().dial("user1", "pass", method=method, proxy=True)
    rim.run(5.0)
    (first,) = rim.frames(CHAP)
    assert first.code == SUCCESS
    rim.run(60.0)
    assert [frame.code for frame in rim.frames(CHAP)] == [SUCCESS, CHALLENGE, SUCCESS]
    again = rim.frames(CHAP, CHALLENGE)[0]
    assert again.identifier == (first.identifier + 1) & 0xFF, "after that of the LAC"
    assert [fact.outcome for fact in rim.of(Authenticated)] == [AuthOutcome.ACCEPTED] * 2
    assert client.address
    assert requests_of_lcp(rim) == 0


def test_the_client_renegotiates_while_its_proof_is_judged() -> None:
    rim, line = called(TOLD_PAP, servers=(SimulatedRadius(delay_s=2.0),), auth=AuthConfig(methods=("pap",)))
    assert len(rim.requests(Kind.AUTH)) == 1
    line.say(LCP, CONFIGURE_REQUEST, 40, option(MAGIC, b"mine"))
    request = line.last(LCP, CONFIGURE_REQUEST)
    line.say(LCP, CONFIGURE_ACK, request.identifier, request.data)
    rim.run(3.0)
    assert rim.frames(PAP) == [], "the verdict on the old proof is for nobody"
    line.login()
    rim.run(2.2)
    assert [frame.code for frame in rim.frames(PAP)] == [AUTHENTICATE_ACK]
    _finish(rim, line)


def test_copies_of_the_proof_are_answered_once_it_is_judged() -> None:
    """The client repeats what it has sent to the LAC: its answer goes under the latest identifier."""
    rim, line = called(TOLD_PAP, servers=(SimulatedRadius(delay_s=2.0),))
    line.say(PAP, 1, 8, b"\x05user1\x04pass")
    assert rim.frames(PAP) == []
    rim.run(2.2)
    line.say(PAP, 1, 9, b"\x05user1\x04pass")
    assert [(frame.code, frame.identifier) for frame in rim.frames(PAP)] == [(2, 8), (2, 9)]
    assert len(rim.requests(Kind.AUTH)) == 1


def test_frames_before_the_iccn_are_dropped_and_do_no_harm() -> None:
    rim = Rim(configured())
    lac = rim.lac()
    rim.run(0.5)
    line = rim.line(lac, TOLD_PAP)
    rim.run(0.006)  # the ICRQ is there, its ICRP under way
    (tunnel,) = rim.lns.core.endpoint.save()["tunnels"]
    tunnel_id, session_id = tunnel["tunnel_id"], tunnel["calls"]["calls"][0]["session_id"]
    early = b"\0\2" + tunnel_id.to_bytes(2, "big") + session_id.to_bytes(2, "big") + b"\xff\x03\xc0\x23\1\7\0\x0f"
    rim.send(lac.address, 1701, LNS_ADDRESS, 1701, early + b"\5user1\4pass")
    rim.run(0.5)
    assert [fact.reason for fact in rim.of(DatagramDropped)] == [DropReason.UNKNOWN_CALL]
    _finish(rim, line)


# -- what it is good for, and what is told of it


def _dialled(policy: str, method: str = "chap") -> tuple[Rim, SimulatedLac, Client]:
    user = UserConfig(name="user1", password=Secret(b"pass"))
    rim = Rim(configured(policy, auth=AuthConfig(methods=(method,), source="local"), user=(user,)))
    lac = rim.lac()
    rim.run(1.0)
    rim.sent.clear()
    client = lac.dial("user1", "pass", method=method, proxy=True)
    rim.run(5.0)
    assert client.address
    return rim, lac, client


@pytest.mark.parametrize(("method", "saved"), [("chap", (3, 3)), ("pap", (2, 3)), ("mschapv1", (3, 3))])
def test_a_set_up_saves_datagrams(method: str, saved: tuple[int, int]) -> None:
    """Each side sends a Configure-Request and -Ack less; for CHAP a Challenge and its Response, for PAP the request."""
    without, lac, _ = _dialled("renegotiate", method)
    rim, quick_lac, _ = _dialled("accept", method)
    assert judged(rim) == [(ACCEPTED, Reason.NONE)]
    assert (len(without.sent) - len(rim.sent), said_by(lac) - said_by(quick_lac)) == saved
    assert requests_of_lcp(rim) == 0


def said_by(lac: SimulatedLac) -> int:
    """Return how many frames a LAC's client has sent through the tunnel."""
    return sum(client.frames_sent for client in lac.all_clients)


def test_mschapv2_saves_lcp() -> None:
    without, _, _ = _dialled("renegotiate", "mschapv2")
    rim, _, _ = _dialled("accept", "mschapv2")
    assert judged(rim) == [(CHALLENGED, Reason.NO_PROOF)]
    assert len(without.sent) - len(rim.sent) == 2


def test_hidden_avps_keep_the_password_from_the_wire() -> None:
    rim = Rim(configured(auth=AuthConfig(methods=("pap",))))
    heard: list[bytes] = []
    give = rim.give
    rim.give = lambda *inputs: (heard.extend(getattr(one, "data", b"") for one in inputs), give(*inputs))[1]  # type: ignore[method-assign]  # watched
    lac = SimulatedLac(rim, hide_avps=True)
    lac.open()
    client = lac.dial("user1", "opensesame", method="pap", proxy=True)
    rim.run(5.0)
    assert judged(rim) == [(ACCEPTED, Reason.NONE)]
    assert client.address
    (asked,) = rim.requests(Kind.AUTH)
    assert revealed(asked.attributes[2], asked.data[4:20]) == b"opensesame"
    assert len(heard) > 10
    assert b"opensesame" not in b"".join(heard)


@pytest.mark.parametrize("method", ["chap", "pap", "mschapv1", "mschapv2"])
@pytest.mark.parametrize("policy", ["renegotiate", "accept", "renegotiate-on-mismatch"])
def test_every_method_under_every_policy(policy: str, method: str) -> None:
    rim, lac, client = _dialled(policy, method)
    assert rim.entry.addresses == (client.address,)
    lac.hang_up(client)
    rim.run(5.0)
    assert rim.radius.statuses() == [7, 1, 2]


@pytest.mark.parametrize(
    ("policy", "shown"), [("accept", ("accepted", "none")), ("renegotiate", ("renegotiated", "policy"))]
)
def test_it_is_shown(policy: str, shown: tuple[str, str]) -> None:
    rim, _, _ = _dialled(policy)
    body = rim.answers[rim.ask(ShowSession("user1"))].body
    (row,) = body["sessions"]  # type: ignore[index,call-overload]  # plain data
    assert (row["proxy"], row["proxy_reason"]) == shown  # type: ignore[index,call-overload]  # plain data
    (fact,) = rim.of(ProxyJudged)
    assert (fact.group, fact.lac_hostname) == ("any", "lac1")


def test_no_fact_shows_the_password() -> None:
    rim, _ = called(replace(TOLD_PAP, response=Secret(b"opensesame")))
    assert rim.of(CallUp)
    assert "opensesame" not in repr(rim.facts)
