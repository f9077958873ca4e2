"""What a layer of policy grants to a subscriber; see ``bras.config.model``."""

from __future__ import annotations

from dataclasses import dataclass

from bras.value import hasten


@dataclass(frozen=True, slots=True)
class Grant:
    """What one layer of policy grants to a subscriber; ``None`` means: says nothing.

    The layers are, strongest first: RADIUS attributes, the ``[[profile]]`` that RADIUS
    names, the local user, the ``[[lac]]`` group, ``[defaults]``.
    """

    address: int | None = None
    """The subscriber's IPv4 address (Framed-IP-Address); in TOML text such as "192.0.2.7"."""
    pool: str | None = None
    """Name of the `[[pool]]` from which the address comes (Framed-Pool)."""
    vrf: int | None = None
    """Number of the routing table (VRF) of the subscriber; 0 is the main one, the only one today."""
    session_timeout_s: float | None = None
    """Seconds after which the session is ended (Session-Timeout); 0 means never."""
    idle_timeout_s: float | None = None
    """Seconds without a packet from or to the subscriber after which it is ended (Idle-Timeout); 0 means never."""
    interim_interval_s: float | None = None
    """Seconds between two Interim-Update accounting records (Acct-Interim-Interval); 0 means none."""
    dns: tuple[str, ...] | None = None
    """Up to two name servers told to the subscriber by IPCP (RFC 1877)."""
    nbns: tuple[str, ...] | None = None
    """Up to two NetBIOS name servers told to the subscriber by IPCP (RFC 1877)."""
    rate_up_bps: int | None = None
    """Bits a second that the subscriber may send (counted as IP packets); 0 means unlimited."""
    rate_down_bps: int | None = None
    """Bits a second that the subscriber may receive (counted as IP packets); 0 means unlimited."""
    burst_up_octets: int | None = None
    """Octets that the subscriber may send at once above its rate; 0: a quarter second of the rate, at least 16000."""
    burst_down_octets: int | None = None
    """Octets that the subscriber may receive at once above its rate; 0: a quarter second of the rate, at least 16000."""
    accept_client_address: bool | None = None
    """Whether an address that the client asks for in IPCP is granted if it is free in its pool."""
    source_check: bool | None = None
    """Whether packets from the subscriber with a foreign source address are dropped and counted."""
    mark: int | None = None
    """Firewall mark of the subscriber's packets, from and to it, for nftables and routing rules; 0: none. Set by `ebpf` only."""
    priority: int | None = None
    """Queueing priority of the packets that go to it: a number, or a traffic class such as "1:10" as `tc` writes it; 0: none. Set by `ebpf` only."""


hasten(Grant)

BUILT_IN = Grant(
    vrf=0,
    session_timeout_s=0.0,
    idle_timeout_s=0.0,
    interim_interval_s=0.0,
    dns=(),
    nbns=(),
    rate_up_bps=0,
    rate_down_bps=0,
    burst_up_octets=0,
    burst_down_octets=0,
    accept_client_address=False,
    source_check=True,
    mark=0,
    priority=0,
)
"""What holds where no layer says anything; name servers are then those of ``[ppp]``."""
