"""The command as a process of its own, with the real server at the other end of the socket."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from pathlib import Path

import orjson
import pytest

from bras.lns.commands import Command, ListSessions, PickSessions, Plain, ShowSessions
from bras.lns.effects import Answer
from bras.runtime.admin import AdminServer
from tests.unit.cli.rows import reply, session

BRAS = (sys.executable, "-c", "from bras.cli.main import main; main()")
ROWS = 1200


async def ask(command: Command) -> Answer:
    match command:
        case ListSessions():
            return Answer(1, True, {"numbers": list[Plain](range(1, ROWS + 1))})
        case PickSessions():
            numbers: Plain = list[Plain](command.numbers)
            sums: dict[str, Plain] = {"matched": len(command.numbers), "up_bps": 0.0, "down_bps": 0.0, "packets_s": 0.0}
            return Answer(1, True, {"picked": numbers, "values": [], **sums})
        case ShowSessions():
            return Answer(1, True, {"sessions": [session(number) for number in command.numbers or ()]})
        case _:
            name = {"ShowSession": "show session", "ShowTunnels": "show tunnels", "Disconnect": "disconnect"}
            arguments = {"selector": getattr(command, "selector", None)}
            answer = reply({"command": name[type(command).__name__], "arguments": arguments})
            return Answer(1, answer["ok"], answer["body"])


def run(path: Path, *arguments: str, shell: str = "", socket: bool = True) -> tuple[int, bytes, bytes]:
    """Run ``bras`` beside the server; with ``shell``, as the head of a pipeline."""

    async def inner() -> tuple[int, bytes, bytes]:
        server = AdminServer(str(path), ask, {"show version": lambda: {"version": "1.2.3"}})
        await server.start()
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        command = (*BRAS, *arguments, *(("--socket", str(path)) if socket else ()))
        if shell:
            command = ("bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *command)
        process = await asyncio.create_subprocess_exec(*command, **pipes)
        out, err = await asyncio.wait_for(process.communicate(), 30)
        await server.close()
        return process.returncode or 0, out, err

    return asyncio.run(inner())


def test_a_long_list_as_json(tmp_path: Path) -> None:
    code, out, err = run(tmp_path / "s", "show", "sessions", "--json")
    assert (code, err) == (0, b"")
    assert [row["key"] for row in orjson.loads(out)["sessions"]] == list(range(1, ROWS + 1))


def test_a_list_in_a_pipe(tmp_path: Path) -> None:
    code, out, err = run(tmp_path / "s", "show", "sessions")
    assert (code, err) == (0, b"")
    assert out.count(b"\n") == ROWS + 1
    assert b"\x1b" not in out


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    _code, out, err = run(tmp_path / "s", "show", "sessions", shell="| head -2")
    assert out.count(b"\n") == 2
    assert err == b""


def test_disconnect_and_its_refusal(tmp_path: Path) -> None:
    assert run(tmp_path / "s", "disconnect", "alice")[:2] == (0, b"2 sessions disconnected\n")
    assert run(tmp_path / "s", "disconnect", "nobody") == (1, b"", b"bras: no session matches 'nobody'\n")


def test_a_terminal_gets_a_table_of_its_width(tmp_path: Path) -> None:
    async def inner() -> bytes:
        path = tmp_path / "s"
        server = AdminServer(str(path), ask, {"show version": lambda: {"version": "1.2.3"}})
        await server.start()
        leader, follower = pty.openpty()
        environment = os.environ | {"COLUMNS": "80", "TERM": "xterm", "NO_COLOR": ""}
        process = await asyncio.create_subprocess_exec(
            *BRAS, "show", "session", "alice", "--socket", str(path), stdout=follower, env=environment
        )
        await asyncio.wait_for(process.wait(), 30)
        os.close(follower)
        out = os.read(leader, 65536)
        os.close(leader)
        await server.close()
        return out

    out = asyncio.run(inner())
    assert b"profile gold" in out
    assert b"\x1b[" in out


@pytest.mark.parametrize(
    "command",
    [["show", "sessions", "--json"], ["show", "sessions", "--watch=0.1"], ["--help"], ["show", "session", "alice"]],
)
def test_nothing_is_said_to_a_reader_that_is_gone(tmp_path: Path, command: list[str]) -> None:
    _code, _out, err = run(tmp_path / "s", *command, shell="| true", socket=command != ["--help"])
    assert err == b""
