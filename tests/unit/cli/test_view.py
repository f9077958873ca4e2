from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from bras.cli.client import AdminClient
from bras.cli.columns import TABLES, fields
from bras.cli.view import View, spelled_out
from bras.lns.fields import FIELDS
from bras.lns.fields import RATES as DAEMONS_RATES
from tests.unit.cli.rows import POOL, TUNNEL, Row, daemon


def _view(table: str, **options: Any) -> View:
    given: dict[str, Any] = dict.fromkeys(("columns", "match", "sort", "limit", "watch", "socket", "config")) | options
    return View(TABLES[table], json=False, **given)


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        (["--watch"], ["--watch=2"]),
        (["--watch", "--json"], ["--watch=2", "--json"]),
        (["--watch", "0.5"], ["--watch", "0.5"]),
        (["--watch", "alice"], ["--watch=2", "alice"]),
        (["--watch=3"], ["--watch=3"]),
        (["alice"], ["alice"]),
    ],
)
def test_how_often_is_two_seconds_if_nothing_is_said(given: list[str], spelled: list[str]) -> None:
    assert spelled_out(given) == spelled


def test_the_columns_of_sessions_are_the_fields_that_the_daemon_knows() -> None:
    ours = fields(TABLES["sessions"].columns)
    assert ours.keys() == FIELDS.keys()
    assert {name: field.kind for name, field in ours.items()} == {name: field.kind for name, field in FIELDS.items()}
    assert {column.name for column in TABLES["sessions"].columns if column.name in DAEMONS_RATES} == DAEMONS_RATES


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ("user,address", ["user", "address"]),
        ("address, user", ["address", "user"]),
        ("down_rate", ["down_rate"]),
        ("user,user", ["user"]),
    ],
)
def test_columns_by_name(wish: str, names: list[str]) -> None:
    assert [column.name for column in _view("sessions", columns=wish).shown()] == names


def test_columns_beside_the_usual_ones() -> None:
    usual = [column.name for column in _view("sessions").shown()]
    assert "rate" not in usual
    more = [column.name for column in _view("sessions", columns="+rate,user").shown()]
    assert more == [name for name in usual if name != "user"] + ["rate", "user"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"columns": "usr"}, "--columns: no column 'usr'; there are session, user"),
        ({"columns": "+"}, "--columns: no column is named"),
        ({"match": "user== "}, "--match: expected a value after ==, not the end, at character 8"),
        ({"match": "user==a b"}, "\n  user==a b\n          ^"),
        ({"sort": "-usr"}, "--sort: no field 'usr' to sort by; there are session"),
    ],
)
def test_what_makes_no_sense_ends_in_words(
    options: dict[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    view = _view("sessions", **options)
    with pytest.raises(typer.Exit) as raised:
        (view.understood(), view.shown())
    assert raised.value.exit_code == 2
    assert says in capsys.readouterr().err


def test_sessions_are_chosen_by_the_daemon(tmp_path: Path) -> None:
    def answer(_request: Row) -> Row:
        return {"ok": True, "body": {"sessions": [], "next": None}}

    with daemon(tmp_path / "s", answer) as requests, AdminClient(str(tmp_path / "s")) as client:
        view = _view("sessions", match="user==a", sort="-rate", limit=7, columns="user,rate")
        assert list(view.pages(client, {"group": "any", "user": None})) == [[]]
        list(_view("sessions", columns="user").pages(client, {}))
    first, second = (request["arguments"] for request in requests)
    assert first == {
        "after": -1, "limit": 500, "group": "any", "match": "user==a", "sort": "-rate", "most": 7, "rates": True,
    }  # fmt: skip
    assert second == {"after": -1, "limit": 500}


TUNNELS = [TUNNEL | {"tunnel": number, "calls": calls} for number, calls in ((1, 5), (2, 9), (3, 7))]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({}, [1, 2, 3]),
        ({"sort": "-calls"}, [2, 3, 1]),
        ({"sort": "calls", "limit": 2}, [1, 3]),
        ({"limit": 1}, [1]),
        ({"limit": 0}, []),
        ({"match": "calls>5"}, [2, 3]),
        ({"match": "calls>5 and hostname=~lac", "sort": "calls"}, [3, 2]),
        ({"match": "state==nonsense"}, []),
    ],
)
def test_other_lists_are_chosen_here(tmp_path: Path, options: dict[str, Any], numbers: list[int]) -> None:
    def answer(_request: Row) -> Row:
        return {"ok": True, "body": {"tunnels": TUNNELS, "beside": 1}}

    with daemon(tmp_path / "s", answer), AdminClient(str(tmp_path / "s")) as client:
        body = _view("tunnels", **options).answer(client, {})
    assert [row["tunnel"] for row in body["tunnels"]] == numbers
    assert body["beside"] == 1


def test_every_column_of_every_table_can_be_asked_for_and_sorted_by() -> None:
    for name, table in TABLES.items():
        for column in table.columns:
            view = _view(name, columns=column.name, sort=f"-{column.name}", match=f"not {column.name}")
            assert view.shown() == (column,)
            match, order = view.understood()
            assert match is not None
            assert order is not None
            assert match.fields == {order.field} == {column.name}


def test_a_share_is_a_number() -> None:
    match, _ = _view("pools", match="taken>50").understood()
    assert match is not None
    assert match.holds(POOL | {"size": 10, "free": 2})
    assert not match.holds(POOL | {"size": 10, "free": 8})
    assert not match.holds(POOL | {"size": 0, "free": 0})
