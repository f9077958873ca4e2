"""The sockets to which CoA- and Disconnect-Requests come (RFC 5176), and from which they are answered.

An answer leaves from the address and the port that were asked: a client takes no other.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence

from bras.config.listen import Listen
from bras.dataplane.base import Address, source
from bras.lns.inputs import CoaReceived, Input
from bras.radius.coa_events import Origin, SendCoaReply
from bras.runtime.udp import bind, destination

REQUEST_OCTETS = 4096
"""The longest RADIUS packet (RFC 2865 section 3); what is longer comes cut, and is dropped by its length."""
REQUESTS_A_WAKE = 64
_UNSPECIFIED = ("0.0.0.0", "::")  # names of the wildcard, to know it


class CoaSockets:
    """One socket for each address of `[radius.coa]` `listen`, by its index."""

    __slots__ = ("_listen", "_sockets", "failed")

    def __init__(self, listen: Sequence[Listen]) -> None:
        """Bind them all; OSError when that is not possible."""
        self._listen = list(listen)
        self._sockets: list[socket.socket] = []
        self.failed = 0
        """Answers that the kernel did not take."""
        try:
            for one in listen:
                self._sockets.append(bind(one, one.address in _UNSPECIFIED))
        except (OSError, OverflowError):
            self.close()
            raise

    def filenos(self) -> Iterable[int]:
        """Return the descriptors, by index."""
        return [one.fileno() for one in self._sockets if one.fileno() >= 0]

    @property
    def addresses(self) -> list[str]:
        """Return each "address:port" as bound."""
        names = (one.getsockname()[:2] for one in self._sockets)
        return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in names]

    def drain(self, index: int) -> list[Input]:
        """Read the requests that wait, at most a bite."""
        inputs: list[Input] = []
        opened, address = self._sockets[index], self._listen[index].address
        for _ in range(REQUESTS_A_WAKE):
            try:
                data, ancillary, _flags, remote = opened.recvmsg(REQUEST_OCTETS, 128)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error of an earlier answer; the client asks again
            local = destination(ancillary) if address in _UNSPECIFIED else address
            if local is not None:
                inputs.append(CoaReceived(Origin(index, local, remote[0], remote[1]), data))
        return inputs

    def send(self, effect: SendCoaReply) -> None:
        """Send an answer; one that is lost is asked for again."""
        origin = effect.origin
        if not 0 <= origin.socket < len(self._sockets):
            return
        opened = self._sockets[origin.socket]
        remote: Address = (origin.remote, origin.remote_port)
        if opened.family == socket.AF_INET6:
            remote = (origin.remote, origin.remote_port, 0, 0)
        try:
            if self._listen[origin.socket].address in _UNSPECIFIED:
                opened.sendmsg((effect.data,), source(opened.family, origin.local), 0, remote)
            else:
                opened.sendto(effect.data, remote)
        except OSError:
            self.failed += 1

    def close(self) -> None:
        """Close them all."""
        for one in self._sockets:
            one.close()
