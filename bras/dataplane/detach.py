"""Takes away all that a daemon has left in the kernel, whether it ended well or not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bras.dataplane import anchor, pins, segmenter
from bras.dataplane.attachments import ids
from bras.dataplane.hooks import PRIORITY, Filter, Hooks, Side
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.links import Link, link, links
from bras.dataplane.maps import Map
from bras.dataplane.records import SETTINGS
from bras.dataplane.rtnetlink import Conversation

_TC = ("tc_up", "tc_down", "tc_segmented")
_XDP = ("xdp_port",)


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
    handles = _handles(kernel, interface, pin_dir)
    programs, xdp = ids(pin_dir, *_TC), ids(pin_dir, *_XDP)
    hooks = Hooks(kernel, 0)
    for each in links(kernel).values():
        if each.xdp in xdp:
            hooks.detach_xdp(each.index)
            yield f"XDP program of {each.name}"
        for one in list(_ours(hooks, each, handles, programs)):
            hooks.detach(each.index, one.side, one.handle)
            yield f"TC program {one.name} of {each.name}"


def _handles(kernel: Conversation, interface: str, pin_dir: Path) -> frozenset[int]:
    """Return the handles of our filters: the indexes that the device has, or had."""
    found = link(kernel, interface)
    handles = {found.index} if found is not None else set()
    for version in pins.versions(pin_dir):
        try:
            settings = Map.pinned(version / "settings")
        except LibbpfError:
            continue
        handles.add(SETTINGS.unpack((settings.lookup(bytes(4)) or bytes(SETTINGS.size))[: SETTINGS.size])[0])
        settings.close()
    return frozenset(handles - {0})


def _ours(hooks: Hooks, of: Link, handles: frozenset[int], programs: frozenset[int]) -> Iterator[Filter]:
    """Iterate over the filters that are ours: by their program, or by priority, handle and name."""
    for one in (one for side in Side for one in list(hooks.filters(of.index, side))):
        if one.priority == PRIORITY and (one.program in programs or (one.handle in handles and one.name in _TC)):
            yield one
