"""A Mortal with a spool beside its journal: a real file, a disk that is slow or refuses, kill -9, and power cuts."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig
from bras.config.spool import SpoolConfig
from bras.lns.effects import Effect, FetchRecords, Spool
from bras.lns.inputs import Fetched, Input, SpoolCounted, SpoolFailed, Stored
from bras.lns.lns import Lns
from bras.secret import Secret
from bras.store.spool import SpoolFile
from tests.support.crash import EPOCH, Mortal
from tests.support.world import SimulatedRadius, Weather, codec, config

DISK_S = 0.02
"""Seconds that a transaction takes."""


def settings(interim_interval_s: float = 0.0, **spool: object) -> Config:
    """Return a configuration with these keys of ``[radius.spool]``."""
    grant = Grant(pool="default", interim_interval_s=interim_interval_s)
    group = LacConfig(name="any", secrets=(Secret(b"tunsecret"),), grant=grant)
    radius = replace(config().radius, spool=SpoolConfig(**spool))  # type: ignore[arg-type]  # its keys
    return config(radius=radius, lac=(group,), auth=AuthConfig(methods=("chap",)))


class Spooling(Mortal):
    """``disk_refuses``, ``disk_s``: what the spool's disk does; ``sync`` is the checkpoint of the journal."""

    def __init__(
        self,
        directory: Path,
        configuration: Config | None = None,
        *,
        seed: int = 1,
        weather: Weather | None = None,
        radius: SimulatedRadius | None = None,
        pinned: bool = True,
        checkpoint_s: float = 30.0,
    ) -> None:
        self.spool: SpoolFile | None = None
        self.disk_s = DISK_S
        self.disk_refuses = False
        self.asked: list[Spool | FetchRecords] = []
        """On its way to the disk, in order."""
        self._works = False
        self.checkpoint_s = checkpoint_s
        super().__init__(directory, configuration, seed=seed, weather=weather, radius=radius, pinned=pinned)
        self.sync()
        self._checkpoint()

    @property
    def on_disk(self) -> SpoolFile:
        """Return the spool's file."""
        assert self.spool is not None, "the daemon does not live"
        return self.spool

    def resumed(self, records: dict[str, bytes]) -> Lns:
        self.spool = SpoolFile(str(self.directory))
        return Lns.resume(
            records,
            self.configuration,
            codec(),
            self.dice.randbytes,
            epoch=EPOCH + self.lives,
            boot=self.boot,
            read=self.plane.read,
            ports=frozenset(self.ports.values()),
            spool=self.spool,
        )

    # -- the disk

    def _perform_step(self, effects: Sequence[Effect], inputs: list[Input]) -> None:
        for effect in effects:
            if isinstance(effect, (Spool, FetchRecords)):
                self.asked.append(effect)
                self._work()
        super()._perform_step(effects, inputs)

    def _work(self) -> None:
        if not self._works:
            self._works = True
            life = self.lives
            self.at(self.now + self.disk_s, lambda: self._written(life))

    def _written(self, life: int) -> None:
        """The transaction is over, if we still live."""
        if life != self.lives or not self.alive:
            return
        if self.disk_refuses:
            self.at(self.now + 1.0, lambda: self._written(life))
            self.give(SpoolFailed("disk full"))
            return
        self._works = False
        asked, self.asked = self.asked, []
        spools = [one for one in asked if isinstance(one, Spool)]
        told: list[Input] = []
        if spools:
            self.on_disk.apply([operation for one in spools for operation in one.operations])
            told.append(Stored(spools[-1].number))
        told += [
            Fetched(one.group, self.on_disk.fetch(one.group, one.most, one.after))
            for one in asked
            if isinstance(one, FetchRecords)
        ]
        told.append(SpoolCounted(self.on_disk.depths(), self.on_disk.octets))
        for one in told:
            self.give(one)

    # -- the journal's checkpoint

    def sync(self) -> None:
        """Put the journal out of a power cut's reach."""
        shutil.copyfile(self.file.path, self.directory / "synced")

    def _checkpoint(self) -> None:
        if self.alive:
            self.sync()
        self.at(self.now + self.checkpoint_s, self._checkpoint)

    # -- deaths

    def _die(self) -> None:
        super()._die()
        self.on_disk.close()
        self.spool = None
        self.asked.clear()
        self._works = False

    def cut(self, *, boot: str, down_s: float = 5.0, step_s: float = 0.0) -> None:
        """Cut the power: the journal is as it was synced last, the spool as it was committed; then start again.

        ``step_s``: the wall clock has gone forward or back by that.
        """
        self._die()
        shutil.copyfile(self.directory / "synced", self.file.path)
        self.run(down_s)
        self.wall_offset_s += step_s
        self.revive(boot=boot)
        self.sync()
