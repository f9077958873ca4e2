import hashlib
import hmac

import pytest
from pyrad.packet import AcctPacket, AuthPacket

from bras.config import dictionary
from bras.errors import ConfigError, DropReason
from bras.radius.codec import Codec, Reply, ReplyReader, SharedSecret, access_request, accounting_request
from tests.support.radius import (
    OWN,
    SECRET,
    attribute,
    attributes_of,
    codec,
    own_dictionary,
    reply_to,
    vendor_attribute,
)

RA = bytes(range(16))
REQUEST = access_request(7, RA, attribute(1, b"user"), SharedSecret(SECRET))
WANTED = {
    "Framed-IP-Address": "ipaddr",
    "Framed-Pool": "string",
    "Class": "octets",
    "MS-CHAP2-Success": "octets",
    "MS-Primary-DNS-Server": "ipaddr",
}


def read(data, *, signed=True, secret=SECRET, wanted=WANTED):
    return ReplyReader(codec(), wanted, repeated=("Class",)).read(data, RA, SharedSecret(secret), signed)


def test_a_secret_signs_as_hmac_does_and_shows_nothing():
    for octets in (b"x", b"k" * 64, b"k" * 65, bytes(range(256))):
        secret = SharedSecret(octets)
        assert secret.sign(b"some octets") == hmac.digest(octets, b"some octets", "md5")
        assert secret.digest(b"a") == hashlib.md5(b"a" + octets).digest()
    assert repr(SharedSecret(b"geheim")) == "SharedSecret(***)"


def test_message_authenticator_is_the_first_attribute_of_an_access_request():
    assert [code for code, _ in attributes_of(REQUEST)] == [80, 1]


def test_pyrad_verifies_what_we_build():
    packet = AuthPacket(packet=REQUEST, secret=SECRET, dict=own_dictionary())
    assert packet.verify_message_authenticator()
    record = accounting_request(9, attribute(40, 1) + attribute(44, b"abc"), SharedSecret(SECRET))
    assert AcctPacket(packet=record, secret=SECRET, dict=own_dictionary()).VerifyAcctRequest()


@pytest.mark.parametrize(
    ("name", "data_type", "value", "octets"),
    [
        ("User-Name", "string", "müller", attribute(1, "müller".encode())),
        ("User-Name", "string", b"\xff\x00", attribute(1, b"\xff\x00")),
        ("User-Name", "string", "", b""),
        ("User-Name", "string", b"x" * 300, attribute(1, b"x" * 253)),
        ("Class", "octets", b"0x41", attribute(25, b"0x41")),
        ("Class", "octets", b"12", attribute(25, b"12")),
        ("NAS-Port", "integer", 7, attribute(5, 7)),
        ("NAS-Port", "integer", 0x1_0000_0007, attribute(5, 7)),
        ("Event-Timestamp", "date", 1_700_000_000, attribute(55, 1_700_000_000)),
        ("NAS-IP-Address", "ipaddr", "192.0.2.1", attribute(4, 0xC0000201)),
        ("NAS-IP-Address", "ipaddr", 0xC0000201, attribute(4, 0xC0000201)),
        ("NAS-IP-Address", "ipaddr", "2001:db8::1", b""),
        ("MS-CHAP-Challenge", "octets", b"c" * 8, vendor_attribute(311, 11, b"c" * 8)),
        ("MS-CHAP-Challenge", "octets", b"c" * 300, vendor_attribute(311, 11, b"c" * 247)),
        ("Bras-Profile", "string", "gold", vendor_attribute(32473, 1, b"gold")),
        ("Bras-Profile", "string", "", b""),
    ],
)
def test_encoders(name, data_type, value, octets):
    assert codec().encoder(name, data_type)(value) == octets


@pytest.mark.parametrize(
    ("name", "data_type", "value", "octets"),
    [
        ("Tunnel-Type", "integer", 3, bytes.fromhex("4006 00 000003")),
        ("Tunnel-Type", "integer", 0x1F000003, bytes.fromhex("4006 00 000003")),
        ("Tunnel-Client-Endpoint", "string", "192.0.2.1", attribute(66, b"192.0.2.1")),
        ("Tunnel-Client-Auth-Id", "string", b"\x1flac", attribute(90, b"\x00\x1flac")),
        ("Tunnel-Client-Auth-Id", "string", b"\x00", attribute(90, b"\x00\x00")),
        ("Tunnel-Client-Auth-Id", "string", b"\x20lac", attribute(90, b"\x20lac")),
        ("Tunnel-Client-Auth-Id", "string", b"", b""),
    ],
)
def test_tags_of_rfc2868_are_zero_or_absent_and_never_swallow_text(name, data_type, value, octets):
    assert codec().encoder(name, data_type)(value) == octets


def test_an_operator_who_redefines_what_we_need_is_told(tmp_path):
    path = tmp_path / "mine"
    path.write_text("ATTRIBUTE Framed-Pool 88 octets\n")
    spoiled = Codec(dictionary.load(OWN, [str(path)]))
    with pytest.raises(ConfigError, match="Framed-Pool: is of type octets"):
        spoiled.encoder("Framed-Pool", "string")
    with pytest.raises(ConfigError, match="No-Such-Attribute: is not defined"):
        spoiled.encoder("No-Such-Attribute", "string")


def test_values_come_typed_and_octets_stay_octets():
    body = (
        attribute(8, 0x0A000007)
        + attribute(88, b"gold")
        + attribute(25, b"0xdeadbeef")
        + attribute(25, b"12")
        + vendor_attribute(311, 26, b"\x01S=ABC")
        + attribute(26, (311).to_bytes(4, "big") + attribute(28, 0x01010101) + attribute(29, 0x08080808))
        + attribute(240, b"unknown")
        + vendor_attribute(9, 1, b"not ours")
    )
    reply = read(reply_to(REQUEST, 2, body))
    assert isinstance(reply, Reply)
    assert reply.code == 2
    assert reply.numbers == {"Framed-IP-Address": 0x0A000007, "MS-Primary-DNS-Server": 0x01010101}
    assert reply.octets == {"Framed-Pool": b"gold", "MS-CHAP2-Success": b"\x01S=ABC"}
    assert reply.repeated == {"Class": (b"0xdeadbeef", b"12")}


def test_of_several_the_first_counts_and_empty_text_is_none():
    reply = read(reply_to(REQUEST, 2, attribute(8, 1) + attribute(8, 2) + attribute(88, b"") + attribute(88, b"b")))
    assert isinstance(reply, Reply)
    assert (reply.numbers, reply.octets) == ({"Framed-IP-Address": 1}, {"Framed-Pool": b"b"})


@pytest.mark.parametrize(
    "vendor", ["00000137", "0000013701", "000001371a", "000001371a01", "000001371a09aa", "000001371c06010101"]
)
def test_a_vendor_attribute_of_another_layout_is_passed_over(vendor):
    reply = read(reply_to(REQUEST, 2, attribute(26, bytes.fromhex(vendor))))
    assert isinstance(reply, Reply)
    assert not reply.octets
    assert not reply.numbers


def test_octets_after_length_are_padding():
    assert isinstance(read(reply_to(REQUEST, 2) + b"padding"), Reply)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[:19], DropReason.RADIUS_SHORT),
        (lambda data: data[:-1], DropReason.RADIUS_BAD_LENGTH),
        (lambda data: data[:2] + b"\x00\x13" + data[4:], DropReason.RADIUS_BAD_LENGTH),
        (lambda data: data[:4] + bytes(16) + data[20:], DropReason.RADIUS_BAD_AUTHENTICATOR),
        (lambda data: b"\x03" + data[1:], DropReason.RADIUS_BAD_AUTHENTICATOR),
        (lambda data: data[:-1] + b"?", DropReason.RADIUS_BAD_AUTHENTICATOR),
    ],
)
def test_a_spoiled_reply_is_dropped_for_its_reason(spoil, reason):
    assert read(spoil(reply_to(REQUEST, 2, attribute(88, b"pool")))) is reason


def test_a_reply_longer_than_a_packet_may_be_is_dropped():
    data = reply_to(REQUEST, 2, attribute(240, bytes(253)) * 16)
    assert read(data) is DropReason.RADIUS_BAD_LENGTH


@pytest.mark.parametrize(
    "body",
    ["58", "5801", "5800", "580561", "0805 0a0000", "0807 0a00000700", "0802", "5012" + "00" * 16, "5003 00"],
)
def test_bounds_sizes_and_a_second_signature_spoil_a_reply(body):
    assert read(reply_to(REQUEST, 2, bytes.fromhex(body))) is DropReason.RADIUS_BAD_ATTRIBUTE


def test_another_secret_is_not_believed():
    assert read(reply_to(REQUEST, 2, secret=b"other")) is DropReason.RADIUS_BAD_AUTHENTICATOR


def resign(data):
    """Make the Response Authenticator right again, as a forger of MD5 collisions could."""
    return data[:4] + hashlib.md5(data[:4] + RA + data[20:] + SECRET).digest() + data[20:]


def test_a_wrong_message_authenticator_is_told_from_a_wrong_response_authenticator():
    data = reply_to(REQUEST, 2, attribute(88, b"pool"))
    assert read(resign(data[:-1] + b"?")) is DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR
    assert read(resign(data[:-1] + b"?"), signed=False) is DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR


def test_an_unsigned_reply_counts_only_where_it_may():
    data = reply_to(REQUEST, 2, signed=False)
    assert read(data) is DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR
    assert isinstance(read(data, signed=False), Reply)


def test_a_proxy_state_that_we_never_sent_marks_a_forgery_unless_signed():
    body = attribute(33, b"collision")
    assert read(reply_to(REQUEST, 2, body, signed=False), signed=False) is DropReason.RADIUS_BAD_ATTRIBUTE
    assert isinstance(read(reply_to(REQUEST, 2, body)), Reply)
    assert isinstance(read(reply_to(REQUEST, 5, body, signed=False), signed=False), Reply)


def test_message_authenticator_may_stand_anywhere():
    body = attribute(88, b"pool") + attribute(80, bytes(16)) + attribute(25, b"c")
    head = b"\x02\x07" + (20 + len(body)).to_bytes(2, "big")
    mac = hmac.digest(SECRET, head + RA + body, "md5")
    assert isinstance(read(resign(head + bytes(16) + body.replace(bytes(16), mac))), Reply)


@pytest.mark.parametrize("name", ["Calling-Station-Id", "Tunnel-Client-Auth-Id", "ADSL-Agent-Circuit-Id"])
def test_long_text_is_cut_between_characters(name):
    data_type = "octets" if name.startswith("ADSL") else "string"
    encoded = codec().encoder(name, data_type)("x" + "ä" * 300)
    value = encoded[8:] if encoded[0] == 26 else encoded[2:]
    assert encoded[1] == len(encoded) <= 255
    assert value.decode() == "x" + "ä" * ((len(value) - 1) // 2)
