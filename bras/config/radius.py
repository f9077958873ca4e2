"""The sections that tell of RADIUS; see ``bras.config.model``."""

from __future__ import annotations

from dataclasses import dataclass, field

from bras.config.coa import CoaConfig
from bras.config.spool import SpoolConfig
from bras.secret import Secret


@dataclass(frozen=True, slots=True)
class RadiusServerConfig:
    """`[[radius.server]]`: a RADIUS server; those of a group are tried in order."""

    address: str
    """IPv4 or IPv6 address of the server."""
    secret: Secret
    """Secret shared with the server; over TLS `radsec` if not given (RFC 6614 section 2.3)."""
    name: str = ""
    """Name in logs and metrics; the address if not given."""
    group: str | None = None
    """Group to which it belongs; a `[[lac]]` names it with `radius`."""
    transport: str = "udp"
    """How it is reached: `udp`, or `tls` (RadSec, RFC 6614), which needs `tls_ca`, `tls_certificate` and `tls_key`."""
    auth_port: int = 1812
    """Port for authentication; over TLS 2083 if not given; 0: not used for it."""
    acct_port: int = 1813
    """Port for accounting; over TLS 2083 if not given; 0: not used for it."""
    timeout_s: float = 2.0
    """Seconds until the first retransmission; doubles each time with jitter (RFC 5080 section 2.2.1)."""
    timeout_cap_s: float = 16.0
    """Seconds at most between two transmissions; 0 means no limit."""
    max_tries: int = 3
    """Transmissions to this server before the next one is tried."""
    fail_count: int = 3
    """Requests in a row without any answer after which the server counts as dead."""
    dead_time_s: float = 30.0
    """Seconds that a dead server is passed over while another one lives; one that answers Status-Server is passed over until it does."""
    status_server: bool = True
    """Whether a dead server is asked by Status-Server (RFC 5997) if it lives; one that does not know it comes back by `dead_time_s`."""
    probe_interval_s: float = 10.0
    """Seconds between two Status-Servers to a dead server, moved at random by a tenth."""
    probe_answers: int = 3
    """Status-Servers answered in a row after which a dead server counts as alive."""
    weight: int = 1
    """Share of the requests that the server gets, against the weights of the others of its group; see `[[radius.group]]`."""
    max_in_flight: int = 4096
    """Requests at most that wait for the server's answer, for authentication and for accounting each; what is beyond that waits its turn."""
    message_authenticator: str = "require"
    """Replies to Access-Requests without Message-Authenticator: `require` drops them, `if-present` accepts them, which is the default over TLS, where nobody can forge them."""
    source: str | None = None
    """Local address from which requests are sent; none: the system chooses."""
    tls_ca: str | None = None
    """File with the certificates (PEM) of those who may have signed the server's certificate."""
    tls_certificate: str | None = None
    """File with our certificate (PEM), and after it those that lead to a CA that the server trusts."""
    tls_key: str | None = None
    """File with the key of `tls_certificate` (PEM, without passphrase); to be readable by the daemon's user alone."""
    tls_name: str | None = None
    """Name or address that the server's certificate must have; none: `address`, as an iPAddress in its subjectAltName."""


@dataclass(frozen=True, slots=True)
class RadiusGroupConfig:
    """`[[radius.group]]`: how the servers of a group share the requests; a group without it is asked in order."""

    name: str | None = None
    """The group, as `[[radius.server]]` names it; none: the servers without a group."""
    select: str = "fail-over"
    """Which server is asked first: `fail-over` (the first of the file that lives), `weighted` (each has its share by `weight`), `least-outstanding` (the one with the fewest requests under way for its `weight`)."""


@dataclass(frozen=True, slots=True)
class RadiusConfig:
    """`[radius]`: what is common to all RADIUS servers."""

    server: tuple[RadiusServerConfig, ...] = ()
    """The servers, in order of preference."""
    group: tuple[RadiusGroupConfig, ...] = ()
    """How groups of servers share the requests."""
    patience_s: float = 30.0
    """Seconds at most that a subscriber waits for the answer of any server (RFC 5080 section 2.2.1); 0: until all were asked."""
    coa: CoaConfig | None = None
    """Who may change and end sessions."""
    spool: SpoolConfig = field(default_factory=SpoolConfig)
    """What becomes of accounting records while no server takes them."""
    nas_identifier: str = "bras"
    """NAS-Identifier (RFC 2865 section 5.32)."""
    nas_ip_address: str | None = None
    """NAS-IP-Address (RFC 2865 section 5.4); with neither this nor `nas_ipv6_address`: the address that the LAC called, if IPv4."""
    nas_ipv6_address: str | None = None
    """NAS-IPv6-Address (RFC 3162 section 2.1); with neither this nor `nas_ip_address`: the address that the LAC called, if IPv6."""
    dictionaries: tuple[str, ...] = ()
    """Further FreeRADIUS-style dictionary files, read after our own."""
    accounting: bool = True
    """Whether accounting records are sent."""
    access_line: bool = True
    """Whether Access-Requests and accounting records carry what LACs tell of the access line (RFC 4679), where they tell it."""
    chargeable_user_identity: bool = False
    """Whether Access-Requests ask for a Chargeable-User-Identity (RFC 4372 section 2.1); one that comes is in all records, asked for or not."""
    access_timestamp: bool = False
    """Whether Access-Requests carry Event-Timestamp as accounting records do; RFC 2869 section 5.19 has it in those only."""
    unsupported: tuple[tuple[str, str], ...] = ()
    """What becomes of an Access-Accept that authorises what we lack, or says what makes no sense, by the name of the attribute: `reject` makes it a Reject (RFC 2865 section 1.1), which is the default, `ignore` leaves it to its other attributes; `"*"` stands for all that are not named. A section of its own, `[radius.unsupported]`, with lines such as `Filter-Id = "ignore"`."""
    tunnel_accounting: str = "off"
    """Which records of RFC 2867 are sent beside those of sessions: of `tunnels`, of their `links`, of `both`; `off`: none."""
    ipv6_counters: str = "bras"
    """In which attributes Interim-Updates and Stops tell IPv6 apart, beside the sum of both families: `bras` (ours, of 64 bits), `erx` (Juniper's), `off`; what has carried no IPv6 tells nothing of it."""
    interim_min_s: float = 60.0
    """Seconds at least between two Interim-Updates of a session (RFC 2869 section 5.16); a shorter interval, whoever gives it, counts as this."""
    interim_jitter: float = 0.1
    """Share of the interim interval by which each Interim-Update is moved at random (0 to 0.5)."""


@dataclass(frozen=True, slots=True)
class RealmConfig:
    """`[[realm]]`: users with this behind the last @ of their name; what it says comes before what their `[[lac]]` says."""

    name: str
    """The realm, upper or lower case alike; `*`: any that has no section of its own."""
    radius: str | None = None
    """RADIUS server group for its subscribers; none: that of the `[[lac]]`."""
    radius_accounting: str | None = None
    """RADIUS server group for their accounting; none: `radius`, else that of the `[[lac]]`."""
    strip: bool = False
    """Whether RADIUS is told the user name without the realm. Clients that use MS-CHAPv2 have their name in what they prove, so the server must know it as they do."""
