"""Rows as the daemon's answers have them (bras.lns.commands), and a daemon that gives canned ones."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

Row = dict[str, Any]


def session(number: int = 1, **changes: Any) -> Row:
    return {
        "key": number,
        "session": f"6560F00D{number:08X}",
        "state": "up",
        "user": f"user{number}@isp.example",
        "method": "mschapv2",
        "lac": "any",
        "lac_hostname": "lac1.example",
        "lac_address": "198.18.0.2",
        "tunnel": 1234,
        "call": 4321,
        "calling_number": "0301234567",
        "called_number": "0309876543",
        "address": f"10.64.{number >> 8}.{number & 255}",
        "uptime_s": 100000.0,
        "up_octets": 1536000,
        "up_packets": 2000,
        "down_octets": 987654321,
        "down_packets": 700000,
        "echo_ms": 12.345,
        "echo_min_ms": 10.0,
        "echo_mean_ms": 12.0,
        "echo_max_ms": 20.0,
        "echo_loss_percent": 1.25,
        "up_bps": None,
        "down_bps": None,
        "packets_s": None,
    } | changes


def data(**changes: Any) -> Row:
    return {
        "numbered_down": False,
        "numbered_up": False,
        "numbers_required": False,
        "length_bit": False,
        "lost": 0,
        "late": 0,
        "duplicates": 0,
        "reordered": 0,
        "unnumbered": 0,
    } | changes


def detail(**changes: Any) -> Row:
    figures = dict.fromkeys(
        [f"{way}_{unit}{family}" for way in ("up", "down") for unit in ("octets", "packets") for family in (4, 6)], 0
    )
    return (
        session()
        | figures
        | {
            "echoes_answered": 400,
            "echoes_lost": 5,
            "probe_left_s": 20.0,
            "up_octets4": 1536000,
            "up_packets4": 2000,
            "down_octets4": 987654321,
            "down_packets4": 700000,
            "profile": {
                "address": {"value": "10.64.0.1", "source": "radius"},
                "rate_down_bps": {"value": 50_000_000, "source": "profile gold"},
                "rate_up_bps": {"value": 0, "source": "defaults"},
                "session_timeout_s": {"value": 86400.0, "source": "lac"},
                "dns": {"value": ["192.0.2.1", "192.0.2.2"], "source": "defaults"},
                "source_check": {"value": True, "source": "defaults"},
            },
            "classes": ["deadbeef"],
            "claimed": "user1",
            "decided_by": "radius1",
            "throttled": None,
            "quota_left_octets": {},
            "mtu": 1456,
            "software": "MSRASV5.20",
            "proxy": "renegotiated",
            "proxy_reason": "mru",
            "session_timeout_left_s": 3600.0,
            "idle_timeout_left_s": None,
            "peer_tunnel": 77,
            "peer_call": 88,
            "local": "198.18.0.1:1701",
            "remote": "198.18.0.2:1701",
            "serial_number": 5,
            "tx_speed_bps": 100_000_000,
            "rx_speed_bps": 40_000_000,
            "data": data(),
            "speed_changes": 0,
            "nas_port_id": "lns1:1234:5",
            "chargeable_user_identity": None,
            "calling_station": "0301234567",
            "sub_address": "",
            "physical_channel": None,
            "private_group": "",
            "access_line": {},
            "line_errors": None,
            "accm": None,
            "up_spoofed": 3,
            "up_policed": 0,
            "down_policed": 0,
            "down_too_big": 0,
            "accounting": {"state": "started", "interim_interval_s": 300.0, "next_interim_s": 61.0},
        }
        | changes
    )


TUNNEL: Row = {
    "tunnel": 1234,
    "peer_tunnel": 77,
    "state": "established",
    "lac": "any",
    "hostname": "lac1.example",
    "local": "198.18.0.1:1701",
    "remote": "198.18.0.2:1701",
    "calls": 3,
    "uptime_s": 61.0,
    "window": 4,
    "in_flight": 0,
    "retransmissions": 2,
    "vendor": "Vendor, Inc.",
    "queued": 5,
    "round_trip_ms": 12.5,
    "smoothed_round_trip_ms": 10.25,
}
LAC: Row = {
    "lac": "any",
    "lac_address": "198.18.0.2",
    "lac_hostname": "lac1.example",
    "vendor": "Vendor, Inc.",
    "tunnels": 1,
    "tunnels_ever": 4,
    "sessions": 3,
    "tunnels_refused": {"wrong_secret": 7, "limit": 2},
    "calls_refused": {"bad_message": 1},
    "last_refusal": "tunnel authentication failed",
    "last_reason": "wrong_secret",
    "last_refusal_s": 3700.0,
    "locked_out_s": None,
    "first_seen_s": 100000.0,
    "last_seen_s": 2.0,
}
UNMATCHED: Row = {
    "lac": "south",
    "lac_address": None,
    "lac_hostname": None,
    "vendor": "",
    "tunnels": 0,
    "tunnels_ever": 0,
    "sessions": 0,
    "tunnels_refused": {},
    "calls_refused": {},
    "last_refusal": None,
    "last_reason": None,
    "last_refusal_s": None,
    "locked_out_s": None,
    "first_seen_s": None,
    "last_seen_s": None,
}


def tunnel_detail(**changes: Any) -> Row:
    return (
        TUNNEL
        | {
            "avps": [
                avp("Protocol Version", 2, "1.0"),
                avp("Host Name", 7, "lac1.example"),
                avp("Vendor Name", 8, "Vendor, Inc.", hidden=True),
            ],
            "authenticated": True,
            "peer_secret": 2,
            "challenged_us": True,
            "receive_window": 16,
            "peer_window": 8,
            "threshold": 4,
            "ns": 17,
            "nr": 23,
            "held": 0,
            "retries": 0,
            "resend_in_s": None,
            "age_s": 62.0,
            "heard_s": 3.0,
            "hello_interval_s": 60.0,
            "hello_outstanding": False,
            "hello_in_s": 57.0,
            "idle_s": None,
            "idle_timeout_left_s": None,
            "calls_by_state": {"established": 2, "wait_connect": 1},
            "replaces": None,
            "lac_history": LAC,
        }
        | changes
    )


def avp(name: str, number: int, value: str, *, hidden: bool = False) -> Row:
    return {
        "avp": name,
        "vendor": 0,
        "type": number,
        "section": "RFC 2661 section 4.4.3",
        "mandatory": True,
        "hidden": hidden,
        "value": value,
    }


GROUP: Row = {
    "lac": "any",
    "address": ["198.18.0.0/24"],
    "hostname": "*",
    "secret": True,
    "methods": ["chap", "pap"],
    "pool": "default",
    "radius": None,
    "tunnels": 1,
    "sessions": 3,
    "up": 2,
    "max_tunnels": 0,
    "max_sessions": 100,
}
GROUP_DETAIL: Row = GROUP | {
    "settings": {
        "address": {"value": ["198.18.0.0/24"], "source": "lac"},
        "secrets": {"value": "2 (not shown)", "source": "lac"},
        "methods": {"value": ["chap", "pap"], "source": "auth"},
        "radius": {"value": None, "source": "built-in"},
        "hello_interval_s": {"value": 90.0, "source": "lac"},
        "retransmit_initial_s": {"value": 0.5, "source": "lac"},
    },
    "profile": {"pool": {"value": "default", "source": "defaults"}},
}
POOL: Row = {
    "pool": "default",
    "ranges": ["10.64.0.1-10.64.255.254"],
    "next": None,
    "size": 65534,
    "used": 3,
    "held": 1,
    "free": 65530,
    "exhausted": 0,
}
CLIENT: Row = {
    "client": "policy",
    "address": ["198.51.100.0/28", "2001:db8:5::/64"],
    "ack": 7,
    "nak": 2,
    "repeated": 1,
    "dropped": 3,
    "pending": 0,
}
SERVER: Row = {
    "server": "198.18.1.2",
    "address": "198.18.1.2",
    "port": 1812,
    "kind": "auth",
    "group": None,
    "state": "dead",
    "dead_left_s": 12.0,
    "requests": 9,
    "resent": 2,
    "answered": 7,
    "dropped": 0,
    "in_flight": 1,
    "queued": 0,
    "sockets": 1,
    "weight": 1,
    "probes": 4,
    "probes_answered": 2,
}
DATAPLANE: Row = {
    "backend": "ebpf",
    "instead": None,
    "interface": "bras0",
    "entries": 1200,
    "programs": ["tc_down", "tc_up"],
    "interfaces": [{"interface": "eth0", "mode": "tc"}, {"interface": "eth1.7", "mode": "xdp-full"}],
    "hook": "tcx",
    "routes": "kept",
    "pins": "/sys/fs/bpf/bras/v1",
    "drops": {"spoofed_source": 7, "no_route": 0},
    "fallbacks": {"control": 12, "not_xdp": 0},
    "totals": {
        f"{way}_{unit}{family}": 1_500_000 if unit == "octets" else 1000
        for way in ("up", "down")
        for unit in ("octets", "packets")
        for family in (4, 6)
    },
}
SPOOL: Row = {
    "spool": {
        "state": "at risk",
        "reason": "the disk refuses (database or disk is full): records are told from memory",
        "since_s": 61.0,
        "owed": 4321,
        "max_records": 1_000_000,
        "refuses_calls": True,
        "octets": 12_345_678,
        "stored": 98_765,
        "failures": 12,
        "last_failure": "database or disk is full",
        "last_failure_s": 1.0,
    },
    "groups": [
        {
            "group": None,
            "owed": 0,
            "starts": 0,
            "interims": 0,
            "stops": 0,
            "announcements": 0,
            "in_hand": 0,
            "told": 0,
            "oldest_s": None,
            "silent_s": None,
            "waits_for": None,
            "acknowledged": 777,
            "coalesced": 0,
            "forgotten": 0,
        },
        {
            "group": "billing",
            "owed": 4321,
            "starts": 21,
            "interims": 4000,
            "stops": 299,
            "announcements": 1,
            "in_hand": 70,
            "told": 64,
            "oldest_s": 7325.0,
            "silent_s": 7200.0,
            "waits_for": "accounting_on",
            "acknowledged": 5,
            "coalesced": 888,
            "forgotten": 3,
        },
    ],
}
VERSION: Row = {"version": "1.2.3", "pid": 99, "uptime_s": 61.0, "dataplane": "tun"}

ANSWERS: dict[str, Row] = {
    "show session": {"sessions": [detail()]},
    "show tunnels": {"tunnels": [TUNNEL]},
    "show tunnel": {"tunnels": [tunnel_detail()]},
    "show lacs": {"lacs": [LAC, UNMATCHED], "forgotten": 0},
    "show groups": {"groups": [GROUP]},
    "show group": {"groups": [GROUP_DETAIL]},
    "show pools": {"pools": [POOL]},
    "show radius": {"servers": [SERVER]},
    "show coa": {"clients": [CLIENT]},
    "show spool": SPOOL,
    "show dataplane": DATAPLANE,
    "show version": VERSION,
    "disconnect": {"disconnected": 2},
}


def page(arguments: Row, total: int = 1200) -> Row:
    """Answer "show sessions" out of so many sessions."""
    first = arguments["after"] + 1
    numbers = range(max(first, 1), total + 1)[: arguments["limit"]]
    rows = [session(number) for number in numbers]
    return {"sessions": rows, "next": numbers[-1] if len(rows) == arguments["limit"] else None}


def reply(request: Row) -> Row:
    if request["command"] == "show sessions":
        return {"ok": True, "body": page(request["arguments"])}
    if request["arguments"].get("selector") == "nobody":
        what = "tunnel" if request["command"] == "show tunnel" else "session"
        return {"ok": False, "body": {"error": f"no {what} matches 'nobody'"}}
    return {"ok": True, "body": ANSWERS[request["command"]]}


@contextmanager
def daemon(path: Path, answer: Callable[[Row], Row | bytes] = reply) -> Iterator[list[Row]]:
    """Answer at ``path``; gives the list of requests that came."""
    requests: list[Row] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                requests.append(orjson.loads(line))
                response = answer(requests[-1])
                if isinstance(response, bytes):
                    self.wfile.write(response)
                    return
                self.wfile.write(orjson.dumps(response) + b"\n")

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield requests
        finally:
            server.shutdown()
            thread.join()
