"""RADIUS over TLS with real FreeRADIUS: sessions and their books, certificates that will not do, a server that dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bras.lns.inputs import Input, RadiusReceived, TransportDown, TransportUp
from bras.radius.credentials import Pap
from bras.radius.events import Accepted, Event, SendRadius
from bras.radius.exchange import Exchanges
from bras.runtime import clock
from tests.interop.conftest import Bench, Lab
from tests.support.certificates import Authority, Pair
from tests.support.freeradius_tls import FreeRadiusTls
from tests.support.guest import until
from tests.support.lac import Client, KernelLac
from tests.support.radius import attribute, codec, config
from tests.support.radsec import Client as TlsClient
from tests.support.radsec import files, run, towards

ADDRESS = "198.18.1.2"


@pytest.fixture(scope="module")
def theirs(authority: Authority) -> Pair:
    return authority.issue("radius", f"DNS:radius.example.net,IP:{ADDRESS}")


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Pair:
    return authority.issue("lns1", "DNS:lns1.example.net")


@contextlib.contextmanager
def serving(lab: Lab, place: Path, pair: Pair, ca: Path, **options: Any) -> Iterator[FreeRadiusTls]:
    with FreeRadiusTls(lab.namespace, place / "freeradius", pair, ca, **options) as server:
        yield server


def over_tls(authority: Authority, pair: Pair, **keys: Any) -> dict[str, Any]:
    """Return ``[radius]`` with one server over TLS."""
    server = {
        "name": "radsec",
        "address": ADDRESS,
        "transport": "tls",
        "tls_ca": str(authority.certificate),
        "tls_certificate": str(pair.certificate),
        "tls_key": str(pair.key),
    }
    return {"server": [{**server, **keys}]}


def states(bench: Bench) -> set[str]:
    """Return what ``bras show radius`` says of the state of each service."""
    return {row["state"] for row in bench.lns.show("radius")["servers"]}


def metrics(lab: Lab) -> str:
    """Return the page for Prometheus."""
    fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9617/metrics').read().decode(), end='')"
    return lab.namespace.run("python3", "-c", fetch).stdout


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_sessions_and_their_books(
    lab: Lab, place: Path, start: Callable[..., Bench], authority: Authority, theirs: Pair, ours: Pair, version: str
) -> None:
    with serving(lab, place, theirs, authority.certificate, version=version) as server:
        bench = start(radius=over_tls(authority, ours))
        lac = KernelLac(
            lab.guest, [Client(f"user{n}", method=how) for n, how in enumerate(("pap", "chap", "mschap-v2"))]
        )
        lac.dial("198.18.0.1", "tunsecret")
        sessions = lac.wait_up()
        assert [done.status for done in lac.ping(ADDRESS, *sessions)] == [0] * 3
        server.wait_records("Start", 3)
        assert states(bench) == {"up"}
        page = metrics(lab)
        assert 'bras_radius_connections{kind="auth",server="radsec"} 1.0' in page
        assert 'bras_radius_connection_tries_total{kind="acct",server="radsec"} 1.0' in page
        assert 'bras_radius_certificate_end_timestamp_seconds{server="radsec"}' in page
        lac.hang_up(*sessions)
        stops = server.wait_records("Stop", 3)
        assert {record["User-Name"] for record in stops} == {"user0", "user1", "user2"}
        assert {record["Class"] for record in stops} == {"0x636c617373"}
        bench.lns.stop()
        assert not bench.radius.packets("radius", "ip.dst"), "nothing of it was in the clear"


def test_a_server_that_dies_amid_sessions_and_comes_back(
    lab: Lab, place: Path, start: Callable[..., Bench], authority: Authority, theirs: Pair, ours: Pair
) -> None:
    """What could not be told is told when it is back: no record is lost, and a client that waits gets in."""
    with serving(lab, place, theirs, authority.certificate) as server:
        bench = start(radius=over_tls(authority, ours, timeout_s=5.0))
        lac = KernelLac(lab.guest, [Client("user1"), Client("user2")])
        lac.dial("198.18.0.1", "tunsecret")
        first, second = lac.wait_up()
        server.wait_records("Start", 2)
        server.stop()
        down = bench.lns.wait_logged("radius_connection_down")
        assert down["server"] == "radsec"
        assert "other end" in down["reason"] or "nobody listens" in down["reason"]
        wait_state(bench, "down: nobody listens there")
        assert [done.status for done in lac.ping(ADDRESS, first, second)] == [0, 0], "they do not notice"
        lac.hang_up(first)
        with server:
            (stop,) = server.wait_records("Stop", 1, seconds=60)
            assert stop["Acct-Terminate-Cause"] == "User-Request"
            wait_state(bench, "up")
            lac.hang_up(second)
            server.wait_records("Stop", 2)
            bench.lns.stop()


def wait_state(bench: Bench, state: str) -> None:
    """Wait until each service is in a state."""
    for _ in until(60):
        if (found := states(bench)) == {state}:
            return
    raise AssertionError(f"{found}, not {state}")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_certificate_of_ours_that_the_server_does_not_accept(
    lab: Lab,
    place: Path,
    start: Callable[..., Bench],
    authority: Authority,
    stranger: Authority,
    theirs: Pair,
    version: str,
) -> None:
    with serving(lab, place, theirs, authority.certificate, version=version) as server:
        bench = start(radius=over_tls(authority, stranger.issue(f"lns{version}")))
        down = bench.lns.wait_logged("radius_connection_down")
        assert "its log may tell what it has against us" in down["reason"], "FreeRADIUS hangs up without an alert"
        assert re.search("unable to get|self.signed|verify fail|unknown ca", server.log(), re.IGNORECASE), server.log()
        bench.lns.stop()


def test_certificates_of_servers_that_will_not_do(
    lab: Lab, place: Path, start: Callable[..., Bench], authority: Authority, stranger: Authority, ours: Pair
) -> None:
    """Expired, for somebody else, or from an authority that is not ours: each in words, in log and `show radius`."""
    expired = authority.issue("old", f"IP:{ADDRESS}", begins="20200101000000Z", ends="20210304000000Z")
    other = authority.issue("other", "DNS:other.example.net")
    strange = stranger.issue("strange", f"IP:{ADDRESS}")
    wanted = {
        "expired": "down: certificate expired on 2021-03-04",
        "other": f"down: the certificate is for other.example.net, not the address {ADDRESS}",
        "strange": "down: the certificate, signed by Stranger CA, is from no CA of tls_ca",
    }
    with contextlib.ExitStack() as stack:
        for number, (name, pair) in enumerate({"expired": expired, "other": other, "strange": strange}.items()):
            listening = FreeRadiusTls(lab.namespace, place / name, pair, authority.certificate, port=2100 + number)
            stack.enter_context(listening)
        servers = [
            over_tls(authority, ours, name=name, auth_port=2100 + number, acct_port=2100 + number)["server"][0]
            for number, name in enumerate(wanted)
        ]
        bench = start(radius={"server": servers})
        for _ in until(30):
            found = {row["server"]: row["state"] for row in bench.lns.show("radius")["servers"]}
            if found == wanted:
                break
        assert found == wanted
        lines = [line for line in bench.lns.log() if line["event"] == "radius_connection_down"]
        assert {line["server"]: f"down: {line['reason']}" for line in lines} == wanted
        assert len(lines) == 6, "each is told once for each service"
        bench.lns.stop()


def test_a_thousand_requests_in_flight(lab: Lab, place: Path, authority: Authority, theirs: Pair, ours: Pair) -> None:
    """Four connections and more, each request answered once, none sent twice."""
    accepted: list[int] = []

    class Machine(TlsClient):
        def __init__(self) -> None:
            super().__init__()
            self.radsec._take = self.take
            server = towards(2083, files(authority, ours), address=ADDRESS, timeout_s=10.0)
            self.exchanges = Exchanges(config(server), codec(), os.urandom)
            self.sent = 0

        def take(self, inputs: list[Input]) -> None:
            self.told += inputs
            for one in inputs:
                now = clock.now()
                if isinstance(one, TransportUp):
                    self.act(self.exchanges.connected(one.server, one.kind, one.socket, now=now))
                elif isinstance(one, TransportDown):
                    self.act(self.exchanges.disconnected(one.server, one.kind, one.socket, one.reason, now=now))
                elif isinstance(one, RadiusReceived):
                    self.act(self.exchanges.receive(one.server, one.kind, one.socket, one.data, now=now))

        def act(self, events: list[Event]) -> None:
            for event in events:
                if isinstance(event, SendRadius):
                    self.sent += 1
                    assert self.radsec.send(event) is None
                elif isinstance(event, Accepted):
                    accepted.append(event.key)

    async def use(_client: TlsClient) -> None:
        machine = Machine()
        machine.radsec.serve(machine.exchanges.servers)
        await machine.until(machine.ups)
        for key in range(1000):
            blob = attribute(1, b"user%d" % key) + attribute(44, b"%08d" % key)
            machine.act(machine.exchanges.authenticate(key, None, blob, Pap(b"pass"), now=clock.now()))
        await machine.until(lambda: len(accepted) == 1000, 60)
        assert sorted(accepted) == list(range(1000))
        assert machine.sent == 1000
        assert machine.radsec.figures().up["one", "auth"] >= 4
        machine.radsec.close()
        await asyncio.sleep(0.01)

    with serving(lab, place, theirs, authority.certificate), lab.namespace.entered():
        run(use)


def test_an_idle_connection_that_the_server_closes_is_no_failure(
    lab: Lab, place: Path, start: Callable[..., Bench], authority: Authority, theirs: Pair, ours: Pair
) -> None:
    with serving(lab, place, theirs, authority.certificate, idle_s=5) as server:
        bench = start(radius=over_tls(authority, ours))
        wait_state(bench, "up")
        for _ in until(60):
            if 'bras_radius_connection_tries_total{kind="auth",server="radsec"} 2.0' in (page := metrics(lab)):
                break
        assert "shutting down socket auth+acct from client" in server.log(), "it closed none"
        assert 'bras_radius_connection_tries_total{kind="auth",server="radsec"} 2.0' in page
        assert "bras_radius_connections_lost_total{" not in page
        wait_state(bench, "up")
        lac = KernelLac(lab.guest, [Client("user1")])
        lac.dial("198.18.0.1", "tunsecret")
        lac.wait_up()
        server.wait_records("Start")
        assert not [line for line in bench.lns.log() if line["event"] == "radius_connection_down"]
        bench.lns.stop()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_server_changes_a_session_over_tls(
    lab: Lab, place: Path, start: Callable[..., Bench], authority: Authority, theirs: Pair, ours: Pair, version: str
) -> None:
    """FreeRADIUS's `home_server` of `type = coa` and `proto = tcp` with `tls`, as the manual has it."""
    with serving(lab, place, theirs, authority.certificate, version=version, lns="198.18.0.1") as server:
        (towards_it,) = over_tls(authority, ours)["server"]
        mine = {key: towards_it[key] for key in ("tls_ca", "tls_certificate", "tls_key")}
        client = {"name": "aaa", "address": [f"{ADDRESS}/32"], "tls_name": "radius.example.net"}
        coa = {"listen": ["198.18.0.1"], "tls_listen": ["198.18.0.1"], **mine, "client": [client]}
        bench = start(radius={"server": [towards_it], "coa": coa})
        lac = KernelLac(lab.guest, [Client("user1")])
        lac.dial("198.18.0.1", "tunsecret")
        lac.wait_up()
        answered = bench.lns.wait_logged("coa_answered")
        assert (answered["client"], answered["outcome"], answered["user"]) == ("aaa", "ack", "user1"), server.log()
        (row,) = bench.lns.show("session", "user1")["sessions"]
        assert row["profile"]["session_timeout_s"] == {"value": 7200, "source": "radius"}
        bench.lns.stop()
