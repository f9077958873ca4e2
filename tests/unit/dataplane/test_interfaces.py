"""By which interfaces LACs come, and where XDP is put: a table of networks."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from bras.dataplane.interfaces import Wish, plan
from bras.dataplane.links import Link
from bras.dataplane.records import XdpMode

LO, ETH0, ETH1, ANCHOR, PAIR, DUMMY, BRIDGE, PORT, VLAN, INNER, VRF, MEMBER, TUNNEL, DOWN = range(1, 15)
LINKS = {
    link.index: link
    for link in (
        Link(LO, "lo", 772, loopback=True),
        Link(ETH0, "eth0"),
        Link(ETH1, "eth1"),
        Link(ANCHOR, "bras0", 65534, "tun"),
        Link(PAIR, "bras0s", kind="veth"),
        Link(DUMMY, "dummy0", kind="dummy"),
        Link(BRIDGE, "br0", kind="bridge"),
        Link(PORT, "eth2", master=BRIDGE),
        Link(VLAN, "eth1.7", kind="vlan", parent=ETH1, vlan=7),
        Link(INNER, "eth1.7.8", kind="vlan", parent=VLAN, vlan=8),
        Link(VRF, "red", kind="vrf"),
        Link(MEMBER, "eth3", master=VRF),
        Link(TUNNEL, "gre1", 778, "gre"),
        Link(DOWN, "eth4", up=False),
    )
}
ADDRESSES = frozenset(
    {
        (LO, "127.0.0.1"),
        (LO, "::1"),
        (LO, "198.51.100.1"),
        (LO, "2001:db8:ff::1"),
        (DUMMY, "198.51.100.2"),
        (ETH0, "198.18.0.1"),
        (ETH0, "fe80::1"),
        (ETH0, "2001:db8::1"),
        (ANCHOR, "10.255.255.1"),
        (PAIR, "198.18.9.1"),
        (BRIDGE, "198.18.2.1"),
        (PORT, "198.18.2.2"),
        (VLAN, "198.18.7.1"),
        (MEMBER, "198.18.3.1"),
        (MEMBER, "fe80::3"),
        (VRF, "198.18.33.1"),
        (TUNNEL, "198.18.8.1"),
        (DOWN, "198.18.4.1"),
    }
)
NEVER = frozenset({ANCHOR, PAIR})
ALL4 = {ETH0, BRIDGE, VLAN, MEMBER}


@pytest.mark.parametrize(
    ("listening", "ways", "wanted"),
    [
        pytest.param((), (), set(), id="nothing yet"),
        pytest.param(("198.18.0.1",), (), {ETH0}, id="holds the address"),
        pytest.param(("2001:db8::1",), (), {ETH0}, id="holds the IPv6 address"),
        pytest.param(("198.18.0.1", "198.18.7.1"), (), {ETH0, VLAN}, id="two addresses, one on a VLAN"),
        pytest.param(("198.18.2.1",), (), {BRIDGE}, id="on a bridge"),
        pytest.param(("198.18.2.2",), (), ALL4, id="on a bridge's port, by which nothing comes"),
        pytest.param(("198.18.3.1",), (), {MEMBER}, id="on a member of a VRF"),
        pytest.param(("198.18.33.1",), (), ALL4, id="on a VRF: by any"),
        pytest.param(("198.51.100.1",), (), ALL4, id="on the loopback: by any"),
        pytest.param(("198.51.100.2",), (), ALL4, id="on a dummy: by any"),
        pytest.param(("2001:db8:ff::1",), (), {ETH0}, id="IPv6 on the loopback: by any with IPv6"),
        pytest.param(("0.0.0.0",), (), ALL4, id="wildcard: all that are up"),
        pytest.param(("::",), (), {ETH0}, id="IPv6 wildcard: link-local addresses do not count"),
        pytest.param(("198.18.4.1",), (), {DOWN}, id="down for now"),
        pytest.param(("203.0.113.9",), (), set(), id="an address that nobody holds"),
        pytest.param(("198.18.0.1",), (ETH1,), {ETH0, ETH1}, id="and the way to a LAC"),
        pytest.param(("198.18.0.1",), (LO, ANCHOR, PAIR, TUNNEL, VRF, 99), {ETH0}, id="ways that are none"),
        pytest.param(("10.255.255.1",), (), set(), id="our own address"),
    ],
)
def test_found(listening: tuple[str, ...], ways: tuple[int, ...], wanted: set[int]) -> None:
    wish = Wish(listening=frozenset(listening), ways=frozenset(ways), never=NEVER)
    made = plan(LINKS, ADDRESSES, wish)
    assert made.tc == wanted
    assert (dict(made.ports), made.exits, made.remarks) == ({}, frozenset(), ())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("eth9", "is not there"),
        ("bras0s", "is the data plane's own"),
        ("lo", "is no Ethernet"),
        ("gre1", "is no Ethernet"),
    ],
)
def test_configured(name: str, said: str) -> None:
    wish = Wish(("eth1", name, "dummy0"), listening=frozenset({"198.18.0.1"}), ways=frozenset({BRIDGE}), never=NEVER)
    made = plan(LINKS, ADDRESSES, wish)
    assert made.tc == {ETH1, DUMMY}
    (remark,) = made.remarks
    assert remark.startswith(f"interface {name}: {said}")


OFF, DECAP, FULL = XdpMode.OFF, XdpMode.DECAP, XdpMode.FULL


@pytest.mark.parametrize(
    ("xdp", "tc", "ports", "exits"),
    [
        pytest.param({"eth1": OFF}, {ETH0}, {}, set(), id="off"),
        pytest.param({"eth0": DECAP}, {ETH0}, {(ETH0, 0): DECAP}, set(), id="decap"),
        pytest.param({"eth1": FULL}, {ETH0, ETH1}, {(ETH1, 0): FULL}, {ETH1}, id="full, towards the core"),
        pytest.param({"eth1.7": DECAP}, {ETH0, VLAN}, {(ETH1, 7): DECAP}, set(), id="VLAN: below it, TC on it"),
        pytest.param(
            {"eth1": DECAP, "eth1.7": FULL},
            *({ETH0, ETH1, VLAN}, {(ETH1, 0): DECAP, (ETH1, 7): FULL}, set()),
            id="VLAN and the interface below; a VLAN is no exit",
        ),
        pytest.param({"eth2": DECAP}, {ETH0, PORT}, {(PORT, 0): DECAP}, set(), id="port of a bridge"),
    ],
)
def test_xdp(xdp: dict[str, XdpMode], tc: set[int], ports: dict[tuple[int, int], XdpMode], exits: set[int]) -> None:
    made = plan(LINKS, ADDRESSES, Wish(xdp=MappingProxyType(xdp), listening=frozenset({"198.18.0.1"}), never=NEVER))
    assert (made.tc, dict(made.ports), made.exits, made.remarks) == (tc, ports, exits, ())


@pytest.mark.parametrize(
    ("name", "said"),
    [("eth1.7.8", "a VLAN inside a VLAN"), ("lo", "is no Ethernet"), ("eth9", "is not there"), ("bras0", "own")],
)
def test_xdp_that_cannot_be(name: str, said: str) -> None:
    made = plan(LINKS, ADDRESSES, Wish(xdp={name: FULL}, listening=frozenset({"198.18.0.1"}), never=NEVER))
    assert (made.tc, dict(made.ports), made.exits) == ({ETH0}, {}, frozenset())
    (remark,) = made.remarks
    assert said in remark


def test_a_vlan_whose_interface_below_is_elsewhere() -> None:
    links = {VLAN: Link(VLAN, "eth1.7", kind="vlan", parent=99, vlan=7)}  # in another namespace
    made = plan(links, frozenset(), Wish(xdp={"eth1.7": DECAP}))
    assert (made.tc, dict(made.ports)) == (frozenset(), {})
    assert len(made.remarks) == 1
