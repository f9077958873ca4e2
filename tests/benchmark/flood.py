"""What a flood of forged SCCRQs does to everybody else: `python tests/benchmark/flood.py` (root, gcc).

A thousand sessions are up, with echoes and Hellos in both directions; a good LAC sets up calls as
fast as it can, first in quiet, then beside each kind of flood.  The LNS has one core; the LAC, the
RADIUS server and the forger share the other.  Nothing is asserted about time; a run in which a
session is lost or an echo unanswered exits with 1.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

import lns  # noqa: E402 (after the checkout is on the path)
from bpffs import bpf_file_system  # noqa: E402 (after the checkout is on the path)
from machine import machine  # noqa: E402 (after the checkout is on the path)

from bras.lab.namespaces import Testbed  # noqa: E402 (the checkout is on the path only now)

EVERYBODY = """\
[[lac]]
name = "everybody"
address = ["0.0.0.0/0"]
hostname = "evil*"
secret = "forgers do not know it"
pool = "default"
"""
FLOODS = {
    "unmatched": ["unmatched"],
    "matched": ["matched"],
    "garbage": ["garbage"],
    "mixed": ["unmatched", "matched", "garbage"],
}


def measure(options: argparse.Namespace) -> list[dict[str, object]]:
    """One row for the quiet and one for each flood."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bras-benchmark-")))
        pins = stack.enter_context(bpf_file_system(directory))
        bed = stack.enter_context(Testbed("lns", "lac", "forger"))
        forger = directory / "forger"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", forger, HERE / "forger.c"], check=True)
        bed.link("lns", ["198.18.0.1/24"], "lac", [f"198.18.0.{2 + index}/24" for index in range(10)])
        bed.link("lns", ["198.18.1.1/24"], "lac", ["198.18.1.2/24"])
        bed.link("lns", ["198.18.2.1/24"], "forger", ["198.18.2.2/24"])
        for role in ("lns", "forger"):
            bed.sysctl(role, "net.ipv4.conf.all.rp_filter", "0")
        bed.route("lns", "0.0.0.0/1", "198.18.2.2")  # where the answers to invented addresses go
        bed.route("forger", "198.18.0.0/24", "198.18.2.1")
        lns.BRAS = lns.BRAS.replace("[auth]", EVERYBODY + "[auth]")
        lns.BRAS = lns.BRAS.replace('pool = "default"\n', 'pool = "default"\nhello_interval_s = 1\n', 1)
        lns.BRAS = lns.BRAS.replace("[ppp]", "[ppp]\necho_interval_s = 2\necho_failures = 3")
        running = lns.start_bras(
            bed, directory, cpu=options.lns_cpu, methods=["chap"], profile=None, pins=pins / "bras"
        )
        command = ["taskset", "-c", str(options.generator_cpu), sys.executable, str(HERE / "beside.py")]
        command += ["--pid", str(running.process.pid), "--held", str(options.held), "--calls", str(options.calls)]
        with subprocess.Popen(
            ["ip", "netns", "exec", bed.name_of("lac"), *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as beside:  # fmt: skip
            try:
                return list(_rows(options, bed, beside, forger))
            finally:
                beside.terminate()


def _rows(options: argparse.Namespace, bed: Testbed, beside: subprocess.Popen[str], forger: Path):
    held = json.loads(_line(beside))
    print(held, file=sys.stderr)
    for kind in ["quiet", *options.floods.split(",")]:
        before = dropped(bed)
        flood = None
        if kind != "quiet":
            command = ["taskset", "-c", str(options.generator_cpu), str(forger)]
            command += ["198.18.0.1", str(options.rate), "600", *FLOODS[kind]]
            flood = bed.start("forger", ["timeout", "-s", "TERM", "600", *command], stdout=subprocess.DEVNULL)
            time.sleep(1)  # let it come to its rate
        forged = received(bed)
        began = time.monotonic()
        beside.stdin.write("go\n")
        beside.stdin.flush()
        row = json.loads(_line(beside))
        row["forged_per_s"] = (received(bed) - forged) / (time.monotonic() - began)
        if flood is not None:
            flood.terminate()
            flood.wait()
        time.sleep(1)
        row |= {"flood": kind, "held": held["held"]}
        row["dropped"] = {
            key: count - before.get(key, 0) for key, count in dropped(bed).items() if count != before.get(key, 0)
        }
        print(json.dumps(row), file=sys.stderr)
        yield row


def _line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline()
    if not line:
        raise SystemExit("the LAC has given up")
    return line


def dropped(bed: Testbed) -> dict[str, float]:
    """What bras has dropped by reason, and what the kernel has for want of room."""
    counts: dict[str, float] = {}
    with bed.socket_in("lns", socket.AF_INET, socket.SOCK_STREAM) as web:
        web.connect(("127.0.0.1", 9617))
        web.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b"".join(iter(lambda: web.recv(65536), b"")).decode()
    for line in text.splitlines():
        if line.startswith("bras_dropped_total{"):
            labels, _, value = line.rpartition(" ")
            counts[labels.partition("{")[2].rstrip("}").replace('"', "")] = float(value)
    udp = subprocess.run(
        ["ip", "netns", "exec", bed.name_of("lns"), "cat", "/proc/net/udp"], capture_output=True, text=True, check=True
    )
    counts["kernel"] = sum(float(line.split()[-1]) for line in udp.stdout.splitlines()[1:] if ":06A5 " in line)
    return counts


def received(bed: Testbed) -> int:
    """Return how many packets have come from the forger."""
    done = subprocess.run(
        ["ip", "netns", "exec", bed.name_of("lns"), "sh", "-c", "grep to-forger /proc/net/dev"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout.partition(":")[2].split()[1])


def table(rows: list[dict[str, object]]) -> str:
    """The rows as a Markdown table."""
    quiet = rows[0]["setups_per_s"]
    lines = ["flood | forged/s | set-ups/s | of quiet | echoes answered | Hellos unanswered | lost | CPU"]
    lines.append(" | ".join(["---"] * 8))
    for row in rows:
        share = f"{row['setups_per_s'] / quiet:.0%}"
        echoes = f"{row['answered_echoes']} of {row['asked_echoes']}"
        cells = (row["flood"], f"{row['forged_per_s']:,.0f}", f"{row['setups_per_s']:,.0f}", share, echoes)
        lines.append(
            " | ".join(map(str, (*cells, row["hellos_unanswered"], row["ended"], f"{row['daemon_cpu_share']:.0%}")))
        )
    return "\n".join(f"| {line} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held", type=int, default=1000, help="sessions that are up all the time")
    parser.add_argument("--calls", type=int, default=10_000, help="calls that are set up in each phase")
    parser.add_argument("--rate", type=int, default=50_000, help="forged datagrams a second")
    parser.add_argument("--floods", default=",".join(FLOODS), help="comma-separated kinds")
    parser.add_argument("--lns-cpu", type=int, default=0)
    parser.add_argument("--generator-cpu", type=int, default=1)
    parser.add_argument("--output", type=Path, default=ROOT / "build/benchmark/flood.json")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the namespaces are removed
    options.output.parent.mkdir(parents=True, exist_ok=True)
    on = machine()
    rows = measure(options)
    options.output.write_text(json.dumps({"machine": on, "rows": rows}, indent=1) + "\n")
    print(json.dumps(on))
    print(table(rows))
    lost = [
        row for row in rows if row["ended"] or row["hellos_unanswered"] or row["answered_echoes"] < row["asked_echoes"]
    ]
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
