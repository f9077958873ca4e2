"""All benchmarks, one after the other: ``python -m tests.benchmark`` (root, a quiet machine).

Set-ups first (CHAP, LAC windows of 4 and 1, by each of our back ends; l2tpns beside us where it is installed),
then packets, then what a flood does to everybody else, then RADIUS, CoA, Interim-Updates, the spool and scrapes.
Options of one are given to it alone:
``python tests/benchmark/setup.py --help``, ``python -m tests.benchmark.dataplane --help``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    peers = "bras-ebpf,bras-tun" + (",l2tpns" if shutil.which("l2tpns") else "")
    packets = ["-m", "tests.benchmark.dataplane"]
    rest = [
        [str(HERE / name)]
        for name in ("flood.py", "radius.py", "coa.py", "interims.py", "spool.py", "drain.py", "scrape.py")
    ]
    runs = ([str(HERE / "setup.py"), "--lns", peers], packets, *rest)
    codes = [subprocess.run([sys.executable, *run], cwd=HERE.parents[1], check=False).returncode for run in runs]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
