"""What hangs where: brings the programs of LAC-facing interfaces to where a plan wants them, and no other's.

Each time everything is compared with what the kernel has, so an interface that has gone and come again,
or from which somebody has taken our program away, is treated as a new one.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable, Mapping

from bras.dataplane.hooks import PRIORITY, Hooks, Side
from bras.dataplane.interfaces import Plan
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.links import Link
from bras.dataplane.maps import Map
from bras.dataplane.objects import Program
from bras.dataplane.programs import Loaded
from bras.dataplane.records import PORT, QUICK_PORT, QUICK_PORTS, XdpMode

_INDEX = struct.Struct("=I")
_MODES = {XdpMode.OFF: "tc", XdpMode.DECAP: "xdp-decap", XdpMode.FULL: "xdp-full"}


class Attachments:
    """The programs of LAC-facing interfaces, where they hang."""

    __slots__ = ("_hooks", "_known", "_loaded", "_swept", "_tc", "_unable", "_xdp")

    def __init__(self, hooks: Hooks, loaded: Loaded) -> None:
        """Begin with what a predecessor may have left; the first ``apply`` puts it right."""
        self._hooks = hooks
        self._loaded = loaded
        self._known = {
            name: {number for number, program in loaded.ours.items() if program.name == name}
            for name in ("tc_up", "xdp_port")
        }
        """Ids of programs of ours, those of a predecessor too."""
        self._tc: dict[int, str] = {}
        """Names by index."""
        self._xdp: dict[tuple[int, int], XdpMode] = {}
        self._unable: dict[int, tuple[Link, OSError]] = {}
        """Interfaces that took no XDP program, as they looked then, and what the kernel said."""
        self._swept = False

    def apply(self, plan: Plan, links: Mapping[int, Link]) -> list[str]:
        """Bring everything to where the plan wants it; return what could not be, in words."""
        remarks = list(plan.remarks)
        self._leave_xdp({index for index, _ in plan.ports}, links)
        self._leave_tc(plan.tc, links)
        self._take_tc(plan.tc, links, remarks)
        able = self._take_xdp({index for index, _ in plan.ports}, links, remarks)
        self._xdp = {port: mode for port, mode in plan.ports.items() if port[0] in able}
        maps = self._loaded.maps
        ports = {PORT.pack(*port): _INDEX.pack(mode) for port, mode in self._xdp.items()}
        exits = {_INDEX.pack(index): _exit(maps["xdp_exits"], index) for index in plan.exits & able}
        for name, wanted in (("xdp_ports", ports), ("quick_ports", _quick(self._xdp)), ("xdp_exits", exits)):
            try:
                _reconcile(maps[name], wanted)
            except LibbpfError as error:
                remarks.append(str(error))
        return remarks

    def clear(self, links: Mapping[int, Link]) -> None:
        """Take everything away."""
        self.apply(Plan(frozenset(), {}, frozenset()), links)

    @property
    def hook(self) -> str:
        """Return where TC programs hang: `tcx` or `clsact`."""
        return self._hooks.kind

    def on(self, index: int) -> bool:
        """Tell whether packets of LACs are taken from an interface."""
        return index in self._tc

    def modes(self, links: Mapping[int, Link]) -> tuple[tuple[str, str], ...]:
        """Return (name, mode) of the interfaces that have a program."""
        found = []
        for index, name in self._tc.items():
            link = links.get(index)
            port = (link.parent, link.vlan) if link is not None and link.kind == "vlan" else (index, 0)
            found.append((name, _MODES[self._xdp.get(port, XdpMode.OFF)]))
        return tuple(sorted(found))

    def _leave_tc(self, wanted: Iterable[int], links: Mapping[int, Link]) -> None:
        """Take our program off interfaces where it is not wanted; the first time look at all of them."""
        leaving = set(self._tc if self._swept else links) - set(wanted)
        for index in leaving & links.keys():
            with contextlib.suppress(OSError):  # what goes away now, goes with its programs
                self._hooks.detach(index, Side.INGRESS)
        self._tc = {index: name for index, name in self._tc.items() if index in links and index not in leaving}
        if not self._swept:
            self._leave_strangers(links)
        self._swept = True

    def _leave_strangers(self, links: Mapping[int, Link]) -> None:
        """Take away filters that run our programs under another handle: the anchor was another one then."""
        for index in links:
            for one in self._hooks.filters(index, Side.INGRESS):
                if one.program in self._known["tc_up"] and (one.priority, one.handle) != (PRIORITY, self._hooks.handle):
                    with contextlib.suppress(OSError):
                        self._hooks.detach_filter(index, Side.INGRESS, one.handle)

    def _take_tc(self, wanted: Iterable[int], links: Mapping[int, Link], remarks: list[str]) -> None:
        program = self._loaded.programs["tc_up"]
        for index in wanted:
            try:
                if self._hooks.attached(index, Side.INGRESS) != program.id:
                    self._hooks.attach(index, Side.INGRESS, program)
                self._tc[index] = links[index].name
            except OSError as error:
                self._tc.pop(index, None)
                remarks.append(f"interface {links[index].name}: {error.strerror}")

    def _leave_xdp(self, wanted: set[int], links: Mapping[int, Link]) -> None:
        for index, link in links.items():
            if link.xdp in self._known["xdp_port"] and index not in wanted:
                with contextlib.suppress(OSError):
                    self._hooks.detach_xdp(index)
        self._unable = {index: one for index, one in self._unable.items() if links.get(index) == one[0]}

    def _take_xdp(self, wanted: set[int], links: Mapping[int, Link], remarks: list[str]) -> set[int]:
        """Return the indexes of those interfaces that run the program."""
        program = self._loaded.programs.get("xdp_port")
        able = set()
        for index in wanted if program is not None else ():
            assert program is not None
            link = links[index]
            try:
                if link.xdp != program.id:
                    self._put_xdp(link, program)
                able.add(index)
            except OSError as error:
                self._unable[index] = link, error
                remarks.append(f"interface {link.name}: no XDP in its driver, it stays with TC: {error.strerror}")
        return able

    def _put_xdp(self, link: Link, program: Program) -> None:
        if link.index in self._unable:
            raise self._unable[link.index][1]
        self._hooks.attach_xdp(link.index, program, over=link.xdp in self._known["xdp_port"])


def _exit(exits: Map, index: int) -> bytes:
    """Return the value of an exit: its index, and no program of its own (``struct bpf_devmap_val``)."""
    return _INDEX.pack(index).ljust(exits.shape.value_octets, b"\0")


def _quick(modes: Mapping[tuple[int, int], XdpMode]) -> dict[bytes, bytes]:
    """Return what the array of modes has in each of its places; of two interfaces with one place one is not in it."""
    cells = dict.fromkeys(map(_INDEX.pack, range(QUICK_PORTS)), bytes(QUICK_PORT.size))
    for (interface, vlan), mode in modes.items():
        if not vlan:
            cells[_INDEX.pack(interface % QUICK_PORTS)] = QUICK_PORT.pack(interface, mode)
    return cells


def _reconcile(one: Map, wanted: Mapping[bytes, bytes]) -> None:
    there = dict(one.items())
    for key in there.keys() - wanted.keys():
        one.delete(key)
    for key, value in wanted.items():
        if there.get(key) != value:
            one.update(key, value)
