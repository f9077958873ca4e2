"""What a real FreeRADIUS's users file grants, real clients get: each attribute by its effect, from both sides."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.interop.conftest import Bench, Lab
from tests.support.freeradius import FreeRadius
from tests.support.guest import until
from tests.support.lac import Client, KernelLac, Session
from tests.support.radius import OWN

OURS: Final = Path(OWN).with_name("dictionary.bras")
RATES: Final = {"rate_up_bps": 5_000_000, "rate_down_bps": 50_000_000}
RATE_LIMIT: Final = (
    "lcp:interface-config#{}=rate-limit {} {} 1500000 3000000 conform-action transmit exceed-action drop"
)


class Case(NamedTuple):
    """What the users file grants, and what the session then has."""

    grants: str
    profile: dict[str, Any]
    """Values of ``show session``, all from RADIUS or a profile that it named."""


CASES: Final = {
    "address": Case("Framed-IP-Address = 10.77.0.7", {"address": "10.77.0.7"}),
    "netmask": Case(
        "Framed-IP-Address = 10.78.0.9, Framed-IP-Netmask = 255.255.255.248",
        {"address": "10.78.0.9", "prefix_length": 29},
    ),
    "pool": Case("Framed-Pool = north", {"pool": "north"}),
    "routes": Case(
        'Framed-Route = "192.0.2.0/25 0.0.0.0 1", Framed-Route += "192.0.2.128 255.255.255.192"',
        {"routes": ["192.0.2.0/25", "192.0.2.128/26"]},
    ),
    "gateway": Case(
        'Framed-IP-Address = 10.77.0.8, Framed-Route = "198.51.100.0/24 10.77.0.8 1"', {"routes": ["198.51.100.0/24"]}
    ),
    "mtu": Case("Framed-MTU = 1300", {"framed_mtu": 1300}),
    "timeouts": Case("Session-Timeout = 3600, Idle-Timeout = 600", {"session_timeout_s": 3600, "idle_timeout_s": 600}),
    "interim": Case("Acct-Interim-Interval = 600", {"interim_interval_s": 600}),
    "servers": Case(
        "MS-Primary-DNS-Server = 192.0.2.53, MS-Secondary-DNS-Server = 192.0.2.54, MS-Primary-NBNS-Server = 192.0.2.55",
        {"dns": ["192.0.2.53", "192.0.2.54"], "nbns": ["192.0.2.55"]},
    ),
    "profile": Case('Bras-Profile = "gold"', {"rate_up_bps": 7_000_000, "mark": 7}),
    "own": Case(
        "Bras-Rate-Up = 5000000, Bras-Rate-Down = 50000000, Bras-Burst-Up = 70000, Bras-Burst-Down = 80000,"
        " Bras-Quota-Total = 1099511627776, Bras-Quota-Up = 1099511627777, Bras-Quota-Down = 1099511627778,"
        " Bras-Quota-Action = Throttle, Bras-Quota-Rate-Up = 64000, Bras-Quota-Rate-Down = 256000,"
        " Bras-Idle-Direction = Down, Bras-Source-Check = No, Bras-Mark = 9, Bras-Priority = 65552",
        {
            **RATES,
            "burst_up_octets": 70000,
            "burst_down_octets": 80000,
            "quota_octets": 1 << 40,
            "quota_up_octets": (1 << 40) + 1,
            "quota_down_octets": (1 << 40) + 2,
            "at_quota": "throttle",
            "quota_rate_up_bps": 64000,
            "quota_rate_down_bps": 256000,
            "idle_direction": "down",
            "source_check": False,
            "mark": 9,
            "priority": 65552,
        },
    ),
    "mikrotik": Case(
        'Mikrotik-Rate-Limit = "5M/50M 10M/100M 5M/50M 8/8", Mikrotik-Total-Limit = 5,'
        " Mikrotik-Total-Limit-Gigawords = 2, Mikrotik-Recv-Limit = 6, Mikrotik-Recv-Limit-Gigawords = 3,"
        " Mikrotik-Xmit-Limit = 7, Mikrotik-Xmit-Limit-Gigawords = 4",
        {
            **RATES,
            "burst_up_octets": 2_500_000,
            "burst_down_octets": 25_000_000,
            "quota_octets": (2 << 32) + 5,
            "quota_up_octets": (3 << 32) + 6,
            "quota_down_octets": (4 << 32) + 7,
        },
    ),
    "wispr": Case("WISPr-Bandwidth-Max-Up = 5000000, WISPr-Bandwidth-Max-Down = 50000000", RATES),
    "chillispot": Case(
        "ChilliSpot-Bandwidth-Max-Up = 5000, ChilliSpot-Bandwidth-Max-Down = 50000,"
        " ChilliSpot-Max-Input-Octets = 2000000000, ChilliSpot-Max-Output-Octets = 2000000001,"
        " ChilliSpot-Max-Total-Octets = 2000000002",
        {
            **RATES,
            "quota_up_octets": 2_000_000_000,
            "quota_down_octets": 2_000_000_001,
            "quota_octets": 2_000_000_002,
        },
    ),
    "cisco": Case(
        f'Cisco-AVPair = "{RATE_LIMIT.format(1, "input", 5000000)}",'
        f' Cisco-AVPair += "{RATE_LIMIT.format(2, "output", 50000000)}",'
        ' Cisco-AVPair += "ip:addr-pool=north", Cisco-AVPair += "ip:dns-servers=192.0.2.53 192.0.2.54",'
        ' Cisco-AVPair += "ip:route=203.0.113.0 255.255.255.0",'
        ' Cisco-AVPair += "subscriber:idle-timeout-direction=inbound"',
        {
            **RATES,
            "pool": "north",
            "dns": ["192.0.2.53", "192.0.2.54"],
            "routes": ["203.0.113.0/24"],
            "idle_direction": "up",
        },
    ),
    "isg": Case('Cisco-Account-Info = "QU;5000000;96000;192000;D;50000000;384000;768000"', RATES),
    "policies": Case(
        'Cisco-Sub-QoS-Pol-In = "slow-in", Cisco-Sub-QoS-Pol-Out = "fast-out"',
        {"rate_up_bps": 1_000_000, "rate_down_bps": 90_000_000},
    ),
    "erx": Case(
        'ERX-Address-Pool-Name = "north", ERX-Primary-Dns = 192.0.2.53, ERX-Secondary-Dns = 192.0.2.54,'
        ' ERX-Ingress-Policy-Name = "slow-in", ERX-Egress-Policy-Name = "fast-out", '
        ' ERX-Virtual-Router-Name = "default", ERX-Sa-Validate = disable',
        {
            "pool": "north",
            "dns": ["192.0.2.53", "192.0.2.54"],
            "rate_up_bps": 1_000_000,
            "rate_down_bps": 90_000_000,
            "source_check": False,
        },
    ),
    "alcatel": Case(
        'Alc-Primary-Dns = 192.0.2.53, Alc-Secondary-Nbns = 192.0.2.55, Alc-SLA-Prof-Str = "gold",'
        ' Alc-Subscriber-QoS-Override = "i:p:1:pir=5000", Alc-Subscriber-QoS-Override += "e:r:rate=50000"',
        {**RATES, "dns": ["192.0.2.53"], "nbns": ["192.0.2.55"], "mark": 7},
    ),
    "ascend": Case(
        "Ascend-Data-Rate = 5000000, Ascend-Xmit-Rate = 50000000, Ascend-Client-Primary-DNS = 192.0.2.53",
        {**RATES, "dns": ["192.0.2.53"]},
    ),
    "order": Case(
        'WISPr-Bandwidth-Max-Up = 1, WISPr-Bandwidth-Max-Down = 2, Mikrotik-Rate-Limit = "5M/3",'
        " Bras-Rate-Down = 50000000",
        RATES,
    ),
    "mppe": Case("MS-MPPE-Encryption-Policy = Encryption-Allowed, MS-MPPE-Encryption-Types = 6", {}),
    "limit": Case("Port-Limit = 2", {"port_limit": 2}),
    "again": Case(
        "Session-Timeout = 3600, Termination-Action = RADIUS-Request, State = 0x00ff",
        {"at_session_timeout": "reauthenticate"},
    ),
}
LACKING: Final = {
    "filter": ('Filter-Id = "in"', "Filter-Id"),
    "vrf": ('ERX-Virtual-Router-Name = "red"', "ERX-Virtual-Router-Name"),
    "avpair": ('Cisco-AVPair = "ip:vrf-id=red"', "Cisco-AVPair"),
    "acl": ('Cisco-In-ACL = "101"', "Cisco-In-ACL"),
    "service": ("Service-Type = Administrative-User", "Service-Type"),
    "slip": ("Framed-Protocol = SLIP", "Framed-Protocol"),
    "mppe": ("MS-MPPE-Encryption-Policy = Encryption-Required", "MS-MPPE-Encryption-Policy"),
    "route": ('Framed-Route = "192.0.2.0/24 192.0.2.1 1"', "Framed-Route"),
    "ipv6": ("Framed-IPv6-Prefix = 2001:db8:0:1::/64", "Framed-IPv6-Prefix"),
}
IPV6: Final = """\
ipv6    Cleartext-Password := "pass"
        Framed-IPv6-Prefix = 2001:db8:0:1::/64, Delegated-IPv6-Prefix = 2001:db8:100::/56,
        Framed-Interface-Id = 0:0:0:1, Framed-IPv6-Route = "2001:db8:200::/48 :: 1", Framed-IPv6-Pool = "six",
        DNS-Server-IPv6-Address = 2001:db8::53, Delegated-IPv6-Prefix-Pool = "pd", Stateful-IPv6-Address-Pool = "ia",
        Framed-IPv6-Address = 2001:db8:0:1::7
"""
IPV6_SHOWN: Final = {
    "ipv6_prefixes": ["2001:db8:0:1::/64"],
    "delegated_ipv6_prefixes": ["2001:db8:100::/56"],
    "interface_id": "0000:0000:0000:0001",
    "ipv6_routes": ["2001:db8:200::/48"],
    "ipv6_pool": "six",
    "ipv6_dns": ["2001:db8::53"],
    "delegated_ipv6_pool": "pd",
    "ipv6_address_pool": "ia",
    "ipv6_addresses": ["2001:db8:0:1::7"],
}
PROFILES: Final = [
    {"name": "gold", "rate_up_bps": 7_000_000, "mark": 7},
    {"name": "slow-in", "rate_up_bps": 1_000_000},
    {"name": "fast-out", "rate_down_bps": 90_000_000},
]
POOLS: Final = [{"name": "default", "ranges": ["10.64.0.0/16"]}, {"name": "north", "ranges": ["10.65.0.0/16"]}]


def users(grants: dict[str, str], more: str = "") -> str:
    entries = [f'{user}   Cleartext-Password := "pass"\n        {reply}\n' for user, reply in grants.items()]
    return "\n".join([*entries, more])


def judge(lab: Lab, place: Path, text: str) -> FreeRadius:
    return FreeRadius(lab.namespace, place / "freeradius", users=text, dictionaries=(OURS,))


def dial(lab: Lab, *clients: Client) -> KernelLac:
    lac = KernelLac(lab.guest, clients)
    lac.dial("198.18.0.1", "tunsecret")
    return lac


def shown(bench: Bench, user: str) -> dict[str, Any]:
    (session,) = bench.lns.show("session", user)["sessions"]
    row: dict[str, Any] = session
    return row


def test_what_is_granted(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    """A user for each case, all in one tunnel; and what the kernel, the client and the books have of it."""
    text = users({user: case.grants for user, case in CASES.items()})
    with judge(lab, place, text) as freeradius:
        bench = start(profile=PROFILES, pool=POOLS)
        lac = dial(lab, *(Client(user) for user in CASES))
        sessions = dict(zip(CASES, lac.wait_up(120.0), strict=True))
        wrong = {}
        for user, case in CASES.items():
            profile = shown(bench, user)["profile"]
            found = {name: profile.get(name, {"value": None})["value"] for name in case.profile}
            weak = {name for name in case.profile if profile[name]["source"] in ("built-in", "ppp", "lac")}
            if found != case.profile or weak:
                wrong[user] = (found, case.profile, weak)
        assert not wrong, wrong
        assert shown(bench, "mtu")["mtu"] == 1300
        _the_client_has_it(sessions)
        _the_kernel_has_it(lab)
        starts = {one["User-Name"]: one for one in freeradius.wait_records("Start", len(CASES))}
        assert {user: one["Framed-IP-Address"] for user, one in starts.items()} == {
            user: session.address for user, session in sessions.items()
        }


def _the_client_has_it(sessions: dict[str, Session]) -> None:
    assert sessions["address"].address == "10.77.0.7"
    assert {sessions[user].address[:6] for user in ("pool", "cisco", "erx")} == {"10.65."}
    for user in ("servers", "cisco", "erx"):
        assert sessions[user].dns == ("192.0.2.53", "192.0.2.54")
    assert sessions["ascend"].dns == ("192.0.2.53",)


def _the_kernel_has_it(lab: Lab) -> None:
    routes = {route["dst"] for route in lab.namespace.json("route", "show", "dev", "bras0")}
    assert routes >= {
        "192.0.2.0/25", "192.0.2.128/26", "198.51.100.0/24", "203.0.113.0/24", "10.78.0.8/29", "10.77.0.7",
    }  # fmt: skip


def test_what_is_lacking_is_refused_by_name(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    with judge(lab, place, users({user: grants for user, (grants, _) in LACKING.items()})):
        bench = start()
        lac = dial(lab, *(Client(user) for user in LACKING))
        for number, (_, name) in enumerate(LACKING.values(), 1):
            lac.wait_said(re.escape(f"unsupported: {name}"), number)
        for _ in until(30):
            ends = {line["user"]: line["text"] for line in bench.lns.log() if line.get("event") == "session_ended"}
            if len(ends) == len(LACKING):
                break
        assert ends == {user: f"unsupported: {name}" for user, (_, name) in LACKING.items()}
        assert not bench.lns.sessions()


def test_unsupported_may_be_ignored_and_ipv6_is_in_the_books(
    lab: Lab, place: Path, start: Callable[..., Bench]
) -> None:
    with judge(lab, place, users({"filter": 'Filter-Id = "in"'}, IPV6)) as freeradius:
        bench = start(radius={"unsupported": {"*": "ignore"}})
        dial(lab, Client("filter"), Client("ipv6")).wait_up()
        profile = shown(bench, "ipv6")["profile"]
        assert {name: profile[name]["value"] for name in IPV6_SHOWN} == IPV6_SHOWN
        starts = {one["User-Name"]: one for one in freeradius.wait_records("Start", 2)}
        assert starts["ipv6"]["Framed-IPv6-Prefix"] == "2001:db8:0:1::/64"
        assert starts["ipv6"]["Delegated-IPv6-Prefix"] == "2001:db8:100::/56"
        assert "Framed-IPv6-Prefix" not in starts["filter"]


def test_packets_of_a_network_behind_a_subscriber(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    guest = lab.guest
    with judge(lab, place, users({"net": 'Framed-Route = "192.0.2.0/24 0.0.0.0 1"'})):
        start()
        (session,) = dial(lab, Client("net")).wait_up()
        for address in ("192.0.2.1", "192.0.3.1"):
            guest.run("ip", "address", "replace", f"{address}/32", "dev", "lo")
        guest.run("ip", "route", "replace", "198.18.1.3/32", "dev", session.interface)
        ping = ("ping", "-n", "-q", "-c", "2", "-i", "0.2", "-W", "2", "-I")
        assert guest.run(*ping, "192.0.2.1", "198.18.1.3").status == 0
        assert guest.run(*ping, "192.0.3.1", "198.18.1.3").status != 0, "that network is not its own"
        for address in ("192.0.2.1", "192.0.3.1"):
            guest.run("ip", "address", "delete", f"{address}/32", "dev", "lo")


def test_a_quota_ends_the_session(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    with judge(lab, place, users({"spent": "Mikrotik-Recv-Limit = 2000"})) as freeradius:
        bench = start(dataplane={"counter_interval_s": 0.2})
        lac = dial(lab, Client("spent"))
        (session,) = lac.wait_up()
        lac.ping("198.18.1.2", session, count=4, octets=1000)
        (stop,) = freeradius.wait_records("Stop")
        assert stop["Acct-Terminate-Cause"] == "NAS-Request"
        assert int(stop["Acct-Input-Octets"]) >= 2000
        assert bench.lns.wait_logged("session_ended")["reason"] == "quota_exhausted"


def test_a_quota_throttles_the_session(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    grants = (
        "Mikrotik-Recv-Limit = 2000, Bras-Rate-Up = 5000000, Bras-Rate-Down = 50000000,"
        " Bras-Quota-Action = Throttle, Bras-Quota-Rate-Up = 64000, Bras-Quota-Rate-Down = 256000"
    )
    with judge(lab, place, users({"spent": grants})) as freeradius:
        bench = start(dataplane={"counter_interval_s": 0.2})
        lac = dial(lab, Client("spent"))
        (session,) = lac.wait_up()
        lac.ping("198.18.1.2", session, count=4, octets=1000)
        (interim,) = freeradius.wait_records("Interim-Update")
        assert int(interim["Acct-Input-Octets"]) >= 2000
        line = bench.lns.wait_logged("session_throttled")
        assert (line["rate_up_bps"], line["rate_down_bps"]) == (64000, 256000)
        assert lac.ping("198.18.1.2", session)[0].status == 0, "it goes on"
        assert not freeradius.records("Stop")


def test_the_hour_of_the_end(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    ends = (datetime.now(timezone(timedelta(hours=-3))) + timedelta(seconds=5)).isoformat(timespec="seconds")
    with judge(lab, place, users({"late": f'WISPr-Session-Terminate-Time = "{ends}"'})) as freeradius:
        bench = start(dataplane={"counter_interval_s": 0.2})
        dial(lab, Client("late")).wait_up()
        (stop,) = freeradius.wait_records("Stop")
        assert stop["Acct-Terminate-Cause"] == "Session-Timeout"
        assert bench.lns.wait_logged("session_ended")["reason"] == "session_terminate_time"


@pytest.mark.parametrize("method", ["pap", "chap"])
def test_a_client_proves_itself_again_at_session_timeout(
    lab: Lab, place: Path, start: Callable[..., Bench], method: str
) -> None:
    grants = 'Session-Timeout = 2, Termination-Action = RADIUS-Request, State = 0x00ff31, Class = "c"'
    with judge(lab, place, users({"again": grants})) as freeradius:
        bench = start()
        lac = dial(lab, Client("again", method=method))
        (session,) = lac.wait_up()
        for _ in until(30):
            if len(asked := freeradius.requests()) >= 3:
                break
        assert [one.get("State") for one in asked[:3]] == [None, "0x00ff31", "0x00ff31"]
        assert lac.ping("198.18.1.2", session)[0].status == 0
        lac.hang_up(session)
        (stop,) = freeradius.wait_records("Stop")
        assert len(freeradius.records("Start")) == 1
        assert int(stop["Acct-Session-Time"]) >= 4
        assert bench.lns.wait_logged("session_ended")["reason"] == "client_terminated"


def test_a_port_limit(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    with judge(lab, place, users({"one": "Port-Limit = 1"})):
        bench = start()
        lac = dial(lab, Client("one"), Client("one"))
        bench.lns.wait_logged("session_ended")
        (row,) = bench.lns.wait_sessions(1)
        assert row["state"] == "up"
        assert len(lac.up()) == 1
        assert bench.lns.wait_logged("session_ended")["reason"] == "authentication_denied_port_limit"


def test_an_accept_of_4096_octets(lab: Lab, place: Path, start: Callable[..., Bench]) -> None:
    """20 of header, 18 of Message-Authenticator, 15 Classes of 255 and one of 233."""
    sizes = [253] * 15 + [231]
    classes = ",\n        ".join(
        f"Class {'=' if not number else '+='} 0x{bytes((number + 1,)).hex() * size}"
        for number, size in enumerate(sizes)
    )
    with judge(lab, place, users({"large": classes})) as freeradius:
        bench = start()
        dial(lab, Client("large", method="chap")).wait_up()
        assert [len(one) // 2 for one in shown(bench, "large")["classes"]] == sizes
        bench.radius.stop()
        assert ("4096",) in bench.radius.packets("radius.code == 2", "radius.length")
        freeradius.wait_records("Start")
