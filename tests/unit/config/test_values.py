"""Every kind of value: what it takes, what it refuses, and in which words."""

from __future__ import annotations

import datetime

import pytest

from bras.config import values as v
from bras.config.findings import Findings
from bras.config.model import Listen


def read(kind: v.Kind, value: object) -> object:
    """Return what the value becomes; it must be right."""
    findings = Findings("f")
    result = kind.read(value, "k", findings)
    assert findings.problems == []
    return result


def refused(kind: v.Kind, value: object) -> str:
    """Return what is said of a value that must be wrong."""
    findings = Findings("f")
    kind.read(value, "k", findings)
    return "\n".join(f"{problem.key}: {problem.wrong}, {problem.right}" for problem in findings.problems)


def ip(text: str) -> int:
    result = read(v.IPV4, text)
    assert isinstance(result, int)
    return result


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (v.whole(1, 32768), 1, 1),
        (v.whole(1, 32768), 32768, 32768),
        (v.seconds(0, 10), 10, 10.0),
        (v.seconds(0.1, 10), 0.1, 0.1),
        (v.choice("a", "b"), "b", "b"),
        (v.FLAG, False, False),
        (v.LABEL, "lac-1.example", "lac-1.example"),
        (v.PATTERN, "lac *", "lac *"),
        (v.IDENTIFIER, "Änne Müller", "Änne Müller"),
        (v.PATH, "/var/lib/bras", "/var/lib/bras"),
        (v.SOCKET_PATH, "/" + "a" * 106, "/" + "a" * 106),
        (v.FILE, "dictionary.local", "dictionary.local"),
        (v.INTERFACE, "bras0", "bras0"),
        (v.INTERFACE, "x" * 15, "x" * 15),
        (v.ADDRESS, "2001:0DB8::0001", "2001:db8::1"),
        (v.HOST, "Radius-1.example.net", "Radius-1.example.net"),
        (v.HOST, "192.0.2.1", "192.0.2.1"),
        (v.HOST, "2001:0DB8::0001", "2001:db8::1"),
        (v.IPV4, "192.0.2.7", 0xC0000207),
        (v.IPV4_TEXT, "192.0.2.7", "192.0.2.7"),
        (v.LISTEN, "192.0.2.1", Listen("192.0.2.1", 1701)),
        (v.LISTEN, "192.0.2.1:1702", Listen("192.0.2.1", 1702)),
        (v.LISTEN, "[2001:db8::1]:1702", Listen("2001:db8::1", 1702)),
        (v.LISTEN, "[2001:db8::1]", Listen("2001:db8::1", 1701)),
        (v.LISTEN, "2001:db8::1", Listen("2001:db8::1", 1701)),
        (v.LISTEN, "0.0.0.0", Listen("0.0.0.0", 1701)),
        (v.LISTEN, "::", Listen("::", 1701)),
        (v.LISTEN_WITH_PORT, "127.0.0.1:9617", Listen("127.0.0.1", 9617)),
        (v.LISTEN_WITH_PORT, "[::]:65535", Listen("::", 65535)),
        (v.PREFIX, "198.18.0.0/24", "198.18.0.0/24"),
        (v.PREFIX, "198.18.0.1", "198.18.0.1/32"),
        (v.PREFIX, "2001:DB8::/32", "2001:db8::/32"),
        (v.MRU, "auto", "auto"),
        (v.MRU, 1460, 1460),
        (v.VRF, 0, 0),
    ],
)
def test_values_that_fit(kind, value, expected):
    result = read(kind, value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "wrong"),
    [
        (v.whole(1, 9), 0, "0 is too small, give a whole number from 1 to 9"),
        (v.whole(1, 9), 10, "10 is too large, give a whole number from 1 to 9"),
        (v.whole(1, 9), 1.0, "1.0 is not a whole number"),
        (v.whole(0, 9), True, "true is not a whole number"),
        (v.whole(0, 9), "5", '"5" is not a whole number'),
        (v.seconds(0, 9), -1, "-1 is too small, give seconds from 0 to 9"),
        (v.seconds(0, 9), 9.1, "9.1 is too large"),
        (v.seconds(0, 9), float("nan"), "NaN is not a number"),
        (v.seconds(0, 9), float("inf"), "Infinity is not a number"),
        (v.seconds(0, 9), False, "false is not a number"),
        (v.seconds(0, 9), "5s", '"5s" is not a number'),
        (v.choice("a", "b"), "c", '"c" is not known, give one of "a", "b"'),
        (v.choice("a", "b"), ["a"], '["a"] is not text'),
        (v.choice("a", absent="b", right="give a"), "b", '"b" is not in this version, give a'),
        (v.FLAG, 1, "1 is neither true nor false, give true or false"),
        (v.LABEL, "", "it is empty, give a name of 1 to 64 octets without spaces"),
        (v.LABEL, "a b", "has a space or a control character"),
        (v.LABEL, "a\nb", "has a space or a control character"),
        (v.LABEL, "ü" * 33, "is too long"),
        (v.LABEL, {"a": 1}, "a table is not text"),
        (v.LABEL, datetime.date(2024, 1, 2), '"2024-01-02" is not text'),
        (v.PATH, "var/lib", "is not an absolute path"),
        (v.PATH, "/a\0", "is not an absolute path"),
        (v.SOCKET_PATH, "/" + "a" * 107, "is longer than the 107 octets"),
        (v.FILE, "", "is not a file name"),
        (v.INTERFACE, "x" * 16, "has 16 octets, give an interface name of 1 to 15 octets"),
        (v.INTERFACE, "", "has 0 octets"),
        (v.INTERFACE, "..", "is not an interface name"),
        (v.INTERFACE, "a/b", "is not an interface name"),
        (v.INTERFACE, "tun%d", "is not an interface name"),
        (v.ADDRESS, "lns.example.net", "is not an IP address"),
        (v.HOST, "192.0.2.256", "is not an IP address"),
        (v.HOST, "2001:db8::g", "is not an IP address"),
        (v.HOST, "two words", "is neither a name of DNS nor an address"),
        (v.HOST, "-a.example.net", "is neither a name of DNS nor an address"),
        (v.HOST, "a..example.net", "is neither a name of DNS nor an address"),
        (v.ADDRESS, "fe80::1%eth0", "has a zone"),
        (v.ADDRESS, "224.0.0.1", "is not the address of one host"),
        (v.ADDRESS, "255.255.255.255", "is not the address of one host"),
        (v.ADDRESS, "0.0.0.0", "is not the address of one host"),
        (v.IPV4, "2001:db8::1", "is not an IPv4 address"),
        (v.IPV4, 3221225985, "3221225985 is not text"),
        (v.LISTEN, "192.0.2.1:", '"" is not a port'),
        (v.LISTEN, "192.0.2.1:0", "is not a port, give a port from 1 to 65535"),
        (v.LISTEN, "192.0.2.1:65536", "is not a port"),
        (v.LISTEN, "192.0.2.1:l2tp", "is not a port"),
        (v.LISTEN, "[2001:db8::1", "is not an address in brackets"),
        (v.LISTEN, "[2001:db8::1]1701", "is not an address in brackets"),
        (v.LISTEN, "[2001:db8::1]:", '"" is not a port'),
        (v.LISTEN, "eth0:1701", "is not an IP address"),
        (v.LISTEN, "224.0.0.1", "is not an address of this host"),
        (v.LISTEN_WITH_PORT, "127.0.0.1", "has no port"),
        (v.LISTEN_WITH_PORT, "9617", "is not an IP address"),
        (v.PREFIX, "198.18.0.1/24", 'did you mean "198.18.0.0/24"?'),
        (v.PREFIX, "198.18.0.0/33", "is not a prefix"),
        (v.PREFIX, "", "is not a prefix"),
        (v.RANGE, "10.0.0.9-10.0.0.1", 'ends before it begins, did you mean "10.0.0.1-10.0.0.9"?'),
        (v.RANGE, "10.0.0.1-", "is not an IP address"),
        (v.RANGE, "10.0.0.1-2001:db8::1", "is not an IPv4 address"),
        (v.RANGE, "2001:db8::/64", "is not IPv4"),
        (v.RANGE, "10.0.0.0/7", "has more than 16777216 addresses"),
        (v.RANGE, "10.0.0.0-11.0.0.0", "has more than 16777216 addresses"),
        (v.RANGE, "127.0.0.0/8", "has addresses that no host can have"),
        (v.RANGE, "240.0.0.0/8", "has addresses that no host can have"),
        (v.MRU, 127, 'give a whole number from 128 to 1500, or "auto"'),
        (v.MRU, 1501, "is too large"),
        (v.MRU, "big", "is not a whole number"),
        (v.VRF, 1, "1 is not in this version, give 0"),
        (v.VRF, False, "false is not in this version"),
    ],
)
def test_values_that_do_not_fit(kind, value, wrong):
    said = refused(kind, value)
    assert said.startswith("k: ")
    assert wrong in said


@pytest.mark.parametrize(
    ("text", "first", "last", "prefixes"),
    [
        ("10.64.0.0/16", "10.64.0.1", "10.64.255.254", ["10.64.0.0/16"]),
        ("10.0.0.0/8", "10.0.0.1", "10.255.255.254", ["10.0.0.0/8"]),
        ("10.0.0.0/30", "10.0.0.1", "10.0.0.2", ["10.0.0.0/30"]),
        ("10.0.0.0/31", "10.0.0.0", "10.0.0.1", ["10.0.0.0/31"]),
        ("10.0.0.5/32", "10.0.0.5", "10.0.0.5", ["10.0.0.5/32"]),
        ("10.0.0.5", "10.0.0.5", "10.0.0.5", ["10.0.0.5/32"]),
        ("10.0.0.0-10.0.0.255", "10.0.0.0", "10.0.0.255", ["10.0.0.0/24"]),
        ("10.0.0.1 - 10.0.0.4", "10.0.0.1", "10.0.0.4", ["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32"]),
    ],
)
def test_ranges_and_the_routes_that_cover_them(text, first, last, prefixes):
    routes = tuple((ip(prefix.split("/")[0]), int(prefix.split("/")[1])) for prefix in prefixes)
    assert read(v.RANGE, text) == v.Range(ip(first), ip(last), routes)


def test_a_list_tells_every_wrong_item_and_keeps_the_others():
    findings = Findings("f")
    kind = v.Many(v.IPV4_TEXT, least=1, most=5)
    assert kind.read(["192.0.2.1", 5, "x", "192.0.2.1", "192.0.2.2"], "k", findings) == ("192.0.2.1", "192.0.2.2")
    assert [(problem.key, problem.wrong) for problem in findings.problems] == [
        ("k[1]", "5 is not text"),
        ("k[2]", '"x" is not an IP address'),
        ("k[3]", '"192.0.2.1" is given twice'),
    ]


def test_a_list_has_a_length():
    assert "it has 3 items, give a list (up to 2, " in refused(
        v.Many(v.IPV4, most=2), ["1.1.1.1", "1.1.1.2", "1.1.1.3"]
    )
    assert "it has 0 items, give a list (at least one, " in refused(v.Many(v.LABEL, least=1), [])
    assert read(v.Many(v.LABEL), []) == ()


def test_a_single_text_where_a_list_is_wanted_is_shown_in_brackets():
    assert refused(v.Many(v.PREFIX), "192.0.2.0/24") == 'k: "192.0.2.0/24" is not a list, write ["192.0.2.0/24"]'
    assert "5 is not a list, give a list (each a prefix" in refused(v.Many(v.PREFIX), 5)


def test_long_values_are_cut_short():
    assert len(v.shown("x" * 1000)) < 60
