"""The session under a subscriber: its Entry, counters, accounting and instants, and how it ends.

Rules of the end, whatever began it: the Entry is removed first; its final counters make
the Stop; only then is the address free.  Meanwhile the link may still be saying good-bye;
the call is hung up when it has, and the session is Gone when the call is down.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bras.forwarding.entry import Counters, Outcome, Route
from bras.radius.profile import RADIUS_SOURCE, SESSION_TIMEOUT, Profile
from bras.subscriber.ends import ENDS
from bras.subscriber.events import (
    AddressFree,
    EntryChanged,
    Event,
    Gone,
    HangUp,
    Phase,
    ProofDue,
    RecordDue,
    Status,
    SubscriberEnded,
    SubscriberUp,
)
from bras.subscriber.metered import Metered
from bras.subscriber.parts import NOTHING_CARRIED, End, EntryState, Who

INSIST_S: Final = 1.0
"""After so long, and then after twice as long each time, the data plane is told again what it has refused to change."""
MOST_REFUSALS: Final = 5
"""When it has refused that so often the session ends."""
RENEWAL_RETRY_S: Final = 60.0
"""Seconds until a client whose proof nobody could judge is asked for another."""


class Session(Metered):
    """What is forwarded, counted and billed for one subscriber; knows nothing of PPP."""

    __slots__ = ()

    # -- time

    def _own_deadline(self) -> float | None:
        """Return the nearest of set-up, session and idle deadlines; Interim-Updates are seen to by the owner."""
        standing = self.standing
        if standing.phase is Phase.ENDING:
            return None
        instants = self.instants
        if standing.phase is not Phase.UP:
            return instants.setup_by_at
        at = instants.insist_at
        if instants.quota_at is not None and (at is None or instants.quota_at < at):
            at = instants.quota_at
        profile = self.profile
        if profile is None:
            return at
        if profile.session_timeout_s and instants.up_at is not None and not instants.renewing:
            begun_at = instants.up_at if instants.renewed_at is None else instants.renewed_at
            ends_at = begun_at + profile.session_timeout_s
            at = ends_at if at is None or ends_at < at else at
        if profile.idle_timeout_s and not instants.idle_suspected:
            idle_at = instants.active_at + profile.idle_timeout_s
            at = idle_at if at is None or idle_at < at else at
        return at

    def _own_timeout(self, now: float) -> list[Event]:
        """Set-up took too long, the session's time is over, or it idles."""
        instants, profile = self.instants, self.profile
        if self.standing.phase is not Phase.UP:
            return self.end("setup_timeout", "", now=now)
        if instants.insist_at is not None and instants.insist_at <= now:
            instants.insist_at = None
            return self._insist()
        if profile is not None and instants.up_at is not None:
            begun_at = instants.up_at if instants.renewed_at is None else instants.renewed_at
            if profile.session_timeout_s and not instants.renewing and now >= begun_at + profile.session_timeout_s:
                return self._time_is_over(profile, now)
            if (
                profile.idle_timeout_s
                and not instants.idle_suspected
                and now >= instants.active_at + profile.idle_timeout_s
            ):
                return self._check_idle()
        if instants.quota_at is not None and instants.quota_at <= now:
            instants.quota_at = None
            return self._read_counters()
        return []

    def _time_is_over(self, profile: Profile, now: float) -> list[Event]:
        """Do what Termination-Action says (RFC 2865 section 5.29)."""
        if profile.at_session_timeout == "reauthenticate":
            self.instants.renewing = True
            return [ProofDue(), *self.prove_again(now=now)]
        return self.end("session_timeout", "", now=now)

    def prove_again(self, *, now: float) -> list[Event]:
        """Have the client prove itself again; who knows of no PPP can only end the session."""
        return self.end("session_timeout", "", now=now)

    def admitted(self, profile: Profile, *, now: float) -> None:
        """Put into force what is granted; a Session-Timeout of an Access-Accept counts from that one.

        It may be what was left when the server was asked, of a session that LCP has renegotiated.
        """
        self.put_into_force(profile, now=now)
        if self.instants.up_at is not None and profile.sources[SESSION_TIMEOUT] == RADIUS_SOURCE:
            self.instants.renewing = True
        self.renewed(now=now)

    def renewed(self, *, now: float) -> None:
        """Note that another Session-Timeout begins."""
        if self.instants.renewing:
            self.instants.renewing, self.instants.renewed_at = False, now

    def renew_later(self, *, now: float) -> None:
        """Have the client asked again in a while: nobody could judge its proof."""
        if self.profile is not None:
            timeout_s = self.profile.session_timeout_s
            self.renewed(now=now + min(RENEWAL_RETRY_S, timeout_s) - timeout_s)

    # -- who it is, and what it may do

    def identify(self, who: Who) -> None:
        """Remember who offers credentials, before anybody decides."""
        self.who = who

    def wait_for_address(self) -> None:
        """Note that the credentials are good, but the address is still another session's."""
        self.standing.phase = Phase.ADDRESSING

    def _told_otherwise(self, profile: Profile) -> bool:
        """Return whether records say something else of the subscriber's networks under another Profile."""
        before = self.profile
        return before is not None and (
            before.ipv6_prefixes != profile.ipv6_prefixes
            or before.delegated_ipv6_prefixes != profile.delegated_ipv6_prefixes
        )

    def put_into_force(self, profile: Profile, *, now: float) -> None:
        """Let a Profile hold from now on, but for what the data plane and the client must be told."""
        before, self.profile = self.profile, profile
        if before is not None and before.interim_interval_s != profile.interim_interval_s and self.standing.started:
            self._arm_interim(now)

    # -- the data plane

    def _sync_entry(self, now: float) -> list[Event]:
        """Move the data plane one step towards what is wanted; the rest when it has answered."""
        operation = self.forwarding.next_operation()
        if operation is not None:
            return [EntryChanged(operation)]
        return self._settle(now) if self.standing.end is not None else []

    def _route(self, address: int) -> Route:
        """Build the Entry that the Profile and the negotiation ask for."""
        mru, acfc, pfc = self.standing.link_facts
        leg, profile = self.leg, self.profile
        assert profile is not None  # IPCP is opened by admit() only
        if (leg.acfc, leg.pfc) != (acfc, pfc):
            leg = self.leg = leg.compressed(acfc, pfc)
        route = self.settings.route(self.forwarding.slot, self.number, leg, address, mru, profile)
        if not self.forwarding.throttled:
            return route
        up, down, burst_up, burst_down = profile.slowed()
        return replace(
            route, rate_up_bps=up, rate_down_bps=down, burst_up_octets=burst_up, burst_down_octets=burst_down
        )

    def move(self, listener: int, remote_port: int) -> None:
        """Know that its call goes by a listening socket of another number, or to another port."""
        if listener != self.leg.listener or remote_port != self.leg.remote_port:
            self.leg = replace(self.leg, listener=listener, remote_port=remote_port)
            forwarding = self.forwarding
            if forwarding.wanted is not None:
                forwarding.wanted = self._route(forwarding.wanted.addresses[0])

    def change(self, profile: Profile, *, now: float) -> list[Event]:
        """Put a new Profile into force; an Entry that it changes is replaced, its counters go on."""
        self.instants.news |= self._told_otherwise(profile)
        self.put_into_force(profile, now=now)
        events = self._reweigh()
        return events + (self.reroute(now=now) or self._tell_news(now))

    def reroute(self, *, now: float) -> list[Event]:
        """Have the data plane follow what holds for the session now; what is being negotiated follows by itself."""
        forwarding = self.forwarding
        if forwarding.wanted is None:
            return []
        forwarding.wanted = self._route(forwarding.wanted.addresses[0])
        return self._sync_entry(now)

    def resync(self, *, now: float) -> list[Event]:
        """Tell the data plane what it may not know yet; the Entry's counters go on."""
        return [] if self.forwarding.wanted is None else self._sync_entry(now)

    def _insist(self) -> list[Event]:
        """Tell the data plane once more what it has refused; what is on its way is not told again."""
        forwarding = self.forwarding
        again = forwarding.tell_again() if forwarding.state is EntryState.ACTIVE else None
        return [] if again is None else [EntryChanged(again)]

    def _change_refused(self, reason: str, now: float) -> list[Event]:
        """Nobody knows what the data plane has of the session: insist for a while, and at last end it."""
        forwarding = self.forwarding
        if self.standing.end is not None or forwarding.wanted != forwarding.present:
            return self._sync_entry(now)
        if forwarding.refusals >= MOST_REFUSALS or self.standing.phase is not Phase.UP:
            return self.end("data_plane_refused", reason, now=now)
        self.instants.insist_at = now + INSIST_S * 2.0 ** (forwarding.refusals - 1)
        return []

    def programmed(self, outcome: Outcome, *, now: float) -> list[Event]:
        """Take the data plane's answer to the operation that was on its way."""
        forwarding = self.forwarding
        if outcome.counters is not None and forwarding.state is not EntryState.REMOVING:
            return []  # it was removed twice, to be sure, and has been answered
        was_adding = forwarding.state is EntryState.ADDING
        # An Entry that had to change while it was being added is complete only now.
        begins = was_adding or self.standing.phase is Phase.PROGRAMMING
        forwarding.answered(outcome)
        if not outcome.ok and was_adding and self.standing.end is None:
            return self.end("data_plane_refused", outcome.reason, now=now)
        if not outcome.ok and forwarding.state is EntryState.ACTIVE:
            return self._change_refused(outcome.reason, now)
        self.instants.insist_at = None
        if begins and forwarding.present is not None and forwarding.present == forwarding.wanted:
            return self._forwarding_began(now) or self._tell_news(now)
        return self._sync_entry(now) or self._tell_news(now)

    def _forwarding_began(self, now: float) -> list[Event]:
        """Packets flow: the accounting session starts, unless it had before LCP was renegotiated."""
        standing, instants = self.standing, self.instants
        standing.phase = Phase.UP
        instants.active_at = now
        if standing.started:
            return []
        standing.started = True
        instants.up_at = instants.setup_by_at = now  # of use no more: one number less in memory
        self._arm_interim(now)
        up = SubscriberUp(
            self.session_id,
            self.who.user,
            self.line.group,
            self.line.peer_name,
            self.line.peer_address,
            self.address,
            self.who.method,
            now - instants.called_at,
        )
        return [RecordDue(Status.START, 0.0, NOTHING_CARRIED), up]

    # -- the end

    def end(self, reason: str, text: str, *, now: float) -> list[Event]:
        """End the session, for one of the reasons of ``ENDS``; harmless when it is ending already."""
        self._note_end(reason, text)
        return self._remove_entry() + self._settle(now)

    def _note_end(self, reason: str, text: str) -> None:
        """Keep the first cause: what comes after it follows from it."""
        standing = self.standing
        if standing.end is None:
            standing.end = End(ENDS[reason], reason, text, standing.phase)
            standing.phase = Phase.ENDING
            self.forwarding.wanted = None

    def _remove_entry(self) -> list[Event]:
        operation = self.forwarding.next_operation()
        return [] if operation is None else [EntryChanged(operation)]

    def _settle(self, now: float) -> list[Event]:
        """Go on with the end as far as it can go: Stop, address, call, Gone."""
        standing, events = self.standing, list[Event]()
        if standing.end is None or self.forwarding.state is not EntryState.NONE:
            return events
        if not standing.settled:
            events += self._stop(standing.end, now)
            standing.settled = True
        if not standing.call_up:
            events.append(Gone())
        elif not standing.link_up:
            events.append(HangUp(standing.end.text or standing.end.reason))
        return events

    def _stop(self, end: End, now: float) -> list[Event]:
        """Make the Stop of the final counters, tell the whole story in one fact, free the address."""
        up_at, total = self.instants.up_at, self.forwarding.total
        duration_s = now - up_at if up_at is not None else 0.0
        events: list[Event] = []
        if self.standing.started:
            events.append(RecordDue(Status.STOP, duration_s, total, end.cause, end.reason, end.text))
        events.append(self._summary(end, duration_s, total))
        events.append(AddressFree())
        return events

    def call_down(self, reason: str, text: str, *, now: float) -> list[Event]:
        """Note that the call is down: there is nobody to say good-bye to."""
        self.standing.call_up = False
        self._note_end(reason, text)
        return self._remove_entry() + self._settle(now)

    def orphan(self, reason: str) -> None:
        """Note that a new process has found no call of it: it goes on to its end, from ``Subscriber.resume`` on."""
        self.standing.call_up = False
        self._note_end(reason, "")

    def lose(self, reason: str, *, at: float) -> list[Event]:
        """End it in the books alone, as of ``at``: nothing of it is there any more."""
        self._note_end(reason, "")
        standing = self.standing
        if standing.settled or standing.end is None:
            return []
        standing.settled = True
        return self._stop(standing.end, at)

    def _summary(self, end: End, duration_s: float, total: Counters) -> SubscriberEnded:
        line = self.line
        return SubscriberEnded(
            session=self.session_id,
            user=self.who.user,
            group=line.group,
            lac_hostname=line.peer_name,
            lac_address=line.peer_address,
            calling_number=line.calling_number,
            called_number=line.called_number,
            address=self.address,
            method=self.who.method,
            phase=end.phase,
            duration_s=duration_s,
            counters=total,
            cause=end.cause,
            reason=end.reason,
            text=end.text,
            echo_round_trip_s=self.standing.round_trip_s,
            quality=self.quality,
            heard=self.heard,
        )
