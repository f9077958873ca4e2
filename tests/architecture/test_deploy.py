"""What is packaged beside the program: defaults that load, a unit for systemd, a scrape for Prometheus."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from bras.cli.common import DEFAULT_CONFIG, DEFAULT_SOCKET
from bras.config.daemon import AdminConfig
from bras.config.load import check
from tests.architecture.source import ROOT

DEPLOY = ROOT / "deploy"
UNIT = (DEPLOY / "bras.service").read_text()


def _values(key: str) -> list[str]:
    return [line.split("=", 1)[1] for line in UNIT.splitlines() if line.startswith(f"{key}=")]


def test_the_example_configuration_is_right(tmp_path: Path) -> None:
    path = tmp_path / "bras.toml"
    shutil.copy(DEPLOY / "bras.toml", path)
    path.chmod(0o640)
    checked = check(path)
    assert (checked.problems, checked.warnings) == ((), ())
    assert checked.config is not None
    assert checked.config.metrics.listen is not None
    assert checked.config.metrics.listen.address == "127.0.0.1"
    target = f"{checked.config.metrics.listen.address}:{checked.config.metrics.listen.port}"
    assert f'"{target}"' in (DEPLOY / "prometheus.yml").read_text()
    assert checked.config.admin.socket == AdminConfig().socket == DEFAULT_SOCKET


def test_the_unit_and_the_command_mean_the_same_files() -> None:
    assert _values("ExecStart") == [f"/usr/bin/bras run -c {DEFAULT_CONFIG}"]
    assert _values("RuntimeDirectory") == [Path(DEFAULT_SOCKET).parent.name]
    (user,) = _values("User")
    assert f"u {user} " in (DEPLOY / "bras.sysusers").read_text()


def test_the_unit_has_three_rights() -> None:
    """That they are enough is seen by tests/runtime/test_rights.py."""
    assert _values("AmbientCapabilities") == _values("CapabilityBoundingSet") == ["CAP_NET_ADMIN CAP_BPF CAP_PERFMON"]
    assert _values("SystemCallFilter") == ["@system-service bpf"]
    assert _values("NoNewPrivileges") == ["yes"]
    assert _values("ProtectSystem") == ["strict"]


def test_pins_are_where_the_unit_makes_room_for_them() -> None:
    checked = check(DEPLOY / "bras.toml")
    assert checked.config is not None
    (writable,) = _values("ReadWritePaths")
    assert writable.removeprefix("-") == str(Path(checked.config.dataplane.pin_dir).parent) == "/run/bras-bpf"


def test_systemd_takes_the_unit(tmp_path: Path, tool: Callable[[str], str]) -> None:
    unit = tmp_path / "bras.service"
    unit.write_text(UNIT.replace("/usr/bin/bras", "/bin/true"))
    done = subprocess.run([tool("systemd-analyze"), "verify", str(unit)], capture_output=True, text=True, check=False)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "bras.service" in line]
    assert (done.returncode, ours) == (0, [])


def test_prometheus_takes_the_scrape(tool: Callable[[str], str]) -> None:
    command = [tool("promtool"), "check", "config", str(DEPLOY / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_grafana_finds_the_dashboards_where_the_manual_puts_them() -> None:
    provider = (ROOT / "grafana/provisioning/dashboards/bras.yaml").read_text()
    (path,) = re.findall(r"^      path: (.*)$", provider, flags=re.MULTILINE)
    for page in ("README.md", "MANUAL.md"):
        assert f"cp -rT grafana/dashboards {path}" in (ROOT / page).read_text()
        assert "cp -r grafana/provisioning/. /etc/grafana/provisioning/" in (ROOT / page).read_text()


def test_grafana_takes_rates_over_what_prometheus_scrapes() -> None:
    source = (ROOT / "grafana/provisioning/datasources/bras.yaml").read_text()
    (interval,) = re.findall(r"^      timeInterval: (\w+)", source, flags=re.MULTILINE)
    assert f"- job_name: bras\n    scrape_interval: {interval}\n" in (DEPLOY / "prometheus.yml").read_text()
