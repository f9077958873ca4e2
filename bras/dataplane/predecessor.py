"""What another version has left in the kernel, and how its sessions become ours.

Its programs go on to forward by its maps until ours have their places.  So first the entries are copied,
then the programs are swapped, and when no packet is on its way in the old ones any more, what they have
counted is added to our accounts.  Each step can be done again after a crash: a session that is there
already is not copied, and what has been taken from an account is taken out of it.
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Iterator, Mapping, Sequence
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
"""Fields of an account, in the order of Counters, in which ``slow`` has them too."""
_FIELDS = {"sessions": ("header", "flags", "generation"), "accounts": (*_FAST, "slow")}
_POLICERS = ("empty_up", "empty_down")
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
            if record.size % _COUNTER.size or not set(_FIELDS[name]) <= set(record.fields):
                raise ValueError(f"its {name} lack what every version has")
            self._memory[name] = self._maps[name].memory()

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
            record = self._record("sessions", theirs.session, slot)
            place = slice(slot * size, (slot + 1) * size)
            if _flags(theirs.session, record) & SessionFlag.ACTIVE and not _flags(ours.session, sessions[place]):
                sessions[place] = theirs.session.convert(record, ours.session)
                self._copy_policers(slot, accounts, ours.account)
                copied += 1
        for name in _KEYED:
            self._copy_keys(self._maps[name], maps[name], sessions)
        return copied

    def _record(self, name: str, record: layout.Record, slot: int) -> memoryview:
        return self._memory[name][slot * record.size : (slot + 1) * record.size]

    def _copy_policers(self, slot: int, accounts: memoryview, ours: layout.Record) -> None:
        theirs = self._record("accounts", self._layout.account, slot)
        for name in _POLICERS:
            at, size = ours.fields[name]
            accounts[slot * ours.size + at : slot * ours.size + at + size] = self._layout.account.read(
                theirs, name, size
            )

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
        record = self._layout.account
        words, step = self._memory["accounts"].cast("Q"), record.size // _COUNTER.size
        fast = [words[at::step].tolist() for at in self._words(_FAST)]
        (slow_at,) = self._words(("slow",))
        slow = [words[slow_at + index :: step].tolist() for index in range(len(_FAST))]
        ours = layout.ours(0).session
        for slot, (first, second) in enumerate(zip(zip(*fast, strict=True), zip(*slow, strict=True), strict=True)):
            if (any(first) or any(second)) and self._same(slot, sessions, ours):
                for at in (*self._words(_FAST), *range(slow_at, slow_at + len(_FAST))):
                    words[slot * step + at] = 0
                yield slot, tuple(map(operator.add, first, second))
        words.release()

    def _words(self, names: Sequence[str]) -> list[int]:
        return [self._layout.account.fields[name][0] // _COUNTER.size for name in names]

    def _same(self, slot: int, sessions: memoryview, ours: layout.Record) -> bool:
        """Tell whether a slot has the session in our maps that it had in theirs."""
        if (slot + 1) * ours.size > len(sessions):
            return False
        record = self._record("sessions", self._layout.session, slot)
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
