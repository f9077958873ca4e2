"""The daemon as installed, the lab's LAC and RADIUS server around it, in namespaces.

lac 198.18.0.2, 2001:db8:18::2 ── 198.18.0.1, 2001:db8:18::1 lns 198.18.1.1 ── 198.18.1.2 core
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bras.lab.ledger import read_ledger
from tests.support.lns import CONFIG, Lns, Table, changed
from tests.support.namespaces import Namespace, Network

pytestmark = pytest.mark.root
BRAS = str(Path(sys.executable).parent / "bras")
ADDRESSES = {"listen": ["198.18.0.1", "2001:db8:18::1"]}


@dataclass
class Bench:
    """Three namespaces with a RADIUS server; the LNS is started by the test."""

    lac: Namespace
    lns: Namespace
    directory: Path

    @property
    def books(self) -> Path:
        return self.directory / "radius.jsonl"

    def daemon(self, **sections: Table) -> Lns:
        config = changed(CONFIG, {"lns": ADDRESSES} | dict(sections))
        config["lac"] = [config["lac"][0] | {"address": ["198.18.0.0/24", "2001:db8:18::/64"]}]
        return Lns(self.lns, self.directory / "lns", config)

    def dial(self, *options: str, lns: str = "198.18.0.1", code: int = 0) -> dict[str, Any]:
        """Run ``bras lab lac`` to its end; return its summary."""
        command = [BRAS, "lab", "lac", lns, "--secret", "tunsecret", "--json", *options]
        done = self.lac.run(*command, check=False, timeout=120)
        assert done.returncode == code, done.stdout + done.stderr
        summary: dict[str, Any] = json.loads(done.stdout)
        return summary


@pytest.fixture
def bench(tmp_path: Path, tool: Callable[[str], str]) -> Iterator[Bench]:
    """Return the namespaces, with `bras lab radius` in the core."""
    tool("ip")
    with Network() as network:
        lac, lns = network.namespace("lac"), network.namespace("lns", forwarding=True)
        core = network.namespace("core")
        network.link(
            lac,
            "eth0",
            ["198.18.0.2/24", "198.18.0.3/24", "2001:db8:18::2/64"],
            lns,
            "eth0",
            ["198.18.0.1/24", "2001:db8:18::1/64"],
        )
        network.link(lns, "eth1", ["198.18.1.1/24"], core, "eth0", ["198.18.1.2/24"])
        core.ip("route", "add", "10.64.0.0/16", "via", "198.18.1.1")
        command = [BRAS, "lab", "radius", "--listen", "198.18.1.2", "--log", str(tmp_path / "radius.jsonl")]
        with core.start(*command, stderr=subprocess.PIPE, text=True) as radius:
            assert radius.stderr.readline().startswith("RADIUS on 198.18.1.2")
            yield Bench(lac, lns, tmp_path)
            radius.send_signal(signal.SIGTERM)
            assert radius.wait(20) == 0


@pytest.mark.parametrize("method", ["pap", "chap", "mschapv1", "mschapv2"])
def test_a_call_by_each_method(bench: Bench, method: str) -> None:
    with bench.daemon(auth={"methods": ["mschapv2", "mschapv1", "chap", "pap"]}) as lns:
        summary = bench.dial("--method", method, "--ping", "198.18.1.2", "--ping-interval", "0.1")
        lns.wait_sessions(0)
    assert summary["passed"]
    assert summary["ping"]["received"] == 3
    assert read_ledger(bench.books).problems(1) == []


def test_many_calls_over_many_tunnels_and_the_bill_is_right(bench: Bench) -> None:
    options = ("--tunnels", "5", "--sessions", "60", "--source", "198.18.0.2", "--source", "198.18.0.3")
    traffic = ("--ping", "198.18.1.2", "--ping-count", "4", "--ping-interval", "0.2", "--ping-size", "1000")
    with bench.daemon() as lns:
        summary = bench.dial(*options, *traffic, "--method", "mschapv2,chap,pap", "--window", "1")
        lns.wait_sessions(0)
        assert lns.stop() == 0
        assert lns.ended_in_s is not None
        assert lns.ended_in_s < 5
    assert (summary["sessions_up"], summary["addresses"], summary["tunnels_up"]) == (60, 60, 5)
    ledger = read_ledger(bench.books)
    assert ledger.problems(60) == []
    assert (ledger.up_octets, ledger.down_octets) == (60 * 4 * 1028, 60 * 4 * 1028)
    assert bench.lns.run("ip", "link", "show", "bras0", check=False).returncode != 0


def test_ipv6_as_transport(bench: Bench) -> None:
    with bench.daemon():
        summary = bench.dial("--sessions", "3", "--ping", "198.18.1.2", "--ping-interval", "0.1", lns="2001:db8:18::1")
    assert summary["ping"]["received"] == 9


def test_a_wrong_password_fails_in_words(bench: Bench) -> None:
    with bench.daemon():
        summary = bench.dial("--password", "wrong", "--method", "mschapv2", code=1)
    assert summary["sessions_up"] == 0
    assert "auth_refused" in next(iter(summary["failures"]))
    assert read_ledger(bench.books).rejected == 1


def test_a_wrong_tunnel_secret_fails_in_words(bench: Bench) -> None:
    with bench.daemon():
        summary = bench.dial("--secret", "wrong", code=1)
    assert summary["tunnels_up"] == 0
    assert summary["complaints"]


def test_sigterm_ends_every_call_and_its_bill(bench: Bench) -> None:
    with bench.daemon() as lns:
        command = [
            BRAS,
            "lab",
            "lac",
            "198.18.0.1",
            "--secret",
            "tunsecret",
            "--json",
            "--sessions",
            "8",
            "--hold",
            "60",
        ]
        with bench.lac.start(*command, stdout=subprocess.PIPE, text=True) as lac:
            lns.wait_sessions(8)
            until = time.monotonic() + 30
            while any(row["state"] != "up" for row in lns.sessions()):
                assert time.monotonic() < until
            assert lns.stop() == 0
            summary = json.loads(lac.communicate(timeout=60)[0])
    assert summary["sessions_up"] == 8
    assert not summary["passed"]
    assert read_ledger(bench.books).problems(8) == []


def test_ctrl_c_at_the_lac_ends_politely(bench: Bench) -> None:
    with bench.daemon() as lns:
        command = [
            BRAS,
            "lab",
            "lac",
            "198.18.0.1",
            "--secret",
            "tunsecret",
            "--json",
            "--sessions",
            "4",
            "--hold",
            "-1",
        ]
        with bench.lac.start(*command, stdout=subprocess.PIPE, text=True) as lac:
            lns.wait_sessions(4)
            until = time.monotonic() + 30
            while any(row["state"] != "up" for row in lns.sessions()):
                assert time.monotonic() < until
            lac.send_signal(signal.SIGINT)
            summary = json.loads(lac.communicate(timeout=60)[0])
            assert (lac.returncode, summary["passed"]) == (0, True)
        lns.wait_sessions(0)
    assert read_ledger(bench.books).problems(4) == []


@pytest.mark.parametrize("more", [[], ["--proxy"]], ids=["plain", "proxy"])
def test_the_demo(tool: Callable[[str], str], more: list[str]) -> None:
    tool("setpriv")
    command = [BRAS, "lab", "demo", "--sessions", "40", "--rate", "40", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        said = demo.communicate(timeout=180)[0]
    assert demo.returncode == 0, said
    assert said.endswith("passed\n")
    assert "40 Starts, 40 Stops" in said
    assert "ebpf, by programs in the kernel" in said
    left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert f"braslab{demo.pid}-" not in left
