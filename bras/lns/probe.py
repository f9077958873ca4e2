"""Lines that are looked at closely: an LCP Echo each second, for a while."""

from __future__ import annotations

from typing import Final

from bras.lns import show
from bras.lns.commands import Plain, Probe
from bras.lns.core import Core
from bras.lns.effects import Answer

MOST: Final = 50
"""Sessions that are probed at once: each costs a hundred times what others cost."""
LONGEST_S: Final = 600.0


def probe(core: Core, identifier: int, wish: Probe, now: float) -> Answer:
    """Begin to probe, or with no time end it."""
    words, told = "", list[Plain]()
    found = show.select(core, wish.selector)[: show.MOST_DETAILS]
    core.probed = {number: until for number, until in core.probed.items() if until > now}
    until = now + min(max(wish.for_s, 0.0), LONGEST_S)
    if not found:
        words = f"no session matches {wish.selector!r}"
    elif len(core.probed.keys() | {one.number for one in found}) > MOST and until > now:
        words = f"{len(core.probed)} sessions are probed already, and more than {MOST} may not be"
    else:
        for subscriber in found:
            if not subscriber.probe(until, now=now):
                continue
            core.probed[subscriber.number] = until
            core.registry.deadlines.set(subscriber.number, subscriber.deadline)
            told.append(subscriber.session_id)
        words = "" if told else "it cannot be asked: it is not up, or its client does not know Echo-Request"
    body: Plain = {"error": words} if words else {"sessions": told, "for_s": until - now}
    return Answer(identifier, ok=not words, body=body)
