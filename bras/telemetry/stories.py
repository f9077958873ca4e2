"""Facts -> stories: what happened to each session, for those who ask why it failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from bras.config.story import StoryConfig
from bras.ids import number_of, session_of, tunnel_of
from bras.l2tp.line import facts as facts_of_line
from bras.lns.told import Noted, SessionBegun
from bras.ppp.quality import Quality
from bras.radius import events as radius
from bras.radius.events import Kind
from bras.subscriber.events import Authenticated, AuthOutcome, ProxyJudged, QuotaTold, SubscriberEnded, SubscriberUp
from bras.subscriber.parts import Line
from bras.telemetry.shelf import Shelf
from bras.telemetry.story import Story
from bras.telemetry.tally import Handlers
from bras.telemetry.text import dotted_quad
from bras.telemetry.words import TERMINATE_CAUSES

SLICE: Final = 1000
"""Stories that are looked at in one go."""


class Stories:
    """Those of all live sessions, and of some that have ended."""

    __slots__ = ("_clock", "_dead", "failed", "had_been_up", "live", "since", "told")

    def __init__(
        self, config: StoryConfig, clock: Callable[[], float], told: Callable[[Story], None] | None = None
    ) -> None:
        """Begin with nobody; ``clock`` tells the wall clock, ``told`` is given each story that is complete."""
        self._clock = clock
        self._dead: dict[tuple[str, Kind], float] = {}
        """Since when which server counts as dead."""
        self.since = clock()
        self.live: dict[int, Story] = {}
        """By the subscriber's number."""
        self.had_been_up = Shelf(config.ended_total, config.ended_per_user)
        self.failed = Shelf(config.ended_total, config.ended_per_user)
        """A shelf of its own, so that a storm of failures takes away nothing of those who had been up."""
        self.told = told

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {
            SessionBegun: self.begun,
            Noted: self.noted,
            ProxyJudged: self.proxy_judged,
            radius.Answered: self.radius_answered,
            radius.Resent: self.radius_resent,
            radius.ServerDead: self.server_dead,
            radius.ServerAlive: self.server_alive,
            Authenticated: self.authenticated,
            SubscriberUp: self.up,
            QuotaTold: self.quota_told,
            SubscriberEnded: self.ended,
        }

    # -- facts

    def begun(self, fact: SessionBegun) -> None:
        """Begin a story."""
        at = self._clock()
        story = self.live[fact.number] = Story(fact.number, fact.session, fact.line, at)
        story.add(at, "begun", tunnel_of(fact.key), session_of(fact.key))

    def found(self, number: int, session: str, line: Line, state: str, user: str, address: int) -> None:
        """Begin a story in the middle: the session is of an earlier process."""
        at = self._clock()
        story = self.live[number] = Story(number, session, line, at)
        story.user, story.address, story.up = user, address, bool(address)
        story.add(at, "found", state)

    def noted(self, fact: Noted) -> None:
        """Add a note of the core's."""
        story = self.live.get(fact.number)
        if story is None:
            return
        if fact.word == "credentials":
            story.claimed = story.user = str(fact.values[0])
        elif fact.word == "address" and isinstance(fact.values[0], int):
            story.address = fact.values[0]
        story.add(self._clock(), fact.word, *fact.values)

    def proxy_judged(self, fact: ProxyJudged) -> None:
        """Add what became of what the LAC had negotiated."""
        self._add(number_of(fact.session), "proxy", fact.result.value, fact.reason.value)

    def radius_answered(self, fact: radius.Answered) -> None:
        """Add a server's answer to a session's Access-Request."""
        if fact.key:
            self._add(fact.key, "radius_answered", fact.server, fact.code, round(fact.seconds * 1000.0, 1))

    def radius_resent(self, fact: radius.Resent) -> None:
        """Add that an Access-Request was sent again."""
        if fact.key:
            self._add(fact.key, "radius_resent", fact.server)

    def server_dead(self, fact: radius.ServerDead) -> None:
        """Remember since when a server does not answer."""
        self._dead.setdefault((fact.server, fact.kind), self._clock())

    def server_alive(self, fact: radius.ServerAlive) -> None:
        """Note that a server answers."""
        self._dead.pop((fact.server, fact.kind), None)

    @property
    def dead(self) -> dict[str, float]:
        """Return the servers for authentication that count as dead now, and since when."""
        return {server: at for (server, kind), at in self._dead.items() if kind is Kind.AUTH}

    def authenticated(self, fact: Authenticated) -> None:
        """Add the verdict; where no server gave one, which do not answer."""
        story = self.live.get(fact.number)
        if story is None:
            return
        story.user = fact.user
        at = self._clock()
        if fact.outcome is AuthOutcome.UNANSWERED and self.dead:
            story.add(at, "radius_silent", ", ".join(sorted(self.dead)))
        story.add(at, "verdict", fact.outcome.value, fact.source, fact.text)

    def up(self, fact: SubscriberUp) -> None:
        """Add that packets flow."""
        story = self.live.get(number_of(fact.session) or 0)
        if story is not None:
            story.up, story.address = True, fact.address
            story.add(self._clock(), "up", round(fact.setup_s * 1000.0, 1))

    def quota_told(self, fact: QuotaTold) -> None:
        """Add that a quota slows the session down, or does not any more."""
        rates = (fact.rate_up_bps, fact.rate_down_bps)
        if fact.spent:
            self._add(number_of(fact.session), "throttled", fact.spent, *rates)
        else:
            self._add(number_of(fact.session), "unthrottled", *rates)

    def ended(self, fact: SubscriberEnded) -> None:
        """Close the story, and put it where stories of the kind are kept."""
        number = number_of(fact.session)
        if number is None:
            return
        if number not in self.live:
            self._find_ended(number, fact)
        story = self.live.pop(number)
        counters = fact.counters
        story.user = fact.user or story.user
        story.add(
            self._clock(),
            "ended",
            fact.reason,
            fact.text,
            fact.phase.value,
            TERMINATE_CAUSES[fact.cause],
            round(fact.duration_s, 1),
            counters.up_octets4 + counters.up_octets6,
            counters.down_octets4 + counters.down_octets6,
            fact.heard,
            *_quality(fact.quality),
        )
        (self.had_been_up if story.up else self.failed).put(story)
        if self.told is not None:
            self.told(story)

    def _find_ended(self, number: int, fact: SubscriberEnded) -> None:
        """Begin the story of a session of an earlier process with its end: the machine was started anew."""
        line = Line(fact.group, fact.lac_hostname, fact.lac_address, fact.calling_number, fact.called_number)
        self.found(number, fact.session, line, fact.phase.value, fact.user, fact.address)

    def _add(self, number: int | None, word: str, *values: float | str) -> None:
        story = self.live.get(number or 0)
        if story is not None:
            story.add(self._clock(), word, *values)

    # -- questions

    def search(self, selector: str) -> Iterator[list[Story]]:
        """Yield the stories that are meant, some at a time, for there may be many to look at.

        ``selector``: Acct-Session-Id, user name, calling number, name of the access line, address of the session or
        of its LAC, Host Name of its LAC.
        """
        for stories in (list(self.live.values()), list(self.had_been_up), list(self.failed)):
            for begin in range(0, len(stories), SLICE):
                yield [story for story in stories[begin : begin + SLICE] if is_meant(story, selector)]


def is_meant(story: Story, selector: str) -> bool:
    """Return whether a story is of the session, user, line or LAC that somebody asks for."""
    line = story.line
    if not selector:
        return False
    if selector in (story.user, story.claimed, story.session, line.calling_number, line.peer_address, line.peer_name):
        return True
    if story.address and selector == dotted_quad(story.address):
        return True
    return bool(line.access_line) and selector in facts_of_line(line.access_line).values()


def _quality(quality: Quality | None) -> tuple[float | None, float | None, float | None]:
    """Return mean and longest round trip in milliseconds, and the loss in percent."""
    if quality is None:
        return None, None, None
    return round(quality.mean_s * 1000.0, 1), round(quality.most_s * 1000.0, 1), round(quality.loss_percent, 1)
