"""What a packet costs, by our data planes and by others: run it as root, on a quiet machine.

    sudo .venv/bin/python -m tests.benchmark.dataplane [--parts kernel,user,control,guest]

``kernel``: nanoseconds a packet in the kernel, plain and with our programs (inkernel.py).  ``user``: packets
a second of LNSes in user space, ours and Debian's l2tpns (offered.py).  ``control``: what the daemon's loop
pays (control.py).  ``guest``: beside the kernel's l2tp_ppp on Debian's kernel (guest.py).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmark import control, guest, inkernel, userspace
from tests.benchmark.frames import compiled
from tests.benchmark.machine import machine

PARTS = ("kernel", "user", "control", "guest")


def kernel_part(options: argparse.Namespace) -> object:
    """Measure what the kernel forwards."""
    with tempfile.TemporaryDirectory(prefix="bras-benchmark-") as place:
        file = compiled(Path(place))
        return inkernel.rows_of(file, options.kinds, options.sessions, options)


def user_part(options: argparse.Namespace) -> object:
    """Measure what forwards in user space."""
    rows = userspace.user_rows(options.lns, options.sessions, options.octets, options.seconds)
    return [asdict(row) for row in rows]


def control_part(options: argparse.Namespace) -> object:
    """Measure what the daemon's loop pays."""
    rows = [control.control(plane, options.rounds) for plane in ("ebpf", "tun")]
    print(*map(control.shown, rows), sep="\n", flush=True)
    return [asdict(row) for row in rows]


def guest_part(options: argparse.Namespace) -> object:
    """Measure beside the kernel's L2TP."""
    return guest.guest_rows(guest.KINDS, options.octets, -(-options.rounds // 2), options.packets // 10)


def words(text: str) -> list[str]:
    """Return the words of a comma-separated list."""
    return text.split(",")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=words, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=15, help="half as many in the guest")
    parser.add_argument("--packets", type=int, default=100_000, help="frames of a round; a tenth of it in the guest")
    parser.add_argument("--seconds", type=float, default=3.0, help="that each LNS in user space forwards at its rate")
    parser.add_argument("--sessions", type=inkernel.numbers, default=[1, 10_000, 50_000])
    parser.add_argument("--octets", type=inkernel.numbers, default=[64, 1400], help="sizes of the inner packet")
    parser.add_argument("--kinds", type=words, default=list(inkernel.KINDS), help="plain is always needed")
    parser.add_argument("--lns", type=words, default=["tun", "l2tpns"])
    parser.add_argument("--output", type=Path, default=Path("build/benchmark/dataplane.json"))
    options = parser.parse_args()
    parts = {"kernel": kernel_part, "user": user_part, "control": control_part, "guest": guest_part}
    result: dict[str, Any] = {"machine": machine()}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for name in options.parts:
        result[name] = parts[name](options)
        options.output.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
