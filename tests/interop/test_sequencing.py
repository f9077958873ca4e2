"""Numbered data between the Linux kernel's l2tp_ppp and us: it drops whatever is not exactly in order."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.interop.conftest import Bench, Lab
from tests.support.freeradius import FreeRadius
from tests.support.lac import Client, KernelLac

WORLD = "198.18.1.2"
LAC = {"name": "any", "address": ["198.18.0.0/24"], "secret": "tunsecret", "pool": "default"}
FROM_US, FROM_LAC = "ip.src == 198.18.0.1 && l2tp.type == 0", "ip.src == 198.18.0.2 && l2tp.type == 0"
HEADER = ("l2tp.length_bit", "l2tp.seq_bit", "l2tp.offset_bit", "l2tp.priority", "l2tp.Ns", "ppp.protocol")


def data(bench: Bench, which: str) -> list[tuple[str, ...]]:
    """Return flags, Ns and PPP protocol of data messages as tshark reads them; flags as "0" and "1".

    The LAC of an earlier test may still take its leave: most packets are those of this test's session.
    """
    words = {"True": "1", "False": "0"}
    found = bench.l2tp.packets(which, "l2tp.tunnel", "l2tp.session", *HEADER)
    ((session, _),) = Counter(packet[:2] for packet in found).most_common(1)
    return [tuple(words.get(word, word) for word in packet[2:]) for packet in found if packet[:2] == session]


def numbers(packets: list[tuple[str, ...]]) -> list[int]:
    return [int(packet[4]) for packet in packets]


def counted(lac: KernelLac) -> dict[str, int]:
    (event,) = lac.wait_event("kernel counted")
    return event


def test_a_kernel_that_sends_and_requires_numbers(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    """Not one frame is dropped at either end, and packets and control frames are one sequence."""
    lac = KernelLac(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "tunsecret", options=["--sequencing"])
    (session,) = lac.wait_up()
    for octets in (56, 1400):
        assert lac.ping(WORLD, session, count=10, octets=octets)[0].status == 0
    assert " 0% packet loss" in lab.namespace.run("ping", "-n", "-c", "5", "-i", "0.2", session.address).stdout
    shown = bench.lns.command("show", "session", "user1").stdout
    assert "down and up, required" in shown
    assert "data lost" not in shown
    lac.hang_up(session)
    octets_up, octets_down = lac.wait_down()[1]
    (stop,) = freeradius.wait_records("Stop")
    assert (int(stop["Acct-Input-Octets"]), int(stop["Acct-Output-Octets"])) == (octets_up, octets_down)
    kernel = counted(lac)
    assert (kernel["seq_discards"], kernel["oos_packets"], kernel["rx_errors"]) == (0, 0, 0)
    bench.lns.stop()
    bench.l2tp.stop()
    for which in (FROM_US, FROM_LAC):
        packets = data(bench, which)
        assert {packet[1] for packet in packets} == {"1"}
        assert numbers(packets) == list(range(len(packets)))
        assert sum(packet[5] == "0x0021" for packet in packets) == 25
        assert sum(packet[5] == "0xc021" for packet in packets) >= 2


def test_a_kernel_numbers_because_we_do(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]) -> None:
    """It requires nothing, but follows the LNS; and takes data with length and priority."""
    bench = start(lac=[LAC | {"dataseq": "prefer", "length_bit": True, "priority_bit": True, "reorder_timeout_s": 0.2}])
    lac = KernelLac(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "tunsecret")
    (session,) = lac.wait_up()
    assert lac.ping(WORLD, session, count=10)[0].status == 0
    assert "down and up" in bench.lns.command("show", "session", "user1").stdout
    lac.hang_up(session)
    lac.wait_down()
    kernel = counted(lac)
    assert (kernel["seq_discards"], kernel["oos_packets"], kernel["rx_errors"]) == (0, 0, 0)
    bench.lns.stop()
    bench.l2tp.stop()
    ours = data(bench, FROM_US)
    assert numbers(ours) == list(range(len(ours)))
    assert {packet[:4] for packet in ours if packet[5] == "0x0021"} == {("1", "1", "0", "0")}
    assert {packet[:4] for packet in ours if packet[5] != "0x0021"} == {("1", "1", "0", "1")}
    theirs = data(bench, FROM_LAC)
    assert {packet[1] for packet in theirs[1:]} == {"1"}, "all but what was sent before we were heard"


def test_length_without_numbers(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]) -> None:
    """The short way through the data plane, with the L bit."""
    bench = start(lac=[LAC | {"dataseq": "deny", "length_bit": True}])
    lac = KernelLac(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "tunsecret")
    (session,) = lac.wait_up()
    assert lac.ping(WORLD, session, count=5, octets=1400)[0].status == 0
    bench.lns.stop()
    bench.l2tp.stop()
    assert {packet[:4] for packet in data(bench, FROM_US)} == {("1", "0", "0", "0")}
    lengths = bench.l2tp.packets(FROM_US, "l2tp.length", "udp.length")
    assert all(int(length) + 8 == int(datagram) for length, datagram in lengths)


def test_a_lac_that_requires_numbers_where_they_are_denied(
    lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]
) -> None:
    start(lac=[LAC | {"dataseq": "deny"}])
    lac = KernelLac(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "tunsecret", options=["--sequencing"])
    (refused,) = lac.wait_event("CDN")
    assert (refused["result"], refused["text"]) == (5, "sequencing of data is not offered")


def test_numbers_go_on_after_a_crash(
    lab: Lab, place: Path, freeradius: FreeRadius, start: Callable[..., Bench]
) -> None:
    """The kernel drops a few packets after the jump, then follows; no number comes twice."""
    bench = start(lac=[LAC], state={"directory": str(place / "state"), "on_stop": "keep"})
    lac = KernelLac(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "tunsecret", options=["--sequencing"])
    (session,) = lac.wait_up()
    assert lac.ping(WORLD, session, count=5)[0].status == 0
    bench.lns.stop(signal.SIGKILL)
    bench.lns.start()
    lac.ping(WORLD, session, count=10)
    assert lac.ping(WORLD, session, count=5)[0].status == 0
    assert not lac.events("CDN")
    lac.hang_up(session)
    lac.wait_down()
    assert counted(lac)["seq_discards"] <= 5
    bench.lns.stop()
    bench.l2tp.stop()
    ours = numbers(data(bench, FROM_US))
    assert ours == sorted(set(ours))
