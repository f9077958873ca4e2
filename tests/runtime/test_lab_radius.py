"""`bras lab radius` as a process: sockets, users, the log, the end."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pyrad import packet as radius

import bras
from bras.config import dictionary
from bras.config.model import Listen
from bras.lab.radius import LabRadius, serve
from bras.lab.users import LabUser, LabUsers

BRAS = Path(sys.executable).parent / "bras"
SECRET = b"testing"


@cache
def words() -> Any:
    return dictionary.load(dictionary.find(str(Path(bras.__file__).parent)))


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, int, Path]]:
    """Run the server; return its ports and its log."""
    users = tmp_path / "users"
    users.write_text('alice Cleartext-Password := "wonder"\n  Framed-Pool = "gold"\n')
    log = tmp_path / "log.jsonl"
    auth, acct = free_port(), free_port()
    command = [str(BRAS), "lab", "radius", "--secret", SECRET.decode(), "--users", str(users), "--user", "u*:pass"]
    command += ["--auth-port", str(auth), "--acct-port", str(acct), "--log", str(log)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said == f"RADIUS on 127.0.0.1: authentication {auth}, accounting {acct}; 2 users\n"
        yield auth, acct, log
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def exchange(port: int, asked: Any) -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.connect(("127.0.0.1", port))
        sock.send(asked.RequestPacket())
        data = sock.recv(4096)
    reply = asked.CreateReply(packet=data)
    assert asked.VerifyReply(reply, data)
    return reply


def access(name: str, password: str) -> Any:
    asked = radius.AuthPacket(id=1, secret=SECRET, authenticator=os.urandom(16), dict=words())
    asked["User-Name"] = name
    asked["User-Password"] = asked.PwCrypt(password)
    asked.add_message_authenticator()
    return asked


def test_a_whole_session(server: tuple[int, int, Path]) -> None:
    auth, acct, log = server
    accepted = exchange(auth, access("alice", "wonder"))
    assert (accepted.code, accepted["Framed-Pool"]) == (2, ["gold"])
    assert exchange(auth, access("u5", "pass")).code == 2
    assert exchange(auth, access("alice", "pass")).code == 3
    record = radius.AcctPacket(id=1, secret=SECRET, dict=words())
    record["Acct-Status-Type"] = "Stop"
    record["Acct-Session-Id"] = "5"
    record["Acct-Input-Octets"] = 77
    assert exchange(acct, record).code == 5
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["type"] for line in lines] == ["access"] * 3 + ["accounting"]
    assert [line.get("accepted") for line in lines] == [True, True, False, None]
    assert lines[3]["attributes"] == {"Acct-Status-Type": "Stop", "Acct-Session-Id": "5", "Acct-Input-Octets": 77}


def test_the_line_is_written_before_the_reply_is_sent() -> None:
    port = free_port()
    seen: list[tuple[str, bool]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(10)

        def ready() -> None:
            sock.send(access("alice", "wonder").RequestPacket())

        def record(line: dict[str, Any]) -> None:
            asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
            replied, _, _ = select.select([sock], [], [], 0)
            seen.append((line["type"], bool(replied)))

        users = LabUsers([LabUser("alice", b"wonder")])
        listen = (Listen("127.0.0.1", port), Listen("127.0.0.1", free_port()))
        asyncio.run(asyncio.wait_for(serve(LabRadius(users, SECRET, words()), listen, record, ready), 10))
        assert seen == [("access", False)]
        assert sock.recv(4096)[0] == radius.AccessAccept
