"""Lowering the MSS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.tcp import clamp_mss, clamp_mss6
from tests.unit.dataplane.packets import ipv4, ipv6, tcp, tcp6, tcp6_sum, tcp_sum

MSS = b"\x02\x04\x05\xb4"
AHEAD = [b"", b"\x01", b"\x01\x01", b"\x03\x03\x07", b"\x04\x02", b"\x08\x0a" + bytes(8)]


@pytest.mark.parametrize("ahead", AHEAD, ids=bytes.hex)
@pytest.mark.parametrize("ip_options", [b"", b"\x01" * 8])
@pytest.mark.parametrize("flags", [0x02, 0x12, 0xC2])
def test_a_syn_is_lowered_and_its_checksum_stays_right(ahead: bytes, ip_options: bytes, flags: int) -> None:
    segment = tcp(ahead + MSS + b"\x04\x02", flags=flags, payload=b"data")[20:]
    before = ipv4(segment, protocol=6, options=ip_options)
    assert tcp_sum(before) == 0xFFFF
    after = clamp_mss(before, 1360)
    assert tcp_sum(after) == 0xFFFF
    at = before.index(MSS)
    assert after[at : at + 4] == b"\x02\x04\x05\x50"
    checksum = len(before) - len(segment) + 16
    untouched = [i for i in range(len(before)) if i not in (at + 2, at + 3, checksum, checksum + 1)]
    assert [after[i] for i in untouched] == [before[i] for i in untouched]
    assert clamp_mss(after, 1360) is after


@given(st.integers(0, 0xFFFF), st.integers(1, 1460), st.binary(max_size=20), st.sampled_from(AHEAD))
def test_every_value_keeps_the_checksum_right(old: int, new: int, payload: bytes, ahead: bytes) -> None:
    before = tcp(ahead + b"\x02\x04" + old.to_bytes(2, "big"), payload=payload)
    after = clamp_mss(before, new)
    assert tcp_sum(after) == 0xFFFF
    at = 40 + len(ahead) + 2
    assert int.from_bytes(after[at : at + 2], "big") == min(old, new)


def test_a_wrong_checksum_stays_as_wrong() -> None:
    before = bytearray(tcp())
    before[36] ^= 0x40
    assert tcp_sum(bytes(before)) == tcp_sum(clamp_mss(bytes(before), 1000)) != 0xFFFF


@pytest.mark.parametrize(
    "packet",
    [
        tcp(flags=0x10),
        tcp(b""),
        tcp(b"\x02\x03\x05\xb4"),
        tcp(b"\x03\x00\x02\x04\x05\xb4"),
        tcp(b"\x00" + MSS),
        tcp(b"\x01\x02"),
        tcp(b"\x05\x28" + MSS),
        tcp(b"\x01\x01\x02\x04"),
        tcp(field=1),
        ipv4(tcp()[20:], protocol=17),
        ipv4(tcp()[20:39], protocol=6),
        tcp()[:-1],
        tcp(b"\x02\x04\x00\x10"),
        b"",
    ],
)
def test_anything_else_is_left_as_it_is(packet: bytes) -> None:
    assert clamp_mss(packet, 1360) is packet


@given(st.binary(max_size=60), st.integers(0, 47))
def test_no_octets_raise(tail: bytes, cut: int) -> None:
    clamp_mss(tail, 1360)
    clamp_mss(ipv4(tail, protocol=6), 1360)
    clamp_mss(ipv4(tcp()[20:33] + b"\x02" + tail, protocol=6), 1360)
    clamp_mss(tcp()[:cut], 1360)


@given(st.integers(0, 0xFFFF), st.integers(1, 1440), st.binary(max_size=20), st.sampled_from(AHEAD))
def test_over_ipv6_every_value_keeps_the_checksum_right(old: int, new: int, payload: bytes, ahead: bytes) -> None:
    before = tcp6(ahead + b"\x02\x04" + old.to_bytes(2, "big"), payload=payload)
    assert tcp6_sum(before) == 0xFFFF
    after = clamp_mss6(before, new)
    assert tcp6_sum(after) == 0xFFFF
    at = 60 + len(ahead) + 2
    assert int.from_bytes(after[at : at + 2], "big") == min(old, new)
    assert clamp_mss6(after, new) is after


@pytest.mark.parametrize(
    "packet",
    [
        tcp6(flags=0x10),
        tcp6(b""),
        tcp6()[:59],
        tcp6()[:40],
        tcp6()[:39],
        b"",
        ipv6(b"\x06\x00" + bytes(6) + tcp6()[40:], protocol=0),
        ipv6(tcp6()[40:], protocol=17),
    ],
    ids=bytes.hex,
)
def test_over_ipv6_all_else_stays_as_it_is(packet: bytes) -> None:
    assert clamp_mss6(packet, 100) is packet
