"""Frames: both fields compressed or not on receive, as negotiated on send."""

from __future__ import annotations

import pytest

from bras.errors import WireError
from bras.ppp import frame
from bras.ppp.constants import CHAP, IPCP, IPV4, LCP


@pytest.mark.parametrize(
    ("octets", "protocol", "offset"),
    [
        ("ff03 c021 01", LCP, 4),
        ("c021 01", LCP, 2),
        ("ff03 0021 45", IPV4, 4),
        ("0021 45", IPV4, 2),
        ("ff03 21 45", IPV4, 3),
        ("21 45", IPV4, 1),
        ("21", IPV4, 1),
        ("8021", IPCP, 2),
    ],
)
def test_every_spelling_is_read(octets: str, protocol: int, offset: int) -> None:
    assert frame.parse(bytes.fromhex(octets)) == (protocol, offset)


@pytest.mark.parametrize(
    "octets", ["", "ff", "ff03", "ff03ff", "ff02c021", "c0", "ff03c0", "c020", "ff030020", "0100"[2:]]
)
def test_what_is_no_protocol_is_refused(octets: str) -> None:
    with pytest.raises(WireError):
        frame.parse(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("protocol", "acfc", "pfc", "header"),
    [
        (LCP, False, False, "ff03c021"),
        (LCP, True, True, "ff03c021"),  # RFC 1661 section 6.5: never compressed
        (CHAP, True, True, "c223"),
        (CHAP, False, True, "ff03c223"),
        (IPV4, False, False, "ff030021"),
        (IPV4, True, False, "0021"),
        (IPV4, False, True, "ff0321"),
        (IPV4, True, True, "21"),
    ],
)
def test_headers_are_sent_as_negotiated(protocol: int, acfc: bool, pfc: bool, header: str) -> None:
    assert frame.header(protocol, acfc, pfc).hex() == header
    assert frame.headers(acfc, pfc)[protocol].hex() == header
