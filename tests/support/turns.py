"""How often the loop turns while something else is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def counted() -> AsyncIterator[list[int]]:
    """Count the turns in the only item of the list."""
    turns = [0]

    async def turn() -> None:
        while True:
            turns[0] += 1
            await asyncio.sleep(0)

    turning = asyncio.ensure_future(turn())
    try:
        yield turns
    finally:
        turning.cancel()
