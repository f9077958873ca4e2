"""The effect of each key of ``[lns]`` that the core knows, seen from outside."""

from __future__ import annotations

import struct

import pytest

from bras.config.model import LacConfig, LnsConfig, PppConfig
from bras.l2tp.events import CallUp, TunnelDown, TunnelUp
from bras.l2tp.messages import CallRequest
from bras.radius.events import Kind
from bras.secret import Secret
from bras.subscriber.events import SubscriberEnded, SubscriberUp
from tests.support.lacs import SimulatedLac
from tests.support.rim import CDN, CHAP, ICRP, SCCRP, STOPCCN, Rim
from tests.support.world import LNS_ADDRESS, Listen, config

ACCT_SESSION_ID = 44


def lns(**keys: object) -> LnsConfig:
    return LnsConfig(listen=(Listen(LNS_ADDRESS, 1701),), **keys)  # type: ignore[arg-type]  # keys of [lns]


@pytest.mark.parametrize("hostname", ["lns1", "edge-7.example.net"])
def test_hostname(hostname: str) -> None:
    rim = Rim(config(lns=lns(hostname=hostname)))
    rim.up()
    assert rim.controls(SCCRP)[0].avps[7] == hostname.encode()
    challenge = rim.frames(CHAP, 1)[0].data
    assert challenge[1 + challenge[0] :] == hostname.encode(), "our name in CHAP"
    assert rim.asked[-1].attributes[91] == hostname.encode(), "Tunnel-Server-Auth-Id"
    assert rim.asked[-1].attributes[87].startswith(hostname.encode() + b":"), "NAS-Port-Id"


@pytest.mark.parametrize("seconds", [5.0, 20.0])
def test_setup_timeout_s(seconds: float) -> None:
    rim = Rim(config(lns=lns(setup_timeout_s=seconds), ppp=PppConfig(mru=1460, max_configure=100)))
    lac = rim.lac()
    client = lac.dial("user1", "pass")
    client.speaks_ipcp = False
    rim.run(60.0)
    (call,) = rim.controls(CDN)
    (end,) = rim.of(SubscriberEnded)
    assert end.reason == "setup_timeout"
    assert call.at - rim.controls(ICRP)[0].at == pytest.approx(seconds, abs=0.2)


@pytest.mark.parametrize("seconds", [5.0, 20.0])
def test_setup_timeout_s_of_a_call_that_is_never_connected(seconds: float) -> None:
    rim = Rim(config(lns=lns(setup_timeout_s=seconds)))
    lac = rim.lac()
    rim.run(1.0)
    _, events = lac.endpoint.open_call(lac.tunnel_id, CallRequest(), now=rim.now)
    lac.take(events, rim.now)
    lac.take = lambda events, now: None  # type: ignore[method-assign]  # its ICCN never leaves
    rim.run(1.0)
    ours = int.from_bytes(rim.controls(SCCRP)[0].avps[9], "big")
    acknowledgement = struct.pack("!HHHHHH", 0xC802, 12, ours, 0, 3, 2)
    rim.send(lac.address, lac.port, LNS_ADDRESS, 1701, acknowledgement)
    rim.run(seconds)
    assert rim.controls(CDN)[0].at - rim.controls(ICRP)[0].at == pytest.approx(seconds, abs=0.01)
    assert not rim.of(CallUp)


@pytest.mark.parametrize("seconds", [10.0, 60.0, 0.0])
def test_idle_tunnel_s(seconds: float) -> None:
    rim = Rim(config(lns=lns(idle_tunnel_s=seconds)))
    lac, client = rim.up()
    rim.run(100.0)
    assert not rim.controls(STOPCCN), "a tunnel with a call does not idle"
    hung_up_at = rim.now
    lac.hang_up(client)
    rim.run(300.0)
    if not seconds:
        assert not rim.of(TunnelDown)
        return
    (goodbye,) = rim.controls(STOPCCN)
    assert goodbye.at - hung_up_at == pytest.approx(seconds, abs=0.2)


@pytest.mark.parametrize("most", [1, 3])
def test_max_tunnels(most: int) -> None:
    groups = (
        LacConfig(name="odd", hostname="lac[13]", secrets=(Secret(b"tunsecret"),)),
        LacConfig(name="even", secrets=(Secret(b"tunsecret"),)),
    )
    rim = Rim(config(lns=lns(max_tunnels=most), lac=groups))
    lacs = [SimulatedLac(rim, address=f"198.18.0.{number + 1}", hostname=f"lac{number}") for number in range(1, 5)]
    for lac in lacs:
        lac.open()
        rim.run(1.0)
    assert [bool(lac.refused) for lac in lacs] == [number >= most for number in range(4)]
    assert {one.result for one in rim.controls(STOPCCN)} == {(2, 4)}, "insufficient resources"
    assert len(rim.of(TunnelUp)) == most


@pytest.mark.parametrize("most", [1, 3])
def test_max_sessions(most: int) -> None:
    rim = Rim(config(lns=lns(max_sessions=most)))
    one = rim.lac()
    other = rim.lac(address="198.18.0.3", hostname="lac2")
    for number in range(4):
        (one, other)[number % 2].dial(f"user{number}", "pass")
        rim.run(2.0)
    assert len(rim.of(SubscriberUp)) == most
    assert [refusal.result for refusal in rim.controls(CDN)] == [(4, 0)] * (4 - most), "no facilities, for now"


@pytest.mark.parametrize(("node", "digits"), [(0, "000"), (7, "007"), (4095, "FFF")])
def test_node(node: int, digits: str) -> None:
    rim = Rim(config(lns=lns(node=node, worker=11)))
    rim.up()
    on, start = (one.attributes[ACCT_SESSION_ID].decode() for one in rim.requests(Kind.ACCT))
    assert start == f"{digits}B68E0000000000001"
    assert on == f"{digits}B68E0000000000000"


@pytest.mark.parametrize("worker", [0, 5, 15])
def test_worker(worker: int) -> None:
    rim = Rim(config(lns=lns(worker=worker)))
    for number in range(2, 12):
        rim.lac(address=f"198.18.0.{number}", hostname=f"lac{number}")
    rim.run(1.0)
    ids = [int.from_bytes(reply.avps[9], "big") for reply in rim.controls(SCCRP)]
    assert len(set(ids)) == 10
    assert {number >> 12 for number in ids} == {worker}
