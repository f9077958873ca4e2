"""The table of keys of the sections that tell of RADIUS; see ``bras.config.sections``."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from bras.config import values as v
from bras.config.coa_sections import COA
from bras.config.credentials import Credential
from bras.config.radius import RadiusConfig, RadiusGroupConfig, RadiusServerConfig
from bras.config.section import DAY_S, Required, Section
from bras.config.spool_sections import SPOOL
from bras.config.traffic import Table
from bras.config.understood import ANY, CAN_LACK, IGNORE, REJECT


def _attribute(value: object) -> str:
    """Take the name of an attribute that can be unsupported, upper or lower case alike."""
    text = v.text_of(value)
    name = _ATTRIBUTES.get(text.lower())
    if name is None:
        raise v.Unfit(f"{v.shown(text)} is no attribute that could be lacking")
    return name


_ATTRIBUTES = {name.lower(): name for name in (ANY, *CAN_LACK)}
UNSUPPORTED = Table(
    v.One(f'the name of an attribute of the table in the manual, or "{ANY}"', _attribute),
    v.choice(REJECT, IGNORE),
    f'a table of attributes, each "{REJECT}" or "{IGNORE}"',
)
_OVER_TLS = {"auth_port": v.RADSEC_PORT, "acct_port": v.RADSEC_PORT, "message_authenticator": "if-present"}


def _make_server(address: str, name: str = "", **others: Any) -> RadiusServerConfig:
    """Call a server without name by its address; over TLS some keys have other defaults."""
    if others.get("transport") == "tls":
        others = _OVER_TLS | others
    return RadiusServerConfig(address=address, name=name or address, **others)


def _host(value: object) -> str:
    address, percent, zone = v.text_of(value).partition("%")
    address = str(v.ADDRESS.convert(address))
    if percent and not ip_address(address).is_link_local:
        raise v.Unfit(f"{address} is not of one link only", "leave out the % and what follows it")
    if ip_address(address).is_link_local and ":" in address:
        if not percent:
            raise v.Unfit(f"{address} is on many links", f'name the interface: "{address}%eth0"')
        return f"{address}%{v.INTERFACE.convert(zone)}"
    return address


HOST = v.One('an address such as "192.0.2.1", "2001:db8::1" or "fe80::1%eth0"', _host)


RADIUS = Section(
    "radius",
    RadiusConfig,
    {
        "patience_s": v.seconds(0, 3600),
        "nas_identifier": v.IDENTIFIER,
        "nas_ip_address": v.IPV4_TEXT,
        "nas_ipv6_address": v.IPV6_TEXT,
        "dictionaries": v.Many(v.FILE),
        "accounting": v.FLAG,
        "access_line": v.FLAG,
        "chargeable_user_identity": v.FLAG,
        "access_timestamp": v.FLAG,
        "unsupported": UNSUPPORTED,
        "tunnel_accounting": v.choice("off", "tunnels", "links", "both"),
        "ipv6_counters": v.choice("bras", "erx", "off"),
        "interim_min_s": v.seconds(1, DAY_S),
        "interim_jitter": v.number(0, 0.5, "a share"),
    },
    inner=(
        Section(
            "radius.server",
            RadiusServerConfig,
            {
                "address": Required(HOST, ""),
                "name": v.LABEL,
                "group": v.LABEL,
                "transport": v.choice("udp", "tls"),
                "auth_port": v.PORT,
                "acct_port": v.PORT,
                "timeout_s": v.seconds(0.1, 60),
                "timeout_cap_s": v.seconds(0, 600),
                "max_tries": v.whole(1, 20),
                "fail_count": v.whole(1, 1000),
                "dead_time_s": v.seconds(0, DAY_S),
                "status_server": v.FLAG,
                "probe_interval_s": v.seconds(1, 3600),
                "probe_answers": v.whole(1, 100),
                "weight": v.whole(1, 1000),
                "max_in_flight": v.whole(1, 4096),
                "message_authenticator": v.choice("require", "if-present"),
                "source": HOST,
                "tls_ca": v.FILE,
                "tls_certificate": v.FILE,
                "tls_key": v.FILE,
                "tls_name": v.HOST,
            },
            repeated=True,
            credential=Credential("secret", "secret", required=True, spared=("transport", "tls", b"radsec")),
            make=_make_server,
        ),
        Section(
            "radius.group",
            RadiusGroupConfig,
            {"name": v.LABEL, "select": v.choice("fail-over", "weighted", "least-outstanding")},
            repeated=True,
        ),
        COA,
        SPOOL,
    ),
)
"""`[radius]`."""
