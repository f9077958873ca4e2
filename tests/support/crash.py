"""A World whose Lns keeps a journal, is killed at random instants, and begins anew from the file alone."""

from __future__ import annotations

import random
from pathlib import Path

from bras.config.model import Config
from bras.dataplane.null import Null
from bras.forwarding.entry import AddEntry, Counters, Operation, Outcome, RemoveEntry
from bras.lns.effects import Effect, Journal
from bras.lns.inputs import ClockRead, Input
from bras.lns.lns import Lns
from bras.lns.resume import own_ports
from bras.store.journal import Journal as File
from tests.support.world import WALL_OFFSET_S, SimulatedRadius, Weather, World, codec, entropy_of

EPOCH = 0x68E00000


class Killed(Exception):
    """The process is no more."""


class Pinned(Null):
    """Entries that outlive the process, as those of a kernel do.

    A removal is answered with the same final counters until its slot is used again, for who
    was killed before it had heard the answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._final: dict[int, Outcome] = {}

    def program(self, operation: Operation) -> Outcome:
        outcome = super().program(operation)
        if isinstance(operation, RemoveEntry):
            if outcome.ok:
                self._final[operation.slot] = outcome
            final = self._final.get(operation.slot)
            return final if final is not None and final.generation == operation.generation else outcome
        if isinstance(operation, AddEntry):
            self._final.pop(operation.entry.slot, None)
        return outcome


class Mortal(World):
    """``give`` is a wake of the driver: handle, write, perform; ``kill_at`` says after which step it dies."""

    def __init__(
        self,
        directory: Path,
        configuration: Config | None = None,
        *,
        seed: int = 1,
        weather: Weather | None = None,
        radius: SimulatedRadius | None = None,
        pinned: bool = True,
    ) -> None:
        self.directory = directory
        self.file = File(str(directory))
        self.boot = "boot1"
        self.lives = 0
        self.kill_at: str | None = None
        """"unwritten", "unsent" or "unheard": what the next wake does not come to."""
        self.deaths: dict[str, int] = {}
        self.carried: dict[int, Counters] = {}
        """What was fed, by generation: the truth about each session."""
        self.ports_taken: set[int] = set()
        """Listeners whose port somebody else has, when we begin again."""
        self.alive = True
        self.wall_offset_s = WALL_OFFSET_S
        self.pinned = pinned
        super().__init__(configuration, seed=seed, weather=weather, radius=radius)

    def _new_plane(self) -> Null:
        return Pinned() if self.pinned else Null()

    def _new_lns(self) -> Lns:
        self.lives += 1
        records = self.file.read()
        self.ports = {
            (one.local, one.port): one.listener
            for one in own_ports(records, self.boot)
            if one.listener not in self.ports_taken
        }
        return self.resumed(records)

    def resumed(self, records: dict[str, bytes]) -> Lns:
        """Return an Lns of what a journal holds."""
        return Lns.resume(
            records,
            self.configuration,
            codec(),
            entropy_of(random.Random(self.dice.random())),
            epoch=EPOCH + self.lives,
            boot=self.boot,
            read=self.plane.read,
            ports=frozenset(self.ports.values()),
        )

    def give(self, *inputs: Input) -> None:
        if not self.alive:
            return
        try:
            self._wake(list(inputs))
        except Killed:
            self._die()

    def _wake(self, inputs: list[Input]) -> None:
        while inputs:
            effects: list[Effect] = []
            for given in inputs:
                effects += self.handle(given)
            self._step("unwritten")
            records = [record for effect in effects if isinstance(effect, Journal) for record in effect.records]
            assert self.file.write(records)
            self._step("unsent")
            inputs = self.perform(effects)
            self._step("unheard")

    def handle(self, given: Input) -> list[Effect]:
        effects = super().handle(given)
        assert not any(isinstance(effect, Journal) for effect in effects[1:]), "the journal comes first"
        return effects

    def _step(self, name: str) -> None:
        if self.kill_at == name:
            self.deaths[name] = self.deaths.get(name, 0) + 1
            raise Killed

    def _die(self) -> None:
        """From now on there is silence, until ``revive``."""
        self.kill_at = None
        self.alive = False
        self.file.close()
        self.lns = Lns(self.configuration, codec(), bytes, epoch=0)  # of whom nothing is asked

    def revive(self, *, boot: str | None = None) -> None:
        """Start the daemon again."""
        if boot is not None:
            self.boot = boot
        if boot is not None or not self.pinned:
            self.plane = self._new_plane()
        self.file = File(str(self.directory))
        self.lns = self._new_lns()
        self.plane.retain(self.lns.core.registry.entries())
        self.stories = self.new_stories()
        for one in self.lns.core.registry.by_number.values():
            self.stories.found(one.number, one.session_id, one.line, one.phase.value, one.who.user, one.address)
        self.alive = True
        self.give(ClockRead(self.wall_offset_s))

    def kill(self, how: str, *, down_s: float = 0.5) -> None:
        """Let the next wake die, and start again after a while."""
        self.kill_at = how
        self.run(60.0, until=lambda: not self.alive)
        assert not self.alive, "nothing happened in a minute"
        self.run(down_s)
        self.revive()

    def feed_all(self) -> None:
        """Let every Entry carry something."""
        for slot, entry in self.plane.entries.items():
            more = Counters(up_octets4=100 + slot, up_packets4=1, down_octets4=200, down_packets4=2)
            self.plane.feed(slot, more)
            self.carried[entry.generation] = self.carried.get(entry.generation, Counters()) + more
