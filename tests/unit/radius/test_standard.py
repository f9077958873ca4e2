import pytest

from bras.radius.further import understand
from tests.unit.radius.test_further import u32, values

PREFIX = bytes.fromhex("004020010db800000001")


@pytest.mark.parametrize(
    ("name", "octets", "found"),
    [
        ("Framed-IP-Netmask", u32(0xFFFFFFF8), {"prefix_length": 29}),
        ("Framed-IP-Netmask", u32(0xFFFFFFFF), {"prefix_length": 32}),
        ("Framed-Route", b"192.0.2.0/24 0.0.0.0 1", {"routes": ((0xC0000200, 24),)}),
        ("Framed-MTU", u32(1400), {"framed_mtu": 1400}),
        ("Framed-MTU", u32(64), {"framed_mtu": 68}),
        ("Termination-Action", u32(0), {"at_session_timeout": "end"}),
        ("Termination-Action", u32(1), {"at_session_timeout": "reauthenticate"}),
        ("Port-Limit", u32(2), {"port_limit": 2}),
        ("MS-MPPE-Encryption-Policy", u32(1), {}),
    ],
)
def test_what_is_granted(name, octets, found):
    assert values((name, octets)) == found


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("Filter-Id", b"inbound.in"),
        ("MS-MPPE-Encryption-Policy", u32(2)),
        ("Termination-Action", u32(2)),
        ("Framed-MTU", u32(63)),
        ("Framed-MTU", u32(65536)),
        ("Framed-IP-Netmask", u32(0xFF00FF00)),
        ("Framed-IP-Netmask", u32(0)),
        ("Framed-Route", b"0.0.0.0/0"),
        ("Framed-IPv6-Prefix", b"\1" + PREFIX[1:]),
        ("Framed-Interface-Id", bytes(8)),
    ],
)
def test_what_is_lacking_or_makes_no_sense(name, octets):
    found = understand(((name, octets),))
    assert found == found._replace(own=(), others=(), lacking=(name,))


@pytest.mark.parametrize(
    ("name", "octets", "field", "value"),
    [
        ("Framed-IPv6-Prefix", PREFIX, "ipv6_prefixes", ("2001:db8:0:1::/64",)),
        ("Delegated-IPv6-Prefix", PREFIX, "delegated_ipv6_prefixes", ("2001:db8:0:1::/64",)),
        ("Framed-IPv6-Pool", b"p", "ipv6_pool", "p"),
        ("Delegated-IPv6-Prefix-Pool", b"p", "delegated_ipv6_pool", "p"),
        ("Stateful-IPv6-Address-Pool", b"p", "ipv6_address_pool", "p"),
        ("Framed-IPv6-Address", bytes.fromhex("20010db8") + bytes(11) + b"\7", "ipv6_addresses", ("2001:db8::7",)),
        ("DNS-Server-IPv6-Address", bytes.fromhex("20010db8") + bytes(11) + b"\7", "ipv6_dns", ("2001:db8::7",)),
        ("Framed-Interface-Id", bytes(7) + b"\1", "interface_id", "0000:0000:0000:0001"),
        ("Framed-IPv6-Route", b"2001:db8:7::/48 :: 1", "ipv6_routes", ("2001:db8:7::/48",)),
    ],
)
def test_ipv6_is_understood_and_lacking_while_there_is_no_ipv6cp(name, octets, field, value):
    found = understand(((name, octets),))
    assert (found.others, found.lacking) == (((field, value),), (name,))


def test_several_routes_and_prefixes():
    found = understand((("Framed-Route", b"192.0.2.0/24"), ("Framed-Route", b"198.51.100.0/25 198.51.100.1")))
    assert found.others == (("routes", ((0xC0000200, 24), (0xC6336400, 25))),)
    assert found.gateways == (0xC6336401,)
    other = PREFIX[:-1] + b"\2"
    found = understand((("Framed-IPv6-Prefix", PREFIX), ("Framed-IPv6-Prefix", other), ("Framed-IPv6-Prefix", PREFIX)))
    assert found.others == (("ipv6_prefixes", ("2001:db8:0:1::/64", "2001:db8:0:2::/64")),)
