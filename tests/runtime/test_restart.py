"""The daemon with `[state]`, killed or stopped and started again: a real process, sockets and TUN device.

lac 198.18.0.2 ── 198.18.0.1: bras :192.0.2.1 ── 192.0.2.2: RADIUS, and who answers pings
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.capture import Capture
from tests.support.guest import until
from tests.support.lacs import Client
from tests.support.lns import BRAS, Lns, changed, toml
from tests.support.site import CALLED, OFF, ON, START, STOP, Site, dial, metrics, no_harm, ping, provider, up_rows

pytestmark = pytest.mark.root


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with provider(tmp_path) as made:
        yield made


def test_killed_and_started_again_the_sessions_go_on(site: Site) -> None:
    first = site.start()
    lac, clients = dial(site, 5)
    ping(site, lac, clients[0], 1)
    before = up_rows(first)
    site.wire.run(3.0, until=lambda: first.sessions()[0]["up_octets"] > 0)
    first.stop(signal.SIGKILL)
    assert not site.lns_space.json("link", "show", "type", "tun"), "nothing of tun outlives the process"

    second = site.start()
    site.wire.run(10.0, until=lambda: up_rows(second) == before)
    for sequence, client in enumerate(clients, 10):
        ping(site, lac, client, sequence)
    line = second.wait_logged("state_found")
    assert (line["sessions"], line["reboot"]) == (5, False)
    row = next(row for row in second.sessions() if row["user"] == "user0")
    assert row["up_packets"] >= 2, "what was carried before is not forgotten"
    no_harm(site, lac, clients)
    assert site.statuses().count(ON) == 1
    for client in clients:
        lac.hang_up(client)
    site.wire.run(10.0, until=lambda: site.ids(STOP) == site.ids(START))
    assert {session.encode() for session, _, _ in before} == site.ids(STOP)
    assert len(site.ids(START)) == 5, "no second Start"


def test_killed_while_calls_come_up(site: Site) -> None:
    """Whatever a call had come to, it comes up after the restart without being dialled again."""
    lac = None
    lns = site.start()
    clients: list[Client] = []
    for turn in range(6):
        lac = lac or site.wire.lac("198.18.0.2", calls=CALLED)
        clients += [lac.dial(f"user{turn}x{number}", "pass") for number in range(8)]
        wanted = turn
        site.wire.run(10.0, until=lambda: sum(bool(client.address) for client in clients) >= wanted)  # noqa: B023 (run returns first)
        lns.stop(signal.SIGKILL)
        lns = site.start()
    site.wire.run(40.0, until=lambda: all(client.address for client in clients))
    site.wire.run(20.0, until=lambda: len(up_rows(lns)) == len(clients))
    no_harm(site, lac, clients)
    assert len({client.address for client in clients}) == len(clients)
    up = {session.encode() for session, _, _ in up_rows(lns)}
    site.wire.run(10.0, until=lambda: up <= site.ids(START))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_on_stop_keep_leaves_every_session(site: Site, number: signal.Signals) -> None:
    first = site.start("keep")
    lac, clients = dial(site, 3)
    ping(site, lac, clients[0], 1)
    before = up_rows(first)
    ping(site, lac, clients[0], 2)
    assert first.stop(number) == 0
    assert any(line["event"] == "sessions_kept" for line in first.log())
    assert STOP not in site.statuses()
    assert OFF not in site.statuses()
    second = site.start("keep")
    site.wire.run(10.0, until=lambda: up_rows(second) == before)
    row = next(row for row in second.sessions() if row["user"] == "user0")
    assert row["up_packets"] >= 2, "a stop that is asked for loses no packet"
    ping(site, lac, clients[1], 3)
    no_harm(site, lac, clients)


@pytest.mark.parametrize(("on_stop", "number"), [("teardown", signal.SIGTERM), ("keep", signal.SIGQUIT)])
def test_on_stop_teardown_and_sigquit_end_every_session(site: Site, on_stop: str, number: signal.Signals) -> None:
    first = site.start(on_stop)
    _, clients = dial(site, 3)
    assert first._process is not None
    first._process.send_signal(number)
    site.wire.run(10.0, until=lambda: first._process.poll() is not None)
    assert first.stop() == 0
    site.wire.run(5.0, until=lambda: all(client.ended for client in clients))
    assert site.ids(STOP) == site.ids(START)
    assert site.statuses()[-1] == OFF
    second = site.start(on_stop)
    site.wire.run(10.0, until=lambda: site.statuses()[-1] == ON)
    assert second.sessions() == []


def test_records_that_nobody_took_outlive_a_teardown(site: Site) -> None:
    first = site.start("teardown")
    dial(site, 2)
    site.radius.silent = True
    assert first._process is not None
    first._process.send_signal(signal.SIGTERM)
    site.wire.run(15.0, until=lambda: first._process.poll() is not None)
    assert site.ids(STOP) == set()
    site.radius.silent = False
    site.start("teardown")
    site.wire.run(10.0, until=lambda: site.ids(STOP) == site.ids(START))
    site.wire.run(10.0, until=lambda: site.statuses().count(ON) == 2)


def test_a_spool_that_is_damaged_is_moved_aside_and_nobody_is_harmed(site: Site) -> None:
    first = site.start()
    lac, clients = dial(site, 2)
    before = up_rows(first)
    first.stop(signal.SIGKILL)
    spool = site.place / "state" / "spool.db"
    Path(f"{spool}-wal").unlink()  # it has all of the file still, and would mend it
    spool.write_bytes(b"no database" * 1000)
    second = site.start()
    site.wire.run(10.0, until=lambda: up_rows(second) == before)
    assert second.wait_logged("spool_damaged")["moved_to"] == f"{spool}.damaged-1"
    whole = second.show("spool")["spool"]
    assert (whole["state"], whole["failures"], whole["last_failure"]) == ("safe", 1, f"damaged: {spool}.damaged-1")
    assert second.stop(signal.SIGTERM) == 0
    assert not Path(f"{spool}-wal").exists(), "it is closed at the end"
    no_harm(site, lac, clients)


def _with_own_ports(site: Site) -> dict[str, Any]:
    group = {"name": "any", "secret": "tunsecret", "pool": "default", "use_ephemeral_port": True}
    return changed(site.configuration("keep"), {"lac": [group]})


def _ports(lns: Lns) -> list[str]:
    return sorted(row["local"].rpartition(":")[2] for row in lns.show("tunnels")["tunnels"])


def test_ports_of_their_own_outlive_a_crash(site: Site, tmp_path: Path) -> None:
    """Control and data of each tunnel go by its port before and after, as tcpdump sees them."""
    with Capture(site.lac_space, "eth0", tmp_path / "own.pcap") as passed:
        first = site.run(_with_own_ports(site))
        lac, clients = dial(site, 2)
        other = site.wire.lac("198.18.0.2", 1702, calls=CALLED, hostname="lac2")
        clients.append(other.dial("user9", "pass"))
        site.wire.run(20.0, until=lambda: clients[2].address)
        ping(site, lac, clients[0], 1)
        ping(site, other, clients[2], 2)
        before = _ports(first)
        assert len(set(before)) == 2
        assert "1701" not in before
        rows = up_rows(first)
        first.stop(signal.SIGKILL)
        second = site.run(_with_own_ports(site))
        site.wire.run(10.0, until=lambda: up_rows(second) == rows)
        assert _ports(second) == before
        ping(site, lac, clients[1], 3)
        ping(site, other, clients[2], 4)
        no_harm(site, lac, clients)
        passed.stop()
        ours = passed.packets("ip.src == 198.18.0.1 && udp", "udp.srcport", "udp.dstport")
        assert len(set(ours)) == 2, "a port for each LAC"
        assert {source for source, _ in ours} == set(before)
        theirs = passed.packets("ip.dst == 198.18.0.1 && l2tp.type == 1", "l2tp.avp.message_type", "udp.dstport")
        asked = {port for kind, port in theirs if kind == "1"}
        assert asked == {"1701"}, "a SCCRQ calls the port of all"


def test_a_port_that_is_taken_costs_its_tunnel_alone(site: Site) -> None:
    first = site.run(_with_own_ports(site))
    lac, clients = dial(site, 1)
    (taken,) = _ports(first)
    other = site.wire.lac("198.18.0.2", 1702, calls=CALLED, hostname="lac2")
    stays = other.dial("user9", "pass")
    site.wire.run(20.0, until=lambda: len(site.ids(START)) == 2)
    first.stop(signal.SIGKILL)
    with site.lns_space.entered():
        thief = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with thief:
        thief.bind(("198.18.0.1", int(taken)))
        second = site.run(_with_own_ports(site))
        line = second.wait_logged("port_lost")
        assert (line["local"], line["port"]) == ("198.18.0.1", int(taken))
        assert second.wait_logged("session_ended")["reason"] == "call_lost"
        ping(site, other, stays, 1)
        assert [row["user"] for row in second.sessions()] == ["user9"]
    assert clients[0].address
    assert lac is not other


# -- a journal that cannot be had


def _run(site: Site, directory: Path) -> subprocess.CompletedProcess[str]:
    configuration = changed(
        site.configuration("keep"),
        {"state": {"directory": str(directory)}, "admin": {"socket": str(site.place / "s")}},
    )
    file = site.place / "bras.toml"
    file.write_text(toml(configuration))
    file.chmod(0o600)
    return site.lns_space.run(str(BRAS), "run", "--config", str(file), check=False)


def test_a_journal_that_cannot_be_read_is_an_error_in_words(site: Site) -> None:
    (site.place / "file").write_text("x")
    done = _run(site, site.place / "file")
    assert done.returncode == 1
    assert "file/journal: " in done.stderr


def test_a_second_daemon_on_the_same_directory_is_refused(site: Site) -> None:
    site.start()
    done = _run(site, site.place / "state")
    assert done.returncode == 1
    assert "another process has this journal" in done.stderr


def test_a_spool_that_cannot_be_opened_is_told_of(site: Site) -> None:
    (site.place / "state" / "spool.db").mkdir(parents=True)
    done = _run(site, site.place / "state")
    assert done.returncode == 1
    assert "spool.db: " in done.stderr


def _fill(path: Path) -> None:
    """Let a file have all the room that is left."""
    with path.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_full_disk_costs_nobody_a_session_and_is_caught_up_with(site: Site) -> None:
    state = site.place / "state"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(state)], check=True)
    try:
        first = site.start()
        filler = state / "filler"
        _fill(filler)
        lac, clients = dial(site, 40)
        while not any(line["event"] == "journal_behind" for line in first.log()):
            assert len(clients) < 200
            _fill(filler)  # what the spool has given back since was room for the journal
            clients.append(lac.dial(f"user{len(clients)}", "pass"))
            site.wire.run(5.0, until=lambda: clients[-1].address)
        site.wire.run(5.0, until=lambda: len(up_rows(first)) == len(clients))
        before = up_rows(first)
        assert len(before) == len(clients)
        assert metrics(site)["bras_journal_write_failures_total"] > 0
        os.unlink(filler)
        first.wait_logged("journal_caught_up")
        assert sum(line["event"] == "journal_behind" for line in first.log()) == 1, "told once"
        assert metrics(site)["bras_journal_bytes"] > 0
        first.stop(signal.SIGKILL)
        second = site.start()
        site.wire.run(10.0, until=lambda: up_rows(second) == before)
        no_harm(site, lac, clients)
        second.stop(signal.SIGKILL)
    finally:
        for _ in until(5):
            if subprocess.run(["umount", str(state)], check=False, capture_output=True).returncode == 0:
                break


def test_without_state_nothing_is_written(site: Site) -> None:
    configuration = site.configuration("keep")
    del configuration["state"]
    site.run(configuration)
    dial(site, 1)
    assert not (site.place / "state").exists()
    assert "bras_journal_bytes" not in metrics(site)
