"""Another configuration for the running daemon: read and judged whole, compared, put into force.

Reading is a thread's work, so that a long file or large dictionaries hold up nobody.  Whoever
asks meanwhile waits for its turn, together with all others who do: one reading later than all
of them asked is enough.  What is wrong with the file changes nothing at all.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog

import bras
from bras.config import dictionary
from bras.config.changes import Changes, compare, in_force
from bras.config.load import Checked, check
from bras.config.model import Config
from bras.errors import BrasError, ConfigError, ConfigProblem
from bras.lns.commands import Plain
from bras.radius.codec import Codec
from bras.runtime import clock
from bras.telemetry.config_counts import ConfigCounts, ReloadOutcome

log = structlog.get_logger()

MOST_TOLD: Final = 50
"""Keys or problems in one line of the log."""

PutIntoForce = Callable[[Config, Codec], bool]
"""Changes over to a configuration; false when a defect of ours kept it from that, OSError before anything is done."""


class _Read(NamedTuple):
    """What a file holds."""

    checked: Checked
    codec: Codec | None
    """That of its dictionaries; ``None`` where there are problems."""


def load_codec(config: Config) -> Codec:
    """Return the codec of our dictionaries and those of a configuration; raises BrasError or OSError."""
    ours = dictionary.find(os.path.dirname(bras.__file__))
    return Codec(dictionary.load(ours, config.radius.dictionaries))


def read(path: str) -> _Read:
    """Read and judge a file, and the dictionaries that it names."""
    checked = check(path)
    if checked.config is None:
        return _Read(checked, None)
    try:
        return _Read(checked, load_codec(checked.config))
    except ConfigError as wrong:
        return _Read(Checked(None, wrong.problems, checked.warnings), None)
    except (BrasError, OSError) as wrong:
        problem = ConfigProblem(path, "radius.dictionaries", str(wrong), "correct the dictionary, or leave it out")
        return _Read(Checked(None, (problem,), checked.warnings), None)


class _Wish(NamedTuple):
    """A reading that is to be done, and who waits for it."""

    dry_run: bool
    futures: list[asyncio.Future[Plain]]


class Reloader:
    """Reads the file again when it is asked to."""

    __slots__ = ("_counts", "_is_closed", "_put_into_force", "_reading", "_wishes", "config", "path", "waiting")

    def __init__(self, path: str, config: Config, put_into_force: PutIntoForce, counts: ConfigCounts) -> None:
        """Begin with the configuration in force."""
        self.path = os.path.abspath(path)
        self.config = config
        self.waiting: tuple[str, ...] = ()
        """Keys that differ in the file, as it was read last, and wait for a restart."""
        self._put_into_force = put_into_force
        self._counts = counts
        self._wishes: deque[_Wish] = deque()
        """The first one is being read."""
        self._reading: asyncio.Future[_Read] | None = None
        self._is_closed = False

    def ask(self, *, dry_run: bool = False) -> asyncio.Future[Plain]:
        """Read the file, and unless ``dry_run`` put it into force; the future is what became of it.

        ``{"outcome": "applied" | "partly" | "refused" | "failed", "dry_run": bool, "file": str, "live":
        [key], "restart": [key], "problems": [str], "warnings": [str]}``; ``partly``: ``restart`` is not empty.
        ``None``: the daemon stops.
        """
        future: asyncio.Future[Plain] = asyncio.get_running_loop().create_future()
        if self._is_closed:
            future.set_result(None)
        elif len(self._wishes) > 1 and self._wishes[-1].dry_run == dry_run:
            self._wishes[-1].futures.append(future)
        else:
            self._wishes.append(_Wish(dry_run, [future]))
            if self._reading is None:
                self._begin()
        return future

    def close(self) -> None:
        """Change nothing any more: what the daemon leaves behind is settled."""
        self._is_closed = True

    def _begin(self) -> None:
        self._reading = asyncio.get_running_loop().run_in_executor(None, read, self.path)
        self._reading.add_done_callback(self._done)

    def _done(self, reading: asyncio.Future[_Read]) -> None:
        self._reading = None
        wish = self._wishes.popleft()
        if self._wishes:
            self._begin()
        body = None if self._is_closed else self._judged(reading, dry_run=wish.dry_run)
        for future in wish.futures:
            if not future.done():
                future.set_result(body)

    def _judged(self, reading: asyncio.Future[_Read], *, dry_run: bool) -> Plain:
        try:
            return self._judge(reading.result(), dry_run=dry_run)
        except Exception:  # our own defect must not leave whoever asked without an answer
            log.exception("defect", input="reload")
            return self._tell(ReloadOutcome.FAILED, Checked(None, (), ()), Changes(), dry_run=dry_run)

    def _judge(self, found: _Read, *, dry_run: bool) -> Plain:
        after = found.checked.config
        if after is None or found.codec is None:
            return self._tell(ReloadOutcome.REFUSED, found.checked, Changes(), dry_run=dry_run)
        changes = compare(self.config, after)
        outcome = ReloadOutcome.PARTLY if changes.restart else ReloadOutcome.APPLIED
        if not dry_run:
            config = in_force(self.config, after)
            try:
                done = self._put_into_force(config, found.codec)
            except OSError as wrong:
                key = "radius.coa.tls_listen" if str(wrong.filename).startswith("TCP") else "radius.coa.listen"
                told = f"{wrong.filename} cannot be bound ({wrong.strerror})"
                problem = ConfigProblem(self.path, key, told, "give a free address of this machine")
                checked = Checked(None, (problem,), found.checked.warnings)
                return self._tell(ReloadOutcome.REFUSED, checked, Changes(), dry_run=False)
            if not done:
                return self._tell(ReloadOutcome.FAILED, found.checked, changes, dry_run=False)
            self.config, self.waiting = config, changes.restart
        return self._tell(outcome, found.checked, changes, dry_run=dry_run)

    def _tell(self, outcome: ReloadOutcome, checked: Checked, changes: Changes, *, dry_run: bool) -> Plain:
        problems = [str(problem) for problem in checked.problems]
        warnings = [str(warning) for warning in checked.warnings]
        if not dry_run:
            self._counts.reloaded(outcome, waiting=len(self.waiting), at=clock.now() + clock.wall_offset())
            if outcome is ReloadOutcome.REFUSED:
                log.error("config_refused", file=self.path, problems=problems[:MOST_TOLD], count=len(problems))
            elif outcome is ReloadOutcome.FAILED:
                log.error("config_failed", file=self.path)
            else:
                log.info("config_reloaded", file=self.path, **_told("changed", changes.live))
            if outcome is ReloadOutcome.PARTLY:
                log.warning("config_waits", file=self.path, **_told("restart", changes.restart))
        return {
            "outcome": outcome.value,
            "dry_run": dry_run,
            "file": self.path,
            "live": list(changes.live),
            "restart": list(changes.restart),
            "problems": list[Plain](problems),
            "warnings": list[Plain](warnings),
        }


def _told(name: str, keys: tuple[str, ...]) -> dict[str, list[str] | int]:
    return {name: list(keys[:MOST_TOLD]), "count": len(keys)}
