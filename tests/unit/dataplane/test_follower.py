"""Which news is a reason to look again; what is done then is in tests/dataplane/test_follower_kernel.py."""

from __future__ import annotations

import struct

import pytest

from bras.dataplane.links import NEWROUTES, route_interface
from bras.dataplane.rtnetlink import U32, attribute

NEWROUTE, NEWLINK = 24, 16


@pytest.mark.parametrize("index", [0, 7])
def test_a_route_names_its_interface(index: int) -> None:
    head = struct.pack("=BBBBBBBBI", 2, 24, 0, 0, 254, 4, 0, 1, 0)
    body = head + attribute(1, bytes(4)) + (attribute(4, U32.pack(index)) if index else b"")
    assert route_interface(body) == index
    assert NEWROUTE in NEWROUTES
    assert NEWLINK not in NEWROUTES
