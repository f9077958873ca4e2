"""The table of MANUAL.md that says what RADIUS is told, held against what is really sent, as pyrad reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from pyrad.packet import AcctPacket, AuthPacket

from bras.config.grant import Grant
from bras.config.model import AuthConfig, Config, LacConfig
from bras.forwarding.entry import Counters
from bras.l2tp.constants import LINE_RATES, LineAvp
from bras.l2tp.events import By, Cause
from bras.l2tp.line import gather
from bras.l2tp.messages import CallRequest
from bras.lns.commands import Shutdown
from bras.radius.events import Kind
from bras.secret import Secret
from tests.support.lacs import Client, SimulatedLac
from tests.support.radius import own_dictionary
from tests.support.rim import Asked, Rim, option
from tests.support.world import RADIUS_SECRET, SimulatedRadius, config

MANUAL = Path(__file__).resolve().parents[2] / "MANUAL.md"
PACKETS = ("Access-Request", "Start", "Interim-Update", "Stop", "On, Off")
STATUS = {"Start": "Start", "Interim-Update": "Interim-Update", "Stop": "Stop"}
METHODS = ("pap", "chap", "mschapv1", "mschapv2")
IPV6_COUNTERS = {"pap": "erx", "mschapv1": "off"}
"""By method; our own for the others."""
OF_IPV6 = Counters._fields[4:8]
CARRIED = Counters(1000, 10, 2000, 20, 300, 3, 400, 4)
TEXTS = (LineAvp.AGENT_CIRCUIT_ID, LineAvp.AGENT_REMOTE_ID)
"""What a LAC can tell of a line, all of it."""


def _told(attribute: LineAvp) -> bytes:
    if attribute in TEXTS:
        return b"some text"
    if attribute == LineAvp.ACCESS_LOOP_ENCAPSULATION:
        return b"\1\2\0"
    return (7).to_bytes(8 if attribute in LINE_RATES else 4, "big")


LINE = gather({attribute: _told(attribute) for attribute in LineAvp})
FULL = CallRequest("5551234", "100", "sub7", 1, 77, 16_000_000, 1_000_000, 1, "red", access_line=LINE)
BARE = CallRequest()


@cache
def table() -> dict[str, dict[str, str]]:
    """Return what MANUAL.md says: by attribute, for each kind of packet "yes", "(yes)" or nothing."""
    section = MANUAL.read_text(encoding="utf-8").partition("## What RADIUS is told")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    assert tuple(rows[0][1:6]) == PACKETS
    found: dict[str, dict[str, str]] = {}
    for row in rows[2:]:
        for name in re.findall(r"`([^`]+)`", row[0]):
            assert name not in found, f"{name} has two rows"
            found[name] = dict(zip(PACKETS, row[1:6], strict=True))
    return found


def settings(method: str, *, full: bool) -> Config:
    grant = Grant(pool="default", interim_interval_s=60.0)
    made = config(
        lac=(LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=grant),), auth=AuthConfig(methods=(method,))
    )
    if not full:  # of one family, or none: the address that the LAC called stands for it
        return replace(made, radius=replace(made.radius, nas_ipv6_address="2001:db8::9" if method == "pap" else None))
    keys = {"nas_ip_address": "192.0.2.9", "nas_ipv6_address": "2001:db8::9", "unsupported": (("*", "ignore"),)}
    keys["ipv6_counters"] = IPV6_COUNTERS.get(method, "bras")
    return replace(made, radius=replace(made.radius, chargeable_user_identity=True, access_timestamp=True, **keys))


def accept(full: bool) -> Callable[[dict[int, bytes]], tuple[int, bytes]]:
    """Return a server that grants much, and has the client prove itself again after 70 seconds."""
    again = option(27, (70).to_bytes(4, "big")) + option(29, (1).to_bytes(4, "big")) + option(24, b"state")
    prefixes = option(97, bytes.fromhex("0040 20010db8000a0000")) + option(123, bytes.fromhex("0030 20010db8000b"))
    networks = option(8, bytes((192, 0, 2, 9))) + option(9, bytes((255, 255, 255, 248)))
    networks += option(22, b"198.51.100.0/24 0.0.0.0 1")
    much = networks + option(89, b"cui-7") + option(25, b"gold") + again + prefixes
    return lambda attributes: (2, much if full else b"")


def hang_up_with_words(rim: Rim, lac: SimulatedLac, client: Client) -> None:
    """End a call as a LAC does that says why."""
    assert client.key is not None
    lac.take(lac.endpoint.close_call(client.key, Cause(By.LOCAL, 1, 0, "line lost"), now=rim.now), rim.now)


def read(one: Asked) -> tuple[str, set[str]]:
    """Return which kind of packet it is, and the names of its attributes; pyrad verifies it on the way."""
    kind = AuthPacket if one.kind is Kind.AUTH else AcctPacket
    packet = kind(packet=one.data, secret=RADIUS_SECRET, dict=own_dictionary())
    names = set(packet.keys())
    assert all(isinstance(name, str) for name in names), f"our dictionary does not know {names}"
    if one.kind is Kind.AUTH:
        assert packet.verify_message_authenticator()
        return "Access-Request", names
    assert packet.VerifyAcctRequest()
    return STATUS.get(packet["Acct-Status-Type"][0], "On, Off"), names


@cache
def packets() -> tuple[Asked, ...]:
    """Return what is sent for calls of all kinds: every method, LACs that tell everything and nothing."""
    found: list[Asked] = []
    for full in (False, True):
        for method in METHODS:
            rim = Rim(settings(method, full=full), servers=(SimulatedRadius(reply=accept(full)),))
            lac = rim.lac()
            client = lac.dial("user1", "pass", method=method, request=FULL if full else BARE)
            rim.run(3.0)
            for slot in rim.plane.entries:  # but for MS-CHAPv2, which wants an answer from the server too
                rim.plane.feed(slot, CARRIED if full else CARRIED._replace(**dict.fromkeys(OF_IPV6, 0)))
            rim.run(97.0)
            if full:
                hang_up_with_words(rim, lac, client)
            elif method != "chap":  # that one is ended by the shutdown, which says nothing
                lac.hang_up(client)
            rim.run(2.0)
            rim.ask(Shutdown())
            rim.run(2.0)
            found += rim.asked
    return tuple(found)


@cache
def sent() -> dict[str, list[set[str]]]:
    """Return the attributes of every packet, by kind of packet."""
    found: dict[str, list[set[str]]] = {kind: [] for kind in PACKETS}
    for one in packets():
        kind, names = read(one)
        found[kind].append(names)
    return found


@pytest.mark.parametrize("kind", PACKETS)
def test_the_manual_says_what_is_sent(kind: str) -> None:
    seen = sent()[kind]
    assert len(seen) >= 6
    always, ever = set.intersection(*seen), set.union(*seen)
    cells = {name: row[kind] for name, row in table().items()}
    assert {name for name, cell in cells.items() if cell == "yes"} == always
    assert {name for name, cell in cells.items() if cell == "(yes)"} == ever - always
    assert {name for name, cell in cells.items() if not cell} == set(cells) - ever


def test_every_key_that_the_table_names_is_one() -> None:
    section = MANUAL.read_text(encoding="utf-8").partition("## What RADIUS is told")[2].partition("\n## ")[0]
    reference = MANUAL.read_text(encoding="utf-8")
    for line in section.splitlines():
        if line.startswith("| `"):
            for key in re.findall(r"`([a-z_0-9]+)`", line.rpartition(" | ")[2]):
                assert f"| `{key}` |" in reference, key
