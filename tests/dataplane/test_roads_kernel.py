"""What the kernel and its tools see of a subscriber's packets: MSS, marks, priorities, checksums."""

from __future__ import annotations

import ctypes
import json
import re
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from tests.support.capture import Capture
from tests.support.namespaces import Namespace
from tests.support.provider import CORE, FAMILIES, LNS, Road
from tests.support.traffic import carried, connected, ping, soon

pytestmark = pytest.mark.root
both = pytest.mark.both
MARK, PRIORITY = 0x2A0017, 0x10010
MTU = 1300
_SO_ATTACH_FILTER = 26
stacks = pytest.mark.parametrize("road_of", ["tc", "decap"], indirect=True)
outers = pytest.mark.parametrize("outer", FAMILIES, ids=lambda family: f"outer{family}")
inners = pytest.mark.parametrize("inner", FAMILIES, ids=lambda family: f"inner{family}")


@outers
@inners
@both
def test_the_mss_of_both_ends_is_lowered(road_of: Road, tmp_path: Path, outer: int, inner: int) -> None:
    """Each end offers 1500 octets less headers, and hears what the link carries; tcpdump sees it at both ends."""
    syn = "tcp[tcpflags] & tcp-syn != 0 or (ip6 and ip6[6] = 6 and ip6[53] & 2 != 0)"
    wanted = MTU - (40 if inner == 4 else 60)
    with road_of.dial(outer, mtu=MTU, client_mtu=1500) as call:
        ends = (
            Capture(call.client, "ppp0", tmp_path / "client", syn),
            Capture(road_of.core, "eth0", tmp_path / "core", syn),
        )
        with ends[0], ends[1], connected(call.client, road_of.core, CORE[inner]):
            assert soon(lambda: all(len(mss_of(end.path)) == 2 for end in ends))
    assert [mss_of(end.path) for end in ends] == [[wanted + 200, wanted], [wanted, wanted + 200]]


def mss_of(capture: Path) -> list[int]:
    """Return the MSS options of a capture's segments, in order."""
    done = subprocess.run(["tcpdump", "-n", "-r", str(capture)], capture_output=True, text=True, check=False)
    return [int(mss) for mss in re.findall(r"mss (\d+)", done.stdout)]


RULES = f"""
table inet seen {{
    counter prerouting {{ }}
    counter forward {{ }}
    chain in {{ type filter hook prerouting priority raw; iifname "bras0" meta mark {MARK} counter name prerouting; }}
    chain through {{ type filter hook forward priority 0; iifname "bras0" meta mark {MARK} counter name forward; }}
}}
"""


@contextmanager
def rules(where: Namespace, text: str) -> Iterator[None]:
    """Have nftables' rules of a table ``seen`` in a namespace for a while."""
    where.run("nft", text)
    try:
        yield
    finally:
        where.run("nft", "flush", "ruleset")


def seen(where: Namespace) -> dict[str, int]:
    """Return the packets of each counter."""
    listed = json.loads(where.run("nft", "-j", "list", "counters").stdout)["nftables"]
    return {entry["counter"]["name"]: entry["counter"]["packets"] for entry in listed if "counter" in entry}


@contextmanager
def sent_with(mark: int, where: Namespace, interface: str) -> Iterator[socket.socket]:
    """Open a packet socket that sees what an interface sends or receives with a mark (SKF_AD_MARK)."""
    program = ((0x20, 0, 0, 0xFFFFF000 + 20), (0x15, 0, 1, mark), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0))
    octets = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    with where.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as opened:
        opened.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(octets))
        )
        opened.bind((interface, 3))
        opened.settimeout(10)
        yield opened


@stacks
@outers
@inners
@both
def test_a_mark_is_there_both_ways(road_of: Road, outer: int, inner: int) -> None:
    """Upstream nftables sees it; downstream, where packets leave past its hooks, whatever sees the LAC's interface."""
    with (
        road_of.dial(outer, mark=MARK) as call,
        rules(road_of.lns, RULES),
        sent_with(MARK, road_of.lns, "lac0") as sent,
    ):
        assert ping(call.client, CORE[inner], count=5) == 5
        assert seen(road_of.lns) == {"prerouting": 5, "forward": 5}
        assert [sent.recvfrom(2048)[1][2] for _ in range(5)] == [socket.PACKET_OUTGOING] * 5


@stacks
@outers
@both
def test_a_class_of_the_lacs_interface_is_chosen_by_priority(road_of: Road, outer: int) -> None:
    """HTB takes ``skb->priority`` for a class of its own."""
    lns = road_of.lns
    lns.run("tc", "qdisc", "add", "dev", "lac0", "root", "handle", "1:", "htb", "default", "20")
    try:
        for minor in (10, 20):
            lns.run(
                "tc", "class", "add", "dev", "lac0", "parent", "1:", "classid", f"1:{minor}", "htb", "rate", "1gbit"
            )
        with road_of.dial(outer, priority=PRIORITY) as call:
            assert ping(call.client, CORE[4], count=5) == 5
        classes = lns.run("tc", "-s", "class", "show", "dev", "lac0").stdout
        sent = {name: int(count) for name, count in re.findall(r"class htb (1:\d+) .*?(\d+) pkt", classes, re.DOTALL)}
        assert sent["1:10"] == 5
    finally:
        lns.run("tc", "qdisc", "delete", "dev", "lac0", "root")


_SUMS = ("ip", "udp", "tcp", "icmp", "icmpv6")
_VERIFY = tuple(f"{protocol}.check_checksum:TRUE" for protocol in ("ip", "udp", "tcp"))


@outers
def test_tshark_finds_every_sum_right_outside_and_inside(road_of: Road, tmp_path: Path, outer: int) -> None:
    """The LAC's kernel takes a datagram whose sum is zero as it is; here each one is worked out again.

    With framings of odd and of even length, and with a length in the header.
    """
    payload = bytes(range(256)) * 100
    capture = Capture(road_of.lac, "eth0", tmp_path / "pcap", "udp port 1701")
    with capture:
        for leg in ({}, {"pfc": True, "acfc": False}, {"pfc": True, "acfc": True}, {"length_bit": True}):
            with road_of.dial(outer, leg=leg) as call:
                for inner, octets in product(FAMILIES, (0, 1, 55, 1000)):
                    assert ping(call.client, CORE[inner], octets=octets, count=1) == 1
                for inner in FAMILIES:
                    with connected(call.client, road_of.core, CORE[inner]) as (client, server):
                        assert carried(server, client, payload) == payload
        assert soon(lambda: capture.path.stat().st_size > 8 * len(payload))  # what it has not read yet, it never writes
    port = f"{'ip' if outer == 4 else 'ipv6'}.src == {LNS[outer]} && l2tp"
    wrong = " || ".join(f'{name}.checksum.status == "Bad"' for name in _SUMS)
    packets = capture.packets(port, "udp.checksum", "udp.length", options=_VERIFY)
    assert len(packets) > 8 * 20
    assert not capture.packets(f"({port}) && ({wrong})", "frame.number", options=_VERIFY)
    sums = {int(checksum, 16) for checksum, _ in packets}
    assert (sums == {0}) is (outer == 4), "over IPv6 a datagram has a sum"
    assert not (outer == 6 and 0 in sums)
