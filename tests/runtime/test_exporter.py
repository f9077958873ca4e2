from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from bras.config.model import Listen
from bras.forwarding.entry import Counters
from bras.lns.commands import Command, Plain, TakeCensus
from bras.lns.effects import Answer
from bras.runtime import exporter as module
from bras.runtime.exporter import Exporter
from bras.telemetry.counts import Counts
from bras.telemetry.metrics import BrasCollector, DataplaneFigures
from tests.support.turns import counted

CENSUS: Plain = {
    "tunnels": [],
    "sessions": [{"lac": f"lac{n}", "state": "up", "count": n} for n in range(50)],
    "pools": [],
    "radius": [],
}
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"


async def answer(command: Command) -> Answer:
    assert isinstance(command, TakeCensus)
    return Answer(1, True, CENSUS)


Ask = Callable[[Command], Awaitable[Answer]]


def serve(use: Callable[[str, aiohttp.ClientSession], Awaitable[None]], ask: Ask = answer) -> None:
    async def run() -> None:
        collector = BrasCollector(
            Counts(["lac1"], ["r1"]), lambda: DataplaneFigures(Counters(), {}, {}), version="1.2.3"
        )
        exporter = Exporter(Listen("127.0.0.1", 0), collector, ask)
        await exporter.start()
        try:
            async with aiohttp.ClientSession() as client:
                await asyncio.wait_for(use("http://{}:{}".format(*exporter.address), client), 20)
        finally:
            await exporter.close()

    asyncio.run(run())


def test_the_page_is_what_prometheus_wants(tool: Callable[[str], str]) -> None:
    pages: list[bytes] = []

    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with client.get(f"{url}/metrics") as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            pages.append(await response.read())

    serve(use)
    assert b'bras_sessions{lac="lac7",state="up"} 7.0\n' in pages[0]
    assert b"process_cpu_seconds_total" in pages[0]
    done = subprocess.run([tool("promtool"), "check", "metrics"], input=pages[0], capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_openmetrics_is_given_to_who_asks_for_it() -> None:
    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with client.get(f"{url}/metrics", headers={"Accept": OPENMETRICS}) as response:
            assert response.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
            assert response.headers["Content-Encoding"] == "gzip"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            page = await response.text()
        assert page.endswith("# EOF\n")
        assert page.count("# EOF") == 1
        assert "bras_sessions" in {family.name for family in parse_openmetrics(page)}

    serve(use)


def test_each_scrape_takes_a_fresh_census() -> None:
    count = 0

    async def ask(_command: Command) -> Answer:
        nonlocal count
        count += 1
        return Answer(1, True, {"sessions": [{"lac": "a", "state": "up", "count": count}]})

    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async def scrape() -> str:
            async with client.get(f"{url}/metrics") as response:
                return await response.text()

        pages = await asyncio.gather(*(scrape() for _ in range(5)))
        seen = sorted(line for page in pages for line in page.splitlines() if line.startswith("bras_sessions{"))
        assert seen == [f'bras_sessions{{lac="a",state="up"}} {n}.0' for n in range(1, 6)]

    serve(use, ask)


def test_the_loop_turns_while_a_page_is_rendered() -> None:
    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with counted() as turns, client.get(f"{url}/metrics") as response:
            families = (await response.text()).count("# TYPE")
        assert turns[0] > families

    serve(use)


def test_a_daemon_that_does_not_answer_gives_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CENSUS_TIMEOUT_S", 0.05)

    async def never(_command: Command) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with client.get(f"{url}/metrics") as response:
            assert response.status == 503

    serve(use, never)


def test_a_daemon_that_refuses_gives_503() -> None:
    async def refuse(_command: Command) -> Answer:
        return Answer(1, False, {"error": "stopping"})

    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with client.get(f"{url}/metrics") as response:
            assert response.status == 503

    serve(use, refuse)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("DELETE", "/metrics", 405),
        ("GET", "/admin", 404),
        ("GET", "/../etc/passwd", 404),
    ],
)
def test_nothing_else_is_there(method: str, path: str, status: int) -> None:
    async def use(url: str, client: aiohttp.ClientSession) -> None:
        async with client.request(method, url + path) as response:
            assert response.status == status

    serve(use)


def test_a_port_that_is_taken_is_an_error() -> None:
    async def use(url: str, _client: aiohttp.ClientSession) -> None:
        port = int(url.rsplit(":", 1)[1])
        collector = BrasCollector(Counts(), lambda: DataplaneFigures(Counters(), {}, {}), version="1")
        second = Exporter(Listen("127.0.0.1", port), collector, answer)
        with pytest.raises(OSError, match="in use"):
            await second.start()
        await second.close()

    serve(use)


def test_ipv6_too() -> None:
    async def run() -> None:
        collector = BrasCollector(Counts(), lambda: DataplaneFigures(Counters(), {}, {}), version="1")
        exporter = Exporter(Listen("::1", 0), collector, answer)
        await exporter.start()
        async with aiohttp.ClientSession() as client, client.get(f"http://[::1]:{exporter.address[1]}/metrics") as got:
            assert got.status == 200
        await exporter.close()

    asyncio.run(run())
