"""A spool in a dictionary, as slowly and plainly as its rules can be written; and sessions that go through one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

from bras.accounting.rows import Depth, Drop, Made, Operation, Put, Row, key_of

START, STOP, INTERIM, ON, OFF = 1, 2, 3, 7, 8
GROUPS = (None, "a", "b")


def made(at: float, boot: str = "boot") -> Made:
    """Return an instant."""
    return Made(1_700_000_000.0 + at, boot, at)


def put(number: int, status: int, at: float, *, epoch: int = 1, group: str | None = None) -> Put:
    """Return a record of a session whose octets tell what it is."""
    return Put(key_of(epoch, number), status, group, b"%d of %d at %f" % (status, number, at), made(at))


def drop(number: int, status: int, at: float = 0.0, *, epoch: int = 1) -> Drop:
    """Return that a record is owed no more."""
    return Drop(key_of(epoch, number), status, at)


class Model:
    """What a spool must hold after these operations."""

    def __init__(self) -> None:
        """Begin empty."""
        self.rows: dict[int, Row] = {}

    def apply(self, operations: Iterable[Operation]) -> None:
        """Do them one after the other."""
        for operation in operations:
            if isinstance(operation, Put):
                self._put(operation)
            else:
                self._drop(operation)

    def _put(self, new: Put) -> None:
        row = self.rows.get(new.key)
        if new.status in (START, ON, OFF):
            if row is None:
                begun = Row(new.key, new.status, new.group, new.octets, new.made, True, None, None, None, None)
                self.rows[new.key] = begun
        elif new.status == STOP:
            if row is None:
                row = Row(new.key, START, new.group, b"", new.made, False, None, None, None, None)
            if row.stop is None:
                self.rows[new.key] = replace(row, interim=None, interim_made=None, stop=new.octets, stop_made=new.made)
        elif row is not None and row.stop is None and (row.interim_made is None or row.interim_made.at <= new.made.at):
            self.rows[new.key] = replace(row, interim=new.octets, interim_made=new.made)

    def _drop(self, gone: Drop) -> None:
        row = self.rows.get(gone.key)
        if row is None:
            return
        if gone.status == START:
            self.rows[gone.key] = replace(row, start_owed=False)
        elif gone.status == INTERIM:
            if row.interim_made is not None and row.interim_made.at <= gone.at:
                self.rows[gone.key] = replace(row, interim=None, interim_made=None)
        else:
            del self.rows[gone.key]

    def fetch(self, group: str | None, most: int, after: int) -> tuple[Row, ...]:
        """Return what is owed to a group."""
        found = [row for key, row in sorted(self.rows.items()) if key > after and row.group == group and _owed(row)]
        return tuple(found[:most])

    def open_rows(self) -> list[Row]:
        """Return the sessions without a Stop."""
        return [row for _, row in sorted(self.rows.items()) if row.status == START and row.stop is None]

    def depths(self) -> set[Depth]:
        """Return how much is owed to each group."""
        found = set()
        for group in {row.group for row in self.rows.values()}:
            rows = self.fetch(group, len(self.rows), -1)
            if rows:
                starts = sum(row.start_owed and row.status == START for row in rows)
                interims = sum(row.interim is not None for row in rows)
                stops = sum(row.stop is not None for row in rows)
                announced = sum(row.status != START for row in rows)
                oldest = min(_owed(row)[0].wall_s for row in rows)
                found.add(Depth(group, starts, interims, stops, announced, oldest))
        return found


def _owed(row: Row) -> list[Made]:
    """Return when those records were made that a row owes, in their order, whatever the clock was set to."""
    starts = [row.start_made] if row.start_owed else []
    return starts + [made for made in (row.interim_made, row.stop_made) if made is not None]


def lives(dice: random.Random, sessions: int) -> Iterator[Operation]:
    """Yield what sessions, at most ten at a time, have done to the spool, in an order that could be."""
    running: list[Iterator[Operation]] = []
    begun = 0
    while running or begun < sessions:
        if begun < sessions and len(running) < 10:
            begun += 1
            running.append(iter(list(_life(dice, begun))))
        one = dice.choice(running)
        operation = next(one, None)
        if operation is None:
            running.remove(one)
        else:
            yield operation


def _life(dice: random.Random, number: int) -> Iterator[Operation]:
    group, at = dice.choice(GROUPS), float(number)
    if dice.random() < 0.05:
        status = dice.choice((ON, OFF))
        yield put(number, status, at, group=group)
        yield drop(number, status)
        return
    yield put(number, START, at, group=group)
    if dice.random() < 0.8:
        yield drop(number, START)
    for _ in range(dice.randrange(4)):
        at += 1.0
        yield put(number, INTERIM, at, group=group)
        if dice.random() < 0.5:
            yield drop(number, INTERIM, at - dice.choice((0.0, 1.0)))
    if dice.random() < 0.7:
        yield put(number, STOP, at + 0.5, group=group)
        if dice.random() < 0.7:
            yield drop(number, STOP)
