from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from bras import __version__
from bras.cli.client import PAGE_ROWS, AdminClient, Refused, Unreachable
from tests.unit.cli.rows import VERSION, Row, daemon


def test_ask(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with daemon(path) as requests, AdminClient(str(path)) as client:
        assert client.ask("show version") == VERSION
        assert client.ask("disconnect", selector="a") == {"disconnected": 2}
    assert requests == [
        {"command": "show version", "arguments": {}},
        {"command": "disconnect", "arguments": {"selector": "a"}},
    ]


def test_sessions_come_page_by_page(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with daemon(path) as requests, AdminClient(str(path)) as client:
        pages = list(client.sessions(user="a", group=None))
    assert [len(page) for page in pages] == [PAGE_ROWS, PAGE_ROWS, 200]
    assert [row["key"] for page in pages for row in page] == list(range(1, 1201))
    assert [request["arguments"] for request in requests] == [
        {"after": after, "limit": PAGE_ROWS, "user": "a"} for after in (-1, 500, 1000)
    ]


def test_a_refusal_is_in_the_daemons_words(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with daemon(path), AdminClient(str(path)) as client, pytest.raises(Refused, match="no session matches"):
        client.ask("disconnect", selector="nobody")


def test_no_socket(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as raised:
        AdminClient(str(tmp_path / "missing.sock"))
    text = str(raised.value)
    assert f"no daemon answers on {tmp_path}/missing.sock" in text
    assert "no such socket" in text
    assert "--socket" in text


def test_a_stale_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(Unreachable, match="is gone"):
        AdminClient(str(path))


def test_a_daemon_that_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with AdminClient(str(path), timeout_s=0.05) as client, pytest.raises(Unreachable, match="in time"):
            client.ask("show version")


@pytest.mark.parametrize("octets", [b"", b'{"ok": true, "bo'])
def test_a_daemon_that_hangs_up(tmp_path: Path, octets: bytes) -> None:
    def answer(_request: Row) -> bytes:
        return octets

    path = tmp_path / "s"
    with daemon(path, answer), AdminClient(str(path)) as client, pytest.raises(Unreachable, match="hung up"):
        client.ask("show version")


def test_a_stranger_on_the_socket(tmp_path: Path) -> None:
    for said in (b"SSH-2.0\n", b"[]\n", b"{}\n"):
        path = tmp_path / "s"
        answering = daemon(path, lambda _request, said=said: said)
        with answering, AdminClient(str(path)) as client, pytest.raises(Unreachable, match="is no daemon of bras"):
            client.ask("show version")
        path.unlink()


@pytest.mark.parametrize("words", ["no such command; there are: show lacs", "arguments are: none"])
def test_a_daemon_of_another_version(tmp_path: Path, words: str) -> None:
    running = "0.0.1"

    def answer(request: Row) -> Row:
        if request["command"] == "show version":
            return {"ok": True, "body": {"version": running}}
        return {"ok": False, "body": {"error": words}}

    with daemon(tmp_path / "s", answer), AdminClient(str(tmp_path / "s")) as client:
        with pytest.raises(Refused, match=f"the daemon is bras 0.0.1, this command is {__version__}.*restart"):
            client.ask("show overview")
        running = __version__
        with pytest.raises(Refused, match=words[:12]):
            client.ask("show overview")


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOENT, "there is no such socket: start it"),
        (errno.ECONNREFUSED, "is gone: see why"),
        (errno.EACCES, "may not use .*: ask as root"),
        (errno.ENOTDIR, "there is no such socket"),
        (errno.EAGAIN, "too many clients"),
        (errno.ETIMEDOUT, "did not answer in time"),
        (errno.EPROTOTYPE, "name the daemon's socket"),
    ],
)
def test_why_nobody_answers_and_what_to_do_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    def connect(_self: socket.socket, _path: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(Unreachable, match=says) as raised:
        AdminClient(str(tmp_path / "s"))
    assert "\n" not in str(raised.value)
