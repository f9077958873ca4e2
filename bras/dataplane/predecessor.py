"""What another version has left in the kernel, and how its sessions become ours.

Its programs go on to forward by its maps until ours have their places.  So first the entries are copied,
then the programs are swapped, and when no packet is on its way in the old ones any more, what they have
counted is added to our accounts.  Each step can be done again after a crash: a session that is there
already is not copied, and what has been taken from an account is taken out of it.
"""

from __future__ import annotations

import contextlib
import operator
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from bras.dataplane import layout, pins
from bras.dataplane.libbpf import LibbpfError
from bras.dataplane.maps import MMAPABLE, Map
from bras.dataplane.records import CALL, PLACE, SessionFlag
from bras.dataplane.tables import Tables

_KEYED = ("calls", "hosts4", "nets4", "nets6")
"""Their values are places: slot and generation."""
_NEEDED = ("sessions", "accounts", *_KEYED)
_DESTINATIONS = _KEYED[1:]
"""What leads to calls is made anew: it is where ours lie."""
_FAST = (
    *("up_octets4", "up_packets4", "down_octets4", "down_packets4"),
    *("up_octets6", "up_packets6", "down_octets6", "down_packets6"),
    *("up_spoofed", "up_policed", "down_policed", "down_too_big"),
)
"""Fields that the programs count in, in the order of Counters, in which ``slow`` has them too."""
_COUNTED = (*_FAST, "slow")
_OF_UPLINKS = _FAST[:2]
"""Where there are uplinks, these are in them, too."""
_STATES = ("flags", "generation")
"""Fields that every version has in its sessions."""
_KEPT = (*_STATES, "header", "tail", "ports", *_COUNTED)
"""Fields that every version has in one of its two records."""
_COUNTER = struct.Struct("=Q")
_U32 = struct.Struct("=I")
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
        self._share("sessions", self._layout.session, self._layout.slots)
        self._share("accounts", self._layout.account, self._layout.slots)
        if self._layout.carried is not None:
            self._maps["carried"] = Map.pinned(self.directory / "carried")
            self._share("carried", self._layout.carried, self._layout.slots)
        if self._layout.uplink is not None:
            self._maps["uplinks"] = Map.pinned(self.directory / "uplinks")
            self._share("uplinks", self._layout.uplink, self._maps["uplinks"].shape.entries)
        self._judge()

    def _share(self, name: str, record: layout.Record, entries: int) -> None:
        """Have the memory of a map of records."""
        shape = self._maps[name].shape
        if (shape.value_octets, shape.entries) != (record.size, entries) or not shape.flags & MMAPABLE:
            raise ValueError(f"its {name} are not what its layout says")
        if record.size % _COUNTER.size:
            raise ValueError(f"its {name} are no whole counters")
        self._memory[name] = self._maps[name].memory()

    def _judge(self) -> None:
        """Raise ValueError where its fields are not what we rely on."""
        session, account, uplink = self._layout.session.fields, self._layout.account.fields, self._layout.uplink
        fields = {**session, **account, **(self._layout.carried.fields if self._layout.carried is not None else {})}
        if not set(_KEPT) <= fields.keys() or not set(_STATES) <= session.keys():
            raise ValueError("its records lack what every version has")
        counters = [fields[name][0] for name in _COUNTED]
        if uplink is not None:
            if not {"call", *_OF_UPLINKS} <= uplink.fields.keys() or "uplink" not in session:
                raise ValueError("its uplinks lack what every version has")
            counters += [uplink.fields[name][0] for name in _OF_UPLINKS]
        if any(at % _COUNTER.size for at in counters):
            raise ValueError("its counters are no words")

    def close(self) -> None:
        """Let go of it; may be called twice."""
        for memory in self._memory.values():
            memory.release()
        for each in self._maps.values():
            each.close()
        self._memory.clear()
        self._maps.clear()

    def copy_entries(self, maps: Mapping[str, Map], tables: Tables) -> int:
        """Copy sessions, what leads to them, and the state of their policers; return how many there were.

        ``tables`` write into our ``maps``.  What has no place in them is left behind.
        """
        theirs, ours, calls, copied = self._layout, layout.ours(0), self._calls(), 0
        for slot in range(min(theirs.slots, tables.slots)):
            if not _flags(theirs.session, self._record("sessions", slot)) & SessionFlag.ACTIVE:
                continue
            if not tables.is_active(slot):
                session, account = (self._converted(slot, into) for into in (ours.session, ours.account))
                tables.adopt(slot, calls.get(slot, 0), session, account)
                copied += 1
        tables.flush()
        for name in _DESTINATIONS:
            self._copy_keys(name, self._maps[name], maps[name], tables)
        return copied

    def _calls(self) -> dict[int, int]:
        """Return the call of each slot."""
        uplink = self._layout.uplink
        if uplink is None:
            calls = self._maps["calls"]
            if (calls.shape.key_octets, calls.shape.value_octets) != (CALL.size, PLACE.size):
                return {}
            places = ((key, *PLACE.unpack(place)) for key, place in calls.items())
            return {slot: CALL.unpack(key)[0] for key, slot, number in places if self._generation(slot) == number}
        found = {}
        for slot, place in enumerate(self._places()):
            if place:
                octets = self._memory["uplinks"][place * uplink.size : (place + 1) * uplink.size]
                found[slot] = CALL.unpack(uplink.read(octets, "call", CALL.size))[0]
        return found

    def _places(self) -> list[int]:
        """Return where the uplink of each slot is; 0: it has none."""
        session, most = self._layout.session, self._maps["uplinks"].shape.entries
        records = (self._record("sessions", slot) for slot in range(self._layout.slots))
        places = [_U32.unpack(session.read(record, "uplink", _U32.size))[0] for record in records]
        return [place if place < most else 0 for place in places]

    def _record(self, name: str, slot: int) -> memoryview:
        size = (self._layout.session if name == "sessions" else self._layout.account).size
        return self._memory[name][slot * size : (slot + 1) * size]

    def _converted(self, slot: int, into: layout.Record) -> bytes:
        """Return a slot's record as ours; what it has carried is not taken yet, and its uplink is not made."""
        session, account = self._record("sessions", slot), self._record("accounts", slot)
        theirs = (self._layout.session, session), (self._layout.account, account)
        return layout.converted(theirs, into, without=(*_COUNTED, "uplink"))

    @staticmethod
    def _copy_keys(name: str, theirs: Map, ours: Map, tables: Tables) -> None:
        """Copy needed keys that lead to a session that we have; where we have the key already, ours stays."""
        if (theirs.shape.key_octets, theirs.shape.value_octets) != (ours.shape.key_octets, ours.shape.value_octets):
            return
        there = {key for key, _ in ours.items()}
        found = ((k, v) for k, v in theirs.items() if k not in there and tables.leads(v))
        good = [(k, v) for k, v in found if not tables.is_seated((name, k))]
        for at in range(0, len(good), _CHUNK):
            keys, values = zip(*good[at : at + _CHUNK], strict=True)
            ours.update_batch(b"".join(keys), b"".join(values))

    def take_accounts(self, tables: Tables) -> Iterator[tuple[int, Row]]:
        """Return (slot, counters) of those sessions that are ours now, and set theirs to zero.

        No program may count there any more.
        """
        with contextlib.ExitStack() as stack:
            columns = [self._column(name) for name in _FAST]
            columns += [self._column("slow", index) for index in range(len(_FAST))]
            uplinks = [self._uplink_column(name) for name in _OF_UPLINKS] if self._layout.uplink is not None else []
            for column in (*columns, *uplinks):
                stack.callback(column.release)
            places = self._places() if uplinks else [0] * self._layout.slots
            for slot, place in enumerate(places):
                counters = [(column, slot) for column in columns] + [(column, place) for column in uplinks]
                values = [column[at] for column, at in counters]
                if any(values) and self._same(slot, tables):
                    for column, at in counters:
                        column[at] = 0
                    yield slot, _row(values)

    def _uplink_column(self, name: str) -> memoryview:
        """Return the counters of a name, by the place of an uplink."""
        assert self._layout.uplink is not None
        at, step = self._layout.uplink.fields[name][0] // _COUNTER.size, self._layout.uplink.size // _COUNTER.size
        return self._memory["uplinks"].cast("Q")[at::step]

    def _column(self, name: str, index: int = 0) -> memoryview:
        """Return the counters of a name, by slot."""
        records = {"accounts": self._layout.account, "carried": self._layout.carried, "sessions": self._layout.session}
        which, record = next((one, kept) for one, kept in records.items() if kept is not None and name in kept.fields)
        step = record.size // _COUNTER.size
        return self._memory[which].cast("Q")[record.fields[name][0] // _COUNTER.size + index :: step]

    def _same(self, slot: int, tables: Tables) -> bool:
        """Tell whether a slot has the session in our maps that it had in theirs."""
        return slot < tables.slots and tables.generation(slot) == self._generation(slot)

    def _generation(self, slot: int) -> int:
        if slot >= self._layout.slots:
            return -1
        octets = self._layout.session.read(self._record("sessions", slot), "generation", _U32.size)
        found: int = _U32.unpack(octets)[0]
        return found

    def remove(self) -> None:
        """Remove it from the kernel, but for programs that still hang somewhere; raises DataPlaneError."""
        self.close()
        pins.remove(self.directory)


def _flags(record: layout.Record, octets: memoryview) -> int:
    flags: int = _U32.unpack(record.read(octets, "flags", _U32.size))[0]
    return flags


def _row(values: list[int]) -> Row:
    """Return the sum of what the programs and what user space counted, and the uplinks if there are some."""
    number = len(_FAST)
    fast = list(map(operator.add, values[:number], values[number : 2 * number]))
    for index, value in enumerate(values[2 * number :]):
        fast[index] += value
    return tuple(fast)


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
