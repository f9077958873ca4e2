"""What a LAC does before it calls: LCP with its client, and the question who it is.

The result goes into the ICCN (RFC 2661 section 4.4.5).  The client is the same machine as
ever and does not know to whom it talks.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from bras.ids import Entropy
from bras.l2tp import proxy
from bras.l2tp.proxy import Proxied
from bras.ppp import frame as framing
from bras.ppp.constants import CONFIGURE_REQUEST, LCP, PAP
from bras.ppp.events import (
    ChapCredentials,
    Credentials,
    CredentialsOffered,
    LinkEvent,
    MsChapCredentials,
    PapCredentials,
    SendFrame,
)
from bras.ppp.link import Link
from bras.ppp.packet import HEADER_OCTETS
from bras.ppp.settings import LinkConfig
from bras.secret import Secret

_MOST_FRAMES: Final = 100


class Predial:
    """One client and the LAC's own end of its link; nothing between them is lost or takes time."""

    __slots__ = ("_client", "_credentials", "_frames", "_identifier", "_lac", "_received", "_sent")

    def __init__(self, client: Link, method: str, mru: int, entropy: Entropy) -> None:
        """Prepare: the LAC will ask for ``method`` and ``mru`` (octets)."""
        self._client = client
        self._lac = Link(LinkConfig(mru=mru, methods=(method,), hostname=b"lac"), entropy)
        self._frames: deque[tuple[Link, bytes]] = deque()
        """Who is to receive what."""
        self._sent = self._received = b""
        self._identifier = 0
        self._credentials: Credentials | None = None

    def run(self, *, now: float) -> Proxied:
        """Bring the link as far as the client's proof, and return what there is to tell of it.

        MS-CHAPv2 cannot be told, for there is no Proxy Authen Type for it: then only LCP is.
        """
        self._take(self._lac, self._lac.open(now=now))
        self._take(self._client, self._client.open(now=now))
        for _ in range(_MOST_FRAMES):
            if self._credentials is not None or not self._frames:
                break
            receiver, frame = self._frames.popleft()
            self._take(receiver, receiver.receive(frame, now=now))
        return self._told()

    def _take(self, sender: Link, events: list[LinkEvent]) -> None:
        for event in events:
            if isinstance(event, CredentialsOffered):
                self._credentials = event.credentials
            elif isinstance(event, SendFrame):
                self._note(sender, event.frame)
                self._frames.append((self._lac if sender is self._client else self._client, event.frame))

    def _note(self, sender: Link, frame: bytes) -> None:
        """Remember the last Configure-Requests, and the identifier of a PAP request."""
        protocol, offset = framing.parse(frame)
        if protocol == LCP and frame[offset] == CONFIGURE_REQUEST:
            options = frame[offset + HEADER_OCTETS :]
            if sender is self._client:
                self._received = options
            else:
                self._sent = options
        elif protocol == PAP and sender is self._client:
            self._identifier = frame[offset + 1]

    def _told(self) -> Proxied:
        sent, received = self._sent, self._received
        match self._credentials:
            case PapCredentials(name, password):
                return Proxied(False, sent, received, proxy.PAP, name, None, self._identifier, Secret(password))
            case ChapCredentials(name, identifier, challenge, response):
                return Proxied(False, sent, received, proxy.CHAP, name, challenge, identifier, Secret(response))
            case MsChapCredentials(name, identifier, challenge, response):
                return Proxied(False, sent, received, proxy.MSCHAPV1, name, challenge, identifier, Secret(response))
        return Proxied(False, sent, received)
