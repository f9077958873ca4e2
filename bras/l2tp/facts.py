"""What operators see of a tunnel, made when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass

from bras.l2tp import messages
from bras.l2tp.channel import Channel
from bras.l2tp.constants import AvpType
from bras.l2tp.events import Path
from bras.l2tp.states import TunnelState
from bras.l2tp.tunnel import Tunnel
from bras.l2tp.wording import Worded, worded


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """Where a control connection stands."""

    ns: int
    """Ns of the next new message that we send."""
    nr: int
    """Ns of the message that we expect next."""
    window: int
    """Control messages that may be under way now (the congestion window)."""
    peer_window: int
    """Control messages that the peer takes at once."""
    threshold: int
    """Up to this size the congestion window doubles a round trip; above, it grows by one."""
    in_flight: int
    queued: int
    """Messages that wait for the window."""
    held: int
    """Messages of the peer that came too early and wait for an earlier one."""
    retries: int
    """Retransmissions of the oldest message that is not acknowledged."""
    retransmissions: int
    """Retransmissions since the tunnel began."""
    round_trip_s: float | None
    """The last measurement of how long the peer takes to acknowledge."""
    smoothed_s: float | None
    """Its running mean."""


@dataclass(frozen=True, slots=True)
class TunnelFacts:
    """A tunnel in a list."""

    tunnel_id: int
    peer_tunnel_id: int
    group: str
    path: Path
    hostname: str
    """The peer's Host Name."""
    vendor: str
    """The peer's Vendor Name."""
    state: TunnelState
    calls: int
    created_at: float
    up_at: float | None
    """Since when it is established."""
    heard_at: float
    """When anything last came from the peer."""
    channel: ChannelFacts


@dataclass(frozen=True, slots=True)
class TunnelDetail:
    """All of a tunnel."""

    facts: TunnelFacts
    avps: tuple[Worded, ...]
    """What the peer said of itself in its SCCRQ; empty where we have asked."""
    challenged: bool
    """Whether the peer asked us to prove the secret."""
    proven: bool
    """Whether the peer has proven to know a secret."""
    peer_secret: int | None
    """Which one, from 1 on; ``None``: none, or one that is not configured any more."""
    receive_window: int
    """Control messages that we take at once."""
    calls: dict[str, int]
    """Calls by state."""
    hello_interval_s: float
    hello_outstanding: bool
    """A Hello is on its way, and not acknowledged."""
    retransmit_at: float | None
    idle_since_at: float | None
    replaces: int
    """Our id of the tunnel that it takes the place of once it is established; 0: none."""


def channel_facts(channel: Channel) -> ChannelFacts:
    """Return where a channel stands."""
    sender = channel.sender
    window, trip = sender.window, sender.round_trip
    return ChannelFacts(
        ns=(sender.first + sender.sent) & 0xFFFF,
        nr=channel.expected,
        window=window.size,
        peer_window=window.peer,
        threshold=window.threshold,
        in_flight=sender.in_flight,
        queued=len(sender.messages) - sender.in_flight,
        held=channel.held,
        retries=sender.retries,
        retransmissions=sender.retransmitted,
        round_trip_s=trip.last_s,
        smoothed_s=trip.smoothed_s,
    )


def tunnel_facts(tunnel: Tunnel) -> TunnelFacts:
    """Return a tunnel for a list."""
    a, timers = tunnel.association, tunnel.timers
    return TunnelFacts(
        a.tunnel_id,
        a.peer_tunnel_id,
        a.group,
        a.path,
        a.peer_hostname,
        a.peer_vendor,
        tunnel.state,
        len(tunnel.calls.table),
        timers.created_at,
        timers.up_at,
        timers.heard_at,
        channel_facts(tunnel.channel),
    )


def tunnel_detail(tunnel: Tunnel) -> TunnelDetail:
    """Return all of a tunnel."""
    authentication, sender, timers = tunnel.handshake.authentication, tunnel.channel.sender, tunnel.timers
    avps = tuple(worded(tunnel.request, tunnel.handshake.secrets)) if tunnel.request else ()
    calls: dict[str, int] = {}
    for call in tunnel.calls.table.values():
        name = call.state.name.lower()
        calls[name] = calls.get(name, 0) + 1
    configured = bool(authentication.proof) and authentication.knows(tunnel.group.secrets)
    known = authentication.number if configured else None
    hello = messages.hello()
    return TunnelDetail(
        facts=tunnel_facts(tunnel),
        avps=avps,
        challenged=any(one.attribute == AvpType.CHALLENGE for one in avps),
        proven=bool(authentication.proof),
        peer_secret=None if known is None else known + 1,
        receive_window=tunnel.group.receive_window,
        calls=calls,
        hello_interval_s=tunnel.group.hello_interval_s,
        hello_outstanding=any(body.startswith(hello) for _, body in sender.messages),
        retransmit_at=sender.deadline,
        idle_since_at=timers.idle_since_at,
        replaces=tunnel.replaces,
    )
