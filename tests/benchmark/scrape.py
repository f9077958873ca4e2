"""What a scrape costs, and how long it holds up everybody else: `python tests/benchmark/scrape.py` (root).

For each back end and number of sessions a daemon with that many sessions up, none of which does
anything, is scraped over loopback as Prometheus does it (OpenMetrics, gzip): `/metrics`, and
`/metrics/sessions`.  A row has CPU time of the daemon's process, and the bucket of the longest turn of its loop,
as its own bras_loop_hold_seconds says.  Nothing is asserted about time; a page that lacks a session exits with 1.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import re
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

import lns  # noqa: E402 (after the checkout is on the path)
from bed import laid  # noqa: E402 (as above)
from machine import machine  # noqa: E402 (as above)

PAGES = ("/metrics", "/metrics/sessions")
AS_PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
    "Accept-Encoding": "gzip",
}
HOLD = re.compile(r'^bras_loop_hold_seconds_bucket\{()le="([^"]+)"\} ([0-9.]+)$', re.MULTILINE)
PAUSE = re.compile(r'^bras_gc_pause_seconds_bucket\{generation="(.)",le="([^"]+)"\} ([0-9.]+)$', re.MULTILINE)


def cpu_s(pid: int) -> float:
    """CPU time of all threads of a process, to the nanosecond (proc(5), schedstat)."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def fetched(path: str) -> tuple[bytes, float]:
    """Return a page as it came, and the seconds that it took."""
    connection = http.client.HTTPConnection("127.0.0.1", 9617, timeout=120)
    began = time.perf_counter()
    connection.request("GET", path, headers=AS_PROMETHEUS)
    response = connection.getresponse()
    octets = response.read()
    took = time.perf_counter() - began
    connection.close()
    if response.status != 200:
        raise SystemExit(f"{path}: {response.status}")
    return octets, took


def seen() -> str:
    """Return what the daemon says of itself."""
    return gzip.decompress(fetched("/metrics")[0]).decode()


def counts(page: str, pattern: re.Pattern[str]) -> dict[str, float]:
    """Return how many times were as long as each bound of a histogram, or shorter, all its kinds together."""
    found: dict[str, float] = {}
    for _, bound, count in pattern.findall(page):
        found[bound] = found.get(bound, 0.0) + float(count)
    return found


def worst_ms(before: str, after: str, pattern: re.Pattern[str]) -> float | None:
    """Return the bound below which all times between two looks were, in milliseconds; None beyond the last one."""
    earlier = counts(before, pattern)
    times = {bound: count - earlier[bound] for bound, count in counts(after, pattern).items()}
    if not times["+Inf"]:
        return 0.0
    enough = [float(bound) * 1e3 for bound in times if times[bound] == times["+Inf"] and bound != "+Inf"]
    return min(enough, default=None)


def scrapes(pid: int, runs: int) -> dict[str, object]:
    """In the daemon's namespace: what each page costs, the mean of some runs, and the worst hold of all of them."""
    result: dict[str, object] = {}
    for path in PAGES:
        fetched(path)
        before, took = seen(), []
        spent = cpu_s(pid)
        for _ in range(runs):
            octets, seconds = fetched(path)
            took.append(seconds)
            time.sleep(0.5)  # the kernel holds back who has a core for a whole second
        spent = cpu_s(pid) - spent
        after = seen()
        text = gzip.decompress(octets)
        name = "sessions" if path.endswith("sessions") else "metrics"
        result |= {
            f"{name}_cpu_ms": spent / runs * 1e3,
            f"{name}_took_ms": sum(took) / runs * 1e3,
            f"{name}_worst_hold_ms": worst_ms(before, after, HOLD),
            f"{name}_worst_gc_ms": worst_ms(before, after, PAUSE),
            f"{name}_octets": len(octets),
            f"{name}_text_octets": len(text),
            f"{name}_series": sum(not line.startswith(b"#") for line in text.splitlines()),
            f"{name}_listed": text.count(b"\nbras_session_info{"),
        }
    return result


def measure(options: argparse.Namespace, backend: str, sessions: int) -> dict[str, object]:
    """One row: a fresh daemon, all sessions up, the scrapes."""
    with ExitStack() as stack:
        bed, directory, pins = laid(stack, 10)
        running = lns.start_bras(
            *(bed, directory), cpu=options.lns_cpu, methods=["chap"], profile=None, pins=pins / "bras", backend=backend
        )
        command = ["taskset", "-c", str(options.generator_cpu), sys.executable, str(HERE / "crowd.py")]
        command += ["--sessions", str(sessions)]
        with subprocess.Popen(
            ["ip", "netns", "exec", bed.name_of("lac"), *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as crowd:  # fmt: skip
            try:
                assert crowd.stdout is not None
                row = json.loads(crowd.stdout.readline() or "{}")
                time.sleep(options.rest)
                command = ["taskset", "-c", str(options.generator_cpu), sys.executable, __file__]
                if options.realtime:
                    subprocess.run(["chrt", "-a", "-f", "-p", "10", str(running.process.pid)], check=True)
                    command = ["chrt", "-f", "10", *command]
                command += ["--of", str(running.process.pid), "--runs", str(options.runs)]
                done = bed.start("lns", command, stdout=subprocess.PIPE)
                row |= json.loads(done.communicate()[0] or "{}")
            finally:
                crowd.kill()
        running.process.kill()
        running.process.wait()
    return {"backend": running.backend, "sessions": sessions, **row}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backends", default="ebpf,tun")
    parser.add_argument("--sessions", default="1000,10000,50000")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rest", type=float, default=3.0, help="seconds until the daemon is left alone")
    parser.add_argument("--realtime", action="store_true", help="nobody else has the cores while pages are made")
    parser.add_argument("--lns-cpu", type=int, default=0)
    parser.add_argument("--generator-cpu", type=int, default=1)
    parser.add_argument("--of", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=ROOT / "build/benchmark/scrape.json")
    options = parser.parse_args()
    if options.of:
        print(json.dumps(scrapes(options.of, options.runs)))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the namespaces are removed
    lns.BRAS = lns.BRAS.replace("[ppp]\n", "[ppp]\necho_interval_s = 0\n")
    lns.BRAS = lns.BRAS.replace('pool = "default"\n', 'pool = "default"\nhello_interval_s = 0\n', 1)
    lns.BRAS = lns.BRAS.replace("[metrics]\n", "[metrics]\nsessions = true\n")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for backend, sessions in product(options.backends.split(","), map(int, options.sessions.split(","))):
        rows.append(measure(options, backend, sessions))
        print(json.dumps(rows[-1]), flush=True)
    options.output.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")
    return 0 if all(row.get("up") == row.get("sessions_listed") == row["sessions"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
