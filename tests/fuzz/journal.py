"""Journals that are torn, damaged or made by nobody: an LNS that goes on, or a refusal in words.

Two kinds of damage.  That of a disk leaves whole turns before the place, because of their
checksums: the LNS of these must serve and end in good order.  Records with right checksums
and wrong contents come from no disk; they need only be refused, or taken, without a traceback.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable

import msgspec

from bras.forwarding.entry import Counters
from bras.lns.commands import Shutdown, TakeCensus
from bras.lns.effects import Effect, Journal, MeasurePath, Program, ReadCounters
from bras.lns.inputs import ClockRead, CommandReceived, CountersRead, Input, PathMeasured, Programmed, TimerFired
from bras.lns.lns import Lns
from bras.lns.state import StateError
from bras.store.journal import Record, pack, unpack
from tests.fuzz.harness import Cursor, Harness, Numbers
from tests.support.rim import Rim
from tests.support.world import WALL_OFFSET_S, codec, entropy_of

LEAVES = (None, 0, 1, -1, 70000, 1.5, "", "x", b"", b"\xff\x03", [], {}, True, 1 << 63, "198.18.0.2", float("inf"))


class _Written(Rim):
    """A world that keeps the turns of its journal."""

    def _new_lns(self) -> Lns:
        self.turns: list[tuple[Record, ...]] = []
        entropy = entropy_of(random.Random(self.dice.random()))
        return Lns.resume(
            {}, self.configuration, codec(), entropy, epoch=0x68E00000, boot="boot1", read=self.plane.read
        )

    def handle(self, given: Input) -> list[Effect]:
        effects = super().handle(given)
        self.turns += [tuple(effect.records) for effect in effects if isinstance(effect, Journal)]
        return effects


def life() -> _Written:
    """Live a little: two sessions come up, one ends while RADIUS is silent, a third is being set up."""
    world = _Written()
    lac = world.lac()
    first, _ = lac.dial("user1", "pass"), lac.dial("user2", "pass", method="pap")
    world.run(3.0)
    for server in world.servers:
        server.silent = True
    lac.hang_up(first)
    world.run(2.0)
    lac.dial("user3", "pass")
    world.run(0.5)
    return world


class _Restarts:
    """Starts an LNS from what the input leaves of a journal."""

    def __init__(self) -> None:
        world = life()
        self.config, self.now = world.configuration, world.now
        self.turns = [pack(turn) for turn in world.turns]
        self.file = b"".join(self.turns)
        self.alive = unpack(self.file)
        assert len(self.alive) >= 8

    def run(self, data: bytes) -> None:
        cursor = Cursor(data)
        form = cursor.u8()
        boot = "boot2" if form & 0x40 else "boot1"
        if form < 0x80:
            lns = self._start(unpack(self._damaged(cursor, form)), boot)
            assert lns is not None, "whole turns are refused"
            self._serve(lns, form & 0x20 != 0)
        else:
            self._start(self._falsified(cursor), boot)
            unpack(_turn(cursor.rest()))

    def _start(self, records: dict[str, bytes], boot: str) -> Lns | None:
        def read(slots: Iterable[tuple[int, int]]) -> list[tuple[int, int, Counters]]:
            return [(slot, number, Counters(up_octets4=9)) for slot, number in slots if number & 1]

        try:
            return Lns.resume(records, self.config, codec(), Numbers(), epoch=0x68E00001, boot=boot, read=read)
        except StateError as wrong:
            assert str(wrong).startswith("the journal")
            return None

    def _damaged(self, cursor: Cursor, form: int) -> bytes:
        """Do what disks do: lose an end, change an octet, bring an old piece again."""
        if form & 3 == 0:
            return b"".join(self.turns[: cursor.u16() % (len(self.turns) + 1)])
        at = cursor.u16() % len(self.file)
        if form & 3 == 1:
            return self.file[:at]
        if form & 3 == 2:
            return self.file[:at] + bytes((self.file[at] ^ (cursor.u8() or 1),)) + self.file[at + 1 :]
        return self.file[:at] + cursor.rest()

    def _falsified(self, cursor: Cursor) -> dict[str, bytes]:
        """Change records one by one, as no disk does."""
        records = dict(self.alive)
        while cursor.more and records:
            keys = list(records)
            what, key = cursor.u8(), cursor.of(keys)
            octets = records[key]
            match what & 7:
                case 0:
                    del records[key]
                case 1:
                    records[key] = b"\x91" * 5000 if what & 0x80 else records[cursor.of(keys)]
                case 2:
                    records[key.partition(":")[0] + ":" + cursor.string(6).decode("latin-1")] = octets
                case 3:
                    records[cursor.string(12).decode("latin-1")] = octets
                case 4:
                    at = cursor.u8() % (len(octets) or 1)
                    records[key] = octets[:at] + cursor.take(1) + octets[at + 1 :]
                case _:
                    records[key] = _with_a_leaf(octets, cursor)
        return records

    def _serve(self, lns: Lns, reboot: bool) -> None:
        """Let it live for a while and then end; whatever the data plane is asked for works."""
        now = self.now
        pending: list[Input] = [ClockRead(WALL_OFFSET_S + (60.0 if reboot else 0.0)), CommandReceived(1, TakeCensus())]
        for turn in range(60):
            while pending:
                pending += performed(lns.handle(pending.pop(0), now))
            if turn == 20:
                pending.append(CommandReceived(2, Shutdown()))
            deadline = lns.deadline
            if deadline is None:
                break
            now = max(now, deadline)
            pending.append(TimerFired())
        assert not lns.core.registry.by_number, "sessions that do not end"


def _turn(body: bytes) -> bytes:
    """Give anything the checksum of a turn."""
    return len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body


def performed(effects: list[Effect]) -> list[Input]:
    """Answer for a data plane where everything works; LACs and RADIUS servers are silent."""
    answers: list[Input] = []
    for effect in effects:
        match effect:
            case Program(operation=operation):
                answers.append(Programmed(_done(operation)))
            case ReadCounters(slots=slots):
                answers.append(CountersRead(tuple((slot, number, Counters()) for slot, number in slots)))
            case MeasurePath(path=path):
                answers.append(PathMeasured(path.remote, 1500))
    return answers


def _done(operation: object) -> object:
    from bras.forwarding.entry import Outcome, RemoveEntry

    if isinstance(operation, RemoveEntry):
        return Outcome(operation.slot, operation.generation, ok=True, counters=Counters(up_octets4=10))
    entry = operation.entry  # type: ignore[attr-defined]  # of adding and replacing
    return Outcome(entry.slot, entry.generation, ok=True)


def _with_a_leaf(octets: bytes, cursor: Cursor) -> bytes:
    """Put another value somewhere into a record."""
    try:
        value = msgspec.msgpack.decode(octets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return octets
    leaf = cursor.of(LEAVES)
    if not isinstance(value, list | dict) or not value:
        return msgspec.msgpack.encode(leaf)
    place = value
    for _ in range(6):
        index = cursor.u8()
        key = index % len(place) if isinstance(place, list) else list(place)[index % len(place)]
        if not isinstance(place[key], list | dict) or not place[key] or index >= 0xE0:
            place[key] = leaf
            break
        place = place[key]
    return msgspec.msgpack.encode(value)


def harness(_name: str) -> Harness:
    return Harness(_Restarts().run, 64)
