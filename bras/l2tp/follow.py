"""What comes for a tunnel from elsewhere: dropped, unless its peer may have moved to another port.

``follow_port`` of its group allows that, and only of the port: addresses never change.  Nothing
that came is acted on before the peer has proven to be there, see ``bras.l2tp.probe``; the
peer says it again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bras.errors import DropReason
from bras.l2tp.events import Dropped, Event, Path, TunnelMoved, TunnelProbed
from bras.l2tp.states import TunnelState
from bras.l2tp.table import TunnelTable
from bras.l2tp.tunnel import Tunnel

_ESTABLISHED: Final = TunnelState.ESTABLISHED


def take_control(
    table: TunnelTable, tunnel: Tunnel | None, path: Path, ns: int, nr: int, datagram: bytes | None, now: float
) -> list[Event]:
    """Take a control message (``None``: a ZLB) from elsewhere, or for no tunnel.

    What proves that the tunnel's peer has moved is heard.
    """
    probe = None if tunnel is None else tunnel.probe
    if tunnel is not None and probe is not None and probe.proven(path, nr, tunnel.channel.sender):
        a, port = tunnel.association, tunnel.path.remote_port
        table.move(tunnel, path)
        moved = TunnelMoved(a.tunnel_id, a.group, a.lac_hostname, path, port)
        return [moved, *table.deliver(tunnel, ns, nr, datagram, now)]
    table.door.lobby.strayed(path.remote)
    if tunnel is None:
        return [Dropped(DropReason.UNKNOWN_TUNNEL, path)]
    return take_any(table, tunnel, path, now)


def take_any(table: TunnelTable, tunnel: Tunnel, path: Path, now: float) -> list[Event]:
    """Drop anything from elsewhere, and ask whether the peer has moved there where that may be."""
    dropped = Dropped(DropReason.WRONG_PEER, path)
    if not tunnel.group.follow_port or not _may_be(table, tunnel, path, now):
        return [dropped]
    a = tunnel.association
    probed = TunnelProbed(a.tunnel_id, a.group, path)
    events = tunnel.try_port(path, now=now)
    table.settle(tunnel, now)
    return [dropped, probed, *events]


def _may_be(table: TunnelTable, tunnel: Tunnel, path: Path, now: float) -> bool:
    """Return whether only the port differs, nobody else is there, and no probe was begun lately."""
    if tunnel.state is not _ESTABLISHED or (tunnel.probe is not None and tunnel.probe.rests(now)):
        return False
    if path != replace(tunnel.path, remote_port=path.remote_port):
        return False
    return table.opened_by(path, tunnel.association.peer_tunnel_id) is None
