"""Hidden AVPs (RFC 2661 section 4.3), against an independent computation."""

from __future__ import annotations

import pytest

from bras.l2tp import avp
from bras.l2tp.avp import Avps
from bras.l2tp.constants import ErrorCode
from bras.l2tp.hidden import reveal
from bras.secret import Secret
from tests.vectors.l2tp_hidden import ASSIGNED_TUNNEL_ID, HIDDEN, RANDOM_VECTOR, SECRET, hidden_avp, hide

SECRETS = (Secret(SECRET),)


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
