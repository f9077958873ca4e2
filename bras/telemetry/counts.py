"""Plain counters over the facts: what a fact costs is a dictionary lookup and an addition.

Keys are tuples of label values, all of them from enums or the configuration; names and
numbers of subscribers never become one.  ``bras.telemetry.metrics`` turns them into
samples when somebody asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bras.accounting import events as accounting
from bras.errors import DropReason
from bras.ids import CallKey, tunnel_of
from bras.l2tp import events as l2tp
from bras.l2tp import refusals
from bras.l2tp.sender import STALL
from bras.lns.policy import InterimRaised
from bras.lns.stages import PHASES, SetupTimed
from bras.ppp import events as ppp
from bras.radius import events as radius
from bras.radius.codec import ACCOUNTING_RESPONSE
from bras.radius.events import Kind
from bras.subscriber.events import Authenticated, ProxyJudged, QuotaTold, SubscriberEnded, SubscriberUp
from bras.telemetry import initial
from bras.telemetry.coa_counts import CoaCounts
from bras.telemetry.config_counts import ConfigCounts
from bras.telemetry.lac_counts import LacCounts
from bras.telemetry.loop_counts import LoopCounts
from bras.telemetry.tally import LATENCY_BOUNDS_S, Handlers, Histogram, Labels, Tally
from bras.telemetry.words import RADIUS_CODES, TERMINATE_CAUSES, call_cause, tunnel_cause

MAX_REASONS = 500
"""Different (group, cause, reason) of ended sessions; beyond it a reason is counted as "other"."""

SETUP_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ECHO_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class TunnelCounts:
    """What became of tunnels and calls."""

    __slots__ = (
        "_groups",
        "calls",
        "calls_ended",
        "data_lost",
        "data_reordered",
        "disconnects",
        "dropped",
        "lacs",
        "reports",
        "retransmissions",
        "setups",
        "tunnels_ended",
    )

    def __init__(self, groups: Iterable[str]) -> None:
        """Begin at zero, with the samples of the configured groups already there."""
        names = list(groups)
        self.setups: Tally = defaultdict(int, {(name, "established", "none"): 0 for name in names})
        """By group, outcome, cause."""
        self.tunnels_ended: Tally = defaultdict(int)
        """By group, who ended it, cause."""
        self.calls: Tally = defaultdict(int, {(name, "established", "none"): 0 for name in names})
        """By group, outcome, cause."""
        self.calls_ended: Tally = defaultdict(int)
        """By group, who ended it, cause."""
        self.disconnects: Tally = defaultdict(int)
        """By group, who ended the call, and what became of PPP (RFC 3145)."""
        self.retransmissions: Tally = defaultdict(int, {(name,): 0 for name in names})
        """By group."""
        self.reports: Tally = defaultdict(int)
        """By group, and what was told: errors (WEN), accm (SLI), speeds (CSUN)."""
        self.data_lost: Tally = defaultdict(int, {(name,): 0 for name in names})
        """By group."""
        self.data_reordered: Tally = defaultdict(int, {(name,): 0 for name in names})
        """By group."""
        self.lacs = LacCounts(names)
        self.dropped: defaultdict[DropReason, int] = defaultdict(int, dict.fromkeys(initial.OF_DATAGRAMS, 0))
        self._groups: dict[int, str] = {}
        """Group of each tunnel, since the end of a call does not say it."""

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {
            l2tp.TunnelUp: self.tunnel_up,
            l2tp.TunnelDown: self.tunnel_down,
            l2tp.TunnelRefused: self.tunnel_refused,
            l2tp.CallUp: self.call_up,
            l2tp.CallDown: self.call_down,
            l2tp.CallRefused: self.call_refused,
            l2tp.ErrorsReported: self.errors_reported,
            l2tp.AccmReceived: self.accm_received,
            l2tp.SpeedChanged: self.speed_changed,
            l2tp.Dropped: self.drop,
            l2tp.DataDisordered: self.data_disordered,
            l2tp.TunnelProbed: self.lacs.tunnel_probed,
            l2tp.TunnelMoved: self.lacs.tunnel_moved,
            l2tp.LockedOut: self.lacs.locked_out,
            l2tp.LockoutEnded: self.lacs.lockout_ended,
            l2tp.Retransmitted: self.retransmitted,
            l2tp.RoundTripMeasured: self.lacs.round_trip_measured,
        }

    def tunnel_up(self, fact: l2tp.TunnelUp) -> None:
        """Count an established tunnel."""
        self._groups[fact.tunnel_id] = fact.group
        self.setups[fact.group, "established", "none"] += 1

    def tunnel_down(self, fact: l2tp.TunnelDown) -> None:
        """Count the end of an established tunnel."""
        self._groups.pop(fact.tunnel_id, None)
        self.tunnels_ended[fact.group, fact.cause.by.value, tunnel_cause(fact.cause)] += 1

    def tunnel_refused(self, fact: l2tp.TunnelRefused) -> None:
        """Count a tunnel that never came up."""
        self.setups[fact.group, "refused", tunnel_cause(fact.cause)] += 1
        self.lacs.tunnels_refused[fact.group, refusals.of_tunnel(fact.cause).value] += 1

    def call_up(self, fact: l2tp.CallUp) -> None:
        """Count an established call."""
        self.calls[fact.info.group, "established", "none"] += 1

    def call_down(self, fact: l2tp.CallDown) -> None:
        """Count the end of an established call."""
        group = self._groups.get(tunnel_of(fact.key), "")
        self.calls_ended[group, fact.cause.by.value, call_cause(fact.cause)] += 1
        if fact.cause.disconnect is not None:
            self.disconnects[group, fact.cause.by.value, fact.cause.disconnect.word] += 1

    def call_refused(self, fact: l2tp.CallRefused) -> None:
        """Count a call that never came up."""
        self.calls[fact.group, "refused", call_cause(fact.cause)] += 1
        self.lacs.calls_refused[fact.group, refusals.of_call(fact.cause).value] += 1

    def errors_reported(self, fact: l2tp.ErrorsReported) -> None:
        """Count a WEN."""
        self._report(fact.key, "errors")

    def accm_received(self, fact: l2tp.AccmReceived) -> None:
        """Count an SLI."""
        self._report(fact.key, "accm")

    def speed_changed(self, fact: l2tp.SpeedChanged) -> None:
        """Count new speeds of a call."""
        self._report(fact.key, "speeds")

    def _report(self, key: CallKey, what: str) -> None:
        self.reports[self._groups.get(tunnel_of(key), ""), what] += 1

    def drop(self, fact: l2tp.Dropped) -> None:
        """Count a dropped datagram."""
        self.dropped[fact.reason] += 1

    def data_disordered(self, fact: l2tp.DataDisordered) -> None:
        """Count data messages that did not come in time, and those that were put in order."""
        self.data_lost[fact.group,] += fact.lost
        self.data_reordered[fact.group,] += fact.reordered

    def retransmitted(self, fact: l2tp.Retransmitted) -> None:
        """Count a repeated control message, and once that the LAC acknowledges nothing."""
        self.retransmissions[fact.group,] += 1
        if fact.retries == STALL:
            self.lacs.stalls[fact.group,] += 1


class RadiusCounts:
    """What became of requests to RADIUS servers."""

    __slots__ = (
        "acknowledged",
        "deaths",
        "latency",
        "replies",
        "replies_dropped",
        "resent",
        "unacknowledged",
    )

    def __init__(self, servers: Iterable[str]) -> None:
        """Begin at zero, with the samples of the configured servers already there."""
        names = list(servers)
        pairs = list(initial.pairs(names))
        self.replies: Tally = defaultdict(int, initial.replies(names))
        """By server, kind, code."""
        self.resent: Tally = defaultdict(int, dict.fromkeys(pairs, 0))
        """By server, kind."""
        self.deaths: Tally = defaultdict(int, dict.fromkeys(pairs, 0))
        """By server, kind."""
        self.replies_dropped: Tally = defaultdict(int, initial.replies_dropped(pairs))
        """By server, kind, reason."""
        self.unacknowledged: Tally = defaultdict(int, {(): 0})
        """Rounds of an accounting record through all servers without an answer."""
        self.acknowledged: Tally = defaultdict(int)
        """Accounting records by server."""
        self.latency: dict[Labels, Histogram] = {pair: Histogram(LATENCY_BOUNDS_S) for pair in pairs}
        """By server, kind."""

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {
            radius.Answered: self.answered,
            radius.Resent: self.sent_again,
            radius.ServerDead: self.server_died,
            radius.ServerAlive: self.server_changed,
            radius.ConnectionUp: self.server_changed,
            radius.ConnectionDown: self.server_changed,
            radius.ReplyDropped: self.reply_dropped,
            radius.AccountingUnanswered: self.accounting_unanswered,
            accounting.Forgotten: self.spool_changed,
            accounting.SpoolAlert: self.spool_changed,
        }

    def answered(self, fact: radius.Answered) -> None:
        """Count a reply and how long it took."""
        kind = "auth" if fact.kind is Kind.AUTH else "acct"
        if fact.code == ACCOUNTING_RESPONSE:
            self.acknowledged[fact.server,] += 1
        self.replies[fact.server, kind, RADIUS_CODES.get(fact.code, "other")] += 1
        latency = self.latency.get((fact.server, kind))
        if latency is None:
            latency = self.latency[fact.server, kind] = Histogram(LATENCY_BOUNDS_S)
        latency.observe(fact.seconds)

    def sent_again(self, fact: radius.Resent) -> None:
        """Count a repeated request."""
        self.resent[fact.server, fact.kind.value] += 1

    def server_died(self, fact: radius.ServerDead) -> None:
        """Count a server that is passed over from now on."""
        self.deaths[fact.server, fact.kind.value] += 1

    def server_changed(self, fact: radius.ServerAlive | radius.ConnectionUp | radius.ConnectionDown) -> None:
        """Count nothing: whether a server is up is in the census."""

    def reply_dropped(self, fact: radius.ReplyDropped) -> None:
        """Count a dropped reply."""
        self.replies_dropped[fact.server, fact.kind.value, fact.reason.value] += 1

    def accounting_unanswered(self, fact: radius.AccountingUnanswered) -> None:
        """Count a round of an accounting record through all servers without an answer."""
        self.unacknowledged[()] += 1

    def spool_changed(self, fact: accounting.Forgotten | accounting.SpoolAlert) -> None:
        """Count nothing: what is owed, and what was given up, is in the census."""


class SubscriberCounts:
    """What became of subscribers."""

    __slots__ = ("authentications", "dropped", "echo", "ended", "phases", "proxies", "raised", "setup", "throttles")

    def __init__(self, groups: Iterable[str] = ()) -> None:
        """Begin at zero, with the samples of the configured groups already there."""
        self.authentications: Tally = defaultdict(int, initial.authentications(groups))
        """By group, method, outcome."""
        self.ended: Tally = defaultdict(int)
        """By group, cause, reason."""
        self.proxies: Tally = defaultdict(int)
        """By group, result, reason."""
        self.throttles: Tally = defaultdict(int)
        """By group, and what became of the rates."""
        self.raised: Tally = defaultdict(int)
        """Interim intervals that were too short, by their source."""
        self.setup = Histogram(SETUP_BOUNDS_S)
        self.phases: dict[Labels, Histogram] = {(phase.value,): Histogram(SETUP_BOUNDS_S) for phase in PHASES}
        """Of set-ups, by phase."""
        self.echo = Histogram(ECHO_BOUNDS_S)
        self.dropped: defaultdict[DropReason, int] = defaultdict(int, dict.fromkeys(initial.OF_FRAMES, 0))
        """Frames."""

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {
            Authenticated: self.authenticated,
            ProxyJudged: self.proxy_judged,
            SubscriberUp: self.subscriber_up,
            SetupTimed: self.setup_timed,
            SubscriberEnded: self.subscriber_ended,
            QuotaTold: self.quota_told,
            InterimRaised: self.interim_raised,
            ppp.Dropped: self.drop,
            ppp.EchoMeasured: self.echo_measured,
        }

    def authenticated(self, fact: Authenticated) -> None:
        """Count a decided authentication."""
        self.authentications[fact.group, fact.method, fact.outcome.value] += 1

    def proxy_judged(self, fact: ProxyJudged) -> None:
        """Count what became of LCP and authentication that a LAC had done."""
        self.proxies[fact.group, fact.result.value, fact.reason.value] += 1

    def quota_told(self, fact: QuotaTold) -> None:
        """Count a session that was slowed down, or is not any more."""
        self.throttles[fact.group, "throttled" if fact.spent else "lifted"] += 1

    def interim_raised(self, fact: InterimRaised) -> None:
        """Count a source whose interim interval is too short."""
        self.raised[(fact.source,)] += 1

    def subscriber_up(self, fact: SubscriberUp) -> None:
        """Count how long a set-up took."""
        self.setup.observe(fact.setup_s)

    def setup_timed(self, fact: SetupTimed) -> None:
        """Count how long it took in each phase."""
        for phase, seconds in fact.by_phase:
            self.phases[phase.value,].observe(seconds)

    def subscriber_ended(self, fact: SubscriberEnded) -> None:
        """Count the end of a session."""
        key = (fact.group, TERMINATE_CAUSES[fact.cause], fact.reason)
        if key not in self.ended and len(self.ended) >= MAX_REASONS:
            key = (*key[:2], "other")
        self.ended[key] += 1

    def drop(self, fact: ppp.Dropped) -> None:
        """Count a dropped frame."""
        self.dropped[fact.reason] += 1

    def echo_measured(self, fact: ppp.EchoMeasured) -> None:
        """Count an echo's round-trip time."""
        self.echo.observe(fact.round_trip_s)


class Counts:
    """All counters of one worker."""

    __slots__ = ("coa", "config", "loop", "radius", "subscribers", "tunnels")

    def __init__(
        self, groups: Iterable[str] = (), servers: Iterable[str] = (), coa_clients: Iterable[str] = ()
    ) -> None:
        """Begin at zero for the ``[[lac]]`` groups, RADIUS servers and clients of these names."""
        self.coa = CoaCounts(coa_clients)
        names = list(groups)
        self.tunnels = TunnelCounts(names)
        self.radius = RadiusCounts(servers)
        self.subscribers = SubscriberCounts(names)
        self.loop = LoopCounts()
        self.config = ConfigCounts()

    def handlers(self) -> Handlers:
        """Return what to call for every fact there is."""
        return self.tunnels.handlers() | self.radius.handlers() | self.coa.handlers() | self.subscribers.handlers()
