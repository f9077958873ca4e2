"""What a session can be asked for and ordered by: the columns of ``show sessions``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bras.ids import session_of, tunnel_of
from bras.lns.gauges import Gauge, carried
from bras.ppp.quality import Quality
from bras.query.kinds import Kind, Value
from bras.query.match import Field
from bras.subscriber.subscriber import Subscriber
from bras.wire import ipv4_text


class Glance:
    """One session as it is looked at."""

    __slots__ = ("gauge", "now", "subscriber")

    def __init__(self, subscriber: Subscriber, gauge: Gauge | None, now: float) -> None:
        """Look at a subscriber; ``gauge``: its rates, if they are known."""
        self.subscriber = subscriber
        self.gauge = gauge
        self.now = now


def _address(seen: Glance) -> Value:
    address = seen.subscriber.address
    return ipv4_text(address) if address else None


def _uptime(seen: Glance) -> Value:
    up_at = seen.subscriber.instants.up_at
    return None if up_at is None else seen.now - up_at


def _echo(seen: Glance) -> Value:
    return seen.subscriber.standing.round_trip_s * 1000.0 or None


def _quality(seen: Glance) -> Quality | None:
    return seen.subscriber.link.keepalive.quality


def _of_trips(get: Callable[[Quality], float]) -> Field:
    def read(seen: Glance) -> Value:
        quality = _quality(seen)
        return get(quality) * 1000.0 if quality is not None and quality.answered else None

    return Field(Kind.MILLISECONDS, read)


def _loss(seen: Glance) -> Value:
    quality = _quality(seen)
    return None if quality is None else quality.loss_percent


def _octets(seen: Glance) -> Value:
    total = carried(seen.subscriber.forwarding)
    return total.up_octets + total.down_octets


def _packets(seen: Glance) -> Value:
    total = carried(seen.subscriber.forwarding)
    return total.up_packets + total.down_packets


def _rate(seen: Glance) -> Value:
    gauge = seen.gauge
    return None if gauge is None or gauge.up_bps is None or gauge.down_bps is None else gauge.up_bps + gauge.down_bps


def _text(get: Callable[[Subscriber], str]) -> Field:
    def read(seen: Glance) -> Value:
        return get(seen.subscriber)

    return Field(Kind.TEXT, read)


FIELDS: Final[dict[str, Field]] = {
    "session": _text(lambda one: one.session_id),
    "user": _text(lambda one: one.who.user),
    "lac": _text(lambda one: one.line.group),
    "address": Field(Kind.ADDRESS, _address),
    "state": _text(lambda one: one.phase.value),
    "uptime": Field(Kind.SECONDS, _uptime),
    "down": Field(Kind.OCTETS, lambda seen: carried(seen.subscriber.forwarding).down_octets),
    "up": Field(Kind.OCTETS, lambda seen: carried(seen.subscriber.forwarding).up_octets),
    "octets": Field(Kind.OCTETS, _octets),
    "down_rate": Field(Kind.RATE, lambda seen: seen.gauge.down_bps if seen.gauge is not None else None),
    "up_rate": Field(Kind.RATE, lambda seen: seen.gauge.up_bps if seen.gauge is not None else None),
    "rate": Field(Kind.RATE, _rate),
    "packet_rate": Field(Kind.COUNT, lambda seen: seen.gauge.packets_s if seen.gauge is not None else None),
    "echo": Field(Kind.MILLISECONDS, _echo),
    "echo_min": _of_trips(lambda quality: quality.least_s),
    "echo_mean": _of_trips(lambda quality: quality.mean_s),
    "echo_max": _of_trips(lambda quality: quality.most_s),
    "loss": Field(Kind.COUNT, _loss),
    "method": _text(lambda one: one.who.method),
    "calling": _text(lambda one: one.line.calling_number),
    "called": _text(lambda one: one.line.called_number),
    "lac_address": Field(Kind.ADDRESS, lambda seen: seen.subscriber.line.peer_address),
    "lac_hostname": _text(lambda one: one.line.peer_name),
    "tunnel": Field(Kind.COUNT, lambda seen: tunnel_of(seen.subscriber.leg.key)),
    "call": Field(Kind.COUNT, lambda seen: session_of(seen.subscriber.leg.key)),
    "down_packets": Field(Kind.COUNT, lambda seen: carried(seen.subscriber.forwarding).down_packets),
    "up_packets": Field(Kind.COUNT, lambda seen: carried(seen.subscriber.forwarding).up_packets),
    "packets": Field(Kind.COUNT, _packets),
}
RATES: Final = frozenset({"down_rate", "up_rate", "rate", "packet_rate"})
"""Those that need two readings of the counters."""
COUNTED: Final = RATES | {"down", "up", "octets", "down_packets", "up_packets", "packets"}
"""Those that need the counters to be read."""
