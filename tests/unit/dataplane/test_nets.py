"""The longest prefix decides."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from bras.dataplane.nets import Nets, Network


def network(text: str) -> Network:
    one = ip_network(text)
    return int(one.network_address), one.prefixlen


def find(nets: Nets[str], address: str) -> str | None:
    return nets.find(int(ip_address(address)))


def test_the_smallest_network_in_which_an_address_lies() -> None:
    nets: Nets[str] = Nets(128)
    assert not nets
    for text in ("2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:2::/64", "2001:db8:1:2::7/128"):
        nets.put(network(text), text)
    assert find(nets, "2001:db8:1:2::7") == "2001:db8:1:2::7/128"
    assert find(nets, "2001:db8:1:2::8") == "2001:db8:1:2::/64"
    assert find(nets, "2001:db8:1:3::7") == "2001:db8:1::/48"
    assert find(nets, "2001:db8:2::") == "2001:db8::/32"
    assert find(nets, "2001:db9::") is None
    nets.drop(network("2001:db8:1::/48"))
    assert find(nets, "2001:db8:1:3::7") == "2001:db8::/32"
    assert find(nets, "2001:db8:1:2::8") == "2001:db8:1:2::/64"


def test_just_this_network() -> None:
    nets: Nets[str] = Nets(32)
    nets.put(network("10.0.0.0/8"), "a")
    assert nets.get(network("10.0.0.0/8")) == "a"
    assert nets.get(network("10.0.0.0/9")) is None
    assert nets.get(network("11.0.0.0/8")) is None
    nets.put(network("10.0.0.0/8"), "b")
    assert nets.get(network("10.0.0.0/8")) == "b"


def test_what_is_not_there_is_dropped_in_peace() -> None:
    nets: Nets[str] = Nets(32)
    nets.put(network("10.0.0.0/8"), "a")
    nets.drop(network("11.0.0.0/8"))
    nets.drop(network("10.0.0.0/9"))
    assert find(nets, "10.1.1.1") == "a"
    nets.drop(network("10.0.0.0/8"))
    assert not nets
    assert find(nets, "10.1.1.1") is None


def test_the_whole_world() -> None:
    nets: Nets[str] = Nets(32)
    nets.put((0, 0), "all")
    assert find(nets, "255.255.255.255") == find(nets, "0.0.0.0") == "all"


NETWORKS = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False), st.integers(0, 0xFF), st.integers(24, 32)
)


@given(
    steps=st.lists(st.tuples(st.booleans(), NETWORKS), max_size=30),
    addresses=st.lists(st.integers(0, 0x1FF), max_size=9),
)
def test_it_finds_what_a_look_at_all_of_them_finds(steps: list[tuple[bool, IPv4Network]], addresses: list[int]) -> None:
    nets: Nets[IPv4Network] = Nets(32)
    there: set[IPv4Network] = set()
    for comes, one in steps:
        key = int(one.network_address), one.prefixlen
        if comes:
            there.add(one)
            nets.put(key, one)
        else:
            there.discard(one)
            nets.drop(key)
    for number in addresses:
        fitting = [one for one in there if ip_address(number) in one]
        expected = max(fitting, key=lambda one: one.prefixlen, default=None)
        assert nets.find(number) == expected
