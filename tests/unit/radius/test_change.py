"""What a CoA-Request wants changed, and what a Disconnect-Request may carry."""

from __future__ import annotations

import pytest

from bras.radius.authorization import Authorization
from bras.radius.change import ChangeReader, Fault, beside_the_end, classes_of, message_of, service
from bras.radius.dynauth import Attribute, ErrorCause
from tests.support.radius import codec, vendor_attribute

READER = ChangeReader(codec())


def vendor(number: int, code: int, value: bytes) -> Attribute:
    return 26, vendor_attribute(number, code, value)[2:]


def test_changes_are_understood_as_an_accept_is() -> None:
    found = READER.read(((27, (600).to_bytes(4, "big")), (25, b"one"), (25, b"two"), vendor(32473, 1, b"gold")))
    assert isinstance(found, Authorization)
    assert (found.grant.session_timeout_s, found.classes, found.profile) == (600.0, (b"one", b"two"), "gold")
    assert isinstance(READER.read(()), Authorization)


@pytest.mark.parametrize(
    ("attribute", "cause", "text"),
    [
        ((200, b"x"), ErrorCause.UNSUPPORTED_ATTRIBUTE, "attribute 200"),
        (vendor(32473, 200, b"x"), ErrorCause.UNSUPPORTED_ATTRIBUTE, "attribute 200 of vendor 32473"),
        (vendor(99999, 1, b"x"), ErrorCause.UNSUPPORTED_ATTRIBUTE, "attribute 1 of vendor 99999"),
        ((26, b"x"), ErrorCause.UNSUPPORTED_ATTRIBUTE, "attribute 26"),
        ((26, b"\0\0\x7e\xd9\x01\x09x"), ErrorCause.UNSUPPORTED_ATTRIBUTE, "attribute 1 of vendor 32473"),
        ((27, b"x"), ErrorCause.INVALID_REQUEST, "an attribute has a wrong length"),
        ((7, (2).to_bytes(4, "big")), ErrorCause.UNSUPPORTED_SERVICE, "Framed-Protocol"),
        ((11, b"in"), ErrorCause.UNSUPPORTED_ATTRIBUTE, "Filter-Id"),
    ],
)
def test_what_cannot_be_understood_is_named(attribute: Attribute, cause: ErrorCause, text: str) -> None:
    assert READER.read((attribute,)) == Fault(cause, text)


def test_what_is_to_be_ignored_is() -> None:
    assert isinstance(ChangeReader(codec(), frozenset({"Filter-Id"})).read(((11, b"in"),)), Authorization)


def test_only_framed_is_our_service() -> None:
    framed, authorize_only = (2).to_bytes(4, "big"), (17).to_bytes(4, "big")
    assert service(((6, framed), (27, b""))) is None
    assert service(()) is None
    for value in (authorize_only, b"", b"\x02"):
        assert service(((6, value),)) == Fault(ErrorCause.UNSUPPORTED_SERVICE, "Service-Type")


def test_what_has_a_place_beside_an_end() -> None:
    assert beside_the_end(((6, b"\0\0\0\2"), (25, b"c"), (18, b"bye"), (49, b"\0\0\0\6"))) is None
    assert beside_the_end(((25, b"c"), (27, b""))) == Fault(ErrorCause.UNSUPPORTED_ATTRIBUTE, "attribute 27")


def test_class_and_message() -> None:
    attributes = ((25, b"a"), (18, b"good "), (25, b"b"), (18, b"b\xffye"))
    assert classes_of(attributes) == (b"a", b"b")
    assert message_of(attributes) == "good b\\xffye"
