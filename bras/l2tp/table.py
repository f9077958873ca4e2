"""The tunnels of an endpoint: by our id and by the peer's, with their deadlines and their counts."""

from __future__ import annotations

from collections import deque
from typing import Final

from bras.config.model import LnsConfig
from bras.ids import Entropy, new_tunnel_id
from bras.l2tp.admission import Census, Groups
from bras.l2tp.door import DOOR, GAVE_WAY, Door
from bras.l2tp.events import FIRST_OWN, By, Cause, ClosePort, Event, Path, TunnelRefused
from bras.l2tp.records import Touched
from bras.l2tp.rotation import Rotation
from bras.l2tp.states import TunnelState
from bras.l2tp.tunnel import REPLACED, Tunnel
from bras.timers import DeadlineQueue

_IDLE: Final = TunnelState.IDLE
_ESTABLISHED: Final = TunnelState.ESTABLISHED


class TunnelTable:
    """All tunnels that there are; whoever has changed one settles it."""

    __slots__ = (
        "_by_peer",
        "_worker",
        "census",
        "deadlines",
        "door",
        "entropy",
        "freed",
        "originated",
        "rotation",
        "touched",
        "tunnels",
    )

    def __init__(self, worker: int, census: Census, door: Door, entropy: Entropy) -> None:
        """Begin without tunnels; ``census`` counts them, ``door`` bounds those that are half-open."""
        self._worker = worker
        self._by_peer: dict[tuple[str, str, int, int], int] = {}
        # Our address, the peer's address, port and id: its SCCRQ comes again to the port that was called.
        self.census = census
        self.door = door
        self.entropy = entropy
        self.rotation = Rotation()
        self.tunnels: dict[int, Tunnel] = {}
        """By our id; this dictionary stays the same one."""
        self.originated: dict[int, None] = {}
        """Those of them that we have asked for, in the LAC role."""
        self.freed: deque[list[Event]] = deque()
        """ClosePort for tunnels that are gone; to be acted on in the turn in which they went."""
        self.deadlines: DeadlineQueue[int] = DeadlineQueue()
        self.touched: Touched | None = None
        """To be told of what changes, where a journal is kept."""

    def opened_by(self, path: Path, peer_tunnel_id: int) -> Tunnel | None:
        """Return the latest tunnel that the peer at ``path`` has opened with this id of its own."""
        return self.tunnels.get(self._by_peer.get(_peer(path, peer_tunnel_id), 0))

    def new_id(self, reserved: int) -> int | None:
        """Return an id that no tunnel has and that is not ``reserved``; ``None`` when all are taken."""
        return new_tunnel_id(self._worker, {*self.tunnels, reserved}, self.entropy)

    def enter(self, tunnel: Tunnel) -> None:
        """Take in a tunnel."""
        self.tunnels[tunnel.association.tunnel_id] = tunnel
        if tunnel.calls.lac:
            self.originated[tunnel.association.tunnel_id] = None
        if self.touched is not None:
            tunnel.calls.touched = self.touched.calls

    def enter_opened(self, tunnel: Tunnel, peer_tunnel_id: int) -> None:
        """Take in a tunnel that the peer opens, or has opened, with this id of its own."""
        self.enter(tunnel)
        self._by_peer[_peer(tunnel.path, peer_tunnel_id)] = tunnel.association.tunnel_id

    def move(self, tunnel: Tunnel, path: Path) -> None:
        """Know that the peer of a tunnel is at ``path`` from now on; no other tunnel is there by its id."""
        peer_tunnel_id, tunnel_id = tunnel.association.peer_tunnel_id, tunnel.association.tunnel_id
        former = _peer(tunnel.path, peer_tunnel_id)
        if self._by_peer.get(former) == tunnel_id:
            del self._by_peer[former]
            self._by_peer[_peer(path, peer_tunnel_id)] = tunnel_id
        tunnel.path = tunnel.association.path = path

    def deliver(self, tunnel: Tunnel, ns: int, nr: int, datagram: bytes | None, now: float) -> list[Event]:
        """Hand a control message (``None``: a ZLB) to its tunnel."""
        limit = len(tunnel.calls.table) + self.census.room(tunnel.group, tunnel.path)
        up_before = tunnel.timers.up_at
        if up_before is None and not tunnel.calls.lac:
            self.door.hears(tunnel, datagram)
        events = tunnel.receive(ns, nr, datagram, limit=limit, now=now)
        if up_before is None:
            if not tunnel.calls.lac:
                events = self.door.served(tunnel, datagram, events, now)
                self.deadlines.set(DOOR, self.door.lockouts.deadline)
            events = self._opening(tunnel, events, now)
        self.settle(tunnel, now)
        return events

    def _opening(self, tunnel: Tunnel, events: list[Event], now: float) -> list[Event]:
        """See what has become of a tunnel that was not established."""
        group, number = tunnel.group, tunnel.handshake.authentication.number
        if len(group.secrets) > 1 and number is not None:
            if tunnel.state is _ESTABLISHED:
                self.rotation.knows(group.name, tunnel.path.remote, number)
            elif any(isinstance(event, TunnelRefused) and event.cause.by is By.PEER for event in events):
                self.rotation.knows(group.name, tunnel.path.remote, (number + 1) % len(group.secrets))
        if tunnel.replaces and tunnel.state is _ESTABLISHED:
            events = self.vanish(tunnel.replaces, now=now) + events
            tunnel.replaces = 0
        return events

    def serve_door(self, *, now: float) -> list[Event]:
        """End the lock-outs that are over."""
        events = self.door.lockouts.handle_timeout(now=now)
        self.deadlines.set(DOOR, self.door.lockouts.deadline)
        if self.touched is not None:
            self.touched.tunnels[DOOR] = None  # what has changed is in ``lockouts``
        return events

    def follow(self, groups: Groups, lns: LnsConfig, *, now: float) -> None:
        """Have all tunnels go on under another configuration."""
        for tunnel_id, tunnel in self.tunnels.items():
            number = tunnel.handshake.authentication.number
            tunnel.follow(groups.named(tunnel.group.name), lns, self.entropy, now=now)
            self.deadlines.set(tunnel_id, tunnel.deadline)
            if self.touched is not None and tunnel.handshake.authentication.number != number:
                self.touched.tunnels[tunnel_id] = None
        self.recall_secrets()

    def recall_secrets(self) -> None:
        """Remember who knows which secret by the tunnels that there are."""
        for tunnel in self.tunnels.values():
            authentication = tunnel.handshake.authentication
            known = authentication.number if authentication.knows(tunnel.group.secrets) else None
            if tunnel.state is _ESTABLISHED and known is not None:
                self.rotation.knows(tunnel.group.name, tunnel.path.remote, known)

    def ways(self) -> list[tuple[int, str, str]]:
        """Return (our id, group, remote address) of each tunnel."""
        return [(number, tunnel.group.name, tunnel.path.remote) for number, tunnel in self.tunnels.items()]

    def known(self) -> set[str]:
        """Return the addresses that have an established tunnel, or had one not long ago."""
        having = {tunnel.path.remote for tunnel in self.tunnels.values() if tunnel.state is _ESTABLISHED}
        return having.union(self.door.gate.known())

    def make_room(self, tunnel_id: int | None, *, now: float) -> list[Event]:
        """End a half-open tunnel for one that comes."""
        return [] if tunnel_id is None else self.vanish(tunnel_id, GAVE_WAY, now=now)

    def vanish(self, tunnel_id: int, cause: Cause = REPLACED, *, now: float) -> list[Event]:
        """End a tunnel and its calls without a word; one that has ended is forgotten."""
        tunnel = self.tunnels.get(tunnel_id)
        if tunnel is None:
            return []
        events = tunnel.vanish(cause, now=now)
        self.settle(tunnel, now)
        return events

    def settle(self, tunnel: Tunnel, now: float) -> None:
        """Bring counts, deadline and journal in line with a tunnel that may have changed, or forget it."""
        tunnel_id = tunnel.association.tunnel_id
        if self.touched is not None:
            self.touched.tunnels[tunnel_id] = None
        if self.door.lobby.visitors:
            self.door.settle(tunnel)
        if tunnel.state is not _IDLE:
            self.census.count(tunnel_id, tunnel.association.group, tunnel.path.remote, len(tunnel.calls.table))
            self.deadlines.set(tunnel_id, tunnel.deadline)
            return
        self.census.forget(tunnel_id, tunnel.association.group, tunnel.path.remote)
        if not tunnel.gone(now):
            self.deadlines.set(tunnel_id, tunnel.deadline)
            return
        self.deadlines.set(tunnel_id, None)
        del self.tunnels[tunnel_id]
        self.originated.pop(tunnel_id, None)
        peer = _peer(tunnel.path, tunnel.association.peer_tunnel_id)
        if self._by_peer.get(peer) == tunnel_id:
            del self._by_peer[peer]
        if tunnel.path.listener >= FIRST_OWN:
            self.freed.append([ClosePort(tunnel.path.listener)])


def _peer(path: Path, peer_tunnel_id: int) -> tuple[str, str, int, int]:
    return path.local, path.remote, path.remote_port, peer_tunnel_id
