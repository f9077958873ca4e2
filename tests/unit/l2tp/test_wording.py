"""An SCCRQ in words; no secret among them."""

from __future__ import annotations

import random

from bras.l2tp import avp, messages
from bras.l2tp.constants import AvpType, MessageType
from bras.l2tp.wording import worded
from bras.secret import Secret
from tests.support.l2tp import control
from tests.vectors.l2tp_hidden import RANDOM_VECTOR, SECRET, hidden_avp, hide
from tests.vectors.xl2tpd_captured import XL2TPD_SCCRQ

SCCRQ = messages.start(MessageType.SCCRQ, "lac1", "Vendor", 0x0101, 8)


def words(body: bytes, *secrets: bytes) -> dict[str, str]:
    return {one.name: one.value for one in worded(control(0, 0, 0, body), tuple(map(Secret, secrets)))}


def test_every_avp_in_words() -> None:
    more = avp.number16(AvpType.FIRMWARE_REVISION, 0x0690) + avp.octets(AvpType.TIE_BREAKER, bytes(range(8)))
    assert words(SCCRQ + more) == {
        "Protocol Version": "1.0",
        "Host Name": "lac1",
        "Framing Capabilities": "asynchronous, synchronous",
        "Bearer Capabilities": "none",
        "Vendor Name": "Vendor",
        "Assigned Tunnel ID": "257",
        "Receive Window Size": "8",
        "Firmware Revision": "1680 (0x0690)",
        "Tie Breaker": "0001020304050607",
    }


def test_what_xl2tpd_says_of_itself() -> None:
    shown = [(one.name, one.mandatory, one.value) for one in worded(XL2TPD_SCCRQ, ())]
    assert shown == [
        ("Protocol Version", True, "1.0"),
        ("Framing Capabilities", True, "asynchronous, synchronous"),
        ("Bearer Capabilities", True, "none"),
        ("Firmware Revision", False, "1680 (0x0690)"),
        ("Host Name", True, "(none)"),
        ("Vendor Name", False, "xelerance.com"),
        ("Assigned Tunnel ID", True, str(0x98F8)),
        ("Receive Window Size", True, "4"),
        ("Challenge", True, "16 octets"),
    ]


def test_capabilities_with_bits_that_nobody_has_defined() -> None:
    body = avp.number16(0, 1) + avp.number32(AvpType.BEARER_CAPABILITIES, 0x13)
    assert words(body) == {"Bearer Capabilities": "analog, digital, 0x10"}


def test_of_what_may_be_a_secret_only_the_size_is_told() -> None:
    proof = b"challenge or response"[:16]
    body = SCCRQ + avp.octets(AvpType.CHALLENGE, proof) + avp.octets(AvpType.CHALLENGE_RESPONSE, proof)
    body += bytes.fromhex("0016 0009 0007") + proof
    shown = words(body)
    assert shown["Challenge"] == shown["Challenge Response"] == "16 octets"
    assert shown["AVP 7 of vendor 9 (Cisco)"] == "16 octets"
    assert proof.decode() not in str(shown)
    assert proof.hex() not in str(shown)


def test_what_is_hidden_is_read_with_the_secret() -> None:
    body = SCCRQ + avp.octets(AvpType.RANDOM_VECTOR, RANDOM_VECTOR)
    body += hidden_avp(AvpType.FIRMWARE_REVISION, hide(6, b"\0\7", SECRET, RANDOM_VECTOR))
    (shown,) = [one for one in worded(control(0, 0, 0, body), (Secret(SECRET),)) if one.hidden]
    assert (shown.name, shown.value, shown.section) == ("Firmware Revision", "7 (0x0007)", "RFC 2661 section 4.4.3")
    assert words(body, b"wrong")["Firmware Revision"].endswith("octets that cannot be read")


def test_an_avp_that_is_not_as_it_should_be_is_there_too() -> None:
    body = avp.number16(0, 1) + bytes.fromhex("0009 0000 0006 01 02 03")
    assert words(body) == {"Firmware Revision": "3 octets that cannot be read"}


def test_octets_of_any_kind_end_in_words() -> None:
    dice = random.Random(7)
    for _ in range(2000):
        body = bytearray(SCCRQ)
        for _ in range(dice.randrange(1, 6)):
            body[dice.randrange(8, len(body))] = dice.randrange(256)
        for one in worded(control(0, 0, 0, bytes(body[: dice.randrange(8, len(body) + 1)])), ()):
            assert one.name
            assert one.value is not None
