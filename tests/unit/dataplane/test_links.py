"""What anybody may ask the kernel about its network; the rest is in tests/dataplane/test_hooks_kernel.py."""

from __future__ import annotations

import errno
import struct
from typing import cast

import pytest

from bras.dataplane.links import Route4, addresses, link, links, route4, routes4, usual_rules4, ways
from bras.dataplane.rtnetlink import Conversation, attribute


def test_the_loopback_interface() -> None:
    kernel = Conversation()
    found = links(kernel)[1]
    assert (found.name, found.loopback, found.up, found.vlan) == ("lo", True, True, 0)
    assert link(kernel, "lo") == found
    assert (1, "127.0.0.1") in addresses(kernel)
    assert ways(kernel, "127.0.0.1") == {1}
    kernel.close()


def test_what_is_not_there() -> None:
    kernel = Conversation()
    assert link(kernel, "no-such-link") is None
    assert link(kernel, "a-name-that-is-too-long") is None
    assert ways(kernel, "2001:db8:dead::1%1") == ways(kernel, "2001:db8:dead::1")
    kernel.close()


# -- routes and rules, as the kernel lists them

ROUTE, RULE = struct.Struct("=BBBBBBBBI"), struct.Struct("=BBBBBBBBI")


def _route(length: int, *of: bytes, family: int = 2, tos: int = 0) -> bytes:
    return ROUTE.pack(family, length, 0, tos, 254, 3, 0, 1, 0) + b"".join(of)


DST, OIF, NH_ID, MULTIPATH = (
    attribute(1, bytes((10, 64, 0, 0))),
    attribute(4, b"\7\0\0\0"),
    attribute(30, b"\1\0\0\0"),
    attribute(9, b""),
)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (_route(0, OIF), Route4(0, 0, alone=True)),
        (_route(16, DST, OIF), Route4(0x0A400000, 16, alone=True)),
        (_route(16, DST), Route4(0x0A400000, 16, alone=True)),  # a blackhole
        (_route(16, DST, OIF, tos=16), Route4(0x0A400000, 16, alone=False)),
        (_route(16, DST, MULTIPATH), Route4(0x0A400000, 16, alone=False)),
        (_route(16, DST, NH_ID), Route4(0x0A400000, 16, alone=False)),  # perhaps of several
        (_route(16, DST, NH_ID, OIF), Route4(0x0A400000, 16, alone=True)),
        (_route(0, OIF, family=10), None),
    ],
)
def test_what_a_route_covers(body: bytes, wanted: Route4 | None) -> None:
    assert route4(body) == wanted


class Listing:
    """A conversation in which the kernel lists these."""

    def __init__(self, *bodies: bytes, wrong: int = 0) -> None:
        self.bodies, self.wrong = bodies, wrong

    def dump(self, kind: int, body: bytes, most: int | None = None) -> list[bytes]:
        assert kind in {26, 34}
        if self.wrong:
            raise OSError(self.wrong, "no")
        return list(self.bodies)[: most + 1 if most is not None else None]


def _rule(table: int, *of: bytes, source: int = 0, tos: int = 0, action: int = 1, flags: int = 0) -> bytes:
    return RULE.pack(2, 0, source, tos, table, 0, 0, action, flags) + b"".join(of)


PRIORITY, PROTOCOL = attribute(6, b"\1\0\0\0"), attribute(21, b"\2")
ALL = attribute(14, b"\xff" * 4)
USUAL = [_rule(255, ALL, PROTOCOL), _rule(254, PRIORITY, ALL), _rule(253, PRIORITY, attribute(15, b"\xfd\0\0\0"), ALL)]


def _usual(*rules: bytes, wrong: int = 0) -> bool:
    return usual_rules4(cast(Conversation, Listing(*rules, wrong=wrong)))


@pytest.mark.parametrize(
    "rule",
    [
        _rule(254, source=8),
        _rule(254, tos=16),
        _rule(100, PRIORITY),
        _rule(0, attribute(15, struct.pack("=I", 1000))),
        _rule(254, action=6),  # a blackhole
        _rule(254, flags=2),  # not
        _rule(254, attribute(3, b"eth0\0")),  # from an interface
        _rule(254, attribute(10, b"\1\0\0\0")),  # with a mark
        _rule(254, attribute(14, bytes(4))),  # without the default route
        _rule(0, attribute(19, b"\1")),  # the table of the VRF
        RULE.pack(128, 0, 0, 0, 254, 0, 0, 1, 0),  # multicast's, in which all is otherwise
    ],
)
def test_a_rule_that_looks_at_more_than_the_destination(rule: bytes) -> None:
    assert _usual(*USUAL)
    assert not _usual(*USUAL, rule)


def test_a_kernel_without_rules() -> None:
    assert _usual(wrong=errno.EOPNOTSUPP)
    for wrong in (errno.EPERM, errno.EINVAL):
        with pytest.raises(OSError, match="no"):
            _usual(wrong=wrong)


def test_no_more_routes_are_read_than_wanted() -> None:
    kernel = cast(Conversation, Listing(*[_route(16, DST)] * 9, _route(0, family=10)))
    assert len(routes4(kernel, 3)) == 4
    assert len(routes4(kernel, 10)) == 9
