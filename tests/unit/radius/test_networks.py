import pytest

from bras.radius.draft import Senseless
from bras.radius.networks import (
    Routed,
    framed_ipv6_route,
    framed_route,
    interface_id,
    length_of,
    octets6,
    prefix6,
)

DOC = 0xC0000200  # 192.0.2.0


@pytest.mark.parametrize(
    ("text", "routed"),
    [
        ("192.0.2.0/24 0.0.0.0 1", Routed((DOC, 24), 0)),
        ("192.0.2.0/24 192.0.2.7 1", Routed((DOC, 24), DOC + 7)),
        ("192.0.2.0/24", Routed((DOC, 24), 0)),
        ("192.0.2.0/24 192.0.2.1 1 2 -1 3 400", Routed((DOC, 24), DOC + 1)),  # as in RFC 2865 section 5.22
        ("192.0.2.0/255.255.255.0", Routed((DOC, 24), 0)),
        ("192.0.2.0 255.255.255.0", Routed((DOC, 24), 0)),
        ("192.0.2.0 255.255.255.248 192.0.2.9 200 tag 7", Routed((DOC, 29), DOC + 9)),
        ("192.0.2.7 255.255.255.255", Routed((DOC + 7, 32), 0)),
        ("192.0.2.7/32", Routed((DOC + 7, 32), 0)),
        ("192.0.2.7/24", Routed((DOC, 24), 0)),
        ("192.0.2.0 0.0.0.0 1", Routed((DOC, 24), 0)),
        ("192.0.2.0", Routed((DOC, 24), 0)),
        ("172.16.0.0", Routed((0xAC100000, 16), 0)),
        ("10.0.0.0 192.0.2.7", Routed((0x0A000000, 8), DOC + 7)),
        ("192.0.2.0/24 1", Routed((DOC, 24), 0)),
    ],
)
def test_a_framed_route_as_rfc_2865_freeradius_and_cisco_write_it(text, routed):
    assert framed_route(text) == routed


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "default",
        "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/24 gateway", "192.0.2.0/24 0.0.0.0 x",
        "0.0.0.0/0", "0.0.0.0 0.0.0.0", "127.0.0.0/8", "224.0.0.0/24", "10.0.0.0/7", "192.0.2.0 255.0.255.0",
        "192.0.2.0/255.0.255.0", "192.0.2/24", "2001:db8::/32", "192.0.2.0/24 ::",
    ],
)  # fmt: skip
def test_a_route_that_makes_no_sense(text):
    with pytest.raises(Senseless):
        framed_route(text)


def test_netmasks():
    assert [length_of(0xFFFFFFFF << 32 - length & 0xFFFFFFFF) for length in range(33)] == list(range(33))
    for mask in (0x00FFFFFF, 0xFF00FF00, 1, 0x7FFFFFFF):
        with pytest.raises(Senseless):
            length_of(mask)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("004020010db800000001", "2001:db8:0:1::/64"),
        ("004020010db8000000010000000000000000", "2001:db8:0:1::/64"),
        ("003820010db80000ab", "2001:db8:0:ab00::/56"),
        ("008020010db8000000000000000000000007", "2001:db8::7/128"),
        ("0000", "::/0"),
    ],
)
def test_an_ipv6_prefix_short_or_long(octets, text):
    assert prefix6(bytes.fromhex(octets)) == text
    assert prefix6(octets6(text)) == text


@pytest.mark.parametrize(
    "octets",
    ["", "00", "014020010db800000001", "008120010db8" + "00" * 12, "004020010db8", "002020010db800000001",
     "004020010db8000000010000000000000001", "0040" + "20" * 17],
)  # fmt: skip
def test_an_ipv6_prefix_has_a_reserved_octet_a_length_and_no_more_bits_than_that(octets):
    with pytest.raises(Senseless):
        prefix6(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("2001:db8:106::/48", "2001:db8:106::/48"),
        ("2001:db8:106:0:a00:20ff:fe99:a998/64 2001:db8::1 1", "2001:db8:106::/64"),
        ("2001:db8::/32 :: 1", "2001:db8::/32"),
        ("2001:db8::/32 1", "2001:db8::/32"),
        ("2001:db8::/32 :: 1 2 -1", "2001:db8::/32"),
    ],
)
def test_a_framed_ipv6_route(text, route):
    assert framed_ipv6_route(text) == route


@pytest.mark.parametrize("text", ["", "2001:db8::", "2001:db8::/129", "::/0", "2001:db8::/32 gw", "2001:db8::/32 :: x"])
def test_an_ipv6_route_that_makes_no_sense(text):
    with pytest.raises(Senseless):
        framed_ipv6_route(text)


def test_an_interface_id():
    assert interface_id(bytes.fromhex("0a0020fffe99a998")) == "0a00:20ff:fe99:a998"
    for wrong in (bytes(8), bytes(7) + b"", b"\1" * 9):
        with pytest.raises(Senseless):
            interface_id(wrong)
