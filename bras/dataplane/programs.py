"""The programs and maps of the data plane: taken from the object file into the kernel, and kept there.

Maps that an earlier process has pinned are taken over when they have the right shape; programs are
loaded anew each time, because the file may be a newer one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bras.dataplane import layout, pins
from bras.dataplane.base import DataPlaneError
from bras.dataplane.hosts import hosts
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.maps import DEVMAP_HASH, READ_ONLY_PROGRAM, Map, MapShape
from bras.dataplane.objects import Object, Program
from bras.dataplane.uplinks import places

OBJECT = Path(__file__).parent / "bpf" / "bras.bpf.o"
_NOT_BUILT = "was not built: run make, or install a wheel"
_XDP = "xdp"
"""What the names of the programs begin with that only XDP needs."""
_FIXED = {"listen": 4096, "xdp_ports": 1024, "xdp_exits": 1024}
_PER_SLOT = {"calls": 1, "sessions": 1, "carried": 1, "accounts": 1, "hosts4": 2, "nets4": 1, "nets6": 2}


@dataclass(slots=True)
class Loaded:
    """What is in the kernel."""

    directory: Path
    """Where it is pinned."""
    maps: dict[str, Map] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    adopted: bool = False
    """Whether the maps are an earlier process's, with all that is in them."""
    remarks: list[str] = field(default_factory=list)
    """What the operator should know, in words."""

    left_out: tuple[str, ...] = ()
    """Programs that are not needed."""
    ours: dict[int, Program] = field(default_factory=dict)
    """Programs by id that may hang somewhere and are ours: these, and until ``settle`` a predecessor's."""

    def settle(self) -> None:
        """Forget the predecessor's programs: ours have taken their places, or they hang nowhere any more."""
        for number in self.ours.keys() - {program.id for program in self.programs.values()}:
            self.ours.pop(number).close()
        for name in (*self.programs, *self.left_out):
            pins.forget_old(self.directory, name)
        for name in self.left_out:
            (self.directory / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of it; what is pinned or attached stays in the kernel."""
        held: list[Map | Program] = [*self.maps.values(), *self.programs.values(), *self.ours.values()]
        for each in held:
            each.close()
        for emptied in (self.maps, self.programs, self.ours):
            emptied.clear()


def pinned(pin_dir: Path, names: Iterable[str]) -> dict[int, Program]:
    """Open our programs of these names, of all versions, that are pinned; return them by id."""
    found: dict[int, Program] = {}
    for path in (path for name in names for path in pins.known(pin_dir, name)):
        with contextlib.suppress(LibbpfError):
            program = Program.pinned(path)
            if found.setdefault(program.id, program) is not program:
                program.close()
    return found


def load(pin_dir: Path, slots: int, *, xdp: bool, path: Path = OBJECT) -> Loaded:
    """Load the object with room for ``slots`` sessions, and pin all of it; raises DataPlaneError.

    ``xdp``: with the programs for XDP, too.
    """
    if not path.is_file():
        raise DataPlaneError(f"{path} {_NOT_BUILT}")
    pins.prepare(pin_dir)
    wanted = layout.ours(slots)
    loaded = Loaded(pin_dir / wanted.version)
    with Object(path) as opened:
        loaded.ours = pinned(pin_dir, opened.programs())  # before anything may be removed
        loaded.left_out = tuple(name for name in opened.programs() if name.startswith(_XDP) and not xdp)
        for name in loaded.left_out:
            opened.leave_out(name)
        _size(opened, slots)
        try:
            _adopt(opened, loaded, wanted)
            _load(opened, loaded, wanted)
        except DataPlaneError:
            loaded.close()
            with contextlib.suppress(OSError):
                loaded.directory.rmdir()  # if it is empty
            raise
    return loaded


def _size(opened: Object, slots: int) -> None:
    for name in opened.maps():
        if name == "uplinks":
            opened.resize(name, places(slots))
        elif name == "hosts":
            opened.resize(name, hosts(slots))
        elif name in _PER_SLOT:
            opened.resize(name, _PER_SLOT[name] * slots)
        elif name in _FIXED:
            opened.resize(name, _FIXED[name])


def _adopt(opened: Object, loaded: Loaded, wanted: layout.Layout) -> None:
    """Take over the maps that are pinned; where something about them is wrong, remove all of them."""
    if not loaded.directory.exists():
        return
    try:
        reason = _fitting(opened, loaded, wanted)
    except (LibbpfError, ValueError) as error:
        reason = str(error)
    if reason:
        for each in loaded.maps.values():
            each.close()
        loaded.maps.clear()
        loaded.remarks.append(f"{loaded.directory} makes no sense ({reason}): begun anew")
        pins.remove(loaded.directory)
        return
    for name, each in loaded.maps.items():
        if name != layout.NAME:
            opened.reuse(name, each.fd)
    loaded.adopted = bool(loaded.maps)


def _fitting(opened: Object, loaded: Loaded, wanted: layout.Layout) -> str:
    """Open the pinned maps; return why they are not what we would make, or nothing.  Raises LibbpfError, ValueError."""
    there = {entry.name for entry in loaded.directory.iterdir()}
    if not there:
        return ""
    if layout.NAME not in there:
        return "it has no layout"
    loaded.maps[layout.NAME] = Map.pinned(loaded.directory / layout.NAME)
    if layout.read(loaded.maps[layout.NAME]) != wanted:
        return "another layout than its name says"
    for name in (name for name in opened.maps() if name in there):
        one = loaded.maps[name] = Map.pinned(loaded.directory / name)
        if _plain(one.shape) != _plain(opened.shape(name)):
            return f"the map {name} is {one.shape}"
    return ""


def _plain(shape: MapShape) -> MapShape:
    """Return a shape without the flag that the kernel itself gives to maps of devices."""
    return replace(shape, flags=shape.flags & ~READ_ONLY_PROGRAM) if shape.kind == DEVMAP_HASH else shape


def _load(opened: Object, loaded: Loaded, wanted: layout.Layout) -> None:
    opened.load()
    loaded.directory.mkdir(mode=0o700, exist_ok=True)
    if layout.NAME not in loaded.maps:
        loaded.maps[layout.NAME] = described = Map.create(layout.NAME, layout.SHAPE)
        layout.write(described, wanted)
        described.pin(loaded.directory / layout.NAME)
    for name in opened.maps():
        if name not in loaded.maps:
            loaded.maps[name] = Map(opened.map_fd(name))
            loaded.maps[name].pin(loaded.directory / name)
    for name in opened.programs():
        if name not in loaded.left_out:
            loaded.programs[name] = program = opened.program(name)
            loaded.ours[program.id] = program
            pins.keep(loaded.directory, program, name)
