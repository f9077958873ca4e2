"""The kernel's l2tp_ppp beside us on Debian 12's kernel, in a machine of QEMU's.

The machine's processor is emulated, so nanoseconds are of no use; what is left are ratios to plain forwarding
within the same run.  One session: a session of the kernel's is a network device.

    python -m tests.benchmark.guest --object FILE --output FILE     in the machine, by ``guest_rows``
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmark.frames import compiled
from tests.benchmark.inkernel import numbers, rows_of
from tests.support.machine import ROOT, Machine

KINDS = ("plain", "l2tp_ppp", "ebpf-tc", "ebpf-decap", "ebpf-full")
WITHIN_S = 300.0


def guest_rows(kinds: Sequence[str], octets: Sequence[int], rounds: int, packets: int) -> list[dict[str, Any]]:
    """Boot the machine, measure in it; returns rows as those of the host."""
    with tempfile.TemporaryDirectory(prefix="bras-benchmark-") as place:
        directory = Path(place)
        compiled(directory)
        command = [sys.executable, "-m", "tests.benchmark.guest", "--object", "frames.bpf.o", "--output", "rows.json"]
        command += ["--kinds", ",".join(kinds), "--octets", ",".join(map(str, octets))]
        command += ["--rounds", str(rounds), "--packets", str(packets)]
        script = f"/run/modprobe l2tp_ppp\nexport PYTHONPATH={shlex.quote(str(ROOT))}\n{shlex.join(command)}\n"
        if Machine(directory).run(script, within_s=WITHIN_S):
            raise SystemExit(f"in the machine:\n{(directory / 'output').read_text(errors='replace')[-3000:]}")
        print((directory / "output").read_text(), end="", flush=True)
        rows: list[dict[str, Any]] = json.loads((directory / "rows.json").read_text())
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--object", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(KINDS))
    parser.add_argument("--octets", type=numbers, default=[64, 1400])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--packets", type=int, default=20_000)
    options = parser.parse_args()
    rows = rows_of(options.object, options.kinds, [1], options)
    options.output.write_text(json.dumps(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
