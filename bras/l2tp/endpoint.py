"""All tunnels behind our sockets: demultiplexing, admission of tunnels, encapsulation (RFC 2661).

``receive`` takes any datagram.  Data goes to its call by two dictionary look-ups; control
messages go to their tunnel.  A tunnel belongs to the ``Path`` on which it was opened:
whatever comes for it from elsewhere is dropped.

A LAC that begins anew with an id that it uses already gets a second tunnel, which takes
the place of the first once it is established, that is, once the secret is proven.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final

from bras.config.model import LacConfig, LnsConfig
from bras.errors import DropReason, WireError
from bras.ids import CallKey, Entropy, new_tunnel_id, no_entropy
from bras.l2tp import messages
from bras.l2tp.admission import NO_ROOM, Admission, Census
from bras.l2tp.calls import Association
from bras.l2tp.constants import AvpType, ErrorCode, MessageType, StopResult
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
from bras.l2tp.hidden import reveal
from bras.l2tp.messages import CallRequest, Message
from bras.l2tp.records import SavedEndpoint, Touched, TunnelFacts
from bras.l2tp.states import CallState, TunnelState
from bras.l2tp.tunnel import REPLACED, Tunnel
from bras.timers import DeadlineQueue

_UP: Final = CallState.ESTABLISHED
_IDLE: Final = TunnelState.IDLE
_ESTABLISHED: Final = TunnelState.ESTABLISHED
_PLAIN: Final = VERSION_2
_CONTROL_KIND: Final = CONTROL_BIT | VERSION_2
_KIND_MASK: Final = CONTROL_BIT | VERSION_MASK
_NO_SESSION_ID: Final = Cause(By.LOCAL, StopResult.GENERAL_ERROR, ErrorCode.INSUFFICIENT_RESOURCES, "no session id")


class Role(Enum):
    """Which end of its tunnels an endpoint is."""

    LNS = "lns"
    LAC = "lac"


class Endpoint:
    """The L2TP machine of one worker."""

    __slots__ = (
        "_admission",
        "_by_peer",
        "_deadlines",
        "_entropy",
        "_lns",
        "_role",
        "_serial",
        "_tunnels",
        "touched",
    )

    def __init__(
        self, *, lns: LnsConfig, groups: tuple[LacConfig, ...], entropy: Entropy, role: Role = Role.LNS
    ) -> None:
        """Begin without tunnels; ``groups`` are matched in their order."""
        self._lns = lns
        self._admission = Admission(lns, groups, entropy)
        self._entropy = entropy
        self._role = role
        self._tunnels: dict[int, Tunnel] = {}
        self._by_peer: dict[tuple[Path, int], int] = {}
        self._deadlines: DeadlineQueue[int] = DeadlineQueue()
        self._serial = int.from_bytes(entropy(2), "big")
        self.touched: Touched | None = None
        """To be told of what changes, where a journal is kept."""

    @property
    def census(self) -> Census:
        """Return the counts of tunnels and sessions, in all and by group."""
        return self._admission.census

    @property
    def deadline(self) -> float | None:
        """Return when ``handle_timeout`` is to be called; it may be early, never late."""
        return self._deadlines.next_deadline

    @property
    def closed(self) -> bool:
        """Return whether every tunnel has ended and every StopCCN is acknowledged."""
        return all(tunnel.state is _IDLE and tunnel.channel.quiet for tunnel in self._tunnels.values())

    def receive(self, path: Path, data: bytes, *, now: float) -> list[Event]:
        """Take a datagram, control or data."""
        end = len(data)
        if end < DATA_OCTETS:
            return [Dropped(DropReason.SHORT_DATAGRAM, path)]
        flags = data[0] << 8 | data[1]
        ns = -1
        if flags == _PLAIN:
            tunnel_id = data[2] << 8 | data[3]
            session_id = data[4] << 8 | data[5]
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
            return [Dropped(DropReason.WRONG_PEER, path)]
        call = tunnel.calls.table.get(session_id)
        if call is None or call.state is not _UP:
            return [Dropped(DropReason.UNKNOWN_CALL, path)]
        if (ns >= 0 or call.sequenced) and not call.arrives(ns):
            return [Dropped(DropReason.OUT_OF_ORDER_DATA, path)]
        if offset == end:
            return [Dropped(DropReason.BAD_HEADER, path)]
        tunnel.timers.heard_at = now
        return [FrameReceived(CallKey(tunnel_id << 16 | session_id), data[offset:end])]

    def _receive_control(self, path: Path, data: bytes, now: float) -> list[Event]:
        try:
            length, tunnel_id, _, ns, nr = parse_control(data)
        except WireError as error:
            bad_avp = error.field == "message type"
            return [Dropped(DropReason.BAD_AVP if bad_avp else DropReason.BAD_HEADER, path)]
        datagram = None if length == CONTROL_OCTETS else data if length == len(data) else data[:length]
        if tunnel_id == 0:
            return self._receive_unassigned(path, ns, nr, datagram, now)
        tunnel = self._tunnels.get(tunnel_id)
        if tunnel is None:
            if tunnel_id == self._admission.refusing_id:
                return []  # the acknowledgement of a StopCCN that refused a SCCRQ
            return [Dropped(DropReason.UNKNOWN_TUNNEL, path)]
        if path is not tunnel.path and path != tunnel.path:
            return [Dropped(DropReason.WRONG_PEER, path)]
        return self._deliver(tunnel, ns, nr, datagram, now)

    def _deliver(self, tunnel: Tunnel, ns: int, nr: int, datagram: bytes | None, now: float) -> list[Event]:
        limit = len(tunnel.calls.table) + self._admission.census.room(tunnel.group)
        up_before = tunnel.timers.up_at
        events = tunnel.receive(ns, nr, datagram, limit=limit, now=now)
        if up_before is None and tunnel.replaces and tunnel.state is _ESTABLISHED:
            events = self.vanish(tunnel.replaces, now=now) + events
            tunnel.replaces = 0
        self._settle(tunnel, now)
        return events

    def _receive_unassigned(self, path: Path, ns: int, nr: int, datagram: bytes | None, now: float) -> list[Event]:
        if datagram is None:
            return [Dropped(DropReason.UNKNOWN_TUNNEL, path)]
        message = messages.parse(datagram)
        if message.type != MessageType.SCCRQ:
            # A StopCCN of a LAC that gave up before it knew our id (RFC 2661 section 4.4.3).
            peer_tunnel_id = message.numbers.get(AvpType.ASSIGNED_TUNNEL_ID, 0)
            tunnel = self._tunnels.get(self._by_peer.get((path, peer_tunnel_id), 0))
            if tunnel is None or message.type != MessageType.STOPCCN:
                return [Dropped(DropReason.UNKNOWN_TUNNEL, path)]
            return self._deliver(tunnel, ns, nr, datagram, now)
        return self._requested(path, ns, nr, datagram, message, now)

    def _requested(self, path: Path, ns: int, nr: int, datagram: bytes, message: Message, now: float) -> list[Event]:
        hostname = message.text(AvpType.HOST_NAME)
        group = self._admission.groups.match(path.remote, hostname) if self._role is Role.LNS else None
        if message.hidden is not None:
            reveal(message, group.secrets if group is not None else ())
        peer_tunnel_id = message.numbers.get(AvpType.ASSIGNED_TUNNEL_ID, 0)
        if peer_tunnel_id == 0:
            return [Dropped(DropReason.BAD_AVP, path)]  # nobody could be told anything
        older = self._tunnels.get(self._by_peer.get((path, peer_tunnel_id), 0))
        if older is not None and older.request == datagram and now <= older.timers.created_at + older.channel.cycle_s:
            # A retransmission.  A LAC that has restarted may send the very same octets again;
            # but nobody retransmits for longer than a full cycle (RFC 2661 section 5.7).
            return self._deliver(older, ns, nr, datagram, now)
        events = self._tie(path, message, now)
        tunnel_id = None
        replaced = older is not None and older.state is not _IDLE and older.group is group
        cause = self._admission.judge(message, group, int(replaced))
        if cause is None:
            tunnel_id = self._new_tunnel_id()
        if group is None or tunnel_id is None:
            name = "" if group is None else group.name
            return events + self._admission.refuse(path, message, ns, name, cause or NO_ROOM)
        association = Association(group.name, path, tunnel_id)
        tunnel = Tunnel(association, group, self._lns, self._entropy, lac=False, now=now)
        if older is not None:
            events += self._succeed(older, tunnel, now)
        self._enter(tunnel)
        self._by_peer[(path, peer_tunnel_id)] = tunnel_id
        events += tunnel.accept(message, ns, datagram, now=now)
        self._settle(tunnel, now)
        return events

    def _tie(self, path: Path, message: Message, now: float) -> list[Event]:
        # We send no Tie Breaker, so a peer that sends one wins (RFC 2661 section 4.4.3).
        events: list[Event] = []
        if self._role is Role.LAC and AvpType.TIE_BREAKER in message.octets:
            for tunnel in list(self._tunnels.values()):
                if tunnel.state is TunnelState.WAIT_CTL_REPLY and tunnel.path == path:
                    events += tunnel.lose_tie(now=now)
                    self._settle(tunnel, now)
        return events

    def _succeed(self, older: Tunnel, tunnel: Tunnel, now: float) -> list[Event]:
        if older.state is _ESTABLISHED:
            tunnel.replaces = older.association.tunnel_id
            return []
        tunnel.replaces = older.replaces
        return self.vanish(older.association.tunnel_id, now=now)

    def vanish(self, tunnel_id: int, *, now: float) -> list[Event]:
        """End a tunnel and its calls without a word; one that has ended is forgotten."""
        tunnel = self._tunnels.get(tunnel_id)
        if tunnel is None:
            return []
        events = tunnel.vanish(REPLACED, now=now)
        self._settle(tunnel, now)
        return events

    def _new_tunnel_id(self) -> int | None:
        taken = {*self._tunnels, self._admission.refusing_id}
        return new_tunnel_id(self._lns.worker, taken, self._entropy)

    def _enter(self, tunnel: Tunnel) -> None:
        self._tunnels[tunnel.association.tunnel_id] = tunnel
        if self.touched is not None:
            tunnel.calls.touched = self.touched.calls

    def _settle(self, tunnel: Tunnel, now: float) -> None:
        tunnel_id = tunnel.association.tunnel_id
        if self.touched is not None:
            self.touched.tunnels[tunnel_id] = None
        if tunnel.state is not _IDLE:
            self._admission.census.count(tunnel_id, tunnel.association.group, len(tunnel.calls.table))
            self._deadlines.set(tunnel_id, tunnel.deadline)
            return
        self._admission.census.forget(tunnel_id, tunnel.association.group)
        if not tunnel.gone(now):
            self._deadlines.set(tunnel_id, tunnel.deadline)
            return
        self._deadlines.set(tunnel_id, None)
        del self._tunnels[tunnel_id]
        peer = (tunnel.path, tunnel.association.peer_tunnel_id)
        if self._by_peer.get(peer) == tunnel_id:
            del self._by_peer[peer]

    def send_frame(self, key: CallKey, frame: bytes) -> SendDatagram | None:
        """Put a PPP frame into a data message; ``None`` when the call is gone."""
        tunnel = self._tunnels.get(key >> 16)
        if tunnel is None:
            return None
        call = tunnel.calls.table.get(key & 0xFFFF)
        if call is None or call.state is not _UP:
            return None
        if call.sequenced and self.touched is not None:
            self.touched.calls[key] = None  # an Ns is never sent twice
        return SendDatagram(tunnel.path, call.data(frame))

    def call(self, key: CallKey) -> CallInfo | None:
        """Return what the LAC said of an established call, or ``None``."""
        tunnel = self._tunnels.get(key >> 16)
        call = None if tunnel is None else tunnel.calls.table.get(key & 0xFFFF)
        if tunnel is None or call is None or call.state is not _UP:
            return None
        return tunnel.calls.info(call)

    def close_call(self, key: CallKey, cause: Cause, *, now: float) -> list[Event]:
        """End a call by CDN; nothing happens when it is gone."""
        tunnel = self._tunnels.get(key >> 16)
        if tunnel is None:
            return []
        events = tunnel.close_call(key & 0xFFFF, cause, now=now)
        self._settle(tunnel, now)
        return events

    def close_tunnel(self, tunnel_id: int, cause: Cause, *, now: float) -> list[Event]:
        """End a tunnel and its calls by StopCCN; nothing happens when it is gone."""
        tunnel = self._tunnels.get(tunnel_id)
        if tunnel is None:
            return []
        events = tunnel.close(cause, now=now)
        self._settle(tunnel, now)
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
        return self._deadlines.pop_expired(now)

    def serve(self, tunnel_id: int, *, now: float) -> list[Event]:
        """Serve one of those."""
        tunnel = self._tunnels[tunnel_id]
        events = tunnel.handle_timeout(now=now)
        self._settle(tunnel, now)
        return events

    def handle_timeout(self, *, now: float) -> list[Event]:
        """Serve every tunnel whose deadline has come."""
        return [event for tunnel_id in self.expired(now=now) for event in self.serve(tunnel_id, now=now)]

    def open_tunnel(self, path: Path, group: LacConfig, *, now: float, hostname: str = "") -> tuple[int, list[Event]]:
        """Open a tunnel in the LAC role, as ``hostname`` (else the endpoint's own).

        ``group`` gives secret, window, Hello and retransmission values.  Returns our tunnel
        id, 0 with a TunnelRefused when none is free.
        """
        tunnel_id = self._new_tunnel_id()
        if tunnel_id is None:
            return 0, [TunnelRefused(group.name, hostname, path, NO_ROOM)]
        association = Association(group.name, path, tunnel_id)
        tunnel = Tunnel(association, group, self._lns, self._entropy, lac=True, now=now)
        self._enter(tunnel)
        events = tunnel.open(hostname or self._lns.hostname, now=now)
        self._settle(tunnel, now)
        return tunnel_id, events

    def open_call(self, tunnel_id: int, call: CallRequest, *, now: float) -> tuple[CallKey, list[Event]]:
        """Open an incoming call in the LAC role; it waits for its tunnel if need be.

        Returns its key, 0 with a CallRefused when no session id is free.  Raises
        ``LookupError`` when there is no such tunnel.
        """
        tunnel = self._tunnels[tunnel_id]
        if tunnel.state is _IDLE:
            raise LookupError(tunnel_id)
        self._serial = (self._serial + 1) & 0xFFFFFFFF
        key, events = tunnel.open_call(self._serial, call, now=now)
        self._settle(tunnel, now)
        if key is None:
            return CallKey(0), [CallRefused(tunnel.group.name, tunnel.path, _NO_SESSION_ID), *events]
        return key, events

    def tunnels(self) -> Iterator[TunnelFacts]:
        """Iterate over the tunnels that have not ended."""
        return (tunnel.facts() for tunnel in self._tunnels.values() if tunnel.state is not _IDLE)

    def save(self) -> SavedEndpoint:
        """Return plain data."""
        return {
            "role": self._role.value,
            "refusing_id": self._admission.refusing_id,
            "closing": self._admission.closing,
            "serial": self._serial,
            "tunnels": [tunnel.save() for tunnel in self._tunnels.values()],
        }

    @classmethod
    def restore(
        cls, saved: SavedEndpoint, *, lns: LnsConfig, groups: tuple[LacConfig, ...], entropy: Entropy
    ) -> Endpoint:
        """Go on from ``save``; tunnels find their group by name."""
        endpoint = cls(lns=lns, groups=groups, entropy=no_entropy, role=Role(saved["role"]))
        endpoint._entropy = entropy
        endpoint._admission.refusing_id = saved["refusing_id"]
        endpoint._admission.closing = saved["closing"]
        endpoint._serial = saved["serial"]
        for one in saved["tunnels"]:
            tunnel = Tunnel.restore(one, endpoint._admission.groups.named(one["group"]), lns, entropy)
            tunnel_id = tunnel.association.tunnel_id
            endpoint._enter(tunnel)
            if not tunnel.calls.lac:
                endpoint._by_peer[(tunnel.path, tunnel.association.peer_tunnel_id)] = tunnel_id
            endpoint._settle(tunnel, tunnel.timers.heard_at)
        return endpoint
