"""Answers leave from the address that was called, whatever the daemon is bound to; tcpdump is the judge."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.interop.conftest import Bench, Lab
from tests.support.freeradius import FreeRadius
from tests.support.lac import Client, KernelLac

SECOND = "198.18.0.99"


@pytest.fixture
def second_address(lab: Lab) -> Iterator[str]:
    """Give the LNS's interface a second address; the kernel would answer from the first."""
    lab.namespace.ip("address", "add", f"{SECOND}/24", "dev", "br0")
    yield SECOND
    lab.namespace.ip("address", "delete", f"{SECOND}/24", "dev", "br0")


@pytest.mark.parametrize("listen", [["0.0.0.0"], ["198.18.0.1", SECOND]], ids=["any", "both"])
@pytest.mark.parametrize("called", ["198.18.0.1", SECOND])
def test_answers_come_from_the_address_that_was_called(
    lab: Lab, second_address: str, freeradius: FreeRadius, start: Callable[..., Bench], listen: list[str], called: str
) -> None:
    bench = start(lns={"listen": listen})
    lac = KernelLac(lab.guest, [Client("user1"), Client("user2")])
    lac.dial(called, "tunsecret")
    sessions = lac.wait_up()
    assert [done.status for done in lac.ping("198.18.1.2", *sessions)] == [0, 0]
    (record, _) = freeradius.wait_records("Start", 2)
    assert record["NAS-IP-Address"] == called
    assert called in {text for name, text in record.items() if name.startswith("Tunnel-Server-Endpoint")}
    bench.lns.stop()
    bench.l2tp.stop()
    answers = bench.l2tp.packets("udp && !icmp && ip.dst == 198.18.0.2", "ip.src", "udp.srcport")
    assert answers
    assert set(answers) == {(called, "1701")}


def test_another_port(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]) -> None:
    bench = start(lns={"listen": ["198.18.0.1", "198.18.0.1:1702"]})
    lac = KernelLac(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1:1702", "tunsecret")
    (session,) = lac.wait_up()
    assert lac.ping("198.18.1.2", session)[0].status == 0
    bench.lns.stop()
    bench.l2tp.stop()
    assert {port for (port,) in bench.l2tp.packets("udp && !icmp && ip.dst == 198.18.0.2", "udp.srcport")} == {"1702"}
