"""What CoA costs: `python tests/benchmark/coa.py` (root).

Two tables in one file, build/benchmark/coa.json.  The first: changes a second that the whole
daemon makes, asked over a link by one client that keeps so many requests under way, each for a
random session of those that are up; with the time until the answer and the daemon's CPU.  The
second: microseconds to find the session that a request means, by each attribute, among 100
and among 50,000.  Nothing is asserted about time; a request that is not acknowledged exits with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from bras.config.model import Config  # noqa: E402 (the checkout is on the path only now)
from bras.ids import CallKey  # noqa: E402 (as above)
from bras.lab.namespaces import Testbed  # noqa: E402 (as above)
from bras.lns import find  # noqa: E402 (as above)
from bras.lns.lns import Lns  # noqa: E402 (as above)
from bras.radius.attributes import Identity, TunnelIdentity  # noqa: E402 (as above)
from bras.radius.dynauth import Asked, DynamicRequest  # noqa: E402 (as above)
from bras.subscriber.subscriber import Subscriber  # noqa: E402 (as above)
from tests.benchmark.bed import laid  # noqa: E402 (as above)
from tests.benchmark.lns import BRAS, _answers, await_that  # noqa: E402 (as above)
from tests.benchmark.machine import machine  # noqa: E402 (as above)
from tests.support.dac import with_coa  # noqa: E402 (as above)
from tests.support.dynauth import dynamic_request  # noqa: E402 (as above)
from tests.support.radius import attribute, vendor_attribute  # noqa: E402 (as above)
from tests.support.world import codec, config  # noqa: E402 (as above)
from tests.unit.subscriber.pair import LEG, LINE, settings  # noqa: E402 (as above)

SECRET = b"coasecret"
COA = f"""
[radius.coa]
listen = ["198.18.1.1"]
[[radius.coa.client]]
name = "policy"
address = ["198.18.1.0/24"]
secret = "{SECRET.decode()}"
"""
COA_REQUEST, COA_ACK = 43, 44
RATE_UP, RATE_DOWN = 2, 3
RESEND_S = 3.0

# -- the whole daemon


def changes(options: argparse.Namespace) -> dict[str, object]:
    """Bring sessions up, change random ones, and say how fast that went."""
    with ExitStack() as stack:
        bed, directory, pins = laid(stack)
        bras = str(Path(sys.executable).parent / "bras")
        bed.start("lac", [bras, "lab", "radius", "--listen", "198.18.1.2", "--log", str(directory / "books")])
        daemon = _start(options, bed, directory, pins, bras)
        lab = [bras, "lab", "lac", "198.18.0.1", "--secret", "tunsecret", "--hold", "-1", "--window", "16"]
        lab += ["--sessions", str(options.sessions), "--tunnels", str(options.tunnels)]
        bed.start("lac", ["taskset", "-c", str(options.generator_cpu), *lab], stdout=subprocess.DEVNULL)
        sessions = _wait(bras, directory, options.sessions)
        (directory / "sessions").write_text("\n".join(sessions))
        command = ["taskset", "-c", str(options.generator_cpu), sys.executable, __file__]
        command += ["--ask", str(directory / "sessions")]
        command += [
            "--pid",
            str(daemon.pid),
            "--requests",
            str(options.requests),
            "--in-flight",
            str(options.in_flight),
        ]
        client = bed.start("lac", command, stdout=subprocess.PIPE)
        row: dict[str, object] = json.loads(client.communicate()[0] or "{}")
        daemon.send_signal(signal.SIGKILL)  # what ends well is not measured
        return row | {"sessions": len(sessions), "backend": options.backend, "in_flight": options.in_flight}


def _start(options: argparse.Namespace, bed: Testbed, directory: Path, pins: Path, bras: str) -> subprocess.Popen[str]:
    form = BRAS.format(directory=directory, methods='"chap"', backend=options.backend, pins=pins / "bras")
    head, _, tail = form.partition("[ppp]")
    (directory / "bras.toml").write_text(f"{head}{COA}[ppp]{tail}")
    command = ["taskset", "-c", str(options.lns_cpu), bras, "run", "-c", str(directory / "bras.toml")]
    with (directory / "log").open("w") as log:
        process = bed.start("lns", command, stdout=log.fileno(), stderr=log.fileno())
    await_that(lambda: _answers(directory / "admin.sock"), process, directory / "log", 20)
    return process


def _wait(bras: str, directory: Path, count: int) -> list[str]:
    """Wait until all are up; return their Acct-Session-Ids."""
    show = [bras, "show", "sessions", "--json", "--socket", str(directory / "admin.sock")]
    until = time.monotonic() + 60 + count / 100
    while time.monotonic() < until:
        rows = json.loads(subprocess.run(show, stdout=subprocess.PIPE, check=True).stdout)["sessions"]
        up = [row["session"] for row in rows if row["state"] == "up"]
        if len(up) == count:
            return up
        time.sleep(1)
    raise SystemExit(f"{len(up)} of {count} sessions are up")


def ask(options: argparse.Namespace) -> int:
    """Be the client: read Acct-Session-Ids, change random ones, say what it took."""
    sessions, dice = options.ask.read_text().split(), random.Random(1)
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    opened.connect(("198.18.1.1", 3799))
    opened.settimeout(0.2)
    requests = [_request(dice.choice(sessions), number) for number in range(options.requests)]
    waiting: dict[int, tuple[float, bytes]] = {}
    seconds: list[float] = []
    refused = sent = again = 0
    cpu, began = _cpu(options.pid), time.monotonic()
    while len(seconds) < len(requests):
        while sent < len(requests) and len(waiting) < min(options.in_flight, 256) and sent & 255 not in waiting:
            waiting[sent & 255] = time.monotonic(), requests[sent]
            opened.send(requests[sent])
            sent += 1
        try:
            data = opened.recv(4096)
        except TimeoutError:
            late = [data for at, data in waiting.values() if at < time.monotonic() - RESEND_S]
            again += len(late)
            for one in late:
                opened.send(one)
            continue
        if data[1] in waiting:
            seconds.append(time.monotonic() - waiting.pop(data[1])[0])
            refused += data[0] != COA_ACK
    wall = time.monotonic() - began
    seconds.sort()
    row = {
        "requests": len(requests),
        "requests_per_s": len(requests) / wall,
        "daemon_us": (_cpu(options.pid) - cpu) / len(requests) * 1e6,
        "p50_ms": seconds[len(seconds) // 2] * 1e3,
        "p99_ms": seconds[len(seconds) * 99 // 100] * 1e3,
        "refused": refused,
        "sent_again": again,
    }
    print(json.dumps(row))
    return 0


def _request(session: str, number: int) -> bytes:
    """Return a request that gives a session a rate that it has not."""
    rate = (1_000_000 + number).to_bytes(8, "big")
    rates = vendor_attribute(32473, RATE_UP, rate) + vendor_attribute(32473, RATE_DOWN, rate)
    return dynamic_request(COA_REQUEST, attribute(44, session.encode()) + rates, identifier=number & 255, secret=SECRET)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# -- finding


def _lns(count: int) -> Lns:
    """Return an LNS with so many admitted sessions, that never negotiated."""
    configuration: Config = with_coa(config())
    lns = Lns(configuration, codec(), random.Random(1).randbytes, epoch=1)
    core = lns.core
    tunnel = TunnelIdentity("198.18.0.2", "198.18.0.1", "lac1", "lns1", "198.18.0.2:7", 5, 1460)
    profile = core.policy.profile("any", None, None, None)
    for _ in range(count):
        number = core.registry.new_number()
        one = Subscriber(number, core.registry.new_slot(), LINE, LEG, settings(), bytes, now=0.0)
        key = CallKey(1 << 16 | number)
        core.registry.add(key, one)
        identity = Identity(
            f"user{number}".encode(), one.session_id, key, f"lns1:1:{number}", f"555{number:06d}", "100", "",
            str(number), tunnel,
        )  # fmt: skip
        one.who.identity = core.books.identities.charge(
            core.books.identities.encode(identity).accounting, f"cui-{number}".encode()
        )
        one.profile, one.who.user, one.address = profile, f"user{number}", 0x0A400001 + number
        core.pools.claim(0, one.address, number, now=0.0)
        core.registry.name(one, one.who.user)
    return lns


def _meant(lns: Lns, number: int) -> dict[str, tuple[tuple[int, bytes], ...]]:
    """Return what means a session, by name."""
    one = lns.core.registry.by_number[number]
    by = {
        "Acct-Session-Id": (44, one.session_id.encode()),
        "User-Name": (1, one.who.user.encode()),
        "Framed-IP-Address": (8, one.address.to_bytes(4, "big")),
        "Calling-Station-Id": (31, f"555{number:06d}".encode()),
        "NAS-Port-Id": (87, f"lns1:1:{number}".encode()),
        "Chargeable-User-Identity": (89, f"cui-{number}".encode()),
    }
    return {name: (one,) for name, one in by.items()} | {"all of them": tuple(by.values())}


def finding(sizes: tuple[int, ...], seconds: float) -> list[dict[str, Any]]:
    """Measure how long it takes to find a session, in each of these crowds."""
    rows: dict[str, dict[str, Any]] = {}
    for size in sizes:
        lns, dice = _lns(size), random.Random(2)
        wanted = [_meant(lns, dice.randrange(1, size + 1)) for _ in range(200)]
        for name in wanted[0]:
            requests = [DynamicRequest("policy", Asked.CHANGE, (), meant[name], ()) for meant in wanted]
            rows.setdefault(name, {"by": name})[f"us_among_{size}"] = _us(lns, requests, seconds)
    return list(rows.values())


def _us(lns: Lns, requests: list[DynamicRequest], seconds: float) -> float:
    calls, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        for request in requests:
            found = find.sessions(lns.core, request, "198.18.0.1", most=1000)
            if not isinstance(found, list) or len(found) != 1:
                raise SystemExit(f"it is not found: {request}")
        calls += len(requests)
    return spent / calls * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--tunnels", type=int, default=100)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--in-flight", type=int, default=64, help="requests under way at once (256 at most)")
    parser.add_argument("--backend", default="tun")
    parser.add_argument("--crowd", type=int, default=50_000, help="sessions among which one is found")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each time to find")
    parser.add_argument("--lns-cpu", type=int, default=0)
    parser.add_argument("--generator-cpu", type=int, default=1)
    parser.add_argument("--output", type=Path, default=ROOT / "build/benchmark/coa.json")
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--pid", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        return ask(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the namespaces are removed
    options.output.parent.mkdir(parents=True, exist_ok=True)
    on, row, found = machine(), changes(options), finding((100, options.crowd), options.seconds)
    options.output.write_text(json.dumps({"machine": on, "changes": row, "finding": found}, indent=1) + "\n")
    print(json.dumps(on))
    print(json.dumps(row))
    for one in found:
        few, many = one["us_among_100"], one[f"us_among_{options.crowd}"]
        print(f"{one['by']}: {few:.1f} us among 100, {many:.1f} us among {options.crowd:,} ({many / few:.2f})")
    return 0 if row.get("requests") == options.requests and not row.get("refused") else 1


if __name__ == "__main__":
    sys.exit(main())
