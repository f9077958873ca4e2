"""``bras lab demo``: an LNS, a LAC with subscribers and a RADIUS server, each in its namespace.

    lac 198.18.0.2, .3 ── 198.18.0.1 lns 198.18.1.1 ── 198.18.1.2 core (RADIUS, and what is pinged)

It shows a table fed from /metrics and from the API of ``bras show``.  On a terminal it goes
on until Ctrl-C, otherwise it ends by itself; in the end the books must be right.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from bras.dataplane import pins
from bras.lab.board import Board
from bras.lab.ledger import read_ledger
from bras.lab.namespaces import LabError, Testbed
from bras.lab.watch import Glance, ask, scrape

CONFIG = """\
[lns]
listen = ["198.18.0.1"]
hostname = "lns1"
[[lac]]
name = "any"
address = ["198.18.0.0/24"]
hostname = "*"
secret = "tunsecret"
pool = "default"
proxy = "{proxy}"
[auth]
methods = ["mschapv2", "chap", "pap"]
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
backend = "auto"
interface = "bras0"
local_address = "10.255.255.1"
pin_dir = "{pins}"
[metrics]
listen = "127.0.0.1:9617"
[admin]
socket = "{socket}"
"""
METRICS_PORT = 9617
PINS = Path("/sys/fs/bpf")
ECHO_OCTETS = 84
"""One echo as an IP packet: 20 of IPv4, 8 of ICMP, 56 of data."""
ECHOES = 5
READY_WITHIN_S = 20.0
STOP_WITHIN_S = 6.0


class Demo:
    """One run of the demo."""

    def __init__(
        self, sessions: int, tunnels: int, rate: float, *, until_interrupted: bool, proxy: bool = False
    ) -> None:
        """Prepare; nothing is started yet.

        ``proxy``: the LAC does LCP and authentication itself, and the LNS takes both over.
        """
        self._sessions = sessions
        self._tunnels = tunnels
        self._rate = rate
        self._endless = until_interrupted
        self._proxy = proxy
        self._board = Board(sessions, tunnels)
        self._directory = Path()

    def run(self) -> list[str]:
        """Show everything; return what went wrong, in words.  Raises ``LabError`` if it cannot begin."""
        previous = {number: signal.signal(number, _terminated) for number in (signal.SIGTERM, signal.SIGHUP)}
        try:
            with tempfile.TemporaryDirectory(prefix="bras-demo-") as place, Testbed("lac", "lns", "core") as bed:
                self._directory = Path(place)
                return self._run(bed)
        finally:
            self._unpin()
            for number, handler in previous.items():
                signal.signal(number, handler)

    @property
    def _pins(self) -> Path:
        """Return where the LNS pins what it has in the kernel: nobody else's place."""
        return PINS / self._directory.name

    def _unpin(self) -> None:
        """Remove what an LNS that was killed has pinned."""
        for version in pins.versions(self._pins):
            pins.remove(version)
        with contextlib.suppress(OSError):  # there is none, or there never was
            self._pins.rmdir()

    def _run(self, bed: Testbed) -> list[str]:
        self._lay_out(bed)
        radius = self._start(bed, "core", "radius", "lab", "radius", "--listen", "198.18.1.2", "--log", "radius.jsonl")
        self._await("radius", radius, lambda: "RADIUS on" in self._text("radius.err"))
        config = self._directory / "bras.toml"
        proxy = "accept" if self._proxy else "renegotiate"
        config.write_text(CONFIG.format(socket=self._directory / "admin.sock", proxy=proxy, pins=self._pins))
        lns = self._start(bed, "lns", "lns", "run", "-c", str(config))
        self._await("lns", lns, self._serves)
        lac = self._start(bed, "lac", "lac", *self._lac_arguments())
        try:
            self._watch(bed, lac, lns)
        except KeyboardInterrupt:
            lac.terminate()
            _ended_within(lac, 30.0)
        problems = self._judge_lac(lac)
        problems += self._stop(bed, lns)
        return problems + self._judge_books(problems)

    def _lay_out(self, bed: Testbed) -> None:
        bed.link("lns", ["198.18.0.1/24"], "lac", ["198.18.0.2/24", "198.18.0.3/24"])
        bed.link("lns", ["198.18.1.1/24"], "core", ["198.18.1.2/24"])
        bed.route("core", "10.64.0.0/16", "198.18.1.1")
        bed.sysctl("lns", "net.ipv4.ip_forward", "1")

    def _lac_arguments(self) -> list[str]:
        arguments = ["lab", "lac", "198.18.0.1", "--source", "198.18.0.2", "--source", "198.18.0.3"]
        arguments += ["--secret", "tunsecret", "--tunnels", str(self._tunnels), "--sessions", str(self._sessions)]
        arguments += ["--method", "mschapv2,chap,pap", "--rate", str(self._rate), "--ping", "198.18.1.2", "--json"]
        arguments += ["--proxy"] if self._proxy else []
        arguments += ["--ping-count", "0" if self._endless else str(ECHOES), "--hold", "-1" if self._endless else "1"]
        return arguments

    # -- processes

    def _start(self, bed: Testbed, role: str, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a ``bras`` command; its output goes to NAME.out and NAME.err."""
        with (self._directory / f"{name}.out").open("w") as out, (self._directory / f"{name}.err").open("w") as err:
            return bed.start(
                role, [*_bras(), *arguments], stdout=out.fileno(), stderr=err.fileno(), directory=self._directory
            )

    def _text(self, name: str) -> str:
        return (self._directory / name).read_text(encoding="utf-8", errors="replace")

    def _await(self, name: str, process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
        until = time.monotonic() + READY_WITHIN_S
        while not ready():
            if process.poll() is not None or time.monotonic() > until:
                raise LabError(f"{name} did not begin to serve:\n{self._text(f'{name}.err')[-2000:]}")
            time.sleep(0.05)

    def _serves(self) -> bool:
        try:
            ask(str(self._directory / "admin.sock"), "show version")
        except OSError:
            return False
        return True

    def _watch(self, bed: Testbed, lac: subprocess.Popen[str], lns: subprocess.Popen[str]) -> None:
        """Show the table once a second until the LAC or the LNS has ended."""
        console = Console(highlight=False)
        with Live(console=console, auto_refresh=False) if console.is_terminal else _Plain() as live:
            while lac.poll() is None:
                self._board.update(self._glance(bed), self._progress())
                if isinstance(live, Live):
                    live.update(self._board.table(), refresh=True)
                else:
                    console.print(self._board.line(), soft_wrap=True)
                if lns.poll() is not None:
                    lac.kill()
                try:
                    lac.wait(1.0)
                except subprocess.TimeoutExpired:
                    continue

    def _glance(self, bed: Testbed) -> Glance:
        path = str(self._directory / "admin.sock")
        try:
            samples = scrape(lambda: bed.socket_in("lns", socket.AF_INET, socket.SOCK_STREAM), METRICS_PORT)
            self._board.dataplane = ask(path, "show dataplane")
            return Glance(samples, ask(path, "show tunnels")["tunnels"], ask(path, "show radius")["servers"])
        except OSError:
            return Glance()  # shown as dashes; if the daemon is gone, that is told in the end

    def _progress(self) -> dict[str, Any]:
        """Return the last line that the LAC wrote of its progress."""
        lines = [line for line in self._text("lac.err").splitlines() if line.startswith("{") and line.endswith("}")]
        progress: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return progress

    # -- the end

    def _judge_lac(self, lac: subprocess.Popen[str]) -> list[str]:
        text = self._text("lac.out").strip()
        if not text:
            return [f"the LAC ended with {lac.returncode}: {self._text('lac.err')[-2000:]}"]
        self._board.summary = json.loads(text)
        if self._endless:
            # Ctrl-C may come before all are up; what has been begun must still have ended well.
            return list(self._board.summary["complaints"])
        failures = self._board.summary["failures"].items()
        return [*self._board.summary["problems"], *(f"{number} sessions: {why}" for why, number in failures)]

    def _stop(self, bed: Testbed, lns: subprocess.Popen[str]) -> list[str]:
        """End the daemon as an operator does, and look whether it leaves anything behind."""
        if lns.poll() is not None:
            return [f"the LNS ended by itself with {lns.returncode}:\n{self._text('lns.err')[-2000:]}"]
        began = time.monotonic()
        lns.terminate()
        if not _ended_within(lns, STOP_WITHIN_S):
            return [f"the LNS did not end within {STOP_WITHIN_S:g} s of SIGTERM"]
        self._board.stop_s = time.monotonic() - began
        problems = [] if lns.returncode == 0 else [f"the LNS ended with {lns.returncode}"]
        if bed.has_interface("lns", "bras0"):
            problems.append("the LNS left its interface bras0 behind")
        return problems

    def _judge_books(self, problems: list[str]) -> list[str]:
        """Compare what RADIUS was told with what the LAC has seen."""
        ledger = read_ledger(self._directory / "radius.jsonl")
        summary = self._board.summary
        sessions = int(summary.get("sessions_up", 0))
        found = ledger.problems(sessions)
        ping = summary.get("ping")
        if ping and not self._endless and not problems:
            billed = (ledger.up_octets, ledger.down_octets)
            carried = (int(ping["sent"]) * ECHO_OCTETS, int(ping["received"]) * ECHO_OCTETS)
            if billed != carried:
                found.append(f"billed {billed} octets up and down, carried {carried}")
        Console(highlight=False).print(self._board.closing(ledger))
        return found


class _Plain:
    """Stands where the live table would, when stdout is no terminal."""

    def __enter__(self) -> _Plain:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _bras() -> list[str]:
    """Return the command that this is."""
    command = Path(sys.argv[0]).absolute()
    return [sys.executable, str(command if command.name == "bras" else Path(sys.executable).with_name("bras"))]


def _ended_within(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _terminated(*_: object) -> None:
    raise SystemExit(143)
