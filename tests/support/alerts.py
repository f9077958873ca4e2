"""For each alert of ``deploy/rules``: series by which it fires, and series by which it must not.

Series are written as promtool wants them (``0+6x20``: begin at 0, add 6, twenty times), one
value a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """What an alert is tried with."""

    alert: str
    fires: Series
    """With these it fires at ``at``."""
    calm: Series
    """With these it does at no time until then, though much is alike."""
    labels: dict[str, str] = field(default_factory=dict)
    """What it carries then, beside ``instance`` and its severity."""
    at: str = "30m"


def _of(name: str, values: str, **labels: str) -> Series:
    return {
        name
        + "{"
        + ", ".join(f'{key}="{value}"' for key, value in {"instance": "lns1", **labels}.items())
        + "}": values
    }


JOB = {"job": "bras"}
ANY = {"lac": "any"}
ACCEPTED = _of("bras_authentications_total", "0+600x60", lac="any", method="chap", outcome="accepted")
CALLS = _of("bras_calls_total", "0+60x60", lac="any", outcome="established", cause="none")
UP = _of("bras_sessions", "10000x60", lac="any", state="up")
SCRAPED = _of("up", "1x60", **JOB)


def _pool(used: str, free: str) -> Series:
    size = _of("bras_pool_size", "1000x400", pool="p")
    return (
        _of("bras_pool_addresses", used, pool="p", state="used")
        | _of("bras_pool_addresses", free, pool="p", state="free")
        | size
    )


def _server(name: str, values: str, kind: str = "auth") -> Series:
    return _of("bras_radius_server_up", values, server=name, kind=kind)


def _latency(quick: str, slow: str) -> Series:
    labels = {"server": "r1", "kind": "auth"}
    buckets = {"0.1": quick, "2.5": slow, "+Inf": slow}
    return {
        key: value
        for le, values in buckets.items()
        for key, value in _of("bras_radius_latency_seconds_bucket", values, le=le, **labels).items()
    }


def _rejected(values: str, reason: str) -> Series:
    return _of("bras_radius_replies_dropped_total", values, server="r1", kind="auth", reason=reason)


def _lateness(quick: str, slow: str, held: str) -> Series:
    buckets = _of("bras_timer_lateness_seconds_bucket", quick, le="0.01")
    slow_ones = _of("bras_timer_lateness_seconds_bucket", slow, le="1.0")
    all_ = _of("bras_timer_lateness_seconds_bucket", slow, le="+Inf")
    return buckets | slow_ones | all_ | _of("bras_loop_hold_seconds_sum", held)


def _pauses(quick: str, count: str) -> Series:
    labels = {"generation": "2"}
    return _of("bras_gc_pause_seconds_bucket", quick, le="0.1", **labels) | _of(
        "bras_gc_pause_seconds_count", count, **labels
    )


def _dropped(values: str, reason: str) -> Series:
    packets = _of("bras_forwarded_packets_total", "0+600000x60", direction="up", family="ipv4")
    return packets | _of("bras_dropped_total", values, layer="dataplane", reason=reason)


def _owed(stops: str, interims: str) -> Series:
    return _of("bras_spool_records", stops, group="b", kind="stop") | _of(
        "bras_spool_records", interims, group="b", kind="interim"
    )


CASES = (
    Case("BrasDown", _of("up", "1x10 0x20", **JOB), _of("up", "1x10 0 1x20", **JOB), JOB),
    Case(
        "BrasRestarted",
        _of("process_start_time_seconds", "1x20 2x4 3x20", **JOB),
        _of("process_start_time_seconds", "1x20 2x40", **JOB),
        JOB,
    ),
    Case(
        "BrasConfigWaits",
        _of("bras_config_restart_needed", "0x5 2x90"),
        _of("bras_config_restart_needed", "0x5 2x40 0x60"),
        at="80m",
    ),
    Case(
        "BrasConfigRefused",
        _of("bras_config_reloads_total", "0x25 1x20", outcome="refused"),
        _of("bras_config_reloads_total", "0x25 1x20", outcome="applied"),
        {"outcome": "refused"},
    ),
    Case(
        "BrasLogLinesLost",
        _of("bras_log_lines_dropped_total", "0x25 7x20"),
        _of("bras_log_lines_dropped_total", "7x60"),
    ),
    Case(
        "BrasSocketDrops",
        _of("bras_socket_dropped_total", "0+600x60", listen="192.0.2.1"),
        _of("bras_socket_dropped_total", "0x20 900x40", listen="192.0.2.1"),
        {"listen": "192.0.2.1"},
    ),
    Case(
        "BrasJournalFails",
        _of("bras_journal_write_failures_total", "0x27 1+1x20"),
        _of("bras_journal_write_failures_total", "3x60"),
    ),
    Case(
        "BrasJournalBehind",
        _of("bras_journal_behind_seconds", "0x20 5+60x20"),
        _of("bras_journal_behind_seconds", "3x60"),
    ),
    Case("BrasLoopLag", _lateness("0+900x60", "0+1000x60", "0+20x60"), _lateness("0+998x60", "0+1000x60", "0+20x60")),
    Case("BrasLoopLag", _lateness("0+1000x60", "0+1000x60", "0+58x60"), _lateness("0+1000x60", "0+1000x60", "0+50x60")),
    Case("BrasGcPause", _pauses("0+2x25 53x20", "0+2x25 57x20"), _pauses("0+2x60", "0+2x60")),
    Case("BrasDefect", _of("bras_defects_total", "0x25 1x20"), _of("bras_defects_total", "1x60")),
    Case(
        "BrasTunnelsStalled",
        _of("bras_tunnels_stalled", "0x20 2x20", lac="any"),
        _of("bras_tunnels_stalled", "0x20 1 0x20", lac="any"),
        ANY,
    ),
    Case(
        "BrasTunnelsLost",
        SCRAPED | _of("bras_tunnels_ended_total", "_x25 1x20", lac="any", by="timeout", cause="none"),
        SCRAPED
        | _of("bras_tunnels_ended_total", "_x25 1x20", lac="any", by="peer", cause="cleared")
        | _of("bras_tunnels_ended_total", "1x60", lac="any", by="timeout", cause="none"),
        ANY,
    ),
    Case(
        "BrasTunnelsLost",
        SCRAPED | _of("bras_tunnels_ended_total", "1x25 2x20", lac="any", by="timeout", cause="none"),
        SCRAPED | _of("bras_tunnels_ended_total", "1x25 2x20", lac="any", by="local", cause="cleared"),
        ANY,
    ),
    Case(
        "BrasTunnelsGone",
        _of("bras_tunnels", "8x20 0x20", lac="any", state="established"),
        _of("bras_tunnels", "8x20 5x20", lac="any", state="established"),
        ANY,
    ),
    Case(
        "BrasRetransmissions",
        _of("bras_retransmissions_total", "0+1x100 101+120x60", lac="any"),
        _of("bras_retransmissions_total", "0+120x160", lac="any"),
        ANY,
        at="120m",
    ),
    Case(
        "BrasCallsRefused",
        CALLS | _of("bras_calls_total", "0+30x60", lac="any", outcome="refused", cause="busy"),
        CALLS | _of("bras_calls_total", "0+2x60", lac="any", outcome="refused", cause="busy"),
        ANY,
    ),
    Case(
        "BrasEchoLoss",
        UP | _of("bras_sessions_ended_total", "0+40x60", lac="any", cause="lost_carrier", reason="echo_timeout"),
        UP
        | _of("bras_sessions_ended_total", "0+10x60", lac="any", cause="lost_carrier", reason="echo_timeout")
        | _of("bras_sessions_ended_total", "0+40x60", lac="any", cause="user_request", reason="client_terminated"),
    ),
    Case(
        "BrasAuthenticationsRejected",
        ACCEPTED | _of("bras_authentications_total", "0+400x60", lac="any", method="chap", outcome="rejected"),
        ACCEPTED | _of("bras_authentications_total", "0+100x60", lac="any", method="chap", outcome="rejected"),
    ),
    Case(
        "BrasSetupsFail",
        CALLS | _of("bras_session_setup_seconds_count", "0+30x60"),
        CALLS | _of("bras_session_setup_seconds_count", "0+55x60"),
    ),
    Case("BrasPoolLow", _pool("970x60", "30x60"), _pool("900x60", "100x60"), {"pool": "p"}),
    Case(
        "BrasPoolWillEnd",
        _pool("500+4x90", "500-4x90"),
        _pool("500x45 504+4x45", "500x45 496-1x45"),
        {"pool": "p"},
        at="80m",
    ),
    Case(
        "BrasPoolExhausted",
        _of("bras_pool_exhausted_total", "0x28 3x9", pool="p"),
        _of("bras_pool_exhausted_total", "3x60", pool="p"),
        {"pool": "p"},
    ),
    Case("BrasDataPlaneDrops", _dropped("0+12000x60", "no_route"), _dropped("0+12000x60", "policed_down")),
    Case("BrasDataPlaneDrops", _dropped("0+12000x60", "not_programmed"), _dropped("0+1200x60", "not_programmed")),
    Case(
        "BrasRadiusServerDead",
        _server("r1", "1x10 0x40") | _server("r2", "1x60"),
        _server("r1", "1x28 0 1x30") | _server("r2", "1x60"),
        {"server": "r1", "kind": "auth"},
    ),
    Case(
        "BrasRadiusAllDead",
        _server("r1", "1x10 0x40") | _server("r2", "0x60") | _server("r1", "1x60", "acct"),
        _server("r1", "1x10 0x40") | _server("r2", "1x60") | _server("r1", "1x60", "acct"),
        {"kind": "auth"},
    ),
    Case(
        "BrasRadiusSlow",
        _latency("0+80x60", "0+100x60"),
        _latency("0+98x60", "0+100x60"),
        {"server": "r1", "kind": "auth"},
    ),
    Case(
        "BrasRadiusRepliesRejected",
        _rejected("0x25 1x20", "radius_bad_authenticator"),
        _rejected("0x25 1x20", "radius_late") | _rejected("4x60", "radius_bad_authenticator"),
        {"server": "r1", "reason": "radius_bad_authenticator"},
    ),
    Case(
        "BrasCertificateEnds",
        _of("bras_radius_certificate_end_timestamp_seconds", "1000000x60", server="r1"),
        _of("bras_radius_certificate_end_timestamp_seconds", "2000000x60", server="r1"),
        {"server": "r1"},
    ),
    Case(
        "BrasAccountingWaits",
        _of("bras_radius_accounting_unanswered_total", "0+3x60"),
        _of("bras_radius_accounting_unanswered_total", "0x10 30x50"),
    ),
    Case(
        "BrasSpoolOld",
        _of("bras_spool_oldest_seconds", "0x5 60+60x60", group="b"),
        _of("bras_spool_oldest_seconds", "0x5 60+60x12 0x60", group="b"),
        {"group": "b"},
    ),
    Case(
        "BrasSpoolDeep",
        _owed("0+400x60", "0+200x60"),
        _owed("0+400x20 8000x60", "1500x60"),
        {"group": "b"},
    ),
    Case(
        "BrasSpoolAtRisk",
        _of("bras_spool_at_risk", "0x20 1x20"),
        _of("bras_spool_at_risk", "0x20 1 0x20"),
    ),
    Case("BrasSpoolAtBound", _of("bras_spool_at_bound", "0x28 1x20"), _of("bras_spool_at_bound", "0x60")),
    Case(
        "BrasAccountingLost",
        _of("bras_spool_forgotten_total", "0x25 2x20", group="b"),
        _of("bras_spool_forgotten_total", "2x60", group="b"),
        {"group": "b"},
    ),
)
"""Every alert is in it."""
