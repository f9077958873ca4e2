from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from bras import __version__
from bras.cli.main import app
from tests.unit.cli.rows import (
    CLIENT,
    DATAPLANE,
    GROUP,
    GROUP_DETAIL,
    POOL,
    SERVER,
    SPOOL,
    TUNNEL,
    VERSION,
    Row,
    daemon,
    detail,
    session,
    tunnel_detail,
)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    with daemon(tmp_path / "s"):
        yield tmp_path / "s"


def _bras(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def test_sessions_as_a_table(path: Path) -> None:
    lines = _bras("show", "sessions", "--socket", path).splitlines()
    assert len(lines) == 1 + 1200
    assert lines[0].split()[:3] == ["session", "user", "lac"]
    assert "user1200@isp.example" in lines[-1]


def test_sessions_as_json(path: Path) -> None:
    body = orjson.loads(_bras("show", "sessions", "--json", "--socket", path))
    assert body == {"sessions": [session(number) for number in range(1, 1201)]}


def test_no_sessions_as_json(tmp_path: Path) -> None:
    with daemon(tmp_path / "s", lambda _request: {"ok": True, "body": {"sessions": [], "next": None}}):
        assert orjson.loads(_bras("show", "sessions", "--json", "--socket", tmp_path / "s")) == {"sessions": []}


def test_filters_are_passed_on(tmp_path: Path) -> None:
    def answer(_request: Row) -> Row:
        return {"ok": True, "body": {"sessions": [], "next": None}}

    with daemon(tmp_path / "s", answer) as requests:
        options = ("--user", "alice", "--lac", "any", "--address", "10.0.0.1")
        _bras("show", "sessions", *options, "--socket", tmp_path / "s")
    expected = {"user": "alice", "group": "any", "address": "10.0.0.1"}
    assert requests[0]["arguments"].items() >= expected.items()


@pytest.mark.parametrize(
    ("what", "key", "row", "text"),
    [
        ("tunnels", "tunnels", TUNNEL, "lac1.example"),
        ("groups", "groups", GROUP, "198.18.0.0/24"),
        ("pools", "pools", POOL, "65530"),
        ("radius", "servers", SERVER, "dead"),
        ("coa", "clients", CLIENT, "policy"),
    ],
)
def test_the_other_lists(path: Path, what: str, key: str, row: Row, text: str) -> None:
    heading, line = _bras("show", what, "--socket", path).splitlines()
    assert text in line
    assert heading
    assert orjson.loads(_bras("show", what, "--json", "--socket", path)) == {key: [row]}


def test_spool(path: Path) -> None:
    text = _bras("show", "spool", "--socket", path)
    assert "state          at risk" in text
    assert "database or disk is full" in text
    heading, *groups = text.splitlines()[-3:]
    assert heading.split()[:3] == ["group", "owed", "oldest"]
    assert [line.split()[0] for line in groups] == ["-", "billing"]
    assert orjson.loads(_bras("show", "spool", "--json", "--socket", path)) == SPOOL


def test_spool_by_columns_and_rows(path: Path) -> None:
    """Who names columns wants them alone."""
    text = _bras("show", "spool", "--columns", "group,stops", "--match", "owed>0", "--socket", path)
    assert [line.split() for line in text.splitlines()] == [["group", "stops"], ["billing", "299"]]


def test_a_session(path: Path) -> None:
    text = _bras("show", "session", "user1@isp.example", "--socket", path)
    assert "50.0 Mbit/s  (profile gold)" in text
    assert orjson.loads(_bras("show", "session", "x", "--json", "--socket", path)) == {"sessions": [detail()]}


def test_lacs(path: Path) -> None:
    _heading, seen, unmatched = _bras("show", "lacs", "--socket", path).splitlines()
    assert "tunnel authentication failed" in seen
    assert unmatched.split() == ["south", "0", "0", "0", "0"]
    body = orjson.loads(_bras("show", "lacs", "--json", "--socket", path))
    assert [row["lac"] for row in body["lacs"]] == ["any", "south"]


def test_tunnels_of_one_lac(path: Path) -> None:
    with daemon(path.with_name("t")) as requests:
        options = ("--lac", "any", "--address", "198.18.0.2", "--hostname", "lac1")
        _bras("show", "tunnels", *options, "--socket", path.with_name("t"))
        _bras("show", "tunnels", "--socket", path.with_name("t"))
    expected = {"group": "any", "address": "198.18.0.2", "hostname": "lac1"}
    assert [request["arguments"] for request in requests] == [expected, {}]


def test_a_tunnel(path: Path) -> None:
    text = _bras("show", "tunnel", "1234", "--socket", path)
    assert "the LAC by secret 2, we too" in text
    assert orjson.loads(_bras("show", "tunnel", "1234", "--json", "--socket", path)) == {"tunnels": [tunnel_detail()]}


def test_a_group(path: Path) -> None:
    text = _bras("show", "group", "any", "--socket", path)
    assert "chap, pap  (auth)" in text
    assert orjson.loads(_bras("show", "group", "any", "--json", "--socket", path)) == {"groups": [GROUP_DETAIL]}


def test_dataplane(path: Path) -> None:
    text = _bras("show", "dataplane", "--socket", path)
    assert "xdp-full" in text
    assert orjson.loads(_bras("show", "dataplane", "--json", "--socket", path)) == DATAPLANE


def test_version(path: Path) -> None:
    text = _bras("show", "version", "--socket", path)
    assert __version__ in text
    assert "1.2.3" in text
    assert "1m 01s" in text
    body = orjson.loads(_bras("show", "version", "--json", "--socket", path))
    assert body == {"command": __version__, "daemon": VERSION}


def test_the_socket_of_a_configuration(path: Path, tmp_path: Path) -> None:
    """Even of one with secrets that the asking user may not read."""
    config = tmp_path / "bras.toml"
    config.write_text(f'[[lac]]\nsecret_file = "/nowhere"\n[admin]\nsocket = "{path}"\n')
    assert "lac1.example" in _bras("show", "tunnels", "-c", config)


@pytest.mark.parametrize("content", [None, b"[admin", b"admin = 5", b"\xff"])
def test_a_configuration_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    config = tmp_path / "bras.toml"
    if content is not None:
        config.write_bytes(content)
    result = CliRunner().invoke(app, ["show", "tunnels", "-c", str(config)])
    assert result.exit_code == 2
    assert str(config) in result.stderr


def test_no_daemon(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["show", "sessions", "--socket", str(tmp_path / "none.sock")])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"no daemon answers on {tmp_path}/none.sock" in result.stderr


@pytest.mark.parametrize("what", ["session", "tunnel"])
def test_nobody(path: Path, what: str) -> None:
    result = CliRunner().invoke(app, ["show", what, "nobody", "--socket", str(path)])
    assert (result.exit_code, result.stderr) == (1, f"bras: no {what} matches 'nobody'\n")


def test_rows_of_a_daemon_of_another_version(tmp_path: Path) -> None:
    """Lists show what they know; where that is not enough, the versions are told."""

    def answer(request: Row) -> Row:
        bodies: dict[str, Row] = {
            "show version": {"version": "0.0.1"},
            "show tunnels": {"tunnels": [{"hostname": "lac1"}]},
            "show session": {"sessions": [{"session": "1"}]},
        }
        return {"ok": True, "body": bodies[request["command"]]}

    with daemon(tmp_path / "s", answer):
        assert "lac1" in _bras("show", "tunnels", "--socket", tmp_path / "s")
        result = CliRunner().invoke(app, ["show", "session", "1", "--socket", str(tmp_path / "s")])
    assert result.exit_code == 1
    assert "the daemon is bras 0.0.1" in result.stderr
