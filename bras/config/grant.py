"""What a layer of policy grants to a subscriber; see ``bras.config.model``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bras.plain import Saved
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
    prefix_length: int | None = None
    """Length of the prefix round `address` that is routed to the subscriber too (Framed-IP-Netmask); 32: only the address. An address of a pool is always alone."""
    routes: tuple[tuple[int, int], ...] | None = None
    """IPv4 networks behind the subscriber, such as "192.0.2.0/24", that are routed to it (Framed-Route)."""
    framed_mtu: int | None = None
    """Octets of the largest packet that is sent to the subscriber (Framed-MTU), where the link carries more; 0: what the link carries."""
    idle_direction: str | None = None
    """Packets that count for `idle_timeout_s`: `both`, `up` (only those from the subscriber), `down` (only those to it)."""
    at_session_timeout: str | None = None
    """What comes after `session_timeout_s` (Termination-Action): `end`, or `reauthenticate`: the client must prove itself again, and gets what is granted then."""
    port_limit: int | None = None
    """Sessions at most of one user name (Port-Limit); a further one is refused; 0: no limit."""
    quota_octets: int | None = None
    """Octets from and to the subscriber, counted as IP packets, after which `at_quota` is done; 0: no limit."""
    quota_up_octets: int | None = None
    """Octets from the subscriber after which `at_quota` is done; 0: no limit."""
    quota_down_octets: int | None = None
    """Octets to the subscriber after which `at_quota` is done; 0: no limit."""
    ipv6_prefixes: tuple[str, ...] | None = None
    """IPv6 prefixes of its link (Framed-IPv6-Prefix). This and all others of IPv6 only RADIUS says: no keys of the file."""
    ipv6_pool: str | None = None
    """Framed-IPv6-Pool."""
    ipv6_addresses: tuple[str, ...] | None = None
    """Framed-IPv6-Address."""
    ipv6_address_pool: str | None = None
    """Stateful-IPv6-Address-Pool."""
    delegated_ipv6_prefixes: tuple[str, ...] | None = None
    """Delegated-IPv6-Prefix."""
    delegated_ipv6_pool: str | None = None
    """Delegated-IPv6-Prefix-Pool."""
    interface_id: str | None = None
    """Framed-Interface-Id, four groups of four hexadecimal digits."""
    ipv6_routes: tuple[str, ...] | None = None
    """Framed-IPv6-Route."""
    ipv6_dns: tuple[str, ...] | None = None
    """DNS-Server-IPv6-Address."""
    at_quota: str | None = None
    """What comes when a quota is exhausted: `disconnect`, or `throttle`: the session goes on with the two rates that follow."""
    quota_rate_up_bps: int | None = None
    """Bits a second that the subscriber may send once it is throttled; 0: as many as before."""
    quota_rate_down_bps: int | None = None
    """Bits a second that the subscriber may receive once it is throttled; 0: as many as before."""
    session_ends_at: float | None = None
    """Seconds since 1970 (UTC) at which the session is ended (WISPr-Session-Terminate-Time). Only RADIUS says it: no key of the file."""

    @classmethod
    def restore(cls, saved: Saved) -> Grant:
        """Return what ``saved`` are the fields of."""
        return cls(**{name: plain(value) for name, value in saved.items()})


IPV6_ONLY = (
    "ipv6_prefixes",
    "ipv6_pool",
    "ipv6_addresses",
    "ipv6_address_pool",
    "delegated_ipv6_prefixes",
    "delegated_ipv6_pool",
    "interface_id",
    "ipv6_routes",
    "ipv6_dns",
)
"""Fields that are kept and told until there is IPv6."""
RADIUS_ONLY = (*IPV6_ONLY, "session_ends_at")
"""Fields that are no key of the file."""


def plain(value: Any) -> Any:
    """Return a value as it was before it was saved: what is a list there is a tuple here."""
    return tuple(map(plain, value)) if isinstance(value, list) else value


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
    prefix_length=32,
    routes=(),
    framed_mtu=0,
    idle_direction="both",
    at_session_timeout="end",
    port_limit=0,
    quota_octets=0,
    quota_up_octets=0,
    quota_down_octets=0,
    at_quota="disconnect",
    quota_rate_up_bps=0,
    quota_rate_down_bps=0,
    session_ends_at=0.0,
    ipv6_prefixes=(),
    ipv6_addresses=(),
    delegated_ipv6_prefixes=(),
    ipv6_routes=(),
    ipv6_dns=(),
)
"""What holds where no layer says anything; name servers are then those of ``[ppp]``."""
