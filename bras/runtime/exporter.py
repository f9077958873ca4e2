"""HTTP for Prometheus: ``GET /metrics`` and ``/metrics/sessions``, and nothing that could change anything.

A page is rendered family by family with a return to the loop between two, so that no
scrape holds up a LAC.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from bras.config.model import Listen
from bras.lns.commands import TakeCensus
from bras.runtime.admin import Ask
from bras.runtime.negotiation import gzip_accepted, openmetrics_wanted
from bras.runtime.sessions_page import HEADERS, OPENMETRICS_TYPE, TEXT_TYPE, SessionsPage
from bras.telemetry.metrics import BrasCollector, make_registry

CENSUS_TIMEOUT_S = 5.0
_END = b"# EOF\n"


class Exporter:
    """Serves ``/metrics`` until it is closed."""

    def __init__(
        self, listen: Listen, collector: BrasCollector, ask: Ask, sessions: SessionsPage | None = None
    ) -> None:
        """Serve at ``listen``; ``ask`` is asked for a census at each scrape; ``sessions`` serves theirs."""
        self._listen = listen
        self._collector = collector
        self._registry = make_registry(collector)
        self._ask = ask
        self._sessions = sessions
        self._runner: web.AppRunner | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Listen; OSError when that is not possible."""
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        if self._sessions is not None:
            app.router.add_get("/metrics/sessions", self._sessions.serve)
        app.router.add_get("/", self._index)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._listen.address, self._listen.port).start()

    @property
    def address(self) -> tuple[str, int]:
        """Return the address and port that it listens on (the port that the kernel chose for 0)."""
        if self._runner is None or not self._runner.addresses:
            return self._listen.address, self._listen.port
        return self._runner.addresses[0][0], self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop to listen and hang up."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _metrics(self, request: web.Request) -> web.Response:
        async with self._turn:
            try:
                answer = await asyncio.wait_for(self._ask(TakeCensus()), CENSUS_TIMEOUT_S)
            except TimeoutError:
                raise web.HTTPServiceUnavailable(text="the daemon is too busy to count\n") from None
            if not answer.ok:
                raise web.HTTPServiceUnavailable(text="the daemon cannot count now\n")
            self._collector.take(answer.body)
            body, content_type = await render(self._registry, request.headers.get("Accept", ""))
        headers = {"Content-Type": content_type, **HEADERS}
        if gzip_accepted(request.headers.get("Accept-Encoding", "")):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 1)
        return web.Response(body=body, headers=headers)

    async def _index(self, _request: web.Request) -> web.Response:
        pages = ["/metrics", *(["/metrics/sessions"] if self._sessions is not None else [])]
        links = "".join(f'<p><a href="{page}">{page}</a></p>\n' for page in pages)
        return web.Response(text=links, content_type="text/html")


async def render(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Return the page and its content type: OpenMetrics when ``accept`` (the HTTP header) wants it."""
    openmetrics = openmetrics_wanted(accept)
    encode = generate_openmetrics if openmetrics else generate_latest
    parts = []
    for family in registry.collect():
        parts.append(encode(_One(family)).removesuffix(_END))
        await asyncio.sleep(0)
    if openmetrics:
        parts.append(_END)
    return b"".join(parts), OPENMETRICS_TYPE if openmetrics else TEXT_TYPE


class _One(Collector):
    """A collector of a single family, which is all that an encoder asks for."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family
