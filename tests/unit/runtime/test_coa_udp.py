"""The sockets to which CoA- and Disconnect-Requests come, on the loopback."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from bras.config.listen import Listen
from bras.lns.inputs import CoaReceived
from bras.radius.coa_events import Origin, SendCoaReply
from bras.runtime.coa_udp import REQUESTS_A_WAKE, CoaSockets


class Loop:
    """Remembers what it watches."""

    def __init__(self) -> None:
        self.watched: dict[int, int] = {}

    def watch(self, fileno: int, index: int) -> None:
        self.watched[fileno] = index

    def unwatch(self, fileno: int) -> None:
        self.watched.pop(fileno, None)


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def sockets(loop: Loop) -> Iterator[CoaSockets]:
    made = CoaSockets(loop.watch, loop.unwatch)
    yield made
    made.close()


def free_port(address: str = "127.0.0.1") -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as opened:
        opened.bind((address, 0))
        return int(opened.getsockname()[1])


@pytest.mark.parametrize(
    ("listen", "asked"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("0.0.0.0", "127.0.0.7"), ("::", "::1")],  # on the loopback
)
def test_an_answer_leaves_from_where_it_was_asked(loop: Loop, sockets: CoaSockets, listen: str, asked: str) -> None:
    port = free_port(asked)
    assert sockets.bind([Listen(listen, port)]) == [0]
    assert not loop.watched, "nobody hears before the loop runs"
    sockets.hear()
    with socket.socket(socket.AF_INET6 if ":" in asked else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(b"asked", (asked, port))
        select.select(list(loop.watched), [], [], 5)
        (given,) = sockets.drain(0)
        assert isinstance(given, CoaReceived)
        assert given.data == b"asked"
        assert given.origin[:3] == (0, asked, asked if asked != "127.0.0.7" else "127.0.0.1")
        assert given.origin.remote_port == client.getsockname()[1]
        sockets.send(SendCoaReply(given.origin, b"answered"))
        data, where = client.recvfrom(100)
        assert (data, where[:2]) == (b"answered", (asked, port))
    assert sockets.drain(0) == []


def test_a_wake_takes_a_bite(sockets: CoaSockets) -> None:
    port = free_port()
    sockets.bind([Listen("127.0.0.1", port)])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(REQUESTS_A_WAKE + 5):
            client.sendto(b"x", ("127.0.0.1", port))
        assert len(sockets.drain(0)) == REQUESTS_A_WAKE
        assert len(sockets.drain(0)) == 5


def test_if_one_cannot_be_bound_none_is(sockets: CoaSockets) -> None:
    port, other = free_port(), free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", other))
        with pytest.raises(OSError, match="in use"):
            sockets.bind([Listen("127.0.0.1", port), Listen("127.0.0.1", other)])
    assert sockets.addresses == []


def test_other_addresses_while_it_runs(loop: Loop, sockets: CoaSockets) -> None:
    first, second, third = (Listen("127.0.0.1", free_port()) for _ in range(3))
    sockets.bind([first, second])
    sockets.hear()
    kept = {index: fileno for fileno, index in loop.watched.items()}[1]
    sockets.follow([second, third])
    assert sockets.addresses == [f"127.0.0.1:{second.port}", f"127.0.0.1:{third.port}"]
    assert set(loop.watched.values()) == {1, 2}
    assert loop.watched[kept] == 1, "it is the same one"
    sockets.send(SendCoaReply(Origin(0, "127.0.0.1", "127.0.0.1", 9), b"to whom asked the one that is gone"))
    assert sockets.failed == 0
    sockets.follow([])
    assert (sockets.addresses, loop.watched) == ([], {})


@pytest.mark.parametrize(("wildcard", "single"), [("0.0.0.0", "127.0.0.1"), ("::", "::1")])
def test_all_addresses_become_one_and_one_becomes_all(sockets: CoaSockets, wildcard: str, single: str) -> None:
    """The port of an address that goes is free for the one that comes in its place, and for nobody else."""
    port = free_port()
    for address in (wildcard, single, wildcard):
        sockets.follow([Listen(address, port)])
        (bound,) = sockets.addresses
        assert bound == (f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
        other = CoaSockets(lambda _fileno, _index: None, lambda _fileno: None)
        with pytest.raises(OSError, match=f"in use: 'UDP .*{single}.*:{port}'"):
            other.bind([Listen(single, port)])


def test_what_the_kernel_refuses_is_counted(sockets: CoaSockets) -> None:
    sockets.bind([Listen("127.0.0.1", free_port())])
    sockets.send(SendCoaReply(Origin(0, "127.0.0.1", "127.0.0.1", 9), bytes(70000)))
    assert sockets.failed == 1


def test_silence_may_be_asked_for_twice(loop: Loop, sockets: CoaSockets) -> None:
    sockets.bind([Listen("127.0.0.1", free_port())])
    sockets.hear()
    sockets.deafen()
    sockets.deafen()
    assert loop.watched == {}
