"""A BPF file system of the benchmark's own: what is pinned in it goes with it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def bpf_file_system(place: Path) -> Iterator[Path]:
    """Mount one below ``place`` for a while."""
    directory = place / "bpf"
    directory.mkdir()
    subprocess.run(["mount", "-t", "bpf", "bpf", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
