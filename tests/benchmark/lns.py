"""How each LNS under measurement is configured and started."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bras.lab.namespaces import Testbed

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SECRET, RADIUS_SECRET = "tunsecret", "radsecret"

STORYLESS = "-storyless"
"""At the end of a name: without stories."""
BRAS = """\
[lns]
listen = ["198.18.0.1"]
hostname = "lns1"
idle_tunnel_s = 0
[[lac]]
name = "any"
address = ["198.18.0.0/24"]
hostname = "*"
secret = "tunsecret"
pool = "default"
[auth]
methods = [{methods}]
source = "radius"
[radius]
nas_identifier = "lns1"
[[radius.server]]
address = "198.18.1.2"
secret = "radsecret"
[ppp]
mru = 1460
dns = ["198.18.1.2"]
[[pool]]
name = "default"
ranges = ["10.64.0.0/16"]
[dataplane]
backend = "{backend}"
pin_dir = "{pins}"
interface = "bras0"
local_address = "10.255.255.1"
[metrics]
listen = "127.0.0.1:9617"
[admin]
socket = "{directory}/admin.sock"
"""

L2TPNS = """\
set debug 1
set log_file "{directory}/log"
set pid_file "{directory}/pid"
set hostname "lns1"
set l2tp_secret "tunsecret"
set primary_dns 198.18.1.2
set primary_radius 198.18.1.2
set primary_radius_port 1812
set radius_secret "radsecret"
set radius_authtypes "{method}"
set radius_accounting yes
set allow_duplicate_users yes
set bind_address 198.18.0.1
set cli_bind_address 127.0.0.1
set cluster_interface "{interface}"
set peer_address 10.255.255.1
set lock_pages no
set cluster_hb_interval 2
set cluster_hb_timeout 5
set ppp_restart_time 3
"""


@dataclass
class Running:
    """A started LNS."""

    process: subprocess.Popen[str]
    configuration: str
    has_tunnel_secret: bool = True
    backend: str = ""
    """Of bras: the data plane that it has chosen."""


def start_bras(
    bed: Testbed,
    directory: Path,
    *,
    cpu: int,
    methods: list[str],
    profile: Path | None,
    pins: Path,
    backend: str = "auto",
    state: bool = False,
    stories: bool = True,
) -> Running:
    """Start the installed ``bras run`` and wait until it serves.

    ``pins`` is in a BPF file system; ``backend`` as in the configuration; ``state``: it keeps a journal; ``stories``:
    it keeps those, as it does unless told otherwise.
    """
    offered = ", ".join(f'"{method}"' for method in methods)
    configuration = BRAS.format(directory=directory, methods=offered, backend=backend, pins=pins)
    if state:
        configuration += f'[state]\ndirectory = "{directory}/state"\non_stop = "teardown"\n'
    if not stories:
        configuration += "[story]\nenabled = false\n"
    file = directory / "bras.toml"
    file.write_text(configuration)
    bras = str(Path(sys.executable).parent / "bras")
    command = [bras, "run", "-c", str(file)]
    if profile is not None:
        command = [sys.executable, str(HERE / "profiled.py"), str(profile), *command]
    with (directory / "log").open("w") as log:
        process = bed.start("lns", ["taskset", "-c", str(cpu), *command], stdout=log.fileno(), stderr=log.fileno())
    admin = directory / "admin.sock"
    await_that(lambda: _answers(admin), process, directory / "log", 10)
    shown = subprocess.run([bras, "show", "dataplane", "--json", "--socket", admin], stdout=subprocess.PIPE, check=True)
    return Running(process, configuration, backend=json.loads(shown.stdout)["backend"])


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
        except OSError:
            return False
        return True


def start_l2tpns(bed: Testbed, directory: Path, *, cpu: int, method: str, interface: str) -> Running:
    """Start Debian's l2tpns with a private /etc/l2tpns and wait until it has elected itself."""
    configuration = L2TPNS.format(directory=directory, method=method, interface=interface)
    (directory / "startup-config").write_text(configuration)
    (directory / "ip_pool").write_text("10.64.0.0/16\n")
    (directory / "users").write_text("admin:x\n")
    script = f'mount --bind "{directory}" /etc/l2tpns; exec l2tpns -c "{directory}/startup-config"'
    process = bed.start("lns", ["taskset", "-c", str(cpu), "unshare", "-m", "sh", "-c", script])
    log = directory / "log"
    words = "master"  # "Declaring myself master"
    await_that(lambda: log.exists() and words in log.read_text(errors="replace").lower(), process, log, 30)
    time.sleep(1)
    return Running(process, configuration)


def await_that(done, process: subprocess.Popen[str], log: Path, limit_s: float) -> None:
    """Wait for ``done()``; if the process ends before or time is up, show its log."""
    until = time.monotonic() + limit_s
    while not done():
        if process.poll() is not None or time.monotonic() > until:
            tail = log.read_text(errors="replace")[-3000:] if log.exists() else ""
            raise SystemExit(f"{process.args} did not begin to serve:\n{tail}")
        time.sleep(0.02)
