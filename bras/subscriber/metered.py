"""What is counted of a session, and when accounting hears of it: Interim-Updates, idle timeout, quotas."""

from __future__ import annotations

from typing import Final

from bras.forwarding.entry import Counters, Leg
from bras.ids import Entropy, accounting_id
from bras.ppp.quality import Quality
from bras.radius.profile import Profile
from bras.subscriber.events import CountersWanted, Event, Phase, QuotaTold, RecordDue, Status
from bras.subscriber.parts import EntryState, Forwarding, Instants, Line, Standing, Who
from bras.subscriber.settings import Settings

GRAIN_S: Final = 0.25
"""Instants of Interim-Updates are whole multiples of this."""
SHORTEST_LOOK_S: Final = 1.0
"""Seconds at least until counters are read again because a quota is nearly exhausted."""


class Metered:
    """A session as its meter sees it; how it ends is known to ``Session``."""

    __slots__ = (
        "address",
        "entropy",
        "forwarding",
        "instants",
        "leg",
        "line",
        "number",
        "origin",
        "profile",
        "settings",
        "standing",
        "who",
    )

    def __init__(
        self, number: int, slot: int, line: Line, leg: Leg, settings: Settings, entropy: Entropy, *, now: float
    ) -> None:
        """Stand ready on an established call; ``number`` is never used twice, ``slot`` is ours until Gone."""
        self.number = number
        self.origin = settings.origin
        """What Acct-Session-Ids of the start that it began in have in common."""
        self.line = line
        self.leg = leg
        self.settings = settings
        self.entropy = entropy
        self.profile: Profile | None = None
        self.address = 0
        """IPv4 address as an integer; 0 while there is none."""
        self.who = Who()
        self.forwarding = Forwarding(slot)
        self.instants = Instants(called_at=now, setup_by_at=now + settings.setup_timeout_s)
        self.standing = Standing()

    @property
    def session_id(self) -> str:
        """Return the Acct-Session-Id (RFC 2866 section 5.5), unique over nodes, workers and restarts."""
        return accounting_id(self.origin, self.number)

    @property
    def account(self) -> int:
        """Return the key of its account: epoch and number, which are the end of its Acct-Session-Id."""
        return int(self.origin[-8:], 16) << 32 | self.number

    @property
    def phase(self) -> Phase:
        """Return where the subscriber stands."""
        return self.standing.phase

    @property
    def heard(self) -> bool:
        """Return whether the client ever said anything."""
        return True

    @property
    def quality(self) -> Quality | None:
        """Return how the line answered of late, as far as that is known."""
        return None

    def end(self, reason: str, text: str, *, now: float) -> list[Event]:
        """End the session."""
        raise NotImplementedError

    def counters_read(self, counters: Counters, *, now: float) -> list[Event]:
        """Take the Entry's counters as they stand: idle timeout, interim record, display."""
        forwarding, instants = self.forwarding, self.instants
        if forwarding.state is not EntryState.ACTIVE:
            return []
        profile, before = self.profile, forwarding.last
        if counters != before:
            if profile is None or _is_active(before, counters, profile.idle_direction):
                instants.active_at = now
            forwarding.last = counters
        if self.standing.phase is not Phase.UP or instants.up_at is None:
            return []
        if profile is not None and profile.limited:
            events = self._weigh(profile, before, now)
            if events:
                return events
        if instants.interim_wanted:
            instants.interim_wanted = False
            return [RecordDue(Status.INTERIM, now - instants.up_at, forwarding.total)]
        if instants.idle_suspected:
            instants.idle_suspected = False
            if profile is not None and now >= instants.active_at + profile.idle_timeout_s:
                return self.end("idle_timeout", "", now=now)
        return []

    # -- quotas

    def _weigh(self, profile: Profile, before: Counters, now: float) -> list[Event]:
        """Do what is to come when a quota is exhausted, or see when that may be; ``before``: what was read last."""
        spent = profile.spent(*_octets(self.forwarding.total))
        if spent and profile.at_quota == "disconnect":
            return self.end("quota_exhausted", spent, now=now)
        events = self._obey(profile, spent)
        if not spent:
            self._look_ahead(profile, before, now)
        return events + (self.reroute(now=now) or self._tell_news(now)) if events else []

    def _obey(self, profile: Profile, spent: str) -> list[Event]:
        """Remember whether the session is slowed down from now on; return the fact if that is new."""
        forwarding = self.forwarding
        if forwarding.throttled == bool(spent):
            return []
        forwarding.throttled = bool(spent)
        self.instants.news = self.standing.started
        up, down, *_ = profile.slowed() if spent else (profile.rate_up_bps, profile.rate_down_bps)
        return [QuotaTold(self.session_id, self.who.user, self.line.group, spent, up, down)]

    def _reweigh(self) -> list[Event]:
        """Another Profile holds: a quota that was raised lifts the throttle, one that is exhausted sets it."""
        profile = self.profile
        if profile is None or not (profile.limited or self.forwarding.throttled):
            return []
        spent = profile.spent(*_octets(self.forwarding.total))
        if spent and profile.at_quota == "disconnect":
            return []  # it ends when its counters are read next
        return self._obey(profile, spent)

    def _look_ahead(self, profile: Profile, before: Counters, now: float) -> None:
        """See to it that the counters are read when a quota is exhausted, should that be before the next round."""
        instants, forwarding = self.instants, self.forwarding
        read_at, forwarding.read_at = forwarding.read_at, now
        if read_at is None or now - read_at < SHORTEST_LOOK_S / 2:
            return
        instants.quota_at = None
        (up, down), (last_up, last_down), (up_before, down_before) = map(
            _octets, (forwarding.total, forwarding.last, before)
        )
        moved_up, moved_down = (last_up - up_before) / (now - read_at), (last_down - down_before) / (now - read_at)
        ways = (
            (profile.quota_octets, up + down, moved_up + moved_down),
            (profile.quota_up_octets, up, moved_up),
            (profile.quota_down_octets, down, moved_down),
        )
        nearest = min(((quota - used) / rate for quota, used, rate in ways if quota and rate > 0.0), default=None)
        if nearest is not None and nearest < self.settings.counter_interval_s:
            instants.quota_at = now + max(nearest, SHORTEST_LOOK_S)

    def reroute(self, *, now: float) -> list[Event]:
        """Have the data plane follow what holds for the session now."""
        raise NotImplementedError

    # -- Interim-Updates and idle timeout

    def _tell_news(self, now: float) -> list[Event]:
        """Tell accounting at once of what has changed, if something has and the data plane has done its part."""
        forwarding, instants = self.forwarding, self.instants
        if not instants.news or self.standing.phase is not Phase.UP or forwarding.state is not EntryState.ACTIVE:
            return []
        if forwarding.present != forwarding.wanted or forwarding.refusals:
            return []
        instants.news = False
        return self._want_interim(now)

    def _check_idle(self) -> list[Event]:
        """Ask for the counters before believing that nothing moved."""
        self.instants.idle_suspected = True
        return self._read_counters()

    def interim_due(self, *, now: float) -> bool:
        """The instant of an Interim-Update has come; return whether the counters are to be read for it."""
        instants = self.instants
        if self.standing.phase is not Phase.UP or instants.interim_at is None or instants.interim_at > now:
            return False
        instants.interim_wanted = True
        self._arm_interim(now)
        return self.forwarding.state is EntryState.ACTIVE

    def _want_interim(self, now: float) -> list[Event]:
        self.instants.interim_wanted = True
        self._arm_interim(now)
        return self._read_counters()

    def _read_counters(self) -> list[Event]:
        forwarding = self.forwarding
        return [CountersWanted(forwarding.slot, self.number)] if forwarding.state is EntryState.ACTIVE else []

    def _arm_interim(self, now: float) -> None:
        """Choose the instant of the next Interim-Update, moved at random so that sessions spread.

        Those of one quarter of a second come together: their counters are read in one go.
        """
        interval = self.profile.interim_interval_s if self.profile is not None else 0.0
        if not interval:
            self.instants.interim_at = None
            return
        random = int.from_bytes(self.entropy(2), "big") / 65535.0 * 2.0 - 1.0
        self.instants.interim_at = _grained(now + interval * (1.0 + self.settings.interim_jitter * random))

    def arm_anew(self, now: float) -> None:
        """Let the next Interim-Update come within an interval: a new process does not know when it was due."""
        self._arm_interim(now)
        if self.instants.interim_at is not None:
            share = int.from_bytes(self.entropy(2), "big") / 65536.0
            self.instants.interim_at = _grained(now + (self.instants.interim_at - now) * share)


def _grained(at: float) -> float:
    """Return the first of the instants of Interim-Updates that is not before ``at``."""
    return -(-at // GRAIN_S) * GRAIN_S


def _is_active(before: Counters, after: Counters, direction: str) -> bool:
    """Return whether what moved counts against the idle timeout."""
    if direction == "up":
        return before.up_packets4 != after.up_packets4 or before.up_packets6 != after.up_packets6
    if direction == "down":
        return before.down_packets4 != after.down_packets4 or before.down_packets6 != after.down_packets6
    return True


def _octets(counters: Counters) -> tuple[int, int]:
    """Return octets from the subscriber, and to it."""
    return counters.up_octets4 + counters.up_octets6, counters.down_octets4 + counters.down_octets6
