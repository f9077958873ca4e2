"""RADIUS over TLS on the loopback: what it tells of servers that are well, wrong, slow, mad or away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bras.lns.inputs import Input, TransportDown
from bras.radius.events import Kind, SendRadius
from bras.runtime import radsec_connection
from bras.runtime.radsec import RadSec
from bras.telemetry.connections import NO_CONNECTIONS
from tests.support.certificates import Authority, Pair
from tests.support.radsec import (
    Client,
    echo,
    files,
    nothing_kept,
    numbers_are_free,
    packet,
    refusing,
    run,
    serving,
    towards,
)

NAMES = "DNS:radius.example.net,IP:127.0.0.1"


def request(identifier: int, size: int = 20, socket_number: int = 0, kind: Kind = Kind.AUTH) -> SendRadius:
    """Return a packet that is well framed; nobody here looks at the rest."""
    return SendRadius(0, kind, socket_number, struct.pack("!BBH", 1, identifier, size) + os.urandom(size - 4))


@pytest.fixture(scope="module")
def theirs(authority: Authority) -> Pair:
    return authority.issue("radius", NAMES)


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Pair:
    return authority.issue("lns1")


@pytest.fixture(autouse=True)
def _haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radsec_connection, "RETRY_FIRST_S", 0.02)
    monkeypatch.setattr(radsec_connection, "SETTLED_S", 0.3)


# -- what the keys do


def test_transport_and_ports(authority: Authority, theirs: Pair, ours: Pair) -> None:
    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as auth, serving(files(authority, theirs)) as acct:
            client.serve(towards(auth.port, files(authority, ours), acct_port=acct.port))
            await client.until(lambda: len(client.ups()) == 2)
            sent = [request(1), request(2, kind=Kind.ACCT)]
            for one in sent:
                assert client.radsec.send(one) is None
            await client.until(lambda: len(client.received()) == 2)
            assert sorted(client.received()) == sorted(one.data for one in sent)
            assert (len(auth.clients), len(acct.clients)) == (1, 1)
            assert not client.downs()

    run(use)


def test_tls_ca(authority: Authority, stranger: Authority, ours: Pair) -> None:
    """Who is signed by somebody else is told nothing."""

    async def use(client: Client) -> None:
        async with serving(files(authority, stranger.issue("radius", NAMES))) as server:
            client.serve(towards(server.port, files(authority, ours)))
            assert await client.down() == "the certificate, signed by Stranger CA, is from no CA of tls_ca"
            assert not client.ups()
            assert client.radsec.figures().losses["one", "auth", "untrusted"] >= 1

    run(use)


def test_tls_certificate_and_tls_key(authority: Authority, theirs: Pair, ours: Pair) -> None:
    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as server:
            client.serve(towards(server.port, files(authority, ours)))
            await client.until(client.ups)
            await client.until(lambda: server.names == ["lns1"])

    run(use)


def test_tls_name(authority: Authority, theirs: Pair, ours: Pair) -> None:
    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as server:
            one = towards(server.port, files(authority, ours), tls_name="radius.example.net")
            other = towards(server.port, files(authority, ours), name="two", tls_name="other.example.net")
            client.serve(one, other)
            await client.until(client.ups)
            said = "the certificate is for radius.example.net, 127.0.0.1, not other.example.net"
            assert await client.down(1) == said

    run(use)


def test_without_tls_name_the_address_must_be_in_the_certificate(authority: Authority, ours: Pair) -> None:
    async def use(client: Client) -> None:
        async with serving(files(authority, authority.issue("127.0.0.1", "DNS:127.0.0.1"))) as server:
            client.serve(towards(server.port, files(authority, ours)))
            assert await client.down() == "the certificate is for 127.0.0.1, not the address 127.0.0.1"

    run(use)


def test_source(authority: Authority, theirs: Pair, ours: Pair) -> None:
    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as server:
            client.serve(towards(server.port, files(authority, ours), source="127.0.0.77"))
            await client.until(lambda: [one["from"] for one in server.clients] == ["127.0.0.77"])

    run(use)


# -- certificates that will not do


def test_an_expired_certificate_is_told_with_its_date(authority: Authority, ours: Pair) -> None:
    old = authority.issue("old", NAMES, begins="20200101000000Z", ends="20210304000000Z")

    async def use(client: Client) -> None:
        async with serving(files(authority, old)) as server:
            client.serve(towards(server.port, files(authority, ours)))
            assert await client.down() == "certificate expired on 2021-03-04"

    run(use)


def test_a_certificate_of_tomorrow(authority: Authority, ours: Pair) -> None:
    early = authority.issue("early", NAMES, begins="20980101000000Z", ends="20990101000000Z")

    async def use(client: Client) -> None:
        async with serving(files(authority, early)) as server:
            client.serve(towards(server.port, files(authority, ours)))
            assert await client.down() == "certificate not good before 2098-01-01"

    run(use)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_refuses_our_certificate(
    authority: Authority, stranger: Authority, theirs: Pair, ours: Pair, version: ssl.TLSVersion
) -> None:
    """With TLS 1.3 it does so when we believe that the handshake is done: that is told once, not with each try."""

    async def use(client: Client) -> None:
        with refusing(files(stranger, theirs), version) as port:
            client.serve(towards(port, files(authority, ours)))
            reason = await client.down()
            assert reason == "the other end refused our certificate: it does not know who signed it"
            await client.until(lambda: client.radsec.figures().tries["one", "auth"] >= 3)
            assert len(client.ups()) <= 1
            assert len(client.downs()) == 1

    run(use)


def test_nothing_older_than_tls_1_2(authority: Authority, theirs: Pair, ours: Pair) -> None:
    async def use(client: Client) -> None:
        with refusing(files(authority, theirs), ssl.TLSVersion.TLSv1_1) as port:
            client.serve(towards(port, files(authority, ours)))
            assert await client.down() == "the other end does not speak TLS 1.2 or later"

    run(use)


def test_a_certificate_of_ours_that_ends_soon_is_worth_a_line(authority: Authority, theirs: Pair) -> None:
    brief = authority.issue("brief", begins="20200101000000Z", ends="20210304000000Z")

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as server:
            with capture_logs() as lines:
                client.serve(towards(server.port, files(authority, brief)))
                await client.down()
        (line,) = [line for line in lines if line["event"] == "radsec_certificate"]
        assert (line["server"], line["certificate"], line["problem"]) == ("one", "brief", "expired on 2021-03-04")
        assert line["days_left"] < 0
        assert client.radsec.figures().ends == {("one",): 1614816000}

    run(use)


def test_a_renewed_certificate_is_used_by_the_next_connection(authority: Authority, theirs: Pair) -> None:
    first, second = authority.issue("first"), authority.issue("second")
    path = first.certificate.parent / "current"
    current = Pair(path.with_suffix(".pem"), path.with_suffix(".key"))

    def lay(pair: Pair) -> None:
        current.certificate.write_bytes(pair.certificate.read_bytes())
        current.key.write_bytes(pair.key.read_bytes())

    async def use(client: Client) -> None:
        lay(first)
        async with serving(files(authority, theirs)) as server:
            client.serve(towards(server.port, files(authority, current)))
            await client.until(lambda: server.names == ["first"])
            current.certificate.write_bytes(second.certificate.read_bytes())  # the key is still the old one
            server.cut()
            await client.until(lambda: server.names == ["first", "first"])
            lay(second)
            server.cut()
            await client.until(lambda: server.names == ["first", "first", "second"])

    run(use)


def test_a_reload_takes_a_renewed_certificate_at_once(authority: Authority, theirs: Pair) -> None:
    one, other = authority.issue("before"), authority.issue("after")
    current = Pair(one.certificate.with_name("now.pem"), one.key.with_name("now.key"))

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as server:
            for pair in (one, other):
                current.certificate.write_bytes(pair.certificate.read_bytes())
                current.key.write_bytes(pair.key.read_bytes())
                client.serve(towards(server.port, files(authority, current)))
                await client.until(lambda name=pair.certificate.stem: name in server.names)
            await client.until(lambda: server.left == 1)

    run(use)


def test_files_that_are_gone_at_the_start_are_told_and_waited_for(
    authority: Authority, theirs: Pair, ours: Pair
) -> None:
    key = ours.key.parent / "late.key"
    late = Pair(ours.certificate, key)

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as server:
            client.serve(towards(server.port, files(authority, late)))
            assert f"{key} cannot be read" in await client.down()
            key.write_bytes(ours.key.read_bytes())
            await client.until(client.ups)

    run(use)


# -- servers that are not well


def test_replies_come_in_any_pieces(authority: Authority, theirs: Pair, ours: Pair) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = [await packet(reader) for _ in range(3)]
        for octet in got[0] + got[1][:7]:
            writer.write(bytes((octet,)))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(got[1][7:] + got[2])
        await echo(reader, writer)

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs), talk) as server:
            client.serve(towards(server.port, files(authority, ours)))
            await client.until(client.ups)
            sent = [request(1, 50), request(2, 4096), request(3)]
            for one in sent:
                client.radsec.send(one)
            await client.until(lambda: len(client.received()) == 3)
            assert client.received() == [one.data for one in sent]

    run(use)


@pytest.mark.parametrize("length", [0, 19, 4097, 65535])
def test_garbage_ends_the_connection_and_what_came_before_it_counts(
    authority: Authority, theirs: Pair, ours: Pair, length: int
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await packet(reader) + struct.pack("!BBH", 2, 1, length) + bytes(100))
        await echo(reader, writer)

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs), talk) as server:
            client.serve(towards(server.port, files(authority, ours)))
            await client.until(client.ups)
            sent = request(1)
            client.radsec.send(sent)
            assert await client.down() == f"a packet says that it has {length} octets"
            assert client.received() == [sent.data]
            await client.until(lambda: len(client.ups()) == 2)
            assert client.radsec.figures().losses["one", "auth", "garbage"] == 1

    run(use)


def test_what_does_not_speak_tls(authority: Authority, ours: Pair) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    async def use(client: Client) -> None:
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as plain:
            client.serve(towards(plain.sockets[0].getsockname()[1], files(authority, ours)))
            assert await client.down() == "what answers there does not speak TLS"

    run(use)


def test_a_reset_amid_requests_is_told_at_once_and_a_new_connection_comes(
    authority: Authority, theirs: Pair, ours: Pair
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs), talk) as server:
            client.serve(towards(server.port, files(authority, ours)))
            await client.until(client.ups)
            client.radsec.send(request(1))
            reason = await client.down()
            assert "reset" in reason or "closed" in reason or "broke" in reason
            await client.until(lambda: len(client.ups()) == 2)

    run(use)


def test_a_server_that_is_away_is_told_once_and_tried_again(authority: Authority, theirs: Pair, ours: Pair) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

    async def use(client: Client) -> None:
        client.serve(towards(port, files(authority, ours)))
        assert await client.down() == "nobody listens there"
        assert client.radsec.send(request(1)) == TransportDown(0, Kind.AUTH, 0, "nobody listens there")
        await client.until(lambda: client.radsec.figures().losses["one", "auth", "refused"] >= 2)
        assert len(client.downs()) == 1
        async with serving(files(authority, theirs), port=port):
            await client.until(client.ups)
            assert client.radsec.send(request(1)) is None
            await client.until(client.received)
            assert client.radsec.figures().up == {("one", "auth"): 1}

    run(use)


def test_a_handshake_that_never_ends_holds_up_nobody_else(
    authority: Authority, theirs: Pair, ours: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radsec_connection, "HANDSHAKE_S", 0.3)
    silent: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent.append(writer)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()  # the next try may have come before the end of the test

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as good, await asyncio.start_server(talk, "127.0.0.1", 0) as mute:
            port = mute.sockets[0].getsockname()[1]
            client.serve(towards(good.port, files(authority, ours)), towards(port, files(authority, ours), name="mute"))
            await client.until(lambda: client.ups() and silent)
            client.radsec.send(request(7))
            await client.until(client.received)
            assert await client.down(1) == "the other end does not finish the handshake"
            for writer in silent:
                writer.transport.abort()

    run(use)


def test_a_thousand_requests_in_flight(authority: Authority, theirs: Pair, ours: Pair) -> None:
    """Four connections of 256; the server answers nothing until it has all, and then in reverse order."""
    held: list[tuple[bytes, asyncio.StreamWriter]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            held.append((await packet(reader), writer))
            if len(held) == 1000:
                for data, to in reversed(held):
                    to.write(data)

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs), talk) as server:
            client.serve(towards(server.port, files(authority, ours)))
            await client.until(client.ups)
            sent = [request(number & 255, 200, number >> 8) for number in range(1000)]
            for one in sent:
                assert client.radsec.send(one) is None
            await client.until(lambda: len(client.received()) == 1000)
            assert sorted(client.received()) == sorted(one.data for one in sent)
            assert len(server.clients) == 4
            assert not client.downs()

    run(use)


def test_a_server_that_does_not_read(
    authority: Authority, theirs: Pair, ours: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radsec_connection, "MAX_UNSENT_OCTETS", 100_000)
    patience = asyncio.Event()

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport reads
        await patience.wait()
        writer.transport.abort()

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs), talk) as server:
            client.serve(towards(server.port, files(authority, ours)))
            await client.until(client.ups)
            for number in range(20_000):
                client.radsec.send(request(number & 255, 4096))
                if number % 32 == 0:
                    await asyncio.sleep(0)
                if client.downs():
                    break
            assert await client.down() == "the other end does not read what is sent"
            patience.set()

    run(use)


# -- connections that nobody needs


def test_an_idle_connection_that_the_server_closes_is_made_again_in_silence(
    authority: Authority, theirs: Pair, ours: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radsec_connection, "SETTLED_S", 0.05)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await packet(reader))
        await asyncio.sleep(0.2)

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs), talk) as server:
            client.serve(towards(server.port, files(authority, ours)))
            await client.until(client.ups)
            client.radsec.send(request(1))
            client.radsec.send(request(2, socket_number=1))
            await client.until(lambda: len(server.clients) == 3)  # the first twice, the other when it is needed again
            await client.until(lambda: client.radsec.figures().up == {("one", "auth"): 1})
            assert not client.downs()
            client.radsec.send(request(3, socket_number=1))
            await client.until(lambda: len(client.received()) == 3)
            assert not client.downs()

    run(use)


def test_a_server_that_is_no_more_has_no_connection(authority: Authority, theirs: Pair, ours: Pair) -> None:
    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as server:
            one = towards(server.port, files(authority, ours))
            client.serve(one)
            await client.until(client.ups)
            client.radsec.serve({0: one, 5: towards(server.port, files(authority, ours), name="five")})
            await client.until(lambda: client.ups(5))
            await client.until(lambda: len(server.clients) == 2)  # the other one is left alone
            client.radsec.serve(
                {0: replace(one, weight=7), 5: towards(server.port, files(authority, ours), name="five")}
            )
            client.radsec.send(request(1))
            await client.until(client.received)
            assert len(server.clients) == 2, "by the same way it is the same connection"
            client.radsec.serve({})
            await client.until(lambda: server.left == 2)
            assert not client.radsec.figures().up
            assert not client.downs()

    run(use)


def test_a_server_goes_at_any_moment_of_a_handshake(authority: Authority, theirs: Pair, ours: Pair) -> None:
    """A reload may come at any of them; what is left of a handshake is in nobody's way."""

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as server:
            one = towards(server.port, files(authority, ours))
            for turns in range(120):
                client.serve(one)
                await client.until(lambda: client.radsec.figures().tries)
                for _ in range(turns % 40):
                    await asyncio.sleep(0)
                client.radsec.close()
                numbers_are_free()
                client.radsec = RadSec(client.told.extend)
            assert not client.downs()

    run(use)


def test_a_wrong_certificate_while_our_own_files_are_gone(
    authority: Authority, stranger: Authority, ours: Pair, tmp_path: Path
) -> None:
    """What the server's certificate says cannot be looked at then; it is tried again all the same."""
    mine = files(authority, ours)._replace(key=str(tmp_path / "key"))
    (tmp_path / "key").write_bytes(ours.key.read_bytes())

    async def use(client: Client) -> None:
        async with serving(files(stranger, stranger.issue("radius", "IP:127.0.0.1"))) as server:
            client.serve(towards(server.port, mine))
            assert "signed by Stranger CA" in await client.down()
            (tmp_path / "key").unlink()
            await client.until(lambda: len(client.downs()) == 2)
            assert client.downs()[1].reason == "the certificate is from no CA of tls_ca"
            tries = client.radsec.figures().tries["one", "auth"]
            await client.until(lambda: client.radsec.figures().tries["one", "auth"] > tries)

    run(use)


def test_handshakes_that_fail_keep_no_memory(authority: Authority, stranger: Authority, ours: Pair) -> None:
    """Whoever answers with anything but TLS, or with a wrong certificate, may do so for years."""

    async def mad(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.net\r\n" * 3)
        writer.close()

    async def use(client: Client) -> None:
        async def settled() -> None:
            """Wait until none is amid its handshake any more, for nobody listens."""
            before = client.radsec.figures().losses["one", "auth", "refused"]
            await client.until(lambda: client.radsec.figures().losses["one", "auth", "refused"] > before + 1)

        wrong = files(stranger, stranger.issue("radius", "IP:127.0.0.1"))
        async with await asyncio.start_server(mad, "127.0.0.1", 0) as listening:
            client.serve(towards(listening.sockets[0].getsockname()[1], files(authority, ours)))
            await client.until(lambda: client.radsec.figures().losses["one", "auth", "not_tls"] >= 4)
        await settled()
        with refusing(wrong, ssl.TLSVersion.TLSv1_3) as port:
            client.serve(towards(port, files(authority, ours)))
            await client.until(lambda: client.radsec.figures().losses["one", "auth", "untrusted"] >= 4)
        await settled()
        client.radsec.close()

    with nothing_kept():
        run(use)


def test_what_was_counted_of_a_server_goes_with_it(authority: Authority, theirs: Pair, ours: Pair) -> None:
    """Nobody is to be woken by the certificate of a server that is no more."""

    async def use(client: Client) -> None:
        async with serving(files(authority, theirs)) as server:
            one, two = (towards(server.port, files(authority, ours), name=name) for name in ("one", "two"))
            client.serve(one, two)
            await client.until(lambda: client.ups(0) and client.ups(1))
            assert set(client.radsec.figures().ends) == {("one",), ("two",)}
            client.serve(one)
            figures = client.radsec.figures()
            assert set(figures.ends) == {("one",)}
            assert set(figures.tries) == {("one", "auth")}

    run(use)


def test_a_defect_of_who_is_told_costs_a_connection_and_not_the_server(
    authority: Authority, theirs: Pair, ours: Pair
) -> None:
    async def use(client: Client) -> None:
        told = client.told
        wrong: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: wrong.append(context["exception"]))

        def take(inputs: list[Input]) -> None:
            if not wrong:
                raise RuntimeError("a defect")
            told.extend(inputs)

        client.radsec = RadSec(take)
        async with serving(files(authority, theirs)) as server:
            client.serve(towards(server.port, files(authority, ours)))
            await client.until(client.ups)
            assert str(wrong) == "[RuntimeError('a defect')]"
            client.radsec.send(request(1))
            await client.until(client.received)

    run(use)


def test_nothing_is_shown_where_there_is_nothing() -> None:
    async def use(client: Client) -> None:
        assert client.radsec.figures() == NO_CONNECTIONS

    run(use)
