"""A simulated network in virtual time: latency, loss, duplication, reordering.

Parties are sans-IO machines behind a thin adapter (``Party``).  ``Network.run`` delivers
datagrams and fires deadlines in the order of time, jumping from one instant to the next,
and fails when a bound of steps is reached, so that a livelock is a failure and not a hang.
All chance comes from one seed, which every failure names.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Protocol

from bras.l2tp.events import Path

Datagram = tuple[Path, bytes]


class Party(Protocol):
    """A machine at one end: what comes out is what it wants to send."""

    @property
    def deadline(self) -> float | None: ...

    def receive(self, path: Path, data: bytes, now: float) -> list[Datagram]: ...

    def handle_timeout(self, now: float) -> list[Datagram]: ...


class Network:
    """Carries datagrams between parties; probabilities are for each datagram."""

    def __init__(
        self,
        seed: int,
        *,
        loss: float = 0.0,
        duplication: float = 0.0,
        reordering: float = 0.0,
        latency_s: float = 0.01,
    ) -> None:
        self.seed = seed
        self.now = 0.0
        self.loss = loss
        self.duplication = duplication
        self.reordering = reordering
        self.latency_s = latency_s
        self.sent = 0
        self.lost = 0
        self._random = random.Random(seed)
        self._parties: dict[str, Party] = {}
        self._names: dict[tuple[str, int], str] = {}
        self._reversed: dict[Path, Path] = {}
        self._cut: set[str] = set()
        self._under_way: list[tuple[float, int, str, Path, bytes]] = []

    def attach(self, name: str, party: Party, *addresses: tuple[str, int]) -> None:
        """Put a party at its (address, port) pairs."""
        self._parties[name] = party
        for address in addresses:
            self._names[address] = name

    def cut(self, name: str) -> None:
        """Let nothing reach or leave a party from now on."""
        self._cut.add(name)

    def mend(self, name: str) -> None:
        """Connect a party again."""
        self._cut.discard(name)

    def send(self, datagrams: list[Datagram]) -> None:
        """Put datagrams on their way, each along the path of its sender."""
        for path, data in datagrams:
            self.sent += 1
            self._launch(path, data)
            if self._random.random() < self.duplication:
                self._launch(path, data)

    def _launch(self, path: Path, data: bytes) -> None:
        source = self._names.get((path.local, path.local_port))
        target = self._names.get((path.remote, path.remote_port))
        if target is None or source in self._cut or self._random.random() < self.loss:
            self.lost += 1
            return
        delay = self.latency_s
        if self._random.random() < self.reordering:
            delay += self.latency_s * 5 * self._random.random()
        there = self._reversed.get(path)
        if there is None:
            there = Path(0, path.remote, path.remote_port, path.local, path.local_port)
            self._reversed[path] = there
        heapq.heappush(self._under_way, (self.now + delay, self.sent, target, there, data))

    def run(
        self, *, until: float = float("inf"), done: Callable[[], bool] | None = None, max_steps: int = 100_000
    ) -> None:
        """Go on until ``done()``, the instant ``until``, or nothing is left to happen."""
        for _ in range(max_steps):
            if done is not None and done():
                return
            if not self._step(until):
                return
        raise AssertionError(f"no end after {max_steps} steps at {self.now:.3f} s (seed {self.seed})")

    def _step(self, until: float) -> bool:
        instant = self._under_way[0][0] if self._under_way else float("inf")
        timer = ""
        for name, party in self._parties.items():
            deadline = party.deadline
            if deadline is not None and deadline < instant:
                instant, timer = deadline, name
        if instant == float("inf") or instant > until:
            if until != float("inf"):
                self.now = until
            return False
        self.now = max(self.now, instant)
        if timer:
            self.send(self._parties[timer].handle_timeout(self.now))
            return True
        _, _, target, path, data = heapq.heappop(self._under_way)
        if target not in self._cut:
            self.send(self._parties[target].receive(path, data, self.now))
        return True
