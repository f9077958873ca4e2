"""Records of tunnels and links (RFC 2867): when they are made, what they say, and that a crash loses none."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyrad.packet import AcctPacket

from bras.config.grant import Grant
from bras.config.model import Config, LacConfig, Listen, LnsConfig
from bras.forwarding.entry import Counters
from bras.l2tp.constants import StopResult
from bras.l2tp.events import By, Cause
from bras.lns.commands import Shutdown
from bras.lns.tunnel_account import MOST_REJECTS_AT_ONCE
from bras.radius.events import Kind
from bras.secret import Secret
from tests.support.crash import Mortal
from tests.support.lacs import SimulatedLac
from tests.support.radius import own_dictionary
from tests.support.rim import Rim
from tests.support.world import LNS_ADDRESS, RADIUS_SECRET, World, config

CARRIED = Counters(1000, 10, 2000, 20, 300, 3, 400, 4)
ENDS = ("Tunnel-Client-Endpoint", "Tunnel-Server-Endpoint", "Tunnel-Client-Auth-Id", "Tunnel-Server-Auth-Id")
IDENTITY = {"User-Name", "NAS-Identifier", "Acct-Delay-Time", "Event-Timestamp", "Tunnel-Type", "Tunnel-Medium-Type"}
SHOULD = IDENTITY | {*ENDS, "Acct-Session-Id", "Acct-Multi-Session-Id", "Acct-Tunnel-Connection", "Acct-Status-Type"}
COUNTED = {
    "Acct-Session-Time", "Acct-Input-Octets", "Acct-Output-Octets", "Acct-Input-Packets", "Acct-Output-Packets",
    "Acct-Terminate-Cause",
}  # fmt: skip
Record = dict[str, Any]


def settings(wanted: str = "both", **keys: object) -> Config:
    group = LacConfig("any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"), **keys)  # type: ignore[arg-type]  # its keys
    made = config(lac=(group,))
    return replace(made, radius=replace(made.radius, tunnel_accounting=wanted))


def record(data: bytes) -> Record:
    packet = AcctPacket(packet=data, secret=RADIUS_SECRET, dict=own_dictionary())
    assert packet.VerifyAcctRequest()
    return {name: packet[name][0] for name in packet.keys()}  # noqa: SIM118 - it is no dict


def records(rim: Rim, *kinds: str) -> list[Record]:
    """Return what was told, each once, in order; of certain kinds only."""
    told = [record(one.data) for one in rim.requests(Kind.ACCT)]
    return [one for one in told if not kinds or one["Acct-Status-Type"] in kinds]


def statuses(rim: Rim) -> list[str]:
    return [one["Acct-Status-Type"] for one in records(rim)]


def close_tunnel(rim: Rim, lac: SimulatedLac, result: int, text: str = "", error: int = 0) -> None:
    lac.take(lac.endpoint.close_tunnel(lac.tunnel_id, Cause(By.LOCAL, result, error, text), now=rim.now), rim.now)
    rim.run(3.0)


def carry(rim: Rim) -> None:
    for slot in rim.plane.entries:
        rim.plane.feed(slot, CARRIED)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("off", ["Accounting-On", "Start", "Stop"]),
        ("tunnels", ["Accounting-On", "Tunnel-Start", "Start", "Stop", "Tunnel-Stop"]),
        ("links", ["Accounting-On", "Start", "Tunnel-Link-Start", "Stop", "Tunnel-Link-Stop"]),
        (
            "both",
            [
                *("Accounting-On", "Tunnel-Start", "Start", "Tunnel-Link-Start"),
                *("Stop", "Tunnel-Link-Stop", "Tunnel-Stop"),
            ],
        ),
    ],
)
def test_tunnel_accounting(wanted: str, expected: list[str]) -> None:
    rim = Rim(settings(wanted))
    lac, client = rim.up()
    lac.hang_up(client)
    rim.run(3.0)
    close_tunnel(rim, lac, StopResult.GENERAL_REQUEST)
    assert statuses(rim) == expected
    assert not rim.lns.core.tunnel_books.accounts
    assert not rim.lns.core.tunnel_books.members


def test_each_kind_says_what_the_rfc_wants() -> None:
    rim = Rim(settings())
    lac, _ = rim.up()
    carry(rim)
    close_tunnel(rim, lac, StopResult.SHUTTING_DOWN, "maintenance")
    by_kind = {one["Acct-Status-Type"]: one for one in records(rim)}
    assert SHOULD - {"User-Name"} <= set(by_kind["Tunnel-Start"])
    assert SHOULD | COUNTED | {"Bras-Terminate-Reason", "Bras-Terminate-Text"} <= set(by_kind["Tunnel-Stop"])
    assert SHOULD | {"NAS-Port"} <= set(by_kind["Tunnel-Link-Start"])
    assert SHOULD | COUNTED | {"NAS-Port"} <= set(by_kind["Tunnel-Link-Stop"])
    for one in by_kind.values():
        assert (
            not {"Class", "Framed-IP-Address", "Framed-Protocol"} & set(one) or "Tunnel" not in one["Acct-Status-Type"]
        )


def test_who_is_who() -> None:
    """What belongs together has the Tunnel-Assignment-Id in common, or the Acct-Multi-Session-Id."""
    rim = Rim(settings())
    lac, client = rim.up()
    lac.hang_up(client)
    rim.run(3.0)
    close_tunnel(rim, lac, StopResult.GENERAL_REQUEST)
    by_kind = {one["Acct-Status-Type"]: one for one in records(rim)}
    ids = {kind: one["Acct-Session-Id"] for kind, one in by_kind.items()}
    assert ids["Tunnel-Start"] == ids["Tunnel-Stop"]
    assert ids["Tunnel-Link-Start"] == ids["Tunnel-Link-Stop"]
    assert len({ids[kind] for kind in ("Accounting-On", "Start", "Tunnel-Start", "Tunnel-Link-Start")}) == 4
    assert by_kind["Tunnel-Link-Start"]["Acct-Multi-Session-Id"] == ids["Start"]
    assert by_kind["Tunnel-Start"]["Acct-Multi-Session-Id"] == ids["Tunnel-Start"]
    told = [by_kind[kind] for kind in ("Start", "Tunnel-Start", "Tunnel-Link-Start", "Tunnel-Link-Stop", "Tunnel-Stop")]
    assert len({one["Tunnel-Assignment-Id"] for one in told}) == 1
    assert len({tuple(one[name] for name in ENDS) for one in told}) == 1
    assert by_kind["Tunnel-Start"]["User-Name"] == "lac1"
    assert by_kind["Tunnel-Link-Stop"]["User-Name"] == "user1"
    assert by_kind["Tunnel-Link-Start"]["NAS-Port"] == by_kind["Start"]["NAS-Port"]


def test_a_tunnel_has_carried_what_its_sessions_have() -> None:
    rim = Rim(settings())
    lac, first = rim.up()
    lac.dial("user2", "pass")
    rim.run(3.0)
    carry(rim)
    lac.hang_up(first)
    rim.run(3.0)
    carry(rim)
    close_tunnel(rim, lac, StopResult.GENERAL_REQUEST)
    stop, first_link, second_link = (
        records(rim, "Tunnel-Stop")[0],
        *records(rim, "Tunnel-Link-Stop"),
    )
    links = [(one["Acct-Input-Octets"], one["Acct-Output-Octets"]) for one in (first_link, second_link)]
    assert links == [(1300, 2400), (2600, 4800)]
    assert (stop["Acct-Input-Octets"], stop["Acct-Output-Octets"]) == (3900, 7200)
    assert (stop["Acct-Input-Packets"], stop["Bras-Input-Octets-IPv6"]) == (39, 900)
    assert stop["Acct-Session-Time"] == 8, "of nine seconds, for it took a moment to come up"
    assert "Acct-Tunnel-Packets-Lost" not in stop


@pytest.mark.parametrize(
    ("result", "error", "cause", "reason"),
    [
        (1, 0, "Lost-Carrier", "lac_closed_tunnel"),
        (2, 4, "NAS-Error", "lac_tunnel_error"),
        (6, 0, "Lost-Service", "lac_shutting_down"),
        (7, 0, "NAS-Error", "lac_tunnel_error"),
    ],
)
def test_the_lacs_reason_is_everybodys(result: int, error: int, cause: str, reason: str) -> None:
    rim = Rim(settings())
    lac, _ = rim.up()
    close_tunnel(rim, lac, result, "said", error)
    told = records(rim, "Stop", "Tunnel-Link-Stop", "Tunnel-Stop")
    assert [one["Acct-Status-Type"] for one in told] == ["Stop", "Tunnel-Link-Stop", "Tunnel-Stop"]
    assert {one["Acct-Terminate-Cause"] for one in told} == {cause}
    assert {(one["Bras-Terminate-Reason"], one["Bras-Terminate-Text"]) for one in told} == {(reason, "said")}


def test_a_tunnel_that_is_lost() -> None:
    rim = Rim(settings(hello_interval_s=5.0))
    lac, _ = rim.up()
    rim.vanish(lac)
    rim.run(120.0)
    (stop,) = records(rim, "Tunnel-Stop")
    assert (stop["Acct-Terminate-Cause"], stop["Bras-Terminate-Reason"]) == ("Lost-Carrier", "tunnel_lost")


def test_a_tunnel_without_calls() -> None:
    made = settings("tunnels")
    rim = Rim(replace(made, lns=replace(made.lns, idle_tunnel_s=10.0)))
    rim.lac()
    rim.run(20.0)
    (stop,) = records(rim, "Tunnel-Stop")
    assert (stop["Acct-Terminate-Cause"], stop["Bras-Terminate-Reason"]) == ("Idle-Timeout", "tunnel_idle")
    assert stop["Acct-Input-Octets"] == 0


def test_at_a_shutdown_tunnels_end_before_the_server() -> None:
    rim = Rim(settings())
    rim.up()
    rim.ask(Shutdown())
    rim.run(6.0)
    assert statuses(rim)[-4:] == ["Stop", "Tunnel-Link-Stop", "Tunnel-Stop", "Accounting-Off"]
    (stop,) = records(rim, "Tunnel-Stop")
    assert (stop["Acct-Terminate-Cause"], stop["Bras-Terminate-Reason"]) == ("Admin-Reboot", "shutdown")


@pytest.mark.parametrize(
    ("keys", "secret", "cause", "reason"),
    [
        ({}, b"guess", "User-Request", "by_lac"),
        ({"max_tunnels": 1}, b"tunsecret", "Service-Unavailable", "limit"),
    ],
)
def test_a_lac_that_is_refused(keys: dict[str, int], secret: bytes, cause: str, reason: str) -> None:
    rim = Rim(settings(**keys))
    if keys:
        rim.lac(address="198.18.0.9", hostname="lac9")
        rim.run(1.0)
    rim.lac(secret=secret)
    rim.run(3.0)
    (told,) = records(rim, "Tunnel-Reject")
    assert (told["Acct-Terminate-Cause"], told["Bras-Terminate-Reason"]) == (cause, reason)
    assert SHOULD - {"Acct-Tunnel-Connection"} <= set(told)
    assert told["User-Name"] == told["Tunnel-Client-Auth-Id"] == "lac1"


def test_a_call_that_is_refused() -> None:
    rim = Rim(settings(max_sessions=1))
    lac, _ = rim.up()
    lac.dial("user2", "pass")
    rim.run(3.0)
    (told,) = records(rim, "Tunnel-Link-Reject")
    assert (told["Acct-Terminate-Cause"], told["Bras-Terminate-Reason"]) == ("Service-Unavailable", "limit")


def test_strangers_and_floods_fill_no_books() -> None:
    """Everybody can have himself refused, as often as he likes."""
    made = settings()
    near = replace(made.lac[0], address=("198.18.0.0/16",))
    rim = Rim(replace(made, lac=(near,)))
    rim.lac(address="203.0.113.7")
    rim.run(3.0)
    assert statuses(rim) == ["Accounting-On"], "no group, no record"
    limited = settings(max_sessions=1)
    rim = Rim(limited)
    lac, _ = rim.up()
    for number in range(200):
        lac.dial(f"user{number}", "pass")
    rim.run(1.0)
    assert len(records(rim, "Tunnel-Link-Reject")) <= MOST_REJECTS_AT_ONCE + 10


def test_packets_lost_where_they_are_numbered() -> None:
    rim = Rim(settings(dataseq="require"))
    lac, client = rim.up()
    (one,) = rim.lns.core.registry.by_number.values()
    assert one.leg.numbered
    assert client.key is not None
    for _ in range(3):
        lac.endpoint.send_packet(client.key, b"\x00\x21" + b"lost")
    lac.send(client, b"\xff\x03" + struct.pack("!HBBH", 0xC021, 9, 1, 8) + bytes(4))
    rim.run(5.0)
    close_tunnel(rim, lac, StopResult.GENERAL_REQUEST)
    for kind in ("Tunnel-Link-Stop", "Tunnel-Stop"):
        assert records(rim, kind)[0]["Acct-Tunnel-Packets-Lost"] == 3


def test_what_was_begun_is_ended_whatever_is_configured_since() -> None:
    rim = Rim(settings())
    lac, client = rim.up()
    rim.configure(settings("off"))
    lac.dial("user2", "pass")
    rim.run(3.0)
    close_tunnel(rim, lac, StopResult.GENERAL_REQUEST)
    assert client.ended
    assert statuses(rim).count("Tunnel-Link-Stop") == statuses(rim).count("Tunnel-Stop") == 1


# -- crashes


def told(world: World) -> list[tuple[int, bytes, int, str]]:
    """Return status, Acct-Session-Id, cause of each record of a tunnel or link."""
    found = []
    for one in world.radius.accounting:
        if one[40][-1] >= 9:
            found.append((one[40][-1], one[44], one.get(49, b"\0")[-1], one[68].decode()))
    return found


def mortal(place: Path, how: str, users: int = 2) -> tuple[Mortal, SimulatedLac]:
    world = Mortal(place, settings())
    lac = SimulatedLac(world)
    lac.open()
    for number in range(users):
        lac.dial(f"user{number}", "pass")
    world.run(5.0)
    world.feed_all()
    world.kill(how)
    world.run(5.0)
    return world, lac


@pytest.mark.parametrize("how", ["unwritten", "unsent", "unheard"])
def test_a_crash_changes_nothing(tmp_path: Path, how: str) -> None:
    world, lac = mortal(tmp_path, how)
    world.feed_all()
    lac.take(lac.endpoint.close_tunnel(lac.tunnel_id, Cause(By.LOCAL, 1), now=world.now), world.now)
    world.run(10.0)
    by_id: dict[bytes, list[int]] = {}
    for status, session, *_ in told(world):
        by_id.setdefault(session, []).append(status)
    assert sorted(by_id.values()) == [[9, 10], [12, 13], [12, 13]]
    stop = next(one for one in world.radius.accounting if one[40][-1] == 10)
    carried = sum(one.up_octets4 for one in world.carried.values())
    assert int.from_bytes(stop[42], "big") == carried, "also what the sessions carried before"
    world.run(60.0)
    assert {key.partition(":")[0] for key in world.file.read()} <= {"lns", "alive"}


def test_a_tunnel_that_a_new_process_cannot_keep(tmp_path: Path) -> None:
    world = Mortal(tmp_path, settings())
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(5.0)
    world.kill_at = "unheard"
    world.run(60.0, until=lambda: not world.alive)
    world.configuration = replace(world.configuration, lns=LnsConfig(listen=(Listen("192.0.2.7", 1701),)))
    world.revive()
    world.run(10.0)
    assert [(status, cause) for status, _, cause, _ in told(world)] == [(9, 0), (12, 0), (13, 9), (10, 9)]


def test_after_a_reboot_tunnels_have_ended_too(tmp_path: Path) -> None:
    world = Mortal(tmp_path, settings())
    lac = SimulatedLac(world)
    lac.open()
    lac.dial("user1", "pass")
    world.run(30.0)
    world.kill_at = "unheard"
    world.run(60.0, until=lambda: not world.alive)
    world.run(100.0)
    world.revive(boot="boot2")
    world.run(10.0)
    assert [(status, cause) for status, _, cause, _ in told(world)] == [(9, 0), (12, 0), (13, 11), (10, 11)]
    kinds = [one[40][-1] for one in world.radius.accounting]
    assert kinds.index(7, 1) > max(kinds.index(2), kinds.index(13), kinds.index(10)), "and then a new life begins"
    stop = next(one for one in world.radius.accounting if one[40][-1] == 10)
    assert 10 <= int.from_bytes(stop[46], "big") <= 60
    assert {key.partition(":")[0] for key in world.file.read()} <= {"lns", "alive"}


def test_restored_it_goes_on() -> None:
    rim = Rim(settings())
    lac, _ = rim.up()
    carry(rim)
    saved = rim.lns.core.tunnel_books.save()
    books = type(rim.lns.core.tunnel_books).restore(saved)
    assert books == rim.lns.core.tunnel_books
    rim.lns.core.tunnel_books = books
    close_tunnel(rim, lac, StopResult.GENERAL_REQUEST)
    assert records(rim, "Tunnel-Stop")[0]["Acct-Input-Octets"] == 1300
    assert records(rim, "Tunnel-Stop")[0]["Tunnel-Server-Endpoint"] == LNS_ADDRESS
