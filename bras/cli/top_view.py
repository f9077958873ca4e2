"""How ``bras top`` looks: lines of text for a terminal of any size."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any

from rich.cells import cell_len, set_cell_size

from bras.cli.cells import cell
from bras.cli.columns import SESSIONS, Column
from bras.cli.human import duration, milliseconds, rate
from bras.cli.screen import Line
from bras.cli.top_rates import Rates, Server

Row = dict[str, Any]

KEYS = {
    "r": "rate",
    "d": "down_rate",
    "u": "up_rate",
    "o": "octets",
    "k": "packet_rate",
    "e": "echo",
    "t": "uptime",
    "n": "user",
}
"""Keys that sort, and the columns by which."""
_ASCENDING = ("user",)
_SHOWN = (
    "user", "address", "down_rate", "up_rate", "packet_rate", "echo", "octets", "uptime", "lac", "state", "session",
    "lac_address", "calling", "method",
)  # fmt: skip
"""Columns of the talkers, those that matter most first."""
_COLUMNS = {column.name: column for column in SESSIONS}
_WIDTHS = {
    "user": 24, "address": 15, "down_rate": 11, "up_rate": 11, "rate": 11, "packet_rate": 11, "echo": 9,
    "octets": 8, "uptime": 7, "lac": 12, "state": 12, "session": 20, "lac_address": 15, "calling": 16, "method": 10,
}  # fmt: skip
_WIDTH = 9
"""Of a column that is there only because it orders."""
_MOST_SERVERS = 4
_MOST_TROUBLE = 4
"""Lines of what went wrong."""
HELP = (
    "r  by rate         d  by rate down    u  by rate up      k  by packets/s",
    "o  by octets       e  by round trip   t  by uptime       n  by user name",
    "i  the other way round                /  sessions that meet an expression",
    "+  more often      -  less often      p  pause, and go on",
    "space  read now    h  this help       q  quit",
    "",
    'Expressions: user=~"^a.*@x" and lac==b and down_rate>1M and uptime>2h',
    *textwrap.wrap(f"Fields: {', '.join(_COLUMNS)}.", 78),
)


@dataclass(slots=True)
class State:
    """What the operator has chosen, and what is known."""

    sort: str = "-rate"
    match: str = ""
    interval_s: float = 2.0
    paused: bool = False
    helps: bool = False
    typed: str | None = None
    """What was typed of an expression so far."""
    trouble: str = ""
    rates: Rates = field(default_factory=Rates)
    talkers: Row = field(default_factory=dict)
    """The newest answer to "show sessions"."""

    def sort_by(self, name: str) -> None:
        """Order by a column, the largest first where it has a size."""
        self.sort = name if name in _ASCENDING else f"-{name}"

    def turn_round(self) -> None:
        """Order the other way round."""
        self.sort = self.sort[1:] if self.sort.startswith("-") else f"-{self.sort}"


def page(state: State, width: int, height: int, clock: str) -> list[Line]:
    """Return the lines of a page; there is room for ``height`` of ``width`` characters."""
    lines = [_title(state, width, clock)]
    if state.rates.now:
        lines += _figures(state)
        lines += _servers(state.rates.servers(), 1 if height < 16 else _MOST_SERVERS)
    if state.trouble:
        lines += [(line, "bad") for line in textwrap.wrap(cell(state.trouble), width)[:_MOST_TROUBLE]]
    if state.helps:
        lines += [("", ""), *((text, "") for text in HELP)]
    elif state.talkers:
        lines += _talkers(state, width, height - len(lines) - 1)
    lines = lines[: max(1, height - 1)]
    lines += [("", "")] * (height - 1 - len(lines))
    return [(_cut(text, width), style) for text, style in [*lines, _foot(state)]][:height]


def _title(state: State, width: int, clock: str) -> Line:
    now = state.rates.now
    running = f"bras {now['version']}, up {duration(now['uptime_s'])}" if now else "bras top"
    left = f"{running}  {'paused' if state.paused else f'every {state.interval_s:g} s'}"
    return f"{left}{clock:>{max(len(clock) + 1, width - len(left))}}", "title"


def _figures(state: State) -> list[Line]:
    rates, now = state.rates, state.rates.now
    sessions = rates.sessions()
    counts = "  ".join(f"{count:,} {name}" for name, count in sessions.items())
    outcomes = ", ".join(f"{_per_s(value)} {name.replace('_', ' ')}" for name, value in rates.authentications())
    lines = [
        f"sessions  {counts}  in {_many(rates.tunnels(), 'tunnel')}",
        f"set-ups   {_per_s(rates.of('setups'))}{_each(rates.setup_ms())}  ends {_per_s(rates.of('ends'))}"
        f"  calls refused {_per_s(rates.of('calls_refused'))}",
        f"logins    {outcomes or 'none yet'}",
        f"traffic   {_traffic(rates, 'down')}  {_traffic(rates, 'up')}",
    ]
    own = [text for text in (_spool(now.get("census", {}).get("spool")), _loop(rates)) if text]
    return [(text, "") for text in [*lines, *(["daemon    " + "  ".join(own)] if own else [])]]


def _spool(spool: Row | None) -> str:
    """Return what waits for accounting servers."""
    if not spool:
        return ""
    danger = ", their disk refuses" if spool["at_risk"] else ""
    return f"{spool['owed']:,} accounting records owed{', the most' if spool['at_bound'] else ''}{danger}"


def _loop(rates: Rates) -> str:
    """Return how often the loop turns and how late it is, where that is measured."""
    late_ms = rates.late_ms()
    return "" if late_ms is None else f"loop {_per_s(rates.of('loop', 'turns'))}, timers {milliseconds(late_ms)} late"


def _each(value_ms: float | None) -> str:
    return "" if value_ms is None else f" of {milliseconds(value_ms)}"


def _traffic(rates: Rates, way: str) -> str:
    bits_s, packets_s = rates.traffic(way)
    if bits_s is None or packets_s is None:
        return f"{way} ?"
    return f"{way} {rate(bits_s)}, {packets_s:,.0f} packets/s"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _per_s(value: float | None) -> str:
    if value is None:
        return "?/s"
    return f"{value:,.0f}/s" if value >= 100 else f"{value:.1f}/s"


def _servers(servers: list[Server], most: int) -> list[Line]:
    lines: list[Line] = [(_server(one), "" if one.up else "bad") for one in servers[:most]]
    if len(servers) > most:
        rest = servers[most:]
        lines.append((f"          and {len(rest)} more, {sum(one.outstanding for one in rest)} outstanding", ""))
    return lines


def _server(one: Server) -> str:
    parts = [
        f"{_per_s(one.replies_s)} answered" + _each(one.latency_ms),
        f"{one.outstanding} outstanding",
        f"{_per_s(one.resent_s)} sent again" if one.resent_s else "",
        f"{_per_s(one.dropped_s)} dropped" if one.dropped_s else "",
        "" if one.up else "dead",
    ]
    return f"radius    {cell(one.name)} {one.kind}  {', '.join(part for part in parts if part)}"


def _talkers(state: State, width: int, height: int) -> list[Line]:
    """Return the table of sessions, in what is left of the page."""
    by = state.sort.removeprefix("-")
    shown = _fitting(by, width)
    many = _many(state.talkers["matched"], "session")
    if state.match:
        many += f" with {cell(state.match)}"
        many += f": down {rate(state.talkers['down_bps'])}, up {rate(state.talkers['up_bps'])}"
    heading = "  ".join(_placed(column, _title_of(column, state.sort)) for column in shown)
    rows = [
        "  ".join(_placed(column, cell(column.cell(row))) for column in shown)
        for row in state.talkers["sessions"][: max(0, height - 3)]
    ]
    return [("", ""), (many, ""), (set_cell_size(heading, width), "head"), *((text, "") for text in rows)]


def _title_of(column: Column, sort: str) -> str:
    """Mark the column by which rows are ordered: ``>`` where the largest comes first."""
    if column.name == sort.removeprefix("-"):
        return column.title + (">" if sort.startswith("-") else "<")
    return column.title


def _fitting(by: str, width: int) -> list[Column]:
    """Return the columns that fit, the one that orders among them, however narrow it is."""
    names = list(dict.fromkeys(["user", *([by] if by in _COLUMNS else []), *_SHOWN]))
    left, kept = width + 2, list[str]()
    for name in names:
        need = _width(_COLUMNS[name]) + 2
        if need <= left or not kept:
            kept.append(name)
            left -= need
    order = list(dict.fromkeys([*_SHOWN, by]))
    return [_COLUMNS[name] for name in order if name in kept]


def _width(column: Column) -> int:
    return max(_WIDTHS.get(column.name, _WIDTH), len(column.title) + 1)


def _placed(column: Column, text: str) -> str:
    wide = _width(column)
    if cell_len(text) > wide:
        return set_cell_size(text, wide - 1) + "~"
    gap = " " * (wide - cell_len(text))
    return gap + text if column.right else text + gap


def _foot(state: State) -> Line:
    if state.typed is not None:
        return f"/{cell(state.typed)}_", "title"
    return "q quit  h help  / filter  p pause  +- interval  sort r d u k o e t n, i turn", "hint"


def _cut(text: str, width: int) -> str:
    return set_cell_size(text, width).rstrip() if cell_len(text) > width else text
