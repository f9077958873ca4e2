"""What counts as one source."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from bras.l2tp.sources import number_of, source_of


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_an_ipv4_address_or_an_ipv6_64(one: str, other: str, same: bool) -> None:
    assert (source_of(one) == source_of(other)) is same


@pytest.mark.parametrize("address", ["0.0.0.0", "255.1.2.3", "2001:db8::1", "::", "ffff::"])
def test_numbers_are_those_of_the_standard_library(address: str) -> None:
    parsed = ip_address(address)
    assert number_of(address) == (parsed.version, int(parsed))
