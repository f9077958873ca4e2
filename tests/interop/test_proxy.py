"""A real pppd that has done LCP and given its proof before there is an LNS, and does not know of it.

The LAC between them is a script of its own, which shares no code with us.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bras.config.grant import Grant
from bras.config.model import AuthConfig, LacConfig, Listen
from bras.l2tp.events import Path as Way
from bras.l2tp.events import SendDatagram
from bras.lab.lac import LabLac
from bras.lab.plan import LacPlan
from bras.secret import Secret
from tests.interop.conftest import Bench, Lab
from tests.support.capture import Capture
from tests.support.freeradius import FreeRadius
from tests.support.lac import Client, ProxyLac
from tests.support.world import LNS_ADDRESS, World, config, entropy_of

LNS = "198.18.0.1"
REQUESTS = r"(sent|rcvd) \[LCP ConfReq"


def policy(name: str, **keys: Any) -> list[dict[str, Any]]:
    group = {"name": "any", "address": ["198.18.0.0/24"], "hostname": "*", "secret": "tunsecret", "pool": "default"}
    return [{**group, "proxy": name, **keys}]


@pytest.mark.parametrize("method", ["chap", "pap"])
@pytest.mark.parametrize(
    ("proxy", "ppp", "shown"),
    [
        ("accept", {"mru": 1460}, ("accepted", "none")),
        ("renegotiate-on-mismatch", {"mru": 1500}, ("accepted", "none")),
        ("renegotiate-on-mismatch", {"mru": 1460}, ("renegotiated", "mru")),
        ("renegotiate", {"mru": 1460}, ("renegotiated", "policy")),
    ],
)
def test_it_comes_up(
    lab: Lab,
    freeradius: FreeRadius,
    start: Callable[..., Bench],
    method: str,
    proxy: str,
    ppp: dict[str, int],
    shown: tuple[str, str],
) -> None:
    bench = start(lac=policy(proxy), ppp=ppp, auth={"methods": ["chap", "pap"]}, log={"level": "debug"})
    lac = ProxyLac(lab.guest, [Client("user1", method=method)])
    lac.dial(LNS, "tunsecret", options=("--method", method))
    (session,) = lac.wait_up()
    (row,) = bench.lns.show("session", "user1")["sessions"]
    assert (row["proxy"], row["proxy_reason"], row["method"]) == (*shown, method)
    assert bench.lns.wait_logged("proxy_judged")["reason"] == shown[1]
    assert [done.status for done in lac.ping("198.18.1.2", session)] == [0]
    (told,) = lac.events("call up")
    _, _, since = lac.said().partition("sent [CHAP Response" if method == "chap" else "sent [PAP AuthReq")
    if shown[0] == "accepted":
        assert not re.search(REQUESTS, since), "LCP was with the LAC alone"
        answer = "CHAP Success" if method == "chap" else "PAP AuthAck"
        assert re.search(rf"rcvd \[{answer} id={told['identifier']:#x}\b", since)
    else:
        assert {one[1] for one in re.finditer(REQUESTS, since)} == {"sent", "rcvd"}
    lac.hang_up(session)
    bench.lns.wait_sessions(0)
    bench.radius.stop()
    (asked,) = bench.radius.packets("radius.code == 1", "radius.User_Name")
    assert asked == ("user1",)


@pytest.mark.parametrize("method", ["chap", "pap"])
def test_a_wrong_password_is_told(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench], method: str) -> None:
    bench = start(lac=policy("accept"), auth={"methods": ["chap", "pap"]})
    lac = ProxyLac(lab.guest, [Client("user1", password="wrong", method=method)])
    lac.dial(LNS, "tunsecret", options=("--method", method))
    lac.wait_said(r"rcvd \[(CHAP Failure|PAP AuthNak) id=\S+ \"no such subscriber\"\]")
    lac.wait_said(r"rcvd \[LCP TermReq")
    bench.lns.wait_sessions(0)
    assert not lac.up()
    lac.wait_event("CDN")


def test_a_lac_without_a_secret_is_not_believed(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]) -> None:
    open_group = {key: value for key, value in policy("renegotiate")[0].items() if key != "secret"}
    bench = start(lac=[open_group], auth={"methods": ["chap", "pap"]})
    lac = ProxyLac(lab.guest, [Client("user1", method="chap")])
    lac.dial(LNS)
    lac.wait_up()
    assert bench.lns.show("session", "user1")["sessions"][0]["proxy"] == "renegotiated"


def test_tshark_reads_what_our_lab_lac_tells(tmp_path: Path, tool: Callable[[str], str]) -> None:
    """The lab's LAC in virtual time, taken down by hand as a pcap file."""
    tool("tshark")
    group = LacConfig(name="any", secrets=(Secret(b"tunsecret"),), grant=Grant(pool="default"), proxy="accept")
    world = World(config(auth=AuthConfig(methods=("chap", "pap")), lac=(group,)))
    plan = LacPlan(Listen(LNS_ADDRESS, 1701), secret="tunsecret", sessions=2, methods=("chap", "pap"), proxy=True)
    way = Way(0, "198.18.0.2", 1701, LNS_ADDRESS, 1701)
    lac = LabLac(plan, [way], entropy_of(random.Random(7)))
    packets: list[bytes] = []

    def send(datagrams: list[SendDatagram]) -> None:
        for datagram in datagrams:
            packets.append(_packet(datagram.data))
            world.send("198.18.0.2", 1701, LNS_ADDRESS, 1701, datagram.data)

    world.parties["198.18.0.2", 1701] = lambda data, now: send(lac.receive(way, data, now=now))
    world.timers.append(lambda: lac.deadline)
    world.handlers.append(lambda now: send(lac.handle_timeout(now=now)))
    send(lac.start(now=world.now))
    world.run(60.0, until=lambda: lac.settled)
    path = tmp_path / "lab.pcap"
    head = struct.pack("!IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)  # link type 101: IP as it is
    path.write_bytes(head + b"".join(struct.pack("!IIII", 0, 0, len(one), len(one)) + one for one in packets))
    capture = Capture(None, "", path)
    assert capture.complaints() == []
    fields = ("authen_type", "authen_name", "authen_id")
    told = capture.packets("l2tp.avp.message_type == 12", *(f"l2tp.avp.proxy_{field}" for field in fields))
    assert [(kind, name) for kind, name, _ in told] == [("2", "user1"), ("3", "user2")]
    trees = capture.trees("l2tp.avp.message_type == 12", "l2tp")
    assert all("Last Sent LCP CONFREQ" in str(tree) and "Last Received LCP CONFREQ" in str(tree) for tree in trees)


def _packet(data: bytes) -> bytes:
    """Put a datagram into UDP and IPv4; no checksum of UDP."""
    udp = struct.pack("!HHHH", 1701, 1701, 8 + len(data), 0) + data
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + b"\xc6\x12\0\2\xc6\x12\0\1" + udp
