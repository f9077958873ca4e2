"""Both ends of L2TP for tests: an Endpoint as a party of the simulated network, with its log of events."""

from __future__ import annotations

import random
from struct import Struct

from bras.config.model import LacConfig, LnsConfig
from bras.l2tp import messages
from bras.l2tp.constants import MessageType
from bras.l2tp.endpoint import Endpoint, Role
from bras.l2tp.events import Event, Path, SendDatagram
from bras.l2tp.header import CONTROL, CONTROL_FLAGS
from bras.l2tp.messages import Message
from tests.support.network import Datagram

LNS_ADDRESS = ("198.18.0.1", 1701)
LAC_ADDRESS = ("198.18.0.2", 1701)
AT_LNS = Path(0, *LNS_ADDRESS, *LAC_ADDRESS)
AT_LAC = Path(0, *LAC_ADDRESS, *LNS_ADDRESS)
_WORDS = Struct("!HHHHHH")


class Peer:
    """An Endpoint that remembers every event but the datagrams."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.events: list[Event] = []

    @property
    def deadline(self) -> float | None:
        return self.endpoint.deadline

    def receive(self, path: Path, data: bytes, now: float) -> list[Datagram]:
        return self.did(self.endpoint.receive(path, data, now=now))

    def handle_timeout(self, now: float) -> list[Datagram]:
        return self.did(self.endpoint.handle_timeout(now=now))

    def did(self, events: list[Event]) -> list[Datagram]:
        """Remember the events and return the datagrams among them."""
        self.events += [event for event in events if not isinstance(event, SendDatagram)]
        return [(event.path, event.data) for event in events if isinstance(event, SendDatagram)]

    def of(self, kind: type[Event]) -> list[Event]:
        """Return the events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]


def lns_endpoint(*groups: LacConfig, seed: int = 1, **settings: object) -> Endpoint:
    config = LnsConfig((), hostname="lns1", **settings)  # type: ignore[arg-type]  # any key of [lns]
    return Endpoint(lns=config, groups=groups or (LacConfig("any"),), entropy=random.Random(seed).randbytes)


def lac_endpoint(seed: int = 2, hostname: str = "lac1", **settings: object) -> Endpoint:
    config = LnsConfig((), hostname=hostname, **settings)  # type: ignore[arg-type]  # any key of [lns]
    return Endpoint(lns=config, groups=(), entropy=random.Random(seed).randbytes, role=Role.LAC)


def control(tunnel_id: int, ns: int, nr: int, body: bytes = b"", session_id: int = 0) -> bytes:
    """Build a control message from its AVPs."""
    return CONTROL.pack(CONTROL_FLAGS, 12 + len(body), tunnel_id, session_id, ns, nr) + body


def sent(events: list[Event]) -> list[bytes]:
    """Return the datagrams among events."""
    return [event.data for event in events if isinstance(event, SendDatagram)]


def header(data: bytes) -> tuple[int, int, int, int]:
    """Return Tunnel ID, Session ID, Ns and Nr."""
    return _WORDS.unpack_from(data)[2:]


def read(data: bytes) -> Message:
    """Parse a control message that is no ZLB."""
    return messages.parse(data)


def kind(data: bytes) -> str:
    """Return a datagram's message type, "ZLB" or "data"."""
    if not data[0] & 0x80:
        return "data"
    return "ZLB" if len(data) == 12 else MessageType(read(data).type).name
