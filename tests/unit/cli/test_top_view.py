from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from bras.cli.columns import SESSIONS
from bras.cli.top_view import KEYS, State, page
from tests.unit.cli.readings import reading, server, standing
from tests.unit.cli.rows import session
from tests.unit.cli.test_cells import HOSTILE


def _state(*rows: dict[str, Any], **changes: Any) -> State:
    state = State()
    state.rates.take(reading())
    state.rates.take(reading(102.0, **changes))
    sums = {"matched": 1234, "down_bps": 5e6, "up_bps": 1e6, "packets_s": 7.0}
    state.talkers = {"sessions": list(rows) or [_talker(number) for number in range(1, 60)], **sums}
    return state


def _talker(number: int = 1, **changes: Any) -> dict[str, Any]:
    return session(number, **({"down_bps": 2e6 * number, "up_bps": 1e6, "packets_s": 300.0} | changes))


def _texts(state: State, width: int = 80, height: int = 24) -> list[str]:
    return [text for text, _ in page(state, width, height, "12:34:56")]


def _whole(state: State, width: int = 200, height: int = 60) -> str:
    return "\n".join(_texts(state, width, height))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (40, 10), (20, 5), (10, 3), (1, 1), (300, 8)])
@pytest.mark.parametrize("helps", [False, True])
def test_it_fits_any_terminal(width: int, height: int, helps: bool) -> None:
    state = _state()
    state.helps, state.trouble = helps, "x" * 400
    lines = _texts(state, width, height)
    assert len(lines) == height
    assert max(cell_len(line) for line in lines) <= width


def test_a_page_of_80_by_24() -> None:
    lines = _texts(_state(setups=10, ends=4, setup_s=2.5, totals={"down_octets4": 250_000, "down_packets4": 200}))
    assert lines[0].startswith("bras 1.2.3, up 1m 42s  every 2 s")
    assert lines[0].endswith("12:34:56")
    assert lines[1] == "sessions  1,234 up  5 coming  4 ending  in 2 tunnels"
    assert lines[2] == "set-ups   5.0/s of 250.0 ms  ends 2.0/s  calls refused 0.0/s"
    assert lines[3] == "logins    0.0/s accepted, 0.0/s rejected"
    assert lines[4] == "traffic   down 1.00 Mbit/s, 100 packets/s  up 0 bit/s, 0 packets/s"
    assert lines[5] == "radius    r1 acct  0.0/s answered, 0 outstanding"
    assert "1,234 sessions" in lines
    heading = lines[lines.index("1,234 sessions") + 1]
    assert heading.split() == ["user", "address", "down", "rate", "up", "rate", "rate>"]
    assert lines[-2].startswith("user"), "the table goes down to the last line but one"
    assert lines[-1].startswith("q quit")
    assert len(lines[-1]) < 80


def test_what_is_on_its_way_to_servers() -> None:
    told = [server(replies=20, latency_s=0.09, resent=4, dropped=2), server("acct")]
    census = reading()["census"] | {"radius": [standing(in_flight=7), standing("acct", up=False)]}
    state = _state(radius=told, census=census)
    text = _whole(state)
    assert "r1 auth  10.0/s answered of 4.5 ms, 7 outstanding, 2.0/s sent again, 1.0/s dropped" in text
    assert "r1 acct  0.0/s answered, 0 outstanding, dead" in text
    assert [style for line, style in page(state, 100, 24, "") if "dead" in line] == ["bad"]


def test_many_servers_leave_room_for_sessions() -> None:
    names = [{**standing(in_flight=2), "server": f"r{number}"} for number in range(9)]
    text = _whole(_state(census=reading()["census"] | {"radius": names}))
    assert "and 5 more, 10 outstanding" in text
    assert _whole(_state(census=reading()["census"] | {"radius": names}), 80, 15).count("radius    ") == 1


def test_spool_and_loop_where_they_are_told() -> None:
    assert "daemon" not in _whole(_state())
    spool = {"owed": 12345, "at_risk": False, "at_bound": False}
    loop = {"turns": 300, "late": 10, "late_s": 0.042}
    text = _whole(_state(census=reading()["census"] | {"spool": spool}, loop=loop))
    assert "daemon    12,345 accounting records owed  loop 150/s, timers 4.2 ms late" in text
    spool |= {"at_risk": True, "at_bound": True}
    text = _whole(_state(census=reading()["census"] | {"spool": spool}))
    assert "daemon    12,345 accounting records owed, the most, their disk refuses" in text


@pytest.mark.parametrize("column", [column.name for column in SESSIONS])
@pytest.mark.parametrize("width", [80, 200])
def test_the_column_that_orders_is_always_there(column: str, width: int) -> None:
    state = _state(_talker())
    shown = next(one for one in SESSIONS if one.name == column)
    state.sort = f"-{column}"
    text = _whole(state, width)
    assert f"{shown.title}>" in text
    assert shown.cell(_talker())[:8] in text
    state.sort = column
    assert f"{shown.title}<" in _whole(state, width)


def test_keys_sort_the_largest_first_and_names_from_a_on() -> None:
    state = State()
    for name in KEYS.values():
        state.sort_by(name)
        assert state.sort == ("user" if name == "user" else f"-{name}")
    state.turn_round()
    assert state.sort == "-user"
    state.turn_round()
    assert state.sort == "user"


def test_what_those_carry_who_match() -> None:
    state = _state()
    state.match = "lac==any"
    assert "1,234 sessions with lac==any: down 5.00 Mbit/s, up 1.00 Mbit/s" in _whole(state)


def test_paused_typed_helped_and_in_trouble() -> None:
    state = _state()
    state.paused, state.typed, state.trouble = True, "user=~\x1b", "no daemon answers"
    lines = _texts(state)
    assert "paused" in lines[0]
    assert lines[-1] == "/user=~\\x1b_"
    assert "no daemon answers" in lines
    state.typed, state.helps = None, True
    text = _whole(state, 80, 24)
    assert "by round trip" in text
    assert "down_packets" in text


@pytest.mark.parametrize("user", HOSTILE)
def test_names_of_the_network_are_harmless_and_aligned(user: str) -> None:
    lines = _texts(_state(_talker(1), _talker(2, user=user), _talker(3)), 100)
    assert all(line.isprintable() for line in lines)
    rows = [line for line in lines if "10.64.0." in line]
    places = [cell_len(line[: line.index("10.64.0.")]) for line in rows]
    assert len(places) == 3
    assert len(set(places)) == 1


def test_before_anything_is_known() -> None:
    lines = _texts(State(trouble="there is no such socket"))
    assert lines[0].startswith("bras top")
    assert "there is no such socket" in lines
