"""Control messages without a tunnel id, foremost the SCCRQ that wants a tunnel (RFC 2661 sections 4.4.3, 5.1, 6.1).

A LAC that begins anew with an id that it uses already gets a second tunnel, which takes
the place of the first once it is established, that is, once the secret is proven.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from enum import Enum
from typing import Final, NamedTuple

from bras.config.model import LacConfig, LnsConfig
from bras.errors import DropReason
from bras.l2tp import follow, messages
from bras.l2tp.admission import NO_ROOM, Admission
from bras.l2tp.avp import HEADER_OCTETS
from bras.l2tp.calls import Association
from bras.l2tp.constants import AvpType, MessageType, StopResult
from bras.l2tp.events import FIRST_OWN, By, Cause, ClosePort, Dropped, Event, OpenPort, Path, TunnelRefused
from bras.l2tp.header import CONTROL_OCTETS, parse_control
from bras.l2tp.hidden import reveal
from bras.l2tp.messages import Message
from bras.l2tp.states import TunnelInput, TunnelState
from bras.l2tp.table import TunnelTable
from bras.l2tp.tunnel import Tunnel

_IDLE: Final = TunnelState.IDLE
_ESTABLISHED: Final = TunnelState.ESTABLISHED

_FIRST_VALUE: Final = CONTROL_OCTETS + HEADER_OCTETS
_SCCRQ: Final = int(MessageType.SCCRQ).to_bytes(2, "big")
_SCCRP: Final = int(MessageType.SCCRP).to_bytes(2, "big")
"""What a control message has there whose Message Type is that."""
_TIE_LOST: Final = Cause(By.PEER, StopResult.CHANNEL_EXISTS, 0, "the peer's tie breaker wins")
_TIE: Final = Cause(By.PEER, StopResult.CHANNEL_EXISTS, 0, "both tie breakers are equal")


class Role(Enum):
    """Which end of its tunnels an endpoint is."""

    LNS = "lns"
    LAC = "lac"


class _Request(NamedTuple):
    """A SCCRQ as it came."""

    path: Path
    ns: int
    nr: int
    datagram: bytes
    message: Message
    own: Path | Cause | None = None
    """What became of the port of its own that it has wanted."""


class Reception:
    """Receives those who have no tunnel yet."""

    __slots__ = ("_admission", "_lns", "_role", "_table")

    def __init__(self, role: Role, lns: LnsConfig, admission: Admission, table: TunnelTable) -> None:
        """Begin; new tunnels go into ``table``."""
        self._role = role
        self._lns = lns
        self._admission = admission
        self._table = table

    def follow(self, lns: LnsConfig) -> None:
        """Go on under another configuration; the groups are those of the admission."""
        self._lns = lns

    @property
    def freed(self) -> deque[list[Event]]:
        """Return the queue of ports that are needed no more; who performs effects empties it."""
        return self._table.freed

    def receive(self, path: Path, ns: int, nr: int, datagram: bytes | None, now: float) -> list[Event]:
        """Take a control message (``None``: a ZLB) whose header names no tunnel."""
        if datagram is None:
            return [Dropped(DropReason.UNKNOWN_TUNNEL, path)]
        if self._role is Role.LNS and not self._table.door.gate.admits(path.remote, now=now):
            return [Dropped(DropReason.RATE_LIMITED, path)]
        message = messages.parse(datagram)
        if message.type != MessageType.SCCRQ:
            # A StopCCN of a LAC that gave up before it knew our id (RFC 2661 section 4.4.3).
            if message.type == MessageType.STOPCCN and message.hidden is not None:
                reveal(message, self._admission.groups.secrets_at(path))
            tunnel = self._table.opened_by(path, message.numbers.get(AvpType.ASSIGNED_TUNNEL_ID, 0))
            if tunnel is None or message.type != MessageType.STOPCCN:
                return [Dropped(DropReason.UNKNOWN_TUNNEL, path)]
            return self._table.deliver(tunnel, ns, nr, datagram, now)
        return self._requested(_Request(path, ns, nr, datagram, message), now)

    def port_opened(self, path: Path, datagram: bytes, own: Path | Cause, *, now: float) -> list[Event]:
        """Go on with a SCCRQ for which ``OpenPort`` was told; ``own`` is the way from its port, or why it has none."""
        _, _, _, ns, nr = parse_control(datagram)
        message = messages.parse(datagram)
        events = self._requested(_Request(path, ns, nr, datagram, message, own), now)
        if isinstance(own, Path):
            tunnel = self._table.opened_by(path, message.numbers.get(AvpType.ASSIGNED_TUNNEL_ID, 0))
            if tunnel is None or tunnel.path != own:  # it came twice, or there is no room any more
                events.append(ClosePort(own.listener))
        return events

    def forget_port(self, listener: int, *, now: float) -> list[Event]:
        """Close a port of its own, with the tunnel that has it if there is one: after a defect."""
        for tunnel_id, tunnel in self._table.tunnels.items():
            if tunnel.path.listener == listener:
                return self._table.vanish(tunnel_id, now=now)
        return [ClosePort(listener)]

    def astray(
        self, tunnel: Tunnel | None, path: Path, ns: int, nr: int, datagram: bytes | None, now: float
    ) -> list[Event]:
        """Take a control message for a tunnel that is not its sender's, or is not there.

        A SCCRQ asks for one all the same, and a SCCRP may come from another port than that which was asked.
        """
        kind = b"" if datagram is None else datagram[_FIRST_VALUE : _FIRST_VALUE + 2]
        if kind == _SCCRQ:
            return self.receive(path, ns, nr, datagram, now)
        if kind == _SCCRP and tunnel is not None and datagram is not None and _answers(tunnel, path, datagram):
            tunnel.path = tunnel.association.path = path
            return self._table.deliver(tunnel, ns, nr, datagram, now)
        return follow.take_control(self._table, tunnel, path, ns, nr, datagram, now)

    def _requested(self, request: _Request, now: float) -> list[Event]:
        path, datagram, message = request.path, request.datagram, request.message
        hostname = message.text(AvpType.HOST_NAME)
        group = self._admission.groups.match(path, hostname) if self._role is Role.LNS else None
        opened_by = None
        if message.hidden is not None:
            opened_by = reveal(message, group.secrets if group is not None else ())
        peer_tunnel_id = message.numbers.get(AvpType.ASSIGNED_TUNNEL_ID, 0)
        if peer_tunnel_id == 0:
            return _unanswerable(path, message, "" if group is None else group.name)
        older = self._table.opened_by(path, peer_tunnel_id)
        if older is not None and older.request == datagram and now <= older.timers.created_at + older.channel.cycle_s:
            # A retransmission.  A LAC that has restarted may send the very same octets again;
            # but nobody retransmits for longer than a full cycle (RFC 2661 section 5.7).
            return self._table.deliver(older, request.ns, request.nr, datagram, now)
        reason = self._turns_away(path, hostname, group, now)
        if reason is not None:
            return [Dropped(reason, path)]
        events, discarded = self._tie(path, message, now) if self._table.originated else ([], False)
        if discarded:
            return [*events, Dropped(DropReason.TIE, path)]
        return self._judged(request, group, older, opened_by, events, now)

    def _judged(
        self,
        request: _Request,
        group: LacConfig | None,
        older: Tunnel | None,
        opened_by: int | None,
        events: list[Event],
        now: float,
    ) -> list[Event]:
        """Give a SCCRQ that is heard its tunnel, or refuse it; ``older`` is one that this LAC has with the same id."""
        path, datagram, message, own = request.path, request.datagram, request.message, request.own
        replaced = older is not None and older.state is not _IDLE and older.group is group
        cause = self._judge(path, message, group, int(replaced), events, now)
        way: Path | Cause = path
        if cause is None and group is not None and group.use_ephemeral_port:
            if own is None:
                return [*events, OpenPort(path, datagram)]
            way = own
        tunnel = None
        if isinstance(way, Cause):
            cause = way
        elif cause is None and group is not None:
            tunnel = self._new_tunnel(group, way, opened_by, now)
        if tunnel is None:
            return events + self._refuse(path, message, request.ns, len(datagram), group, cause or NO_ROOM, now)
        events += self._table.make_room(self._table.door.in_the_way(path.remote, now=now), now=now)
        if older is not None:
            events += self._succeed(older, tunnel, now)
        self._table.enter_opened(tunnel, message.numbers[AvpType.ASSIGNED_TUNNEL_ID])
        self._table.door.enter(tunnel, len(datagram))
        events += self._table.door.served(tunnel, datagram, tunnel.accept(message, request.ns, datagram, now=now), now)
        self._table.settle(tunnel, now)
        return events

    def _turns_away(self, path: Path, hostname: str, group: LacConfig | None, now: float) -> DropReason | None:
        """Return why a SCCRQ is not heard, ``None`` when it is."""
        if path.listener >= FIRST_OWN and (group is None or not group.use_ephemeral_port):
            return DropReason.WRONG_PEER  # the port is another tunnel's, and goes with it
        return self._table.door.turns_away(path.remote, hostname, now=now)

    def _new_tunnel(self, group: LacConfig, way: Path, opened_by: int | None, now: float) -> Tunnel | None:
        """Return a tunnel for an acceptable SCCRQ; ``None`` when no id is free."""
        tunnel_id = self._table.new_id(self._admission.refusing_id)
        if tunnel_id is None:
            return None
        association = Association(group.name, way, tunnel_id)
        tunnel = Tunnel(association, group, self._lns, self._table.entropy, lac=False, now=now)
        if len(group.secrets) > 1:
            guess = self._table.rotation.guess(group.name, way.remote, len(group.secrets))
            tunnel.handshake.authentication.number = guess if opened_by is None else opened_by
        return tunnel

    def _judge(
        self, path: Path, message: Message, group: LacConfig | None, replaced: int, events: list[Event], now: float
    ) -> Cause | None:
        """Return why a SCCRQ is not acceptable; a stranger that waits in vain does not keep it out."""
        cause = self._admission.judge(message, group, path.remote, replaced)
        if cause is not NO_ROOM or group is None:
            return cause
        stranger = self._table.door.lobby.oldest_stranger(group.name, now=now)
        events += self._table.make_room(stranger, now=now)
        return self._admission.judge(message, group, path.remote, replaced)

    def _refuse(
        self, path: Path, message: Message, ns: int, octets: int, group: LacConfig | None, cause: Cause, now: float
    ) -> list[Event]:
        """Tell it, up to a rate; beyond it only count."""
        if not self._table.door.may_refuse(path.remote, now=now):
            return [Dropped(DropReason.NO_LAC_GROUP if group is None else DropReason.RATE_LIMITED, path)]
        beyond = self._admission.refusal_octets(cause) - octets
        if beyond > 0 and self._table.door.lobby.lends(beyond, now=now):
            octets += beyond
        return self._admission.refuse(path, message, ns, octets, "" if group is None else group.name, cause)

    def _tie(self, path: Path, message: Message, now: float) -> tuple[list[Event], bool]:
        """Compare Tie Breakers where we have asked this peer for a tunnel, too; tell whether the peer's is discarded.

        The lower wins, one wins against none, and of two that are equal neither does.  A peer
        that is discarded hears nothing: our own SCCRQ tells it (RFC 2661 section 4.4.3).  Only
        what has no answer yet is compared, so nobody can end an established tunnel by this.
        """
        events: list[Event] = []
        discarded = False
        theirs = message.octets.get(AvpType.TIE_BREAKER, b"")
        for tunnel_id in list(self._table.originated):
            tunnel = self._table.tunnels[tunnel_id]
            if tunnel.state is not TunnelState.WAIT_CTL_REPLY or not _same_hosts(tunnel.path, path):
                continue
            ours = tunnel.tie_breaker
            if not ours and not theirs:
                continue  # both are opened
            discarded = discarded or not theirs or (ours != b"" and ours <= theirs)
            if theirs and (not ours or theirs <= ours):
                events += tunnel.lose_tie(_TIE if ours == theirs else _TIE_LOST, now=now)
                self._table.settle(tunnel, now)
        return events, discarded

    def _succeed(self, older: Tunnel, tunnel: Tunnel, now: float) -> list[Event]:
        if older.state is _ESTABLISHED:
            tunnel.replaces = older.association.tunnel_id
            return []
        tunnel.replaces = older.replaces
        return self._table.vanish(older.association.tunnel_id, now=now)


def _answers(tunnel: Tunnel, path: Path, datagram: bytes) -> bool:
    """Return whether a SCCRP is the answer to our SCCRQ, from a port that the peer has chosen (RFC 2661 section 8.1).

    Whoever sends it must know our tunnel id, and the secret where there is one.
    """
    asked = tunnel.path
    if tunnel.state is not TunnelState.WAIT_CTL_REPLY or path != replace(asked, remote_port=path.remote_port):
        return False
    message = messages.parse(datagram)
    if message.hidden is not None:
        reveal(message, tunnel.handshake.secrets)
    happening, _ = tunnel.handshake.judge(message, tunnel.state, tunnel.channel)
    if happening is TunnelInput.RECEIVE_SCCRP_ACCEPTABLE:
        return True
    tunnel.channel.peer_tunnel_id = 0  # it is not known yet
    return False


def _same_hosts(one: Path, other: Path) -> bool:
    """Return whether two paths are between the same two hosts, whatever the ports."""
    return one.remote == other.remote and one.local == other.local


def _unanswerable(path: Path, message: Message, group: str) -> list[Event]:
    """A SCCRQ without an id to answer to: its LAC can be told nothing, but our own operator is."""
    events: list[Event] = [Dropped(DropReason.BAD_AVP, path)]
    problem = message.problem()
    if problem is not None:
        events.append(TunnelRefused(group, message.text(AvpType.HOST_NAME), path, Cause.of(problem)))
    return events
