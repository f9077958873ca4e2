"""How the records of a version lie in its maps, written down beside them for whoever comes later.

A process that finds the maps of another version reads its records by this description, field by field
and by name, so that sessions survive an update that has moved them.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from bras.dataplane.maps import ARRAY, Map, MapShape
from bras.dataplane.records import LAYOUT, Account, Carried, Session, Uplink

NAME = "layout"
OCTETS = 4096
SHAPE = MapShape(ARRAY, 4, OCTETS, 1, 0)
_KEY = bytes(4)
_WORD = 8
Fields = dict[str, tuple[int, int]]
"""Offset and size in octets, by name."""


@dataclass(frozen=True, slots=True)
class Record:
    """Where the fields of a record are."""

    size: int
    fields: Fields

    def read(self, octets: bytes | memoryview, name: str, size: int) -> bytes:
        """Return a field of a record as ``size`` octets; zeros if it has none of that name."""
        at, length = self.fields.get(name, (0, 0))
        found = bytes(octets[at : at + length])
        if length == size:
            return found
        if max(length, size) <= _WORD:
            return (int.from_bytes(found, sys.byteorder) & ((1 << 8 * size) - 1)).to_bytes(size, sys.byteorder)
        return found[:size].ljust(size, b"\0")


def converted(found: Iterable[tuple[Record, memoryview]], into: Record, without: Collection[str] = ()) -> bytes:
    """Return a record made of the fields of others, whichever has them; what none has, or ``without`` has, is zero."""
    made = bytearray(into.size)
    for record, octets in found:
        for name in (record.fields.keys() & into.fields.keys()).difference(without):
            at, size = into.fields[name]
            made[at : at + size] = record.read(octets, name, size)
    return bytes(made)


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a version."""

    layout: int
    slots: int
    session: Record
    account: Record
    uplink: Record | None = None
    """Where the first versions had none, its fields were the session's."""
    carried: Record | None = None
    """Likewise."""

    @property
    def version(self) -> str:
        """Return the name of its directory."""
        return f"v{self.layout}-{self.slots}"


def ours(slots: int) -> Layout:
    """Return the layout of this version."""
    return Layout(LAYOUT, slots, _record(Session), _record(Account), _record(Uplink), _record(Carried))


def _record(kind: type[ctypes.Structure]) -> Record:
    names = [field[0] for field in kind._fields_]
    return Record(ctypes.sizeof(kind), {each: (getattr(kind, each).offset, getattr(kind, each).size) for each in names})


def write(one: Map, layout: Layout) -> None:
    """Write a layout into its map; raises LibbpfError."""
    one.update(_KEY, orjson.dumps(layout).ljust(OCTETS, b"\0"))


def read(one: Map) -> Layout:
    """Return the layout that a map describes; raises LibbpfError or ValueError."""
    return parse(one.lookup(_KEY) or b"")


def parse(octets: bytes) -> Layout:
    """Return the layout that octets describe; raises ValueError if they make no sense."""
    found = orjson.loads(octets.rstrip(b"\0"))
    try:
        later = (_parsed(found[name]) if found.get(name) is not None else None for name in ("uplink", "carried"))
        numbers = int(found["layout"]), int(found["slots"])
        return Layout(*numbers, _parsed(found["session"]), _parsed(found["account"]), *later)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no layout: {error!r}") from error


def _parsed(found: dict[str, Any]) -> Record:
    size = int(found["size"])
    fields = {str(name): (int(at), int(length)) for name, (at, length) in found["fields"].items()}
    if any(at < 0 or length < 0 or at + length > size for at, length in fields.values()):
        raise ValueError("a field beyond its record")
    return Record(size, fields)
