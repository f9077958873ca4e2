"""What strangers can do to us, bounded: who is heard, who waits, what they are sent, and who is locked out.

Nothing here grows with what a hostile peer sends, and nobody but its sender pays for it.
"""

from __future__ import annotations

from typing import Final

from bras.config.model import LnsConfig
from bras.errors import DropReason
from bras.l2tp.bucket import Bucket, Buckets
from bras.l2tp.events import By, Cause, Dropped, Event, SendDatagram, TunnelRefused
from bras.l2tp.gate import Gate
from bras.l2tp.handshake import WRONG_RESPONSE
from bras.l2tp.header import CONTROL_OCTETS
from bras.l2tp.lobby import Lobby
from bras.l2tp.lockout import Lockouts
from bras.l2tp.records import SavedDoor
from bras.l2tp.sources import source_of
from bras.l2tp.states import TunnelState
from bras.l2tp.tunnel import Tunnel

DOOR: Final = 0
"""Stands for those who have no tunnel where deadlines are; no tunnel has this id."""
GAVE_WAY: Final = Cause(By.LOCAL, 1, 0, "gave way to a newer one: too many half-open tunnels")
MOST_REFUSED: Final = 1024
"""Sources whose refusals are counted each by itself."""
_REFUSALS_PER_S: Final = 100.0
_REFUSALS_BURST: Final = 500.0
"""StopCCNs to those that get no tunnel: a second, and in a burst."""
_OF_SOURCE_PER_S: Final = 1.0
_OF_SOURCE_BURST: Final = 5.0
_HALF_OPEN: Final = TunnelState.WAIT_CTL_CONN
_ESTABLISHED: Final = TunnelState.ESTABLISHED


class Door:
    """Stands between strangers and the tunnels of an LNS."""

    __slots__ = ("_refusals", "_refusals_of", "gate", "lobby", "lockouts")

    def __init__(self, config: LnsConfig) -> None:
        """Begin with nobody known, nobody waiting, nobody locked out."""
        self.gate = Gate()
        self.lobby = Lobby(config.max_half_open, config.max_half_open_per_source)
        self.lockouts = Lockouts(config.lockout_initial_s, config.lockout_cap_s)
        self._refusals = Bucket(_REFUSALS_PER_S, _REFUSALS_BURST)
        self._refusals_of = Buckets(_OF_SOURCE_PER_S, _OF_SOURCE_BURST, MOST_REFUSED)

    def follow(self, config: LnsConfig) -> None:
        """Go on under another configuration."""
        self.lobby.follow(config.max_half_open, config.max_half_open_per_source)
        self.lockouts.follow(config.lockout_initial_s, config.lockout_cap_s)

    def turns_away(self, address: str, hostname: str, *, now: float) -> DropReason | None:
        """Return why a SCCRQ is not heard, ``None`` when it is."""
        if self.lockouts.delays(address, hostname, now=now):
            return DropReason.LOCKED_OUT
        if self.lobby.is_full(address) and self.lobby.in_the_way(address, now=now) is None:
            return DropReason.RATE_LIMITED
        return None

    def in_the_way(self, address: str, *, now: float) -> int | None:
        """Return the half-open tunnel that must make room for one from ``address``, ``None`` when there is room."""
        return self.lobby.in_the_way(address, now=now) if self.lobby.is_full(address) else None

    def may_refuse(self, address: str, *, now: float) -> bool:
        """Return whether a StopCCN may be sent to one that gets no tunnel; else it is told nothing."""
        source = source_of(address)
        if source not in self._refusals_of:
            self._refusals_of.enter(source, now=now)
        return self._refusals_of.take(source, now=now) and self._refusals.take(now=now)

    def enter(self, tunnel: Tunnel, octets: int) -> None:
        """Take in a tunnel whose SCCRQ of so many octets is about to be answered."""
        association = tunnel.association
        known = self.gate.knows(tunnel.path.remote)
        self.lobby.enter(
            association.tunnel_id,
            tunnel.path.remote,
            association.group,
            octets,
            known=known,
            now=tunnel.timers.created_at,
        )

    def hears(self, tunnel: Tunnel, datagram: bytes | None) -> None:
        """Take note of a message (``None``: a ZLB) for a tunnel that is perhaps half-open."""
        if tunnel.association.tunnel_id in self.lobby.visitors:
            self.lobby.heard(tunnel.association.tunnel_id, CONTROL_OCTETS if datagram is None else len(datagram))

    def served(self, tunnel: Tunnel, datagram: bytes | None, events: list[Event], now: float) -> list[Event]:
        """A tunnel that was not established has got a message: hold back what must not be sent, and learn."""
        octets = CONTROL_OCTETS if datagram is None else len(datagram)
        allowed: list[Event] = []
        for event in events:
            if isinstance(event, SendDatagram) and not self._may_send(tunnel, octets, len(event.data), now):
                allowed.append(Dropped(DropReason.ANSWER_WITHHELD, event.path))
                continue
            allowed.append(event)
            if isinstance(event, TunnelRefused) and event.cause is WRONG_RESPONSE:
                allowed += self._failed(tunnel, now)
        if tunnel.state is _ESTABLISHED:
            self.gate.proven(tunnel.path.remote, now=now)
            self.lockouts.succeeded(tunnel.path.remote, tunnel.association.peer_hostname)
        return allowed

    def _may_send(self, tunnel: Tunnel, received: int, octets: int, now: float) -> bool:
        tunnel_id = tunnel.association.tunnel_id
        if tunnel_id in self.lobby.visitors:
            return self.lobby.may_send(tunnel_id, octets, now=now)
        return octets <= received

    def _failed(self, tunnel: Tunnel, now: float) -> list[Event]:
        association = tunnel.association
        if self.lobby.guesses(tunnel.path.remote):
            return []
        return self.lockouts.failed(tunnel.path, association.peer_hostname, association.group, now=now)

    def settle(self, tunnel: Tunnel) -> None:
        """Let a tunnel go that is not half-open any more."""
        tunnel_id = tunnel.association.tunnel_id
        if tunnel.state is not _HALF_OPEN and tunnel_id in self.lobby.visitors:
            self.lobby.leave(tunnel_id, proven=tunnel.state is _ESTABLISHED)

    def save(self) -> SavedDoor:
        """Return plain data."""
        return {
            "gate": self.gate.save(),
            "lobby": self.lobby.save(),
            "refusals": [self._refusals.save(), self._refusals_of.save()],
        }

    def resume(self, saved: SavedDoor) -> None:
        """Go on from ``save``."""
        self.gate.resume(saved["gate"])
        self.lobby.resume(saved["lobby"])
        refusals, of_sources = saved["refusals"]
        self._refusals = Bucket.restore(_REFUSALS_PER_S, _REFUSALS_BURST, refusals)
        self._refusals_of.resume(of_sources)

    def adopt(self, tunnel: Tunnel) -> None:
        """Know a tunnel out of a journal, where nothing of this is but the lock-outs."""
        if tunnel.state is _ESTABLISHED:
            self.gate.proven(tunnel.path.remote, now=tunnel.timers.heard_at)
        elif tunnel.state is _HALF_OPEN:
            self.enter(tunnel, 0)
