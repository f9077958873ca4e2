"""What of the tunnels must outlive the process, in records small enough to write each turn.

A tunnel can have 60,000 calls and thousands of queued messages, so nothing that is written
grows with them:

- ``tunnel:T`` is what stays the same while a tunnel's state does;
- ``channel:T`` is where its control connection stands: Ns, Nr, window, timers;
- ``message:T:NS`` is one control message that is not acknowledged;
- ``call:KEY`` is one call, and the instant by which it must be established;
- ``lockout:ADDRESS HOSTNAME`` is one lock-out, so that a restart is no way round it.

Not kept: whether the peer may have moved to another port (it is found out again); control
messages that came before their turn (they are not acknowledged, so the
peer sends them again; and an ICCN may have a password in it), session ids that were just
given up (after a crash one can be chosen again at once, by one chance in 65,535), and of data
that came numbered the Ns, what was held for its turn and the counts of disorder (the first
that comes then is taken).  The Ns that we send are reserved in blocks, so that not each
numbered message writes a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from bras.ids import CallKey, call_key, session_of, tunnel_of
from bras.l2tp.call import Call
from bras.l2tp.channel import ChannelState
from bras.l2tp.endpoint import Endpoint
from bras.l2tp.events import Path
from bras.l2tp.records import SavedTunnel, Touched
from bras.l2tp.states import CallState, TunnelState
from bras.l2tp.tunnel import Tunnel
from bras.plain import Saved, decode, encode

Record = tuple[str, bytes]
"""A key and a state; empty when the machine is gone."""

_GONE: Final = b""
_MASK: Final = 0xFFFF


class _Written(NamedTuple):
    """What the journal holds of a tunnel."""

    state: TunnelState
    replaces: int
    path: Path
    secret: int | None
    """Number of that which the peer knows, as far as is known."""
    channel: ChannelState
    first: int
    """Ns of the oldest message."""
    messages: int
    """How many messages."""


class TunnelJournal:
    """Puts what a turn has touched into records."""

    __slots__ = ("_written", "touched")

    def __init__(self) -> None:
        """Begin with an empty journal."""
        self.touched = Touched()
        """To be filled by the endpoint."""
        self._written: dict[int, _Written] = {}

    def take(self, endpoint: Endpoint, records: list[Record]) -> None:
        """Add the records of what was touched since the last time."""
        touched = self.touched
        for key in touched.calls:
            tunnel = endpoint._tunnels.get(key >> 16)
            call = None if tunnel is None else tunnel.calls.table.get(key & _MASK)
            records.append((f"call:{key}", _GONE if tunnel is None or call is None else _call(call, tunnel)))
        touched.calls.clear()
        for tunnel_id in touched.tunnels:
            tunnel = endpoint._tunnels.get(tunnel_id)
            if tunnel is not None:
                self._tunnel(tunnel_id, tunnel, records)
            elif tunnel_id in self._written:
                written = self._written.pop(tunnel_id)
                _remove(tunnel_id, written, range(written.messages), records)
                records += ((f"channel:{tunnel_id}", _GONE), (f"tunnel:{tunnel_id}", _GONE))
        touched.tunnels.clear()
        if touched.lockouts:
            self._take_lockouts(endpoint, records)

    def _take_lockouts(self, endpoint: Endpoint, records: list[Record]) -> None:
        for address, hostname in self.touched.lockouts:
            saved = endpoint._door.lockouts.record((address, hostname))
            records.append((f"lockout:{address} {hostname}", _GONE if saved is None else encode(saved)))
        self.touched.lockouts.clear()

    def _tunnel(self, tunnel_id: int, tunnel: Tunnel, records: list[Record]) -> None:
        """Write where the channel stands, and of the rest what has changed."""
        written, standing = self._written.get(tunnel_id), _standing(tunnel)
        records.append((f"channel:{tunnel_id}", _channel(tunnel)))
        if written == standing:
            return
        if written is None or written[:4] != standing[:4]:
            records.append((f"tunnel:{tunnel_id}", _lasting(tunnel)))
        kept = 0
        if written is not None:
            gone = min((standing.first - written.first) & _MASK, written.messages)
            if written.channel is standing.channel:  # else what was not sent yet gave way to a StopCCN
                kept = min(written.messages - gone, standing.messages)
            _remove(tunnel_id, written, (*range(gone), *range(gone + kept, written.messages)), records)
        messages = tunnel.channel.sender.messages
        for index in range(kept, standing.messages):
            records.append((f"message:{tunnel_id}:{(standing.first + index) & _MASK}", encode(messages[index])))
        self._written[tunnel_id] = standing

    def follow(self, endpoint: Endpoint) -> None:
        """Follow an endpoint, whose tunnels, if it has any, are in the journal as they stand."""
        endpoint.touched = self.touched
        for tunnel_id, tunnel in endpoint._tunnels.items():
            tunnel.calls.touched = self.touched.calls
            self._written[tunnel_id] = _standing(tunnel)


def _remove(tunnel_id: int, written: _Written, indexes: range | tuple[int, ...], records: list[Record]) -> None:
    for index in indexes:
        records.append((f"message:{tunnel_id}:{(written.first + index) & _MASK}", _GONE))


def _standing(tunnel: Tunnel) -> _Written:
    channel = tunnel.channel
    sender = channel.sender
    secret = tunnel.handshake.authentication.number
    return _Written(
        tunnel.state, tunnel.replaces, tunnel.path, secret, channel.state, sender.first, len(sender.messages)
    )


def _lasting(tunnel: Tunnel) -> bytes:
    a, path, timers = tunnel.association, tunnel.path, tunnel.timers
    return encode((
        a.group,
        (path.listener, path.local, path.local_port, path.remote, path.remote_port),
        (a.peer_hostname, a.peer_vendor, a.lac_hostname),
        tunnel.state,
        tunnel.calls.lac,
        tunnel.handshake.authentication.save(),
        tunnel.request,
        tunnel.replaces,
        timers.created_at,
        timers.up_at,
    ))  # fmt: skip


def _channel(tunnel: Tunnel) -> bytes:
    channel, timers = tunnel.channel, tunnel.timers
    sender = channel.sender
    return encode((
        channel.state,
        channel.peer_tunnel_id,
        channel._expected,
        sender.first,
        sender.in_flight,
        sender.sent,
        sender.window.save(),
        sender.retries,
        sender.deadline,
        sender.retransmitted,
        timers.heard_at,
        timers.idle_since_at,
        timers.gone_at,
        sender.round_trip.save(),
    ))  # fmt: skip


def _call(call: Call, tunnel: Tunnel) -> bytes:
    return encode((
        call.lac,
        call.peer_session_id,
        call.state,
        call.request,
        call.serial_number,
        call.proxy_auth_name,
        call.sequenced,
        None if call.data_channel is None else call.data_channel.lasting(),
        tunnel.calls.pending_until(call.session_id),
        None if call.reports is None else call.reports.save(),
    ))  # fmt: skip


# -- and back


def established(endpoint: Endpoint) -> list[CallKey]:
    """Return the calls that are established."""
    return [
        call_key(tunnel_id, call.session_id)
        for tunnel_id, tunnel in endpoint._tunnels.items()
        for call in tunnel.calls.table.values()
        if call.state is CallState.ESTABLISHED
    ]


def without(records: Mapping[str, bytes], endpoint: Endpoint) -> list[Record]:
    """Return what takes those out of a journal that the endpoint does not have."""
    obsolete: list[Record] = []
    for key in records:
        kind, _, name = key.partition(":")
        if kind in ("tunnel", "channel", "message", "call"):
            number = int(name.partition(":")[0])
            if (tunnel_of(number) if kind == "call" else number) not in endpoint._tunnels:
                obsolete.append((key, _GONE))
        elif kind == "lockout" and not len(endpoint._door.lockouts):
            obsolete.append((key, _GONE))  # their instants were those of another clock
    return obsolete


def saved_lockouts(records: Mapping[str, bytes]) -> list[Saved]:
    """Return the lock-outs of a journal."""
    return [decode(state) for key, state in records.items() if key.startswith("lockout:")]


def saved_tunnels(records: Mapping[str, bytes]) -> list[SavedTunnel]:
    """Return the tunnels of a journal (the last state of each key) as ``Tunnel.save`` would."""
    tunnels: dict[int, SavedTunnel] = {}
    messages: dict[int, dict[int, Saved]] = {}
    for key, state in records.items():
        kind, _, name = key.partition(":")
        if kind == "tunnel":
            tunnels[int(name)] = _saved_tunnel(int(name), decode(state), decode(records[f"channel:{name}"]))
        elif kind == "message":
            tunnel_id, _, ns = name.partition(":")
            messages.setdefault(int(tunnel_id), {})[int(ns)] = decode(state)
    for key, state in records.items():
        kind, _, name = key.partition(":")
        if kind == "call":
            _enter_call(tunnels[tunnel_of(int(name))], session_of(int(name)), decode(state))
    for number, tunnel in tunnels.items():
        sender = tunnel["channel"]["sender"]
        unacknowledged, first = messages.get(number, {}), sender["first"]
        sender["messages"] = [unacknowledged[(first + index) & _MASK] for index in range(len(unacknowledged))]
        tunnel["calls"]["pending"].sort(key=_instant)
    return list(tunnels.values())


def _saved_tunnel(tunnel_id: int, lasting: Saved, channel: Saved) -> SavedTunnel:
    group, path, peer, state, lac, authentication, request, replaces, created_at, up_at = lasting
    channel_state, peer_tunnel_id, expected, first, in_flight, sent, window, *rest = channel
    retries, retransmit_at, retransmitted, heard_at, idle_since_at, gone_at, round_trip = rest
    return {
        "group": group,
        "path": path,
        "tunnel_id": tunnel_id,
        "peer": peer,
        "state": state,
        "lac": lac,
        "channel": {
            "state": channel_state,
            "peer_tunnel_id": peer_tunnel_id,
            "expected": expected,
            "early": [],
            "acknowledge": False,
            "sender": {
                "messages": [],
                "first": first,
                "in_flight": in_flight,
                "sent": sent,
                "window": window,
                "retries": retries,
                "retransmit_at": retransmit_at,
                "retransmitted": retransmitted,
                "round_trip": round_trip,
            },
        },
        "calls": {"calls": [], "pending": [], "resting": []},
        "timers": [created_at, heard_at, up_at, idle_since_at, gone_at],
        "authentication": authentication,
        "request": request,
        "replaces": replaces,
        "probe": None,
    }


def _enter_call(tunnel: SavedTunnel, session_id: int, saved: Saved) -> None:
    lac, peer_session_id, state, request, serial_number, proxy_auth_name, *rest = saved
    sequenced, data_channel, pending_until, reports = rest
    tunnel["calls"]["calls"].append({
        "lac": lac,
        "session_id": session_id,
        "peer_session_id": peer_session_id,
        "state": state,
        "request": request,
        "serial_number": serial_number,
        "proxy_auth_name": proxy_auth_name,
        "proxied": None,
        "reports": reports,
        "sequenced": sequenced,
        "data_channel": data_channel,
    })  # fmt: skip
    if pending_until is not None:
        tunnel["calls"]["pending"].append((session_id, pending_until))


def _instant(pending: tuple[int, float]) -> float:
    return pending[1]
