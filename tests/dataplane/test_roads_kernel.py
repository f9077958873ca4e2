"""What the kernel and its tools see of a subscriber's packets: MSS, marks, priorities, checksums."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.capture import Capture
from tests.support.namespaces import Namespace
from tests.support.provider import CORE, FAMILIES, Road
from tests.support.traffic import carried, connected, ping

pytestmark = pytest.mark.root
both = pytest.mark.both
MARK, PRIORITY = 0x2A0017, 0x10010
MTU = 1300
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
            pass
        offered = [mss_of(end.path) for end in ends]
    assert offered == [[wanted + 200, wanted], [wanted, wanted + 200]]


def mss_of(capture: Path) -> list[int]:
    """Return the MSS options of a capture's segments, in order."""
    done = subprocess.run(["tcpdump", "-n", "-r", str(capture)], capture_output=True, text=True, check=True)
    return [int(mss) for mss in re.findall(r"mss (\d+)", done.stdout)]


RULES = f"""
table inet seen {{
    counter up_mark {{ }}
    counter up_priority {{ }}
    chain in {{
        type filter hook prerouting priority raw;
        iifname "bras0" meta mark {MARK} counter name up_mark
        iifname "bras0" meta priority {PRIORITY >> 16:x}:{PRIORITY & 0xFFFF:x} counter name up_priority
    }}
}}
table netdev seen {{
    counter down_mark {{ }}
    counter down_priority {{ }}
    chain out {{
        type filter hook egress device "lac0" priority 0;
        meta mark {MARK} counter name down_mark
        meta priority {PRIORITY >> 16:x}:{PRIORITY & 0xFFFF:x} counter name down_priority
    }}
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


def seen(where: Namespace) -> dict[str, tuple[int, int]]:
    """Return packets and octets of each counter."""
    listed = json.loads(where.run("nft", "-j", "list", "counters").stdout)["nftables"]
    counters = [entry["counter"] for entry in listed if "counter" in entry]
    return {counter["name"]: (counter["packets"], counter["bytes"]) for counter in counters}


@stacks
@outers
@inners
@both
def test_nftables_sees_mark_and_priority_both_ways(road_of: Road, outer: int, inner: int) -> None:
    with road_of.dial(outer, mark=MARK, priority=PRIORITY) as call, rules(road_of.lns, RULES):
        assert ping(call.client, CORE[inner], count=5) == 5
        counted = {name: packets for name, (packets, _) in seen(road_of.lns).items()}
        assert counted == {"up_mark": 5, "up_priority": 5, "down_mark": 5, "down_priority": 5}


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
@inners
@pytest.mark.parametrize("leg", [{}, {"pfc": True, "acfc": False}, {"pfc": True, "acfc": True}, {"length_bit": True}])
def test_tshark_finds_every_sum_right_outside_and_inside(
    road_of: Road, tmp_path: Path, outer: int, inner: int, leg: dict[str, bool]
) -> None:
    """The LAC's kernel takes a datagram whose sum is zero as it is; here each one is worked out again."""
    payload = bytes(range(256)) * 100
    capture = Capture(road_of.lac, "eth0", tmp_path / "pcap", "udp port 1701")
    with road_of.dial(outer, leg=leg) as call, capture:
        for octets in (0, 1, 55, 1000):
            assert ping(call.client, CORE[inner], "-s", str(octets), count=2) == 2
        with connected(call.client, road_of.core, CORE[inner]) as (client, server):
            assert carried(server, client, payload) == payload
    port = "udp.srcport == 1701 && l2tp"
    wrong = " || ".join(f'{name}.checksum.status == "Bad"' for name in _SUMS)
    packets = capture.packets(port, "udp.checksum", "udp.length", options=_VERIFY)
    assert len(packets) > 10
    assert not capture.packets(f"({port}) && ({wrong})", "frame.number", options=_VERIFY)
    sums = {int(checksum, 16) for checksum, _ in packets}
    assert (sums == {0}) is (outer == 4), "over IPv6 a datagram has a sum"
    assert not (outer == 6 and 0 in sums)
