"""What another version has left in the kernel, and how its sessions become ours.

Its programs go on to forward by its maps until ours have their places.  So first the entries are copied,
then the programs are swapped, and when no packet is on its way in the old ones any more, what they have
counted is added to our accounts.  Each step can be done again after a crash: a session that is there
already is not copied, and what has been taken from an account is taken out of it.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from bras.dataplane import layout, pins
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.maps import MMAPABLE, Map
from bras.dataplane.records import PLACE, SESSION, Session, SessionFlag

_KEYED = ("calls", "hosts4", "nets4", "nets6")
"""Their values are places: slot and generation."""
_NEEDED = ("sessions", "accounts", *_KEYED)
_FAST = (
    *("up_octets4", "up_packets4", "down_octets4", "down_packets4"),
    *("up_octets6", "up_packets6", "down_octets6", "down_packets6"),
    *("up_spoofed", "up_policed", "down_policed", "down_too_big"),
)
"""Fields that the programs count in, in the order of Counters, in which ``slow`` has them too."""
_COUNTED = (*_FAST, "slow")
_STATES = ("flags", "generation")
"""Fields that every version has in its sessions."""
_KEPT = (*_STATES, "header", "tail", "ports", *_COUNTED)
"""Fields that every version has in one of its two records."""
_COUNTER = struct.Struct("=Q")
_U32 = struct.Struct("=I")
_STATE = struct.Struct("=II")
_STATE_AT = Session.flags.offset
_CHUNK = 2048
Row = tuple[int, ...]
"""The twelve counters of ``Counters``, in its order."""


class Predecessor:
    """The maps of another version."""

    __slots__ = ("_layout", "_maps", "_memory", "directory")

    def __init__(self, directory: Path) -> None:
        """Open what is pinned there; raises LibbpfError or ValueError if it makes no sense."""
        self.directory = directory
        self._maps: dict[str, Map] = {}
        self._memory: dict[str, memoryview] = {}
        try:
            self._open()
        except (LibbpfError, ValueError):
            self.close()
            raise

    def _open(self) -> None:
        with_layout = Map.pinned(self.directory / layout.NAME)
        try:
            self._layout = layout.read(with_layout)
        finally:
            with_layout.close()
        for name in _NEEDED:
            self._maps[name] = Map.pinned(self.directory / name)
        for name, record in (("sessions", self._layout.session), ("accounts", self._layout.account)):
            shape = self._maps[name].shape
            if (shape.value_octets, shape.entries) != (record.size, self._layout.slots) or not shape.flags & MMAPABLE:
                raise ValueError(f"its {name} are not what its layout says")
            if record.size % _COUNTER.size:
                raise ValueError(f"its {name} are no whole counters")
            self._memory[name] = self._maps[name].memory()
        session, account = self._layout.session.fields, self._layout.account.fields
        if not set(_KEPT) <= session.keys() | account.keys() or not set(_STATES) <= session.keys():
            raise ValueError("its records lack what every version has")
        if any((account.get(name) or session[name])[0] % _COUNTER.size for name in _COUNTED):
            raise ValueError("its counters are no words")

    def close(self) -> None:
        """Let go of it; may be called twice."""
        for memory in self._memory.values():
            memory.release()
        for each in self._maps.values():
            each.close()
        self._memory.clear()
        self._maps.clear()

    def copy_entries(self, maps: Mapping[str, Map], sessions: memoryview, accounts: memoryview) -> int:
        """Copy sessions, what leads to them, and the state of their policers; return how many there were.

        ``sessions`` and ``accounts`` are the memory of our maps, as octets.  What has no place in them is left behind.
        """
        theirs, ours = self._layout, layout.ours(0)
        size, copied = ours.session.size, 0
        for slot in range(min(theirs.slots, len(sessions) // size)):
            place = slice(slot * size, (slot + 1) * size)
            if not _flags(theirs.session, self._record("sessions", slot)) & SessionFlag.ACTIVE:
                continue
            if not _flags(ours.session, sessions[place]):
                where = slot * ours.account.size
                accounts[where : where + ours.account.size] = self._converted(slot, ours.account)
                sessions[place] = self._converted(slot, ours.session)
                copied += 1
        for name in _KEYED:
            self._copy_keys(self._maps[name], maps[name], sessions)
        return copied

    def _record(self, name: str, slot: int) -> memoryview:
        size = (self._layout.session if name == "sessions" else self._layout.account).size
        return self._memory[name][slot * size : (slot + 1) * size]

    def _converted(self, slot: int, into: layout.Record) -> bytes:
        """Return a slot's record as ours; what it has carried is not taken yet."""
        session, account = self._record("sessions", slot), self._record("accounts", slot)
        theirs = (self._layout.session, session), (self._layout.account, account)
        return layout.converted(theirs, into, without=_COUNTED)

    @staticmethod
    def _copy_keys(theirs: Map, ours: Map, sessions: memoryview) -> None:
        """Copy the keys that lead to a session that we have; where we have the key already, ours stays."""
        if (theirs.shape.key_octets, theirs.shape.value_octets) != (ours.shape.key_octets, ours.shape.value_octets):
            return
        there = {key for key, _ in ours.items()}
        good = [(k, v) for k, v in theirs.items() if k not in there and _generation_there(sessions, v)]
        for at in range(0, len(good), _CHUNK):
            keys, values = zip(*good[at : at + _CHUNK], strict=True)
            ours.update_batch(b"".join(keys), b"".join(values))

    def take_accounts(self, sessions: memoryview) -> Iterator[tuple[int, Row]]:
        """Return (slot, counters) of those sessions that are ours now, and set theirs to zero.

        No program may count there any more.  ``sessions`` is the memory of our map, as octets.
        """
        fast = [self._column(name) for name in _FAST]
        slow = [self._column("slow", index) for index in range(len(_FAST))]
        ours = layout.ours(0).session
        rows = (
            zip(*(column.tolist() for column in fast), strict=True),
            zip(*(one.tolist() for one in slow), strict=True),
        )
        for slot, (first, second) in enumerate(zip(*rows, strict=True)):
            if (any(first) or any(second)) and self._same(slot, sessions, ours):
                for column in (*fast, *slow):
                    column[slot] = 0
                yield slot, tuple(map(operator.add, first, second))
        for column in (*fast, *slow):
            column.release()

    def _column(self, name: str, index: int = 0) -> memoryview:
        """Return the counters of a name, by slot."""
        which = "accounts" if name in self._layout.account.fields else "sessions"
        record = self._layout.account if which == "accounts" else self._layout.session
        step = record.size // _COUNTER.size
        return self._memory[which].cast("Q")[record.fields[name][0] // _COUNTER.size + index :: step]

    def _same(self, slot: int, sessions: memoryview, ours: layout.Record) -> bool:
        """Tell whether a slot has the session in our maps that it had in theirs."""
        if (slot + 1) * ours.size > len(sessions):
            return False
        record = self._record("sessions", slot)
        mine = sessions[slot * ours.size : (slot + 1) * ours.size]
        return self._layout.session.read(record, "generation", 4) == ours.read(mine, "generation", 4)

    def remove(self) -> None:
        """Remove it from the kernel, but for programs that still hang somewhere; raises DataPlaneError."""
        self.close()
        pins.remove(self.directory)


def _flags(record: layout.Record, octets: memoryview) -> int:
    flags: int = _U32.unpack(record.read(octets, "flags", _U32.size))[0]
    return flags


def _generation_there(sessions: memoryview, place: bytes) -> bool:
    """Tell whether a place leads to a session that we have."""
    slot, generation = PLACE.unpack(place)
    at = slot * SESSION.size
    if at + SESSION.size > len(sessions):
        return False
    flags, there = _STATE.unpack_from(sessions, at + _STATE_AT)
    return bool(flags & SessionFlag.ACTIVE) and there == generation


def predecessors(pin_dir: Path, current: Path) -> tuple[list[Predecessor], list[str]]:
    """Return the other versions that are pinned, and remarks about those that made no sense and were removed."""
    found, remarks = [], []
    for directory in pins.versions(pin_dir):
        if directory == current:
            continue
        try:
            found.append(Predecessor(directory))
        except (LibbpfError, ValueError) as error:
            remarks.append(f"{directory} makes no sense ({error}): removed")
            pins.remove(directory)
    return found, remarks
