"""Replies from elsewhere than the server never reach the daemon, however right they are."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.site import CALLED, CORE, Site, provider
from tests.support.world import SimulatedRadius

pytestmark = pytest.mark.root
ELSEWHERE = "192.0.2.3"
ACCESS_REQUEST = 1


@pytest.fixture
def site(tmp_path: Path, tool: Callable[[str], str]) -> Iterator[Site]:
    tool("ip")
    with provider(tmp_path) as made:
        made.core_space.ip("address", "add", f"{ELSEWHERE}/24", "dev", "eth0")
        yield made


@pytest.mark.parametrize(("address", "port"), [(CORE, 9999), (ELSEWHERE, 1812)])
def test_a_true_reply_from_another_address_or_port_is_not_heard(site: Site, address: str, port: int) -> None:
    """It is signed with the secret, for the right request, to the right socket: the kernel drops it all the same."""
    site.radius.silent = True
    honest = SimulatedRadius()
    with site.core_space.entered():
        forger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with forger:
        forger.bind((address, port))
        lns = site.start()
        lac = site.wire.lac("198.18.0.2", calls=CALLED)
        client = lac.dial("user1", "pass")
        answered: set[int] = set()

        def answer_elsewhere() -> bool:
            for index, (source, data) in enumerate(site.wire.asked):
                if data[0] == ACCESS_REQUEST and index not in answered:
                    reply = honest.receive(data)
                    assert reply is not None
                    forger.sendto(reply, source)
                    answered.add(index)
            return len(answered) == 3

        site.wire.run(20.0, until=answer_elsewhere)
        assert len(answered) == 3, "it is asked again, for nothing was heard"
        row = next(row for row in lns.show("radius")["servers"] if row["kind"] == "auth")
        assert (row["answered"], row["dropped"], row["resent"]) == (0, 0, 2)
        assert not client.address
        site.radius.silent = False
        second = lac.dial("user2", "pass")
        site.wire.run(20.0, until=lambda: second.address)
