"""``GET /metrics/sessions``: the series of each session, made in slices between which everybody else has a turn.

All numbers are taken at once, the sessions some hundred at a time: from the machine what it knows of them,
from the data plane what they have carried by now.  A scrape whose client is gone stops at the next slice.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from aiohttp import web

from bras.forwarding.entry import Counters
from bras.lns.commands import Command, ListSessions, TakeReadings
from bras.runtime.admin import Ask
from bras.runtime.negotiation import gzip_accepted, openmetrics_wanted
from bras.runtime.squeeze import Squeezed, gzipped
from bras.telemetry.session_series import GENERATION, SERIES, SLOT, rendered

A_SLICE = 200
MOST_SCRAPES = 2
"""At once; whoever comes then is told to come again."""
SEND_WITHIN_S = 30.0
"""Seconds that a client has to take the page."""
PIECE_OCTETS = 65536
MOST_SHARDS = 1024
TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
HEADERS = {"Vary": "Accept, Accept-Encoding", "X-Content-Type-Options": "nosniff"}
"""Of every page: a browser must not take it for HTML, whatever a subscriber calls itself."""
_SHARD = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")

Read = Callable[[Iterable[tuple[int, int]]], tuple[tuple[int, int, Counters], ...]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions a scrape is for."""

    user: str | None = None
    lac: str | None = None
    shard: int = 0
    shards: int = 1


class SessionsPage:
    """Serves the page."""

    def __init__(self, ask: Ask, read: Read) -> None:
        """Read sessions by ``ask``, and counters by ``read``, as of a DataPlane."""
        self._ask = ask
        self._read = read
        self._scrapes = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        wanted = understood(request)
        openmetrics = openmetrics_wanted(request.headers.get("Accept", ""))
        headers = {"Content-Type": OPENMETRICS_TYPE if openmetrics else TEXT_TYPE, **HEADERS}
        squeezed = gzip_accepted(request.headers.get("Accept-Encoding", ""))
        if squeezed:
            headers["Content-Encoding"] = "gzip"
        if request.method == "HEAD":
            return web.Response(headers=headers)
        if self._scrapes >= MOST_SCRAPES:
            raise web.HTTPServiceUnavailable(text="others are reading the sessions\n", headers={"Retry-After": "5"})
        self._scrapes += 1
        try:
            parts = await self._made(request, wanted, openmetrics=openmetrics)
            pieces = gzipped(parts) if squeezed else chain.from_iterable(part.text() for part in parts)
            return await _sent(request, web.StreamResponse(headers=headers), pieces)
        finally:
            self._scrapes -= 1

    async def _made(self, request: web.Request, wanted: Wanted, *, openmetrics: bool) -> list[Squeezed]:
        """Return the families, each with its heading; what a client that is gone has no use for is not made."""
        parts = [Squeezed() for _ in SERIES]
        for part, series in zip(parts, SERIES, strict=True):
            part.add(series.head(openmetrics=openmetrics).encode())
        numbers = (await self._asked(ListSessions(wanted.user)))["numbers"]
        lacs: dict[tuple[str, ...], str] = {}
        for first in range(0, len(numbers), A_SLICE):
            if _is_gone(request):
                break
            question = TakeReadings(tuple(numbers[first : first + A_SLICE]), wanted.lac, wanted.shard, wanted.shards)
            slice_ = await self._asked(question)
            readings = slice_["readings"]
            carried = {one[1]: one[2] for one in self._read([(row[SLOT], row[GENERATION]) for row in readings])}
            await asyncio.sleep(0)
            texts = rendered(readings, carried, slice_["wall_offset_s"], lacs)
            await asyncio.sleep(0)
            for part, text in zip(parts, texts, strict=True):
                part.add(text.encode())
            await asyncio.sleep(0)
        if openmetrics:
            parts[-1].add(b"# EOF\n")
        for part in parts:
            part.end()
        return parts

    async def _asked(self, command: Command) -> dict[str, Any]:
        answer = await self._ask(command)
        if not answer.ok or not isinstance(answer.body, dict):
            raise web.HTTPServiceUnavailable(text="the daemon cannot read its sessions now\n")
        return answer.body


def understood(request: web.Request) -> Wanted:
    """Return what a query asks for; HTTPBadRequest says what is wrong with it."""
    query = request.query
    strange = sorted(set(query) - {"lac", "user", "shard"})
    if strange or len(query) != len(set(query)):
        raise web.HTTPBadRequest(text="a query has lac=, user= and shard=i/n, each once\n")
    shard, shards = 0, 1
    if "shard" in query:
        match = _SHARD.fullmatch(query["shard"])
        if match is not None:
            shard, shards = int(match[1]), int(match[2])
        if match is None or not shard < shards <= MOST_SHARDS:
            raise web.HTTPBadRequest(text=f"shard is i/n, from 0/n to n-1/n, n at most {MOST_SHARDS}\n")
    return Wanted(query.get("user"), query.get("lac"), shard, shards)


async def _sent(request: web.Request, response: web.StreamResponse, pieces: Iterator[bytes]) -> web.StreamResponse:
    """Send a page as fast as the client takes it, up to a limit; nobody else waits for that."""
    response.enable_chunked_encoding()
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            await response.prepare(request)
            for piece in _joined(pieces):
                await response.write(piece)
                await asyncio.sleep(0)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # the client is gone, and with it what it wanted
    return response


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces, and cut large ones, so that each costs about the same."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= PIECE_OCTETS:
            yield bytes(waiting[:PIECE_OCTETS])
            del waiting[:PIECE_OCTETS]
    if waiting:
        yield bytes(waiting)


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
