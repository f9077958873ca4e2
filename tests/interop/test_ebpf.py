"""Sessions of real clients over the back end ``ebpf``: the kernel carries their packets, and the daemon says so.

As in test_sessions.py, whose daemons forward by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import Bench, Lab
from tests.support.freeradius import FreeRadius
from tests.support.guest import until
from tests.support.lac import Client, KernelLac, Session, Xl2tpd
from tests.support.provider import bpf_file_system

WORLD = "198.18.1.2"
IP_AND_ICMP = 28
MRU = 1460


@pytest.fixture
def ebpf(freeradius: FreeRadius, start: Callable[..., Bench], place: Path) -> Iterator[Bench]:
    """Return a daemon whose kernel forwards."""
    with bpf_file_system(place / "bpf") as pins:
        bench = start(dataplane={"backend": "ebpf", "pin_dir": str(pins / "bras")})
        yield bench
        bench.lns.stop()


def shown(bench: Bench) -> dict[str, Any]:
    """Return what ``bras show dataplane --json`` says, the back end being the right one."""
    told: dict[str, Any] = bench.lns.show("dataplane")
    assert told["backend"] == "ebpf"
    assert {row["mode"] for row in told["interfaces"]} == {"tc"}
    return told


def carried_by_the_kernel(bench: Bench, packets: int) -> None:
    """Judge that so many packets each way have been carried, and none of them by the daemon."""
    for _ in until(10):
        told = shown(bench)
        if told["totals"]["up_packets4"] >= packets:
            break
    assert told["totals"]["up_packets4"] == told["totals"]["down_packets4"] == packets
    by_us = {name: count for name, count in told["fallbacks"].items() if count and name not in _NOT_PACKETS}
    assert not by_us
    assert not {name: count for name, count in told["drops"].items() if count}


_NOT_PACKETS = {"control", "ppp_control", "unknown_session", "link_scope"}
"""What comes while a session is set up, and what the kernel says of its groups."""


@pytest.mark.parametrize(
    ("make", "sessions"),
    [
        (lambda lab: Xl2tpd(lab.guest, [Client("user1")]), 1),
        (lambda lab: KernelLac(lab.guest, [Client(f"user{n}") for n in range(1, 11)]), 10),
    ],
    ids=["xl2tpd and pppd", "the kernel's l2tp_ppp and ten pppd"],
)
def test_packets_of_real_clients(
    lab: Lab, ebpf: Bench, freeradius: FreeRadius, make: Callable[[Lab], Xl2tpd | KernelLac], sessions: int
) -> None:
    lac = make(lab)
    lac.dial("198.18.0.1", "tunsecret")
    up: list[Session] = lac.wait_up(120)
    assert len(up) == sessions
    sizes = [0, 1, 56, 512, 1024, MRU - IP_AND_ICMP]
    for size in sizes:
        assert [done.status for done in lac.ping(WORLD, *up, count=2, octets=size)] == [0] * sessions
    back = 2 if sessions == 1 else 0  # of several links with one other end the client would answer by any
    if back:
        assert " 0% packet loss" in lab.namespace.run("ping", "-n", "-c", "2", "-i", "0.2", up[0].address).stdout
    carried_by_the_kernel(ebpf, sessions * 2 * len(sizes) + back)
    assert shown(ebpf)["entries"] == sessions
    octets = sum(2 * (size + IP_AND_ICMP) for size in sizes)
    lac.hang_up(*up)
    octets += back * 84
    assert lac.wait_down() == dict.fromkeys(range(1, sessions + 1), (octets, octets)), "pppd counts as we do"
    stops = freeradius.wait_records("Stop", sessions)
    billed = {(int(stop["Acct-Input-Octets"]), int(stop["Acct-Output-Octets"])) for stop in stops}
    assert billed == {(octets, octets)}
    assert {record["Acct-Terminate-Cause"] for record in stops} == {"User-Request"}
    assert shown(ebpf)["entries"] == 0


def test_a_packet_that_is_too_large_for_the_client_is_answered_over_ebpf(lab: Lab, ebpf: Bench) -> None:
    lac = Xl2tpd(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "tunsecret")
    (session,) = lac.wait_up()
    told = lab.namespace.run("ping", "-n", "-c", "1", "-M", "do", "-s", "1472", session.address, check=False)
    assert told.returncode != 0
    assert str(MRU) in told.stdout + told.stderr
