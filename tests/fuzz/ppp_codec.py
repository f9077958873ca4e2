"""Frames, packets, options, and the policies of LCP and IPCP: any octets are a value or a WireError."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from bras.errors import WireError
from bras.ppp import chap, frame, option, packet, pap
from bras.ppp.constants import CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT
from bras.ppp.events import CredentialsOffered, HandoverJudged, HandoverResult, LinkUp
from bras.ppp.handover import Handover, open_link
from bras.ppp.ipcp import Ipcp
from bras.ppp.lcp import Lcp
from bras.ppp.link import Link
from bras.ppp.negotiation import HELD, OptionPolicy
from bras.ppp.network import NetworkConfig
from bras.ppp.phases import LinkState
from bras.ppp.settings import HandoverPolicy
from bras.secret import Secret
from tests.fuzz.harness import Cursor, Harness, Numbers
from tests.scenario.ppp_pair import ADDRESS, DNS, LOCAL, METHODS, SERVER, client_config

AUTH_CHAP, AUTH_PAP = bytes.fromhex("0305c22305"), bytes.fromhex("0304c023")
CLIENT = client_config(*METHODS)
SERVER_NETWORK = NetworkConfig(local_address=LOCAL, dns=DNS, nbns=DNS)
WISHES_NETWORK = NetworkConfig(local_address=LOCAL, accept_client=True)
CLIENT_NETWORK = NetworkConfig(client=True, wants_dns=True)


def _policy(number: int) -> OptionPolicy:
    match number % 5:
        case 0:
            return Lcp(SERVER, Numbers())
        case 1:
            return Lcp(CLIENT, Numbers())
        case 2:
            return Ipcp(SERVER_NETWORK, ADDRESS)
        case 3:
            return Ipcp(WISHES_NETWORK, 0)
        case _:
            return Ipcp(CLIENT_NETWORK, 0)


def _options(cursor: Cursor) -> list[tuple[int, bytes]]:
    """Read options: type, length and value, whatever these are."""
    found = []
    while cursor.more and len(found) < 12:
        kind = cursor.u8()
        found.append((kind & 0x0F if kind < 0x80 else kind, cursor.string(31)))
    return found


def _negotiate(number: int, cursor: Cursor) -> None:
    """Let a policy judge what a peer wants, and take hints; what it then asks for is well-formed."""
    policy = _policy(number)
    policy.restart()
    asked = dict(option.parse(policy.request()))
    options = _options(cursor)
    code, answer = policy.judge(options, bool(number & 0x20))
    assert code in (HELD, CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT)
    if code not in (HELD, CONFIGURE_ACK):  # the options of an Ack are the peer's own
        told = option.parse(answer)
        assert told, "a refusal of nothing"
        if code == CONFIGURE_REJECT:
            assert all(one in options for one in told)
        assert len(answer) <= sum(2 + len(value) for _, value in options) + 6 * 6, "an answer that grows"
    if number & 0x40:
        policy.naked(options)
    if number & 0x80:
        policy.rejected(options)
    again = dict(option.parse(policy.request()))
    told = {kind for kind, _ in options}
    assert set(again) <= set(asked) | told, "nothing is asked for that nobody spoke of"


def _parse(octets: bytes) -> None:
    for parse in (packet.parse, option.parse, pap.parse_request, chap.parse_value):
        with contextlib.suppress(WireError):
            parse(octets)
    with contextlib.suppress(WireError):
        protocol, offset = frame.parse(octets)
        assert protocol & 1
        assert 0 < offset <= len(octets)
    with contextlib.suppress(WireError):
        found = option.parse(octets)
        assert b"".join(option.build(kind, value) for kind, value in found) == octets
    assert packet.text(octets).isprintable()


def _maybe(cursor: Cursor, most: int) -> bytes | None:
    return cursor.string(most) if cursor.u8() & 7 else None


def _hand_over(number: int, cursor: Cursor) -> None:
    """Let a concentrator tell of a link whatever it likes: it is believed or not, and nobody is let in by it."""
    config = replace(SERVER, handover=tuple(HandoverPolicy)[(number >> 5) % 3])
    sent = cursor.of((b"", AUTH_CHAP, AUTH_PAP)) + cursor.string(31)
    told = Handover(
        number & 0x80 == 0,
        sent,
        _maybe(cursor, 31),
        cursor.of(("chap", "pap", "mschapv1", "")),
        _maybe(cursor, 255),
        _maybe(cursor, 255),
        cursor.u8(),
        Secret(cursor.string(63)),
    )
    link = Link(config, Numbers())
    judged, *others = open_link(link, told, now=0.0)
    assert isinstance(judged, HandoverJudged)
    renegotiated = judged.result is HandoverResult.RENEGOTIATED
    assert renegotiated is (link.state is LinkState.ESTABLISH)
    assert renegotiated or (told.trusted and config.handover is not HandoverPolicy.RENEGOTIATE)
    assert any(isinstance(event, CredentialsOffered) for event in others) is (judged.result is HandoverResult.ACCEPTED)
    assert not any(isinstance(event, LinkUp) for event in others)


def _run(data: bytes) -> None:
    cursor = Cursor(data)
    number = cursor.u8()
    if number & 0x1F < 5:
        _negotiate(number, cursor)
    elif number & 0x1F == 0x1F:
        _hand_over(number, cursor)
    else:
        _parse(cursor.rest())


def harness(_name: str) -> Harness:
    return Harness(_run, largest_octets=128)
