from __future__ import annotations

import pytest

from bras.errors import DropReason
from bras.ids import call_key
from bras.l2tp import events as l2tp
from bras.l2tp.events import By, Cause, Refusal
from bras.lns.stages import SetupTimed
from bras.ppp.events import HandoverReason, HandoverResult
from bras.radius import events as radius
from bras.radius.events import Kind
from bras.subscriber.events import AuthOutcome, ProxyJudged, QuotaTold
from bras.telemetry.counts import MAX_REASONS, Counts
from bras.telemetry.initial import OF_DATAGRAMS
from bras.telemetry.tally import Histogram
from tests.unit.telemetry.facts import ENDED, INFO, KEY, LOST, PATH, REFUSED, SLOWED, UP, authenticated


def _feed(counts: Counts, *facts: object) -> Counts:
    handlers = counts.handlers()
    for fact in facts:
        handlers[type(fact)](fact)
    return counts


def test_the_configured_names_are_there_from_the_start() -> None:
    counts = Counts(["any"], ["r1"])
    assert counts.tunnels.setups == {("any", "established", "none"): 0}
    assert counts.tunnels.calls == {("any", "established", "none"): 0}
    assert counts.tunnels.retransmissions == {("any",): 0}
    assert counts.radius.resent == {("r1", "auth"): 0, ("r1", "acct"): 0}


def test_tunnels_by_outcome_and_cause() -> None:
    up = l2tp.TunnelUp(5, 7, "any", "lac1", PATH)
    down = l2tp.TunnelDown(5, "any", "lac1", PATH, LOST)
    refused = l2tp.TunnelRefused("", "stranger", PATH, REFUSED)
    counts = _feed(Counts(), up, up, down, refused).tunnels
    assert counts.setups == {("any", "established", "none"): 2, ("", "refused", "not_authorized"): 1}
    assert counts.tunnels_ended == {("any", "timeout", "cleared"): 1}


def test_refusals_by_reason() -> None:
    wrong = Cause(By.LOCAL, 4, refusal=Refusal.WRONG_SECRET)
    counts = _feed(
        Counts(),
        l2tp.TunnelRefused("any", "lac1", PATH, wrong),
        l2tp.TunnelRefused("any", "lac1", PATH, LOST),
        l2tp.CallRefused("any", PATH, Cause(By.LOCAL, 4)),
        l2tp.CallRefused("any", PATH, Cause(By.LOCAL, 2, 3)),
        l2tp.CallRefused("any", PATH, Cause(By.LOCAL, 2, 8)),
    ).tunnels
    assert counts.lacs.tunnels_refused == {("any", "wrong_secret"): 1, ("any", "timeout"): 1}
    assert counts.lacs.calls_refused == {("any", "limit"): 1, ("any", "bad_message"): 2}


def test_a_call_that_ends_is_counted_in_the_group_of_its_tunnel() -> None:
    tunnel_up = l2tp.TunnelUp(5, 7, "any", "lac1", PATH)
    call_down = l2tp.CallDown(KEY, Cause(By.PEER, 2, 4))
    tunnel_down = l2tp.TunnelDown(5, "any", "lac1", PATH, LOST)
    counts = _feed(Counts(), tunnel_up, l2tp.CallUp(KEY, INFO), call_down, tunnel_down).tunnels
    assert counts.calls == {("any", "established", "none"): 1}
    assert counts.calls_ended == {("any", "peer", "insufficient_resources"): 1}
    _feed_group = l2tp.CallDown(call_key(5, 9), LOST)
    counts.call_down(_feed_group)
    assert counts.calls_ended[("", "timeout", "lost_carrier")] == 1, "the tunnel is forgotten"


def test_drops_and_retransmissions() -> None:
    dropped = l2tp.Dropped(DropReason.BAD_AVP, PATH)
    counts = _feed(Counts(), dropped, dropped, l2tp.Retransmitted(5, "any")).tunnels
    assert counts.dropped == dict.fromkeys(OF_DATAGRAMS, 0) | {DropReason.BAD_AVP: 2}
    assert counts.retransmissions == {("any",): 1}


def test_radius_by_server_and_kind() -> None:
    counts = _feed(
        Counts(),
        radius.Answered("r1", Kind.AUTH, 2, 0.003),
        radius.Answered("r1", Kind.AUTH, 3, 0.2),
        radius.Answered("r1", Kind.ACCT, 5, 99.0),
        radius.Answered("r1", Kind.ACCT, 77, 0.001),
        radius.Resent("r1", Kind.AUTH),
        radius.ReplyDropped("r1", Kind.AUTH, DropReason.RADIUS_SHORT),
        radius.AccountingUnanswered(1),
        radius.ServerDead("r1", Kind.AUTH),
        radius.ServerAlive("r1", Kind.AUTH),
    ).radius
    assert counts.replies == {
        ("r1", "auth", "access_accept"): 1,
        ("r1", "auth", "access_reject"): 1,
        ("r1", "acct", "accounting_response"): 1,
        ("r1", "acct", "other"): 1,
    }
    assert counts.resent == {("r1", "auth"): 1}
    assert counts.replies_dropped == {("r1", "auth", "radius_short"): 1}
    assert counts.unacknowledged == {(): 1}
    assert counts.acknowledged == {("r1",): 1}
    assert counts.deaths == {("r1", "auth"): 1}
    assert counts.latency["r1", "auth"].total == pytest.approx(0.203)
    assert counts.latency["r1", "acct"].counts[-1] == 1, "99 s is above every bound"


def test_subscribers() -> None:
    counts = _feed(Counts(), authenticated(AuthOutcome.REJECTED), UP, ENDED, ENDED).subscribers
    assert counts.authentications == {("any", "chap", "rejected"): 1}
    assert counts.ended == {("any", "user_request", "peer_terminated"): 2}
    assert sum(counts.setup.counts) == 1
    assert counts.setup.total == 0.25


def test_set_ups_by_phase() -> None:
    timed = SetupTimed("s1", (0.125, -1.0, -1.0, 40.0, -1.0))
    phases = _feed(Counts(), timed, timed).subscribers.phases
    assert {phase: (sum(one.counts), one.total) for (phase,), one in phases.items()} == {
        "link": (2, 0.25),
        "authenticating": (0, 0.0),
        "addressing": (0, 0.0),
        "network": (2, 80.0),
        "programming": (0, 0.0),
    }


def test_what_became_of_links_that_lacs_had_negotiated() -> None:
    taken = ProxyJudged("s1", "any", "lac1", HandoverResult.ACCEPTED, HandoverReason.NONE)
    again = ProxyJudged("s2", "any", "lac1", HandoverResult.RENEGOTIATED, HandoverReason.MRU)
    counts = _feed(Counts(), taken, again, again).subscribers
    assert counts.proxies == {("any", "accepted", "none"): 1, ("any", "renegotiated", "mru"): 2}


def test_reasons_are_bounded() -> None:
    """A reason that were text from the network must not fill the memory of Prometheus."""
    counts = Counts().subscribers
    fields = {name: getattr(ENDED, name) for name in type(ENDED).__slots__}
    for number in range(MAX_REASONS + 50):
        counts.subscriber_ended(type(ENDED)(**fields | {"reason": f"r{number}"}))
    assert len(counts.ended) == MAX_REASONS + 1
    assert counts.ended["any", "user_request", "other"] == 50


def test_a_value_on_a_bound_belongs_below_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 2.1):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 1]
    assert histogram.total == pytest.approx(7.1)


def test_sessions_that_a_quota_has_slowed_down() -> None:
    counts = _feed(Counts(), SLOWED, SLOWED, QuotaTold("s1", "alice", "any", "", 0, 0)).subscribers
    assert counts.throttles == {("any", "throttled"): 2, ("any", "lifted"): 1}
