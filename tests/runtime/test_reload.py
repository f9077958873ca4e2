"""The configuration of a running daemon is read again: by command, by signal, by halves, in vain, in a storm.

lac 198.18.0.2 ── 198.18.0.1: bras :192.0.2.1 ── 192.0.2.2: RADIUS, and who answers pings
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.guest import until
from tests.support.lacs import Client
from tests.support.lns import Lns
from tests.support.site import CALLED, START, STOP, Site, dial, no_harm, ping, provider, up_rows

pytestmark = pytest.mark.root

GROUP = {"name": "any", "secret": "tunsecret", "pool": "default"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with provider(tmp_path) as made:
        yield made


def metrics(lns: Lns, site: Site) -> str:
    return site.lns_space.run("curl", "-sf", "http://127.0.0.1:9617/metrics").stdout


def routes(site: Site) -> list[str]:
    return [route["dst"] for route in site.lns_space.json("route", "show", "dev", "bras0")]


def test_reload_puts_it_into_force_and_no_session_ends(site: Site) -> None:
    lns = site.start()
    lac, clients = dial(site, 3)
    ping(site, lac, clients[0], 1)
    before = up_rows(lns)
    lns.rewrite(
        {
            "lac": [GROUP | {"secret": "another", "rate_down_bps": 8_000_000}],
            "pool": [{"name": "default", "ranges": ["10.65.0.0/24"]}],
        }
    )
    done = lns.command("reload")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "changed: lac[any].secrets",
        "changed: lac[any].rate_down_bps",
        "changed: pool[default].ranges",
        "changed: pool[default].prefixes",
        f"{lns.file}: in force",
    ]
    assert up_rows(lns) == before
    assert "10.65.0.0/24" in routes(site)
    site.core_space.ip("route", "add", "10.65.0.0/24", "via", "192.0.2.1")
    late = lac.dial("late", "pass")
    site.wire.run(10.0, until=lambda: late.address)
    assert late.address >> 8 == 0x0A4100
    ping(site, lac, late, 2)
    ping(site, lac, clients[1], 3)
    (row,) = lns.show("session", "late")["sessions"]
    assert row["profile"]["rate_down_bps"] == {"value": 8_000_000, "source": "lac"}
    site.wire.lac("198.18.0.2", 1702, calls=CALLED, hostname="lac2")
    site.wire.run(5.0, until=lambda: "tunnel_refused" in lns.log_text())
    line = lns.wait_logged("config_reloaded")
    assert "lac[any].secrets" in line["changed"]
    assert "another" not in lns.log_text() + done.stdout
    no_harm(site, lac, [*clients, late])
    for client in (*clients, late):
        lac.hang_up(client)
    site.wire.run(10.0, until=lambda: len(site.ids(START)) == 4 and site.ids(STOP) == site.ids(START))


def test_a_signal_does_the_same(site: Site) -> None:
    lns = site.start()
    lac, (client,) = dial(site, 1)
    assert lns.show("version")["daemon"]["config"] == str(lns.file)
    lns.rewrite({"log": {"level": "debug"}, "defaults": {"rate_up_bps": 1_000_000}})
    lns.send_signal(signal.SIGHUP)
    assert lns.wait_logged("config_reloaded")["changed"] == ["defaults.rate_up_bps", "log.level"]
    late = lac.dial("late", "pass")
    site.wire.run(10.0, until=lambda: late.address)
    (row,) = lns.show("session", "late")["sessions"]
    assert row["profile"]["rate_up_bps"]["value"] == 1_000_000
    assert any(line["level"] == "debug" for line in lns.log())
    lns.rewrite({"log": {"level": "error"}})
    assert lns.command("reload").returncode == 0
    lines = len(lns.log())
    lac.hang_up(late)
    site.wire.run(10.0, until=lambda: len(site.ids(STOP)) == 1)
    assert len(lns.log()) == lines
    no_harm(site, lac, [client])


def test_signals_while_it_stops_change_nothing(site: Site) -> None:
    """Neither what it leaves behind nor its exit status, to the last moment."""
    lns = site.start()
    process = lns._process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    while process.poll() is None:
        lns.rewrite({"log": {"level": "debug"}})
        process.send_signal(signal.SIGHUP)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.001)
    assert process.returncode == 0
    assert lns.log()[-1]["event"] == "stopped"
    assert not [line for line in lns.log() if line["event"] == "config_reloaded"]


def test_a_file_that_is_wrong_changes_nothing_and_all_of_it_is_told(site: Site) -> None:
    lns = site.start()
    _, (client,) = dial(site, 1)
    good = lns.config
    lns.rewrite({"lac": [GROUP | {"secret": "another", "max_tunnels": -1}], "auth": {"source": "nobody"}})
    done = lns.command("reload")
    assert (done.returncode, done.stdout) == (2, "")
    first, second, last = done.stderr.splitlines()
    assert first.startswith(f"{lns.file}: lac[0].max_tunnels: ")
    assert second.startswith(f"{lns.file}: auth.source: ")
    assert last == f"{lns.file}: not put into force, nothing has changed"
    lns.send_signal(signal.SIGHUP)
    for _ in until(10):
        refused = [line for line in lns.log() if line["event"] == "config_refused"]
        if len(refused) == 2:
            break
    assert all(line["count"] == 2 and line["problems"][0].startswith(str(lns.file)) for line in refused)
    lns.file.write_text("[lns\n")
    assert "is not TOML" in lns.command("reload").stderr
    lns.file.unlink()
    assert "cannot be read" in lns.command("reload").stderr
    page = metrics(lns, site)
    assert 'bras_config_reloads_total{outcome="refused"} 4.0' in page
    assert 'bras_config_reloads_total{outcome="applied"} 0.0' in page
    late = site.wire.lac("198.18.0.2", 1702, calls=CALLED, hostname="lac2").dial("late", "pass")
    site.wire.run(10.0, until=lambda: late.address)
    lns.config = good
    lns.rewrite({})
    assert lns.command("reload").stdout == f"{lns.file}: in force, nothing has changed\n"
    assert not client.ended


def test_what_needs_a_restart_is_told_and_the_rest_is_in_force(site: Site) -> None:
    lns = site.start()
    changes: dict[str, Any] = {"lns": {"listen": ["198.18.0.1:1777"], "hostname": "lns2"}, "metrics": {}}
    lns.rewrite(changes | {"dataplane": {"clamp_mss": False}})
    done = lns.command("reload", "--json")
    body = json.loads(done.stdout)
    assert done.returncode == 3
    assert (body["outcome"], body["live"]) == ("partly", ["lns.hostname"])
    assert body["restart"] == ["lns.listen", "dataplane.clamp_mss"]
    assert lns.wait_logged("config_waits")["restart"] == body["restart"]
    assert lns.show("version")["daemon"]["config_waits_for_restart"] == body["restart"]
    assert "bras_config_restart_needed 2.0" in metrics(lns, site)
    lac = site.wire.lac("198.18.0.2", calls=CALLED)
    tunnel = lac.endpoint._tunnels[lac.tunnel_id]
    site.wire.run(5.0, until=lambda: tunnel.association.peer_hostname == "lns2")
    again = lns.command("reload")
    assert again.returncode == 3, "until it is restarted"
    assert "needs a restart: lns.listen" in again.stdout
    lns.rewrite({"lns": {"listen": ["198.18.0.1"]}, "dataplane": {"clamp_mss": True}})
    assert lns.command("reload").returncode == 0
    assert "bras_config_restart_needed 0.0" in metrics(lns, site)


def test_a_dry_run_changes_nothing(site: Site) -> None:
    lns = site.start()
    lns.rewrite({"lac": [GROUP | {"secret": "another"}], "lns": {"worker": 1}})
    done = lns.command("reload", "--dry-run")
    assert done.returncode == 3
    assert done.stdout.splitlines() == [
        "would change: lac[any].secrets",
        "needs a restart: lns.worker",
        f"{lns.file}: ok, but for what needs a restart",
    ]
    dial(site, 1)
    lns.rewrite({"auth": {"source": "nobody"}})
    assert lns.command("reload", "--dry-run").returncode == 2
    assert not [line for line in lns.log() if line["event"].startswith("config_")]


def test_killed_after_it_the_next_start_has_the_file(site: Site) -> None:
    """Also when what a session has agreed on is configured no more."""
    lns = site.start()
    lac, clients = dial(site, 3)
    before = up_rows(lns)
    lns.rewrite(
        {
            "lac": [GROUP | {"secret": "another"}],
            "auth": {"methods": ["pap"]},
            "pool": [{"name": "other", "ranges": ["10.66.0.0/24"]}],
            "lns": {"hostname": "lns2"},
        }
    )
    lns.rewrite({"lac": [GROUP | {"secret": "another", "pool": "other"}]})
    assert lns.command("reload").returncode == 0
    lns.stop(signal.SIGKILL)
    lns.start()
    site.wire.run(10.0, until=lambda: up_rows(lns) == before)
    ping(site, lac, clients[0], 5)
    late = lac.dial("late", "pass", method="pap")
    site.wire.run(10.0, until=lambda: late.address)
    assert late.address >> 8 == 0x0A4200
    no_harm(site, lac, clients)


@pytest.mark.parametrize("seed", [1])
def test_a_storm_of_signals_while_calls_come_and_go(site: Site, seed: int) -> None:
    print(f"seed={seed}")
    dice = random.Random(seed)
    lns = site.start()
    lac, (stays,) = dial(site, 1)
    ended: list[Client] = []
    clients: list[Client] = []
    for turn in range(40):
        ranges = [f"10.64.{dice.randrange(4)}.0/24"]
        lns.rewrite(
            {
                "lac": [GROUP | {"max_sessions": dice.choice((0, 1000)), "rate_up_bps": dice.choice((0, 1_000_000))}],
                "pool": [{"name": "default", "ranges": ranges}],
                "ppp": {"echo_interval_s": dice.choice((5, 20))},
            }
        )
        lns.send_signal(signal.SIGHUP)
        clients.append(lac.dial(f"user{turn}", "pass"))
        up = [client for client in clients if client.address]
        if up and dice.random() < 0.3:
            ended.append(up[0])
            clients.remove(up[0])
            lac.hang_up(up[0])
        for _ in range(5):
            site.wire.step(0.02)
    site.wire.run(20.0, until=lambda: all(client.address for client in clients))
    site.wire.run(10.0, until=lambda: len(up_rows(lns)) == len(clients) + 1)
    assert len({client.address for client in [*clients, stays]}) == len(clients) + 1
    no_harm(site, lac, [*clients, stays])
    ping(site, lac, stays, 7)
    for client in (*clients, stays):
        lac.hang_up(client)
    site.wire.run(20.0, until=lambda: len(site.ids(STOP)) == len(clients) + len(ended) + 1)
    assert site.ids(STOP) == site.ids(START)
    assert not [line for line in lns.log() if line["event"] in ("defect", "config_refused", "config_failed")]
