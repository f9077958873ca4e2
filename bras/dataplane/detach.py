"""Takes away all that a daemon has left in the kernel, whether it ended well or not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path

from bras.dataplane import anchor, pins, segmenter, tcx
from bras.dataplane.hooks import PRIORITY, Filter, Hooks, Side
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.links import Link, link, links
from bras.dataplane.maps import Map
from bras.dataplane.objects import Program
from bras.dataplane.programs import pinned
from bras.dataplane.records import SETTINGS
from bras.dataplane.rtnetlink import Conversation

_TC = ("tc_up", "tc_down", "tc_segmented")
_XDP = ("xdp_port",)
_SETTINGS = "settings"


def detach(interface: str, pin_dir: str | Path, kernel: Conversation | None = None) -> list[str]:
    """Remove filters, XDP programs, the segmenter, the device ``interface`` and all pins; say what was removed.

    It acts where ``kernel`` does, or in the namespace of the calling thread.  Raises OSError, and
    DataPlaneError, before anything is removed, if a process has the device.
    """
    if kernel is None:
        with contextlib.closing(Conversation()) as ours:
            return detach(interface, pin_dir, ours)
    directory, index = Path(pin_dir), anchor.there(kernel, interface)
    removed = list(_hooked(kernel, interface, directory))
    if segmenter.remove(kernel, interface):
        removed.append(f"interfaces {' and '.join(segmenter.names(interface))}")
    if index:
        anchor.remove(kernel, index)
        removed.append(f"interface {interface}")
    for version in pins.versions(directory):
        names = pins.remove(version)
        removed.append(f"{version} with {', '.join(names) or 'nothing in it'}")
    return removed


def _hooked(kernel: Conversation, interface: str, pin_dir: Path) -> Iterator[str]:
    """Remove what hangs on interfaces; iterate over what it was."""
    handles, there = _handles(kernel, interface, pin_dir), links(kernel)
    xdp, programs = pinned(pin_dir, _XDP), pinned(pin_dir, _TC)
    programs |= _found(there, handles, frozenset(programs))
    hooks = Hooks(kernel, 0, programs)
    for each in there.values():
        if each.xdp in xdp:
            hooks.detach_xdp(each.index)
            yield f"XDP program of {each.name}"
        for name in _unhooked(hooks, each, handles, frozenset(programs)):
            yield f"TC program {name} of {each.name}"
    for program in (*xdp.values(), *programs.values()):
        program.close()


def _unhooked(hooks: Hooks, of: Link, handles: frozenset[int], programs: frozenset[int]) -> Iterator[str]:
    """Remove what is ours from both sides of an interface; iterate over the names of the programs."""
    for side in Side:
        names = [one.name for one in hooks.hanging(of.index, side)]
        if hooks.detach_tcx(of.index, side):
            hooks.tidy(of.index)  # of what was there before we knew TCX
            yield from names
    for one in list(_ours(hooks, of, handles, programs)):
        hooks.detach_filter(of.index, one.side, one.handle)
        yield one.name


def _handles(kernel: Conversation, interface: str, pin_dir: Path) -> frozenset[int]:
    """Return the handles of our filters: the indexes that the device has, or had."""
    found = link(kernel, interface)
    handles = {found.index} if found is not None else set()
    for version in pins.versions(pin_dir):
        try:
            settings = Map.pinned(version / _SETTINGS)
        except LibbpfError:
            continue
        handles.add(_device(settings))
        settings.close()
    return frozenset(handles - {0})


def _found(there: Iterable[int], handles: frozenset[int], known: frozenset[int]) -> dict[int, Program]:
    """Return programs at TCX that are ours though nobody has pinned them: by name, and what they know of the device.

    Only who has CAP_SYS_ADMIN may look.
    """
    found, seen = {}, set(known)
    for index, side in product(there, Side):
        with contextlib.suppress(OSError, LibbpfError):  # no TCX, no interface any more, or no right
            for number in set(tcx.attached(index, side.way)) - seen:
                seen.add(number)
                program = Program.by_id(number)
                if program.name in _TC and _device_of(program) in handles:
                    found[number] = program
                else:
                    program.close()
    return found


def _device_of(program: Program) -> int:
    """Return the index of the device for which a program works; 0: it is none of ours.  Raises LibbpfError."""
    for number in program.maps():
        with contextlib.closing(Map.by_id(number)) as one:
            if one.name == _SETTINGS:
                return _device(one)
    return 0


def _device(settings: Map) -> int:
    index: int = SETTINGS.unpack((settings.lookup(bytes(4)) or b"").ljust(SETTINGS.size, b"\0")[: SETTINGS.size])[0]
    return index


def _ours(hooks: Hooks, of: Link, handles: frozenset[int], programs: frozenset[int]) -> Iterator[Filter]:
    """Iterate over the filters that are ours: by their program, or by priority, handle and name."""
    for one in (one for side in Side for one in list(hooks.filters(of.index, side))):
        if one.priority == PRIORITY and (one.program in programs or (one.handle in handles and one.name in _TC)):
            yield one
