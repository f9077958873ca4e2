"""All of one session, in the order in which one asks: who, where, what, how much, until when."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bras.cli.human import duration, milliseconds, octets, percent, plain, rate, seconds
from bras.config.grant import IPV6_ONLY

Facts = list[tuple[str, str]]
Row = dict[str, Any]

_FORMATS: dict[str, Callable[[float], str]] = {"_bps": rate, "_octets": octets, "_s": seconds}
"""How a value of the profile reads, by the end of its name."""


def sections(row: Row) -> list[tuple[str, Facts]]:
    """Return the sections of a ShowSession detail; those that have nothing to say are left out."""
    all_of_them = [
        (f"session {row['session']}", _who(row)),
        ("tunnel", _tunnel(row)),
        ("line", _line(row)),
        ("traffic", _traffic(row)),
        ("profile", sourced(row["profile"])),
        ("time", _time(row)),
        ("accounting", _accounting(row)),
    ]
    return [(title, facts) for title, facts in all_of_them if facts]


def _who(row: Row) -> Facts:
    return [
        ("user", row["user"]),
        ("called itself", "" if row["claimed"] == row["user"] else row["claimed"]),
        ("let in by", row["decided_by"]),
        ("state", row["state"]),
        ("address", plain(row["address"])),
        ("method", row["method"]),
        ("proxy", _proxy(row)),
        ("client says it is", plain(row["software"])),
        ("mtu", plain(row["mtu"])),
        ("echo", milliseconds(row["echo_ms"])),
        ("echoes of late", _quality(row)),
        ("calling number", row["calling_number"]),
        ("calling station", row["calling_station"]),
        ("called number", row["called_number"]),
        ("nas port id", plain(row["nas_port_id"])),
        ("chargeable identity", plain(row["chargeable_user_identity"])),
    ]


def _quality(row: Row) -> str:
    """How well the line has answered of late, and whether it is probed."""
    told = []
    if row.get("echo_mean_ms") is not None:
        told.append(" / ".join(milliseconds(row[f"echo_{which}_ms"]) for which in ("min", "mean", "max")))
    if row.get("echo_loss_percent") is not None:
        told.append(f"{percent(row['echo_loss_percent'])} lost ({row['echoes_lost']} in all)")
    if row.get("probe_left_s") is not None:
        told.append(f"asked each second for {duration(row['probe_left_s'])} more")
    return ", ".join(told)


def _proxy(row: Row) -> str:
    """Say what became of what the LAC had negotiated, and why if not all of it was taken over."""
    if row["proxy"] is None or row["proxy_reason"] == "none":
        return plain(row["proxy"])
    return f"{row['proxy']} ({row['proxy_reason']})"


def _tunnel(row: Row) -> Facts:
    return [
        ("lac", row["lac"]),
        ("hostname", row["lac_hostname"]),
        ("remote", row["remote"]),
        ("local", row["local"]),
        ("tunnel", f"{row['tunnel']}, the LAC's {row['peer_tunnel']}"),
        ("call", f"{row['call']}, the LAC's {row['peer_call']}"),
        ("serial number", plain(row["serial_number"])),
        ("connect speed", _speeds(row)),
        *_data(row["data"]),
    ]


def _data(data: Row) -> Facts:
    """Whether data messages are numbered, each way, and what was wrong with those that came."""
    if not data:
        return []
    ways = [way for way in ("down", "up") if data[f"numbered_{way}"]]
    numbered = f"{' and '.join(ways)}{', required' if data['numbers_required'] else ''}" if ways else "no"
    names = ("lost", "late", "duplicates", "reordered", "unnumbered")
    return [("data numbered", numbered), *((f"data {name}", str(data[name])) for name in names if data[name])]


def _line(row: Row) -> Facts:
    """What the LAC told of the line; no section where it told nothing."""
    channel, errors, accm = row["physical_channel"], row["line_errors"], row["accm"]
    facts = [
        ("sub-address", row["sub_address"]),
        ("physical channel", "" if channel is None else str(channel)),
        ("private group", row["private_group"]),
        *(
            (name.replace("_", " ").removesuffix(" bps"), _told(name, told))
            for name, told in row["access_line"].items()
        ),
        ("errors", ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in errors.items()) if errors else ""),
        ("accm", f"{accm['send']} sent, {accm['receive']} received" if accm else ""),
        ("speed changes", str(row["speed_changes"] or "")),
    ]
    return [(name, text) for name, text in facts if text]


def _told(name: str, value: Any) -> str:
    return rate(value) if name.endswith("_bps") else plain(value)


def _speeds(row: Row) -> str:
    if not row["tx_speed_bps"] and not row["rx_speed_bps"]:
        return ""
    return f"{rate(row['tx_speed_bps'])} down, {rate(row['rx_speed_bps'] or row['tx_speed_bps'])} up"


def _traffic(row: Row) -> Facts:
    facts = [
        (f"{way} ipv{family}", f"{octets(row[f'{way}_octets{family}'])} in {row[f'{way}_packets{family}']} packets")
        for family in (4, 6)
        for way in ("down", "up")
        if family == 4 or row[f"{way}_packets6"]
    ]
    drops = ("up_spoofed", "up_policed", "down_policed", "down_too_big")
    facts += [(f"quota left {way}", octets(left)) for way, left in row["quota_left_octets"].items()]
    facts += [("throttled", row["throttled"])] if row["throttled"] else []
    return facts + [(name.replace("_", " "), f"{row[name]} packets dropped") for name in drops if row[name]]


def sourced(entries: Row) -> Facts:
    """Return values of the configuration, each with its source."""
    return [
        (name, f"{_value(name, entry['value']) or 'none'}  ({entry['source']}{_unused(name, entry['value'])})")
        for name, entry in entries.items()
    ]


def _unused(name: str, value: Any) -> str:
    return ", not in use: there is no IPv6 yet" if name in IPV6_ONLY and value else ""


def _value(name: str, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        for ending, read in _FORMATS.items():
            if name.endswith(ending):
                return read(value) if value else "none"
    return plain(value)


def _time(row: Row) -> Facts:
    return [
        ("up for", duration(row["uptime_s"])),
        ("session timeout in", duration(row["session_timeout_left_s"])),
        ("idle timeout in", duration(row["idle_timeout_left_s"])),
    ]


def _accounting(row: Row) -> Facts:
    accounting = row["accounting"]
    return [
        ("records", accounting["state"]),
        ("interim every", duration(accounting["interim_interval_s"])),
        ("next interim in", duration(accounting["next_interim_s"])),
        ("class", plain(row["classes"])),
    ]
