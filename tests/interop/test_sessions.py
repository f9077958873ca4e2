"""Many sessions of real clients, their packets, and every way in which they end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from tests.interop.conftest import TSHARK, Bench, Lab
from tests.support.freeradius import FreeRadius
from tests.support.lac import Client, KernelLac, Session, Xl2tpd

WORLD = "198.18.1.2"
IP_AND_ICMP = 28
LAC = {"name": "any", "address": ["198.18.0.0/24"], "secret": "tunsecret", "pool": "default"}
IMPATIENT = LAC | {
    "hello_interval_s": 1,
    "retransmit_initial_s": 0.5,
    "max_retransmissions": 3,
}


def dial(lab: Lab, user: str = "user1") -> tuple[Xl2tpd, Session]:
    lac = Xl2tpd(lab.guest, [Client(user)])
    lac.dial("198.18.0.1", "tunsecret")
    return lac, lac.wait_up()[0]


def test_twenty_tunnels_of_one_session(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    lac = Xl2tpd(lab.guest, [Client(f"user{n}") for n in range(1, 21)])
    lac.dial("198.18.0.1", "tunsecret")
    sessions = lac.wait_up(120)
    assert len({session.address for session in sessions}) == 20
    assert len(bench.lns.show("tunnels")["tunnels"]) == 20
    assert {row["user"] for row in bench.lns.sessions()} == {f"user{n}" for n in range(1, 21)}
    assert [done.status for done in lac.ping(WORLD, *sessions)] == [0] * 20
    lac.stop()
    lac.wait_down()
    bench.lns.wait_sessions(0)
    stops = freeradius.wait_records("Stop", 20)
    assert {record["User-Name"] for record in stops} == {f"user{n}" for n in range(1, 21)}
    assert len(freeradius.records("Start")) == 20
    assert {record["Acct-Session-Id"] for record in freeradius.records("Start")} == {
        record["Acct-Session-Id"] for record in stops
    }


def test_two_tunnels_of_ten_sessions(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    lac = KernelLac(lab.guest, [Client(f"user{n}") for n in range(1, 21)])
    lac.dial("198.18.0.1", "tunsecret", tunnels=2)
    sessions = lac.wait_up(120)
    assert len({session.address for session in sessions}) == 20
    assert [tunnel["calls"] for tunnel in bench.lns.show("tunnels")["tunnels"]] == [10, 10]
    assert [done.status for done in lac.ping(WORLD, *sessions)] == [0] * 20
    lac.hang_up(*sessions)
    lac.wait_down()
    bench.lns.wait_sessions(0)
    stops = freeradius.wait_records("Stop", 20)
    assert {record["Acct-Terminate-Cause"] for record in stops} == {"User-Request"}
    assert not lac.events("StopCCN"), "the tunnels stay up for the next calls"
    assert len(bench.lns.show("tunnels")["tunnels"]) == 2


def test_packets_of_every_size_and_what_is_billed(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    """The largest ping that the MRU lets through, without fragments; one octet more does not leave the client."""
    lac, session = dial(lab)
    mru = 1460
    sizes = [0, 1, 56, 512, 1024, mru - IP_AND_ICMP]
    assert [lac.ping(WORLD, session, count=2, octets=size)[0].status for size in sizes] == [0] * len(sizes)
    assert lac.ping(WORLD, session, count=1, octets=mru - IP_AND_ICMP + 1)[0].status != 0
    assert " 0% packet loss" in lab.namespace.run("ping", "-n", "-c", "2", "-i", "0.2", session.address).stdout
    octets = sum(2 * (size + IP_AND_ICMP) for size in sizes) + 2 * 84
    packets = 2 * len(sizes) + 2
    lac.hang_up(session)
    assert lac.wait_down() == {1: (octets, octets)}, "pppd counts as we do"
    (stop,) = freeradius.wait_records("Stop")
    for direction in ("Input", "Output"):
        assert int(stop[f"Acct-{direction}-Octets"]) == octets
        assert int(stop[f"Acct-{direction}-Packets"]) == packets
        assert int(stop.get(f"Acct-{direction}-Gigawords", "0")) == 0


def test_a_packet_that_is_too_large_for_the_client_is_answered(lab: Lab, bench: Bench) -> None:
    """From the far side: fragmentation needed, and the MTU that would do (RFC 1191 section 4)."""
    _lac, session = dial(lab)
    told = lab.namespace.run("ping", "-n", "-c", "1", "-M", "do", "-s", "1472", session.address, check=False)
    assert told.returncode != 0
    assert "1460" in told.stdout + told.stderr


def test_the_client_hangs_up(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    lac, session = dial(lab)
    lac.hang_up(session)
    lac.wait_said(r"sent \[LCP TermReq")
    lac.wait_said(r"rcvd \[LCP TermAck")
    (stop,) = freeradius.wait_records("Stop")
    assert stop["Acct-Terminate-Cause"] == "User-Request"
    assert stop["Framed-IP-Address"] == session.address
    bench.lns.wait_sessions(0)
    ended = bench.lns.wait_logged("session_ended")
    assert ended["user"] == "user1"


def test_the_operator_disconnects(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    """The command comes back when the session is wholly gone."""
    lac, _session = dial(lab)
    done = bench.lns.command("disconnect", "user1")
    assert done.returncode == 0, done.stderr
    assert not bench.lns.sessions()
    lac.wait_said(r"rcvd \[LCP TermReq")
    lac.wait_down()
    (stop,) = freeradius.wait_records("Stop")
    assert stop["Acct-Terminate-Cause"] == "Admin-Reset"
    assert bench.lns.command("disconnect", "user1").returncode == 1


def test_the_operator_disconnects_one_of_many(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    """A CDN ends a call, not its neighbours; the LAC is told why."""
    lac = KernelLac(lab.guest, [Client(f"user{n}") for n in range(1, 4)])
    lac.dial("198.18.0.1", "tunsecret")
    sessions = lac.wait_up()
    assert bench.lns.command("disconnect", sessions[1].address).returncode == 0
    (told,) = lac.wait_event("CDN")
    assert (told["session"], told["result"]) == (2, 3), "result 3 is administrative (RFC 2661 section 4.4.2)"
    assert [done.status for done in lac.ping(WORLD, sessions[0], sessions[2])] == [0, 0]
    assert {row["user"] for row in bench.lns.sessions()} == {"user1", "user3"}


def test_the_lac_closes_the_tunnel(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    """StopCCN without a word of PPP before it."""
    lac = KernelLac(lab.guest, [Client(f"user{n}") for n in range(1, 4)])
    lac.dial("198.18.0.1", "tunsecret")
    lac.wait_up()
    lac.stop()
    stops = freeradius.wait_records("Stop", 3)
    assert {record["Acct-Terminate-Cause"] for record in stops} == {"Lost-Carrier"}
    bench.lns.wait_sessions(0)
    assert not bench.lns.show("tunnels")["tunnels"]


def test_the_lac_vanishes(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]) -> None:
    """Its link is cut: no ICMP, no word. HELLO finds out; the sessions end with Lost-Carrier."""
    bench = start(lac=[IMPATIENT])
    lac = KernelLac(lab.guest, [Client(f"user{n}") for n in range(1, 4)])
    lac.dial("198.18.0.1", "tunsecret")
    lac.wait_up()
    lab.namespace.ip("link", "set", "tap0", "nomaster")
    try:
        stops = freeradius.wait_records("Stop", 3)
        assert {record["Acct-Terminate-Cause"] for record in stops} == {"Lost-Carrier"}
        bench.lns.wait_sessions(0)
    finally:
        lab.namespace.ip("link", "set", "tap0", "master", "br0")
    lac.stop(9)


def test_the_lac_is_killed_and_dials_again(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]) -> None:
    """A LAC that comes back with nothing in its head gets a tunnel at once; the old one is found dead."""
    bench = start(lac=[IMPATIENT])
    first, _ = dial(lab)
    first.stop(9)
    second, session = dial(lab, "user2")
    assert [done.status for done in second.ping(WORLD, session)] == [0]
    (stop,) = freeradius.wait_records("Stop")
    assert (stop["User-Name"], stop["Acct-Terminate-Cause"]) == ("user1", "Lost-Carrier")
    assert [row["user"] for row in bench.lns.wait_sessions(1)] == ["user2"]


def test_sigterm_ends_everything_properly(lab: Lab, bench: Bench, freeradius: FreeRadius) -> None:
    """StopCCN to each LAC, a Stop for each session, and Accounting-Off, within five seconds."""
    lac = KernelLac(lab.guest, [Client(f"user{n}") for n in range(1, 7)])
    lac.dial("198.18.0.1", "tunsecret", tunnels=2)
    lac.wait_up()
    assert bench.lns.stop() == 0
    assert len(lac.wait_event("StopCCN", 2)) == 2
    stops = freeradius.records("Stop")
    assert len(stops) == 6
    assert {record["Acct-Terminate-Cause"] for record in stops} <= {"Admin-Reboot", "NAS-Reboot"}
    assert len(freeradius.records("Accounting-Off")) == 1
    lac.wait_down()


def test_what_the_metrics_say(lab: Lab, bench: Bench, tool: Callable[[str], str]) -> None:
    """They are there with real sessions, and promtool finds nothing to say against them."""
    lac = KernelLac(lab.guest, [Client(f"user{n}") for n in range(1, 4)])
    lac.dial("198.18.0.1", "tunsecret")
    lac.wait_up()
    fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9617/metrics').read().decode(), end='')"
    text = lab.namespace.run(sys.executable, "-c", fetch).stdout
    assert any(line.startswith("bras_sessions{") and line.endswith(" 3.0") for line in text.splitlines()), text
    verdict = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (verdict.returncode, verdict.stdout + verdict.stderr) == (0, "")


def test_the_mru_of_the_path(lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]) -> None:
    """With "auto" the largest packet of a session just fits the path to the LAC: nothing is ever fragmented."""
    bench = start(ppp={"mru": "auto"})
    lac = KernelLac(lab.guest, [Client("user1")])
    lac.dial("198.18.0.1", "tunsecret")
    (session,) = lac.wait_up()
    mtu = int(lac.guest.run("cat", f"/sys/class/net/{session.interface}/mtu").output)
    assert 1440 <= mtu < 1500
    assert lac.ping(WORLD, session, octets=mtu - IP_AND_ICMP)[0].status == 0
    bench.l2tp.stop()
    assert not bench.l2tp.packets("ip.flags.mf == 1 || ip.frag_offset > 0", "frame.number")
    largest = max(int(length) for (length,) in bench.l2tp.packets("l2tp", "ip.len"))
    assert 1490 < largest <= 1500


def test_tshark_finds_nothing_malformed_in_a_whole_conversation(
    lab: Lab, freeradius: FreeRadius, start: Callable[..., Bench]
) -> None:
    """Every kind of message that we can send here was sent, and none is held against us."""
    bench = start(lac=[LAC | {"hello_interval_s": 1}])
    lac = KernelLac(lab.guest, [Client("user1", method="pap"), Client("user2", method="chap"), Client("user3")])
    lac.dial("198.18.0.1", "tunsecret")
    lac.wait_up()
    lac.wait_event("HELLO")
    assert bench.lns.command("disconnect", "user1").returncode == 0
    bench.lns.stop()
    bench.l2tp.stop()
    ours = "ip.src == 198.18.0.1"
    sent = {kind for (kind,) in bench.l2tp.packets(f"{ours} && l2tp.avp.message_type", "l2tp.avp.message_type")}
    assert {"2", "11", "6", "14", "4"} <= sent, "SCCRP, ICRP, HELLO, CDN, StopCCN"
    protocols = ",".join(p for (p,) in bench.l2tp.packets(ours, "frame.protocols"))
    for protocol in ("lcp", "pap", "chap", "ipcp"):
        assert protocol in protocols
    assert not bench.l2tp.complaints(ours, TSHARK)
