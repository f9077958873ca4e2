"""When answers are read: at once while few are awaited, those of some milliseconds in one go while many are."""

from __future__ import annotations

import asyncio
import socket

import pytest

from bras.radius.events import Kind
from bras.runtime.radius_udp import Key
from bras.runtime.rests import MANY, Rests

ACCT: Key = (1, Kind.ACCT, 0)
AUTH: Key = (1, Kind.AUTH, 0)


class Desk:
    """A socket that is read as ``RadiusSockets`` does, and who reads it."""

    def __init__(self, key: Key, awaited: int) -> None:
        self.ours, self.server = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ours.setblocking(False)
        self.awaited = awaited
        self.came: list[int] = []
        """How many were read in one go."""
        self.news = asyncio.Event()
        self.rests = Rests(self.read, lambda _: self.ours.fileno(), lambda: self.awaited)
        self.rests.watch(self.ours.fileno(), key)

    def read(self, _: Key) -> bool:
        count = 0
        try:
            while True:
                self.ours.recv(100)
                count += 1
        except BlockingIOError:
            pass
        self.came.append(count)
        self.awaited -= count
        self.news.set()
        return count > 0

    async def until(self, calls: int) -> None:
        async with asyncio.timeout(10):
            while len(self.came) < calls:
                self.news.clear()
                await self.news.wait()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.ours.fileno())
        self.ours.close()
        self.server.close()


@pytest.mark.parametrize(("key", "awaited"), [(ACCT, MANY - 1), (AUTH, 100)], ids=["few", "access"])
def test_at_once(key: Key, awaited: int) -> None:
    async def use() -> None:
        desk = Desk(key, awaited)
        for calls in (1, 2, 3):
            desk.server.send(b"answer")
            await desk.until(calls)
        assert desk.came == [1, 1, 1]
        desk.close()

    asyncio.run(use())


def test_of_many_those_of_a_rest_come_together_and_then_it_listens_again() -> None:
    async def use() -> None:
        desk = Desk(ACCT, 40 + MANY)
        desk.server.send(b"answer")
        await desk.until(1)
        for _ in range(20):
            desk.server.send(b"answer")
            await asyncio.sleep(0)  # the loop looks at its sockets
        assert len(desk.came) <= 2, "nobody is woken for each"
        await desk.until(2)
        desk.server.send(b"answer")
        while sum(desk.came) < 22:
            await desk.until(len(desk.came) + 1)
        await desk.until(len(desk.came) + 1)
        assert desk.came[-1] == 0, "the server is silent: one look, then it listens"
        calls = len(desk.came)
        desk.server.send(b"answer")
        await desk.until(calls + 1)
        assert desk.came[-1] == 1
        desk.close()

    asyncio.run(use())


def test_a_socket_that_is_closed_while_it_rests_is_left_alone() -> None:
    async def use() -> None:
        desk = Desk(ACCT, 100)
        desk.server.send(b"answer")
        await desk.until(1)
        desk.ours.close()
        rested = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, rested.set_result, None)
        await rested
        assert desk.came == [1]
        desk.server.close()

    asyncio.run(use())
