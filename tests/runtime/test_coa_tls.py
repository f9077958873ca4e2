"""CoA- and Disconnect-Requests over TLS: who is heard, who is hung up on, and what becomes of a session."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bras.config.coa import CoaClientConfig, CoaConfig
from bras.config.listen import Listen
from bras.config.tls import make
from bras.lns.inputs import CoaReceived, Input
from bras.radius.coa_events import SendCoaReply
from bras.runtime import coa_tls
from bras.runtime.coa_tls import CoaTls
from bras.secret import Secret
from tests.runtime.test_coa import BASE, COA_ACK, COA_REQUEST, DISCONNECT_ACK, DISCONNECT_REQUEST
from tests.support.certificates import Authority, Pair
from tests.support.dynauth import dynamic_request
from tests.support.lns import Lns, changed
from tests.support.namespaces import Namespace, Network
from tests.support.radius import attribute
from tests.support.radsec import files, nothing_kept, numbers_are_free, packet, run
from tests.support.wire import Wire

SECRET = b"radsec"


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Pair:
    return authority.issue("lns1", "IP:127.0.0.1,IP:192.0.2.1")


@pytest.fixture(scope="module")
def theirs(authority: Authority) -> Pair:
    return authority.issue("policy", "DNS:policy.example.net")


# -- a daemon


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Namespace, Namespace, Namespace]]:
    with Network() as made:
        lac, lns, core = made.namespace("lac"), made.namespace("lns"), made.namespace("core")
        made.link(lac, "eth0", ["198.18.0.2/24"], lns, "lac0", ["198.18.0.1/24"])
        made.link(lns, "core0", ["192.0.2.1/24"], core, "eth0", ["192.0.2.2/24"])
        yield lac, lns, core


def daemon(place: Path, lns: Namespace, authority: Authority, ours: Pair, **client: Any) -> Lns:
    """Return a daemon that takes requests of one client, over TLS if it has a ``tls_name``."""
    coa = {
        "listen": ["192.0.2.1"],
        "tls_listen": ["192.0.2.1"],
        "tls_ca": str(authority.certificate),
        "tls_certificate": str(ours.certificate),
        "tls_key": str(ours.key),
        "client": [{"name": "policy", "address": ["192.0.2.0/24"], **client}],
    }
    return Lns(lns, place / "lns", changed(BASE, {"radius": {"coa": coa}}))


@contextlib.contextmanager
def connected(core: Namespace, authority: Authority, pair: Pair) -> Iterator[ssl.SSLSocket]:
    """Connect to the daemon as a client."""
    context = make(files(authority, pair)).context
    with core.entered():
        opened = socket.create_connection(("192.0.2.1", 2083), 10)
    with opened, context.wrap_socket(opened, server_hostname="192.0.2.1") as client:
        client.settimeout(10)
        yield client


@pytest.mark.root
def test_a_session_is_changed_and_ended_over_tls(
    network: tuple[Namespace, Namespace, Namespace], tmp_path: Path, authority: Authority, ours: Pair, theirs: Pair
) -> None:
    lac, lns, core = network
    named = {"tls_name": "policy.example.net"}
    with Wire(lac) as wire, daemon(tmp_path, lns, authority, ours, **named) as running:
        client = wire.lac("198.18.0.2", 1701, calls=("198.18.0.1", 1701), hostname="lac1").dial("user1", "pass")
        wire.run(20.0, until=lambda: client.address)
        user = attribute(1, b"user1")
        gold = attribute(26, (32473).to_bytes(4, "big") + attribute(1, b"gold"))
        with connected(core, authority, theirs) as policy:
            policy.sendall(dynamic_request(COA_REQUEST, user + gold, identifier=7, secret=SECRET))
            assert policy.recv(4096)[:2] == bytes((COA_ACK, 7))
            policy.sendall(dynamic_request(DISCONNECT_REQUEST, user, identifier=8, secret=SECRET))
            assert policy.recv(4096)[:2] == bytes((DISCONNECT_ACK, 8))
        assert running.wait_logged("session_ended")["reason"] == "disconnected_by_radius"
        assert running.wait_logged("coa_answered")["client"] == "policy"
        assert "192.0.2.1:2083" in running.wait_logged("listening")["coa"]


@pytest.mark.root
def test_secret_of_a_client_over_tls_opens_nothing_over_udp(
    network: tuple[Namespace, Namespace, Namespace], tmp_path: Path, authority: Authority, ours: Pair
) -> None:
    """Everybody knows "radsec": who is to come over TLS is nobody without."""
    _lac, lns, core = network
    with daemon(tmp_path, lns, authority, ours, tls_name="policy.example.net") as running:
        with core.entered():
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with opened:
            opened.sendto(dynamic_request(COA_REQUEST, attribute(1, b"user1"), secret=SECRET), ("192.0.2.1", 3799))
            assert running.wait_logged("coa_dropped")["reason"] == "radius_unknown_client"


# -- on the loopback


class Bench:
    """A ``CoaTls`` on the loopback, and all that it told."""

    def __init__(self, authority: Authority, ours: Pair) -> None:
        self.told: list[Input] = []
        self.coa = CoaTls(self.told.extend)
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        given = files(authority, ours)
        self.config = CoaConfig(
            (),
            (
                CoaClientConfig(("127.0.0.1/32",), (Secret(SECRET),), "udp"),
                CoaClientConfig(("192.0.2.0/24",), (Secret(SECRET),), "far", tls_name="policy.example.net"),
                CoaClientConfig(("127.0.0.0/8",), (Secret(SECRET),), "policy", tls_name="Policy.example.net"),
            ),
            tls_listen=(Listen("127.0.0.1", self.port),),
            tls_ca=given.ca,
            tls_certificate=given.certificate,
            tls_key=given.key,
        )
        self.coa.bind(self.config)
        self.coa.follow(self.config)

    async def connect(self, authority: Authority, pair: Pair) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = make(files(authority, pair)).context
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context)

    async def received(self, count: int) -> list[CoaReceived]:
        while len(self.told) < count:
            await asyncio.sleep(0.001)
        return [one for one in self.told if isinstance(one, CoaReceived)]


def bench(authority: Authority, ours: Pair, use: Callable[[Bench], Awaitable[None]]) -> None:
    async def go(_client: object) -> None:
        made = Bench(authority, ours)
        try:
            await use(made)
        finally:
            made.coa.deafen()
            made.coa.close()

    run(go)


async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until the other end has hung up."""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        assert await reader.read(1) == b""
    writer.transport.abort()


def test_tls_listen(authority: Authority, ours: Pair, theirs: Pair) -> None:
    """Each answer leaves by the connection by which its request came."""

    async def use(made: Bench) -> None:
        ends = [await made.connect(authority, theirs) for _ in range(3)]
        for number, (_, writer) in enumerate(ends):
            writer.write(dynamic_request(COA_REQUEST, attribute(1, b"u"), identifier=number, secret=SECRET))
        received = await made.received(3)
        assert {one.origin.client for one in received} == {"policy"}
        assert {one.origin.remote for one in received} == {"127.0.0.1"}
        assert all(one.origin.socket < 0 for one in received)
        for one in received:
            made.coa.send(SendCoaReply(one.origin, b"\x2c" + one.data[1:2] + b"\x00\x14" + bytes(16)))
        for number, (reader, writer) in enumerate(ends):
            assert (await packet(reader))[:2] == bytes((COA_ACK, number))
            writer.transport.abort()
        for one in received:
            made.coa.send(SendCoaReply(one.origin, bytes(20)))  # nobody is there any more

    bench(authority, ours, use)


def test_tls_ca(authority: Authority, stranger: Authority, ours: Pair) -> None:
    """Of another authority's clients none is heard; and it is told why."""

    async def use(made: Bench) -> None:
        with capture_logs() as lines:
            pair = stranger.issue("policy", "DNS:policy.example.net")
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                reader, writer = await made.connect(authority, pair)
                writer.write(dynamic_request(COA_REQUEST, attribute(1, b"u"), secret=SECRET))
                await gone(reader, writer)
            while not lines:
                await asyncio.sleep(0.001)
        assert lines[0]["event"] == "coa_connection_refused"
        assert lines[0]["address"] == "127.0.0.1"
        assert "from no CA of tls_ca" in lines[0]["reason"]
        assert made.told == []

    bench(authority, ours, use)


def test_tls_certificate_and_tls_key(authority: Authority, stranger: Authority, ours: Pair, theirs: Pair) -> None:
    """We prove who we are: with ``tls_certificate``, for which we have ``tls_key``."""

    async def use(made: Bench) -> None:
        _, writer = await made.connect(authority, theirs)
        shown = writer.get_extra_info("peercert")
        assert ("IP Address", "192.0.2.1") in shown["subjectAltName"]
        writer.transport.abort()
        with pytest.raises(ssl.SSLCertVerificationError):
            await made.connect(stranger, theirs)

    bench(authority, ours, use)


def test_tls_name_of_a_client(authority: Authority, ours: Pair) -> None:
    async def use(made: Bench) -> None:
        with capture_logs() as lines:
            reader, writer = await made.connect(authority, authority.issue("somebody", "DNS:somebody.example.net"))
            await gone(reader, writer)
        assert [line["reason"] for line in lines] == [
            "no client at its address has the tls_name of its certificate, which is for somebody.example.net"
        ]
        assert made.told == []

    bench(authority, ours, use)


def test_garbage_ends_the_connection(authority: Authority, ours: Pair, theirs: Pair) -> None:
    async def use(made: Bench) -> None:
        reader, writer = await made.connect(authority, theirs)
        request = dynamic_request(COA_REQUEST, attribute(1, b"u"), secret=SECRET)
        writer.write(request + b"\x2b\x01\x00\x05")
        await gone(reader, writer)
        assert [one.data for one in await made.received(1)] == [request]

    bench(authority, ours, use)


def test_another_configuration_judges_anew(authority: Authority, ours: Pair, theirs: Pair) -> None:
    async def use(made: Bench) -> None:
        reader, writer = await made.connect(authority, theirs)
        writer.write(dynamic_request(COA_REQUEST, attribute(1, b"u"), secret=SECRET))
        await made.received(1)
        made.coa.follow(made.config)
        writer.write(dynamic_request(COA_REQUEST, attribute(1, b"u"), identifier=2, secret=SECRET))
        await made.received(2)
        made.coa.follow(None)
        await gone(reader, writer)
        assert made.coa.addresses == []
        with pytest.raises(ConnectionRefusedError):
            await made.connect(authority, theirs)

    bench(authority, ours, use)


def test_another_configuration_at_any_moment_of_a_handshake(authority: Authority, ours: Pair, theirs: Pair) -> None:
    """What is left of the handshake is in nobody's way, and in the end the client is gone."""

    async def use(made: Bench) -> None:
        context = make(files(authority, theirs)).context
        for turns in range(120):
            meeting = asyncio.get_running_loop().create_task(
                asyncio.open_connection("127.0.0.1", made.port, ssl=context)
            )
            while not made.coa._meetings:
                await asyncio.sleep(0)
            for _ in range(turns % 40):
                await asyncio.sleep(0)
            made.coa.follow(None)
            numbers_are_free()
            with contextlib.suppress(OSError):
                await gone(*await meeting)
            made.coa.bind(made.config)
            made.coa.follow(made.config)
        assert made.told == []

    bench(authority, ours, use)


def test_strangers_take_nobodys_place(authority: Authority, ours: Pair, theirs: Pair) -> None:
    """Who comes from an address of no client is hung up on before any handshake."""

    async def use(made: Bench) -> None:
        far = replace(made.config, client=made.config.client[:2])
        made.coa.follow(far)
        with capture_logs() as lines:
            reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
            await gone(reader, writer)
        assert [line["reason"] for line in lines] == ["no client with a tls_name has this address"]
        made.coa.follow(made.config)
        reader, writer = await made.connect(authority, theirs)
        writer.write(dynamic_request(COA_REQUEST, attribute(1, b"u"), secret=SECRET))
        await made.received(1)
        writer.transport.abort()

    bench(authority, ours, use)


def test_all_addresses_become_one_and_one_becomes_all(authority: Authority, ours: Pair, theirs: Pair) -> None:
    async def use(made: Bench) -> None:
        for address in ("0.0.0.0", "127.0.0.1", "0.0.0.0"):
            config = replace(made.config, tls_listen=(Listen(address, made.port),))
            made.coa.bind(config)
            made.coa.follow(config)
            assert made.coa.addresses == [f"{address}:{made.port}"]
            with pytest.raises(OSError, match="in use"):
                CoaTls(made.told.extend).bind(made.config)
            _, writer = await made.connect(authority, theirs)
            writer.transport.abort()

    bench(authority, ours, use)


def test_who_stops_takes_no_more_requests_but_answers_those_it_has(
    authority: Authority, ours: Pair, theirs: Pair
) -> None:
    async def use(made: Bench) -> None:
        reader, writer = await made.connect(authority, theirs)
        writer.write(dynamic_request(COA_REQUEST, attribute(1, b"u"), identifier=1, secret=SECRET))
        (asked,) = await made.received(1)
        made.coa.deafen()
        writer.write(dynamic_request(COA_REQUEST, attribute(1, b"u"), identifier=2, secret=SECRET))
        made.coa.send(SendCoaReply(asked.origin, b"\x2c\x01\x00\x14" + bytes(16)))
        assert (await packet(reader))[:2] == bytes((COA_ACK, 1))
        made.coa.close()
        await gone(reader, writer)
        assert len(made.told) == 1

    bench(authority, ours, use)


def test_handshakes_that_fail_keep_no_memory(authority: Authority, ours: Pair) -> None:
    async def use(made: Bench) -> None:
        with capture_logs() as lines:
            for greeting in (b"", b"GET / HTTP/1.0\r\n\r\n"):
                reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
                writer.write(greeting)
                writer.write_eof()
                await gone(reader, writer)
            while len(lines) < 2:
                await asyncio.sleep(0.001)

    with nothing_kept():
        bench(authority, ours, use)


def test_without_descriptors_it_is_tried_again_later(
    authority: Authority, ours: Pair, theirs: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be accepted waits, and does not keep the loop busy."""

    async def use(made: Bench) -> None:
        monkeypatch.setattr(coa_tls, "ACCEPT_AGAIN_S", 0.05)
        wakes = 0
        accept = made.coa._accept

        def counted(listening: socket.socket) -> None:
            nonlocal wakes
            wakes += 1
            accept(listening)

        (listening,) = made.coa._listening.values()
        asyncio.get_running_loop().add_reader(listening.fileno(), counted, listening)
        client = socket.socket()
        client.setblocking(False)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno(), limits[1]))
        try:
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", made.port))
            while not wakes:
                await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)
            assert wakes == 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        client.close()
        _, writer = await made.connect(authority, theirs)
        writer.write(dynamic_request(COA_REQUEST, attribute(1, b"u"), secret=SECRET))
        await made.received(1)
        writer.transport.abort()

    bench(authority, ours, use)


def test_an_address_that_is_taken_is_told_and_nothing_changes(authority: Authority, ours: Pair) -> None:
    async def use(made: Bench) -> None:
        other = CoaTls(made.told.extend)
        with pytest.raises(OSError, match=f"in use: 'TCP 127.0.0.1:{made.port}'"):
            other.bind(made.config)
        assert other.addresses == []

    bench(authority, ours, use)
