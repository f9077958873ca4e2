"""The table of sections and keys: what the TOML file may hold, and what each value must be.

The defaults and the meaning of every key stand in ``bras.config.model``; a test holds the
two together.  A key that is required has a stand-in, so that one error does not hide another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bras.config import traffic
from bras.config import values as v
from bras.config.caller import BY_LINE, PORT_TYPES
from bras.config.credentials import Credential
from bras.config.daemon import AdminConfig, LogConfig, StateConfig
from bras.config.grant import Grant
from bras.config.model import (
    AuthConfig,
    DataplaneConfig,
    LacConfig,
    LnsConfig,
    MetricsConfig,
    PoolConfig,
    PppConfig,
    ProfileConfig,
    UserConfig,
)
from bras.config.radius_sections import RADIUS
from bras.config.realm import DEFAULT_REALM, REALM
from bras.config.section import DAY_S, LONGEST_S, Required, Section
from bras.config.story import StoryConfig

FASTEST_BPS = 10**12
LARGEST_QUOTA = (1 << 63) - 1
MTU = v.whole(0, 65535)
METHODS = v.choice("mschapv2", "mschapv1", "chap", "pap")


POLICY: Mapping[str, v.Kind] = {
    "address": v.IPV4,
    "pool": v.LABEL,
    "vrf": v.VRF,
    "session_timeout_s": v.seconds(0, LONGEST_S),
    "idle_timeout_s": v.seconds(0, LONGEST_S),
    "interim_interval_s": v.seconds(0, LONGEST_S),
    "dns": v.Many(v.IPV4_TEXT, most=2),
    "nbns": v.Many(v.IPV4_TEXT, most=2),
    "rate_up_bps": v.whole(0, FASTEST_BPS),
    "rate_down_bps": v.whole(0, FASTEST_BPS),
    "burst_up_octets": v.whole(0, 1 << 31),
    "burst_down_octets": v.whole(0, 1 << 31),
    "accept_client_address": v.FLAG,
    "source_check": v.FLAG,
    "mark": v.whole(0, traffic.LARGEST),
    "priority": traffic.PRIORITY,
    "prefix_length": v.whole(8, 32),
    "routes": v.Many(traffic.ROUTE, most=64),
    "framed_mtu": MTU,
    "idle_direction": v.choice("both", "up", "down"),
    "at_session_timeout": v.choice("end", "reauthenticate"),
    "port_limit": v.whole(0, 65535),
    "quota_octets": v.whole(0, LARGEST_QUOTA),
    "quota_up_octets": v.whole(0, LARGEST_QUOTA),
    "quota_down_octets": v.whole(0, LARGEST_QUOTA),
    "at_quota": v.choice("disconnect", "throttle"),
    "quota_rate_up_bps": v.whole(0, FASTEST_BPS),
    "quota_rate_down_bps": v.whole(0, FASTEST_BPS),
}
"""The keys of a profile."""

SHARED_POLICY: Mapping[str, v.Kind] = {key: kind for key, kind in POLICY.items() if key not in ("address", "routes")}
"""Those that many subscribers can have in common; ``address`` of a ``[[lac]]`` is the LAC's."""


def _make_pool(ranges: tuple[v.Range, ...], **others: Any) -> PoolConfig:
    """Split the ranges into what subscribers get and what is routed."""
    return PoolConfig(
        ranges=tuple((one.first, one.last) for one in ranges),
        prefixes=tuple(prefix for one in ranges for prefix in one.prefixes),
        **others,
    )


def _make_defaults(grant: Grant) -> Grant:
    return grant


SECTIONS = (
    Section(
        "lns",
        LnsConfig,
        {
            "listen": Required(v.Many(v.LISTEN, least=1, most=64), ()),
            "hostname": v.HOSTNAME,
            "setup_timeout_s": v.seconds(1, 3600),
            "idle_tunnel_s": v.seconds(0, DAY_S),
            "max_tunnels": v.whole(1, 4095),
            "max_sessions": v.whole(1, 1_000_000),
            "max_half_open": v.whole(1, 4095),
            "max_half_open_per_source": v.whole(1, 4095),
            "max_half_open_calls": v.whole(1, 65535),
            "lockout_initial_s": v.seconds(0, DAY_S),
            "lockout_cap_s": v.seconds(1, DAY_S),
            "worker": v.whole(0, 15),
            "node": v.whole(0, 4095),
            "receive_buffer_octets": v.whole(65536, 1 << 30),
        },
    ),
    Section(
        "lac",
        LacConfig,
        {
            "name": Required(v.LABEL, ""),
            "address": v.Many(v.PREFIX, least=1),
            "hostname": v.PATTERN,
            "local": v.Many(v.ADDRESS),
            "local_hostname": v.HOSTNAME,
            "hide_avps": v.FLAG,
            "caller_id": v.CALLER_ID,
            "nas_port_id": v.PLACEHOLDERS,
            "nas_port_type": v.choice(BY_LINE, *PORT_TYPES),
            "tunnel_connection": v.PLACEHOLDERS,
            "methods": v.Many(METHODS, least=1),
            "radius": v.LABEL,
            "radius_accounting": v.LABEL,
            "default_realm": DEFAULT_REALM,
            "max_tunnels": v.whole(0, 4095),
            "max_tunnels_per_lac": v.whole(0, 4095),
            "max_sessions": v.whole(0, 1_000_000),
            "one_session_per_host": v.FLAG,
            "use_ephemeral_port": v.FLAG,
            "follow_port": v.FLAG,
            "mtu": v.whole(256, 65535),
            "hello_interval_s": v.seconds(0, DAY_S),
            "receive_window": v.whole(1, 32768),
            "retransmit_initial_s": v.seconds(0.1, 60),
            "retransmit_cap_s": v.seconds(8, 600),  # RFC 2661 section 5.8: no less than 8 seconds
            "max_retransmissions": v.whole(1, 100),
            "proxy": v.choice("renegotiate", "accept", "renegotiate-on-mismatch"),
            "dataseq": v.choice("deny", "allow", "prefer", "require"),
            "reorder_timeout_s": v.seconds(0, 5),
            "length_bit": v.FLAG,
            "priority_bit": v.FLAG,
            "udp6_zero_checksum": v.FLAG,
        },
        repeated=True,
        policy=SHARED_POLICY,
        credential=Credential("secrets", "secret", required=False, several=True),
    ),
    Section(
        "auth",
        AuthConfig,
        {
            "methods": v.Many(METHODS, least=1),
            "source": v.choice("radius", "local", "radius-then-local"),
            "timeout_s": v.seconds(0.5, 60),
            "max_attempts": v.whole(1, 100),
            "rechallenge_interval_s": v.seconds(0, DAY_S),
            "single_session": v.choice("off", "replace", "deny"),
            "address_conflict": v.choice("replace", "deny"),
        },
    ),
    RADIUS,
    REALM,
    Section(
        "ppp",
        PppConfig,
        {
            "mru": v.MRU,
            "dns": v.Many(v.IPV4_TEXT, most=2),
            "nbns": v.Many(v.IPV4_TEXT, most=2),
            "echo_interval_s": v.seconds(0, DAY_S),
            "echo_failures": v.whole(1, 100),
            "restart_timer_s": v.seconds(0.1, 60),
            "restart_cap_s": v.seconds(0.1, 600),
            "max_configure": v.whole(1, 255),
            "max_terminate": v.whole(1, 255),
            "max_failure": v.whole(1, 255),
            "acfc": v.FLAG,
            "pfc": v.FLAG,
        },
    ),
    Section(
        "pool",
        PoolConfig,
        {
            "name": Required(v.LABEL, ""),
            "ranges": Required(v.Many(v.RANGE, least=1), ()),
            "next": v.LABEL,
            "hold_down_s": v.seconds(0, 7 * DAY_S),
            "vrf": v.VRF,
        },
        repeated=True,
        make=_make_pool,
    ),
    Section("profile", ProfileConfig, {"name": Required(v.LABEL, "")}, repeated=True, policy=POLICY),
    Section(
        "user",
        UserConfig,
        {"name": Required(v.IDENTIFIER, ""), "profile": v.LABEL},
        repeated=True,
        policy=POLICY,
        credential=Credential("password", "password", required=True),
    ),
    Section("defaults", Grant, {}, policy=SHARED_POLICY, make=_make_defaults),
    Section(
        "dataplane",
        DataplaneConfig,
        {
            "backend": v.choice("auto", "ebpf", "tun", absent="kernel", right='give "auto", "ebpf" or "tun"'),
            "interface": v.INTERFACE,
            "local_address": v.IPV4_TEXT,
            "counter_interval_s": v.seconds(0.1, 3600),
            "clamp_mss": v.FLAG,
            "interfaces": v.Many(v.INTERFACE, most=64),
            "xdp": traffic.XDP,
            "pin_dir": v.PATH,
        },
    ),
    Section("metrics", MetricsConfig, {"listen": v.LISTEN_WITH_PORT, "sessions": v.FLAG}),
    Section("admin", AdminConfig, {"socket": v.SOCKET_PATH}),
    Section(
        "log",
        LogConfig,
        {
            "level": v.choice("debug", "info", "warning", "error"),
            "format": v.choice("json", "console", "journal", "auto"),
        },
    ),
    Section(
        "story",
        StoryConfig,
        {
            "enabled": v.FLAG,
            "ended_per_user": v.whole(0, 1000),
            "ended_total": v.whole(0, 1_000_000),
            "file": v.PATH,
            "file_octets": v.whole(4096, 1 << 40),
        },
    ),
    Section(
        "state",
        StateConfig,
        {
            "directory": Required(v.PATH, ""),
            "on_stop": v.choice("keep", "teardown"),
            "checkpoint_s": v.seconds(1, 3600),
        },
    ),
)
"""Every section, in the order of MANUAL.md."""
