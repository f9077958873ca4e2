"""What operators and programs can ask of the machine, and what they are told.

Answers are plain data (``Plain``): what ``--json`` prints.  Long lists come in pages, so
that no question holds the loop: ask again with ``after`` = ``next`` until ``next`` is None.
A question that cannot be answered has ``ok`` false and the body ``{"error": words}``.

The row keys below are a contract with the tables of ``bras.cli``, the collector of
``bras.telemetry`` and whoever reads ``--json``: keys are added, never renamed.  Addresses
are text, durations ``_s`` are seconds, ``None`` stands for what is not known (yet).
"""

from __future__ import annotations

from dataclasses import dataclass

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True)
class ShowSessions:
    """List sessions: ``{"sessions": [row...], "next": key | None}``; filters are all-of.

    ``limit`` rows at most (1 to 1000), those with a key above ``after``, in the order of
    their keys.  A row:

    - ``key``: int, the subscriber's number by which pages are ordered;
    - ``session``: str, Acct-Session-Id;  ``state``: str, ``Phase`` value;
    - ``user``: str;  ``method``: str (both empty before credentials);
    - ``lac``: str, name of the group;  ``lac_hostname``, ``lac_address``: str;
    - ``tunnel``, ``call``: int, our tunnel id and session id;
    - ``calling_number``, ``called_number``: str;
    - ``address``: str | None, IPv4 as a dotted quad;
    - ``uptime_s``: float | None, since it was up;
    - ``up_octets``, ``up_packets``, ``down_octets``, ``down_packets``: int, both families
      together, as the counters were read last;
    - ``echo_ms``: float | None, the last LCP echo's round-trip time in milliseconds;
    - ``echo_min_ms``, ``echo_mean_ms``, ``echo_max_ms``: float | None, of the last 30 to 60 echoes;
      ``echo_loss_percent``: float | None, how many of these nobody answered;
    - ``up_bps``, ``down_bps``, ``packets_s``: float | None, bits and (both ways) packets a second between the last two
      readings of the counters that somebody asked for with PickSessions, ``None`` when nobody has.

    With ``numbers`` those sessions, in the order in which they are named, and no filters.
    """

    after: int = -1
    limit: int = 500
    user: str | None = None
    group: str | None = None
    address: str | None = None
    numbers: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class ListSessions:
    """Return the numbers of all sessions, or of those of a ``user``: ``{"numbers": [int]}``, ascending."""

    user: str | None = None


@dataclass(frozen=True, slots=True)
class PickSessions:
    """Look for sessions among those of ``numbers``: a slice of a long list, so that no turn is long.

    ``{"picked": [int], "values": [...], "matched": int, "up_bps", "down_bps", "packets_s": float}``: the first ``most``
    (or all) of those that ``match`` (an expression, see ``bras.query.match``) and the filters let through, in the order
    of ``sort`` (a field, with "-" descending), what each has there (nothing without ``sort``), how many there were,
    and what they carry together.  ``rates``: their counters are read for the rates, even where neither ``match`` nor
    ``sort`` asks.
    """

    numbers: tuple[int, ...]
    match: str = ""
    sort: str = ""
    most: int | None = None
    user: str | None = None
    group: str | None = None
    address: str | None = None
    rates: bool = False


@dataclass(frozen=True, slots=True)
class ForgetRates:
    """Nobody looks at rates any more: what they are made of need not be kept; ``{}``."""


@dataclass(frozen=True, slots=True)
class ShowSession:
    """Show all of one session: by Acct-Session-Id, by user name, or by address.

    ``{"sessions": [detail...]}``: every session that matches (a user name may have
    several), 16 at most; not ``ok`` when none does.  A detail is a row of ShowSessions and:

    - ``profile``: ``{name: {"value": Plain, "source": str}}``, the fields of ``Grant`` that
      have a value, with the layer it came from ("radius", "profile NAME", "user", "lac",
      "defaults"); addresses are text;
    - ``classes``: [str], the RADIUS Class attributes in hexadecimal;
    - ``claimed``: str, the user name that the client gave, whatever RADIUS made of it;
      ``decided_by``: str, the RADIUS server, or "local"; empty until somebody has decided;
    - ``throttled``: ``str | None``, which quota slows the session down;
    - ``quota_left_octets``: ``{"both ways" | "up" | "down": int}``, for each quota that there is;
    - ``echoes_answered``, ``echoes_lost``: int, since the link began;  ``probe_left_s``: float | None, for how long it
      is asked each second;
    - ``mtu``: int | None, largest IP packet that the client takes, in octets;
    - ``software``: str | None, what the client says of itself (LCP Identification);
    - ``proxy``: "accepted" | "challenged" | "renegotiated" | None, what became of LCP and
      authentication that the LAC had done; ``proxy_reason``: str | None, why not all was taken over;
    - ``session_timeout_left_s``, ``idle_timeout_left_s``: float | None (no such timeout);
    - ``peer_tunnel``, ``peer_call``: int, the ids that the LAC assigned;
    - ``local``, ``remote``: str, "address:port" or "[address]:port" of both ends;
    - ``serial_number``: int, Call Serial Number AVP;
    - ``tx_speed_bps``, ``rx_speed_bps``: int, the LAC's connect speeds, 0 when not told;
      ``speed_changes``: int, how often it has told new ones;
    - ``nas_port_id``, ``chargeable_user_identity``: str | None, what RADIUS was told;
    - ``calling_station``: str, Calling-Station-Id;  ``sub_address``, ``private_group``: str;
      ``physical_channel``: int | None;
    - ``access_line``: ``{name: str | int | bool}``, what the LAC told of the line (RFC 5515), names in lower
      case with their unit; ``line_errors``: ``{name: int} | None``, its last WEN;
      ``accm``: ``{"send": str, "receive": str} | None``, its last SLI in hexadecimal;
    - ``data``: ``{}`` when the call is gone, else ``numbered_down``, ``numbered_up`` (whether data messages
      carry Ns, ours and the LAC's last one), ``numbers_required``, ``length_bit``: bool; ``lost``, ``late``,
      ``duplicates``, ``reordered``, ``unnumbered`` (dropped for lack of a number): int, of the LAC's;
    - ``up_octets4``, ``up_packets4``, ``down_octets4``, ``down_packets4`` and the same with
      ``6``: int;  ``up_spoofed``, ``up_policed``, ``down_policed``, ``down_too_big``: int;
    - ``accounting``: ``{"state": str, "interim_interval_s": float | None,
      "next_interim_s": float | None}``; ``state`` is "off", "waiting" or "started".
    """

    selector: str


@dataclass(frozen=True, slots=True)
class ShowTunnels:
    """List tunnels: ``{"tunnels": [row...]}``, by group, Host Name and id; filters are all-of.

    A row: ``tunnel``, ``peer_tunnel``: int;  ``state``: str;  ``lac``: str, the group;
    ``hostname``, ``vendor``: str, the LAC's Host Name and Vendor Name AVPs;
    ``local``, ``remote``: str, "address:port";  ``calls``: int;  ``uptime_s``: float | None;
    ``window``: int, control messages that may be under way now;  ``in_flight``: int, those
    sent and not acknowledged;  ``queued``: int, those that wait for the window;
    ``retransmissions``: int, since the tunnel began;  ``round_trip_ms``,
    ``smoothed_round_trip_ms``: float | None, until the LAC acknowledged a control message
    that was sent once: the last time, and its running mean.
    """

    group: str | None = None
    address: str | None = None
    """The LAC's address."""
    hostname: str | None = None


@dataclass(frozen=True, slots=True)
class ShowTunnel:
    """Show all of a tunnel: by our tunnel id, or those of a LAC by its Host Name or address.

    ``{"tunnels": [detail...]}``, 16 at most; not ``ok`` when none matches.  A detail is a row
    of ShowTunnels and:

    - ``avps``: [{"avp": str, "vendor": int, "type": int, "section": str, "mandatory": bool,
      "hidden": bool, "value": str}], what the LAC said of itself in its SCCRQ; of challenges
      and of what other vendors define only the size;
    - ``authenticated``: bool, whether the LAC has proven to know a secret;  ``peer_secret``:
      int | None, which of the group's, from 1 on;  ``challenged_us``: bool, whether it asked us to prove it;
    - ``receive_window``, ``peer_window``: int, control messages that we, and the LAC, take
      at once;  ``threshold``: int, up to which ``window`` doubles each round trip;
    - ``ns``, ``nr``: int, numbers of the next message to send and to come;  ``held``: int,
      messages that came too early;  ``retries``: int, of the oldest message on its way;
      ``resend_in_s``: float | None;
    - ``age_s``: float, since the SCCRQ;  ``heard_s``: float, since anything came;
    - ``hello_interval_s``: float, 0 for never;  ``hello_outstanding``: bool;
      ``hello_in_s``: float | None;  ``idle_s``, ``idle_timeout_left_s``: float | None;
    - ``calls_by_state``: {state: int};  ``replaces``: int | None, our id of the tunnel that
      it takes the place of once it is established;
    - ``lac_history``: the LAC's row of ShowLacs.
    """

    selector: str


@dataclass(frozen=True, slots=True)
class ShowLacs:
    """List the LACs that were seen since the start: ``{"lacs": [row...], "forgotten": int}``.

    One row for each address and Host Name, and one for each ``[[lac]]`` group that nobody
    has matched yet.  LACs that had a tunnel are kept (1024 of those without one now), of
    strangers the last 256; who is locked out is always there; ``forgotten`` counts rows that
    gave way.  A row:

    - ``lac``: str, the group, empty when none matched;  ``lac_address``, ``lac_hostname``:
      str | None (a group that nobody has matched);  ``vendor``: str, while it has a tunnel;
    - ``tunnels``, ``sessions``: int, now (``sessions`` are calls, in any state);
      ``tunnels_ever``: int, established since the start;
    - ``tunnels_refused``, ``calls_refused``: {reason: int};  ``last_refusal``: str | None, in
      words;  ``last_reason``: str | None;  ``last_refusal_s``: float | None, since then;
    - ``locked_out_s``: float | None, until it may try again;
    - ``first_seen_s``, ``last_seen_s``: float | None, since then.
    """


@dataclass(frozen=True, slots=True)
class ShowGroups:
    """List the ``[[lac]]`` groups with what they hold: ``{"groups": [row...]}``.

    A row: ``lac``: str, name;  ``address``: [str], prefixes;  ``hostname``: str, pattern;
    ``secret``: bool, whether tunnels are authenticated;  ``methods``: [str];
    ``pool``: str | None;  ``radius``: str | None, the server group;
    ``tunnels``, ``sessions``, ``up``: int (``up`` are those of the sessions that forward);
    ``max_tunnels``, ``max_sessions``: int, 0 for no limit.
    """


@dataclass(frozen=True, slots=True)
class ShowGroup:
    """Show what holds for a ``[[lac]]`` group: ``{"groups": [detail]}``; not ``ok`` without one of this name.

    A detail is a row of ShowGroups and ``settings``, ``profile``: ``{name: {"value": Plain,
    "source": str}}``: the keys of the group, and the keys of a profile as its subscribers
    have them if nobody else says anything.  ``source`` is "lac", another section of the
    configuration, or "built-in".  Of secrets the number is told.
    """

    name: str


@dataclass(frozen=True, slots=True)
class ShowPools:
    """List pools: ``{"pools": [row...]}``.

    A row: ``pool``: str, name;  ``ranges``: [str], "first-last";  ``next``: str | None;
    ``size``, ``used``, ``held``, ``free``: int addresses, size = used + held + free;
    ``exhausted``: int, requests that this pool could not meet, since the start.
    """


@dataclass(frozen=True, slots=True)
class ShowRadius:
    """List RADIUS servers: ``{"servers": [row...]}``, one row for each of a server's services.

    A row: ``server``: str, name;  ``address``: str;  ``port``: int;  ``kind``: "auth" | "acct";
    ``group``: str | None;  ``state``: "up" | "dead";
    ``dead_left_s``: float | None, seconds until a dead server is tried again;
    ``requests``: int, requests sent for the first time to this server, since the start;
    ``resent``, ``answered``, ``dropped``: int, transmissions repeated, replies taken, replies
    dropped, since the start;  ``in_flight``: int, requests that wait for an answer;  ``queued``:
    int, those of them that wait to be sent;  ``weight``: int;  ``probes``, ``probes_answered``:
    int, Status-Servers sent while it was dead, and answered, since the start.
    """


@dataclass(frozen=True, slots=True)
class ShowCoa:
    """List those who may change and end sessions by RADIUS (RFC 5176): ``{"clients": [row...]}``.

    A row: ``client``: str, name;  ``address``: [str], prefixes;  ``ack``, ``nak``: int, requests answered so;
    ``repeated``: int, requests that came again;  ``dropped``: int, requests of its that were not believed,
    all since the start;  ``pending``: int, requests that wait for their turn or for the data plane.
    """


@dataclass(frozen=True, slots=True)
class ShowSpool:
    """Tell which accounting records are owed, and how safe they are: ``{"spool": whole, "groups": [row...]}``.

    The whole: ``state``: "none" (no ``[state]``: in memory only) | "safe" | "at risk" (the disk refuses) | "at
    bound";  ``reason``: str, in words, empty while all is well;  ``since_s``: float | None, since the disk refuses;
    ``owed``, ``max_records``: int;  ``refuses_calls``: bool, whether new calls are refused for it;
    ``octets``: int, what the file takes;  ``stored``: int, records that have come to the disk;  ``failures``: int,
    times that the disk refused;  ``last_failure``: str;  ``last_failure_s``: float | None, since then.

    A row, of each group of servers that takes accounting or is owed any:

    - ``group``: str | None;  ``owed``: int, in all;  ``starts``, ``interims``, ``stops``, ``announcements``
      (Accounting-On and -Off): int, those of each kind;
    - ``in_hand``: int, those in memory;  ``told``: int, those that servers are being told now;
    - ``oldest_s``: float | None, age of the oldest;  ``silent_s``: float | None, since when nobody answers;
    - ``waits_for``: "accounting_on" | "accounting_off" | "earlier_records" | None, for which announcement, or for
      what of an earlier start, newer records wait;
    - ``acknowledged``, ``coalesced`` (Interim-Updates in whose place a later record came), ``forgotten`` (given up
      because too many were owed): int, since the start.
    """


@dataclass(frozen=True, slots=True)
class TakeCensus:
    """Count what is there now, for metrics: sums, whose number does not grow with the sessions.

    The Answer's body has lists of rows, of each group with each state that there can be:

    - ``tunnels``: ``{"lac": str, "state": str, "count": int}``;
    - ``stalled``: ``{"lac": str, "count": int}``, tunnels whose LAC acknowledges nothing;
    - ``sessions``: ``{"lac": str, "state": str (Phase value), "count": int}``;
    - ``pools``: rows of ShowPools;
    - ``radius``: ``{"server": str, "kind": "auth" | "acct", "up": bool, "requests": int, "in_flight": int,
      "queued": int, "unanswered": int, "probes": int, "probes_answered": int}``; ``unanswered`` are requests
      that it left without any answer, however often they were sent, since the start;
    - ``spool_records``: ``{"group": str, "kind": "start" | "interim" | "stop" | "announcement", "count": int}``;
    - ``spool_groups``: ``{"group": str, "oldest_s": float, "coalesced": int, "forgotten": int}``;
    - ``spool_file``: ``{"stored": int, "failures": int, "octets": int}``, of the one that there is, if any;

    and ``spool``: ``{"owed": int, "at_risk": bool, "at_bound": bool}``.  ``group`` is empty for servers without one.
    """


@dataclass(frozen=True, slots=True)
class TakeReadings:
    """Read sessions by their numbers, for a scrape: those that have been up and that the filters want.

    ``{"readings": [row...], "wall_offset_s": float}``; the latter is wall clock minus the instants of the readings.
    A row is a list: Acct-Session-Id, user, method, group, the LAC's Host Name and address, calling and called
    number: str;  IPv4 address: int;  when it was up: float;  last echo's round trip in seconds, 0 for none: float;
    slot, generation: int, by which the data plane tells what its Entry has carried;  whether it has IPv6;  what
    earlier Entries carried, and what this one had carried when it was last read: the fields of ``Counters``, or None
    for nothing.
    Last what is known of its echoes, or None: ``bras.ppp.quality.Quality``.
    For programs in this process only.
    """

    numbers: tuple[int, ...]
    group: str | None = None
    shard: int = 0
    """Only this one of ``shards`` parts, into which sessions fall by their Acct-Session-Id."""
    shards: int = 1


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask clients for an echo each second: by Acct-Session-Id, user name or address.

    ``{"sessions": [str], "for_s": float}``: Acct-Session-Ids of those that are asked, and for how long; ``for_s`` of 0
    ends it.  What comes of it is in ShowSession.
    """

    selector: str
    for_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End sessions: by Acct-Session-Id, user name or address; ``{"disconnected": n}``.

    The answer comes when they are wholly gone.
    """

    selector: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Refuse new calls, end every session and tunnel; answered when all is gone and told."""


@dataclass(frozen=True, slots=True)
class Park:
    """Read all counters for the journal: the daemon stops, the sessions stay; ``{"sessions": n}``."""


Command = (
    ShowSessions
    | ShowSession
    | ListSessions
    | PickSessions
    | ForgetRates
    | ShowTunnels
    | ShowTunnel
    | ShowLacs
    | ShowGroups
    | ShowGroup
    | ShowPools
    | ShowRadius
    | ShowCoa
    | ShowSpool
    | TakeCensus
    | TakeReadings
    | Probe
    | Disconnect
    | Shutdown
    | Park
)
