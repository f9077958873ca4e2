"""The sockets towards RADIUS servers, on the loopback."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from bras.config.radius import RadiusServerConfig
from bras.lns.inputs import RadiusReceived, SendFailed
from bras.radius.events import Kind, SendRadius
from bras.runtime.radius_udp import REPLIES_A_WAKE, Key, RadiusSockets, _at
from bras.secret import Secret


class Loop:
    """Remembers what it watches."""

    def __init__(self) -> None:
        self.watched: dict[int, Key] = {}

    def watch(self, fileno: int, key: Key) -> None:
        self.watched[fileno] = key

    def unwatch(self, fileno: int) -> None:
        del self.watched[fileno]


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.5", 0))
        opened.settimeout(5.0)
        yield opened


@pytest.fixture
def loop() -> Loop:
    return Loop()


def sockets(loop: Loop, *servers: RadiusServerConfig) -> RadiusSockets:
    made = RadiusSockets(loop.watch, loop.unwatch)
    made.serve(dict(enumerate(servers)))
    return made


def towards(server: socket.socket, **keys: object) -> RadiusServerConfig:
    address, port = server.getsockname()[:2]
    values = {"auth_port": port, "acct_port": port, **keys}
    return RadiusServerConfig(address, Secret(b"x"), **values)  # type: ignore[arg-type]  # keys of the section


def wait(loop: Loop) -> None:
    select.select(list(loop.watched), [], [], 5.0)


def test_a_request_and_its_reply(server: socket.socket, loop: Loop) -> None:
    radius = sockets(loop, towards(server))
    assert loop.watched == {}, "nothing is opened before it is used"
    assert radius.send(SendRadius(0, Kind.AUTH, 0, b"question")) is None
    question, client = server.recvfrom(100)
    assert question == b"question"
    server.sendto(b"reply", client)
    wait(loop)
    (key,) = loop.watched.values()
    assert radius.drain(key) == [RadiusReceived(0, Kind.AUTH, 0, b"reply")]
    assert radius.drain(key) == []
    radius.close()
    assert loop.watched == {}


def test_each_kind_and_each_256_requests_have_a_socket_of_their_own(server: socket.socket, loop: Loop) -> None:
    radius = sockets(loop, towards(server))
    clients = set()
    for kind, index in ((Kind.AUTH, 0), (Kind.AUTH, 1), (Kind.ACCT, 0), (Kind.AUTH, 0)):
        radius.send(SendRadius(0, kind, index, b"q"))
        clients.add(server.recvfrom(100)[1])
    assert len(clients) == 3
    assert sorted(loop.watched.values(), key=str) == [(0, Kind.ACCT, 0), (0, Kind.AUTH, 0), (0, Kind.AUTH, 1)]
    radius.close()


def test_the_ports_and_the_source(server: socket.socket, loop: Loop) -> None:
    port = server.getsockname()[1]
    radius = sockets(loop, towards(server, acct_port=1, source="127.0.0.77"))
    radius.send(SendRadius(0, Kind.AUTH, 0, b"q"))
    assert server.recvfrom(100)[1][0] == "127.0.0.77"
    radius.send(SendRadius(0, Kind.ACCT, 0, b"q"))
    ports = {one.getpeername()[1] for one in radius._sockets.values()}
    assert ports == {port, 1}
    radius.close()


def test_a_server_that_is_no_more_has_no_socket(server: socket.socket, loop: Loop) -> None:
    radius = sockets(loop, towards(server), towards(server))
    for number in (0, 1):
        radius.send(SendRadius(number, Kind.AUTH, 0, b"q"))
    radius.serve({1: towards(server)})
    assert list(loop.watched.values()) == [(1, Kind.AUTH, 0)]
    assert radius.send(SendRadius(1, Kind.AUTH, 0, b"q")) is None
    radius.close()


def test_ipv6(loop: Loop) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.bind(("::1", 0))
        server.settimeout(5.0)
        radius = sockets(loop, towards(server))
        assert radius.send(SendRadius(0, Kind.AUTH, 0, b"q")) is None
        assert server.recv(100) == b"q"
        radius.close()


def test_only_the_server_is_heard(server: socket.socket, loop: Loop) -> None:
    """The socket is connected: what others send does not even wake us."""
    radius = sockets(loop, towards(server))
    radius.send(SendRadius(0, Kind.AUTH, 0, b"q"))
    _, client = server.recvfrom(100)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
        forger.bind(("127.0.0.6", 0))
        forger.sendto(b"forged", client)
    server.sendto(b"true", client)
    wait(loop)
    assert [given.data for given in radius.drain((0, Kind.AUTH, 0))] == [b"true"]  # type: ignore[union-attr]
    radius.close()


def test_a_wake_takes_a_bite(server: socket.socket, loop: Loop) -> None:
    radius = sockets(loop, towards(server))
    radius.send(SendRadius(0, Kind.AUTH, 0, b"q"))
    _, client = server.recvfrom(100)
    for _ in range(REPLIES_A_WAKE + 3):
        server.sendto(b"r", client)
    wait(loop)
    assert len(radius.drain((0, Kind.AUTH, 0))) == REPLIES_A_WAKE
    assert len(radius.drain((0, Kind.AUTH, 0))) == 3
    radius.close()


def test_a_port_that_nobody_listens_on_is_told(server: socket.socket, loop: Loop) -> None:
    radius = sockets(loop, towards(server))
    server.close()
    assert radius.send(SendRadius(0, Kind.AUTH, 0, b"q")) is None
    wait(loop)
    assert SendFailed(0, Kind.AUTH, 0) in radius.drain((0, Kind.AUTH, 0))
    radius.close()


@pytest.mark.parametrize("keys", [{"source": "192.0.2.1"}, {"address": "255.255.255.255"}], ids=["source", "address"])
def test_what_the_kernel_refuses_at_once_is_told(server: socket.socket, loop: Loop, keys: dict[str, str]) -> None:
    """A source that is not ours, a target that may not be."""
    one = towards(server)
    address = keys.get("address", one.address)
    config = RadiusServerConfig(address, one.secret, source=keys.get("source"))
    radius = sockets(loop, config)
    assert radius.send(SendRadius(0, Kind.AUTH, 0, b"q")) == SendFailed(0, Kind.AUTH, 0)
    assert loop.watched == {}, "what was opened is closed again"
    assert radius.send(SendRadius(0, Kind.AUTH, 0, b"q")) == SendFailed(0, Kind.AUTH, 0), "and tried again"


def test_a_full_buffer_is_as_good_as_lost_on_the_way(server: socket.socket, loop: Loop) -> None:
    radius = sockets(loop, towards(server))
    radius.send(SendRadius(0, Kind.AUTH, 0, b"q"))

    class Full:
        def send(self, data: bytes) -> None:
            raise BlockingIOError

    real = radius._sockets[0, Kind.AUTH, 0]
    radius._sockets[0, Kind.AUTH, 0] = Full()  # type: ignore[assignment]  # what the kernel does in a storm
    assert radius.send(SendRadius(0, Kind.AUTH, 0, b"q")) is None
    radius._sockets[0, Kind.AUTH, 0] = real
    radius.close()


def test_an_address_of_one_link() -> None:
    """The zone goes to the kernel: without it nobody knows where to send."""
    assert _at("fe80::1%lo", 9) == ("fe80::1", 9, 0, socket.if_nametoindex("lo"))


def test_a_zone_that_is_not_there_is_a_failure_to_send(loop: Loop) -> None:
    radius = sockets(loop, RadiusServerConfig("fe80::1%nowhere0", Secret(b"x")))
    assert radius.send(SendRadius(0, Kind.AUTH, 0, b"q")) == SendFailed(0, Kind.AUTH, 0)
    assert loop.watched == {}


def test_a_socket_that_cannot_send_makes_room_for_another(server: socket.socket, loop: Loop) -> None:
    radius = sockets(loop, towards(server))
    radius.send(SendRadius(0, Kind.AUTH, 0, b"q"))
    server.recv(100)
    (broken,) = radius._sockets.values()
    broken.shutdown(socket.SHUT_WR)  # as when its own address is gone: every send fails
    assert radius.send(SendRadius(0, Kind.AUTH, 0, b"q")) == SendFailed(0, Kind.AUTH, 0)
    assert loop.watched == {}
    assert radius.send(SendRadius(0, Kind.AUTH, 0, b"again")) is None
    assert server.recv(100) == b"again"
    radius.close()
