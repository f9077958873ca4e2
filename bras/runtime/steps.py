"""In which order a wake's effects are performed: what the data plane is to do goes first, in one go.

The machine's order is kept for whatever anybody could notice.  What it wants of the data
plane is brought forward, before the datagrams, records and answers of the same wake: a
client that is told something finds its Entry there already, and one that is told good-bye
finds it gone.  The other way round, one after the other or all at the end, a packet could
slip in between.  Nothing is brought forward before the journal: that was written before any
step (output commit).

An effect that must find the data plane as the machine left it at that very point ends a step.
"""

from __future__ import annotations

from collections.abc import Sequence

from bras.forwarding.entry import Operation
from bras.l2tp.events import ClosePort, OpenPort
from bras.lns.effects import Effect, Forward, Program, ReadCounters

_ENDS_STEP = frozenset((Forward, ReadCounters, OpenPort, ClosePort))

Step = tuple[Sequence[Operation], Sequence[Effect]]
"""What the data plane is to carry out, and what is to be done after that."""


def steps(effects: Sequence[Effect]) -> list[Step]:
    """Divide effects, in their order, into steps; no Program is left among them."""
    if Program not in map(type, effects):
        return [((), effects)]
    done: list[Step] = []
    operations: list[Operation] = []
    others: list[Effect] = []
    for effect in effects:
        if type(effect) is Program:
            operations.append(effect.operation)
            continue
        others.append(effect)
        if type(effect) in _ENDS_STEP:
            done.append((operations, others))
            operations, others = [], []
    done.append((operations, others))
    return done
