"""The tun back end with real packets: kernels' stacks at both ends judge what it does."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time

import pytest

from bras.errors import DropReason
from bras.forwarding.entry import Counters
from tests.dataplane.conftest import ADDRESS, CORE, LOCAL, PEER_IDS, Call, Provider, dialled

pytestmark = pytest.mark.root


def ping(namespace, target: str, *options: str, count: int = 3):  # type: ignore[no-untyped-def]  # CompletedProcess
    # At once: ping is patient with the last of them only for its interval once another one is answered.
    at_once = ("-c", str(count), "-l", str(count), "-i", "2")
    return namespace.run("ping", "-n", *at_once, "-W", "3", *options, target, check=False)


def received(done) -> int:  # type: ignore[no-untyped-def]  # CompletedProcess
    return int(re.search(r"(\d+) received", done.stdout).group(1))  # type: ignore[union-attr]  # None fails the test


ROADS = [
    ("198.18.0.1", "198.18.0.1"),
    ("2001:db8::1", "2001:db8::1"),
    ("0.0.0.0", "198.18.0.11"),
    ("::", "2001:db8::11"),
]


@pytest.mark.parametrize(("bound", "called"), ROADS)
def test_pings_both_ways_and_bills_what_the_client_saw(provider: Provider, bound: str, called: str) -> None:
    with dialled(provider, bound=bound, called=called) as call:
        assert received(ping(provider.client, CORE)) == 3
        assert received(ping(provider.core, ADDRESS)) == 3
        assert received(ping(provider.client, CORE, "-M", "do", "-s", str(1460 - 28))) == 3
        assert received(ping(provider.core, ADDRESS, "-M", "do", "-s", str(1460 - 28))) == 3
        counters = call.counters()
        sent_octets, sent, got_octets, got = call.client.statistics()
        assert (counters.up_octets4, counters.up_packets4) == (sent_octets, sent) == (6 * 84 + 6 * 1460, 12)
        assert (counters.down_octets4, counters.down_packets4) == (got_octets, got) == (6 * 84 + 6 * 1460, 12)
        assert call.plane.totals() == counters
        assert set(call.plane.drops.values()) == {0}
        assert call.client.headers == {struct.pack("!HHH", 2, *PEER_IDS) + b"\xff\x03\x00\x21"}


def test_our_own_end_of_the_link_answers(provider: Provider) -> None:
    with dialled(provider):
        assert received(ping(provider.client, LOCAL)) == 3
        assert received(ping(provider.lns, ADDRESS)) == 3


@pytest.mark.parametrize("rp_filter", [0, 1])
def test_a_too_big_packet_with_df_is_refused_with_the_mtu(provider: Provider, rp_filter: int) -> None:
    provider.lns.sysctl("net.ipv4.conf.all.rp_filter", rp_filter)
    provider.lns.sysctl("net.ipv4.conf.default.rp_filter", rp_filter)
    with dialled(provider, mtu=1400) as call:
        said = ping(provider.core, ADDRESS, "-M", "do", "-s", "1472", count=1).stdout
        assert f"From {LOCAL}" in said
        assert "mtu = 1400" in said
        assert call.counters().down_too_big == 1
        assert call.counters().down_packets4 == 0
        assert call.plane.drops[DropReason.TOO_BIG] == 1
        assert f"{ADDRESS} via" in (learnt := provider.core.ip("route", "get", ADDRESS))
        assert "mtu 1400" in learnt


@pytest.mark.parametrize("size", [1401 - 28, 1472, 3000, 20000])
def test_a_too_big_packet_without_df_is_cut(provider: Provider, size: int) -> None:
    with dialled(provider, mtu=1400) as call:
        assert received(ping(provider.core, ADDRESS, "-M", "dont", "-s", str(size), count=2)) == 2
        counters, (_, _, got_octets, got) = call.counters(), call.client.statistics()
        assert (counters.down_octets4, counters.down_packets4) == (got_octets, got)
        assert counters.down_packets4 > 2
        assert set(call.plane.drops.values()) == {0}


def test_an_address_that_nobody_has_is_unreachable(provider: Provider) -> None:
    with dialled(provider) as call:
        for namespace in (provider.core, provider.client):
            assert (
                f"From {LOCAL} icmp_seq=1 Destination Host Unreachable" in ping(namespace, "10.64.9.9", count=1).stdout
            )
        assert call.plane.drops[DropReason.NO_ROUTE] == 2


@pytest.mark.parametrize("check", [True, False])
def test_a_foreign_source_is_dropped_and_counted_unless_allowed(provider: Provider, check: bool) -> None:
    provider.client.ip("address", "add", "10.64.0.77/32", "dev", "lo")
    with dialled(provider, source_check=check) as call:
        assert received(ping(provider.client, CORE, "-I", "10.64.0.77", "-W", "0.1")) == 0
        counters = call.counters()
        assert (counters.up_spoofed, counters.up_packets4) == ((3, 0) if check else (0, 3))
        assert call.plane.drops[DropReason.SPOOFED_SOURCE] == counters.up_spoofed


def test_an_address_outside_all_pools_has_a_route_of_its_own(provider: Provider) -> None:
    with dialled(provider, address="203.0.113.5") as call:
        assert received(ping(provider.core, "203.0.113.5")) == 3
        assert "203.0.113.5 dev bras0" in provider.lns.ip("route")
        assert call.counters().up_packets4 == 3


def test_tcp_learns_the_mss_and_carries_all_octets(provider: Provider) -> None:
    payload = bytes(range(256)) * 8000
    with provider.core.entered():
        server = socket.create_server((CORE, 8080))
    with server, dialled(provider, mtu=1300, client_mtu=1500) as call:
        with provider.client.entered():
            client = socket.create_connection((CORE, 8080), timeout=10)
        with client, server.accept()[0] as accepted:
            assert 1300 - 40 - 12 <= accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1300 - 40
            assert 1300 - 40 - 12 <= client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1300 - 40
            for sender, receiver in ((client, accepted), (accepted, client)):
                assert carried(sender, receiver, payload) == payload
        counters = call.counters()
        assert counters.down_too_big == 0
        counters = settled(call)
        assert counters.down_octets4 > len(payload) * 1300 // 1260


def settled(call: Call) -> Counters:
    """Wait until the kernel behind ppp0 and our counters agree, octet for octet."""
    deadline = time.monotonic() + 10
    while True:
        counters, theirs = call.counters(), call.client.statistics()
        ours = counters.up_octets4, counters.up_packets4, counters.down_octets4, counters.down_packets4
        if ours == theirs or time.monotonic() > deadline:
            assert ours == theirs
            return counters
        time.sleep(0.02)


def carried(sender: socket.socket, receiver: socket.socket, payload: bytes) -> bytes:
    got, sent = bytearray(), 0
    sender.setblocking(False)
    receiver.settimeout(10)
    while len(got) < len(payload):
        with contextlib.suppress(BlockingIOError):
            sent += sender.send(payload[sent:])
        got += receiver.recv(1 << 20)
    return bytes(got)


def test_without_the_clamp_path_mtu_discovery_does_it(provider: Provider) -> None:
    with provider.core.entered():
        server = socket.create_server((CORE, 8080))
    with server, dialled(provider, mtu=1300, client_mtu=1500, clamp_mss=False) as call:
        with provider.client.entered():
            client = socket.create_connection((CORE, 8080), timeout=10)
        with client, server.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) > 1300
            assert carried(accepted, client, bytes(100_000)) == bytes(100_000)
        assert call.counters().down_too_big > 0
