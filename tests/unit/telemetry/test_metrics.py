from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from bras.errors import DropReason, FallbackReason
from bras.forwarding.entry import Counters
from bras.lns.commands import Plain
from bras.telemetry.config_counts import ReloadOutcome
from bras.telemetry.counts import Counts
from bras.telemetry.metrics import BrasCollector, DataplaneFigures, JournalFigures, make_registry
from tests.unit.telemetry.facts import FACTS

_SERVICE = ("server", "kind", "up", "requests", "in_flight", "queued", "unanswered", "probes", "probes_answered")
CENSUS: Plain = {
    "tunnels": [{"lac": "any", "state": "established", "count": 2}],
    "sessions": [{"lac": "any", "state": "up", "count": 3}, {"lac": "any", "state": "ending", "count": 1}],
    "stalled": [{"lac": "any", "count": 1}],
    "pools": [{"pool": "default", "size": 254, "used": 3, "held": 1, "free": 250, "exhausted": 7}],
    "radius": [
        dict(zip(_SERVICE, ("r1", "auth", True, 9, 2, 1, 0, 0, 0), strict=True)),
        dict(zip(_SERVICE, ("r1", "acct", False, 4, 0, 0, 3, 6, 2), strict=True)),
    ],
    "spool_records": [
        {"group": "", "kind": "announcement", "count": 1},
        {"group": "billing", "kind": "stop", "count": 7},
    ],
    "spool_groups": [{"group": "billing", "oldest_s": 61.5, "coalesced": 8, "forgotten": 2}],
    "spool_file": [{"stored": 99, "failures": 3, "octets": 8192}],
    "spool": {"owed": 8, "at_risk": True, "at_bound": False},
}


def _collector(counts: Counts | None = None, census: Plain = CENSUS) -> BrasCollector:
    figures = DataplaneFigures(
        totals=Counters(*range(1, 13)),
        drops={DropReason.TOO_BIG: 5, DropReason.SPOOFED_SOURCE: 0},
        fallbacks={FallbackReason.CONTROL: 3, FallbackReason.NO_PATH: 0},
        backend="ebpf",
        interface="bras0",
        entries=4,
        interfaces=(("eth0", "tc"), ("eth1", "xdp-full")),
    )
    collector = BrasCollector(
        counts or Counts(["any"], ["r1"]),
        lambda: figures,
        version="1.2.3",
        log_lines_dropped=lambda: 6,
        sockets=lambda: [("192.0.2.1:1701", 7)],
        journal=lambda: JournalFigures(2, 4096, 1.5),
    )
    collector.take(census)
    return collector


def _fed() -> Counts:
    counts = Counts(["any"], ["r1"])
    handlers = counts.handlers()
    for fact in FACTS:
        handlers[type(fact)](fact)
    loop = counts.loop
    for histogram in (loop.hold, loop.lateness, loop.pauses["2",], loop.journal_writes):
        histogram.observe(0.002)
    loop.defects[()], loop.send_failures[()] = 4, 9
    counts.config.reloaded(ReloadOutcome.PARTLY, waiting=3, at=1_760_000_000.0)
    return counts


def _samples(collector: BrasCollector) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = generate_latest(make_registry(collector)).decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("bras_tunnels", {"lac": "any", "state": "established"}, 2),
        ("bras_tunnels_ended_total", {"by": "timeout", "cause": "cleared", "lac": "any"}, 1),
        ("bras_lockouts_total", {"lac": "any"}, 1),
        ("bras_tunnel_probes_total", {"lac": "any"}, 1),
        ("bras_tunnel_moves_total", {"lac": "any"}, 1),
        ("bras_calls_ended_total", {"by": "peer", "cause": "lost_carrier", "lac": ""}, 1),
        ("bras_ppp_disconnects_total", {"by": "peer", "cause": "normal", "lac": ""}, 1),
        ("bras_call_reports_total", {"lac": "", "report": "accm"}, 1),
        ("bras_proxy_total", {"lac": "any", "reason": "mru", "result": "renegotiated"}, 1),
        ("bras_sessions_throttled_total", {"change": "lifted", "lac": "any"}, 1),
        ("bras_interim_intervals_raised_total", {"source": "radius"}, 1),
        (
            "bras_radius_replies_dropped_total",
            {"kind": "auth", "reason": "radius_bad_authenticator", "server": "r1"},
            1,
        ),
        ("bras_coa_requests_total", {"client": "aaa", "kind": "coa", "outcome": "ack"}, 1),
        ("bras_coa_repeated_total", {"client": "aaa"}, 1),
        ("bras_coa_dropped_total", {"client": "", "reason": "radius_unknown_client"}, 1),
        ("bras_config_reloads_total", {"outcome": "partly"}, 1),
        ("bras_config_last_reload_success_timestamp_seconds", {}, 1_760_000_000),
        ("bras_config_restart_needed", {}, 3),
        ("bras_coa_latency_seconds_count", {"kind": "coa"}, 1),
        ("bras_sessions", {"lac": "any", "state": "up"}, 3),
        ("bras_pool_addresses", {"pool": "default", "state": "free"}, 250),
        ("bras_pool_addresses", {"pool": "default", "state": "held"}, 1),
        ("bras_pool_exhausted_total", {"pool": "default"}, 7),
        ("bras_radius_server_up", {"server": "r1", "kind": "acct"}, 0),
        ("bras_radius_requests_total", {"server": "r1", "kind": "auth"}, 9),
        ("bras_radius_requests_in_flight", {"server": "r1", "kind": "auth"}, 2),
        ("bras_radius_probes_total", {"server": "r1", "kind": "auth"}, 0),
        ("bras_radius_probes_total", {"server": "r1", "kind": "acct"}, 6),
        ("bras_radius_probes_answered_total", {"server": "r1", "kind": "acct"}, 2),
        ("bras_forwarded_bytes_total", {"direction": "up", "family": "ipv4"}, 1),
        ("bras_forwarded_packets_total", {"direction": "up", "family": "ipv4"}, 2),
        ("bras_forwarded_bytes_total", {"direction": "down", "family": "ipv4"}, 3),
        ("bras_forwarded_packets_total", {"direction": "down", "family": "ipv6"}, 8),
        ("bras_dropped_total", {"layer": "dataplane", "reason": "too_big"}, 5),
        ("bras_forwarded_bytes_total", {"direction": "up", "family": "ipv6"}, 5),
        ("bras_forwarded_packets_total", {"direction": "up", "family": "ipv6"}, 6),
        ("bras_forwarded_bytes_total", {"direction": "down", "family": "ipv6"}, 7),
        ("bras_dataplane_info", {"backend": "ebpf", "interface": "bras0"}, 1),
        ("bras_dataplane_entries", {}, 4),
        ("bras_dataplane_fallbacks_total", {"reason": "control"}, 3),
        ("bras_dataplane_fallbacks_total", {"reason": "no_path"}, 0),
        ("bras_dataplane_interface_info", {"interface": "eth0", "mode": "tc"}, 1),
        ("bras_dataplane_interface_info", {"interface": "eth1", "mode": "xdp-full"}, 1),
        ("bras_dropped_total", {"layer": "l2tp", "reason": "bad_avp"}, 1),
        ("bras_dropped_total", {"layer": "ppp", "reason": "bad_frame"}, 1),
        ("bras_log_lines_dropped_total", {}, 6),
        ("bras_socket_dropped_total", {"listen": "192.0.2.1:1701"}, 7),
        ("bras_tunnel_setups_total", {"lac": "any", "outcome": "established", "cause": "none"}, 1),
        ("bras_calls_total", {"lac": "any", "outcome": "refused", "cause": "no_facilities_now"}, 1),
        ("bras_authentications_total", {"lac": "any", "method": "chap", "outcome": "rejected"}, 1),
        ("bras_sessions_ended_total", {"lac": "any", "cause": "user_request", "reason": "peer_terminated"}, 1),
        ("bras_retransmissions_total", {"lac": "any"}, 1),
        ("bras_tunnel_stalls_total", {"lac": "any"}, 1),
        ("bras_tunnels_stalled", {"lac": "any"}, 1),
        ("bras_pool_size", {"pool": "default"}, 254),
        ("bras_radius_requests_queued", {"server": "r1", "kind": "auth"}, 1),
        ("bras_radius_timeouts_total", {"server": "r1", "kind": "acct"}, 3),
        ("bras_radius_server_deaths_total", {"server": "r1", "kind": "acct"}, 1),
        ("bras_radius_server_deaths_total", {"server": "r1", "kind": "auth"}, 0),
        ("bras_session_setup_phase_seconds_sum", {"phase": "link"}, 0.125),
        ("bras_session_setup_phase_seconds_bucket", {"phase": "programming", "le": "0.05"}, 1),
        ("bras_session_setup_phase_seconds_count", {"phase": "network"}, 0),
        ("bras_loop_hold_seconds_bucket", {"le": "0.001"}, 0),
        ("bras_loop_hold_seconds_bucket", {"le": "0.0025"}, 1),
        ("bras_timer_lateness_seconds_sum", {}, 0.002),
        ("bras_gc_pause_seconds_count", {"generation": "2"}, 1),
        ("bras_gc_pause_seconds_count", {"generation": "0"}, 0),
        ("bras_journal_write_seconds_count", {}, 1),
        ("bras_journal_write_failures_total", {}, 2),
        ("bras_journal_bytes", {}, 4096),
        ("bras_journal_behind_seconds", {}, 1.5),
        ("bras_defects_total", {}, 4),
        ("bras_send_failures_total", {}, 9),
        ("bras_data_lost_total", {"lac": "any"}, 3),
        ("bras_data_reordered_total", {"lac": "any"}, 2),
        ("bras_tunnels_refused_total", {"lac": "any", "reason": "other"}, 1),
        ("bras_calls_refused_total", {"lac": "any", "reason": "limit"}, 1),
        ("bras_tunnel_round_trip_seconds_bucket", {"lac": "any", "le": "0.01"}, 0),
        ("bras_tunnel_round_trip_seconds_bucket", {"lac": "any", "le": "0.025"}, 1),
        ("bras_tunnel_round_trip_seconds_count", {"lac": "any"}, 1),
        ("bras_radius_retransmissions_total", {"server": "r1", "kind": "auth"}, 1),
        ("bras_radius_replies_total", {"server": "r1", "kind": "auth", "code": "access_accept"}, 1),
        ("bras_radius_accounting_acknowledged_total", {"server": "r1"}, 1),
        ("bras_radius_accounting_unanswered_total", {}, 1),
        ("bras_spool_records", {"group": "billing", "kind": "stop"}, 7),
        ("bras_spool_records", {"group": "", "kind": "announcement"}, 1),
        ("bras_spool_oldest_seconds", {"group": "billing"}, 61.5),
        ("bras_spool_coalesced_total", {"group": "billing"}, 8),
        ("bras_spool_forgotten_total", {"group": "billing"}, 2),
        ("bras_spool_stored_total", {}, 99),
        ("bras_spool_failures_total", {}, 3),
        ("bras_spool_bytes", {}, 8192),
        ("bras_spool_at_risk", {}, 1),
        ("bras_spool_at_bound", {}, 0),
        ("bras_radius_latency_seconds_bucket", {"server": "r1", "kind": "auth", "le": "0.0025"}, 0),
        ("bras_radius_latency_seconds_bucket", {"server": "r1", "kind": "auth", "le": "0.005"}, 1),
        ("bras_radius_latency_seconds_bucket", {"server": "r1", "kind": "auth", "le": "+Inf"}, 1),
        ("bras_session_setup_seconds_count", {}, 1),
        ("bras_session_setup_seconds_sum", {}, 0.25),
        ("bras_echo_round_trip_seconds_count", {}, 1),
    ],
)
def test_a_sample(name: str, labels: dict[str, str], value: float) -> None:
    assert _samples(_collector(_fed()))[name, frozenset(labels.items())] == value


def test_the_build_and_the_process_are_there() -> None:
    names = {name for name, _ in _samples(_collector())}
    assert {"bras_build_info", "process_cpu_seconds_total", "process_open_fds", "python_gc_collections_total"} <= names


@pytest.mark.parametrize("census", [CENSUS, {}, None], ids=["census", "empty", "none"])
def test_promtool_finds_nothing_wrong(tool: Callable[[str], str], census: Plain) -> None:
    page = generate_latest(make_registry(_collector(_fed(), census)))
    done = subprocess.run([tool("promtool"), "check", "metrics"], input=page, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_openmetrics_is_valid_too() -> None:
    page = generate_openmetrics(make_registry(_collector(_fed()))).decode()
    assert {"bras_calls", "bras_sessions"} <= {family.name for family in parse_openmetrics(page)}


def test_names_of_the_configuration_are_escaped() -> None:
    name = 'a"b\\c\nd'
    census: Plain = {"tunnels": [{"lac": name, "state": "established", "count": 2}]}
    samples = _samples(_collector(Counts([name]), census))
    assert samples["bras_tunnels", frozenset({("lac", name), ("state", "established")})] == 2


def test_no_label_is_a_subscribers() -> None:
    """However many subscribers there are, the number of series stays what the configuration makes it."""
    page = generate_latest(make_registry(_collector(_fed()))).decode()
    assert not re.search(r'\b(user|session|address|calling\w*|hostname)="', page)
    for text in ("alice", "10.64.0.1", "lac1", "evil"):
        assert text not in page
