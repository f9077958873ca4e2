from __future__ import annotations

from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from bras.accounting.events import Forgotten
from bras.errors import DropReason, ProtocolViolation
from bras.forwarding.entry import Counters
from bras.l2tp import events as l2tp
from bras.l2tp.disconnect import Q931, Disconnect
from bras.l2tp.events import By, CallInfo, Cause
from bras.ppp.events import HandoverReason, HandoverResult
from bras.radius import events as radius
from bras.radius.events import Kind
from bras.subscriber.events import AuthOutcome, ProxyJudged
from bras.telemetry.limit import RepeatLimit
from bras.telemetry.lines import OFTEN, Lines
from tests.unit.telemetry.facts import ENDED, FACTS, KEY, LOST, PATH, REFUSED, UP, authenticated, dropped_reply


def _lines(*facts: object, debug: bool = False, now: list[float] | None = None) -> list[dict[str, Any]]:
    clock = now or [0.0]
    with capture_logs() as captured:
        lines = Lines(structlog.get_logger(), servers=["r0", "r1"], limit=RepeatLimit(clock=lambda: clock[0]))
        handlers = lines.handlers(debug=debug)
        for fact in facts:
            if type(fact) in handlers:
                handlers[type(fact)](fact)
            elif isinstance(fact, float):
                clock[0] = fact
    return [dict(line) for line in captured]


def test_session_ended_says_everything_of_a_session() -> None:
    assert _lines(ENDED) == [
        {
            "event": "session_ended",
            "log_level": "info",
            "session": "s1",
            "user": "alice",
            "lac": "any",
            "lac_hostname": "lac1",
            "lac_address": "198.18.0.2",
            "calling_number": "0123",
            "called_number": "0456",
            "address": "10.64.0.1",
            "method": "chap",
            "phase": "up",
            "duration_s": 12.346,
            "up_octets": 11,
            "up_packets": 2,
            "down_octets": 30,
            "down_packets": 44,
            "up_spoofed": 0,
            "up_policed": 0,
            "down_policed": 0,
            "down_too_big": 0,
            "cause": "user_request",
            "reason": "peer_terminated",
            "text": "bye\nforged",  # cleaned where the line is made: test_logs
            "echo_ms": 12.3,
            "echo_max_ms": 250.0,
            "echo_loss_percent": 6.25,
        }
    ]


def test_a_session_that_never_had_an_address_shows_none() -> None:
    fields = {name: getattr(ENDED, name) for name in type(ENDED).__slots__}
    ended = type(ENDED)(**fields | {"address": 0, "echo_round_trip_s": 0.0, "quality": None, "counters": Counters()})
    (line,) = _lines(ended)
    assert line["address"] is None
    assert line["echo_ms"] is line["echo_max_ms"] is line["echo_loss_percent"] is None


def test_session_up_is_told_at_debug_only() -> None:
    assert not _lines(UP)
    (line,) = _lines(UP, debug=True)
    assert line["event"] == "session_up"
    assert (line["user"], line["address"], line["setup_ms"]) == ("alice", "10.64.0.1", 250.0)


def test_what_became_of_a_link_that_the_lac_had_negotiated_is_told_at_debug_only() -> None:
    fact = ProxyJudged("s1", "any", "lac1", HandoverResult.RENEGOTIATED, HandoverReason.MRU)
    assert not _lines(fact)
    (line,) = _lines(fact, debug=True)
    assert (line["event"], line["result"], line["reason"]) == ("proxy_judged", "renegotiated", "mru")
    assert (line["session"], line["lac"], line["lac_hostname"]) == ("s1", "any", "lac1")


def test_an_accepted_authentication_has_no_line_of_its_own() -> None:
    assert not _lines(authenticated(AuthOutcome.ACCEPTED))


@pytest.mark.parametrize("outcome", [outcome for outcome in AuthOutcome if outcome is not AuthOutcome.ACCEPTED])
def test_a_refused_authentication_has_the_servers_text(outcome: AuthOutcome) -> None:
    (line,) = _lines(authenticated(outcome, "Account expired"))
    unanswered = outcome is AuthOutcome.UNANSWERED
    assert line["event"] == ("authentication_unanswered" if unanswered else "authentication_rejected")
    assert line["log_level"] == "warning"
    assert (line["user"], line["outcome"], line["text"]) == ("alice", outcome.value, "Account expired")
    assert ("[radius.unsupported]" in line.get("hint", "")) == (outcome is AuthOutcome.UNSUPPORTED)


def test_tunnels() -> None:
    closed = Cause(By.PEER, 6, text="maintenance")
    up, down, lost, refused = _lines(
        l2tp.TunnelUp(5, 7, "any", "lac1", PATH),
        l2tp.TunnelDown(5, "any", "lac1", PATH, closed),
        l2tp.TunnelDown(6, "any", "lac1", PATH, LOST),
        l2tp.TunnelRefused("", "stranger", PATH, REFUSED),
    )
    assert (up["event"], up["tunnel"], up["peer_tunnel"], up["lac_address"]) == ("tunnel_up", 5, 7, "198.18.0.2")
    assert (down["log_level"], down["cause"], down["by"], down["text"]) == (
        "info",
        "shutting_down",
        "peer",
        "maintenance",
    )
    assert lost["log_level"] == "warning"
    assert (refused["event"], refused["cause"], refused["lac"]) == ("tunnel_refused", "not_authorized", None)


def test_a_refusal_because_of_an_avp_names_it_and_the_section() -> None:
    problem = ProtocolViolation(2, 3, "Host Name is wrong", avp="Host Name", section="RFC 2661 section 4.4.3")
    tunnel, call, other = _lines(
        l2tp.TunnelRefused("any", "lac1", PATH, Cause.of(problem)),
        l2tp.CallRefused("any", PATH, Cause.of(problem)),
        l2tp.TunnelRefused("any", "lac1", PATH, REFUSED),
    )
    for line in (tunnel, call):
        assert (line["avp"], line["section"]) == ("Host Name", "RFC 2661 section 4.4.3")
        assert (line["cause"], line["text"]) == ("value_out_of_range", "Host Name is wrong")
    assert not {"avp", "section"} & other.keys()
    assert [line["reason"] for line in (tunnel, call, other)] == ["bad_message", "bad_message", "other"]


def test_a_reply_without_message_authenticator_names_the_key_and_the_value() -> None:
    (line,) = _lines(dropped_reply(DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR))
    assert line["event"] == "radius_reply_dropped"
    assert line["reason"] == "radius_missing_message_authenticator"
    assert line["key"] == "radius.server[1].message_authenticator"
    assert '"if-present"' in line["hint"]


@pytest.mark.parametrize("reason", [DropReason.RADIUS_BAD_AUTHENTICATOR, DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR])
def test_a_reply_signed_with_another_secret_names_the_secrets_key(reason: DropReason) -> None:
    (line,) = _lines(dropped_reply(reason, server="r0"))
    assert line["key"] == "radius.server[0].secret"


def test_a_reply_that_comes_too_late_names_the_time_that_is_waited() -> None:
    (line,) = _lines(dropped_reply(DropReason.RADIUS_LATE, server="r0"))
    assert line["key"] == "radius.server[0].timeout_s"
    assert line["reason"] == "radius_late"


def test_other_dropped_replies_give_no_advice() -> None:
    (line,) = _lines(dropped_reply(DropReason.RADIUS_SHORT))
    assert "key" not in line


def test_servers_that_die_and_come_back() -> None:
    dead, alive = _lines(radius.ServerDead("r1", Kind.ACCT), radius.ServerAlive("r1", Kind.ACCT))
    assert (dead["event"], dead["log_level"], dead["kind"]) == ("radius_server_dead", "error", "acct")
    assert alive["event"] == "radius_server_alive"


@pytest.mark.parametrize(
    "fact",
    [
        l2tp.TunnelRefused("", "stranger", PATH, REFUSED),
        l2tp.CallRefused("any", PATH, REFUSED),
        dropped_reply(DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR),
        radius.AccountingUnanswered(1),
        Forgotten(None, "0" * 20, 2),
        l2tp.Dropped(DropReason.BAD_AVP, PATH),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_what_can_be_repeated_at_will_is_limited(fact: object) -> None:
    lines = _lines(*[fact] * 1000, 11.0, fact, debug=True)
    assert len(lines) == 6
    assert "held_back" not in lines[0]
    assert lines[-1]["held_back"] == 995


def test_hot_facts_are_looked_at_only_when_debugging() -> None:
    lines = Lines(structlog.get_logger())
    hot = {
        l2tp.CallUp,
        l2tp.CallDown,
        l2tp.Dropped,
        l2tp.DataDisordered,
        l2tp.Retransmitted,
        radius.Answered,
        radius.Resent,
    }
    assert not hot & lines.handlers(debug=False).keys()
    assert hot <= lines.handlers(debug=True).keys()


def test_every_fact_has_a_line_when_debugging() -> None:
    events = {line["event"] for line in _lines(*FACTS, debug=True)}
    assert {"call_up", "call_down", "datagram_dropped", "retransmitted", "frame_dropped", "echo_measured"} <= events
    assert all(event.replace("_", "").isalpha() and event.islower() for event in events)
    (call_up,) = (line for line in _lines(*FACTS, debug=True) if line["event"] == "call_up")
    assert (call_up["tunnel"], call_up["call"]) == (KEY >> 16, KEY & 0xFFFF)


def test_a_call_is_told_with_all_that_the_lac_said() -> None:
    line = bytes.fromhex("0108") + b"dslam1" + bytes.fromhex("8106 000fa000")
    info = CallInfo(
        "any", PATH, "lac1", 7, 8, 9, sub_address="s", physical_channel=0, private_group="red", access_line=line
    )
    (told,) = _lines(l2tp.CallUp(KEY, info), debug=True)
    assert told["agent_circuit_id"] == "dslam1"
    assert told["actual_data_rate_upstream_bps"] == 1_024_000
    assert (told["sub_address"], told["physical_channel"], told["private_group"]) == ("s", 0, "red")
    assert "bearer_type" not in told, "it was not said"


def test_why_ppp_ended_is_told_with_the_call() -> None:
    cause = Cause(By.PEER, 1, disconnect=Disconnect(7, 0xC021, 1, "loop"), q931=Q931(16, 0x45, "cleared"))
    (told,) = _lines(l2tp.CallDown(KEY, cause), debug=True)
    assert (told["ppp_cause"], told["ppp_protocol"], told["ppp_direction"], told["ppp_text"]) == (
        "loopback", "c021", 1, "loop"
    )  # fmt: skip
    assert (told["q931_cause"], told["q931_message"], told["q931_text"]) == (16, 0x45, "cleared")
    (plain,) = _lines(l2tp.CallDown(KEY, LOST), debug=True)
    assert not [name for name in plain if name.startswith(("ppp_", "q931_"))]


def test_tunnels_that_come_and_go_are_limited_by_group() -> None:
    """Where a LAC has no secret to prove, anybody can have a tunnel."""
    with capture_logs() as lines:
        handlers = Lines(structlog.get_logger()).handlers(debug=False)
        for _ in range(OFTEN + 50):
            for fact in (l2tp.TunnelUp(5, 7, "open", "lac1", PATH), l2tp.TunnelDown(5, "open", "lac1", PATH, LOST)):
                handlers[type(fact)](fact)
        handlers[l2tp.TunnelUp](l2tp.TunnelUp(5, 7, "other", "lac1", PATH))
    told = [(line["event"], line["lac"]) for line in lines]
    assert told.count(("tunnel_up", "open")) == told.count(("tunnel_down", "open")) == OFTEN
    assert ("tunnel_up", "other") in told
