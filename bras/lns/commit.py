"""Output commit: what a turn has changed is in the journal before anything of the turn goes out.

The keys of the journal, each with the last state that it had:

- ``lns``: boot, clock, and up to where numbers are given out (in blocks, so that it is seldom written);
- ``alive``: when the counters were read last, in whose light a session ends that a reboot ended;
- ``tunnel:T``, ``channel:T``, ``message:T:NS``, ``call:KEY``: see ``bras.l2tp.journal``;
- ``subscriber:N``, ``session:N``: see ``bras.subscriber.journal``;
- ``record:N``: an accounting record that no server has acknowledged;
- ``path:ADDRESS``: the measured MTU towards a LAC.

Not kept, because a new process finds out or does without: requests for access (the client is
asked again), the health of servers, the order in which a pool gives its addresses, who
waited for whom.
"""

from __future__ import annotations

from bras.forwarding.entry import Route
from bras.lns.changes import Changes
from bras.lns.core import Core
from bras.lns.effects import Effect, Journal
from bras.plain import encode
from bras.subscriber import journal as subscribers
from bras.subscriber.subscriber import Subscriber

VERSION = 1
BLOCK = 1000
"""Numbers of subscribers and accounting records are reserved so many at a time."""


class Commit:
    """Knows what the journal holds, and what it lacks at the end of a turn."""

    __slots__ = ("_boot", "_numbers", "_records", "_steady", "_written", "changes", "is_open")

    def __init__(self, boot: str) -> None:
        """Begin with an empty journal; ``boot`` tells one run of the machine's clock from another."""
        self.changes = Changes()
        self.is_open = False
        """Whether the books of the past are in order, so that the journal may say that we live now."""
        self._boot = boot
        self._written: dict[int, tuple[Route | None, bytes]] = {}
        """Of each subscriber in the journal: the Entry wanted when its long record was written, its short record."""
        self._numbers = self._records = 0
        """Up to here numbers are reserved."""
        self._steady: tuple[object, ...] = ()
        """What else the ``lns`` record says."""

    def follow(self, core: Core) -> None:
        """Have the machines say what changes."""
        core.changes = self.changes
        core.registry.changed = self.changes.subscribers
        self.changes.tunnels.follow(core.endpoint)

    def seal(self, core: Core, announced: bool) -> list[Effect]:
        """Return the effects of the turn, before them the record of what it has changed."""
        changes, effects = self.changes, core.effects
        if not self.is_open:
            return effects
        records, changes.records = changes.records, []
        if changes.tunnels.touched.tunnels or changes.tunnels.touched.calls:
            changes.tunnels.take(core.endpoint, records)
        if changes.subscribers:
            self._subscribers(core, records)
        steady = (announced, core.books.wall_offset_s)
        if core.registry.next_number > self._numbers or core.books.made >= self._records or steady != self._steady:
            self._lns(core, steady, records)
        return [Journal(tuple(records)), *effects] if records else effects

    def adopt(self, subscriber: Subscriber, session: bytes) -> None:
        """Know that the journal holds a subscriber as it stands."""
        self._written[subscriber.number] = (subscriber.forwarding.wanted, session)

    def _subscribers(self, core: Core, records: list[tuple[str, bytes]]) -> None:
        written, by_number = self._written, core.registry.by_number
        for number in self.changes.subscribers:
            subscriber = by_number.get(number)
            before = written.get(number)
            if subscriber is None or not subscribers.outlives(subscriber):
                if before is not None:
                    del written[number]
                    records += ((f"subscriber:{number}", b""), (f"session:{number}", b""))
                continue
            wanted, session = subscriber.forwarding.wanted, subscribers.session(subscriber)
            if before is None or (wanted is not None and wanted is not before[0]):
                records.append((f"subscriber:{number}", subscribers.lasting(subscriber)))
            elif before[1] == session:
                continue
            else:
                wanted = before[0]
            records.append((f"session:{number}", session))
            written[number] = (wanted, session)
        self.changes.subscribers.clear()

    def _lns(self, core: Core, steady: tuple[object, ...], records: list[tuple[str, bytes]]) -> None:
        self._numbers, self._records = core.registry.next_number + BLOCK, core.books.made + BLOCK
        self._steady = steady
        state = (VERSION, self._boot, self._numbers, self._records, *steady)
        records.append(("lns", encode(state)))
