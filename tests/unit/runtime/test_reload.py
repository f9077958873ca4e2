"""Who asks for a reload gets an answer, whatever becomes of it; a daemon's own is in runtime/test_reload.py."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bras.config.load import load
from bras.config.model import Config
from bras.radius.codec import Codec
from bras.runtime.reload import Reloader, read
from bras.telemetry.config_counts import ConfigCounts
from tests.unit.cli.test_main import GOOD

Use = Callable[[Reloader, list[Config]], Awaitable[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "bras.toml"
    found.write_text(GOOD)
    found.chmod(0o600)
    return found


def reloading(path: Path, use: Use, wrong: Exception | None = None) -> None:
    """Have a Reloader of a file used; what is put into force is written down, or fails."""
    done: list[Config] = []

    def put_into_force(config: Config, _codec: Codec) -> bool:
        if wrong is not None:
            raise wrong
        done.append(config)
        return True

    async def go() -> None:
        await use(Reloader(str(path), load(path), put_into_force, ConfigCounts()), done)

    asyncio.run(go())


async def asked(reloader: Reloader, *, dry_run: bool = False) -> dict[str, Any]:
    body = await asyncio.wait_for(reloader.ask(dry_run=dry_run), 10)
    assert isinstance(body, dict)
    return body


def test_whoever_asks_while_it_is_read_waits_for_one_reading_more(path: Path) -> None:
    async def use(reloader: Reloader, done: list[Config]) -> None:
        wishes = [reloader.ask(dry_run=number == 500) for number in range(1000)]
        bodies = [await wish for wish in wishes]
        assert [body["outcome"] for body in bodies] == ["applied"] * 1000  # type: ignore[index,call-overload]  # it is a dictionary
        assert len(done) == 3, "what was begun, what was asked for before the dry run, and after it"

    reloading(path, use)


def test_a_defect_is_an_answer_and_the_next_one_is_read(path: Path) -> None:
    async def use(reloader: Reloader, _done: list[Config]) -> None:
        first, second = reloader.ask(), reloader.ask()
        for wish in (first, second):
            body = await asyncio.wait_for(wish, 10)
            assert isinstance(body, dict)
            assert body["outcome"] == "failed"
        assert (await asked(reloader, dry_run=True))["outcome"] == "applied"

    reloading(path, use, RuntimeError("a defect"))


@pytest.mark.parametrize(("protocol", "key"), [("UDP", "listen"), ("TCP", "tls_listen")])
def test_which_address_cannot_be_bound(path: Path, protocol: str, key: str) -> None:
    async def use(reloader: Reloader, _done: list[Config]) -> None:
        body = await asked(reloader)
        assert body["outcome"] == "refused"
        assert body["problems"] == [
            f"{path}: radius.coa.{key}: {protocol} 192.0.2.1:3799 cannot be bound (Address already in use),"
            " give a free address of this machine"
        ]

    reloading(path, use, OSError(errno.EADDRINUSE, "Address already in use", f"{protocol} 192.0.2.1:3799"))


def test_while_the_daemon_stops_nothing_changes(path: Path) -> None:
    async def use(reloader: Reloader, done: list[Config]) -> None:
        before = reloader.ask()
        reloader.close()
        assert (await before, await reloader.ask()) == (None, None)
        assert done == []

    reloading(path, use)


def test_each_fault_of_a_dictionary_is_a_problem(path: Path) -> None:
    (path.parent / "own.dictionary").write_text("ATTRIBUTE Foo 300x string\nATTRIBUTE Bar 250 word\n")
    path.write_text(GOOD + '[radius]\ndictionaries = ["own.dictionary"]\n')
    found = read(str(path))
    assert found.codec is None
    assert [(problem.file, problem.key) for problem in found.checked.problems] == [
        (f"{path.parent}/own.dictionary:1", "Foo"),
        (f"{path.parent}/own.dictionary:2", "Bar"),
    ]
