"""Where the whole daemon is measured: namespaces for it and for everybody else, a directory, a BPF file system."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from bras.lab.namespaces import Testbed
from tests.benchmark.bpffs import bpf_file_system


def laid(stack: ExitStack, lacs: int = 1) -> tuple[Testbed, Path, Path]:
    """Return the namespaces `lns` and `lac`, a directory, and a BPF file system; they are there as long as ``stack``.

    The LNS is 198.18.0.1, LACs are 198.18.0.2 and on, RADIUS is 198.18.1.2, beside the LACs.
    """
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bras-benchmark-")))
    pins = stack.enter_context(bpf_file_system(directory))
    bed = stack.enter_context(Testbed("lns", "lac"))
    bed.link("lns", ["198.18.0.1/24"], "lac", [f"198.18.0.{2 + index}/24" for index in range(lacs)])
    bed.link("lns", ["198.18.1.1/24"], "lac", ["198.18.1.2/24"])
    return bed, directory, pins
