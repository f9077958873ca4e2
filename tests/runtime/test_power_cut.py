"""A machine that loses power while it writes: what was told as stored is on its disk.

A user-mode Linux has a disk of its own, an image with ext4, and is killed: what its kernel had
not written to the disk is gone, as it is when a machine loses power.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bras.accounting.rows import Operation
from bras.store.journal import Journal
from bras.store.spool import SpoolFile
from tests.support.spool import GROUPS, Model, lives

ROOT = Path(__file__).resolve().parents[2]
SESSIONS = 3000

INIT = """#!/bin/sh
mount -t proc proc /proc
mountpoint -q /dev || mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run && mkdir /run/disk && mount -t ext4 /dev/ubda /run/disk || echo no disk
PYTHONPATH={root} exec {python} {writer} >/dev/console 2>&1
"""

WRITER = """
import os, random, sys
from bras.store import journal as journals
from bras.store.spool import SpoolFile
from tests.support.spool import lives

os.mkdir("/run/disk/state")
control = open("/run/disk/state/control", "wb", buffering=0)
journal, spool = journals.Journal("/run/disk/state"), SpoolFile("/run/disk/state")
operations, done = list(lives(random.Random({seed}), {sessions})), 0
dice = random.Random({seed})
while done < len(operations):
    step = dice.choice((1, 5, 20))
    control.write(b"%d\\n" % done)
    spool.apply(operations[done : done + step])
    done += step
    journal.write([("alive", b"%d" % done), ("session:%d" % done, b"x" * 100)])
    journals.sync(journal.duplicate(), journal.path)
    print("told", done, flush=True)
"""


def _boot(place: Path, seed: int) -> subprocess.Popen[str]:
    """Start the machine; its console is its standard output."""
    (place / "writer.py").write_text(WRITER.format(seed=seed, sessions=SESSIONS))
    (place / "init").write_text(INIT.format(root=ROOT, python=sys.executable, writer=place / "writer.py"))
    (place / "init").chmod(0o755)
    with (place / "disk").open("wb") as disk:
        disk.truncate(64 << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^64bit", str(place / "disk")], check=True, timeout=30)
    command = [
        *("unshare", "--pid", "--fork", "--kill-child=KILL"),
        *("linux.uml", "mem=192M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "quiet"),
        *(f"ubda={place / 'disk'}", f"init={place / 'init'}", "con=null", "con0=null,fd:1", "ssl=null"),
        *(f"uml_dir={place}/", "umid=uml"),
    ]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, text=True, errors="replace",
    )  # fmt: skip


def _told_before_the_cut(machine: subprocess.Popen[str], after: int) -> int:
    """Cut the power when so much has been told; return how much had been, at the very end."""
    told, said = 0, list[str]()
    assert machine.stdout is not None
    for line in machine.stdout:
        said.append(line)
        words = line.split()
        if len(words) == 2 and words[0] == "told":
            told = int(words[1])
        if told >= after:
            with contextlib.suppress(ProcessLookupError):  # what follows is what it had told already
                os.killpg(machine.pid, signal.SIGKILL)
    machine.wait()
    machine.stdout.close()
    assert told >= after, "".join(said[-30:])
    return told


@pytest.mark.root
def test_what_was_stored_is_there_after_a_power_cut(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    told = _told_before_the_cut(_boot(tmp_path, seed), random.Random(seed).randrange(50, 400))
    subprocess.run(["e2fsck", "-f", "-y", str(tmp_path / "disk")], check=False, capture_output=True, timeout=60)
    copy = ["debugfs", "-R", f"rdump /state {tmp_path}", str(tmp_path / "disk")]
    subprocess.run(copy, check=True, capture_output=True, timeout=60)
    state = tmp_path / "state"
    journal, spool = Journal(str(state)), SpoolFile(str(state))
    assert not spool.damaged
    assert (state / "control").stat().st_size == 0, "what nobody synced is gone: it was a power cut"
    assert int(journal.read()["alive"]) >= told
    done = list(lives(random.Random(seed), SESSIONS))
    models = [_after(done[:upto]) for upto in range(told, told + 41)]
    found = tuple(spool.fetch(group, 99_999) for group in GROUPS), list(spool.open_rows())
    assert found in models, f"told {told}"
    journal.close()
    spool.close()


def _after(operations: list[Operation]) -> tuple[object, object]:
    model = Model()
    model.apply(operations)
    return tuple(model.fetch(group, 99_999, -1) for group in GROUPS), model.open_rows()
