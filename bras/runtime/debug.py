"""``bras debug``: whose debug lines are written, as the admin socket takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from bras.lns.commands import Plain
from bras.telemetry.observer import Observer
from bras.telemetry.watch import LONGEST_S, MOST, Chosen

log = structlog.get_logger()

KINDS: Final = ("lac", "user")


@dataclass(frozen=True, slots=True)
class Debug:
    """Write debug lines of a LAC or user for a while: ``{"debug": [{"kind", "name", "left_s"}]}``, all that are chosen.

    ``for_s`` of 0 ends that; without ``name`` nothing changes, but for ``off``, which ends all.
    """

    kind: str = "lac"
    name: str = ""
    for_s: float = 600.0
    off: bool = False


def answer(observer: Observer, wish: Debug) -> tuple[bool, Plain]:
    """Do what is wished for."""
    watched = observer.watched
    if wish.off and watched:
        observer.unwatch()
        log.info("debug_ended", who=[f"{chosen.kind} {chosen.name}" for chosen in watched])
    elif wish.name:
        if wish.kind not in KINDS:
            return False, {"error": f"a kind is one of: {', '.join(KINDS)}"}
        chosen = Chosen(wish.kind, wish.name)
        if len(watched) >= MOST and chosen not in watched:
            return False, {"error": f"{MOST} are chosen already: bras debug off"}
        if wish.kind == "user" and observer.stories is None:
            return False, {"error": "sessions have no user's name in the log's facts alone: set enabled in [story]"}
        observer.watch(chosen, wish.for_s)
        log.info("debug_began", kind=wish.kind, name=wish.name, seconds=min(wish.for_s, LONGEST_S))
    rows: list[Plain] = [
        {"kind": chosen.kind, "name": chosen.name, "left_s": left_s} for chosen, left_s in observer.watched.items()
    ]
    return True, {"debug": rows}
