"""``kill -9`` of the daemon while a subscriber's packets flow a thousand a second each way: not one is lost."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.inner import udp
from tests.support.lns import Lns, changed
from tests.support.provider import bpf_file_system, udp_socket
from tests.support.site import CORE, Site, dial, no_harm, provider, up_rows
from tests.support.traffic import Sink, numbered, soon

pytestmark = pytest.mark.root
PER_SECOND = 1000
BEFORE_S, AFTER_S = 5.0, 5.0
OCTETS = 100
HEADERS = 28
_SO_RCVBUFFORCE = 33


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with bpf_file_system(tmp_path / "bpf"), provider(tmp_path) as made:
        yield made


def begun(site: Site) -> Lns:
    keys = {"backend": "ebpf", "pin_dir": str(site.place / "bpf" / "pins")}
    return site.run(changed(site.configuration("keep"), {"dataplane": keys}))


def killed_and_begun_again(site: Site, first: Lns, done: list[Lns]) -> None:
    """Kill the daemon, and start another one."""
    first.stop(signal.SIGKILL)
    done.append(begun(site))


def numbers_at(site: Site, octets: int) -> list[int]:
    """Return the numbers in what came to the LAC, in packets of so many octets."""
    data = [one.data for one in site.wire.heard if not one.data[0] & 0x80 and len(one.data) >= octets]
    return [int.from_bytes(one[len(one) - octets + HEADERS :][:4], "big") for one in data]


def test_a_stream_of_a_thousand_packets_a_second_loses_none(site: Site) -> None:
    first = begun(site)
    lac, (client,) = dial(site, 1)
    rows, address = up_rows(first), socket.inet_ntoa(client.address.to_bytes(4, "big"))
    for opened in site.wire._sockets.values():  # a stall of this process is not to cost a packet
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 8 << 20)
    with udp_socket(site.core_space, CORE, 9) as core, Sink(core) as sink:
        restarted: list[Lns] = []
        restart = threading.Thread(target=killed_and_begun_again, args=(site, first, restarted))
        began, ends, number = time.monotonic(), 0.0, 0
        while not ends or time.monotonic() < ends:
            now = time.monotonic()
            if now >= began + BEFORE_S and restart.ident is None:
                restart.start()
            if restarted and not ends:
                ends = now + AFTER_S
            if now < began + number / PER_SECOND:
                site.wire.step(began + number / PER_SECOND - now)
                continue
            payload = numbered(number, OCTETS - HEADERS)
            lac.send(client, b"\xff\x03\x00\x21" + udp(address, CORE, payload))
            core.sendto(payload, (address, 5000))
            number += 1
            if number % 100 == 0:  # behind time there is no other occasion
                site.wire.step(0)
            assert not (restart.ident and not restart.is_alive() and not restarted), "the second daemon did not start"
        restart.join()
        sink.wait(number)
        site.wire.run(20.0, until=lambda: len(numbers_at(site, OCTETS)) >= number)
        assert number >= PER_SECOND * (BEFORE_S + AFTER_S)
        assert sink.numbers() == list(range(number))
        assert numbers_at(site, OCTETS) == list(range(number))
    (second,) = restarted
    assert up_rows(second) == rows
    (row,) = second.sessions()
    assert (row["up_packets"], row["down_packets"]) == (number, number)
    assert soon(lambda: second.show("dataplane")["entries"] == 1)
    no_harm(site, lac, [client])
