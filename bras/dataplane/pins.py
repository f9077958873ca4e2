"""The directory in a BPF file system that keeps maps and programs while no process does.

Such a file system knows directories and pins, no files; a dot in a name is refused (``bpf_lookup`` in
the kernel's ``kernel/bpf/inode.c``).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from pathlib import Path

from bras.dataplane.base import DataPlaneError
from bras.dataplane.libbpf import pin, words
from bras.dataplane.objects import Program

_USUAL = Path("/sys/fs/bpf")
_MOUNTS = Path("/proc/self/mountinfo")
_OLD = "_old"
_MOST_OLD = 8
"""Predecessors' programs that are kept: those of starts that were cut short, and of the last one that was not."""
_libc = ctypes.CDLL(None, use_errno=True)


def prepare(directory: Path) -> None:
    """Make a directory for pins, and mount the usual file system if there is none; raises DataPlaneError."""
    if not _inside(directory):
        if _USUAL not in directory.parents or not _USUAL.is_dir():
            raise DataPlaneError(
                f"pin_dir {directory} is in no BPF file system: mount one there (mount -t bpf bpf DIRECTORY)"
            )
        _mount(directory)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataPlaneError(f"pin_dir {directory}: {_why(error)}") from error


def _why(error: OSError) -> str:
    if error.errno in {errno.EACCES, errno.EPERM}:
        return (
            "only root may write there, and no name in it may have a dot: make it beforehand for the user that "
            "the daemon runs as (install -d -o USER), below directories that this user may pass (chmod o+x)"
        )
    return error.strerror or str(error)


def _inside(directory: Path) -> bool:
    """Tell whether a directory, there or not, would be in a BPF file system."""
    kinds: dict[Path, str] = {}
    for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        left, _, right = line.partition(" - ")
        place = left.split(" ")[4].encode().decode("unicode_escape")
        kinds[Path(place)] = right.split(" ")[0]
    whole = directory.absolute()
    return next((kinds[each] for each in (whole, *whole.parents) if each in kinds), "") == "bpf"


def _mount(directory: Path) -> None:
    if _libc.mount(b"bpf", bytes(_USUAL), b"bpf", 0, b"mode=0755") != 0:
        code = ctypes.get_errno()
        raise DataPlaneError(
            f"pin_dir {directory}: no BPF file system is mounted at {_USUAL}, and mounting one failed "
            f"({words(code) if code == errno.ENODEV else os.strerror(code)}): "
            f"mount it at boot (mount -t bpf bpf {_USUAL})"
        )


def keep(directory: Path, program: Program, name: str) -> None:
    """Pin a program in the place of a predecessor's, which stays as another name until ``forget_old``.

    Where starts were cut short there are several, of which the oldest is the likeliest to run somewhere.
    """
    place, number = directory / name, min(len(_old(directory, name)), _MOST_OLD - 1)
    with contextlib.suppress(FileNotFoundError):
        place.rename(directory / f"{name}{_OLD}{number or ''}")
    pin(program.fd, place)


def _old(directory: Path, name: str) -> list[Path]:
    return sorted(directory.glob(f"{name}{_OLD}*"))


def forget_old(directory: Path, name: str) -> None:
    """Let go of predecessors' programs: they run nowhere any more."""
    for place in _old(directory, name):
        place.unlink(missing_ok=True)


def known(directory: Path, name: str) -> list[Path]:
    """Return where programs of that name, or predecessors, are pinned, in any version below a directory."""
    found = []
    for version in versions(directory):
        found += [version / name, *_old(version, name)]
    return [place for place in found if place.exists()]


def versions(directory: Path) -> list[Path]:
    """Return the directories of versions, by name."""
    try:
        return sorted(entry for entry in directory.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []


def remove(directory: Path) -> list[str]:
    """Remove a version and all its pins; return the names of what was pinned.  Raises DataPlaneError."""
    try:
        names = sorted(entry.name for entry in directory.iterdir())
        for name in names:
            (directory / name).unlink()
        directory.rmdir()
    except OSError as error:
        raise DataPlaneError(f"{directory} cannot be removed: {error.strerror}") from error
    return names
