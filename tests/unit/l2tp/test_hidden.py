"""Hidden AVPs (RFC 2661 section 4.3), against an independent computation."""

from __future__ import annotations

from pathlib import Path

import pytest

from bras.ids import Entropy
from bras.l2tp import avp
from bras.l2tp.avp import RULES, Avps
from bras.l2tp.challenge import Authentication
from bras.l2tp.constants import ErrorCode
from bras.l2tp.hidden import Hiding, reveal
from bras.secret import Secret
from tests.vectors import make_l2tp_hidden
from tests.vectors.l2tp_hidden import ASSIGNED_TUNNEL_ID, HIDDEN, RANDOM_VECTOR, SECRET, hidden_avp, hide

SECRETS = (Secret(SECRET),)
VECTORS = Path(make_l2tp_hidden.__file__).with_name("l2tp_hidden.txt")


def read(*parts: bytes, secrets: tuple[Secret, ...] = SECRETS) -> Avps:
    avps = Avps()
    data = avp.octets(36, RANDOM_VECTOR) + b"".join(parts)
    avps.read(data, 0, len(data))
    reveal(avps, secrets)
    return avps


def test_the_vector() -> None:
    assert hide(ASSIGNED_TUNNEL_ID, b"\x12\x34", SECRET, RANDOM_VECTOR) == HIDDEN
    avps = read(hidden_avp(ASSIGNED_TUNNEL_ID, HIDDEN))
    assert avps.numbers == {ASSIGNED_TUNNEL_ID: 0x1234}
    assert avps.violation is None


@pytest.mark.parametrize("size", [0, 1, 13, 14, 15, 16, 30, 31, 100])
@pytest.mark.parametrize("padding", [0, 1, 12, 40])
def test_values_of_any_length_and_padding(size: int, padding: int) -> None:
    value = bytes(range(size))
    avps = read(hidden_avp(22, hide(22, value, SECRET, RANDOM_VECTOR, bytes(padding))))
    assert avps.octets[22] == value


def test_the_nearest_random_vector_before_is_taken() -> None:
    other = b"another random vector, of any length"
    avps = read(
        hidden_avp(22, hide(22, b"first", SECRET, RANDOM_VECTOR)),
        avp.octets(36, other),
        hidden_avp(21, hide(21, b"second", SECRET, other)),
    )
    assert avps.octets[22] == b"first"
    assert avps.octets[21] == b"second"


def test_any_secret_of_the_group_opens_it() -> None:
    cipher = hide(14, b"\0\7", b"old", RANDOM_VECTOR, b"padding to make noise unlikely")
    avps = read(hidden_avp(14, cipher), secrets=(Secret(b"new"), Secret(b"old")))
    assert avps.numbers == {14: 7}


@pytest.mark.parametrize(
    ("secrets", "hint"),
    [((), "there is no secret for it here"), ((Secret(b"wrong"),), "is the secret the same at both ends?")],
)
def test_without_the_secret_a_mandatory_one_is_a_violation(secrets: tuple[Secret, ...], hint: str) -> None:
    cipher = hide(14, b"\0\7", SECRET, RANDOM_VECTOR)
    avps = read(hidden_avp(14, cipher), secrets=secrets)
    assert avps.violation is not None
    assert avps.violation.error == ErrorCode.OUT_OF_RANGE
    text = f"hidden Assigned Session ID cannot be read: {hint}, RFC 2661 section 4.3"
    assert (avps.violation.text, avps.violation.avp) == (text, "Assigned Session ID")
    assert read(hidden_avp(14, cipher, mandatory=False), secrets=secrets).violation is None


@pytest.mark.parametrize("inner", [b"\xff\xff", b"\0\5abcd", b"\0", b""])
def test_the_deciphered_length_is_never_trusted(inner: bytes) -> None:
    # An attacker without the secret makes the length whatever the cipher yields: it must not
    # bound a read. accel-ppp copied past its buffer here.
    key = hide(22, b"\0" * 14, SECRET, RANDOM_VECTOR)[:16]
    pad = bytes(a ^ b for a, b in zip(key, b"\0\x0e" + b"\0" * 14, strict=True))
    cipher = bytes(a ^ b for a, b in zip(inner, pad, strict=False))
    avps = read(hidden_avp(22, cipher))
    assert 22 not in avps.octets
    assert avps.violation is not None


def test_a_hidden_value_is_checked_like_any_other() -> None:
    avps = read(hidden_avp(14, hide(14, b"\0\0", SECRET, RANDOM_VECTOR)))
    assert avps.violation is not None
    assert avps.violation.error == ErrorCode.OUT_OF_RANGE


def test_the_independent_md5_is_that_of_the_rfc() -> None:
    assert make_l2tp_hidden.md5(b"").hex() == "d41d8cd98f00b204e9800998ecf8427e"  # RFC 1321 section A.5
    assert make_l2tp_hidden.md5(b"message digest").hex() == "f96b697d7cb7938d525a2f31aaf161d0"
    assert make_l2tp_hidden.md5(b"1234567890" * 8).hex() == "57edf4a22be3c955ac49da2e2107b67a"


def test_the_vectors_are_what_their_script_computes() -> None:
    assert make_l2tp_hidden.table() == VECTORS.read_text(encoding="ascii")


def scripted(*pieces: bytes) -> Entropy:
    """Return an Entropy that gives out the beginnings of these."""
    waiting = iter(pieces)
    return lambda count: next(waiting)[:count]


def hiding(*secrets: bytes, entropy: Entropy = bytes) -> Hiding:
    return Hiding(Authentication(tuple(map(Secret, secrets)), bytes), entropy)


@pytest.mark.parametrize("line", VECTORS.read_text(encoding="ascii").splitlines(), ids=lambda line: line.split()[0])
def test_what_is_sent_is_what_the_script_computes(line: str) -> None:
    plain, hidden = (bytes.fromhex(part) for part in line.split()[1:])
    dice = scripted(make_l2tp_hidden.VECTOR, *[make_l2tp_hidden.PADDING] * 10)
    assert hiding(SECRET, entropy=dice).hide(plain) == hidden
    sent, received = Avps(), Avps()
    sent.read(plain, 0, len(plain))
    received.read(hidden, 0, len(hidden))
    reveal(received, SECRETS)
    received.octets.pop(36, None)
    assert (received.numbers, received.octets, received.violation) == (sent.numbers, sent.octets, None)


def test_without_a_secret_in_common_nothing_is_hidden() -> None:
    plain = avp.number16(0, 11) + avp.number16(14, 7)
    assert hiding().hide(plain) == plain


@pytest.mark.parametrize(("size", "hidden"), [(1015, True), (1016, False), (1017, False)])
def test_what_is_too_long_to_be_hidden_goes_as_it_is(size: int, hidden: bool) -> None:
    plain = avp.number16(0, 10) + avp.octets(22, bytes(size))
    data = hiding(SECRET).hide(plain)
    assert (data == plain) is not hidden
    avps = Avps()
    avps.read(data, 0, len(data))
    reveal(avps, SECRETS)
    assert avps.octets[22] == bytes(size)
    assert avps.violation is None


def test_vendors_share_the_key_of_the_attributes_number() -> None:
    """RFC 2661 section 4.3 puts two octets of Attribute Type into the key, and no Vendor ID."""
    attribute = 9 << 16 | 1
    RULES[attribute] = RULES[22]
    try:
        cipher = make_l2tp_hidden.hidden_avp(0, 1, b"circuit 7", vendor=9)
        avps = Avps()
        data = make_l2tp_hidden.RANDOM_VECTOR + cipher
        avps.read(data, 0, len(data))
        reveal(avps, SECRETS)
        dice = scripted(make_l2tp_hidden.VECTOR, make_l2tp_hidden.PADDING)
        sent = hiding(SECRET, entropy=dice).hide(avp.octets(attribute, b"circuit 7"))
    finally:
        del RULES[attribute]
    assert avps.octets[attribute] == b"circuit 7"
    assert sent[len(make_l2tp_hidden.RANDOM_VECTOR) + 6 :] == cipher[6:]


def test_one_secret_opens_a_whole_message() -> None:
    """A wrong secret makes sense of a short number once in 65,536 times: what the others say is heard, too."""
    old, new = b"old", b"new"
    for number in range(1 << 20):
        vector = number.to_bytes(4, "big")
        cipher = hide(22, b"0301234", old, vector)
        if _sense(cipher, new, vector):
            break
    parts = avp.octets(36, vector), hidden_avp(22, cipher), hidden_avp(14, hide(14, b"\0\7", old, vector))
    data = b"".join(parts)
    avps = Avps()
    avps.read(data, 0, len(data))
    assert reveal(avps, (Secret(new), Secret(old))) == 1
    assert (avps.octets[22], avps.numbers[14]) == (b"0301234", 7)


def _sense(cipher: bytes, secret: bytes, vector: bytes) -> bool:
    key = make_l2tp_hidden.md5(b"\0\x16" + secret + vector)
    return int.from_bytes(make_l2tp_hidden.xor(cipher[:2], key), "big") <= len(cipher) - 2


@pytest.mark.parametrize(("secrets", "opened_by"), [((b"new", b"old"), 1), ((b"old",), 0), ((b"x", b"y"), None)])
def test_which_secret_opened_it_is_told(secrets: tuple[bytes, ...], opened_by: int | None) -> None:
    cipher = hide(14, b"\0\7", b"old", RANDOM_VECTOR, bytes(40))
    avps = Avps()
    data = avp.octets(36, RANDOM_VECTOR) + hidden_avp(14, cipher)
    avps.read(data, 0, len(data))
    assert reveal(avps, tuple(map(Secret, secrets))) == opened_by
