"""The spool against a dictionary, and a process that is killed while it writes."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bras.accounting.rows import Drop, Operation, Put, key_of
from bras.store import spool_rows
from bras.store.spool import SpoolFile
from tests.support.spool import GROUPS, INTERIM, OFF, ON, START, STOP, Model, lives, made

CHILD = """
import random, sys
from bras.store import spool_rows
from bras.store.spool import SpoolFile
from tests.property.test_spool import steps
from tests.support.spool import lives
seed, file, done = int(sys.argv[1]), SpoolFile(sys.argv[2]), 0
operations = list(lives(random.Random(seed), 2000))
for upto in steps(seed, len(operations)):
    file.apply(operations[done:upto])
    done = upto
    print(done, flush=True)
"""


def steps(seed: int, total: int) -> list[int]:
    """Return how many operations are to be done after each batch."""
    dice, done = random.Random(seed), [0]
    while done[-1] < total:
        done.append(done[-1] + dice.choice((1, 2, 10, 100)))
    return done[1:]


def _same(file: SpoolFile, model: Model, most: int = 1000) -> None:
    for group in GROUPS:
        assert file.fetch(group, most) == model.fetch(group, most, -1)
    assert list(file.open_rows()) == model.open_rows()
    assert set(file.depths()) == model.depths()
    assert file.greatest_key() >= max(model.rows, default=0)


epochs = st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
keys, others = (st.builds(key_of, epochs, st.sampled_from(numbers)) for numbers in ([0, 2, 0xFFFFFFFF], [1, 3]))
"""Of sessions, and of Accounting-On and -Off."""
instants, octets = st.sampled_from([1.0, 2.0, 3.0]), st.binary(max_size=3)
statuses, announced = st.sampled_from([START, INTERIM, STOP]), st.sampled_from([ON, OFF])
operations = st.one_of(
    st.builds(Put, keys, statuses, st.just("a"), octets, st.builds(made, instants)),
    st.builds(Drop, keys, statuses, instants),
    st.builds(Put, others, announced, st.just("a"), octets, st.builds(made, instants)),
    st.builds(Drop, others, announced),
)


@given(st.lists(st.lists(operations, max_size=20), max_size=6))
def test_any_operations_leave_what_they_say(batches: list[list[Operation]]) -> None:
    connection, model = sqlite3.connect(":memory:", isolation_level=None), Model()
    for statement in spool_rows.TABLES:
        connection.execute(statement)
    for batch in batches:
        spool_rows.write(connection, batch)
        model.apply(batch)
    assert tuple(spool_rows.fetch(connection, "a", 1000, -1)) == model.fetch("a", 1000, -1)
    assert list(spool_rows.open_rows(connection)) == model.open_rows()
    assert set(spool_rows.depths(connection)) == model.depths()
    assert spool_rows.greatest_key(connection) == max(model.rows, default=0)
    connection.close()


@pytest.mark.parametrize("size", [1, 7, 500])
def test_lives_of_sessions_in_batches(tmp_path: Path, size: int) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    done, model = list(lives(random.Random(seed), 2000 if size > 1 else 100)), Model()
    file = SpoolFile(str(tmp_path))
    for begin in range(0, len(done), size):
        file.apply(done[begin : begin + size])
        model.apply(done[begin : begin + size])
        if begin % 4096 < size:
            _same(file, model, 20)
    _same(file, model)
    file.apply(done[-size:])  # all of it may come twice
    model.apply(done[-size:])
    file.close()
    again = SpoolFile(str(tmp_path))
    _same(again, model)
    again.close()


def test_what_was_told_as_stored_outlives_kill(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for number in range(3):
        directory = tmp_path / str(number)
        directory.mkdir()
        _kill_in_between(seed + number, directory, lines=dice.randrange(1, 40))


def _kill_in_between(seed: int, directory: Path, lines: int) -> None:
    """Kill a writer some time after it has told of so many batches; all of them are there, and one more or not."""
    command = [sys.executable, "-c", CHILD, str(seed), str(directory)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    told = [child.stdout.readline() for _ in range(lines)]
    os.kill(child.pid, signal.SIGKILL)
    told += child.stdout.read().splitlines()
    child.wait()
    child.stdout.close()
    done, last = list(lives(random.Random(seed), 2000)), int(told[-1])
    following = [upto for upto in steps(seed, len(done)) if upto > last][:1]
    file = SpoolFile(str(directory))
    assert not file.damaged
    assert any(_holds(file, done[:upto]) for upto in [last, *following]), (seed, last)
    file.close()


def _holds(file: SpoolFile, operations: list[Operation]) -> bool:
    model = Model()
    model.apply(operations)
    fetched = all(file.fetch(group, 9999) == model.fetch(group, 9999, -1) for group in GROUPS)
    return fetched and list(file.open_rows()) == model.open_rows()
