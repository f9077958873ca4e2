"""What is built is read back; what is broken is a value or a WireError."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from bras.errors import WireError
from bras.ppp import chap, frame, option, packet, pap
from bras.ppp.constants import LCP
from bras.ppp.events import PapCredentials

OCTET = st.integers(0, 255)
ANY = st.binary(max_size=64)
# RFC 1661 section 2: the lower octet is odd, the upper one even.
PROTOCOL = st.builds(lambda high, low: (high & 0xFE) << 8 | low | 1, OCTET, OCTET).filter(lambda p: p != 0xFF)


@given(PROTOCOL, st.booleans(), st.booleans(), ANY)
def test_frames(protocol: int, acfc: bool, pfc: bool, octets: bytes) -> None:
    built = frame.header(protocol, acfc, pfc) + octets
    found, offset = frame.parse(built)
    assert (found, built[offset:]) == (protocol, octets)
    if protocol == LCP:
        assert built.startswith(frame.LCP_HEADER)


@given(OCTET, OCTET, ANY, ANY, ANY)
def test_packets(code: int, identifier: int, data: bytes, before: bytes, padding: bytes) -> None:
    octets = before + packet.build(code, identifier, data) + padding
    assert packet.parse(octets, len(before)) == (code, identifier, data)


@given(st.lists(st.tuples(OCTET, st.binary(max_size=253)), max_size=8))
def test_options(options: list[tuple[int, bytes]]) -> None:
    assert option.parse(b"".join(option.build(kind, value) for kind, value in options)) == options


@given(OCTET, st.binary(max_size=255), st.binary(max_size=255))
def test_pap_requests(identifier: int, name: bytes, password: bytes) -> None:
    _, _, data = packet.parse(pap.build_request(identifier, name, password))
    assert pap.parse_request(data) == PapCredentials(name, password)


@given(OCTET, OCTET, st.binary(min_size=1, max_size=255), ANY)
def test_chap_values(code: int, identifier: int, value: bytes, name: bytes) -> None:
    _, _, data = packet.parse(chap.build_value(code, identifier, value, name))
    assert chap.parse_value(data) == (value, name)


@given(ANY)
def test_broken_octets_are_a_value_or_a_wire_error(octets: bytes) -> None:
    for parse in (frame.parse, packet.parse, option.parse, pap.parse_request, chap.parse_value):
        with contextlib.suppress(WireError):
            parse(octets)
    assert packet.text(octets).isprintable()
