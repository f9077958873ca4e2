"""What is counted of a session, and when accounting hears of it: Interim-Updates, idle timeout, quotas."""

from __future__ import annotations

from bras.forwarding.entry import Counters, Leg
from bras.ids import Entropy, accounting_id
from bras.radius.profile import Profile
from bras.subscriber.events import CountersWanted, Event, Phase, RecordDue, Status
from bras.subscriber.parts import EntryState, Forwarding, Instants, Line, Standing, Who
from bras.subscriber.settings import Settings


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
        "profile",
        "session_id",
        "settings",
        "standing",
        "who",
    )

    def __init__(
        self, number: int, slot: int, line: Line, leg: Leg, settings: Settings, entropy: Entropy, *, now: float
    ) -> None:
        """Stand ready on an established call; ``number`` is never used twice, ``slot`` is ours until Gone."""
        self.number = number
        self.session_id = accounting_id(settings.origin, number)
        """Acct-Session-Id (RFC 2866 section 5.5), unique over nodes, workers and restarts."""
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
    def phase(self) -> Phase:
        """Return where the subscriber stands."""
        return self.standing.phase

    def end(self, reason: str, text: str, *, now: float) -> list[Event]:
        """End the session."""
        raise NotImplementedError

    def counters_read(self, counters: Counters, *, now: float) -> list[Event]:
        """Take the Entry's counters as they stand: idle timeout, interim record, display."""
        forwarding, instants = self.forwarding, self.instants
        if forwarding.state is not EntryState.ACTIVE:
            return []
        profile = self.profile
        if counters != forwarding.last:
            if profile is None or _is_active(forwarding.last, counters, profile.idle_direction):
                instants.active_at = now
            forwarding.last = counters
        if self.standing.phase is not Phase.UP or instants.up_at is None:
            return []
        if profile is not None and profile.limited:
            spent = _spent(forwarding.total, profile)
            if spent:
                return self.end("quota_exhausted", spent, now=now)
        if instants.interim_wanted:
            instants.interim_wanted = False
            self._arm_interim(now)
            return [RecordDue(Status.INTERIM, now - instants.up_at, forwarding.total)]
        if instants.idle_suspected:
            instants.idle_suspected = False
            if profile is not None and now >= instants.active_at + profile.idle_timeout_s:
                return self.end("idle_timeout", "", now=now)
        return []

    def _check_idle(self) -> list[Event]:
        """Ask for the counters before believing that nothing moved."""
        self.instants.idle_suspected = True
        return self._read_counters()

    def _want_interim(self, now: float) -> list[Event]:
        self.instants.interim_wanted = True
        self._arm_interim(now)
        return self._read_counters()

    def _read_counters(self) -> list[Event]:
        forwarding = self.forwarding
        return [CountersWanted(forwarding.slot, self.number)] if forwarding.state is EntryState.ACTIVE else []

    def _arm_interim(self, now: float) -> None:
        """Choose the instant of the next Interim-Update, moved at random so that sessions spread."""
        interval = self.profile.interim_interval_s if self.profile is not None else 0.0
        if not interval:
            self.instants.interim_at = None
            return
        random = int.from_bytes(self.entropy(2), "big") / 65535.0 * 2.0 - 1.0
        self.instants.interim_at = now + interval * (1.0 + self.settings.interim_jitter * random)


def _is_active(before: Counters, after: Counters, direction: str) -> bool:
    """Return whether what moved counts against the idle timeout."""
    if direction == "up":
        return before.up_packets4 != after.up_packets4 or before.up_packets6 != after.up_packets6
    if direction == "down":
        return before.down_packets4 != after.down_packets4 or before.down_packets6 != after.down_packets6
    return True


def _spent(total: Counters, profile: Profile) -> str:
    """Return which quota is exhausted, in words; nothing while none is."""
    for way, quota, used in profile.used(total.up_octets4 + total.up_octets6, total.down_octets4 + total.down_octets6):
        if used >= quota:
            return f"quota of {quota} octets {way} is exhausted"
    return ""
