"""What many links and networks share: one frozen instance for thousands of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bras.config.model import AuthConfig, LacConfig, PppConfig
from bras.plain import Saved, restore_fields
from bras.ppp.constants import IPCP
from bras.secret import Secret


@dataclass(frozen=True, slots=True)
class RestartConfig:
    """Timer and counters of every automaton (RFC 1661 section 4.6)."""

    restart_timer_s: float = 1.0
    """Seconds until the first retransmission; doubles each time."""
    restart_cap_s: float = 4.0
    """Seconds at most between two transmissions."""
    max_configure: int = 10
    """Configure-Requests without an answer before the protocol gives up."""
    max_terminate: int = 2
    """Terminate-Requests without an answer before it counts as closed."""
    max_failure: int = 5
    """Configure-Naks sent before options are rejected instead."""


class HandoverPolicy(Enum):
    """What becomes of a link that an access concentrator has begun."""

    RENEGOTIATE = "renegotiate"
    """LCP and authentication begin anew."""
    RENEGOTIATE_ON_MISMATCH = "renegotiate-on-mismatch"
    """Unless all is as we would have it."""
    ACCEPT = "accept"
    """Unless we could not work with it."""


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """Who we are when we are the client."""

    user: bytes
    password: Secret


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """What the links of one group have in common."""

    mru: int
    """Largest payload in octets that we receive."""
    methods: tuple[str, ...]
    """Of ``mschapv2``, ``mschapv1``, ``chap``, ``pap``, in order of preference."""
    hostname: bytes
    """Our name in CHAP challenges."""
    restart: RestartConfig = RestartConfig()
    echo_interval_s: float = 20.0
    """Seconds without a frame after which an Echo-Request is sent; 0 means never."""
    echo_failures: int = 4
    """Echo-Requests in a row without a sign of life after which the link is lost."""
    acfc: bool = True
    """Server: grants Address-and-Control-Field-Compression.  Client: asks for it too."""
    pfc: bool = True
    """Server: grants Protocol-Field-Compression.  Client: asks for it too."""
    auth_timeout_s: float = 5.0
    """Seconds between two requests for credentials, or two offers of them."""
    auth_attempts: int = 3
    """Requests, or offers, without an answer before the link is ended."""
    rechallenge_interval_s: float = 0.0
    """Server: seconds between two challenges of a client that is up, at most; 0: it is challenged once."""
    network_protocols: frozenset[int] = frozenset({IPCP})
    """Network control protocols that the owner speaks; every other one is rejected."""
    handover: HandoverPolicy = HandoverPolicy.RENEGOTIATE
    """Server: what becomes of links that an access concentrator has begun."""
    client: ClientIdentity | None = None
    """Given: we are the client and prove ourselves; none: we are the server and demand proof."""

    @classmethod
    def from_config(cls, ppp: PppConfig, auth: AuthConfig, group: LacConfig, mru: int, hostname: str) -> LinkConfig:
        """Take a server's values from the configuration; no methods of the group: those of ``[auth]``."""
        return cls(
            mru=mru,
            methods=group.methods or auth.methods,
            hostname=hostname.encode(),
            restart=RestartConfig(
                ppp.restart_timer_s, ppp.restart_cap_s, ppp.max_configure, ppp.max_terminate, ppp.max_failure
            ),
            echo_interval_s=ppp.echo_interval_s,
            echo_failures=ppp.echo_failures,
            acfc=ppp.acfc,
            pfc=ppp.pfc,
            auth_timeout_s=auth.timeout_s,
            auth_attempts=auth.max_attempts,
            rechallenge_interval_s=auth.rechallenge_interval_s,
            handover=HandoverPolicy(group.proxy),
        )

    @classmethod
    def restore(cls, saved: Saved) -> LinkConfig:
        """Return a server's, of which ``saved`` are the fields."""
        return restore_fields(
            cls,
            saved,
            methods=tuple,
            restart=lambda fields: RestartConfig(**fields),
            network_protocols=frozenset,
            handover=HandoverPolicy,
        )


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """What IPCP tells many clients alike; the client's own address is the Network's."""

    local_address: int = 0
    """Server: our IPv4 end of the link."""
    dns: tuple[int, ...] = ()
    """Server: up to two name servers for the client."""
    nbns: tuple[int, ...] = ()
    """Server: up to two NetBIOS name servers for the client."""
    accept_client: bool = False
    """Server: a client that wants another address than its own is asked about (AddressWanted)."""
    client: bool = False
    """Whether we are the client."""
    wants_dns: bool = False
    """Client: ask for name servers."""
    restart: RestartConfig = RestartConfig()
