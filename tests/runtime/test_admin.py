from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from bras.lns.commands import (
    Command,
    Disconnect,
    ForgetRates,
    ListSessions,
    PickSessions,
    Plain,
    ShowCoa,
    ShowGroup,
    ShowGroups,
    ShowLacs,
    ShowPools,
    ShowRadius,
    ShowSession,
    ShowSpool,
    ShowTunnel,
    ShowTunnels,
    TakeCensus,
)
from bras.lns.effects import Answer
from bras.runtime.admin import MAX_CLIENTS, MAX_LINE_OCTETS, OVERVIEW, OWN, AdminServer, BadRequest, parse
from bras.runtime.survey import Listing

VERSION: Plain = {"version": "1.2.3"}


class Machine:
    """Answers every Command with what it was, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.body: Plain = {"sessions": []}
        self.ok = True
        self.gate: asyncio.Event | None = None

    async def ask(self, command: Command) -> Answer:
        self.asked.append(command)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(command, ListSessions):
            return Answer(len(self.asked), True, {"numbers": [1]})
        if isinstance(command, PickSessions):
            numbers: Plain = list[Plain](command.numbers)
            return Answer(
                len(self.asked),
                True,
                {"picked": numbers, "values": [], "matched": 1, "up_bps": 0.0, "down_bps": 0.0, "packets_s": 0.0},
            )
        return Answer(len(self.asked), self.ok, self.body)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, path: Path) -> Client:
        return cls(*await asyncio.open_unix_connection(str(path), limit=1 << 26))

    async def send(self, request: object) -> None:
        self.writer.write(orjson.dumps(request) + b"\n")
        await self.writer.drain()

    async def line(self) -> dict[str, Any]:
        answer: dict[str, Any] = orjson.loads(await self.reader.readline())
        return answer

    async def ask(self, request: object) -> dict[str, Any]:
        await self.send(request)
        return await self.line()

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


def serve(path: Path, use: Callable[[Machine], Awaitable[None]]) -> Machine:
    """Run ``use`` beside a server at ``path``; whatever the loop would only log fails the test."""
    machine = Machine()
    troubles: list[dict[str, Any]] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: troubles.append(context))
        own = {"show version": lambda: VERSION, OVERVIEW: lambda: {"setups": 7}}
        server = AdminServer(str(path), machine.ask, own)
        await server.start()
        try:
            await asyncio.wait_for(use(machine), 20)
        finally:
            await server.close()

    asyncio.run(run())
    assert not troubles
    return machine


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "admin.sock"


@pytest.mark.parametrize(
    ("command", "arguments", "expected"),
    [
        ("show sessions", {}, Listing()),
        (
            "show sessions",
            {"match": "user==a", "sort": "-rate", "most": 3, "rates": True},
            Listing(match="user==a", sort="-rate", most=3, rates=True),
        ),
        (
            "show sessions",
            {"after": 5, "limit": 10, "user": "a", "group": "any", "address": "10.0.0.1"},
            Listing(5, 10, "a", "any", "10.0.0.1"),
        ),
        ("show session", {"selector": "alice"}, ShowSession("alice")),
        ("show tunnels", None, ShowTunnels()),
        ("show tunnels", {"group": "any", "hostname": "lac1"}, ShowTunnels(group="any", hostname="lac1")),
        ("show tunnel", {"selector": "77"}, ShowTunnel("77")),
        ("show lacs", {}, ShowLacs()),
        ("show groups", {}, ShowGroups()),
        ("show group", {"name": "any"}, ShowGroup("any")),
        ("show pools", {}, ShowPools()),
        ("show radius", {}, ShowRadius()),
        ("show coa", {}, ShowCoa()),
        ("show spool", {}, ShowSpool()),
        ("disconnect", {"selector": "10.0.0.1"}, Disconnect("10.0.0.1")),
    ],
)
def test_requests_become_commands(command: str, arguments: object, expected: Command | Listing) -> None:
    assert parse(orjson.dumps({"command": command, "arguments": arguments})) == expected
    for own in OWN:
        assert parse(orjson.dumps({"command": own})) == own


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"\xff\x00", "not JSON"),
        (b"", "not JSON"),
        (b"[]", "a request is"),
        (b"{}", "no such command"),
        (b'{"command": ["show sessions"]}', "no such command"),
        (b'{"command": "shutdown"}', "no such command"),
        (b'{"command": "take census"}', "no such command"),
        (b'{"command": "show session"}', "selector"),
        (b'{"command": "show session", "arguments": {"selector": 5}}', "selector"),
        (b'{"command": "show session", "arguments": {"selector": "a", "b": 1}}', "arguments are: selector"),
        (b'{"command": "show session", "arguments": ["a"]}', "arguments are: selector"),
        (b'{"command": "show pools", "arguments": {"x": 1}}', "none"),
        (b'{"command": "show sessions", "arguments": {"limit": 0}}', "limit is 1 to 1000"),
        (b'{"command": "show sessions", "arguments": {"limit": 100000}}', "limit is 1 to 1000"),
        (b'{"command": "show sessions", "arguments": {"after": "x"}}', "after"),
        (b'{"command": "show sessions", "arguments": {"most": -1}}', "most is 0 or more"),
        (b'{"command": "show sessions", "arguments": {"match": "user=="}}', "match: expected a value.*at character 7"),
        (b'{"command": "show sessions", "arguments": {"sort": "usr"}}', "sort: no field 'usr'.*at character 1"),
        (b"[" * 60_000, "not JSON"),
    ],
)
def test_nonsense_is_answered_in_words(line: bytes, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        parse(line)


def test_a_conversation(path: Path) -> None:
    async def use(machine: Machine) -> None:
        client = await Client.connect(path)
        assert await client.ask({"command": "show version"}) == {"ok": True, "body": VERSION}
        assert (await client.ask({"command": "show sessions"}))["body"]["sessions"] == []
        assert (await client.ask({"command": "nonsense"}))["ok"] is False
        machine.ok, machine.body = False, {"error": "no session matches 'x'"}
        refused = await client.ask({"command": "disconnect", "arguments": {"selector": "x"}})
        assert refused == {"ok": False, "body": {"error": "no session matches 'x'"}}
        await client.close()

    assert serve(path, use).asked[-1] == Disconnect("x")


def test_rates_are_forgotten_when_the_last_who_looked_is_gone(path: Path) -> None:
    async def use(machine: Machine) -> None:
        one, two = await Client.connect(path), await Client.connect(path)
        for client in (one, two, one):
            assert (await client.ask({"command": "show sessions", "arguments": {"rates": True}}))["ok"]
        await one.close()
        assert (await two.ask({"command": "show version"}))["ok"]
        assert ForgetRates() not in machine.asked
        await two.close()
        while ForgetRates() not in machine.asked:
            await asyncio.sleep(0)

    serve(path, use)


def test_the_overview_has_a_census(path: Path) -> None:
    async def use(machine: Machine) -> None:
        machine.body = {"sessions": []}
        client = await Client.connect(path)
        assert await client.ask({"command": OVERVIEW}) == {"ok": True, "body": {"setups": 7, "census": machine.body}}
        machine.ok, machine.body = False, {"error": "no"}
        assert await client.ask({"command": OVERVIEW}) == {"ok": False, "body": {"error": "no"}}
        await client.close()

    assert serve(path, use).asked == [TakeCensus(), TakeCensus()]


def test_only_the_owner_may_ask(path: Path) -> None:
    async def use(_machine: Machine) -> None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) & 0o777 == 0o755

    before = os.umask(0o022)
    try:
        serve(path, use)
    finally:
        os.umask(before)
    assert not path.exists(), "taken away at the end"


def test_a_stale_socket_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()

    async def use(_machine: Machine) -> None:
        client = await Client.connect(path)
        assert (await client.ask({"command": "show version"}))["ok"]
        await client.close()

    serve(path, use)


def test_a_live_socket_is_an_error_and_stays(path: Path) -> None:
    async def use(machine: Machine) -> None:
        second = AdminServer(str(path), machine.ask, {"show version": lambda: VERSION})
        with pytest.raises(OSError, match="another daemon answers") as raised:
            await second.start()
        assert raised.value.filename == str(path)
        await second.close()
        client = await Client.connect(path)
        assert (await client.ask({"command": "show version"}))["ok"]
        await client.close()

    serve(path, use)


def test_a_file_in_the_way_is_not_removed(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")

    async def run() -> None:
        with pytest.raises(FileExistsError):
            await AdminServer(str(path), Machine().ask, {"show version": lambda: VERSION}).start()

    asyncio.run(run())
    assert path.read_text() == "precious"


def test_a_path_that_is_too_long_is_named(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)

    async def run() -> None:
        with pytest.raises(OSError, match="too long"):
            await AdminServer(str(long), Machine().ask, {"show version": lambda: VERSION}).start()

    asyncio.run(run())


def test_a_socket_of_somebody_else_is_left_when_closing(path: Path) -> None:
    async def use(machine: Machine) -> None:
        path.unlink()
        later = AdminServer(str(path), machine.ask, {"show version": lambda: VERSION})
        await later.start()
        others.append(later)

    others: list[AdminServer] = []

    async def run() -> None:
        machine = Machine()
        first = AdminServer(str(path), machine.ask, {"show version": lambda: VERSION})
        await first.start()
        await use(machine)
        await first.close()
        assert path.exists()
        await others[0].close()
        assert not path.exists()

    asyncio.run(run())


def test_several_clients_do_not_wait_for_each_other(path: Path) -> None:
    async def use(machine: Machine) -> None:
        slow, quick = await Client.connect(path), await Client.connect(path)
        machine.gate = asyncio.Event()
        await slow.send({"command": "disconnect", "arguments": {"selector": "a"}})
        while not machine.asked:
            await asyncio.sleep(0)
        assert (await quick.ask({"command": "show version"}))["ok"]
        machine.gate.set()
        assert (await slow.line())["ok"]
        await slow.close()
        await quick.close()

    serve(path, use)


def test_too_many_clients_are_told(path: Path) -> None:
    async def use(_machine: Machine) -> None:
        clients = [await Client.connect(path) for _ in range(MAX_CLIENTS)]
        for client in clients:
            assert (await client.ask({"command": "show version"}))["ok"]
        extra = await Client.connect(path)
        assert "connected already" in (await extra.line())["body"]["error"]
        for client in [*clients, extra]:
            await client.close()

    serve(path, use)


def test_a_client_that_is_gone_in_the_middle_of_its_answer_is_harmless(path: Path) -> None:
    async def use(machine: Machine) -> None:
        machine.body = {"sessions": ["x" * 1000] * 5000}
        machine.gate = asyncio.Event()
        for _ in range(5):
            client = await Client.connect(path)
            await client.send({"command": "show sessions"})
            client.writer.transport.abort()
        while not machine.asked:  # the others wait for their turn
            await asyncio.sleep(0)
        machine.gate.set()
        client = await Client.connect(path)
        assert len((await client.ask({"command": "show sessions"}))["body"]["sessions"]) == 5000
        await client.close()

    serve(path, use)


def test_half_a_line_is_nothing(path: Path) -> None:
    async def use(machine: Machine) -> None:
        client = await Client.connect(path)
        client.writer.write(b'{"command": "disconnect", "arguments": {"selector": "al')
        client.writer.write_eof()
        assert await client.reader.read() == b""
        assert not machine.asked
        await client.close()

    serve(path, use)


def test_a_line_that_is_too_long_ends_the_conversation_in_words(path: Path) -> None:
    async def use(_machine: Machine) -> None:
        client = await Client.connect(path)
        client.writer.write(b"x" * (MAX_LINE_OCTETS + 2))
        assert "octets" in (await client.line())["body"]["error"]
        client.writer.transport.abort()

    serve(path, use)


def test_a_name_that_is_not_utf_8_does_not_spoil_the_answer(path: Path) -> None:
    async def use(machine: Machine) -> None:
        machine.body = {"sessions": [{"user": b"al\xffice".decode("utf-8", "surrogateescape")}]}
        client = await Client.connect(path)
        answer = await client.ask({"command": "show sessions"})
        assert answer["body"]["sessions"][0]["user"] == "al\\udcffice"
        await client.close()

    serve(path, use)


def test_closing_hangs_up_on_clients_that_wait(path: Path) -> None:
    async def run() -> None:
        machine = Machine()
        machine.gate = asyncio.Event()
        server = AdminServer(str(path), machine.ask, {"show version": lambda: VERSION})
        await server.start()
        idle, waiting = await Client.connect(path), await Client.connect(path)
        await waiting.send({"command": "show sessions"})
        while not machine.asked:
            await asyncio.sleep(0)
        await server.close()
        await server.close()
        for client in (idle, waiting):
            assert await client.reader.read() == b""
            await client.close()

    asyncio.run(run())
