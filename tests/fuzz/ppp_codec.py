"""Frames, packets, options, and the policies of LCP and IPCP: any octets are a value or a WireError."""

from __future__ import annotations

import contextlib

from bras.errors import WireError
from bras.ppp import chap, frame, option, packet, pap
from bras.ppp.constants import CONFIGURE_ACK, CONFIGURE_NAK, CONFIGURE_REJECT
from bras.ppp.ipcp import Ipcp
from bras.ppp.lcp import Lcp
from bras.ppp.negotiation import HELD, OptionPolicy
from bras.ppp.network import NetworkConfig
from tests.fuzz.harness import Cursor, Harness, Numbers
from tests.scenario.ppp_pair import ADDRESS, DNS, LOCAL, METHODS, SERVER, client_config

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


def _run(data: bytes) -> None:
    cursor = Cursor(data)
    number = cursor.u8()
    if number & 0x1F < 5:
        _negotiate(number, cursor)
    else:
        _parse(cursor.rest())


def harness(_name: str) -> Harness:
    return Harness(_run, largest_octets=128)
