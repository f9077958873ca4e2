"""What an ICCN says of a link that the LAC has negotiated already (RFC 2661 section 4.4.5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bras.config.model import LacConfig, LnsConfig
from bras.l2tp import avp, messages, proxy
from bras.l2tp.challenge import response
from bras.l2tp.constants import AvpType
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import CallUp
from bras.l2tp.hidden import reveal
from bras.l2tp.messages import CallRequest
from bras.l2tp.proxy import Proxied
from bras.plain import decode, encode
from bras.secret import Secret
from tests.support.l2tp import AT_LAC, AT_LNS, HandLac, lac_endpoint, lns_endpoint, sent
from tests.vectors import l2tp_proxy as vectors

TOLD = Proxied(
    True,
    vectors.LAST_SENT_CHAP,
    vectors.LAST_RECEIVED,
    proxy.CHAP,
    b"user1",
    vectors.CHALLENGE,
    vectors.IDENTIFIER,
    Secret(vectors.RESPONSE),
)


def told(datagram: bytes) -> Proxied:
    message = messages.parse(datagram)
    assert message.problem() is None
    reveal(message, (Secret(b"tunsecret"),))
    found = proxy.proxied(message.numbers, message.octets, True)
    assert found is not None
    assert AvpType.PROXY_AUTHEN_RESPONSE not in message.octets, "it is nowhere but in its Secret"
    return found


def test_all_avps_of_a_chap_login() -> None:
    assert told(vectors.CHAP) == TOLD


def test_pap() -> None:
    assert told(vectors.PAP) == Proxied(
        True, vectors.LAST_SENT_PAP, vectors.LAST_RECEIVED, proxy.PAP, b"user1", None, 7, Secret(b"pass")
    )


def test_a_hidden_password_is_read() -> None:
    assert told(vectors.HIDDEN).response == Secret(b"opensesame")


def test_mandatory_bits_and_a_missing_identifier() -> None:
    found = told(vectors.OSVBNG)
    assert (found.last_sent, found.identifier) == (vectors.LAST_SENT_CHAP, None)


@pytest.mark.parametrize(("kind", "flags"), [(8, 0x8000), (0, 0), (0xFFFF, 0x8000)])
def test_an_unknown_type_does_not_end_the_call(kind: int, flags: int) -> None:
    octets = bytearray(vectors.PAP)
    at = octets.index(bytes.fromhex("00080000001d"))
    octets[at : at + 8] = (flags | 8).to_bytes(2, "big") + octets[at + 2 : at + 6] + kind.to_bytes(2, "big")
    assert told(bytes(octets)).type == kind


def test_without_proxy_avps_there_is_nothing() -> None:
    message = messages.parse(b"\xc8\x02\0\x2c" + bytes(8) + messages.iccn(CallRequest()))
    assert proxy.proxied(message.numbers, message.octets, True) is None


def test_the_password_does_not_show() -> None:
    assert "opensesame" not in repr(told(vectors.HIDDEN))


def test_what_we_send_as_lac_is_what_the_script_sends() -> None:
    body = messages.iccn(CallRequest(tx_connect_speed_bps=100_000_000)) + proxy.avps(TOLD)
    initial = avp.octets(AvpType.INITIAL_RECEIVED_LCP_CONFREQ, vectors.LAST_RECEIVED)
    assert body == vectors.CHAP[12:].replace(initial, b"")


def test_saved_and_back() -> None:
    assert Proxied.restore(decode(encode(TOLD.save()))) == TOLD
    assert Proxied.restore(Proxied().save()) == Proxied()


def call(lac: HandLac, iccn: bytes) -> CallUp:
    lac.say(messages.icrq(0x11, 5, CallRequest()))
    (up,) = lac.say(iccn[12:], lac.last().numbers[14])
    assert isinstance(up, CallUp)
    return up


def test_it_is_handed_over_once_and_is_then_nowhere() -> None:
    lac = HandLac(lns_endpoint())
    lac.establish()
    up = call(lac, vectors.PAP)
    assert up.info.proxied is not None
    assert not up.info.proxied.authenticated, "the tunnel has no secret"
    info = lac.endpoint.call(up.key)
    assert info is not None
    assert info.proxied is None
    assert b"pass" not in encode(lac.endpoint.save())


def test_a_lac_that_has_proven_its_secret_is_believed() -> None:
    lac = HandLac(lns_endpoint(LacConfig("g", secrets=(Secret(b"tunsecret"),))))
    lac.sccrq()
    lac.peer_tunnel_id = lac.last().numbers[9]
    lac.say(messages.scccn() + avp.octets(13, response(3, Secret(b"tunsecret"), lac.last().octets[11])))
    up = call(lac, vectors.HIDDEN)
    assert up.info.proxied is not None
    assert up.info.proxied.authenticated
    assert up.info.proxied.response == Secret(b"opensesame")


def test_as_lac_it_goes_into_the_iccn_even_after_a_restore() -> None:
    lns, lac, group = lns_endpoint(), lac_endpoint(), LacConfig("lns")
    tunnel_id, events = lac.open_tunnel(AT_LAC, group, now=0.0)
    key, _ = lac.open_call(tunnel_id, CallRequest(), now=0.0, proxied=TOLD)
    saved = decode(encode(lac.save()))
    lac = Endpoint.restore(saved, lns=LnsConfig((), hostname="lac1"), groups=(group,), entropy=bytes)
    ups: list[CallUp] = []
    while sent(events):
        heard = [event for data in sent(events) for event in lns.receive(AT_LNS, data, now=0.0)]
        ups += [event for event in heard if isinstance(event, CallUp)]
        events = [event for data in sent(heard) for event in lac.receive(AT_LAC, data, now=0.0)]
    assert ups[0].info.proxied == replace(TOLD, authenticated=False)
    assert lac.call(key) is not None
    assert b"user1" not in encode(lac.save())
