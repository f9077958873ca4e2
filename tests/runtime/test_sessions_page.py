"""``/metrics/sessions`` over a real socket, with a daemon of many sessions in this process."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from bras.config.model import Listen
from bras.forwarding.entry import Counters
from bras.lns.commands import Command, ListSessions, Plain, TakeReadings
from bras.lns.effects import Answer
from bras.lns.readings import shard_of
from bras.runtime import sessions_page as module
from bras.runtime.exporter import Exporter
from bras.runtime.sessions_page import A_SLICE, MOST_SCRAPES, SessionsPage
from bras.telemetry.counts import Counts
from bras.telemetry.metrics import BrasCollector, DataplaneFigures
from tests.support.turns import counted

COUNT = 3 * A_SLICE + 7
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
Use = Callable[[str, aiohttp.ClientSession], Awaitable[None]]


class House:
    """So many sessions, as the machine and the data plane tell of them."""

    def __init__(self, count: int = COUNT) -> None:
        self.count = count
        self.slices = 0
        self.reads = 0
        self.hold: asyncio.Event | None = None
        """Given: no slice is answered before it is set."""

    def row(self, number: int) -> list[Plain]:
        session, lac = f"{number:020X}", "even" if number % 2 == 0 else "odd"
        return [
            session,
            f"user{number}",
            "chap",
            lac,
            "lac1",
            "198.18.0.2",
            "",
            "",
            number,
            5.0,
            0.01,
            number,
            number,
            False,
            None,
            None,
            None,
        ]

    async def ask(self, command: Command) -> Answer:
        if isinstance(command, ListSessions):
            known = [int(command.user[4:])] if command.user is not None else range(self.count)
            return Answer(1, True, {"numbers": [n for n in known if n < self.count]})
        assert isinstance(command, TakeReadings)
        self.slices += 1
        if self.hold is not None:
            await self.hold.wait()
        rows = [self.row(number) for number in command.numbers]
        wanted: Plain = [row for row in rows if self.wanted(command, row)]
        return Answer(1, True, {"readings": wanted, "wall_offset_s": 1000.0})

    @staticmethod
    def wanted(command: TakeReadings, row: list[Any]) -> bool:
        in_shard = shard_of(row[0], command.shards) == command.shard
        return in_shard and (command.group is None or row[3] == command.group)

    def read(self, slots: Iterable[tuple[int, int]]) -> tuple[tuple[int, int, Counters], ...]:
        self.reads += 1
        return tuple((slot, number, Counters(number * 1000, number)) for slot, number in slots)


def serve(house: House, use: Use, *, page: SessionsPage | None = None) -> SessionsPage:
    page = page or SessionsPage(house.ask, house.read)

    async def run() -> None:
        collector = BrasCollector(Counts(), lambda: DataplaneFigures(Counters(), {}, {}), version="1")
        exporter = Exporter(Listen("127.0.0.1", 0), collector, house.ask, page)
        await exporter.start()
        try:
            async with aiohttp.ClientSession(auto_decompress=False) as client:
                await asyncio.wait_for(use("http://{}:{}/metrics/sessions".format(*exporter.address), client), 30)
        finally:
            await exporter.close()

    asyncio.run(run())
    return page


def sessions(text: str, *, openmetrics: bool = False) -> dict[str, float]:
    """Return octets up by session."""
    parse = parse_openmetrics if openmetrics else text_string_to_metric_families
    return {
        one.labels["session"]: one.value
        for family in parse(text)
        for one in family.samples
        if one.name == "bras_session_bytes_total" and (one.labels["direction"], one.labels["family"]) == ("up", "ipv4")
    }


ALL = {f"{number:020X}": number * 1000.0 for number in range(COUNT)}


@pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])
@pytest.mark.parametrize("squeezed", [False, True], ids=["plain", "gzip"])
def test_every_session_is_there_once(openmetrics: bool, squeezed: bool) -> None:
    async def use(url: str, client: aiohttp.ClientSession) -> None:
        headers = {
            "Accept": OPENMETRICS if openmetrics else "*/*",
            "Accept-Encoding": "gzip" if squeezed else "identity",
        }
        async with client.get(url, headers=headers) as response:
            assert response.status == 200
            kind = "application/openmetrics-text; version=1.0.0" if openmetrics else "text/plain; version=0.0.4"
            assert response.headers["Content-Type"] == f"{kind}; charset=utf-8"
            assert response.headers.get("Content-Encoding") == ("gzip" if squeezed else None)
            assert response.headers["Vary"] == "Accept, Accept-Encoding"
            assert response.headers["X-Content-Type-Options"] == "nosniff", "names of subscribers are no HTML"
            assert response.headers["Transfer-Encoding"] == "chunked"
            assert "ETag" not in response.headers
            octets = await response.read()
        text = (gzip.decompress(octets) if squeezed else octets).decode()
        assert text.endswith("# EOF\n") is openmetrics
        assert sessions(text, openmetrics=openmetrics) == ALL

    house = House()
    serve(house, use)
    assert house.reads == house.slices == 4


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("", set(ALL)),
        ("?lac=odd", {session for session in ALL if int(session, 16) % 2}),
        ("?lac=nobody", set()),
        ("?user=user17", {f"{17:020X}"}),
        ("?user=user17&lac=even", set()),
        ("?shard=0/1", set(ALL)),
        ("?shard=2/3", {session for session in ALL if shard_of(session, 3) == 2}),
    ],
)
def test_what_a_query_wants(query: str, chosen: set[str]) -> None:
    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with client.get(url + query) as response:
            assert response.status == 200
            assert set(sessions(gzip.decompress(await response.read()).decode())) == chosen

    serve(House(), use)


@pytest.mark.parametrize(
    "query",
    [
        "?shard=1",
        "?shard=1/1",
        "?shard=-1/2",
        "?shard=0/0",
        "?shard=0/1025",
        "?shard=a/b",
        "?shard=0/2&shard=1/2",
        "?x=1",
        "?user=a&user=b",
    ],
)
def test_a_query_that_makes_no_sense_is_told_so(query: str) -> None:
    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with client.get(url + query) as response:
            assert response.status == 400
            assert "shard" in await response.text()

    assert serve(house := House(), use)._scrapes == 0
    assert house.slices == 0


def test_a_head_costs_nothing() -> None:
    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with client.head(url, headers={"Accept": OPENMETRICS, "Accept-Encoding": "gzip"}) as response:
            assert response.status == 200
            assert response.headers["Content-Type"].startswith("application/openmetrics-text")
            assert await response.read() == b""

    house = House()
    serve(house, use)
    assert house.slices == 0


def test_only_so_many_at_once() -> None:
    house = House()

    async def use(url: str, client: aiohttp.ClientSession) -> None:
        house.hold = asyncio.Event()

        async def scrape() -> int:
            async with client.get(url) as response:
                await response.read()
                return response.status

        running = [asyncio.ensure_future(scrape()) for _ in range(MOST_SCRAPES)]
        while house.slices < MOST_SCRAPES:
            await asyncio.sleep(0)
        async with client.get(url) as response:
            assert response.status == 503
            assert response.headers["Retry-After"]
        house.hold.set()
        assert await asyncio.gather(*running) == [200] * MOST_SCRAPES
        assert await scrape() == 200, "there is room again"

    assert serve(house, use)._scrapes == 0


async def _half_a_request(url: str) -> socket.socket:
    """Ask for the page and read nothing of it."""
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (host, int(port)))
    await loop.sock_sendall(client, b"GET /metrics/sessions HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


def test_a_client_that_hangs_up_is_worked_for_no_longer() -> None:
    house = House(100 * A_SLICE)

    async def use(url: str, _client: aiohttp.ClientSession) -> None:
        house.hold = asyncio.Event()
        client = await _half_a_request(url)
        while not house.slices:
            await asyncio.sleep(0)
        client.close()
        await asyncio.sleep(0.05)  # until the loop has heard of it; the longer, the surer
        house.hold.set()
        async with aiohttp.ClientSession() as other, other.get(url + "?user=user1") as response:
            assert response.status == 200

    page = serve(house, use)
    assert house.slices <= 3, "one that was on its way, perhaps one more, and one for the other client"
    assert page._scrapes == 0


def test_a_client_that_does_not_read_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_WITHIN_S", 0.1)

    async def use(url: str, client: aiohttp.ClientSession) -> None:
        slow = await _half_a_request(url)
        async with client.get(url) as response:
            assert len(gzip.decompress(await response.read())) > 1_000_000, "it keeps nobody else waiting"
        while page._scrapes:
            await asyncio.sleep(0.01)
        loop, received = asyncio.get_running_loop(), b""
        with slow, contextlib.suppress(ConnectionError):
            while octets := await loop.sock_recv(slow, 65536):
                received = received[-16:] + octets
        assert received
        assert not received.endswith(b"0\r\n\r\n"), "it was cut off"

    house = House(50 * A_SLICE)
    page = SessionsPage(house.ask, house.read)
    serve(house, use, page=page)


def test_others_have_their_turn_between_slices() -> None:
    house = House()

    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with counted() as turns, client.get(url) as response:
            await response.read()
        assert turns[0] > 3 * house.slices

    serve(house, use)


def test_a_machine_that_cannot_answer_gives_503() -> None:
    async def refuse(_command: Command) -> Answer:
        return Answer(1, False, {"error": "internal error"})

    house = House()
    house.ask = refuse  # type: ignore[method-assign]  # this one refuses

    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with client.get(url) as response:
            assert response.status == 503

    assert serve(house, use)._scrapes == 0
