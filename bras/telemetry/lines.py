"""Facts -> log lines: the one place where events have their names.

Hot facts (data acknowledged, echoes, retransmissions, drops, calls) have a line at debug
only, and are not even looked at otherwise.  What a stranger can repeat at will is limited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from structlog.typing import FilteringBoundLogger

from bras.errors import DropReason
from bras.ids import CallKey, session_of, tunnel_of
from bras.l2tp import events as l2tp
from bras.l2tp import refusals
from bras.l2tp.events import Path
from bras.l2tp.line import facts
from bras.ppp import events as ppp
from bras.radius import events as radius
from bras.subscriber.events import ProxyJudged, SubscriberEnded, SubscriberUp
from bras.telemetry.auth_lines import AuthLines
from bras.telemetry.coa_lines import CoaLines
from bras.telemetry.limit import RepeatLimit
from bras.telemetry.limit import repeated as _repeated
from bras.telemetry.lockout_lines import LockoutLines
from bras.telemetry.meter_lines import MeterLines
from bras.telemetry.port_lines import PortLines
from bras.telemetry.server_lines import ServerLines
from bras.telemetry.setup_lines import SetupLines
from bras.telemetry.spool_lines import SpoolLines
from bras.telemetry.tally import Handlers
from bras.telemetry.text import dotted_quad
from bras.telemetry.words import TERMINATE_CAUSES, call_cause, tunnel_cause

OFTEN = 200
"""Lines of tunnels of a group in ten seconds."""
_UNSIGNED = (
    "the server does not sign its replies; make it send Message-Authenticator, or accept "
    'unsigned replies with "if-present" (open to forged replies, CVE-2024-3596)'
)
_WRONG_SECRET = "the shared secret differs from the server's, or the reply was forged"
_LATE = "the server answers when it is not waited for any more; make it faster, or wait longer"
_ADVICE: Mapping[DropReason, tuple[str, str]] = {
    DropReason.RADIUS_MISSING_MESSAGE_AUTHENTICATOR: ("message_authenticator", _UNSIGNED),
    DropReason.RADIUS_BAD_AUTHENTICATOR: ("secret", _WRONG_SECRET),
    DropReason.RADIUS_BAD_MESSAGE_AUTHENTICATOR: ("secret", _WRONG_SECRET),
    DropReason.RADIUS_LATE: ("timeout_s", _LATE),
}
"""The key of the server that decides, and what to do."""


class Lines:
    """Writes a line for each fact that an operator wants to read."""

    __slots__ = ("_limit", "_log", "_often", "servers")

    def __init__(
        self, log: FilteringBoundLogger, *, servers: Iterable[str] = (), limit: RepeatLimit | None = None
    ) -> None:
        """Write to ``log``; ``servers`` are the names of ``[[radius.server]]`` in the order of the file."""
        self._log = log
        self.servers = {name: index for index, name in enumerate(servers)}
        self._limit = limit or RepeatLimit()
        self._often = RepeatLimit(burst=OFTEN)
        """For what hundreds of LACs do at once after a power cut, and each line is of use."""

    def handlers(self, *, debug: bool) -> Handlers:
        """Return what to call for which fact; ``debug`` adds the hot ones."""
        handlers: Handlers = {
            l2tp.TunnelUp: self.tunnel_up,
            l2tp.TunnelDown: self.tunnel_down,
            l2tp.TunnelRefused: self.tunnel_refused,
            l2tp.CallRefused: self.call_refused,
            radius.ReplyDropped: self.reply_dropped,
            radius.AccountingUnanswered: self.accounting_unanswered,
            SubscriberEnded: self.session_ended,
        }
        handlers |= LockoutLines(self._log, self._limit).handlers() | PortLines(self._log).handlers(debug=debug)
        handlers |= AuthLines(self._log, self._limit).handlers()
        handlers |= MeterLines(self._log).handlers()
        handlers |= CoaLines(self._log, self._limit).handlers(debug=debug) | ServerLines(self._log).handlers()
        handlers |= SpoolLines(self._log, self._limit).handlers()
        if debug:
            handlers |= {
                SubscriberUp: self.session_up,
                ProxyJudged: self.proxy_judged,
                l2tp.CallUp: self.call_up,
                l2tp.CallDown: self.call_down,
                l2tp.ErrorsReported: self.errors_reported,
                l2tp.AccmReceived: self.accm_received,
                l2tp.SpeedChanged: self.speed_changed,
                l2tp.Dropped: self.datagram_dropped,
                l2tp.DataDisordered: self.data_disordered,
                l2tp.Retransmitted: self.retransmitted,
                l2tp.RoundTripMeasured: self.round_trip_measured,
                ppp.Dropped: self.frame_dropped,
                ppp.EchoMeasured: self.echo_measured,
                radius.Answered: self.radius_answered,
                radius.Resent: self.radius_resent,
            }
            handlers |= SetupLines(self._log).handlers()
        return handlers

    def tunnel_up(self, fact: l2tp.TunnelUp) -> None:
        """Write ``tunnel_up``; where a LAC has no secret to prove, anybody can have one."""
        held_back = self._often.allow(("tunnel_up", fact.group))
        if held_back is None:
            return
        self._log.info(
            "tunnel_up",
            tunnel=fact.tunnel_id,
            peer_tunnel=fact.peer_tunnel_id,
            lac=fact.group,
            lac_hostname=fact.lac_hostname,
            **_ends(fact.path),
            **_repeated(held_back),
        )

    def tunnel_down(self, fact: l2tp.TunnelDown) -> None:
        """Write ``tunnel_down``; a tunnel that was lost is a warning."""
        held_back = self._often.allow(("tunnel_down", fact.group))
        if held_back is None:
            return
        write = self._log.warning if fact.cause.by is l2tp.By.TIMEOUT else self._log.info
        write(
            "tunnel_down",
            tunnel=fact.tunnel_id,
            lac=fact.group,
            lac_hostname=fact.lac_hostname,
            **_ends(fact.path),
            **_cause(fact.cause, tunnel_cause(fact.cause)),
            **_repeated(held_back),
        )

    def tunnel_refused(self, fact: l2tp.TunnelRefused) -> None:
        """Write ``tunnel_refused``."""
        word = tunnel_cause(fact.cause)
        held_back = self._limit.allow(("tunnel_refused", fact.group, word))
        if held_back is not None:
            self._log.warning(
                "tunnel_refused",
                lac=fact.group or None,
                lac_hostname=fact.lac_hostname,
                **_ends(fact.path),
                reason=refusals.of_tunnel(fact.cause).value,
                **_cause(fact.cause, word),
                **_repeated(held_back),
            )

    def call_refused(self, fact: l2tp.CallRefused) -> None:
        """Write ``call_refused``."""
        word = call_cause(fact.cause)
        held_back = self._limit.allow(("call_refused", fact.group, word))
        if held_back is not None:
            self._log.warning(
                "call_refused",
                lac=fact.group,
                lac_hostname=fact.lac_hostname,
                **_ends(fact.path),
                reason=refusals.of_call(fact.cause).value,
                **_cause(fact.cause, word),
                **_repeated(held_back),
            )

    def call_up(self, fact: l2tp.CallUp) -> None:
        """Write ``call_up`` (debug)."""
        info = fact.info
        self._log.debug(
            "call_up",
            tunnel=tunnel_of(fact.key),
            call=session_of(fact.key),
            lac=info.group,
            lac_hostname=info.lac_hostname,
            **_ends(info.path),
            calling_number=info.calling_number,
            called_number=info.called_number,
            **_of_call(info),
        )

    def call_down(self, fact: l2tp.CallDown) -> None:
        """Write ``call_down`` (debug)."""
        cause = _cause(fact.cause, call_cause(fact.cause))
        self._log.debug("call_down", tunnel=tunnel_of(fact.key), call=session_of(fact.key), **cause)

    def errors_reported(self, fact: l2tp.ErrorsReported) -> None:
        """Write ``errors_reported`` (debug)."""
        self._log.debug("errors_reported", **_call(fact.key), **fact.errors._asdict())

    def accm_received(self, fact: l2tp.AccmReceived) -> None:
        """Write ``accm_received`` (debug)."""
        accm = fact.accm
        self._log.debug("accm_received", **_call(fact.key), send=f"{accm.send:08x}", receive=f"{accm.receive:08x}")

    def speed_changed(self, fact: l2tp.SpeedChanged) -> None:
        """Write ``speed_changed`` (debug)."""
        self._log.debug("speed_changed", **_call(fact.key), tx_speed_bps=fact.tx_bps, rx_speed_bps=fact.rx_bps)

    def datagram_dropped(self, fact: l2tp.Dropped) -> None:
        """Write ``datagram_dropped`` (debug)."""
        held_back = self._limit.allow(("datagram_dropped", fact.reason.value))
        if held_back is not None:
            ends = _ends(fact.path) if fact.path else {}
            self._log.debug("datagram_dropped", reason=fact.reason.value, **ends, **_repeated(held_back))

    def data_disordered(self, fact: l2tp.DataDisordered) -> None:
        """Write ``data_disordered`` (debug)."""
        held_back = self._limit.allow(("data_disordered", fact.group))
        if held_back is not None:
            self._log.debug(
                "data_disordered",
                tunnel=tunnel_of(fact.key),
                call=session_of(fact.key),
                lac=fact.group,
                lost=fact.lost,
                reordered=fact.reordered,
                **_repeated(held_back),
            )

    def retransmitted(self, fact: l2tp.Retransmitted) -> None:
        """Write ``retransmitted`` (debug)."""
        self._log.debug("retransmitted", tunnel=fact.tunnel_id, lac=fact.group)

    def round_trip_measured(self, fact: l2tp.RoundTripMeasured) -> None:
        """Write ``round_trip_measured`` (debug)."""
        self._log.debug("round_trip_measured", lac=fact.group, round_trip_ms=_milliseconds(fact.round_trip_s))

    def reply_dropped(self, fact: radius.ReplyDropped) -> None:
        """Write ``radius_reply_dropped``; the line says which key of the configuration decides."""
        reason = fact.reason
        held_back = self._limit.allow(("radius_reply_dropped", fact.server, fact.kind.value, reason.value))
        if held_back is None:
            return
        advice = {}
        if reason in _ADVICE:
            key, hint = _ADVICE[reason]
            advice = {"key": f"radius.server[{self._server(fact.server)}].{key}", "hint": hint}
        self._log.warning(
            "radius_reply_dropped",
            server=fact.server,
            kind=fact.kind.value,
            reason=reason.value,
            **advice,
            **_repeated(held_back),
        )

    def accounting_unanswered(self, fact: radius.AccountingUnanswered) -> None:
        """Write ``accounting_unanswered``."""
        held_back = self._limit.allow("accounting_unanswered")
        if held_back is not None:
            self._log.warning("accounting_unanswered", record=fact.record, **_repeated(held_back))

    def radius_answered(self, fact: radius.Answered) -> None:
        """Write ``radius_answered`` (debug)."""
        self._log.debug(
            "radius_answered",
            server=fact.server,
            kind=fact.kind.value,
            code=fact.code,
            latency_ms=_milliseconds(fact.seconds),
        )

    def radius_resent(self, fact: radius.Resent) -> None:
        """Write ``radius_resent`` (debug)."""
        self._log.debug("radius_resent", server=fact.server, kind=fact.kind.value)

    # ------------------------------------------------------------------ subscribers

    def proxy_judged(self, fact: ProxyJudged) -> None:
        """Write ``proxy_judged`` (debug)."""
        self._log.debug(
            "proxy_judged",
            session=fact.session,
            lac=fact.group,
            lac_hostname=fact.lac_hostname,
            result=fact.result.value,
            reason=fact.reason.value,
        )

    def session_up(self, fact: SubscriberUp) -> None:
        """Write ``session_up``."""
        self._log.debug(
            "session_up",
            session=fact.session,
            user=fact.user,
            lac=fact.group,
            lac_hostname=fact.lac_hostname,
            lac_address=fact.lac_address,
            address=dotted_quad(fact.address),
            method=fact.method,
            setup_ms=_milliseconds(fact.setup_s),
        )

    def session_ended(self, fact: SubscriberEnded) -> None:
        """Write ``session_ended``, the one line that has everything of a session."""
        counters = fact.counters
        self._log.info(
            "session_ended",
            session=fact.session,
            user=fact.user,
            lac=fact.group,
            lac_hostname=fact.lac_hostname,
            lac_address=fact.lac_address,
            calling_number=fact.calling_number,
            called_number=fact.called_number,
            address=dotted_quad(fact.address),
            method=fact.method,
            phase=fact.phase.value,
            duration_s=round(fact.duration_s, 3),
            up_octets=counters.up_octets4 + counters.up_octets6,
            up_packets=counters.up_packets4 + counters.up_packets6,
            down_octets=counters.down_octets4 + counters.down_octets6,
            down_packets=counters.down_packets4 + counters.down_packets6,
            up_spoofed=counters.up_spoofed,
            up_policed=counters.up_policed,
            down_policed=counters.down_policed,
            down_too_big=counters.down_too_big,
            cause=TERMINATE_CAUSES[fact.cause],
            reason=fact.reason,
            text=fact.text,
            echo_ms=_milliseconds(fact.echo_round_trip_s) if fact.echo_round_trip_s else None,
            echo_max_ms=_milliseconds(fact.quality.most_s) if fact.quality is not None else None,
            echo_loss_percent=round(fact.quality.loss_percent, 2) if fact.quality is not None else None,
        )

    def frame_dropped(self, fact: ppp.Dropped) -> None:
        """Write ``frame_dropped`` (debug)."""
        held_back = self._limit.allow(("frame_dropped", fact.reason.value))
        if held_back is not None:
            self._log.debug("frame_dropped", reason=fact.reason.value, **_repeated(held_back))

    def echo_measured(self, fact: ppp.EchoMeasured) -> None:
        """Write ``echo_measured`` (debug)."""
        self._log.debug("echo_measured", echo_ms=_milliseconds(fact.round_trip_s))

    def _server(self, name: str) -> int | str:
        return self.servers.get(name, name)


def _call(key: CallKey) -> dict[str, int]:
    return {"tunnel": tunnel_of(key), "call": session_of(key)}


def _of_call(info: l2tp.CallInfo) -> dict[str, Any]:
    """Return the rest of what the LAC said of a call, as far as it said it."""
    said = {
        "serial_number": info.serial_number,
        "sub_address": info.sub_address or None,
        "bearer_type": info.bearer_type,
        "physical_channel": info.physical_channel,
        "tx_speed_bps": info.tx_connect_speed_bps,
        "rx_speed_bps": info.rx_connect_speed_bps,
        "framing_type": info.framing_type,
        "private_group": info.private_group or None,
        "speed_updates": info.speed_updates or None,
    }
    return {name: value for name, value in said.items() if value is not None} | facts(info.access_line)


def _ends(path: Path) -> dict[str, str | int]:
    return {"lac_address": path.remote, "lac_port": path.remote_port, "local_address": path.local}


def _cause(cause: l2tp.Cause, word: str) -> dict[str, str | int]:
    said = {"by": cause.by.value, "cause": word, "result": cause.result, "error": cause.error, "text": cause.text}
    wrong = {"avp": cause.avp, "section": cause.section}
    return said | {name: value for name, value in wrong.items() if value} | _beneath(cause)


def _beneath(cause: l2tp.Cause) -> dict[str, str | int]:
    """Return what is said of PPP and of the telephone network under the call, where it is."""
    said: dict[str, str | int] = {}
    if cause.disconnect is not None:
        why = cause.disconnect
        said = {"ppp_cause": why.word, "ppp_protocol": f"{why.protocol:04x}", "ppp_direction": why.direction}
        said["ppp_text"] = why.text
    if cause.q931 is not None:
        said |= {"q931_cause": cause.q931.code, "q931_message": cause.q931.message, "q931_text": cause.q931.text}
    return said


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
