"""What an Interim-Update costs: `python tests/benchmark/interims.py` (root, for the namespaces).

Two tables in one file, build/benchmark/interims.json.  The first: CPU of the whole daemon for each
Interim-Update, with so many sessions up over a link and a RADIUS server beside them: what it
takes with Interims less what the same daemon takes without.  The second: microseconds
of the core alone, from the timer to the acknowledgement, with a journal and without, as
many of them a second as 50,000 sessions make.
Nothing is asserted about time; a daemon that sends too few exits with 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from bras.config.grant import Grant  # noqa: E402 (the checkout is on the path only now)
from bras.config.model import AuthConfig, Config, DataplaneConfig, PppConfig  # noqa: E402 (as above)
from bras.forwarding.entry import Counters  # noqa: E402 (as above)
from bras.lab.namespaces import Testbed  # noqa: E402 (as above)
from bras.lns.effects import Effect  # noqa: E402 (as above)
from bras.lns.inputs import ClockRead, DatagramReceived, Input  # noqa: E402 (as above)
from bras.lns.lns import Lns  # noqa: E402 (as above)
from tests.benchmark.bed import laid  # noqa: E402 (as above)
from tests.benchmark.lns import BRAS, _answers, await_that  # noqa: E402 (as above)
from tests.benchmark.machine import machine  # noqa: E402 (as above)
from tests.support.lacs import SimulatedLac  # noqa: E402 (as above)
from tests.support.world import World, codec, config, entropy_of  # noqa: E402 (as above)

PROMISED_US = 60.0
"""An Interim-Update each 300 s from 50,000 sessions costs 1 % of a core at this."""
INTERVAL_S = 300
CORE_INTERVAL_S = 6
"""1,000 sessions each 6 s are as many as 50,000 each 300 s: as many come together, which makes each cheaper."""

# -- the core


class Clocked:
    """Stands in for a World's Lns, and knows how long it was at work, or how many bytecodes it ran."""

    def __init__(self, lns: Lns, *, counts: bool) -> None:
        self.lns = lns
        self.counts = counts
        self.spent = 0.0
        self.where: Counter[CodeType] = Counter()

    def handle(self, given: Input, now: float) -> list[Effect]:
        if type(given) is DatagramReceived:  # clients ask for signs of life: that is not what we measure
            return self.lns.handle(given, now)
        if self.counts:
            sys.settrace(self._called)
            effects = self.lns.handle(given, now)
            sys.settrace(None)
            return effects
        begun = time.process_time()
        effects = self.lns.handle(given, now)
        self.spent += time.process_time() - begun
        return effects

    def _called(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._traced

    def _traced(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        if event == "opcode":
            self.spent += 1
            self.where[frame.f_code] += 1
        return self._traced

    def __getattr__(self, name: str) -> object:
        return getattr(self.lns, name)


def _world(sessions: int, tunnels: int, configuration: Config, journal: bool) -> World:
    """Return a world with so many sessions up."""
    world = World(configuration)
    if journal:
        entropy = entropy_of(random.Random(7))
        world.lns = Lns.resume({}, configuration, codec(), entropy, epoch=1, boot="one", read=world.plane.read)
        world.give(ClockRead(1_760_000_000.0))
    lacs = [SimulatedLac(world, address=f"198.18.{n >> 8}.{n & 255}") for n in range(2, 2 + tunnels)]
    for lac in lacs:
        lac.open()
    clients = [lacs[n % tunnels].dial(f"user{n}", "pass", method="chap") for n in range(sessions)]
    world.run(120.0, until=lambda: all(client.address for client in clients))
    world.run(5.0)
    return world


def _core(options: argparse.Namespace, *, journal: bool) -> dict[str, object]:
    """Return what the core needs for an Interim-Update; the least of several runs, for others disturb them."""
    runs = [_spent(options.core_sessions, options, journal, counts=False) for _ in range(options.runs)]
    bytecodes = _spent(options.core_sessions, options, journal, counts=True)
    return {
        "journal": journal,
        "core_us": min(runs) * 1e6,
        "all_us": [run * 1e6 for run in runs],
        "bytecodes": bytecodes,
    }


def _spent(sessions: int, options: argparse.Namespace, journal: bool, *, counts: bool) -> float:
    """Return what an Interim-Update costs, in seconds or bytecodes: two intervals in which nothing else happens."""
    world = _world(sessions, options.tunnels, _quiet(), journal)
    world.run(CORE_INTERVAL_S)
    clocked = Clocked(world.lns, counts=counts)
    world.lns = clocked  # type: ignore[assignment]  # speaks like one
    before = len(world.radius.accounting)
    gc.collect()
    gc.freeze()
    for _ in range(20):
        for slot in world.plane.entries:
            world.plane.feed(slot, Counters(up_octets4=1000, up_packets4=7, down_octets4=9, down_packets4=1))
        world.run(CORE_INTERVAL_S / 10)
    gc.unfreeze()
    records = len(world.radius.accounting) - before
    assert records >= sessions, "there were no Interim-Updates"
    if counts and options.where:
        for code, number in clocked.where.most_common(40):
            print(f"{number / records:9.1f} {Path(code.co_filename).name}:{code.co_qualname}")
    return clocked.spent / records


def _quiet() -> Config:
    """Return a configuration in which nothing happens by itself but Interim-Updates."""
    base = config()
    group = replace(
        base.lac[0], hello_interval_s=0.0, grant=Grant(pool="default", interim_interval_s=float(CORE_INTERVAL_S))
    )
    radius = replace(base.radius, server=(replace(base.radius.server[0], status_server=False),), interim_min_s=1.0)
    sections: dict[str, object] = {"lac": (group,), "radius": radius, "auth": AuthConfig(methods=("chap",))}
    sections["ppp"] = PppConfig(mru=1460, echo_interval_s=0.0)
    sections["dataplane"] = DataplaneConfig(counter_interval_s=3600.0)
    return config(**sections)


# -- the whole daemon


def _daemon_us(options: argparse.Namespace) -> dict[str, object]:
    """Return what the daemon needs for an Interim-Update: so many seconds with them less as many without."""
    rows = [_run(options, interval) for interval in (0, options.interval)]
    (idle, _), (busy, records) = rows
    expected = options.sessions * options.seconds / options.interval
    return {
        "sessions": options.sessions,
        "interval_s": options.interval,
        "journal": options.journal,
        "backend": options.backend,
        "seconds": options.seconds,
        "records": records,
        "expected": expected,
        "idle_share_of_core": idle / options.seconds,
        "daemon_us": (busy - idle) / records * 1e6 if records else None,
        "share_of_core_50000_at_300_s": (busy - idle) / records * 50_000 / 300 if records else None,
    }


def _run(options: argparse.Namespace, interval: int) -> tuple[float, int]:
    """Bring sessions up and leave them alone; return the daemon's CPU seconds, and the records that came meanwhile."""
    with ExitStack() as stack:
        bed, directory, pins = laid(stack)
        bras = str(Path(sys.executable).parent / "bras")
        books = directory / "books"
        bed.start("lac", ["taskset", "-c", "1", bras, "lab", "radius", "--listen", "198.18.1.2", "--log", str(books)])
        daemon = _start(options, interval, bed, directory, pins, bras)
        lab = [bras, "lab", "lac", "198.18.0.1", "--secret", "tunsecret", "--hold", "-1", "--window", "16"]
        lab += ["--sessions", str(options.sessions), "--tunnels", str(options.tunnels)]
        bed.start("lac", ["taskset", "-c", "1", *lab], stdout=subprocess.DEVNULL)
        _wait(bras, directory, options.sessions)
        time.sleep(max(5, interval))  # jitter has spread them
        cpu, records = _cpu(daemon.pid), _lines(books)
        time.sleep(options.seconds)
        spent = _cpu(daemon.pid) - cpu, _lines(books) - records
        daemon.send_signal(signal.SIGKILL)  # what ends well is not measured
        return spent


def _start(
    options: argparse.Namespace, interval: int, bed: Testbed, directory: Path, pins: Path, bras: str
) -> subprocess.Popen[str]:
    text = BRAS.format(directory=directory, methods='"chap"', backend=options.backend, pins=pins / "bras")
    text = text.replace(
        'pool = "default"\n', f'pool = "default"\ninterim_interval_s = {interval}\nhello_interval_s = 0\n'
    )
    text = text.replace("mru = 1460\n", "mru = 1460\necho_interval_s = 0\n")
    text = text.replace('nas_identifier = "lns1"\n', 'nas_identifier = "lns1"\ninterim_min_s = 1\n')
    if options.journal:
        text += f'[state]\ndirectory = "{directory}/state"\n'
    (directory / "bras.toml").write_text(text)
    command = ["taskset", "-c", "0", bras, "run", "-c", str(directory / "bras.toml")]
    with (directory / "log").open("w") as log:
        process = bed.start("lns", command, stdout=log.fileno(), stderr=log.fileno())
    await_that(lambda: _answers(directory / "admin.sock"), process, directory / "log", 20)
    return process


def _wait(bras: str, directory: Path, count: int) -> None:
    """Wait until all are up."""
    show = [bras, "show", "sessions", "--json", "--socket", str(directory / "admin.sock")]
    until = time.monotonic() + 60 + count / 100
    while time.monotonic() < until:
        rows = json.loads(subprocess.run(show, stdout=subprocess.PIPE, check=True).stdout)["sessions"]
        if sum(row["state"] == "up" for row in rows) == count:
            return
        time.sleep(1)
    raise SystemExit("not all sessions are up")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _lines(books: Path) -> int:
    return books.read_bytes().count(b"Interim") if books.exists() else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--interval", type=int, default=30, help="5,000 each 30 s are as many as 50,000 each 300 s")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--tunnels", type=int, default=20)
    parser.add_argument("--core-sessions", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--where", action="store_true", help="print in which functions the bytecodes are")
    parser.add_argument("--core-only", action="store_true")
    parser.add_argument("--journal", action="store_true", help="the daemon keeps a journal")
    parser.add_argument("--backend", default="tun")
    parser.add_argument("--output", type=Path, default=ROOT / "build/benchmark/interims.json")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the namespaces are removed
    options.output.parent.mkdir(parents=True, exist_ok=True)
    on = machine()
    rows = [_core(options, journal=journal) for journal in (False, True)]
    daemon = {} if options.core_only else _daemon_us(options)
    options.output.write_text(json.dumps({"machine": on, "core": rows, "daemon": daemon}, indent=1) + "\n")
    print(json.dumps(on))
    for row in (*rows, daemon):
        print(json.dumps(row))
    return 0 if options.core_only or daemon["records"] >= daemon["expected"] / 2 else 1


if __name__ == "__main__":
    sys.exit(main())
