"""Output commit: what a turn has changed is in the journal before anything of the turn goes out.

The keys of the journal, each with the last state that it had:

- ``lns``: boot, epoch, clock, and up to where numbers are given out (in blocks, so that it is seldom written);
- ``alive``: when the counters were read last, in whose light a session ends that a reboot ended;
- ``tunnel:T``, ``channel:T``, ``message:T:NS``, ``call:KEY``: see ``bras.l2tp.journal``;
- ``subscriber:N``, ``session:N``: see ``bras.subscriber.journal``;
- ``record:KEY:STATUS``: a Start, Stop, Accounting-On or -Off that is not on disk: until the spool
  has it, or where there is none, until a server has acknowledged it;
- ``tunnel-account:N``, ``link:N``: see ``bras.lns.tunnel_account``;
- ``path:ADDRESS``: the measured MTU towards a LAC.

Not kept, because a new process finds out or does without: requests for access (the client is
asked again), the health of servers, the order in which a pool gives its addresses, who
waited for whom, what LACs wanted that have no tunnel now.
"""

from __future__ import annotations

from bras.forwarding.entry import Route
from bras.lns.changes import Changes
from bras.lns.core import Core
from bras.lns.effects import Effect, Journal
from bras.plain import encode
from bras.subscriber import journal as subscribers
from bras.subscriber.subscriber import Subscriber

VERSION = 3
READABLE = (2, VERSION)
"""Of version 2 the records have other names (``record:N``), and no epoch is known."""
BLOCK = 1000
"""Numbers of subscribers are reserved so many at a time."""


class Commit:
    """Knows what the journal holds, and what it lacks at the end of a turn."""

    __slots__ = (
        "_boot",
        "_calls",
        "_numbers",
        "_pending",
        "_steady",
        "_subscribers",
        "_tunnels",
        "_written",
        "changes",
        "is_open",
    )

    def __init__(self, boot: str) -> None:
        """Begin with an empty journal; ``boot`` tells one run of the machine's clock from another."""
        self.changes = changes = Changes()
        self._tunnels, self._calls = changes.tunnels.touched.tunnels, changes.tunnels.touched.calls
        self._subscribers, self._pending = changes.subscribers, changes.records
        self.is_open = False
        """Whether the books of the past are in order, so that the journal may say that we live now."""
        self._boot = boot
        self._written: dict[int, tuple[Route | None, bytes]] = {}
        """Of each subscriber in the journal: the Entry wanted when its long record was written, its short record."""
        self._numbers = 0
        """Up to here numbers are reserved."""
        self._steady = (False, 0.0)
        """What else the ``lns`` record says: whether Accounting-On was sent, and the wall clock."""

    def follow(self, core: Core) -> None:
        """Have the machines say what changes."""
        core.changes = self.changes
        core.registry.changed = self.changes.subscribers
        self.changes.tunnels.follow(core.endpoint)

    def seal(self, core: Core, announced: bool) -> list[Effect]:
        """Return the effects of the turn, before them the record of what it has changed."""
        effects, records = core.effects, self._pending
        if self._tunnels or self._calls:
            self.changes.tunnels.take(core.endpoint, records)
        if self._subscribers:
            self._take_subscribers(core, records)
        if not records or not self.is_open:
            return effects
        numbers, offset_s = core.registry.next_number, core.books.wall_offset_s
        if numbers > self._numbers or (announced, offset_s) != self._steady:
            self._numbers = numbers + BLOCK
            self._steady = (announced, offset_s)
            state = (VERSION, self._boot, self._numbers, core.policy.epoch, announced, offset_s)
            records.append(("lns", encode(state)))
        effects.insert(0, Journal(tuple(records)))
        records.clear()
        return effects

    def adopt(self, subscriber: Subscriber, session: bytes) -> None:
        """Know that the journal holds a subscriber as it stands."""
        self._written[subscriber.number] = (subscriber.forwarding.wanted, session)

    def _take_subscribers(self, core: Core, records: list[tuple[str, bytes]]) -> None:
        written, by_number, lines = self._written, core.registry.by_number, self.changes.lines
        for number in self._subscribers:
            subscriber = by_number.get(number)
            if subscriber is None or not subscribers.outlives(subscriber):
                if number in written:
                    del written[number]
                    records += ((f"subscriber:{number}", b""), (f"session:{number}", b""))
                continue
            before = written.get(number)
            wanted, session = subscriber.forwarding.wanted, subscribers.session(subscriber)
            if before is None or number in lines or (wanted is not None and wanted is not before[0]):
                records.append((f"subscriber:{number}", subscribers.lasting(subscriber)))
            elif before[1] == session:
                continue
            else:
                wanted = before[0]
            records.append((f"session:{number}", session))
            written[number] = (wanted, session)
        self._subscribers.clear()
        lines.clear()
