"""How fast calls are set up, and what one costs: `python tests/benchmark/setup.py` (root).

The LNS under measurement runs in a network namespace of its own, pinned to one core; the
load generator and the canned RADIUS server run on another.  Each combination of LNS,
method and window is a row.  Nothing is asserted about time; a run in which calls are
missing exits with 1.
"""

from __future__ import annotations

import argparse
import json
import pstats
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from itertools import product
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from bed import laid  # noqa: E402 (as above)
from lns import STORYLESS, Running, start_bras, start_l2tpns  # noqa: E402 (after the checkout is on the path)
from machine import machine  # noqa: E402 (as above)

from bras.lab.namespaces import Testbed  # noqa: E402 (the checkout is on the path only now)

COLUMNS = (
    ("LNS", "lns", "{}"),
    ("data plane", "backend", "{}"),
    ("method", "method", "{}"),
    ("window", "window", "{}"),
    ("up", "up", "{}"),
    ("set-ups/s", "setups_per_s", "{:,.0f}"),
    ("CPU us/set-up", "daemon_us_per_setup", "{:.0f}"),
    ("p50 ms", "setup_p50_ms", "{:.0f}"),
    ("p99 ms", "setup_p99_ms", "{:.0f}"),
    ("octets/session", "memory_octets_per_session", "{:,.0f}"),
    ("teardown us", "teardown_us_per_session", "{:.0f}"),
    ("generator us", "generator_us_per_setup", "{:.0f}"),
    ("in+out/set-up", "datagrams", "{}"),
)


def measure(options: argparse.Namespace, name: str, method: str, window: int) -> dict[str, object]:
    """One row: a fresh LNS, all calls up, all calls down."""
    with ExitStack() as stack:
        bed, directory, pins = laid(stack, options.lacs)
        lns = _start(options, bed, directory, pins, name, method)
        command = ["taskset", "-c", str(options.generator_cpu), sys.executable, str(HERE / "generator.py")]
        command += ["--lns", "198.18.0.1", "--pid", str(lns.process.pid), "--method", method, "--window", str(window)]
        command += ["--sessions", str(options.sessions), "--tunnels", str(options.tunnels), "--lacs", str(options.lacs)]
        command += ["--concurrency", str(options.concurrency)]
        if name.startswith("bras"):
            command.append("--announced")
        if options.profile:
            command.append("--signals")
        done = bed.start("lac", command, stdout=subprocess.PIPE)
        row = json.loads(done.communicate()[0] or "{}")
        row |= {"lns": name, "method": method, "window": window, "configuration": lns.configuration}
        row["backend"] = lns.backend
        began = time.monotonic()
        lns.process.send_signal(signal.SIGTERM)
        try:
            row["stop_status"] = lns.process.wait(15)
        except subprocess.TimeoutExpired:
            row["stop_status"] = None
        row["stop_s"] = time.monotonic() - began
        if options.log:
            print((directory / "log").read_text(errors="replace")[-8000:], file=sys.stderr)
    return row


def _start(options: argparse.Namespace, bed: Testbed, directory: Path, pins: Path, name: str, method: str) -> Running:
    if name == "l2tpns":
        return start_l2tpns(bed, directory, cpu=options.lns_cpu, method=method, interface="to-lac1")
    methods = options.offer.split(",") if options.offer else [method]
    profile = options.output.parent / f"setup-{method}.prof" if options.profile else None
    return start_bras(
        *(bed, directory),
        cpu=options.lns_cpu,
        methods=methods,
        profile=profile,
        pins=pins / "bras",
        backend=name.removesuffix(STORYLESS).removeprefix("bras-") if name.count("-") else "auto",
        state=options.state,
        stories=not name.endswith(STORYLESS),
    )


def table(rows: list[dict[str, object]]) -> str:
    """The rows as a Markdown table."""
    lines = [" | ".join(title for title, _, _ in COLUMNS), " | ".join("---" for _ in COLUMNS)]
    for row in rows:
        datagrams = f"{row.get('datagrams_in_per_setup', 0):.1f}+{row.get('datagrams_out_per_setup', 0):.1f}"
        cells = row | {"datagrams": datagrams}
        lines.append(" | ".join(form.format(cells.get(key, 0)) for _, key, form in COLUMNS))
    return "\n".join(f"| {line} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--lns",
        default="bras",
        help="comma-separated: bras, bras-ebpf, bras-tun, l2tpns; bras-ebpf-storyless: with [story] off",
    )
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--tunnels", type=int, default=100)
    parser.add_argument("--window", default="4,1", help="comma-separated receive windows of the LAC")
    parser.add_argument("--method", default="chap", help="comma-separated: chap, pap, mschapv1, mschapv2")
    parser.add_argument("--offer", default="", help="methods in the configuration of bras; default: the measured one")
    parser.add_argument("--lacs", type=int, default=10, help="LAC addresses over which the tunnels are spread")
    parser.add_argument("--concurrency", type=int, default=400, help="calls in set-up at once, at most")
    parser.add_argument("--lns-cpu", type=int, default=0)
    parser.add_argument("--generator-cpu", type=int, default=1)
    parser.add_argument("--state", action="store_true", help="with [state]: bras keeps a journal")
    parser.add_argument("--profile", action="store_true", help="cProfile of the set-ups (bras only); slows it down")
    parser.add_argument("--log", action="store_true", help="show the end of the LNS's log")
    parser.add_argument("--output", type=Path, default=ROOT / "build/benchmark/setup.json")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the namespaces are removed
    options.output.parent.mkdir(parents=True, exist_ok=True)
    on = machine()
    rows = []
    combinations = product(options.lns.split(","), options.method.split(","), options.window.split(","))
    for name, method, window in combinations:
        row = measure(options, name, method, int(window))
        rows.append(row)
        for words in row.get("complaints", ["the generator failed"]):
            print(f"{name} {method} window {window}: {words}", file=sys.stderr)
        if options.profile and name.startswith("bras"):
            pstats.Stats(str(options.output.parent / f"setup-{method}.prof")).sort_stats("tottime").print_stats(45)
    options.output.write_text(json.dumps({"machine": on, "rows": rows}, indent=1) + "\n")
    print(json.dumps(on))
    if str(rows[0]["lns"]).startswith("bras"):
        print(rows[0]["configuration"])
    print(table(rows))
    return 0 if all(row.get("complete") for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
