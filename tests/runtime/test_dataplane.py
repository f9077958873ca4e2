"""The daemon with the data plane that it chooses: killed, stopped, started again, detached; a real kernel forwards.

As test_restart.py, whose daemons use ``tun``.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.bpf import hanging
from tests.support.guest import until
from tests.support.lacs import Client, SimulatedLac
from tests.support.lns import BRAS, Lns, changed, toml
from tests.support.provider import bpf_file_system
from tests.support.site import ON, START, STOP, Site, dial, echo, metrics, no_harm, ping, provider, up_rows

pytestmark = pytest.mark.root

ECHO_OCTETS = 60


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with bpf_file_system(tmp_path / "bpf"), provider(tmp_path) as made:
        yield made


def _configuration(site: Site, on_stop: str = "keep", **dataplane: Any) -> dict[str, Any]:
    keys = {"backend": "ebpf", "pin_dir": str(site.place / "bpf" / "pins"), **dataplane}
    return changed(site.configuration(on_stop), {"dataplane": keys})


def _start(site: Site, on_stop: str = "keep", **dataplane: Any) -> Lns:
    return site.run(_configuration(site, on_stop, **dataplane))


def _left(site: Site) -> list[str]:
    """Return what is in the kernel: devices, programs of the LAC's link, pins."""
    devices = [row["ifname"] for row in site.lns_space.json("link", "show")]
    pins = [str(path) for path in (site.place / "bpf" / "pins").rglob("*")]
    ours = [name for name in devices if name not in {"lo", "lac0", "core0"}]
    return [*ours, *hanging(site.lns_space, "lac0"), *pins]


def _packets(site: Site, lns: Lns) -> dict[str, int]:
    return {row["user"]: row["up_packets"] for row in lns.sessions()}


def _carried(site: Site) -> dict[bytes, tuple[int, int]]:
    """Return input octets and packets of the Stop of each user."""
    stops = [record for record in site.radius.accounting if record[40][-1] == STOP]
    return {stop[1]: (int.from_bytes(stop[42], "big"), int.from_bytes(stop[47], "big")) for stop in stops}


def _send(site: Site, lac: SimulatedLac, client: Client, count: int) -> None:
    """Let a subscriber send so many echoes, and wait for as many answers."""
    before = len(site.wire.heard)
    for sequence in range(count):
        lac.send(client, b"\xff\x03\x00\x21" + echo(client.address, sequence))

    def answers() -> int:
        return sum(not one.data[0] & 0x80 and len(one.data) > ECHO_OCTETS for one in site.wire.heard[before:])

    site.wire.run(10.0, until=lambda: answers() >= count)
    assert answers() == count


def test_the_kernel_forwards_and_the_figures_say_so(site: Site) -> None:
    lns = _start(site, backend="auto")
    assert lns.wait_logged("listening")["dataplane"] == "ebpf bras0"
    assert lns.show("version")["daemon"]["dataplane"] == "ebpf bras0"
    lac, (client, other) = dial(site, 2)
    before = metrics(site)
    _send(site, lac, client, 20)
    shown = lns.show("dataplane")
    assert (shown["backend"], shown["instead"], shown["entries"]) == ("ebpf", None, 2)
    assert {"interface": "lac0", "mode": "tc"} in shown["interfaces"]
    assert shown["totals"]["up_packets4"] == shown["totals"]["down_packets4"] == 20
    after = metrics(site)
    for way in ("up", "down"):
        name = f'bras_forwarded_packets_total{{direction="{way}",family="ipv4"}}'
        assert after[name] - before[name] == 20
        name = f'bras_forwarded_bytes_total{{direction="{way}",family="ipv4"}}'
        assert after[name] - before[name] == 20 * ECHO_OCTETS
        name = f'bras_forwarded_packets_total{{direction="{way}",family="ipv6"}}'
        assert after[name] == before[name] == 0
    assert after['bras_dataplane_info{backend="ebpf",interface="bras0"}'] == 1
    assert after['bras_dataplane_interface_info{interface="lac0",mode="tc"}'] == 1
    assert after["bras_dataplane_entries"] == 2
    control = 'bras_dataplane_fallbacks_total{reason="control"}'
    assert control in before
    lac.hang_up(other)
    site.wire.run(10.0, until=lambda: metrics(site)["bras_dataplane_entries"] == 1)
    site.wire.run(10.0, until=lambda: metrics(site)[control] > after[control])  # our CDN is acknowledged
    spoofed = 'bras_dropped_total{layer="dataplane",reason="spoofed_source"}'
    lac.send(client, b"\xff\x03\x00\x21" + echo(client.address + 99, 1))
    site.wire.run(10.0, until=lambda: metrics(site)[spoofed] == 1)
    assert lns.show("dataplane")["drops"]["spoofed_source"] == 1
    text = lns.command("show", "dataplane").stdout
    assert "spoofed source" in text
    assert "link scope" in text


def test_top_and_expressions_of_a_real_daemon(site: Site) -> None:
    lns = _start(site)
    lac, clients = dial(site, 3)
    _send(site, lac, clients[2], 7)
    user = lns.sessions()[2]["user"]
    chosen = (
        "show",
        "sessions",
        "--match",
        f"up_packets==7 and user=={user} and address in 10.0.0.0/8",
        "--sort",
        "-up",
    )
    (row,) = json.loads(lns.command(*chosen, "--json").stdout)["sessions"]
    assert (row["user"], row["up_packets"], row["up_bps"]) == (user, 7, None)
    (heading, line) = lns.command(*chosen, "--columns", "user,up_packets,rate").stdout.splitlines()
    assert heading.split() == ["user", "up", "packets", "rate"]
    assert line.split() == [user, "7", "0", "bit/s"]
    done = lns.command("top", "--count", "2", "--interval", "0.5", "--sort", "-packets")
    assert (done.returncode, done.stderr) == (0, "")
    first = done.stdout.split("bras ")[1]
    assert "sessions  3 up  0 coming  0 ending  in 1 tunnel" in first
    assert "logins    0.0/s accepted" in first
    assert first.index(user) == min(first.index(one["user"]) for one in lns.sessions())


def test_killed_the_kernel_goes_on_and_every_packet_is_billed(site: Site) -> None:
    first = _start(site)
    lac, clients = dial(site, 3)
    _send(site, lac, clients[0], 5)
    before = up_rows(first)
    first.stop(signal.SIGKILL)
    _send(site, lac, clients[0], 7)
    _send(site, lac, clients[1], 3)
    second = _start(site)
    site.wire.run(10.0, until=lambda: up_rows(second) == before)
    assert _packets(site, second) == {"user0": 12, "user1": 3, "user2": 0}
    for client in clients:
        _send(site, lac, client, 2)
    assert second.show("dataplane")["entries"] == 3
    no_harm(site, lac, clients)
    for client in clients:
        lac.hang_up(client)
    site.wire.run(10.0, until=lambda: site.ids(STOP) == site.ids(START))
    assert _carried(site) == {
        b"user0": (14 * ECHO_OCTETS, 14), b"user1": (5 * ECHO_OCTETS, 5), b"user2": (2 * ECHO_OCTETS, 2),
    }  # fmt: skip
    assert second.show("dataplane")["entries"] == 0


def test_on_stop_keep_leaves_the_kernel_forwarding(site: Site) -> None:
    first = _start(site, "keep")
    lac, clients = dial(site, 2)
    before = up_rows(first)
    assert first.stop() == 0
    assert any(line["event"] == "sessions_kept" for line in first.log())
    _send(site, lac, clients[0], 9)
    second = _start(site, "keep")
    site.wire.run(10.0, until=lambda: up_rows(second) == before)
    assert _packets(site, second) == {"user0": 9, "user1": 0}
    _send(site, lac, clients[1], 1)
    no_harm(site, lac, clients)
    assert site.statuses().count(ON) == 1


@pytest.mark.parametrize("state", [True, False], ids=["teardown", "no state"])
def test_a_teardown_leaves_nothing(site: Site, state: bool) -> None:
    configuration = _configuration(site, "teardown")
    if not state:
        del configuration["state"]
    lns = site.run(configuration)
    lac, clients = dial(site, 2)
    _send(site, lac, clients[0], 4)
    assert _left(site)
    assert lns._process is not None
    lns._process.send_signal(signal.SIGTERM)
    site.wire.run(10.0, until=lambda: lns._process.poll() is not None)  # type: ignore[union-attr]  # it runs
    assert lns.stop() == 0
    assert site.ids(STOP) == site.ids(START)
    assert _carried(site)[b"user0"] == (4 * ECHO_OCTETS, 4)
    assert _left(site) == []


def test_killed_without_state_the_next_start_knows_nobody(site: Site) -> None:
    configuration = _configuration(site)
    del configuration["state"]
    first = site.run(configuration)
    lac, clients = dial(site, 2)
    first.stop(signal.SIGKILL)
    _send(site, lac, clients[0], 1)
    second = site.run(configuration)
    assert second.show("dataplane")["entries"] == 0
    before = len(site.wire.heard)
    lac.send(clients[0], b"\xff\x03\x00\x21" + echo(clients[0].address, 1))
    unknown = 'bras_dropped_total{layer="l2tp",reason="unknown_tunnel"}'
    site.wire.run(10.0, until=lambda: metrics(site)[unknown] > 0)
    assert not [one for one in site.wire.heard[before:] if not one.data[0] & 0x80 and len(one.data) > ECHO_OCTETS]


def test_a_session_that_is_lost_at_the_start_is_billed_to_the_last_packet(site: Site) -> None:
    """Its tunnel's own port is somebody else's at the start."""
    group = {"name": "any", "secret": "tunsecret", "pool": "default", "use_ephemeral_port": True}
    configuration = changed(_configuration(site), {"lac": [group]})
    first = site.run(configuration)
    lac, (client,) = dial(site, 1)
    _send(site, lac, client, 3)
    (taken,) = [row["local"].rpartition(":")[2] for row in first.show("tunnels")["tunnels"]]
    first.stop(signal.SIGKILL)
    _send(site, lac, client, 4)
    with site.lns_space.entered():
        thief = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with thief:
        thief.bind(("198.18.0.1", int(taken)))
        second = site.run(configuration)
        assert second.wait_logged("session_ended")["reason"] == "call_lost"
        site.wire.run(10.0, until=lambda: site.ids(STOP) == site.ids(START))
    assert _carried(site) == {b"user0": (7 * ECHO_OCTETS, 7)}
    assert second.show("dataplane")["entries"] == 0


def test_auto_falls_back_in_one_line_and_ebpf_does_not(site: Site) -> None:
    place = site.place / "no-bpf"
    lns = _start(site, backend="auto", pin_dir=str(place))
    line = lns.wait_logged("dataplane_fallback")
    assert (line["level"], line["backend"]) == ("warning", "tun")
    assert str(place) in line["reason"]
    assert lns.wait_logged("listening")["dataplane"] == "tun bras0"
    shown = lns.show("dataplane")
    assert (shown["backend"], shown["instead"], shown["fallbacks"]) == ("tun", line["reason"], {})
    lac, clients = dial(site, 1)
    ping(site, lac, clients[0], 1)
    lns.stop(signal.SIGQUIT)
    done = _run(site, _configuration(site, pin_dir=str(place)))
    assert done.returncode == 1
    assert str(place) in done.stderr
    assert "start_failed" in done.stderr
    assert _left(site) == []


def _run(site: Site, configuration: dict[str, Any], *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of bras in the LNS's namespace, ``run`` if none is named."""
    file = site.place / "once.toml"
    file.write_text(toml(changed(configuration, {"admin": {"socket": str(site.place / "s")}})))
    file.chmod(0o600)
    return site.lns_space.run(str(BRAS), *(command or ("run",)), "--config", str(file), check=False)


def test_detach_removes_what_a_killed_daemon_left_and_nothing_while_it_runs(site: Site) -> None:
    configuration = _configuration(site)
    lns = site.run(configuration)
    lac, clients = dial(site, 1)
    file = lns.directory / "bras.toml"
    refused = site.lns_space.run(str(BRAS), "dataplane", "detach", "-c", str(file), check=False)
    assert refused.returncode == 1
    assert "a daemon answers" in refused.stderr
    _send(site, lac, clients[0], 1)
    lns.stop(signal.SIGKILL)
    assert _left(site)
    done = site.lns_space.run(str(BRAS), "dataplane", "detach", "-c", str(file), check=False)
    assert done.returncode == 0, done.stderr
    assert "removed interface bras0" in done.stdout
    assert _left(site) == []
    again = site.lns_space.run(str(BRAS), "dataplane", "detach", "-c", str(file), check=False)
    assert (again.returncode, again.stdout.startswith("nothing is left")) == (0, True)


def test_from_one_back_end_to_the_other(site: Site) -> None:
    """What ``ebpf`` has left does not go on beside ``tun``, and the sessions go on with either."""
    first = _start(site)
    lac, clients = dial(site, 2)
    before = up_rows(first)
    first.stop()
    second = _start(site, backend="tun")
    site.wire.run(10.0, until=lambda: up_rows(second) == before)
    assert second.show("dataplane")["backend"] == "tun"
    assert _left(site) == ["bras0"]
    for number, client in enumerate(clients):
        ping(site, lac, client, number)
    second.stop()
    third = _start(site)
    site.wire.run(10.0, until=lambda: up_rows(third) == before)
    for client in clients:
        _send(site, lac, client, 2)
    for _ in until(5):
        if third.show("dataplane")["totals"]["up_packets4"] == 4:
            break
    no_harm(site, lac, clients)


def test_interfaces_xdp_and_pin_dir(site: Site) -> None:
    """``interfaces`` says by which LACs come, ``xdp`` what is done there, ``pin_dir`` where all of it stays."""
    pins = site.place / "bpf" / "elsewhere"
    first = _start(site, interfaces=["lac0"], xdp={"lac0": "decap"}, pin_dir=str(pins))
    lac, (client,) = dial(site, 1)
    _send(site, lac, client, 3)
    shown = first.show("dataplane")
    assert shown["interfaces"] == [{"interface": "lac0", "mode": "xdp-decap"}]
    assert Path(shown["pins"]).parent == pins
    assert (Path(shown["pins"]) / "sessions").exists()
    (link,) = site.lns_space.json("link", "show", "lac0")
    assert link["xdp"]["mode"] == 1, "in the driver"
    first.stop()
    second = _start(site, interfaces=["core0"], pin_dir=str(pins))
    site.wire.run(10.0, until=lambda: len(up_rows(second)) == 1)
    shown = second.show("dataplane")
    assert shown["interfaces"] == [{"interface": "core0", "mode": "tc"}]
    _send(site, lac, client, 3)  # it comes by an interface without program: the daemon carries it
    after = second.show("dataplane")
    assert after["totals"]["up_packets4"] == shown["totals"]["up_packets4"] + 3
    assert after["fallbacks"]["control"] == 0
