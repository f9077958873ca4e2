"""The L2TP sockets on the loopback, which answers to every address of 127.0.0.0/8."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator

import pytest

from bras.config.model import Listen
from bras.dataplane.null import Null
from bras.l2tp.events import Path
from bras.lns.inputs import DatagramReceived
from bras.runtime import udp
from bras.runtime.udp import DATAGRAMS_A_WAKE, Listener, path_mtu

CONTROL = b"\xc8\x02" + bytes(20)
DATA = b"\x00\x02" + bytes(20)


class Taker(Null):
    """A data plane that takes data."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[bytes] = []

    def datagram(self, data, address, *, now):
        self.taken.append(data)
        return True


@pytest.fixture
def listener(request: pytest.FixtureRequest) -> Iterator[Listener]:
    made = Listener(3, Listen(request.param, 0), 65536)
    yield made
    made.close()


@pytest.fixture
def lac() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.9", 0))
        opened.settimeout(5.0)
        yield opened


def drained(listener: Listener, count: int, plane: Null | None = None) -> list[DatagramReceived]:
    """Drain until so many datagrams have come."""
    found: list[DatagramReceived] = []
    plane = plane or Null()
    for _ in range(50):
        select.select([listener.socket], [], [], 0.1)
        found += listener.drain(plane, 0.0)
        if len(found) >= count:
            break
    return found


BOTH = pytest.mark.parametrize("listener", ["127.0.0.7", "0.0.0.0"], indirect=True)


@BOTH
def test_a_datagram_and_its_answer(listener: Listener, lac: socket.socket) -> None:
    port = listener.socket.getsockname()[1]
    lac.sendto(CONTROL, ("127.0.0.7", port))
    (given,) = drained(listener, 1)
    assert given == DatagramReceived(Path(3, "127.0.0.7", port, *lac.getsockname()), CONTROL)
    assert listener.send(given.path, b"answer")
    assert lac.recvfrom(100) == (b"answer", ("127.0.0.7", port))


@pytest.mark.parametrize("listener", ["0.0.0.0"], indirect=True)
def test_a_wildcard_answers_from_the_address_that_was_called(listener: Listener, lac: socket.socket) -> None:
    port = listener.socket.getsockname()[1]
    for called in ("127.0.0.7", "127.0.0.8", "127.0.0.7"):
        lac.sendto(CONTROL, (called, port))
        (given,) = drained(listener, 1)
        assert given.path.local == called
        listener.send(given.path, b"answer")
        assert lac.recvfrom(100)[1] == (called, port)


@pytest.mark.parametrize("address", ["::1", "::"])
def test_ipv6(address: str) -> None:
    listener = Listener(0, Listen(address, 0), 65536)
    port = listener.socket.getsockname()[1]
    assert listener.address == f"[{address}]:{port}"
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as lac:
        lac.bind(("::1", 0))
        lac.settimeout(5.0)
        lac.sendto(CONTROL, ("::1", port))
        (given,) = drained(listener, 1)
        assert given.path.local == "::1"
        assert listener.send(given.path, b"answer")
        assert lac.recvfrom(100)[:1] == (b"answer",)
    listener.close()


def test_ipv6_leaves_ipv4_to_others() -> None:
    six = Listener(0, Listen("::", 0), 65536)
    four = Listener(1, Listen("0.0.0.0", six.socket.getsockname()[1]), 65536)
    six.close()
    four.close()


@BOTH
def test_a_path_is_one_object_as_long_as_memory_allows(
    listener: Listener, lac: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = listener.socket.getsockname()[1]
    for _ in range(2):
        lac.sendto(CONTROL, ("127.0.0.7", port))
    first, second = drained(listener, 2)
    assert first.path is second.path
    monkeypatch.setattr(udp, "MOST_PATHS", 1)
    listener.path("127.0.0.7", ("192.0.2.1", 1701))
    assert len(listener._paths) == 1, "a flood from forged addresses fills no memory"
    lac.sendto(CONTROL, ("127.0.0.7", port))
    (third,) = drained(listener, 1)
    assert third.path == first.path


@BOTH
def test_a_wake_takes_a_bite(listener: Listener, lac: socket.socket) -> None:
    """Loopback queues what is sent at once."""
    port = listener.socket.getsockname()[1]
    for _ in range(DATAGRAMS_A_WAKE + 5):
        lac.sendto(CONTROL, ("127.0.0.7", port))
    assert len(listener.drain(Null(), 0.0)) == DATAGRAMS_A_WAKE
    assert len(listener.drain(Null(), 0.0)) == 5
    assert listener.drain(Null(), 0.0) == []


@BOTH
def test_data_that_asks_for_it_is_served_before_other_data(listener: Listener, lac: socket.socket) -> None:
    """Not before control, by which its call may have come up; and what is numbered keeps its place."""
    port = listener.socket.getsockname()[1]
    plain, first, second, numbered = (
        octets + bytes(20) for octets in (b"\x00\x02", b"\x01\x02", b"\x41\x02", b"\x09\x02")
    )
    for data in (plain, CONTROL, plain, first, b"", plain, numbered, second):
        lac.sendto(data, ("127.0.0.7", port))
    found = [given.data for given in listener.drain(Null(), 0.0) if isinstance(given, DatagramReceived)]
    assert found == [plain, CONTROL, first, second, plain, b"", plain, numbered]


@BOTH
def test_data_is_the_data_planes_if_it_takes_it(listener: Listener, lac: socket.socket) -> None:
    port = listener.socket.getsockname()[1]
    plane = Taker()
    for data in (DATA, CONTROL, b""):
        lac.sendto(data, ("127.0.0.7", port))
    assert [given.data for given in drained(listener, 2, plane)] == [CONTROL, b""]
    assert plane.taken == [DATA]


@BOTH
def test_an_icmp_error_of_an_earlier_answer_stops_nothing(listener: Listener, lac: socket.socket) -> None:
    port = listener.socket.getsockname()[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.9", 0))
        nobody = gone.getsockname()
    listener.socket.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR: so that it is reported
    for _ in range(3):
        listener.send(Path(3, "127.0.0.7", port, *nobody), b"lost")
        time.sleep(0.01)
        lac.sendto(CONTROL, ("127.0.0.7", port))
        assert len(drained(listener, 1)) == 1


@BOTH
def test_what_cannot_be_sent_is_told(listener: Listener) -> None:
    port = listener.socket.getsockname()[1]
    assert not listener.send(Path(3, "127.0.0.7", port, "127.0.0.9", 0), b"x")
    assert not listener.send(Path(3, "127.0.0.7", port, "127.0.0.9", 1701), bytes(70000))


def test_an_address_that_is_not_ours_is_an_error_that_names_nothing_left_open() -> None:
    with pytest.raises(OSError, match="assign"):
        Listener(0, Listen("192.0.2.1", 1701), 65536)


def test_the_receive_buffer_is_as_large_as_the_kernel_allows() -> None:
    small, large = (Listener(0, Listen("127.0.0.7", 0), octets) for octets in (65536, 1 << 20))
    sizes = [one.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for one in (small, large)]
    assert sizes[0] == 2 * 65536
    assert sizes[1] > sizes[0]
    small.close()
    large.close()


def test_without_privilege_it_asks_for_what_everybody_may(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Socket(socket.socket):
        def setsockopt(self, level, option, *value):
            if option == udp._SO_RCVBUFFORCE:
                raise PermissionError
            if option == socket.SO_RCVBUF:
                asked.append(value[0])
            super().setsockopt(level, option, *value)

    monkeypatch.setattr(socket, "socket", Socket)
    Listener(0, Listen("127.0.0.7", 0), 65536).close()
    assert asked == [65536]


def test_over_ipv4_there_is_nothing_to_switch() -> None:
    made = Listener(0, Listen("127.0.0.7", 0), 65536)
    made.take_zero_checksums()
    made.close()


def test_the_path_to_a_peer() -> None:
    assert path_mtu(Path(0, "127.0.0.7", 1701, "127.0.0.9", 1701)) >= 65535, "the loopback's"
    assert path_mtu(Path(0, "::1", 1701, "::1", 1701)) >= 65535
    assert path_mtu(Path(0, "192.0.2.1", 1701, "192.0.2.9", 1701)) == 1500, "an address that is not ours: a guess"
