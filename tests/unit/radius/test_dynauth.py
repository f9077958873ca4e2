"""CoA- and Disconnect-Requests on the wire: what is believed, what is dropped, and how answers are signed."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from bras.errors import DropReason
from bras.radius.codec import SharedSecret
from bras.radius.dynauth import (
    COA_ACK,
    COA_NAK,
    COA_REQUEST,
    DISCONNECT_NAK,
    DISCONNECT_REQUEST,
    Asked,
    ErrorCause,
    Rules,
    Verified,
    answer,
    echo,
    octets_of,
    sort,
    verify,
    walk,
)
from tests.support.dynauth import dynamic_request
from tests.support.radius import SECRET, attribute, attributes_of

NOW = 1_760_000_000.0
KEY = SharedSecret(SECRET)
OTHER = SharedSecret(b"other")
STRICT, LAX = Rules(True, True, 300.0), Rules(False, False, 300.0)
STAMP = attribute(55, int(NOW))


def judged(data: bytes, rules: Rules = STRICT, *, keys: tuple[SharedSecret, ...] = (KEY,)) -> Verified | DropReason:
    return verify(data, keys, rules, wall_s=NOW)


def test_a_good_request_is_believed() -> None:
    data = dynamic_request(COA_REQUEST, STAMP + attribute(44, b"s"), identifier=9)
    found = judged(data)
    assert isinstance(found, Verified)
    assert (found.code, found.identifier, found.authenticator, found.event_at) == (COA_REQUEST, 9, data[4:20], NOW)
    assert found.attributes[1:] == ((55, int(NOW).to_bytes(4, "big")), (44, b"s"))
    assert judged(data + b"padding") == found


def test_any_of_several_secrets_will_do() -> None:
    data = dynamic_request(DISCONNECT_REQUEST, STAMP, secret=b"other")
    found = judged(data, keys=(KEY, OTHER))
    assert isinstance(found, Verified)
    assert found.secret == 1
    assert judged(data) is DropReason.RADIUS_BAD_AUTHENTICATOR


GOOD = dynamic_request(COA_REQUEST, STAMP + attribute(44, b"s"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", DropReason.RADIUS_SHORT),
        (GOOD[:19], DropReason.RADIUS_SHORT),
        (GOOD[:-1], DropReason.RADIUS_BAD_LENGTH),
        (GOOD[:2] + b"\0\x13" + GOOD[4:], DropReason.RADIUS_BAD_LENGTH),
        (dynamic_request(COA_REQUEST, STAMP + attribute(25, bytes(250)) * 17), DropReason.RADIUS_BAD_LENGTH),
        (dynamic_request(1, STAMP), DropReason.RADIUS_UNEXPECTED_CODE),
        (dynamic_request(COA_ACK, STAMP), DropReason.RADIUS_UNEXPECTED_CODE),
        (dynamic_request(COA_REQUEST, STAMP + b"\x2c\x01"), DropReason.RADIUS_BAD_ATTRIBUTE),
        (dynamic_request(COA_REQUEST, STAMP + b"\x2c\x04a"), DropReason.RADIUS_BAD_ATTRIBUTE),
        (dynamic_request(COA_REQUEST, STAMP + b"\x2c"), DropReason.RADIUS_BAD_ATTRIBUTE),
        (dynamic_request(COA_REQUEST, STAMP + attribute(80, bytes(16))), DropReason.RADIUS_BAD_ATTRIBUTE),
        (dynamic_request(COA_REQUEST, STAMP + attribute(80, b"x"), signed=False), DropReason.RADIUS_BAD_ATTRIBUTE),
        (dynamic_request(COA_REQUEST, STAMP, secret=b"wrong"), DropReason.RADIUS_BAD_AUTHENTICATOR),
        (dynamic_request(COA_REQUEST, STAMP, signed=False), DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR),
        (
            dynamic_request(COA_REQUEST, STAMP + attribute(80, bytes(16)), signed=False),
            DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR,
        ),
        (dynamic_request(COA_REQUEST, b""), DropReason.RADIUS_MISSING_TIMESTAMP),
        (dynamic_request(COA_REQUEST, attribute(55, int(NOW) - 301)), DropReason.RADIUS_STALE),
        (dynamic_request(COA_REQUEST, attribute(55, int(NOW) + 301)), DropReason.RADIUS_STALE),
        (dynamic_request(COA_REQUEST, attribute(55, b"\x01")), DropReason.RADIUS_STALE),
    ],
)
def test_what_is_wrong_is_dropped_and_named(data: bytes, reason: DropReason) -> None:
    assert judged(data) is reason


def test_every_flipped_bit_is_noticed() -> None:
    for at in range(len(GOOD) * 8):
        data = bytearray(GOOD)
        data[at // 8] ^= 1 << at % 8
        assert isinstance(judged(bytes(data)), DropReason), f"bit {at}"


def test_signature_and_time_may_be_left_out_where_the_client_is_trusted_so_far() -> None:
    assert isinstance(judged(dynamic_request(COA_REQUEST, b"", signed=False), LAX), Verified)
    assert judged(dynamic_request(COA_REQUEST, attribute(55, 0)), LAX) is DropReason.RADIUS_STALE
    forged = dynamic_request(COA_REQUEST, attribute(80, bytes(16)), signed=False)
    assert judged(forged, LAX) is DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR


def test_attributes_are_sorted_by_what_they_are_for() -> None:
    body = STAMP + attribute(33, b"one") + attribute(4, 1) + attribute(44, b"s") + attribute(27, 60) + attribute(8, 9)
    found = judged(dynamic_request(DISCONNECT_REQUEST, body))
    assert isinstance(found, Verified)
    request = sort(found, "aaa")
    assert (request.client, request.asked) == ("aaa", Asked.DISCONNECT)
    assert request.nas == ((4, b"\0\0\0\x01"),)
    assert request.session == ((44, b"s"), (8, b"\0\0\0\x09"))
    assert request.changes == ((27, b"\0\0\0\x3c"),)
    assert octets_of(request.session[0]) == attribute(44, b"s")


@pytest.mark.parametrize("cause", [None, ErrorCause.SESSION_CONTEXT_NOT_FOUND])
def test_an_answer_is_signed_twice_and_echoes_proxies_and_state(cause: ErrorCause | None) -> None:
    proxies = attribute(33, b"first") + attribute(24, b"state") + attribute(33, b"second")
    request = dynamic_request(COA_REQUEST, STAMP + proxies, identifier=200)
    verified = judged(request)
    assert isinstance(verified, Verified)
    echoed = echo(COA_REQUEST, verified.attributes)
    assert echo(DISCONNECT_REQUEST, verified.attributes) == attribute(33, b"first") + attribute(33, b"second")
    data = answer(COA_REQUEST, 200, request[4:20], echoed, KEY, cause)
    assert (data[0], data[1]) == (COA_ACK if cause is None else COA_NAK, 200)
    asked = data[:4] + request[4:20] + data[20:]
    assert hashlib.md5(asked + SECRET).digest() == data[4:20]
    (code, signature), *others = attributes_of(data)
    assert code == 80
    blank = asked[:22] + bytes(16) + asked[38:]
    assert hmac.digest(SECRET, blank, "md5") == signature
    caused = [] if cause is None else [(101, cause.value.to_bytes(4, "big"))]
    assert others == [*caused, (33, b"first"), (24, b"state"), (33, b"second")]
    assert walk(data) is not None


def test_a_disconnect_has_answers_of_its_own() -> None:
    assert answer(DISCONNECT_REQUEST, 1, bytes(16), b"", KEY, ErrorCause.MISSING_ATTRIBUTE)[0] == DISCONNECT_NAK
