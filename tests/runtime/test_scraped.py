"""A real Prometheus scrapes both pages of a real daemon with real sessions, and says what ``bras show`` says.

lac 198.18.0.2 ── 198.18.0.1 lns 198.18.1.1 ── 198.18.1.2 core: RADIUS, and who is pinged
"""

from __future__ import annotations

import http.client
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from bras.lns.readings import shard_of
from tests.support.guest import until
from tests.support.lns import BRAS, CONFIG, Lns, changed
from tests.support.namespaces import Namespace, Network
from tests.support.prometheus import Prometheus

pytestmark = pytest.mark.root
SESSIONS, ECHOES, OCTETS = 5, 4, 56 + 28
SCRAPES = """\
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: bras
    static_configs: [{targets: ["127.0.0.1:9617"]}]
  - job_name: sessions
    metrics_path: /metrics/sessions
    static_configs: [{targets: ["127.0.0.1:9617"]}]
  - job_name: shard
    metrics_path: /metrics/sessions
    params: {shard: ["0/2"]}
    static_configs: [{targets: ["127.0.0.1:9617"]}]
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A daemon whose sessions have carried something and are quiet now."""

    lns: Lns
    prometheus: Prometheus
    namespace: Namespace

    def page(self, path: str, accept: str = "*/*") -> bytes:
        with self.namespace.entered():
            connection = http.client.HTTPConnection("127.0.0.1", 9617, timeout=10)
            connection.request("GET", path, headers={"Accept": accept})
            page = connection.getresponse().read()
            connection.close()
        return page

    def details(self) -> list[dict[str, Any]]:
        """Return all of each session, as ``bras show session --json`` has it."""
        found = [self.lns.show("session", row["session"])["sessions"] for row in self.lns.sessions()]
        return [one for rows in found for one in rows]

    def becomes(self, expression: str, wanted: dict[tuple[str, ...], float], *labels: str) -> None:
        """Wait until Prometheus has these values, by these labels."""
        found: dict[tuple[str, ...], float] = {}
        for _ in until(30):
            samples = self.prometheus.query(expression)
            found = {tuple(one["metric"].get(label, "") for label in labels): float(one["value"][1]) for one in samples}
            if found == wanted:
                return
        raise AssertionError(f"{expression}: {found}, not {wanted}")


def _wait(daemon: Lns) -> None:
    """Wait until all are up, quiet again, and known to answer."""
    rows: list[dict[str, Any]] = []
    for _ in until(60):
        rows = daemon.sessions()
        if len(rows) == SESSIONS and all(row["up_packets"] == ECHOES and row["echo_ms"] for row in rows):
            return
    raise AssertionError(f"{rows}\n{daemon.log_text()[-2000:]}")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("scraped")
    with Network() as network:
        lac, lns, core = network.namespace("lac"), network.namespace("lns", forwarding=True), network.namespace("core")
        network.link(lac, "eth0", ["198.18.0.2/24"], lns, "eth0", ["198.18.0.1/24"])
        network.link(lns, "eth1", ["198.18.1.1/24"], core, "eth0", ["198.18.1.2/24"])
        core.ip("route", "add", "10.64.0.0/16", "via", "198.18.1.1")
        radius = [str(BRAS), "lab", "radius", "--listen", "198.18.1.2", "--user", "us*:pass"]
        dial = [str(BRAS), "lab", "lac", "198.18.0.1", "--secret", "tunsecret", "--sessions", str(SESSIONS)]
        dial += ["--hold", "-1", "--user", 'us"er\\%d<script>@isp', "--ping", "198.18.1.2"]
        dial += ["--ping-count", str(ECHOES), "--ping-interval", "0.1"]
        config = changed(CONFIG, {"metrics": {"sessions": True}, "ppp": {"echo_interval_s": 1.0}})
        running = core.start(*radius, stderr=subprocess.PIPE, text=True)
        with running as server, Lns(lns, directory / "lns", config) as daemon:
            assert server.stderr.readline().startswith("RADIUS on 198.18.1.2")
            with lac.start(*dial, stdout=subprocess.DEVNULL) as client:
                _wait(daemon)
                prometheus = Prometheus(lns, directory / "prometheus", tool("prometheus"))
                (directory / "prometheus" / "prometheus.yml").write_text(SCRAPES)
                with prometheus:
                    made = Scene(daemon, prometheus, lns)
                    made.becomes("up", {("bras",): 1.0, ("sessions",): 1.0, ("shard",): 1.0}, "job")
                    yield made
                client.send_signal(signal.SIGINT)
                client.wait(30)
            server.send_signal(signal.SIGTERM)


def test_every_target_is_up_and_nothing_is_wrong_with_it(scene: Scene) -> None:
    assert {float(one["value"][1]) for one in scene.prometheus.query("up")} == {1.0}
    assert [one["lastError"] for one in scene.prometheus.ask("targets")["activeTargets"]] == ["", "", ""]


@pytest.mark.parametrize("unit", ["octets", "packets"])
def test_what_a_session_has_carried(scene: Scene, unit: str) -> None:
    name = "bras_session_bytes_total" if unit == "octets" else "bras_session_packets_total"
    wanted = {
        (one["session"], direction, f"ipv{family}"): float(one[f"{direction}_{unit}{family}"])
        for one in scene.details()
        for direction in ("up", "down")
        for family in (4,)  # nobody has IPv6 here
    }
    assert sum(wanted.values()) == SESSIONS * ECHOES * 2 * (OCTETS if unit == "octets" else 1)
    scene.becomes(f'{name}{{job="sessions"}}', wanted, "session", "direction", "family")


def test_whose_a_session_is(scene: Scene) -> None:
    wanted = {
        (one["session"], one["user"], one["lac"], one["lac_hostname"], one["lac_address"], one["address"]): 1.0
        for one in scene.details()
    }
    assert any(user == 'us"er\\1<script>@isp' for _, user, *_ in wanted)
    labels = ("session", "user", "lac", "lac_hostname", "lac_address", "address")
    scene.becomes('bras_session_info{job="sessions"}', wanted, *labels)


def test_the_join_of_the_manual(scene: Scene) -> None:
    wanted = {(one["user"], "any"): float(ECHOES * OCTETS) for one in scene.details()}
    info = 'on (session) group_left (user, lac) bras_session_info{job="sessions"}'
    of = '{job="sessions",direction="up",family="ipv4"}'
    scene.becomes(f"bras_session_bytes_total{of} * {info}", wanted, "user", "lac")


def test_since_when_and_how_far_away(scene: Scene) -> None:
    session = scene.lns.sessions()[0]["session"]
    (age,) = scene.prometheus.query(f'time() - bras_session_start_time_seconds{{job="sessions",session="{session}"}}')
    shown = scene.lns.show("session", session)["sessions"][0]["uptime_s"]
    assert 0.0 <= shown - float(age["value"][1]) < 30.0
    echoes = scene.prometheus.query('bras_session_echo_round_trip_seconds{job="sessions"}')
    assert len(echoes) == SESSIONS
    assert all(0.0 < float(one["value"][1]) < 5.0 for one in echoes)
    assert len(scene.prometheus.query('bras_session_policed_packets_total{job="sessions"} == 0')) == 2 * SESSIONS


def test_a_shard_is_its_part(scene: Scene) -> None:
    chosen = {(one["session"],): 1.0 for one in scene.lns.sessions() if shard_of(one["session"], 2) == 0}
    scene.becomes('bras_session_info{job="shard"}', chosen, "session")


def test_the_other_page_agrees(scene: Scene) -> None:
    scene.becomes('bras_sessions{state="up"}', {("any",): float(SESSIONS)}, "lac")
    scene.becomes('bras_tunnels{state="established"}', {("any",): 1.0}, "lac")
    (pool,) = scene.lns.show("pools")["pools"]
    scene.becomes("bras_pool_size", {("default",): float(pool["size"])}, "pool")
    held = {(state,): float(pool[state]) for state in ("used", "held", "free")}
    scene.becomes("bras_pool_addresses", held, "state")
    servers = {(one["server"], one["kind"]): float(one["requests"]) for one in scene.lns.show("radius")["servers"]}
    scene.becomes("bras_radius_requests_total", servers, "server", "kind")
    assert sum(servers.values()) >= 2 * SESSIONS
    carried = {("up", "ipv4"): float(SESSIONS * ECHOES * OCTETS), ("down", "ipv4"): float(SESSIONS * ECHOES * OCTETS)}
    scene.becomes('bras_forwarded_bytes_total{family="ipv4"}', carried, "direction", "family")
    for phase in ("link", "authenticating", "network"):
        expression = f'bras_session_setup_phase_seconds_count{{phase="{phase}"}}'
        scene.becomes(expression, {(phase,): float(SESSIONS)}, "phase")


@pytest.mark.parametrize("name", ["bras_loop_hold_seconds_count", "bras_timer_lateness_seconds_count"])
def test_the_loop_is_watched(scene: Scene, name: str) -> None:
    scene.prometheus.wait(f"increase({name}[30s]) > 0")


@pytest.mark.parametrize("path", ["/metrics", "/metrics/sessions"])
def test_promtool_finds_nothing_wrong(scene: Scene, tool: Callable[[str], str], path: str) -> None:
    page = scene.page(path)
    done = subprocess.run([tool("promtool"), "check", "metrics"], input=page, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    assert page.count(b"\n") > 50


def test_by_user(scene: Scene) -> None:
    page = scene.page("/metrics/sessions?user=us%22er%5C2%3Cscript%3E%40isp").decode()
    assert page.count("\nbras_session_info{") == 1
    assert 'user="us\\"er\\\\2<script>@isp"' in page
