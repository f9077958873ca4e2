"""What it costs to tell what a day's outage has left: `python tests/benchmark/drain.py`.

The spool holds what 50,000 sessions have left that came and went while no server answered: a Start and
a Stop each, one row.  The whole machine begins on it (spool, ledger, exchange, driver, sockets) and
tells everything to a server on loopback, in another process, that acknowledges it.  Two rows in
build/benchmark/drain.json: as fast as it goes, and at the pace that is configured unless told
otherwise; with records a second, microseconds of CPU a record (all threads), the share of a core,
the longest turn of the loop, and the most records that were in memory.

Nothing is asserted about time; records that are left over, or told twice, exit with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from bras.accounting.rows import Made, Operation, Put, key_of  # noqa: E402 (the checkout is on the path only now)
from bras.config.model import Config  # noqa: E402 (as above)
from bras.config.radius import RadiusServerConfig  # noqa: E402 (as above)
from bras.config.spool import SpoolConfig  # noqa: E402 (as above)
from bras.dataplane.null import Null  # noqa: E402 (as above)
from bras.lns.lns import Lns  # noqa: E402 (as above)
from bras.radius.accounting import START, STOP, AccountingRecords, Authentic, Usage  # noqa: E402 (as above)
from bras.radius.attributes import IdentityEncoder  # noqa: E402 (as above)
from bras.runtime import clock  # noqa: E402 (as above)
from bras.runtime.daemon import GC_THRESHOLDS  # noqa: E402 (as above)
from bras.runtime.driver import Driver  # noqa: E402 (as above)
from bras.runtime.loop import make_loop  # noqa: E402 (as above)
from bras.runtime.spooler import Spooler  # noqa: E402 (as above)
from bras.secret import Secret  # noqa: E402 (as above)
from bras.store.spool import SpoolFile  # noqa: E402 (as above)
from tests.benchmark.machine import machine  # noqa: E402 (as above)
from tests.benchmark.radius import IDENTITY, USAGE  # noqa: E402 (as above)
from tests.benchmark.spool import quiet  # noqa: E402 (as above)
from tests.support.world import codec, config  # noqa: E402 (as above)

SECRET = b"radsecret"
ADDRESS = "127.0.0.1"
BUFFER_OCTETS = 8 << 20
FASTEST = 100_000.0
LOOK_S = 0.02
Row = dict[str, object]


def respond() -> int:
    """Acknowledge whatever comes until the pipe to who started us is closed; then tell how much came, and how often."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
    opened.bind((ADDRESS, 0))
    opened.settimeout(0.2)
    print(opened.getsockname()[1], flush=True)
    os.set_blocking(sys.stdin.fileno(), False)
    requests, seen = 0, set[bytes]()
    while sys.stdin.buffer.read(1) != b"":
        try:
            for _ in range(1000):
                data, source = opened.recvfrom(4096)
                head = struct.pack("!BBH", 5, data[1], 20)
                opened.sendto(head + hashlib.md5(head + data[4:20] + SECRET).digest(), source)
                requests += 1
                seen.add(data[20:])
        except TimeoutError:
            continue
    print(json.dumps({"requests": requests, "records": len(seen)}), flush=True)
    return 0


def settings(port: int, pace: float) -> Config:
    server = RadiusServerConfig(ADDRESS, Secret(SECRET), name="one", auth_port=0, acct_port=port)
    base = config()
    radius = replace(base.radius, server=(server,), spool=SpoolConfig(drain_per_s=pace))
    return replace(base, lns=replace(base.lns, listen=()), radius=radius)


def backlog(directory: Path, sessions: int) -> None:
    """Fill the spool with Starts and Stops that nobody has acknowledged, of an earlier run of the clock."""
    encoder = AccountingRecords(codec())
    identity = IdentityEncoder(codec(), config().radius).encode(IDENTITY).accounting
    file, begun_s = SpoolFile(str(directory)), clock.wall_seconds() - 86400.0
    for first in range(0, sessions, 1000):
        operations: list[Operation] = []
        for number in range(first, min(first + 1000, sessions)):
            shared = encoder.session(identity, 0x0A000000 + number, (b"gold-17",), Authentic.RADIUS)
            at = begun_s + number
            start = encoder.record(START, shared, None, event_at=at)
            usage = Usage(600.0, USAGE[1] + number, *USAGE[2:])
            stop = encoder.record(STOP, shared, usage, 1, event_at=at + 600.0)
            key = key_of(1, number)
            operations.append(Put(key, START, None, start, Made(at, "before", 0.0)))
            operations.append(Put(key, STOP, None, stop, Made(at + 600.0, "before", 600.0)))
        file.apply(operations)
    file.close()


class Turns:
    """The longest turn of the loop, from the moment on in which the machine has begun."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    def observe(self, seconds: float) -> None:
        self.longest_s = max(self.longest_s, seconds)


async def drain(directory: Path, configuration: Config, turns: Turns) -> Row:
    """Tell it all."""
    spooler, plane = Spooler(SpoolFile(str(directory))), Null()
    lns = Lns.resume(
        {},
        configuration,
        codec(),
        os.urandom,
        epoch=clock.wall_seconds(),
        boot=clock.boot_id(),
        read=plane.read,
        spool=spooler.file,
    )
    driver = Driver(lns, plane, [], lambda _: None, spooler=spooler)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    ledger, most = lns.core.ledger, 0
    began_s = time.perf_counter()
    driver.start()
    began_s = time.perf_counter() - began_s
    await asyncio.sleep(0)
    turns.longest_s = 0.0
    records, cpu, wall = ledger.total, time.process_time(), time.monotonic()
    while ledger.total:
        most = max(most, sum(book.in_hand for book in ledger.books.values()))
        await asyncio.sleep(LOOK_S)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    row: Row = {"records": records, "records_per_s": records / wall, "us": cpu / records * 1e6, "share": cpu / wall}
    row |= {"held_ms": turns.longest_s * 1e3, "most_in_hand": most, "began_ms": began_s * 1e3}
    driver.deafen()
    await spooler.close()
    driver.stop()
    return row


def left_over(directory: Path) -> int:
    file = SpoolFile(str(directory))
    found = sum(depth.records for depth in file.depths()) + len(list(file.open_rows()))
    file.close()
    return found


def measure(place: Path, what: str, sessions: int, pace: float) -> Row:
    directory = place / what
    directory.mkdir()
    backlog(directory, sessions)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, str(HERE / "drain.py"), "--respond"], text=True, **pipes) as server:  # type: ignore[call-overload]  # two keys
        turns, port = Turns(), int(server.stdout.readline())
        with asyncio.Runner(loop_factory=lambda: make_loop(turns.observe)) as runner:
            row = runner.run(drain(directory, settings(port, pace), turns))
        heard = json.loads(server.communicate()[0])
    row = {"what": what, "pace": pace, **row, "told": heard["requests"], "left_over": left_over(directory)}
    return row | {"right": heard["records"] >= row["records"] and not row["left_over"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=50_000, help="rows of the spool, two records each")
    parser.add_argument("--paced", type=int, default=5000, help="rows that are told at the pace of the defaults")
    parser.add_argument("--directory", type=Path, default=ROOT / "build/benchmark", help="on the disk that is meant")
    parser.add_argument("--output", type=Path, default=ROOT / "build/benchmark/drain.json")
    parser.add_argument("--respond", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.respond:
        return respond()
    options.directory.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="drain", dir=options.directory))
    try:
        quiet_ms = asyncio.run(quiet(2.0))
        rows = [
            measure(place, "fastest", options.sessions, FASTEST),
            measure(place, "paced", options.paced, SpoolConfig().drain_per_s),
        ]
    finally:
        shutil.rmtree(place)
    result = {"machine": machine(), "quiet_ms": quiet_ms, "rows": rows}
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 0 if all(row["right"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
