"""All tunnels behind our sockets: demultiplexing, admission of tunnels, encapsulation (RFC 2661).

``receive`` takes any datagram.  Data goes to its call by two dictionary look-ups; control
messages go to their tunnel.  A tunnel belongs to the ``Path`` on which it was opened:
whatever comes for it from elsewhere is dropped.  Who wants a new one is received by ``bras.l2tp.reception``.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from bras.config.model import LacConfig, LnsConfig
from bras.errors import DropReason, WireError
from bras.ids import CallKey, Entropy, no_entropy
from bras.l2tp import follow
from bras.l2tp.admission import NO_ROOM, Admission, Census
from bras.l2tp.call import Call, DataFacts
from bras.l2tp.calls import Association
from bras.l2tp.constants import TIE_BREAKER_OCTETS, ErrorCode, StopResult
from bras.l2tp.door import DOOR, Door
from bras.l2tp.events import (
    By,
    CallInfo,
    CallRefused,
    Cause,
    Dropped,
    Event,
    FrameReceived,
    Path,
    SendDatagram,
    TunnelRefused,
)
from bras.l2tp.facts import TunnelDetail, TunnelFacts, tunnel_detail, tunnel_facts
from bras.l2tp.header import (
    CONTROL_BIT,
    CONTROL_OCTETS,
    DATA_OCTETS,
    VERSION_2,
    VERSION_3,
    VERSION_MASK,
    parse_control,
    parse_data,
)
from bras.l2tp.lockout import LockoutFacts
from bras.l2tp.messages import CallRequest
from bras.l2tp.proxy import Proxied
from bras.l2tp.reception import Reception, Role
from bras.l2tp.records import SavedEndpoint, Touched
from bras.l2tp.report import Accm, Reports
from bras.l2tp.rotation import Rotation
from bras.l2tp.sender import STALL
from bras.l2tp.states import CallState, TunnelState
from bras.l2tp.table import TunnelTable
from bras.l2tp.tunnel import Tunnel

_unpack_plain = Struct("!HHH").unpack_from
"""Flags, Tunnel ID and Session ID of a data message without a Length (RFC 2661 section 3.1)."""
_UP: Final = CallState.ESTABLISHED
_IDLE: Final = TunnelState.IDLE
_PLAIN: Final = VERSION_2
_CONTROL_KIND: Final = CONTROL_BIT | VERSION_2
_KIND_MASK: Final = CONTROL_BIT | VERSION_MASK
_NO_SESSION_ID: Final = Cause(By.LOCAL, StopResult.GENERAL_ERROR, ErrorCode.INSUFFICIENT_RESOURCES, "no session id")


class Endpoint:
    """The L2TP machine of one worker."""

    __slots__ = (
        "_admission",
        "_door",
        "_lns",
        "_role",
        "_serial",
        "_table",
        "_tunnels",
        "reception",
    )

    def __init__(
        self, *, lns: LnsConfig, groups: tuple[LacConfig, ...], entropy: Entropy, role: Role = Role.LNS
    ) -> None:
        """Begin without tunnels; ``groups`` are matched in their order."""
        self._lns = lns
        self._admission = Admission(lns, groups, entropy)
        self._role = role
        self._door = Door(lns)
        self._table = TunnelTable(lns.worker, self._admission.census, self._door, entropy)
        self._tunnels = self._table.tunnels  # data is to find its tunnel by one look-up
        self.reception = Reception(role, lns, self._admission, self._table)
        self._serial = int.from_bytes(entropy(2), "big")

    @property
    def census(self) -> Census:
        """Return the counts of tunnels and sessions, in all and by group."""
        return self._admission.census

    @property
    def touched(self) -> Touched | None:
        """Return who is told of what changes, where a journal is kept."""
        return self._table.touched

    @touched.setter
    def touched(self, touched: Touched) -> None:
        self._table.touched = touched
        self._door.lockouts.touched = touched.lockouts

    @property
    def deadline(self) -> float | None:
        """Return when ``handle_timeout`` is to be called; it may be early, never late."""
        return self._table.deadlines.next_deadline

    @property
    def closed(self) -> bool:
        """Return whether every tunnel has ended and every StopCCN is acknowledged."""
        return all(tunnel.settled for tunnel in self._tunnels.values())

    def receive(self, path: Path, data: bytes, *, now: float) -> list[Event]:
        """Take a datagram, control or data."""
        end = len(data)
        if end < DATA_OCTETS:
            return [Dropped(DropReason.SHORT_DATAGRAM, path)]
        flags, tunnel_id, session_id = _unpack_plain(data)
        ns = -1
        if flags == _PLAIN:
            offset = DATA_OCTETS
        elif flags & _KIND_MASK == _CONTROL_KIND:
            return self._receive_control(path, data, now)
        elif flags & VERSION_MASK != VERSION_2:
            version3 = flags & VERSION_MASK == VERSION_3
            return [Dropped(DropReason.L2TPV3 if version3 else DropReason.UNKNOWN_VERSION, path)]
        else:
            try:
                tunnel_id, session_id, ns, offset, end = parse_data(data)
            except WireError:
                return [Dropped(DropReason.BAD_HEADER, path)]
        tunnel = self._tunnels.get(tunnel_id)
        if tunnel is None:
            return [Dropped(DropReason.UNKNOWN_TUNNEL, path)]
        if path is not tunnel.path and path != tunnel.path:
            return follow.take_any(self._table, tunnel, path, now)
        call = tunnel.calls.table.get(session_id)
        if call is None or call.state is not _UP:
            return [Dropped(DropReason.UNKNOWN_CALL, path)]
        if ns >= 0 or call.sequenced:
            tunnel.timers.heard_at = now
            return self._receive_in_order(tunnel, call, ns, data[offset:end], now)
        if offset == end:
            return [Dropped(DropReason.BAD_HEADER, path)]
        tunnel.timers.heard_at = now
        return [FrameReceived(CallKey(tunnel_id << 16 | session_id), data[offset:end])]

    def _receive_in_order(self, tunnel: Tunnel, call: Call, ns: int, frame: bytes, now: float) -> list[Event]:
        events, waits = tunnel.calls.order.receive(call, ns, frame, tunnel.path, now=now)
        if waits:
            self._table.deadlines.set(tunnel.association.tunnel_id, tunnel.deadline)
        return events

    def _receive_control(self, path: Path, data: bytes, now: float) -> list[Event]:
        try:
            length, tunnel_id, _, ns, nr = parse_control(data)
        except WireError as error:
            bad_avp = error.field == "message type"
            return [Dropped(DropReason.BAD_AVP if bad_avp else DropReason.BAD_HEADER, path)]
        datagram = None if length == CONTROL_OCTETS else data if length == len(data) else data[:length]
        if tunnel_id == 0:
            return self.reception.receive(path, ns, nr, datagram, now)
        tunnel = self._tunnels.get(tunnel_id)
        if tunnel is None or (path is not tunnel.path and path != tunnel.path):
            if tunnel is None and tunnel_id == self._admission.refusing_id:
                return []  # the acknowledgement of a StopCCN that refused a SCCRQ
            return self.reception.astray(tunnel, path, ns, nr, datagram, now)
        return self._table.deliver(tunnel, ns, nr, datagram, now)

    def vanish(self, tunnel_id: int, *, now: float) -> list[Event]:
        """End a tunnel and its calls without a word; one that has ended is forgotten."""
        return self._table.vanish(tunnel_id, now=now)

    def send_frame(self, key: CallKey, frame: bytes) -> SendDatagram | None:
        """Put a PPP frame into a data message; ``None`` when the call is gone."""
        tunnel = self._tunnels.get(key >> 16)
        if tunnel is None:
            return None
        call = tunnel.calls.table.get(key & 0xFFFF)
        if call is None or call.state is not _UP:
            return None
        if call.sequenced:
            self._reserve(key, call)
        return SendDatagram(tunnel.path, call.data(frame))

    def send_packet(self, key: CallKey, frame: bytes) -> SendDatagram | None:
        """Likewise for a frame with a subscriber's packet, where the data plane cannot: see ``Leg.numbered``."""
        tunnel = self._tunnels.get(key >> 16)
        call = None if tunnel is None else tunnel.calls.table.get(key & 0xFFFF)
        if tunnel is None or call is None or call.state is not _UP:
            return None
        if call.sequenced:
            self._reserve(key, call)
        return SendDatagram(tunnel.path, call.packet(frame))

    def _reserve(self, key: CallKey, call: Call) -> None:
        """See to it that an Ns is never sent twice, whatever crashes."""
        touched, channel = self._table.touched, call.data_channel
        if touched is not None and channel is not None and channel.numbering.reserve():
            touched.calls[key] = None

    def disorder(self, key: CallKey) -> DataFacts | None:
        """Return how the data of an established call are numbered, and what was lost; ``None`` when it is gone."""
        tunnel = self._tunnels.get(key >> 16)
        call = None if tunnel is None else tunnel.calls.table.get(key & 0xFFFF)
        return None if call is None else call.data_facts()

    def call(self, key: CallKey) -> CallInfo | None:
        """Return what the LAC said of an established call, or ``None``."""
        tunnel = self._tunnels.get(key >> 16)
        call = None if tunnel is None else tunnel.calls.table.get(key & 0xFFFF)
        if tunnel is None or call is None or call.state is not _UP:
            return None
        return tunnel.calls.info(call)

    def reports(self, key: CallKey) -> Reports | None:
        """Return what the LAC told of an established call since it is up; ``None`` when it told nothing."""
        tunnel = self._tunnels.get(key >> 16)
        call = None if tunnel is None else tunnel.calls.table.get(key & 0xFFFF)
        return None if call is None else call.reports

    def tell_accm(self, key: CallKey, accm: Accm, *, now: float) -> list[Event]:
        """Tell the LAC by SLI what the client wants escaped; nothing happens when the call is gone."""
        tunnel = self._tunnels.get(key >> 16)
        if tunnel is None:
            return []
        events = tunnel.tell_accm(key & 0xFFFF, accm, now=now)
        self._table.settle(tunnel, now)
        return events

    def close_call(self, key: CallKey, cause: Cause, *, now: float) -> list[Event]:
        """End a call by CDN; nothing happens when it is gone."""
        tunnel = self._tunnels.get(key >> 16)
        if tunnel is None:
            return []
        events = tunnel.close_call(key & 0xFFFF, cause, now=now)
        self._table.settle(tunnel, now)
        return events

    def close_tunnel(self, tunnel_id: int, cause: Cause, *, now: float) -> list[Event]:
        """End a tunnel and its calls by StopCCN; nothing happens when it is gone."""
        tunnel = self._tunnels.get(tunnel_id)
        if tunnel is None:
            return []
        events = tunnel.close(cause, now=now)
        self._table.settle(tunnel, now)
        return events

    def close(self, cause: Cause, *, now: float) -> list[Event]:
        """End every tunnel by StopCCN, and refuse new ones from now on: see ``closed``."""
        self._admission.closing = True
        events: list[Event] = []
        for tunnel_id in list(self._tunnels):
            events += self.close_tunnel(tunnel_id, cause, now=now)
        return events

    def expired(self, *, now: float) -> list[int]:
        """Take out and return the tunnels whose deadline has come: each must be served."""
        return self._table.deadlines.pop_expired(now)

    def serve(self, tunnel_id: int, *, now: float) -> list[Event]:
        """Serve one of those."""
        if tunnel_id == DOOR:
            return self._table.serve_door(now=now)
        tunnel = self._tunnels[tunnel_id]
        events = tunnel.handle_timeout(now=now)
        self._table.settle(tunnel, now)
        return events

    def handle_timeout(self, *, now: float) -> list[Event]:
        """Serve every tunnel whose deadline has come."""
        return [event for tunnel_id in self.expired(now=now) for event in self.serve(tunnel_id, now=now)]

    def open_tunnel(self, path: Path, group: LacConfig, *, now: float, hostname: str = "") -> tuple[int, list[Event]]:
        """Open a tunnel in the LAC role, as ``hostname`` (else the group's or the endpoint's own).

        ``group`` gives secret, window, Hello and retransmission values.  Returns our tunnel
        id, 0 with a TunnelRefused when none is free.
        """
        tunnel_id = self._table.new_id(self._admission.refusing_id)
        if tunnel_id is None:
            return 0, [TunnelRefused(group.name, hostname, path, NO_ROOM)]
        association = Association(group.name, path, tunnel_id)
        tunnel = Tunnel(association, group, self._lns, self._table.entropy, lac=True, now=now)
        self._table.enter(tunnel)
        hostname = hostname or group.local_hostname or self._lns.hostname
        events = tunnel.open(hostname, self._table.entropy(TIE_BREAKER_OCTETS), now=now)
        self._table.settle(tunnel, now)
        return tunnel_id, events

    def open_call(
        self, tunnel_id: int, call: CallRequest, *, now: float, proxied: Proxied | None = None
    ) -> tuple[CallKey, list[Event]]:
        """Open an incoming call in the LAC role; it waits for its tunnel if need be.

        ``proxied`` is what was already negotiated with the client.  Returns the call's key, 0
        with a CallRefused when no session id is free.  Raises ``LookupError`` when there is no
        such tunnel.
        """
        tunnel = self._tunnels[tunnel_id]
        if tunnel.state is _IDLE:
            raise LookupError(tunnel_id)
        self._serial = (self._serial + 1) & 0xFFFFFFFF
        key, events = tunnel.open_call(self._serial, call, proxied, now=now)
        self._table.settle(tunnel, now)
        if key is None:
            return CallKey(0), [CallRefused(tunnel.group.name, tunnel.path, _NO_SESSION_ID), *events]
        return key, events

    def recall_secrets(self) -> None:
        """Remember who knows which secret by the tunnels that there are: when the secrets may have become others."""
        self._table.recall_secrets()

    def follow(self, lns: LnsConfig, groups: tuple[LacConfig, ...], *, now: float) -> None:
        """Go on under another configuration: new tunnels and calls by it, those that there are as far as they can."""
        before = self._admission.groups
        self._lns = lns
        self._admission.follow(lns, groups, self._table.ways())
        self._door.follow(lns)
        self.reception.follow(lns)
        self._table.rotation.follow(before.secrets(), self._admission.groups.secrets())
        self._table.follow(self._admission.groups, lns, now=now)

    def tunnels(self) -> Iterator[TunnelFacts]:
        """Iterate over the tunnels that have not ended."""
        return (tunnel_facts(tunnel) for tunnel in self._tunnels.values() if tunnel.state is not _IDLE)

    def standing(self) -> dict[tuple[str, TunnelState], int]:
        """Count the tunnels that have not ended by group and state."""
        counts: dict[tuple[str, TunnelState], int] = {}
        for tunnel in self._tunnels.values():
            if tunnel.state is not _IDLE:
                key = (tunnel.association.group, tunnel.state)
                counts[key] = counts.get(key, 0) + 1
        return counts

    def stalled(self) -> Iterator[str]:
        """Iterate over the groups of tunnels whose peer acknowledges nothing: one for each."""
        return (one.association.group for one in self._tunnels.values() if one.channel.sender.retries >= STALL)

    def tunnel(self, tunnel_id: int) -> TunnelDetail | None:
        """Return all of a tunnel; ``None`` when there is none with this id of ours, or it has ended."""
        tunnel = self._tunnels.get(tunnel_id)
        return None if tunnel is None or tunnel.state is _IDLE else tunnel_detail(tunnel)

    def known(self) -> set[str]:
        """Return the addresses that have a tunnel, or had one not long ago."""
        return self._table.known()

    def lockouts(self) -> Iterator[LockoutFacts]:
        """Iterate over the lock-outs that are remembered."""
        return self._door.lockouts.facts()

    def save(self) -> SavedEndpoint:
        """Return plain data."""
        return {
            "role": self._role.value,
            "refusing_id": self._admission.refusing_id,
            "closing": self._admission.closing,
            "serial": self._serial,
            "rotation": self._table.rotation.save(),
            "door": self._door.save(),
            "lockouts": self._door.lockouts.save(),
            "tunnels": [tunnel.save() for tunnel in self._tunnels.values()],
        }

    @classmethod
    def restore(
        cls, saved: SavedEndpoint, *, lns: LnsConfig, groups: tuple[LacConfig, ...], entropy: Entropy
    ) -> Endpoint:
        """Go on from ``save``; tunnels find their group by name."""
        endpoint = cls(lns=lns, groups=groups, entropy=no_entropy, role=Role(saved["role"]))
        endpoint._table.entropy = entropy
        endpoint._admission.refusing_id = saved["refusing_id"]
        endpoint._admission.closing = saved["closing"]
        endpoint._serial = saved["serial"]
        endpoint._table.rotation = Rotation.restore(saved["rotation"])
        endpoint._door.lockouts.resume(saved["lockouts"])
        if saved["door"] is not None:
            endpoint._door.resume(saved["door"])
        for one in saved["tunnels"]:
            tunnel = Tunnel.restore(one, endpoint._admission.groups.named(one["group"]), lns, entropy)
            if tunnel.calls.lac:
                endpoint._table.enter(tunnel)
            else:
                endpoint._table.enter_opened(tunnel, tunnel.association.peer_tunnel_id)
                if saved["door"] is None:
                    endpoint._door.adopt(tunnel)
            endpoint._table.settle(tunnel, tunnel.timers.heard_at)
        endpoint._table.deadlines.set(DOOR, endpoint._door.lockouts.deadline)
        endpoint._admission.follow(lns, groups, endpoint._table.ways())
        return endpoint
