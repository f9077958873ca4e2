"""The ways out of our sockets."""

from __future__ import annotations

import socket

import pytest

from bras.dataplane.base import DataPlane, Outlet
from bras.dataplane.null import Null
from bras.dataplane.tun import Tun
from bras.forwarding.entry import Leg

FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}


@pytest.mark.parametrize("kind", [Null, Tun])
def test_every_back_end_is_a_data_plane(kind: type) -> None:
    members = {name for name in vars(DataPlane) if not name.startswith("_")}
    assert members <= set(dir(kind)) | ({"drops"} if kind is Null else set())


@pytest.mark.parametrize("address", FAMILIES)
@pytest.mark.parametrize("wildcard", [False, True])
def test_a_datagram_leaves_from_where_the_call_came_in(address: str, wildcard: bool) -> None:
    family = FAMILIES[address]
    with socket.socket(family, socket.SOCK_DGRAM) as listener, socket.socket(family, socket.SOCK_DGRAM) as lac:
        listener.bind(("" if wildcard else address, 0))
        lac.bind((address, 0))
        lac.settimeout(5)
        port = lac.getsockname()[1]
        way = Outlet(listener, wildcard=wildcard).prepare(Leg(1, 0, address, 1701, address, port, 1, 1, False, False))
        way.send(b"hello")
        data, sender = lac.recvfrom(100)
        assert (data, sender[:2]) == (b"hello", (address, listener.getsockname()[1]))
        lac.sendto(b"and back", sender)
        listener.settimeout(5)
        assert listener.recvfrom(100) == (b"and back", way.peer)


def test_the_second_address_of_the_loopback_is_kept() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener, socket.socket(type=socket.SOCK_DGRAM) as lac:
        listener.bind(("0.0.0.0", 0))
        lac.bind(("127.0.0.1", 0))
        lac.settimeout(5)
        Outlet(listener, wildcard=True).way("127.0.0.2", *lac.getsockname()).send(b"x")
        assert lac.recvfrom(100)[1][0] == "127.0.0.2"


def test_no_address_is_an_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener, pytest.raises(OSError, match="illegal"):
        Outlet(listener, wildcard=True).way("::1", "127.0.0.1", 1)


@pytest.mark.parametrize("address", FAMILIES)
@pytest.mark.parametrize("wildcard", [False, True])
def test_an_outlet_tells_where_it_is(address: str, wildcard: bool) -> None:
    bound = {"127.0.0.1": "0.0.0.0", "::1": "::"}[address] if wildcard else address
    with socket.socket(FAMILIES[address], socket.SOCK_DGRAM) as listener:
        listener.bind((bound, 0))
        outlet = Outlet(listener, wildcard=wildcard)
        assert (outlet.address, outlet.port, outlet.is_wildcard) == (bound, listener.getsockname()[1], wildcard)
