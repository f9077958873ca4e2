import pytest
from pyrad.packet import AuthPacket

from bras.radius.codec import SharedSecret, access_request
from bras.radius.credentials import Chap, CredentialEncoder, MsChap, MsChap2, Pap, hide, reveal
from tests.support.radius import SECRET, attribute, attributes_of, codec, own_dictionary, vendor_attribute

RA = bytes(range(100, 116))


@pytest.fixture
def encoder():
    return CredentialEncoder(codec())


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 127, 128])
def test_pyrad_reads_our_passwords(encoder, size):
    password = bytes(33 + n % 90 for n in range(size))
    attributes = encoder.password(password, RA, SharedSecret(SECRET))
    assert len(attributes) == 2 + max(16, (size + 15) // 16 * 16)
    packet = AuthPacket(
        packet=access_request(1, RA, attributes, SharedSecret(SECRET)), secret=SECRET, dict=own_dictionary()
    )
    assert packet.PwDecrypt(packet[2][0]) == password.decode()
    assert reveal(hide(password, RA, SharedSecret(SECRET)), RA, SharedSecret(SECRET))[:size] == password


def test_pap_has_no_constant_part_and_shows_nothing(encoder):
    assert encoder.constant(Pap(b"geheim")) == b""
    assert "geheim" not in repr(Pap(b"geheim"))


def test_chap_brings_its_challenge_along(encoder):
    attributes = encoder.constant(Chap(7, b"c" * 20, b"r" * 16))
    assert attributes == attribute(3, b"\x07" + b"r" * 16) + attribute(60, b"c" * 20)


def test_pyrad_verifies_chap(encoder):
    import hashlib

    response = hashlib.md5(b"\x07" + b"pass" + b"0x01").digest()
    attributes = encoder.constant(Chap(7, b"0x01", response))
    packet = AuthPacket(
        packet=access_request(1, RA, attributes, SharedSecret(SECRET)), secret=SECRET, dict=own_dictionary()
    )
    assert packet.VerifyChapPasswd(b"pass")


def test_mschap_moves_the_flags_to_the_front(encoder):
    lm, nt = b"L" * 24, b"N" * 24
    attributes = encoder.constant(MsChap(9, b"c" * 8, lm + nt + b"\x01"))
    response = vendor_attribute(311, 1, b"\x09\x01" + lm + nt)
    assert attributes == vendor_attribute(311, 11, b"c" * 8) + response


def test_mschap2_of_rfc2759_section_9_2(encoder):
    """Peer challenge and NT response as printed there; layout by RFC 2548 section 2.3.2."""
    challenge = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
    peer = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
    nt = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
    attributes = encoder.constant(MsChap2(1, challenge, peer + bytes(8) + nt + b"\x00"))
    sent = attributes_of(bytes(20) + attributes)
    assert sent[0] == (26, (311).to_bytes(4, "big") + b"\x0b\x12" + challenge)
    assert sent[1] == (26, (311).to_bytes(4, "big") + b"\x19\x34" + b"\x01\x00" + peer + bytes(8) + nt)
