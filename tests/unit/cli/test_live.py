from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bras.cli import live
from bras.cli.columns import TABLES
from bras.lns.fields import FIELDS
from bras.query.match import understand
from tests.unit.cli.rows import Row, daemon, reply, session

HOSTILE = ["$(reboot)", "a b", "`x`", "a'b", "x\ny", "a;b", "a*"]


class _Context:
    """What the completions look at of a command that is being typed."""

    def __init__(self, path: Path, name: str = "sessions") -> None:
        self.params = {"socket": path, "config": None}
        self.info_name = name


def _seen(user: str) -> Any:
    return SimpleNamespace(subscriber=SimpleNamespace(who=SimpleNamespace(user=user)))


def _context(path: Path, name: str = "sessions") -> Any:
    return _Context(path, name)


def _answer(request: Row) -> Row:
    if request["command"] != "show sessions":
        return reply(request)
    users = ["alice@isp.example", "alan", *HOSTILE]
    rows = [session(number, user=user) for number, user in enumerate(users, 1)]
    return {"ok": True, "body": {"sessions": rows, "next": None}}


def test_users_that_begin_so_and_that_a_shell_can_take(tmp_path: Path) -> None:
    with daemon(tmp_path / "s", _answer) as requests:
        assert live.users(_context(tmp_path / "s"), "a") == ["alan", "alice@isp.example"]
        assert live.users(_context(tmp_path / "s"), "ali") == ["alice@isp.example"]
    assert requests[0]["arguments"] == {"match": 'user=~"^a"', "most": live.MOST, "limit": live.MOST}


@pytest.mark.parametrize("typed", ['a"b', "a\\", "a.*@+", "(x", "用", "a😀-"])
def test_what_was_typed_is_no_pattern(tmp_path: Path, typed: str) -> None:
    with daemon(tmp_path / "s", _answer) as requests:
        live.users(_context(tmp_path / "s"), typed)
    match = understand(requests[0]["arguments"]["match"], FIELDS)
    assert match.fields == {"user"}
    users = [typed + "z", typed, "z" + typed, "aXb"]
    assert [user for user in users if match.holds(_seen(user))] == users[:2]


def test_selectors(tmp_path: Path) -> None:
    with daemon(tmp_path / "s", _answer) as requests:
        assert live.selectors(_context(tmp_path / "s"), "6560F00D00000001") == ["6560F00D00000001"]
        assert live.selectors(_context(tmp_path / "s"), "10.64.0.2") == ["10.64.0.2"]
        asked = len(requests)
        assert live.selectors(_context(tmp_path / "s"), "") == ["alan", "alice@isp.example"]
        assert len(requests) == asked + 1


def test_groups_and_tunnels(tmp_path: Path) -> None:
    with daemon(tmp_path / "s"):
        assert live.groups(_context(tmp_path / "s"), "") == ["any"]
        assert live.groups(_context(tmp_path / "s"), "x") == []
        assert live.tunnels(_context(tmp_path / "s"), "") == ["1234", "lac1.example"]


def test_without_a_daemon_there_is_nothing_to_offer_and_nothing_to_say(tmp_path: Path) -> None:
    for offer in (live.users, live.selectors, live.groups, live.tunnels):
        assert offer(_context(tmp_path / "none"), "a") == []


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("up", ["uptime", "up", "up_rate", "up_packets"]),
        ("user,lac_h", ["user,lac_hostname"]),
        ("user,us", []),
        ("+ra", ["+rate"]),
    ],
)
def test_columns(typed: str, offered: list[str], tmp_path: Path) -> None:
    assert live.columns(_context(tmp_path), typed) == offered


def test_orders(tmp_path: Path) -> None:
    assert live.orders(_context(tmp_path, "tunnels"), "-c") == ["-calls"]
    assert live.orders(_context(tmp_path, "top"), "ra") == ["rate"]
    assert live.orders(_context(tmp_path, "nonsense"), "") == []
    assert live.orders(_context(tmp_path, "pools"), "") == [column.name for column in TABLES["pools"].columns]
