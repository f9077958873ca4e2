"""The families of ``/metrics``: name, help, labels, and where the value is found.

Those that MANUAL.md lists.  Labels are from enums or the configuration, so the number of
samples does not grow with the subscribers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from bras.telemetry.tally import Histogram, Labels

Samples = Iterable[tuple[Labels, float]]

SERVICE = ("server", "kind")
WAY = ("direction", "family")

COUNTED: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "bras_tunnel_setups_total",
        "Tunnels that LACs asked for, by what became of it.",
        ("lac", "outcome", "cause"),
        "tunnels.setups",
    ),
    ("bras_tunnels_ended_total", "Established tunnels that ended.", ("lac", "by", "cause"), "tunnels.tunnels_ended"),
    (
        "bras_calls_total",
        "Calls that LACs asked for, by what became of it.",
        ("lac", "outcome", "cause"),
        "tunnels.calls",
    ),
    (
        "bras_lockouts_total",
        "Lock-outs of LACs that gave a wrong response to our Challenge.",
        ("lac",),
        "tunnels.lacs.lockouts",
    ),
    (
        "bras_tunnel_probes_total",
        "HELLOs sent because a LAC may be at another port (follow_port).",
        ("lac",),
        "tunnels.lacs.probes",
    ),
    ("bras_tunnel_moves_total", "Tunnels whose LAC went on from another port.", ("lac",), "tunnels.lacs.moves"),
    ("bras_calls_ended_total", "Established calls that ended.", ("lac", "by", "cause"), "tunnels.calls_ended"),
    (
        "bras_ppp_disconnects_total",
        "Ends of calls by what became of PPP (RFC 3145), as the end that hung up said.",
        ("lac", "by", "cause"),
        "tunnels.disconnects",
    ),
    (
        "bras_call_reports_total",
        "What LACs told of established calls: line errors (WEN), ACCM (SLI), new speeds (CSUN).",
        ("lac", "report"),
        "tunnels.reports",
    ),
    (
        "bras_tunnels_refused_total",
        "Tunnels that never came up, by why.",
        ("lac", "reason"),
        "tunnels.lacs.tunnels_refused",
    ),
    ("bras_calls_refused_total", "Calls that never came up, by why.", ("lac", "reason"), "tunnels.lacs.calls_refused"),
    ("bras_retransmissions_total", "L2TP control messages that were sent again.", ("lac",), "tunnels.retransmissions"),
    (
        "bras_tunnel_stalls_total",
        "Times that a LAC acknowledged nothing, though a control message was sent for the third time.",
        ("lac",),
        "tunnels.lacs.stalls",
    ),
    ("bras_data_lost_total", "Numbered data messages that did not come in time.", ("lac",), "tunnels.data_lost"),
    (
        "bras_data_reordered_total",
        "Numbered data messages that were held until an earlier one had come.",
        ("lac",),
        "tunnels.data_reordered",
    ),
    (
        "bras_authentications_total",
        "Authentications that were decided.",
        ("lac", "method", "outcome"),
        "subscribers.authentications",
    ),
    (
        "bras_proxy_total",
        "Calls whose LCP and authentication the LAC had done, by what became of that and why.",
        ("lac", "result", "reason"),
        "subscribers.proxies",
    ),
    (
        "bras_sessions_throttled_total",
        "Sessions that a quota has slowed down (throttled), or does not any more (lifted).",
        ("lac", "change"),
        "subscribers.throttles",
    ),
    (
        "bras_interim_intervals_raised_total",
        "Sources of policy whose interim interval was below interim_min_s.",
        ("source",),
        "subscribers.raised",
    ),
    (
        "bras_sessions_ended_total",
        "Sessions that ended, by Acct-Terminate-Cause and reason.",
        ("lac", "cause", "reason"),
        "subscribers.ended",
    ),
    ("bras_radius_retransmissions_total", "Requests that were sent again.", SERVICE, "radius.resent"),
    ("bras_radius_server_deaths_total", "Times that a server was found dead.", SERVICE, "radius.deaths"),
    ("bras_radius_replies_total", "Replies that were taken.", (*SERVICE, "code"), "radius.replies"),
    (
        "bras_radius_replies_dropped_total",
        "Replies that were dropped.",
        (*SERVICE, "reason"),
        "radius.replies_dropped",
    ),
    (
        "bras_radius_accounting_acknowledged_total",
        "Accounting records that a server took.",
        ("server",),
        "radius.acknowledged",
    ),
    (
        "bras_radius_accounting_unanswered_total",
        "Rounds of an accounting record through all servers without an answer; it is kept and tried again.",
        (),
        "radius.unacknowledged",
    ),
    (
        "bras_coa_requests_total",
        "CoA- and Disconnect-Requests that were answered: with ACK, or with which Error-Cause.",
        ("client", "kind", "outcome"),
        "coa.requests",
    ),
    ("bras_coa_repeated_total", "CoA- and Disconnect-Requests that came again.", ("client",), "coa.repeated"),
    (
        "bras_coa_dropped_total",
        "CoA- and Disconnect-Requests that were dropped; without client: nobody's of the configuration.",
        ("client", "reason"),
        "coa.dropped",
    ),
    ("bras_config_reloads_total", "Times the configuration was read again.", ("outcome",), "config.reloads"),
    (
        "bras_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was read, at the start or by a reload.",
        (),
        "config.read_at",
    ),
    ("bras_defects_total", "Inputs whose handling failed: defects of bras, see the log.", (), "loop.defects"),
    (
        "bras_send_failures_total",
        "Datagrams towards LACs that the kernel did not take.",
        (),
        "loop.send_failures",
    ),
    ("bras_config_restart_needed", "Keys of the file that wait for a restart.", (), "config.waiting"),
)
"""What is counted where it happens: name, help, labels, where in ``Counts``."""

CENSUS: tuple[tuple[str, str, str, tuple[str, ...], str], ...] = (
    ("bras_tunnels", "Tunnels that exist now.", "tunnels", ("lac", "state"), "count"),
    ("bras_tunnels_stalled", "Tunnels whose LAC acknowledges nothing now.", "stalled", ("lac",), "count"),
    ("bras_sessions", "Sessions that exist now, by where they stand.", "sessions", ("lac", "state"), "count"),
    ("bras_radius_server_up", "Whether a server counts as alive.", "radius", SERVICE, "up"),
    ("bras_radius_requests_in_flight", "Requests that wait for an answer.", "radius", SERVICE, "in_flight"),
    ("bras_radius_requests_queued", "Those of them that wait to be sent.", "radius", SERVICE, "queued"),
    ("bras_radius_requests_total", "Requests sent, repetitions not counted.", "radius", SERVICE, "requests"),
    (
        "bras_radius_timeouts_total",
        "Requests that a server left without any answer, however often they were sent.",
        "radius",
        SERVICE,
        "unanswered",
    ),
    ("bras_radius_probes_total", "Status-Servers sent to a dead server.", "radius", SERVICE, "probes"),
    (
        "bras_radius_probes_answered_total",
        "Status-Servers that a dead server answered.",
        "radius",
        SERVICE,
        "probes_answered",
    ),
    (
        "bras_spool_records",
        "Accounting records that are owed; announcements are Accounting-On and -Off.",
        "spool_records",
        ("group", "kind"),
        "count",
    ),
    ("bras_spool_oldest_seconds", "Age of the oldest record owed; 0: none is.", "spool_groups", ("group",), "oldest_s"),
    (
        "bras_spool_coalesced_total",
        "Interim-Updates in whose place a later record came before a server had them.",
        "spool_groups",
        ("group",),
        "coalesced",
    ),
    (
        "bras_spool_forgotten_total",
        "Accounting records that were given up, because too many were owed.",
        "spool_groups",
        ("group",),
        "forgotten",
    ),
    ("bras_spool_stored_total", "Records that have come to the disk.", "spool_file", (), "stored"),
    ("bras_spool_failures_total", "Times that the disk refused to store records.", "spool_file", (), "failures"),
    ("bras_spool_bytes", "What the spool takes on disk.", "spool_file", (), "octets"),
    ("bras_spool_at_risk", "Whether the disk refuses what is owed.", "spool", (), "at_risk"),
    ("bras_spool_at_bound", "Whether so much is owed that no more may be.", "spool", (), "at_bound"),
    ("bras_pool_size", "Addresses that a pool has in all.", "pools", ("pool",), "size"),
    ("bras_pool_exhausted_total", "Requests that a pool had no address for.", "pools", ("pool",), "exhausted"),
)
"""What the census says: name (``_total`` makes it a counter), help, list, labels, key of the value."""

MEASURED: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("bras_session_setup_seconds", "From an established call to a forwarding session.", (), "subscribers.setup"),
    (
        "bras_session_setup_phase_seconds",
        "The same by phase; whoever need not wait for an address is not in that one.",
        ("phase",),
        "subscribers.phases",
    ),
    ("bras_echo_round_trip_seconds", "Round-trip time of LCP echoes to subscribers.", (), "subscribers.echo"),
    (
        "bras_tunnel_round_trip_seconds",
        "Until a LAC acknowledged a control message that was sent once.",
        ("lac",),
        "tunnels.lacs.round_trip",
    ),
    (
        "bras_radius_latency_seconds",
        "From the first transmission of a request to its reply.",
        SERVICE,
        "radius.latency",
    ),
    ("bras_coa_latency_seconds", "From a CoA- or Disconnect-Request to its answer.", ("kind",), "coa.latency"),
    ("bras_loop_hold_seconds", "Until the daemon, once awake, was ready for what comes next.", (), "loop.hold"),
    ("bras_timer_lateness_seconds", "By how much timers of the machine were late.", (), "loop.lateness"),
    ("bras_gc_pause_seconds", "Time that a garbage collection took.", ("generation",), "loop.pauses"),
    ("bras_journal_write_seconds", "Time that a write of the journal took.", (), "loop.journal_writes"),
)
"""Histograms: name, help, labels, where in ``Counts``."""


def family(name: str, text: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    """Return a counter or a gauge; names of counters end in ``_total``."""
    make = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    made: CounterMetricFamily | GaugeMetricFamily = make(name, text, labels=labels)
    for values, count in samples:
        made.add_metric(values, count)
    return made


def histogram_family(
    name: str, text: str, labels: tuple[str, ...], histograms: Histogram | Mapping[Labels, Histogram]
) -> Metric:
    """Return one histogram, or those of some label values."""
    made = HistogramMetricFamily(name, text, labels=labels)
    for values, one in ({(): histograms} if isinstance(histograms, Histogram) else histograms).items():
        made.add_metric(values, _buckets(one), sum_value=one.total)
    return made


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return upper bounds with what lies at or below each."""
    bounds = (*map(str, histogram.bounds), "+Inf")
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
