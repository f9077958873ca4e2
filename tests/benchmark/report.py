"""The README's table of figures, made of what the benchmarks wrote: ``python tests/benchmark/report.py``.

``--keep`` first copies the JSON files of the last run (build/benchmark) to
tests/benchmark/results, from which the table is made; a test holds README to it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmark import report_packets  # noqa: E402 (the checkout is on the path only now)
from tests.benchmark.lns import STORYLESS  # noqa: E402 (as above)
from tests.benchmark.report_packets import table  # noqa: E402 (as above)

LAST, KEPT = ROOT / "build/benchmark", ROOT / "tests/benchmark/results"
PACKETS = "dataplane.json"
FILES = ("setup.json", PACKETS)
FLOOD = "flood.json"
"""Kept when it is there: it needs gcc."""
RADIUS = "radius.json"
"""Kept when it is there, too."""
SPOOL = "spool.json"
DRAIN = "drain.json"
INTERIMS = "interims.json"
SCRAPE = "scrape.json"
"""As well."""
BEGIN, END = "<!-- measured:begin -->", "<!-- measured:end -->"


def named(row: dict[str, Any]) -> str:
    """Return the name of an LNS, ours with its data plane."""
    backend = row.get("backend", "")
    if not backend:
        return str(row["lns"])
    stories = ", no stories" if row["lns"].endswith(STORYLESS) else ""
    return f"{row['lns'].partition('-')[0]}, `{backend}`{stories}"


def setups(result: dict[str, Any]) -> str:
    rows = [
        (
            named(row),
            row["method"],
            str(row["window"]),
            f"{row['up']:,}",
            f"{row['setups_per_s']:,.0f}",
            f"{row['daemon_us_per_setup']:.0f}",
            f"{row['memory_octets_per_session']:,.0f}",
            f"{row['teardown_us_per_session']:.0f}",
        )
        for row in result["rows"]
    ]
    head = (
        "LNS",
        "method",
        "LAC window",
        "sessions",
        "set-ups/s",
        "CPU µs a set-up",
        "octets a session",
        "teardown µs",
    )
    peers = dict.fromkeys(row["lns"] for row in result["rows"])
    machine = result["machine"]
    kernel = machine["kernel"].partition("-")[0]
    return (
        "Calls set up with RADIUS authentication and an accounting Start each, over "
        f"{result['rows'][0]['tunnels_asked']} tunnels, the daemon on one core, load generator and RADIUS responder "
        f"on the other ({machine['processor']}, Linux {kernel}, Python {machine['python']}).\n"
        "l2tpns is written in C and does less; it stands beside us in the same run.\n\n"
        + table(head, rows)
        + "\n\n`sudo .venv/bin/python tests/benchmark/setup.py "
        + f"--lns {','.join(peers)} --sessions 10000 --tunnels 100 --window 4,1`"
    )


def packets() -> str:
    """Return what packets cost."""
    return report_packets.packets(json.loads((KEPT / PACKETS).read_text()))


def floods(result: dict[str, Any]) -> str:
    quiet = result["rows"][0]["setups_per_s"]
    rows = [
        (
            row["flood"],
            f"{row['forged_per_s']:,.0f}",
            f"{row['setups_per_s']:,.0f}",
            f"{row['setups_per_s'] / quiet:.0%}",
            f"{row['answered_echoes']:,} of {row['asked_echoes']:,}",
            str(row["ended"]),
        )
        for row in result["rows"]
    ]
    head = ("flood", "forged/s", "set-ups/s", "of the quiet rate", "echoes answered", "sessions lost")
    return (
        f"{result['rows'][0]['held']:,} sessions with echoes and Hellos, and set-ups, beside a flood of forged SCCRQs "
        "from invented addresses; the daemon on one core, everything else on the other:\n\n"
        + table(head, rows)
        + "\n\n`sudo .venv/bin/python tests/benchmark/flood.py`"
    )


def radius(result: dict[str, Any]) -> str:
    rows = [
        (row["packet"], f"{row['bras_us']:.1f}", f"{row['pyrad_us']:.0f}", f"{row['ratio']:.0f}")
        for row in result["packets"]
    ]
    exchange, session = result["exchange"], result["session"]
    return (
        "RADIUS packets, CPU µs each, ours and pyrad's in the same run with the same attributes and signatures:\n\n"
        + table(("packet", "bras µs", "pyrad µs", "times as fast"), rows)
        + "\n\n"
        + f"The exchange with a canned responder on loopback, half Access-Requests, half Accounting-Starts: "
        f"{exchange['requests_per_s']:,.0f} requests/s, {exchange['client_us_per_request']:.0f} µs of CPU each on "
        f"our side of the socket, {exchange['responder_us_per_request']:.0f} µs on the other. "
        f"Of the core's time for a session (`chap`), {session['with_us']:.0f} µs, RADIUS has "
        f"{session['radius_us']:.0f} µs: that much more than with a local list of users and no accounting."
        + "\n\n`sudo .venv/bin/python tests/benchmark/radius.py`"
    )


def spool(result: dict[str, Any]) -> str:
    plain, live, busy, drain = result["rows"]
    rows = [
        (what, f"{row['operations_per_s']:,.0f}", f"{row['us']:.1f}", f"{row['held_ms']:.1f}")
        for what, row in (
            ("one commit an operation, without the spool", plain),
            ("sessions that come and go", live),
            (f"a backlog of {drain['operations']:,} that is drained", drain),
        )
    ]
    return (
        "Accounting on disk before it is told (SQLite, each transaction synced): four operations a session, CPU of all "
        "threads, the longest time that the loop was held up:\n\n"
        + table(("what", "operations/s", "CPU µs each", "loop held, ms"), rows)
        + "\n\n"
        + f"Beside a loop that has work of its own all the time the spool stores {busy['operations_per_s']:,.0f} "
        f"operations/s; that loop alone would make {busy['alone_per_s']:,.0f}. A loop beside which nothing is done "
        f"was held up for {result['quiet_ms']:.1f} ms in the same run."
        + "\n\n`.venv/bin/python tests/benchmark/spool.py`"
    )


def interims(result: dict[str, Any]) -> str:
    core, daemon = result["core"], result["daemon"]
    rows = [
        (f"the core alone{', with a journal' if row['journal'] else ''}", f"{row['core_us']:.0f}", "") for row in core
    ]
    whole = f"the whole daemon{', with a journal' if daemon['journal'] else ''}"
    rows.append((whole, f"{daemon['daemon_us']:.0f}", f"{daemon['share_of_core_50000_at_300_s'] * 100:.2f} %"))
    return (
        "Interim-Updates, as many a second as 50,000 sessions make each 300 s, from the timer to the acknowledgement: "
        "CPU each, without what the same sessions cost that make none:\n\n"
        + table(("what", "CPU µs each", "of a core, 50,000 sessions each 300 s"), rows)
        + "\n\n`sudo .venv/bin/python tests/benchmark/interims.py`"
    )


def drains(result: dict[str, Any]) -> str:
    rows = [
        (
            what,
            f"{row['records']:,}",
            f"{row['records_per_s']:,.0f}",
            f"{row['us']:.0f}",
            f"{row['share'] * 100:.0f} %",
            f"{row['held_ms']:.1f}",
        )
        for what, row in zip(("as fast as it goes", "at `drain_per_s` of the defaults"), result["rows"], strict=True)
    ]
    return (
        "What an outage has left, told by the whole machine when the server is back: a Start and a Stop of each "
        "session that came and went meanwhile, from the spool to a server on loopback, CPU of all threads:\n\n"
        + table(("how", "records", "records/s", "CPU µs each", "of a core", "loop held, ms"), rows)
        + "\n\n"
        + f"A loop beside which nothing is done was held up for {result['quiet_ms']:.1f} ms in the same run."
        + "\n\n`.venv/bin/python tests/benchmark/drain.py`"
    )


def scrapes(result: dict[str, Any]) -> str:
    rows = [
        (
            f"`{row['backend']}`",
            f"{row['sessions']:,}",
            f"{row['sessions_series']:,}",
            f"{row['sessions_cpu_ms']:,.0f}",
            _at_most(row["sessions_worst_hold_ms"]),
            f"{row['sessions_octets'] / 1e6:.2f}",
            f"{row['metrics_cpu_ms']:.1f}",
            _at_most(row["metrics_worst_hold_ms"]),
            str(row["metrics_series"]),
        )
        for row in result["rows"]
    ]
    head = (
        "data plane",
        "sessions",
        "their series",
        "CPU ms",
        "longest turn, ms",
        "MB sent",
        "`/metrics`: CPU ms",
        "longest turn, ms",
        "series",
    )
    return (
        "What a scrape of `/metrics/sessions`, and one of `/metrics`, costs the daemon, asked as Prometheus asks "
        "(OpenMetrics, gzip). The longest turn of the daemon's loop meanwhile is a bucket of its own "
        "`bras_loop_hold_seconds`:\n\n"
        + table(head, rows)
        + "\n\n`sudo .venv/bin/python tests/benchmark/scrape.py --realtime`"
    )


def _at_most(bound_ms: float | None) -> str:
    return "over 1,000" if bound_ms is None else f"≤ {bound_ms:g}"


def measured() -> str:
    """Return the section as it must stand in README."""
    calls = json.loads((KEPT / "setup.json").read_text())
    flood = f"{floods(json.loads((KEPT / FLOOD).read_text()))}\n\n" if (KEPT / FLOOD).exists() else ""
    packet = f"{radius(json.loads((KEPT / RADIUS).read_text()))}\n\n" if (KEPT / RADIUS).exists() else ""
    stored = f"{spool(json.loads((KEPT / SPOOL).read_text()))}\n\n" if (KEPT / SPOOL).exists() else ""
    if (KEPT / INTERIMS).exists():
        stored = f"{interims(json.loads((KEPT / INTERIMS).read_text()))}\n\n{stored}"
    if (KEPT / DRAIN).exists():
        stored += f"{drains(json.loads((KEPT / DRAIN).read_text()))}\n\n"
    page = f"{scrapes(json.loads((KEPT / SCRAPE).read_text()))}\n\n" if (KEPT / SCRAPE).exists() else ""
    return f"{BEGIN}\n{setups(calls)}\n\n{packets()}\n\n{flood}{packet}{stored}{page}".rstrip("\n") + f"\n{END}"


def rewritten(readme: str) -> str:
    before, _, rest = readme.partition(BEGIN)
    return before + measured() + rest.partition(END)[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true")
    if parser.parse_args().keep:
        KEPT.mkdir(exist_ok=True)
        for name in FILES:
            shutil.copy(LAST / name, KEPT / name)
        for name in (FLOOD, RADIUS, INTERIMS, SPOOL, DRAIN, SCRAPE):
            if (LAST / name).exists():
                shutil.copy(LAST / name, KEPT / name)
    readme = ROOT / "README.md"
    readme.write_text(rewritten(readme.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
