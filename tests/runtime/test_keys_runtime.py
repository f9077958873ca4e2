"""The effect of each configuration key that the shell round the core knows: the daemon as an operator runs it.

lac 198.18.0.2 ── 198.18.0.1, .11: bras :192.0.2.1, .11 ── 192.0.2.2: RADIUS
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.guest import until
from tests.support.lacs import Client, SimulatedLac
from tests.support.lns import BRAS, CONFIG, Lns, changed, toml
from tests.support.namespaces import Namespace, Network
from tests.support.rim import LCP, MRU, Datagram, frame, option
from tests.support.wire import Wire
from tests.support.world import RADIUS_SECRET, SimulatedRadius

pytestmark = pytest.mark.root

LISTEN = ("198.18.0.1", 1701)
RADIUS = "192.0.2.2"
BASE = changed(
    CONFIG,
    {
        "lac": [{"name": "any", "secret": "tunsecret", "pool": "default"}],
        "radius": {"server": [{"address": RADIUS, "secret": RADIUS_SECRET.decode()}]},
    },
)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the daemon runs, and who is round it."""

    lac: Namespace
    lns: Namespace
    core: Namespace


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Network() as network:
        lac, lns, core = network.namespace("lac"), network.namespace("lns"), network.namespace("core")
        network.link(
            *(lac, "eth0", ["198.18.0.2/24", "2001:db8::2/64"]),
            *(lns, "lac0", ["198.18.0.1/24", "198.18.0.11/24", "2001:db8::1/64", "2001:db8::11/64"]),
        )
        network.link(lns, "core0", ["192.0.2.1/24", "192.0.2.11/24"], core, "eth0", [f"{RADIUS}/24", "192.0.2.3/24"])
        yield Site(lac, lns, core)


@dataclass(frozen=True, slots=True)
class Run:
    """A daemon, the LACs and the RADIUS server round it."""

    site: Site
    lns: Lns
    wire: Wire

    def call(self, calls: tuple[str, int] = LISTEN) -> tuple[SimulatedLac, Client]:
        """Let a subscriber of a new LAC come in at an address."""
        port = 1701 + len(self.wire.timers)
        address = "2001:db8::2" if ":" in calls[0] else "198.18.0.2"
        lac = self.wire.lac(address, port, calls=calls, hostname=f"lac{port}")
        client = lac.dial(f"user{port}", "pass")
        self.wire.run(20.0, until=lambda: client.address)
        return lac, client


@contextmanager
def running(site: Site, place: Path, changes: dict[str, Any], reply: bytes = b"") -> Iterator[Run]:
    """Run the daemon with changes to the configuration; it is killed at the end, for nobody would answer it."""
    with Wire(site.lac) as wire, Lns(site.lns, place / "lns", changed(BASE, changes)) as lns:
        for port in (1812, 1813):
            wire.serve(site.core, RADIUS, port, SimulatedRadius(reply=lambda _: (2, reply)))
        try:
            yield Run(site, lns, wire)
        finally:
            lns.stop(signal.SIGKILL)
            interface = changed(BASE, changes)["dataplane"]["interface"]
            if any(link["ifname"] == interface for link in site.lns.json("link")):
                site.lns.ip("link", "delete", interface)  # what `ebpf` leaves for the next start is not tried here


# -- [lns]


@pytest.mark.parametrize(
    ("listen", "called"),
    [
        (["198.18.0.1"], [("198.18.0.1", 1701)]),
        (
            ["198.18.0.1:1702", "198.18.0.11", "[2001:db8::1]:1703", "2001:db8::11"],
            [("198.18.0.1", 1702), ("198.18.0.11", 1701), ("2001:db8::1", 1703), ("2001:db8::11", 1701)],
        ),
        (
            ["0.0.0.0", "[::]:1702"],
            [("198.18.0.1", 1701), ("198.18.0.11", 1701), ("2001:db8::1", 1702), ("2001:db8::11", 1702)],
        ),
    ],
)
def test_listen(site: Site, tmp_path: Path, listen: list[str], called: list[tuple[str, int]]) -> None:
    """Whatever address is called answers, from there and from nowhere else."""
    with running(site, tmp_path, {"lns": {"listen": listen}}) as run:
        for calls in called:
            run.wire.heard.clear()
            run.call(calls)
            assert {one.source for one in run.wire.heard} == {calls}
        rows = run.lns.show("tunnels")["tunnels"]
        assert sorted(row["local"] for row in rows) == sorted(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in called
        )
        bound = {line.split()[3] for line in site.lns.run("ss", "-uanH").stdout.splitlines()}
        assert len([one for one in bound if one.rpartition(":")[2] in {"1701", "1702", "1703"}]) == len(listen)


@pytest.mark.parametrize("listen", [["198.18.0.1", "2001:db8::1"], ["0.0.0.0", "::"]])
def test_use_ephemeral_port(site: Site, tmp_path: Path, listen: list[str]) -> None:
    """Whatever address was called, of either family, is that of the tunnel's own port."""
    lac = {"name": "any", "secret": "tunsecret", "pool": "default", "use_ephemeral_port": True}
    with running(site, tmp_path, {"lns": {"listen": listen}, "lac": [lac]}) as run:
        for called in (("198.18.0.1", 1701), ("2001:db8::1", 1701)):
            run.wire.heard.clear()
            run.call(called)
            ((host, port),) = {one.source for one in run.wire.heard}
            assert host == called[0]
            assert port != 1701
            shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            assert shown in [row["local"] for row in run.lns.show("tunnels")["tunnels"]]


@pytest.mark.parametrize("octets", [65536, 20_000_000])
def test_receive_buffer_octets(site: Site, tmp_path: Path, octets: int) -> None:
    """What `ss` shows is twice of what was asked for (socket(7))."""
    with running(site, tmp_path, {"lns": {"receive_buffer_octets": octets}}):
        lines = site.lns.run("ss", "-uanmH", "sport = :1701").stdout
        assert f"rb{2 * octets}," in lines


# -- [radius] and [[radius.server]]


@pytest.mark.parametrize("source", [None, "192.0.2.11"])
def test_server_source(site: Site, tmp_path: Path, source: str | None) -> None:
    server = BASE["radius"]["server"][0] | ({"source": source} if source else {})
    with running(site, tmp_path, {"radius": {"server": [server]}}) as run:
        run.call()
        assert {one.source[0] for one in run.wire.asked} == {source or "192.0.2.1"}


def test_server_address_and_ports(site: Site, tmp_path: Path) -> None:
    server = BASE["radius"]["server"][0] | {"address": "192.0.2.3", "auth_port": 11812, "acct_port": 11813}
    with running(site, tmp_path, {"radius": {"server": [server]}}) as run:
        auth, acct = SimulatedRadius(), SimulatedRadius()
        run.wire.serve(site.core, "192.0.2.3", 11812, auth)
        run.wire.serve(site.core, "192.0.2.3", 11813, acct)
        run.call()
        run.wire.run(10.0, until=lambda: 1 in acct.statuses())
        assert not auth.accounting
        assert auth.requests == 1


@pytest.mark.parametrize("further", [False, True])
def test_dictionaries(site: Site, tmp_path: Path, further: bool) -> None:
    """An operator's own vendor, whose attribute 7 names the profile."""
    own = tmp_path / "dictionary.acme"
    own.write_text("VENDOR Acme 9999\nBEGIN-VENDOR Acme\nATTRIBUTE Bras-Profile 7 string\nEND-VENDOR Acme\n")
    own.chmod(0o644)
    changes = {
        "radius": {"dictionaries": [str(own)] if further else []},
        "profile": [{"name": "gold", "session_timeout_s": 4321}],
    }
    reply = option(26, struct.pack("!I", 9999) + option(7, b"gold"))
    with running(site, tmp_path, changes, reply) as run:
        run.call()
        (session,) = run.lns.show("session", "user1701")["sessions"]
        told = session["profile"]["session_timeout_s"]
        assert told["source"] == ("profile gold" if further else "built-in")


# -- [ppp]


@pytest.mark.parametrize(
    ("mru", "path", "told"), [("auto", 1500, 1460), ("auto", 1400, 1360), (1300, 1500, 1300), (1300, 1400, 1300)]
)
def test_mru_of_the_path(site: Site, tmp_path: Path, mru: str | int, path: int, told: int) -> None:
    site.lns.ip("link", "set", "lac0", "mtu", str(path))
    try:
        with running(site, tmp_path, {"ppp": {"mru": mru}}) as run:
            run.call()
            frames = [frame(Datagram(0.0, LISTEN, one.data)) for one in run.wire.heard if not one.data[0] & 0x80]
            request = next(one for one in frames if one.protocol == LCP and one.code == 1)
            assert int.from_bytes(request.options[MRU], "big") == told
    finally:
        site.lns.ip("link", "set", "lac0", "mtu", "1500")


def test_mru_of_the_path_over_ipv6(site: Site, tmp_path: Path) -> None:
    changes = {"lns": {"listen": ["2001:db8::1"]}, "ppp": {"mru": "auto"}}
    with running(site, tmp_path, changes) as run:
        run.call(("2001:db8::1", 1701))
        frames = [frame(Datagram(0.0, LISTEN, one.data)) for one in run.wire.heard if not one.data[0] & 0x80]
        request = next(one for one in frames if one.protocol == LCP and one.code == 1)
        assert int.from_bytes(request.options[MRU], "big") == 1440


# -- [dataplane] and [[pool]]


@pytest.mark.parametrize("backend", ["tun", "auto"])
@pytest.mark.parametrize(("interface", "address"), [("bras0", "10.255.255.1"), ("subs7", "192.0.2.99")])
def test_interface_and_local_address(site: Site, tmp_path: Path, backend: str, interface: str, address: str) -> None:
    changes = {"dataplane": {"backend": backend, "interface": interface, "local_address": address}}
    with running(site, tmp_path, changes) as run:
        (link,) = site.lns.json("-details", "address", "show", "dev", interface)
        assert [one["local"] for one in link["addr_info"] if one["family"] == "inet"] == [address]
        assert link["linkinfo"]["info_kind"] == "tun"
        assert run.lns.wait_logged("listening")["dataplane"].endswith(interface)


def test_pool_prefixes(site: Site, tmp_path: Path) -> None:
    """One route for each prefix that covers a pool's ranges."""
    pools = [
        {"name": "default", "ranges": ["10.64.0.0/16"]},
        {"name": "more", "ranges": ["10.65.0.0-10.65.0.255", "10.66.0.4/30"]},
    ]
    with running(site, tmp_path, {"pool": pools}):
        routes = {route["dst"] for route in site.lns.json("route", "show", "dev", "bras0")}
        assert routes == {"10.64.0.0/16", "10.65.0.0/24", "10.66.0.4/30"}


# -- [metrics]


@pytest.mark.parametrize("listen", ["127.0.0.1:9617", "192.0.2.1:9999", "[::1]:9617", None])
def test_metrics_listen(site: Site, tmp_path: Path, listen: str | None) -> None:
    base = dict(BASE)
    del base["metrics"]
    changes = {"metrics": {"listen": listen}} if listen else {}
    with Lns(site.lns, tmp_path / "lns", changed(base, changes)) as lns:
        try:
            sockets = [line.split()[3] for line in site.lns.run("ss", "-tlnH").stdout.splitlines()]
            assert sockets == ([listen] if listen else [])
            if listen:
                with site.lns.entered():
                    host, _, port = listen.rpartition(":")
                    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=10)
                    connection.request("GET", "/metrics")
                    page = connection.getresponse().read()
                    connection.close()
                assert b"bras_build_info" in page
        finally:
            lns.stop(signal.SIGKILL)


def test_who_finds_the_admin_socket_finds_the_metrics(site: Site, tmp_path: Path) -> None:
    """So it is opened last, and where metrics cannot be had, not at all."""
    admin, file = tmp_path / "admin.sock", tmp_path / "bras.toml"
    file.touch(0o600)
    file.write_text(toml(changed(BASE, {"admin": {"socket": str(admin)}, "metrics": {"listen": "127.0.0.1:9617"}})))
    with site.lns.entered(), socket.create_server(("127.0.0.1", 9617)):
        done = site.lns.run(str(BRAS), "run", "--config", str(file), check=False)
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert not admin.exists()


@pytest.mark.parametrize("sessions", [True, False, None])
def test_metrics_sessions(site: Site, tmp_path: Path, sessions: bool | None) -> None:
    changes = {} if sessions is None else {"metrics": {"listen": "127.0.0.1:9617", "sessions": sessions}}
    with Lns(site.lns, tmp_path / "lns", changed(BASE, changes)) as lns:
        try:
            with site.lns.entered():
                connection = http.client.HTTPConnection("127.0.0.1", 9617, timeout=10)
                connection.request("GET", "/metrics/sessions")
                response = connection.getresponse()
                page = response.read()
                connection.close()
            assert response.status == (200 if sessions else 404)
            assert (b"# TYPE bras_session_info gauge\n" in page) is bool(sessions)
        finally:
            lns.stop(signal.SIGKILL)


# -- [admin]


def test_admin_socket(site: Site, tmp_path: Path) -> None:
    with running(site, tmp_path, {}) as run:
        mode = os.stat(run.lns.admin).st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        assert run.lns.show("version")["daemon"]["dataplane"]
        elsewhere = subprocess.run(
            [str(BRAS), "show", "version", "--socket", f"{run.lns.admin}.no"], capture_output=True, check=False
        )
        assert elsewhere.returncode != 0


# -- [log]


def _logged(site: Site, place: Path, log: dict[str, str], *, terminal: bool = False) -> str:
    """Return what a daemon writes until it stands and one call has come in."""
    place.mkdir(exist_ok=True)
    configuration = place / "bras.toml"
    configuration.write_text(toml(changed(BASE, {"log": log, "admin": {"socket": f"{place}/s"}})))
    configuration.chmod(0o600)
    reader, writer = os.openpty() if terminal else os.pipe()
    command = site.lns.command(str(BRAS), "run", "--config", str(configuration))
    with Wire(site.lac) as wire:
        for port in (1812, 1813):
            wire.serve(site.core, RADIUS, port, SimulatedRadius())
        with subprocess.Popen(command, stderr=writer, stdout=subprocess.DEVNULL) as process:
            os.close(writer)
            try:
                for _ in until(30):
                    if os.path.exists(f"{place}/s"):
                        break
                lac = wire.lac("198.18.0.2", calls=LISTEN)
                client = lac.dial("user1", "pass")
                wire.run(20.0, until=lambda: client.address)
                process.terminate()
                wire.run(20.0, until=lambda: process.poll() is not None)
            finally:
                process.kill()  # else a failure would wait for its end
    octets = b""
    try:
        while piece := os.read(reader, 65536):
            octets += piece
    except OSError:
        pass  # how a terminal says that nobody is there any more
    os.close(reader)
    return octets.decode()


@pytest.mark.parametrize(
    ("level", "said", "unsaid"),
    [
        ("debug", ["listening", "session_up", "call_up"], []),
        ("info", ["listening", "session_ended"], ["session_up", "call_up"]),
        ("warning", [], ["listening", "session_up", "call_up"]),
        ("error", [], ["listening", "session_up", "call_up"]),
    ],
)
def test_log_level(site: Site, tmp_path: Path, level: str, said: list[str], unsaid: list[str]) -> None:
    lines = [json.loads(line) for line in _logged(site, tmp_path, {"level": level, "format": "json"}).splitlines()]
    events = {line["event"] for line in lines}
    assert set(said) <= events
    assert not events & set(unsaid)


@pytest.mark.parametrize(
    ("form", "terminal", "is_json"),
    [
        ("json", False, True),
        ("json", True, True),
        ("console", False, False),
        ("auto", False, True),
        ("auto", True, False),
    ],
)
def test_log_format(site: Site, tmp_path: Path, form: str, terminal: bool, is_json: bool) -> None:
    lines = _logged(site, tmp_path, {"format": form}, terminal=terminal).splitlines()
    assert lines
    assert all(line.startswith("{") is is_json for line in lines)


# -- what none of the keys is for


def test_an_interface_that_is_taken_away_ends_the_daemon_in_words(site: Site, tmp_path: Path) -> None:
    """It cannot forward any more; whoever started it starts it again."""
    with running(site, tmp_path, {}) as run:
        _, client = run.call()
        site.lns.ip("link", "delete", "bras0")
        run.wire.run(20.0, until=lambda: client.ended)
        run.lns.wait_logged("stopped")
        assert run.lns._process is not None
        assert run.lns._process.wait(10.0) == 1
        events = [line["event"] for line in run.lns.log()]
        assert events.count("data_plane_lost") == 1
        assert "defect" not in events
        assert len(run.lns.log_text().splitlines()) == len(run.lns.log()), "every line is JSON"
