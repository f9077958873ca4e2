"""All of one session, for ``show session``."""

from __future__ import annotations

from bras.l2tp import line as access_line
from bras.lns.commands import Plain
from bras.lns.core import Core
from bras.lns.tables import host
from bras.radius.attributes import CALLING_STATION_ID, CHARGEABLE_USER_IDENTITY, NAS_PORT_ID, value_of
from bras.subscriber.subscriber import Subscriber
from bras.wire import ipv4_text

Row = dict[str, Plain]


def detail(core: Core, subscriber: Subscriber, now: float) -> Row:
    """Return what a session's row leaves out."""
    leg, line, present = subscriber.leg, subscriber.line, subscriber.forwarding.present
    return {
        "profile": _profile(subscriber),
        "classes": [octets.hex() for octets in subscriber.who.classes],
        "claimed": subscriber.who.claimed,
        "decided_by": subscriber.who.source,
        "quota_left_octets": _quotas(subscriber),
        "throttled": _throttled(subscriber),
        **_echoes(subscriber, now),
        "mtu": present.mtu if present is not None else None,
        "peer_tunnel": leg.peer_tunnel_id,
        "peer_call": leg.peer_session_id,
        "local": host(leg.local, leg.local_port),
        "remote": host(leg.remote, leg.remote_port),
        "serial_number": line.serial_number,
        "tx_speed_bps": line.tx_speed_bps,
        "rx_speed_bps": line.rx_speed_bps,
        "nas_port_id": _told(subscriber, NAS_PORT_ID),
        "chargeable_user_identity": _told(subscriber, CHARGEABLE_USER_IDENTITY),
        "calling_station": _told(subscriber, CALLING_STATION_ID) or core.policy.names(line.group).calling(subscriber),
        "sub_address": line.sub_address,
        "physical_channel": line.physical_channel,
        "private_group": line.private_group,
        "access_line": dict(access_line.facts(line.access_line)),
        **_reports(core, subscriber),
        "proxy": subscriber.standing.proxy[0] or None,
        "proxy_reason": subscriber.standing.proxy[1] or None,
        "software": subscriber.standing.software or None,
        "accounting": _accounting(core, subscriber, now),
        "data": _data(core, subscriber),
        **_timeouts(subscriber, now),
        **_counters(subscriber),
    }


def _echoes(subscriber: Subscriber, now: float) -> Row:
    """Echoes since the link began, and for how long they go out each second."""
    keepalive = subscriber.link.keepalive
    quality, left_s = keepalive.quality, keepalive.probe_until - now
    return {
        "echoes_answered": quality.answered_ever if quality is not None else 0,
        "echoes_lost": quality.lost_ever if quality is not None else 0,
        "probe_left_s": left_s if left_s > 0.0 else None,
    }


def _told(subscriber: Subscriber, attribute: int) -> str | None:
    """Return what RADIUS was told of a session in an attribute, as text; octets that are none as escapes."""
    octets = value_of(subscriber.who.record or subscriber.who.identity, attribute)
    return octets.decode("utf-8", "backslashreplace") or None


def _reports(core: Core, subscriber: Subscriber) -> Row:
    """What the LAC told of the call since it is up."""
    reports = core.endpoint.reports(subscriber.leg.key) if subscriber.standing.call_up else None
    errors, accm = (reports.errors, reports.accm) if reports is not None else (None, None)
    return {
        "line_errors": dict(errors._asdict()) if errors is not None else None,
        "accm": {"send": f"{accm.send:08x}", "receive": f"{accm.receive:08x}"} if accm is not None else None,
        "speed_changes": reports.speed_changes if reports is not None else 0,
    }


def _profile(subscriber: Subscriber) -> Row:
    """Each value with the layer that gave it."""
    if subscriber.profile is None:
        return {}
    shown: Row = {}
    for name, value, source in subscriber.profile.sourced():
        if name == "address" and isinstance(value, int):
            plain: Plain = ipv4_text(value)
        elif isinstance(value, tuple):
            plain = [item if isinstance(item, str) else f"{ipv4_text(item[0])}/{item[1]}" for item in value]
        else:
            plain = value if isinstance(value, (bool, int, float)) else str(value)
        shown[name] = {"value": plain, "source": source}
    return shown


def _timeouts(subscriber: Subscriber, now: float) -> Row:
    """Seconds left of the session's and of the idle timeout."""
    profile, instants = subscriber.profile, subscriber.instants
    session: float | None = None
    idle: float | None = None
    if profile is not None and instants.up_at is not None:
        if profile.session_timeout_s:
            begun_at = instants.up_at if instants.renewed_at is None else instants.renewed_at
            session = max(0.0, begun_at + profile.session_timeout_s - now)
        if profile.idle_timeout_s:
            idle = max(0.0, instants.active_at + profile.idle_timeout_s - now)
    return {"session_timeout_left_s": session, "idle_timeout_left_s": idle}


def _quotas(subscriber: Subscriber) -> Row:
    """Octets left of each quota, as of when the counters were last read."""
    profile, total = subscriber.profile, subscriber.forwarding.total
    if profile is None or not profile.limited:
        return {}
    used = profile.used(total.up_octets4 + total.up_octets6, total.down_octets4 + total.down_octets6)
    return {way: max(0, quota - octets) for way, quota, octets in used}


def _throttled(subscriber: Subscriber) -> str | None:
    """Which quota slows the session down, in words."""
    profile, total = subscriber.profile, subscriber.forwarding.total
    if profile is None or not subscriber.forwarding.throttled:
        return None
    return profile.spent(total.up_octets4 + total.up_octets6, total.down_octets4 + total.down_octets6) or None


def _counters(subscriber: Subscriber) -> Row:
    total = subscriber.forwarding.total
    return {
        "up_octets4": total.up_octets4,
        "up_packets4": total.up_packets4,
        "down_octets4": total.down_octets4,
        "down_packets4": total.down_packets4,
        "up_octets6": total.up_octets6,
        "up_packets6": total.up_packets6,
        "down_octets6": total.down_octets6,
        "down_packets6": total.down_packets6,
        "up_spoofed": total.up_spoofed,
        "up_policed": total.up_policed,
        "down_policed": total.down_policed,
        "down_too_big": total.down_too_big,
    }


def _data(core: Core, subscriber: Subscriber) -> Row:
    """How the call's data messages are numbered, and what became of the LAC's (RFC 2661 section 5.4)."""
    facts = core.endpoint.disorder(subscriber.leg.key)
    if facts is None:
        return {}
    disorder = facts.disorder
    return {
        "numbered_down": facts.numbered,
        "numbered_up": facts.arriving,
        "numbers_required": facts.required,
        "length_bit": subscriber.leg.length_bit,
        "lost": disorder.lost,
        "late": disorder.late,
        "duplicates": disorder.duplicates,
        "reordered": disorder.reordered,
        "unnumbered": disorder.unnumbered,
    }


def _accounting(core: Core, subscriber: Subscriber, now: float) -> Row:
    instants = subscriber.instants
    state = "off" if not core.config.radius.accounting else "started" if subscriber.standing.started else "waiting"
    interval = subscriber.profile.interim_interval_s if subscriber.profile is not None else 0.0
    return {
        "state": state,
        "interim_interval_s": interval or None,
        "next_interim_s": max(0.0, instants.interim_at - now) if instants.interim_at is not None else None,
    }
