"""Debug lines of chosen LACs and users alone, switched on and off while the daemon runs.

While nobody is chosen there is no ``Watch``, and a fact costs nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from structlog.typing import FilteringBoundLogger

from bras.ids import number_of
from bras.l2tp import events as l2tp
from bras.lns.effects import Fact
from bras.lns.told import Noted, SessionBegun
from bras.telemetry.lines import Lines
from bras.telemetry.stories import Stories
from bras.telemetry.story import FIELDS
from bras.telemetry.text import dotted_quad

MOST: Final = 32
"""LACs and users that are chosen at once."""
LONGEST_S: Final = 86400.0


class Chosen(NamedTuple):
    """Whose debug lines are written."""

    kind: str
    """`lac` (name of the group, Host Name or address) or `user`."""
    name: str


class Watch:
    """Writes what is said at debug only, of those that are chosen."""

    __slots__ = ("_clock", "_handlers", "_keys", "_log", "_stories", "until")

    def __init__(
        self, log: FilteringBoundLogger, stories: Stories | None, clock: Callable[[], float], servers: list[str]
    ) -> None:
        """Write to ``log``, which lets debug lines pass; ``stories`` say whose a session is."""
        lines = Lines(log, servers=servers)
        usual = lines.handlers(debug=False)
        self._handlers = {kind: write for kind, write in lines.handlers(debug=True).items() if kind not in usual}
        self._log = log
        self._stories = stories
        self._clock = clock
        self._keys: dict[int, int] = {}
        """Numbers of sessions by their call, as far as they began since."""
        self.until: dict[Chosen, float] = {}

    def choose(self, chosen: Chosen, for_s: float) -> None:
        """Watch somebody for a while."""
        self.until[chosen] = self._clock() + min(for_s, LONGEST_S)

    @property
    def left(self) -> dict[Chosen, float]:
        """Return for how many seconds who is watched yet."""
        now = self._clock()
        self.until = {chosen: until for chosen, until in self.until.items() if until > now}
        return {chosen: until - now for chosen, until in self.until.items()}

    def observe(self, fact: Fact) -> bool:
        """Write the line of a fact, if it is of somebody who is chosen; return whether anybody is yet."""
        known = self.left
        if isinstance(fact, SessionBegun):
            self._keys[fact.key] = fact.number
        if not known.keys().isdisjoint(self._whose(fact)):
            write = self._handlers.get(type(fact))
            if write is not None:
                write(fact)
            elif isinstance(fact, Noted):
                self._noted(fact)
        if isinstance(fact, l2tp.CallDown):
            self._keys.pop(fact.key, None)
        return bool(known)

    def _noted(self, fact: Noted) -> None:
        """Write ``session_noted`` (debug): a note of the session's story, as it comes."""
        story = self._story(fact)
        values = {
            name: value.hex() if isinstance(value, bytes) else dotted_quad(int(value)) if name == "address" else value
            for name, value in zip(FIELDS[fact.word], fact.values, strict=True)
            if value is not None
        }
        session = story.session if story is not None else None
        user = story.user if story is not None else ""
        self._log.debug("session_noted", session=session, note=fact.word, **({"user": user} | values))

    def _whose(self, fact: Any) -> set[Chosen]:
        """Return under which names a fact could be chosen."""
        told = getattr(fact, "info", fact)
        lacs = {getattr(told, name, None) for name in ("group", "lac_hostname", "lac_address")}
        path = getattr(told, "path", None)
        lacs.add(path.remote if path is not None else None)
        users = {getattr(fact, "user", None)}
        story = self._story(fact)
        if story is not None:
            lacs |= {story.line.group, story.line.peer_name, story.line.peer_address}
            users |= {story.user, story.claimed}
        return {Chosen("lac", name) for name in lacs if name} | {Chosen("user", name) for name in users if name}

    def _story(self, fact: Any) -> Any:
        """Return the story that a fact is of, if one is known."""
        if self._stories is None:
            return None
        number = getattr(fact, "number", 0) or self._keys.get(getattr(fact, "key", 0)) or getattr(fact, "key", 0)
        session = getattr(fact, "session", None)
        if not number and session:
            number = number_of(session)
        return self._stories.live.get(number or 0)
