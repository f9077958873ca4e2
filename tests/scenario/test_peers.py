"""LACs and LNSs of others, by the octets that their encoders make: each gets what it needs to go on.

The AVPs of our answers are walked here by hand, and judged as each peer's own parser does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import md5

import pytest

from bras.config.model import LacConfig
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import CallDown, CallUp, Event, FrameReceived, Path, TunnelDown, TunnelRefused, TunnelUp
from bras.l2tp.messages import CallRequest
from bras.ppp import chap, packet
from bras.ppp.events import CredentialsOffered, LinkUp, NetworkPacketReceived, NetworkUp, SendFrame, SendPacket
from bras.ppp.link import Link
from bras.ppp.network import Network
from bras.secret import Secret
from tests.scenario.ppp_pair import ADDRESS, DNS, SERVER, SERVER_NETWORK, seeded
from tests.support.l2tp import AT_LAC, AT_LNS, header, lac_endpoint, lns_endpoint, sent
from tests.vectors import l2tp_peers as peers
from tests.vectors.l2tp_peers import LACS, SECRET, SESSION_ID, TUNNEL_ID, Lac, datagram

RFC_M_BITS = {0, 1, 2, 3, 4, 7, 9, 10, 11, 13, 14, 36}
"""Attributes of SCCRP and ICRP that have the M bit in RFC 2661 section 4.4."""


@dataclass(frozen=True)
class Avp:
    mandatory: bool
    vendor: int
    attribute: int
    value: bytes


def walk(message: bytes) -> Iterator[Avp]:
    """Take a control message apart; the lengths must lead exactly to its end."""
    assert int.from_bytes(message[2:4], "big") == len(message)
    at = 12
    while at < len(message):
        flags = int.from_bytes(message[at : at + 2], "big")
        assert not flags & 0x7C00, "hidden or reserved"
        end = at + (flags & 0x3FF)
        assert at + 6 <= end <= len(message)
        vendor, attribute = (int.from_bytes(message[at + i : at + i + 2], "big") for i in (2, 4))
        yield Avp(flags & 0x8000 != 0, vendor, attribute, message[at + 6 : end])
        at = end


class Conversation:
    """A LAC of the vectors with our LNS; the numbers are kept as that LAC keeps them."""

    def __init__(self, lac: Lac, path: Path = AT_LNS) -> None:
        self.lac = lac
        secrets = (Secret(SECRET),) if lac.challenge else ()
        self.lns: Endpoint = lns_endpoint(LacConfig("any", secrets=secrets))
        self.path = path
        self.ns = self.nr = 0
        self.tunnel_id = self.session_id = 0
        self.challenge = b""
        self.now = 0.0

    def say(self, avps: str, session_id: int = 0, answer: bytes = b"") -> tuple[list[Event], list[bytes]]:
        """Send a message; return events and messages that came, of which a ZLB is one."""
        data = datagram(avps, self.ns, self.nr, self.tunnel_id, session_id, answer)
        self.ns += 1
        events = self.lns.receive(self.path, data, now=self.now)
        heard = sent(events)
        unacknowledged = 0
        for one in heard:
            tunnel_id, _, ns, nr = header(one)
            assert tunnel_id == TUNNEL_ID
            assert nr == self.ns, "what it said is acknowledged at once"
            assert ns == self.nr
            if len(one) > 12:
                assert one[12:18] == bytes.fromhex("800800000000"), (
                    "the Message Type first, eight octets, with the M bit"
                )
                self.nr += 1
                unacknowledged += 1
        assert len(heard) == 1, "one message, or the acknowledgement"
        assert unacknowledged <= self.lac.window
        return events, heard

    def open(self) -> list[Event]:
        """Bring the tunnel up."""
        _, (sccrp,) = self.say(self.lac.sccrq)
        avps = {avp.attribute: avp for avp in walk(sccrp)}
        assert len(avps) == len(list(walk(sccrp))), "an attribute twice"
        assert self.lac.needs <= avps.keys()
        for avp in avps.values():
            assert avp.vendor == 0 or not avp.mandatory
            assert not avp.mandatory or avp.attribute in self.lac.knows
            if self.lac.strict_m_bits:
                assert avp.mandatory == (avp.attribute in RFC_M_BITS)
        if self.lac.challenge:
            asked = bytes.fromhex(self.lac.challenge)
            assert avps[13].value == md5(b"\x02" + SECRET + asked).digest()
            self.challenge = avps[11].value
        else:
            assert 11 not in avps, "a challenge would be one too many"
        self.tunnel_id = int.from_bytes(avps[9].value, "big")
        events, (zlb,) = self.say(self.lac.scccn, answer=md5(b"\x03" + SECRET + self.challenge).digest())
        assert len(zlb) == 12, "the SCCCN has a ZLB for an answer, without delay"
        return events

    def call(self) -> list[Event]:
        """Bring the call up."""
        _, (icrp,) = self.say(self.lac.icrq)
        assert header(icrp)[1] == SESSION_ID, "it finds its call by the header"
        kind, assigned = walk(icrp)
        assert (kind.value, assigned.attribute) == (b"\0\x0b", 14)
        self.session_id = int.from_bytes(assigned.value, "big")
        events, (zlb,) = self.say(self.lac.iccn, self.session_id)
        assert len(zlb) == 12
        return events


@pytest.mark.parametrize("lac", LACS, ids=lambda lac: lac.name)
def test_it_gets_its_tunnel_and_its_call_and_takes_its_leave(lac: Lac) -> None:
    talk = Conversation(lac)
    (up,) = [event for event in talk.open() if isinstance(event, TunnelUp)]
    assert up.peer_tunnel_id == TUNNEL_ID
    (call,) = [event for event in talk.call() if isinstance(event, CallUp)]
    assert call.info.tx_connect_speed_bps == lac.tx_connect_speed_bps
    assert call.info.framing_type == lac.framing_type
    assert call.info.peer_session_id == SESSION_ID
    frame = talk.lns.send_frame(call.key, b"\xff\x03\xc0\x21\x01\x01\x00\x04")
    assert frame is not None
    assert frame.data[:6] == b"\x00\x02" + TUNNEL_ID.to_bytes(2, "big") + SESSION_ID.to_bytes(2, "big")
    events, _ = talk.say(lac.stopccn)
    assert [type(event) for event in events if isinstance(event, CallDown | TunnelDown)] == [CallDown, TunnelDown]


@pytest.mark.parametrize("lac", LACS, ids=lambda lac: lac.name)
def test_each_message_that_is_lost_comes_again_and_changes_nothing(lac: Lac) -> None:
    """These LACs send the very same octets again; the answer is the same, with no second tunnel or call."""
    talk = Conversation(lac)
    first = datagram(lac.sccrq, 0, 0, 0)
    (sccrp,) = sent(talk.lns.receive(AT_LNS, first, now=0.0))
    assert all(one == sccrp or len(one) == 12 for one in sent(talk.lns.receive(AT_LNS, first, now=0.5)))
    assert len(list(talk.lns.tunnels())) == 1
    fresh = Conversation(lac)
    fresh.open()
    fresh.call()
    again = datagram(lac.iccn, 3, 2, fresh.tunnel_id, fresh.session_id)
    events = fresh.lns.receive(AT_LNS, again, now=0.5)
    assert [header(one)[2:] for one in sent(events)] == [(2, 4)]
    assert not [event for event in events if isinstance(event, CallUp | CallDown)]


@pytest.mark.parametrize("lac", [lac for lac in LACS if lac.challenge], ids=lambda lac: lac.name)
def test_with_another_secret_it_is_refused_and_told(lac: Lac) -> None:
    talk = Conversation(lac)
    _, (sccrp,) = talk.say(lac.sccrq)
    talk.tunnel_id = next(int.from_bytes(avp.value, "big") for avp in walk(sccrp) if avp.attribute == 9)
    events, (stopccn,) = talk.say(lac.scccn, answer=bytes(16))
    assert [event for event in events if isinstance(event, TunnelRefused)]
    result = {avp.attribute: avp.value for avp in walk(stopccn)}
    assert result[0] == b"\0\x04"
    assert result[1][:2] == b"\0\x04", "not authorized"


def test_mtpd_with_a_secret_answers_no_challenge_and_is_not_let_in() -> None:
    """It writes its response into the message before that is begun anew, so its SCCCN never has one."""
    talk = Conversation(peers.MTPD)
    talk.lns = lns_endpoint(LacConfig("any", secrets=(Secret(SECRET),)))
    _, (sccrp,) = talk.say(peers.MTPD.sccrq)
    talk.tunnel_id = next(int.from_bytes(avp.value, "big") for avp in walk(sccrp) if avp.attribute == 9)
    events, (stopccn,) = talk.say(peers.MTPD.scccn)
    assert [event for event in events if isinstance(event, TunnelRefused)]
    assert stopccn[18:20] == b"\0\x04"


def test_windows_2000_gets_a_reply_and_routeros_takes_leave_without_an_error_code() -> None:
    talk = Conversation(replace(peers.GO_L2TP, sccrq=peers.WINDOWS_2000_SCCRQ, window=8))
    talk.open()
    talk.call()
    (facts,) = talk.lns.tunnels()
    assert facts.hostname == "NONE"
    events, _ = talk.say(peers.ROUTEROS_CDN, talk.session_id)
    (down,) = [event for event in events if isinstance(event, CallDown)]
    assert (down.cause.result, down.cause.error) == (3, 0)


def test_bngblaster_as_the_lns_of_our_lac() -> None:
    lac = lac_endpoint()
    tunnel_id, _ = lac.open_tunnel(AT_LAC, LacConfig("lns"), now=0.0)
    events = lac.receive(AT_LAC, datagram(peers.BNGBLASTER.sccrp, 0, 1, tunnel_id), now=0.1)
    assert [event for event in events if isinstance(event, TunnelUp)]
    key, events = lac.open_call(tunnel_id, CallRequest("1", "2"), now=0.2)
    (icrq,) = sent(events)
    assert header(icrq) == (TUNNEL_ID, 0, 2, 1)
    events = lac.receive(AT_LAC, datagram(peers.BNGBLASTER.icrp, 1, 3, tunnel_id, key & 0xFFFF), now=0.3)
    assert [event for event in events if isinstance(event, CallUp)]
    (iccn,) = sent(events)
    assert header(iccn)[1] == SESSION_ID
    events = lac.receive(AT_LAC, datagram(peers.BNGBLASTER.cdn, 2, 4, tunnel_id, key & 0xFFFF), now=0.4)
    (down,) = [event for event in events if isinstance(event, CallDown)]
    assert down.cause.result == 3


class Lines:
    """lwIP's PPP on the call of its tunnel: frames as they come out of its data messages, and our end."""

    def __init__(self) -> None:
        self.talk = Conversation(peers.LWIP)
        self.talk.open()
        (up,) = [event for event in self.talk.call() if isinstance(event, CallUp)]
        self.key = up.key
        self.link = Link(SERVER, seeded(3))
        self.network = Network(SERVER_NETWORK, ADDRESS)
        self.frames: list[bytes] = []
        self.offered: list[CredentialsOffered] = []
        self.up: list[NetworkUp] = []
        self.take(self.link.open(now=0.0))

    def take(self, events: list) -> None:  # type: ignore[type-arg]  # of link and network
        for event in events:
            match event:
                case SendFrame(frame):
                    self.frames.append(frame)
                case SendPacket(protocol, octets):
                    self.frames.append(self.link.frame(protocol, octets))
                case CredentialsOffered():
                    self.offered.append(event)
                case LinkUp():
                    self.take(self.network.open(now=0.0))
                case NetworkPacketReceived(protocol, octets):
                    self.take(self.network.receive(protocol, octets, now=0.0))
                case NetworkUp():
                    self.up.append(event)

    def say(self, frame: bytes) -> bytes:
        """Send a frame in a data message; return the last one that answers, without FF 03."""
        head = b"\x00\x02" + self.talk.tunnel_id.to_bytes(2, "big") + self.talk.session_id.to_bytes(2, "big")
        (event,) = self.talk.lns.receive(AT_LNS, head + frame, now=1.0)
        assert isinstance(event, FrameReceived)
        self.take(self.link.receive(event.frame, now=1.0))
        return self.frames[-1].removeprefix(b"\xff\x03")

    def agree(self, protocol: bytes) -> bytes:
        """Acknowledge our last request of a protocol."""
        frames = [frame.removeprefix(b"\xff\x03") for frame in self.frames]
        request = next(frame for frame in reversed(frames) if frame.startswith(protocol + b"\x01"))
        return self.say(protocol + b"\x02" + request[3:])


def test_lwip_comes_up_with_chap_and_gets_its_addresses() -> None:
    line = Lines()
    assert line.say(peers.LWIP_LCP_REQUEST) == b"\xc0\x21\x02" + peers.LWIP_LCP_REQUEST[3:], "agreed as it is"
    refused = b"\xc0\x21" + packet.build(3, line.frames[0][5], b"\x03\x05\xc2\x23\x05")
    line.say(refused)  # it is built with MD5 alone
    challenge = line.agree(b"\xc0\x21")
    code, identifier, data = packet.parse(challenge, 2)
    assert (challenge[:2], code) == (b"\xc2\x23", 1)
    value, _ = chap.parse_value(data)
    answer = md5(bytes((identifier,)) + b"pass" + value).digest()
    line.say(b"\xc2\x23" + packet.build(2, identifier, b"\x10" + answer + b"user1"))
    (offered,) = line.offered
    assert chap.verify(offered.credentials, b"pass")  # type: ignore[arg-type]  # CHAP was agreed upon
    line.take(line.link.accept(b"", b"", now=1.0))
    naked = line.say(peers.LWIP_IPCP_REQUEST)
    wanted = b"\x03\x06" + ADDRESS.to_bytes(4, "big") + b"".join(
        bytes((kind, 6)) + server.to_bytes(4, "big") for kind, server in zip((0x81, 0x83), DNS, strict=True)
    )  # fmt: skip
    assert packet.parse(naked, 2) == (3, 1, wanted)
    line.say(b"\x80\x21" + packet.build(1, 2, wanted))
    line.agree(b"\x80\x21")
    assert [up.peer for up in line.up] == [ADDRESS]
    assert packet.parse(line.say(peers.LWIP_ECHO_REQUEST), 2)[:2] == (10, 0)
