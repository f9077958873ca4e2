"""BPF for tests: objects from C, and a BPF file system of a test's own.

Nothing is left behind: the file systems of a run that was killed are unmounted by the next one.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bras.dataplane import tcx
from bras.dataplane.hooks import Hooks, Side
from bras.dataplane.objects import Program
from bras.dataplane.rtnetlink import Conversation
from tests.support.namespaces import Namespace

_PLACE = Path("/tmp/bras-test-bpf")
_HEADERS = f"/usr/include/{os.uname().machine}-linux-gnu"


def compiled(source: Path, directory: Path, *defines: str) -> Path:
    """Compile C for the kernel; return the object."""
    made = directory / source.with_suffix(".o").name
    options = (
        "-O2",
        "-g",
        "-target",
        "bpf",
        "-mcpu=v3",
        f"-I{_HEADERS}",
        "-Wall",
        "-Werror",
        *(f"-D{each}" for each in defines),
    )
    subprocess.run(["clang", *options, "-c", str(source), "-o", str(made)], check=True)
    return made


@contextmanager
def bpf_file_system() -> Iterator[Path]:
    """Mount a BPF file system for a while."""
    _PLACE.mkdir(mode=0o700, exist_ok=True)
    _sweep()
    number = 0
    while (place := _PLACE / f"{os.getpid()}-{number}").exists():
        number += 1
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "bpf", "bpf", str(place)], check=True)
        yield place
    finally:
        _remove(place)


def _sweep() -> None:
    for place in _PLACE.iterdir():
        if not Path("/proc", place.name.partition("-")[0]).exists():
            _remove(place)


def _remove(place: Path) -> None:
    subprocess.run(["umount", "--lazy", str(place)], check=False, stderr=subprocess.DEVNULL)
    place.rmdir()


def hanging(where: Namespace, interface: str) -> list[str]:
    """Return the names of the programs that packets meet as they come in by an interface: at TCX, and of filters."""
    with where.entered(), closing(Conversation()) as kernel:
        index, names = socket.if_nametoindex(interface), []
        for number in tcx.attached(index, tcx.INGRESS) if tcx.is_there() else ():
            with closing(Program.by_id(number)) as program:
                names.append(program.name)
        return [*names, *(one.name for one in Hooks(kernel, 0).filters(index, Side.INGRESS))]
