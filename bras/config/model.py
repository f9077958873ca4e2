"""The configuration as the program sees it: frozen, checked, every value with its unit.

Each class is a section of the TOML file; each field is a key of the same name.  The text
under a field is its entry in MANUAL.md, so it says unit, meaning and effect.
Addresses are text as ``ipaddress`` prints them; IPv4 addresses that the data plane or a
pool computes with are integers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bras.config.daemon import AdminConfig, LogConfig, StateConfig
from bras.config.grant import Grant
from bras.config.listen import Listen as Listen  # noqa: PLC0414  # it is told on: part of the model
from bras.config.radius import RadiusConfig, RealmConfig
from bras.config.story import StoryConfig
from bras.secret import Secret


@dataclass(frozen=True, slots=True)
class LnsConfig:
    """`[lns]`: the server itself."""

    listen: tuple[Listen, ...]
    """Addresses on which L2TP is answered: "192.0.2.1" (UDP 1701), "192.0.2.1:1702", "[2001:db8::1]:1702"."""
    hostname: str = "bras"
    """Host Name AVP that we send (RFC 2661 section 4.4.3)."""
    setup_timeout_s: float = 30.0
    """Seconds that a call may take from ICRQ to ICCN, and then to a usable session, before it is ended."""
    idle_tunnel_s: float = 60.0
    """Seconds after which a tunnel without calls is closed; 0 means never."""
    max_tunnels: int = 4000
    """Tunnels at most, over all LACs."""
    max_sessions: int = 65000
    """Sessions at most, over all LACs."""
    max_half_open: int = 2000
    """Tunnels at most that wait for their SCCCN, over all LACs; beyond it the oldest of a stranger makes room."""
    max_half_open_per_source: int = 256
    """The same of one source (an IPv4 address, an IPv6 /64); beyond it its own oldest makes room."""
    max_half_open_calls: int = 20000
    """Calls at most in one tunnel that wait for their ICCN; beyond it new ones are refused."""
    lockout_initial_s: float = 10.0
    """Seconds that a LAC (address and Host Name) is locked out after a wrong response in SCCCN, doubled each time; 0: never."""
    lockout_cap_s: float = 600.0
    """Seconds at most of a lock-out; quiet for as long after it, a LAC has a clean record again."""
    worker: int = 0
    """Number of this worker (0 to 15): the upper four bits of its tunnel ids."""
    node: int | None = None
    """Number of this machine (0 to 4095) among those that tell the same RADIUS servers, in its Acct-Session-Ids; none: one that is derived from its machine-id(5), which is right while no two are alike."""
    receive_buffer_octets: int = 8388608
    """Receive buffer asked for each L2TP socket, in octets."""


@dataclass(frozen=True, slots=True)
class LacConfig:
    """`[[lac]]`: a group of LACs; the first one that matches is taken."""

    name: str
    """Name of the group, in logs and as a metric label."""
    address: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    """Prefixes from which its LACs may come."""
    hostname: str = "*"
    """Shell pattern that the LAC's Host Name AVP must match."""
    local: tuple[str, ...] = ()
    """Addresses of ours, of those of `[lns]` `listen`, that its LACs call; none: any."""
    local_hostname: str | None = None
    """Host Name AVP that its LACs see; none: `hostname` of `[lns]`."""
    secrets: tuple[Secret, ...] = ()
    """Tunnel secrets, any accepted; answered and hidden with is the one that the LAC knows, before that is known the first; none: no tunnel authentication."""
    hide_avps: bool = False
    """Whether what we send is hidden as far as RFC 2661 section 4.4 allows it; needs a secret. Hidden AVPs are always understood."""
    methods: tuple[str, ...] = ()
    """Authentication methods in order of preference; none: those of `[auth]`."""
    radius: str | None = None
    """RADIUS server group for its subscribers, where their `[[realm]]` names none; none: the servers without a group."""
    radius_accounting: str | None = None
    """RADIUS server group for their accounting; none: `radius`."""
    default_realm: str | None = None
    """Realm of users whose name has none: its `[[realm]]` is theirs, and unless that strips it RADIUS is told it behind the name."""
    max_tunnels: int = 0
    """Tunnels at most of this group; 0 means no limit."""
    max_tunnels_per_lac: int = 0
    """Tunnels at most of one LAC of this group, which is one remote address; 0 means no limit."""
    max_sessions: int = 0
    """Sessions at most of this group; 0 means no limit."""
    one_session_per_host: bool = False
    """Whether an address may have one session only, over all its tunnels; while it is there, a new call is refused by CDN."""
    use_ephemeral_port: bool = False
    """Whether each of its tunnels gets a UDP port of its own, a free one at the address that was called, from which all that we say comes (RFC 2661 section 8.1); without it that is the port that was called."""
    follow_port: bool = False
    """Whether a LAC may go on from another UDP port, as behind a NAT that gives it a new one: once it no longer answers at the old port, and has acknowledged a HELLO that was sent to the new one. Its address never changes."""
    mtu: int | None = None
    """Octets of the largest IP packet that the path to its LACs carries, from which `mru = "auto"` is worked out; none: it is measured."""
    hello_interval_s: float = 60.0
    """Seconds of silence in a tunnel after which a HELLO is sent; 0 means never."""
    receive_window: int = 16
    """Control messages that the LAC may send ahead of our acknowledgement (1 to 32768)."""
    retransmit_initial_s: float = 1.0
    """Seconds until the first retransmission of a control message; doubles each time."""
    retransmit_cap_s: float = 8.0
    """Seconds at most between two retransmissions."""
    max_retransmissions: int = 5
    """Retransmissions of a control message without answer after which the tunnel is lost."""
    caller_id: str = "number"
    """What becomes Calling-Station-Id: `number` (the Calling Number AVP), `address` (the LAC's), or a text with placeholders such as `"{circuit_id} {remote_id}"`: `{number}`, `{address}`, `{called}`, `{sub_address}`, `{hostname}`, `{lac}`, `{tunnel}`, `{session}`, `{serial}`, `{channel}`, `{private_group}`, `{circuit_id}`, `{remote_id}`, `{lns}` (our `hostname`), `{local}` (the address that the LAC called), `{peer_tunnel}`, `{peer_session}` (the LAC's ids); what is empty then is the LAC's address."""
    nas_port_id: str = "{lns}:{tunnel}:{session}"
    """NAS-Port-Id (RFC 2869 section 5.17): a text with the placeholders of `caller_id`."""
    nas_port_type: str = "virtual"
    """NAS-Port-Type (RFC 2865 section 5.41): a kind of port, or `line`: `xdsl` or `sdsl` where the LAC tells of an access line, else `async` or `isdn` by its Bearer Type, else `virtual`."""
    tunnel_connection: str = "{serial}"
    """Acct-Tunnel-Connection (RFC 2867 section 4.1): a text with the placeholders of `caller_id`; the call's serial number is known to both ends."""
    proxy: str = "renegotiate"
    """What to make of LCP and authentication that the LAC has done already (RFC 2661 section 4.4.5): `renegotiate` does both again with the client, `accept` takes them over where that can work, `renegotiate-on-mismatch` only where all is as this configuration wants it; the last two need a `secret`."""
    dataseq: str = "allow"
    """Sequence numbers on data: `deny` (a call that requires them is refused), `allow` (if the LAC requires them), `prefer` (ours always), `require` (and what comes without is dropped)."""
    reorder_timeout_s: float = 0.0
    """Seconds for which numbered data that came early wait for what is missing; 0: no waiting, and what comes late is dropped."""
    length_bit: bool = False
    """Whether our data messages carry their length (L bit)."""
    priority_bit: bool = False
    """Whether PPP control frames that we send ask for preferential treatment (P bit)."""
    udp6_zero_checksum: bool = False
    """Whether, over IPv6, data messages to its LACs go without UDP checksum (RFC 6935) where `ebpf` sends them, and such messages are taken from LACs; `tun` always computes it."""
    grant: Grant = field(default_factory=Grant)
    """Any key of a profile given in `[[lac]]` is the policy of its subscribers."""


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """`[auth]`: how subscribers prove who they are."""

    methods: tuple[str, ...] = ("mschapv2", "chap", "pap")
    """Methods offered, in order of preference: `mschapv2`, `mschapv1`, `chap`, `pap`."""
    source: str = "radius"
    """Who decides: `radius`, `local`, or `radius-then-local` (local only when no server answers)."""
    timeout_s: float = 5.0
    """Seconds between two requests for credentials when the client is silent."""
    max_attempts: int = 3
    """Requests for credentials without answer before the link is ended."""
    rechallenge_interval_s: float = 0.0
    """Seconds after which a client that is up must prove itself again, by CHAP or its dialects, and its policy stays as it is; 0 means never."""
    single_session: str = "off"
    """A second session of one user name: `off` allows it, `replace` ends the old one first, `deny` refuses the new one."""
    address_conflict: str = "replace"
    """An address granted by RADIUS that another session holds: `replace` ends the old session first, `deny` refuses the new one."""


@dataclass(frozen=True, slots=True)
class PppConfig:
    """`[ppp]`: what we ask of and tell every client."""

    mru: int | str = "auto"
    """Largest PPP payload in octets that we receive and send (128 to 1500); "auto": what the path to the LAC carries."""
    dns: tuple[str, ...] = ()
    """Name servers told to clients, unless a profile says otherwise."""
    nbns: tuple[str, ...] = ()
    """NetBIOS name servers told to clients, unless a profile says otherwise."""
    echo_interval_s: float = 20.0
    """Seconds without a frame from the client after which an LCP Echo-Request is sent; 0 means never."""
    echo_failures: int = 4
    """Echo-Requests in a row without answer after which the session is ended (Lost-Carrier)."""
    restart_timer_s: float = 1.0
    """First restart timer of LCP and the NCPs (RFC 1661 section 4.6); doubles up to `restart_cap_s`."""
    restart_cap_s: float = 4.0
    """Seconds at most between two Configure-Requests."""
    max_configure: int = 10
    """Configure-Requests without answer before a protocol gives up (RFC 1661 section 4.6)."""
    max_terminate: int = 2
    """Terminate-Requests without answer before a link counts as closed (RFC 1661 section 4.6)."""
    max_failure: int = 5
    """Configure-Naks before options are rejected instead (RFC 1661 section 4.6)."""
    acfc: bool = True
    """Whether Address-and-Control-Field-Compression is accepted from the client (RFC 1661 section 6.6)."""
    pfc: bool = True
    """Whether Protocol-Field-Compression is accepted from the client (RFC 1661 section 6.5)."""


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """`[[pool]]`: IPv4 addresses for subscribers."""

    name: str
    """Name by which `pool` and Framed-Pool refer to it."""
    ranges: tuple[tuple[int, int], ...]
    """Addresses: prefixes "10.64.0.0/16" (network and broadcast address left out) or ranges "10.0.0.1-10.0.0.99"; `local_address` is never given."""
    next: str | None = None
    """Pool to go on with when this one is exhausted."""
    hold_down_s: float = 60.0
    """Seconds for which a returned address goes to nobody but the user that had it, while another address is free."""
    vrf: int = 0
    """Routing table (VRF) to which the addresses belong."""
    prefixes: tuple[tuple[int, int], ...] = ()
    """(network, prefix length) pairs that cover the ranges: one aggregate route each. Computed, not a key."""


@dataclass(frozen=True, slots=True)
class ProfileConfig:
    """`[[profile]]`: policy that RADIUS can name."""

    name: str
    """Name that RADIUS sends as Bras-Profile."""
    grant: Grant = field(default_factory=Grant)
    """Any key of a profile."""


@dataclass(frozen=True, slots=True)
class UserConfig:
    """`[[user]]`: a subscriber known locally."""

    name: str
    """User name as the client gives it."""
    password: Secret
    """Password of the user."""
    profile: str | None = None
    """`[[profile]]` whose policy the user gets, below its own keys."""
    grant: Grant = field(default_factory=Grant)
    """Any key of a profile."""


@dataclass(frozen=True, slots=True)
class DataplaneConfig:
    """`[dataplane]`: how packets are forwarded."""

    backend: str = "auto"
    """`ebpf`: in the kernel; `tun`: through a TUN device and this process; `auto`: `ebpf` where the machine can do it, else `tun`, and why is logged."""
    interface: str = "bras0"
    """Name of the interface that carries all subscribers."""
    local_address: str = "10.255.255.1"
    """Our IPv4 end of every link, told by IPCP."""
    counter_interval_s: float = 10.0
    """Seconds between two readings of the counters, for idle timeouts and, with `[state]`, for the journal."""
    clamp_mss: bool = True
    """Whether the MSS option of TCP SYN packets is lowered to what the link carries."""
    interfaces: tuple[str, ...] = ()
    """Interfaces by which LACs come, for `ebpf`; none: they are found, and followed when routes and addresses change."""
    xdp: tuple[tuple[str, str], ...] = ()
    """XDP by interface, for `ebpf`: `decap` takes packets of LACs out of their tunnels in the driver, `full` forwards them there, both ways and past nftables and queues, `off` neither. A section of its own, `[dataplane.xdp]`, with lines such as `eth0 = "full"`."""
    pin_dir: str = "/sys/fs/bpf/bras"
    """Directory, in a BPF file system, of what `ebpf` leaves in the kernel for the next start; each instance needs its own."""


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """`[metrics]`: the Prometheus exporter."""

    listen: Listen | None = None
    """Address and port of `/metrics`; none: no exporter."""
    sessions: bool = False
    """Whether `/metrics/sessions` is there too: the series of each session, with user names, which whoever can connect may read."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration."""

    lns: LnsConfig
    lac: tuple[LacConfig, ...] = ()
    auth: AuthConfig = field(default_factory=AuthConfig)
    radius: RadiusConfig = field(default_factory=RadiusConfig)
    realm: tuple[RealmConfig, ...] = ()
    ppp: PppConfig = field(default_factory=PppConfig)
    pool: tuple[PoolConfig, ...] = ()
    profile: tuple[ProfileConfig, ...] = ()
    user: tuple[UserConfig, ...] = ()
    defaults: Grant = field(default_factory=Grant)
    dataplane: DataplaneConfig = field(default_factory=DataplaneConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    admin: AdminConfig = field(default_factory=AdminConfig)
    log: LogConfig = field(default_factory=LogConfig)
    story: StoryConfig = field(default_factory=StoryConfig)
    state: StateConfig | None = None
