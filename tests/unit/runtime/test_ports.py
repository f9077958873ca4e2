"""Sockets that belong to one tunnel: opened, closed, bound again, and refused when there are too many."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bras.config.model import Listen
from bras.dataplane.null import Null
from bras.l2tp.events import FIRST_OWN, OpenPort, Path
from bras.lns.inputs import DatagramReceived
from bras.lns.resume import OwnPort
from bras.runtime import ports
from bras.runtime.ports import Ports, Sockets, bind_again, more_descriptors
from bras.runtime.udp import Listener

PLENTY = 1 << 20


class Bench:
    """Ports beside one socket for all."""

    def __init__(self, *own: Listener) -> None:
        called = Listener(0, Listen("127.0.0.1", 0), PLENTY)
        self.listeners = {0: called, **{one.index: one for one in own}}
        self.watched: list[int] = []
        self.ports = Ports(
            self.listeners,
            Null(),
            receive_buffer_octets=PLENTY,
            watch=lambda one: self.watched.append(one.index),
            unwatch=lambda one: self.watched.remove(one.index),
        )

    def close(self) -> None:
        for listener in self.listeners.values():
            listener.close()


@contextmanager
def bench(*own: Listener) -> Iterator[Bench]:
    made = Bench(*own)
    try:
        yield made
    finally:
        made.close()


def wanted(local: str = "127.0.0.1") -> OpenPort:
    return OpenPort(Path(0, local, 1701, local, 1702), b"SCCRQ")


@contextmanager
def descriptors(soft: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("local", ["127.0.0.1", "::1"])
def test_a_port_is_opened_heard_and_closed(local: str) -> None:
    with bench() as made:
        before = set(os.listdir("/proc/self/fd"))
        opened = made.ports.open(wanted(local))
        assert (opened.error, opened.data, opened.listener) == ("", b"SCCRQ", FIRST_OWN)
        assert made.watched == [FIRST_OWN]
        listener = made.listeners[FIRST_OWN]
        family = socket.AF_INET6 if ":" in local else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as peer:
            peer.bind((local, 0))
            peer.settimeout(5)
            peer.sendto(b"\xc8\x02", (local, opened.port))
            (given,) = listener.drain(Null(), 0.0)
            assert isinstance(given, DatagramReceived)
            assert (given.path.listener, given.path.local, given.path.local_port) == (FIRST_OWN, local, opened.port)
            assert listener.send(given.path, b"answer")
            data, source = peer.recvfrom(100)
            assert (data, source[:2]) == (b"answer", (local, opened.port))
        made.ports.close(FIRST_OWN)
        made.ports.close(FIRST_OWN)
        assert made.watched == []
        assert set(os.listdir("/proc/self/fd")) == before
        assert list(made.listeners) == [0]


def test_its_buffer_is_a_part_of_that_of_a_socket_for_all() -> None:
    with bench() as made:
        made.ports.open(wanted())
        large, small = (one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for one in Sockets(made.listeners))
        assert small < large


def test_what_the_kernel_drops_before_them_is_one_figure_that_never_falls() -> None:
    with bench() as made:
        assert [name for name, _ in made.ports.dropped()] == [made.listeners[0].address]
        opened = [made.ports.open(wanted()) for _ in range(2)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for _ in range(1000):
                peer.sendto(bytes(1000), ("127.0.0.1", opened[0].port))
        before = dict(made.ports.dropped())["own"]
        assert before > 0
        made.ports.close(opened[0].listener)
        assert dict(made.ports.dropped()) == {made.listeners[0].address: 0, "own": before}


def test_an_index_is_never_used_again() -> None:
    with bench() as made:
        seen = []
        for _ in range(5):
            opened = made.ports.open(wanted())
            seen.append(opened.listener)
            made.ports.close(opened.listener)
        assert len(set(seen)) == 5


def test_what_is_left_to_others_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    reserved = max(ports.RESERVED_DESCRIPTORS, *(int(number) + 100 for number in os.listdir("/proc/self/fd")))
    monkeypatch.setattr(ports, "RESERVED_DESCRIPTORS", reserved)  # other tests of this process may hold many
    with bench() as made, descriptors(reserved + 3):
        errors = [made.ports.open(wanted()).error for _ in range(4)]
    assert errors == ["", "", "too few file descriptors", "too few file descriptors"]


def test_no_descriptor_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's own word, should something else have taken what we leave."""
    monkeypatch.setattr(ports, "RESERVED_DESCRIPTORS", -1000)
    with bench() as made:
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        with descriptors(highest + 1):
            taken = []
            while True:
                try:
                    taken.append(os.dup(0))
                except OSError:
                    break
            opened = made.ports.open(wanted())
            for one in taken:
                os.close(one)
        assert opened.error == "Too many open files"
        assert list(made.listeners) == [0]


def test_an_address_that_has_gone_is_an_answer() -> None:
    with bench() as made:
        assert made.ports.open(wanted("192.0.2.77")).error == "Cannot assign requested address"


def test_ports_of_before_are_bound_again_and_new_ones_come_after_them(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, socket.socket() as probe:
        other.bind(("127.0.0.1", 0))
        probe.bind(("127.0.0.1", 0))
        taken, free = other.getsockname()[1], probe.getsockname()[1]
        found = list(
            bind_again(
                [
                    OwnPort(FIRST_OWN + 3, "127.0.0.1", taken),
                    OwnPort(FIRST_OWN + 7, "127.0.0.1", free),
                    OwnPort(FIRST_OWN + 9, "127.0.0.1", 1 << 40),
                ],
                PLENTY,
            )
        )
    assert [(one.index, one.port) for one in found] == [(FIRST_OWN + 7, free)]
    told = capsys.readouterr()
    assert (told.out + told.err).count("port_lost") == 2
    with bench(*found) as made:
        assert made.ports.open(wanted()).listener == FIRST_OWN + 8


def test_more_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with descriptors(min(512, hard)):
        more_descriptors()
        assert ports.descriptors() == hard


@pytest.mark.parametrize("wanted_so", [False, True])
def test_all_of_them_take_datagrams_without_checksum_or_none(wanted_so: bool) -> None:
    no_check6_rx = 102
    called = Listener(0, Listen("::1", 0), PLENTY)
    made = Ports(
        {0: called},
        Null(),
        receive_buffer_octets=PLENTY,
        watch=lambda _: None,
        unwatch=lambda _: None,
        zero_checksums=wanted_so,
    )
    own = made.listeners[made.open(wanted("::1")).listener]
    for listener in (called, own):
        assert listener.socket.getsockopt(socket.IPPROTO_UDP, no_check6_rx) == wanted_so
        listener.close()
