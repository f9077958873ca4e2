"""The README's tables of the data plane, made of what ``dataplane.py`` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]
NAMES = {
    "plain": "the kernel forwards, no tunnel",
    "through": "XDP passes on, no tunnel, no work",
    "ebpf-tc": "`ebpf`",
    "ebpf-decap": "`ebpf`, XDP `decap`",
    "ebpf-full": "`ebpf`, XDP `full`",
    "l2tp_ppp": "kernel's `l2tp_ppp`",
    "tun": "`tun`",
    "l2tpns": "l2tpns",
}
DELIVERED = 0.995


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def columns(rows: Sequence[Row], cell: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and lines: one line a data plane and direction, one column a size and number of sessions.

    ``cell`` is a format that takes a row's fields.
    """
    of = {
        (row["plane"], row["direction"], row["octets"], row.get("asked_sessions", row["sessions"])): row for row in rows
    }
    kinds = sorted({key[2:] for key in of})
    head = (
        "data plane",
        "",
        *(f"{octets} octets, {sessions:,} {'session' if sessions == 1 else 'sessions'}" for octets, sessions in kinds),
    )
    lines = []
    for plane, direction in dict.fromkeys(key[:2] for key in sorted(of, key=_order)):
        found = (of.get((plane, direction, *kind)) for kind in kinds)
        lines.append(
            (NAMES[plane], direction, *("" if row is None else cell.format(**row) + short(row) for row in found))
        )
    return head, lines


def _order(key: tuple[Any, ...]) -> tuple[bool, int]:
    return key[1] == "down", list(NAMES).index(key[0])


def short(row: Row) -> str:
    """Mark what did not all arrive, or has other sessions than its column says."""
    lost = "" if row["delivered"] >= DELIVERED else f", {row['delivered']:.1%} arrived"
    fewer = "" if row["sessions"] == row.get("asked_sessions", row["sessions"]) else f", {row['sessions']:,} sessions"
    return lost + fewer


def spread(rows: Sequence[Row]) -> str:
    """Tell how far the rounds lay apart."""
    widths = sorted((row["highest_ns"] - row["lowest_ns"]) / row["ns"] for row in rows)
    return f"{widths[len(widths) // 2]:.0%}, at worst {widths[-1]:.0%}"


def packets(result: dict[str, Any]) -> str:
    """Return the whole section."""
    parts = []
    if "kernel" in result:
        parts.append(in_kernel(result["kernel"]))
    if "user" in result:
        parts.append(in_user_space(result["user"]))
    if "guest" in result:
        parts.append(beside_kernel(result["guest"]))
    if "control" in result:
        parts.append(control(result["control"]))
    return "\n\n".join(parts) + "\n\n`sudo .venv/bin/python -m tests.benchmark.dataplane`"


def in_kernel(rows: Sequence[Row]) -> str:
    """Return the table of what the kernel forwards."""
    tables = [table(*columns(rows, cell)) for cell in ("{ns:,.0f} ns ({share:.2f})", "{packets_s:,}")]
    return (
        "What a packet costs the LNS on one core, in the kernel: nanoseconds, and in brackets packets a second as a "
        "multiple of plain forwarding in the same rounds.\n"
        "Inner IPv4 packets, their size and the number of sessions at the head of the column, each for a random one "
        "and from or to one of as many hosts, which are all behind one route, as behind a default route; "
        "made by the kernel at one end, counted by XDP at the other, all "
        "on one CPU.\n"
        "Subtracted is what it costs to make a packet, send it over one link and drop it "
        f"({rows[0]['begun_ns']:.0f} ns). Medians of {rows[0]['rounds']} rounds; lowest and highest lie "
        f"{spread(rows)} apart.\n\n{tables[0]}\n\nThe same as packets a second:\n\n{tables[1]}"
    )


def in_user_space(rows: Sequence[Row]) -> str:
    """Return the table of what forwards in a process."""
    return (
        "Data planes in user space, another method: the process has one core, sender and receiver the other. Packets a "
        "second at the highest rate at which less than 0.5 % is lost, and microseconds of the process's CPU time a "
        "packet:\n\n" + table(*columns(rows, "{packets_s:,} ({cpu_us:.1f} µs)"))
    )


def beside_kernel(rows: Sequence[Row]) -> str:
    """Return the table of ratios in the guest."""
    return (
        "Beside the kernel's own L2TP, one session, on Debian 12's Linux 6.1 in an emulated machine, so only as "
        "multiples of plain forwarding there:\n\n" + table(*columns(rows, "x {share:.2f}"))
    )


def control(rows: Sequence[Row]) -> str:
    """Return what the daemon's loop pays."""
    head = ("data plane", "an Entry, alone", "in batches", "counters of all", "longest turn")
    cells = [
        (
            f"`{row['plane']}`",
            f"{row['single_us']:.1f} µs",
            f"{row['batched_us']:.1f} µs",
            f"{row['counters_ms']:.1f} ms",
            f"{row['longest_slice_ms']:.2f} ms",
        )
        for row in rows
    ]
    first = rows[0]
    return (
        f"What the daemon's loop pays with {first['sessions']:,} sessions, CPU time; counters are read of "
        f"{first['slice_sessions']} sessions a turn:\n\n" + table(head, cells)
    )
