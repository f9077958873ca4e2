"""Real clients in a guest: xl2tpd with pppd, or the small LAC with pppd, and what became of each session."""

from __future__ import annotations

import itertools
import json
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.guest import Done, Guest, until

_AGENT_FOLDER = Path(__file__).resolve().parent.parent / "interop" / "guest"
_METHODS = ("pap", "chap", "mschap", "mschap-v2", "eap")
_RUN = "/run/lac"
_COUNTED = re.compile(r"^Sent (\d+) bytes, received (\d+) bytes", re.MULTILINE)
_runs = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Client:
    """A subscriber: who it says it is, and how it is willing to prove it (any way, unless told)."""

    user: str
    password: str = "pass"
    method: str | None = None
    options: tuple[str, ...] = ()

    def pppd_options(self, number: int, log: Path) -> str:
        """Return its options file for pppd."""
        refused = [f"refuse-{name}" for name in _METHODS if self.method not in (None, name)]
        lines = [
            *("noauth", "nodefaultroute", "ipcp-accept-local", "ipcp-accept-remote", "noccp", "noipv6", "usepeerdns"),
            *("lcp-echo-interval 5", "lcp-echo-failure 4", "debug", f"logfile {log}"),
            *(f'name "{self.user}"', f'password "{self.password}"', f"ipparam {number}"),
            *refused,
            *self.options,
        ]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Session:
    """A session as pppd's ip-up hook told of it."""

    number: int
    interface: str
    address: str
    peer: str
    dns: tuple[str, ...]


class Lac:
    """What the two LACs have in common: sessions with numbers from 1, their pppd, their logs."""

    def __init__(self, guest: Guest, clients: Sequence[Client]) -> None:
        """Prepare a session for each client; the guest is cleared of what ran before."""
        self.guest = guest
        self.clients = tuple(clients)
        self._run = f"run{next(_runs)}"
        self.logs = guest.directory / self._run
        self.logs.mkdir()
        guest.reset()
        for number, client in enumerate(self.clients, 1):
            guest.write(f"{_RUN}/options.{number}", client.pppd_options(number, self._log(number)), 0o600)

    def _log(self, number: int) -> Path:
        return self.logs / f"pppd{number}.log"

    def _name(self, program: str) -> str:
        return f"{self._run}/{program}"

    def up(self) -> dict[int, Session]:
        """Return the sessions that came up, by number; those that went down since are among them."""
        return {int(number): _session(int(number), told) for number, told in self.guest.files(f"{_RUN}/up").items()}

    def down(self) -> dict[int, tuple[int, int]]:
        """Return octets sent and received by the sessions that went down, by number, as pppd counted.

        From its log: pppd passes the LAC's SIGTERM on to its hooks, so ip-down may never run.
        """
        counted = {number: re.search(_COUNTED, self.said(number)) for number in range(1, len(self.clients) + 1)}
        return {number: (int(found[1]), int(found[2])) for number, found in counted.items() if found}

    def wait_up(self, seconds: float = 60.0) -> list[Session]:
        """Wait until all sessions are up; fail with what the logs say."""
        for _ in until(seconds):
            if len(sessions := self.up()) == len(self.clients):
                return [sessions[number] for number in sorted(sessions)]
        missing = [number for number in range(1, len(self.clients) + 1) if number not in sessions]
        raise AssertionError(f"sessions {missing} are not up after {seconds} s\n{self._tail(missing[0])}")

    def wait_down(self, seconds: float = 30.0) -> dict[int, tuple[int, int]]:
        """Wait until all sessions that were up are down."""
        for _ in until(seconds):
            if len(down := self.down()) == len(self.up()):
                return down
        raise AssertionError(f"of {sorted(self.up())} only {sorted(down)} went down in {seconds} s")

    def wait_said(self, pattern: str, number: int = 1, seconds: float = 60.0) -> re.Match[str]:
        """Wait until a session's pppd has written a line that matches."""
        for _ in until(seconds):
            if found := re.search(pattern, self.said(number)):
                return found
        raise AssertionError(f"pppd {number} did not say {pattern!r} in {seconds} s\n{self._tail(number)}")

    def said(self, number: int = 1) -> str:
        """Return what a session's pppd wrote."""
        log = self._log(number)
        return log.read_text(errors="replace") if log.exists() else ""

    def _tail(self, number: int) -> str:
        others = [path for path in self.logs.iterdir() if not path.name.startswith("pppd")]
        texts = [
            (path.name, path.read_text(errors="replace")) for path in (*others, self._log(number)) if path.exists()
        ]
        return "\n".join(f"--- {self.logs}/{name}\n{text[-1500:]}" for name, text in texts)

    def hang_up(self, *sessions: Session, number: int = signal.SIGTERM) -> None:
        """Have the clients hang up: pppd sends an LCP Terminate-Request."""
        pids = [self.guest.run("cat", f"/run/{session.interface}.pid").output.split()[0] for session in sessions]
        self.guest.run("kill", f"-{int(number)}", *pids)

    def ping(self, target: str, *sessions: Session, count: int = 3, octets: int = 56) -> list[Done]:
        """Ping through each session at once, without fragments; status 0 is "all answered".

        ``octets`` are those after the ICMP header.
        """
        command = ("ping", "-n", "-q", "-i", "0.2", "-W", "3", "-M", "do", "-c", str(count), "-s", str(octets))
        return self.guest.run_all([[*command, "-I", session.interface, target] for session in sessions])


class Xl2tpd(Lac):
    """xl2tpd as LAC, one process with a source address of its own for each session.

    It crashes on a second call in a tunnel, and kernel 6.1 tells tunnels apart by their sockets alone.
    """

    def dial(
        self,
        lns: str,
        secret: str | None = None,
        name: str = "xl2tpd",
        options: Sequence[str] = (),
        *,
        retries: int = 5,
    ) -> None:
        """Dial all sessions: [lac] sections with ``autodial``; ``options`` are further lines for each.

        ``retries`` of control messages; the waits between them are 1, 2, 4, 8 and 16 s.
        """
        auth = f"* * {secret or 'unused'}\n"
        self.guest.write(f"{_RUN}/secrets", auth, 0o600)
        for number in range(1, len(self.clients) + 1):
            source = f"198.18.0.{100 + number}"
            self.guest.run("ip", "address", "replace", f"{source}/24", "dev", "vec0")
            lines = [
                *("[global]", "port = 1701", f"listen-addr = {source}", "access control = no"),
                *(f"auth file = {_RUN}/secrets", "debug tunnel = yes", "debug state = yes"),
                f"max retries = {retries}",
                *("[lac lns]", f"lns = {lns}", f"name = {name}", "autodial = yes", "redial = no", "length bit = yes"),
                *("require authentication = no", f"pppoptfile = {_RUN}/options.{number}"),
                *(["challenge = yes"] if secret else []),
                *options,
            ]
            configuration = f"{_RUN}/xl2tpd{number}"
            self.guest.write(f"{configuration}.conf", "\n".join(lines) + "\n")
            files = ("-c", f"{configuration}.conf", "-p", f"{configuration}.pid", "-C", f"{configuration}.ctl")
            self.guest.start(self._name(f"xl2tpd{number}"), "xl2tpd", "-D", *files, "-s", f"{_RUN}/secrets")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End xl2tpd: SIGTERM sends StopCCN, SIGKILL nothing."""
        self.guest.kill(*(self._name(f"xl2tpd{n}") for n in range(1, len(self.clients) + 1)), number=number)

    def log(self, number: int = 1) -> str:
        """Return what xl2tpd wrote."""
        return (self.logs / f"xl2tpd{number}.log").read_text(errors="replace")

    def wait_logged(self, pattern: str, number: int = 1, seconds: float = 60.0) -> re.Match[str]:
        """Wait until xl2tpd has written a line that matches."""
        for _ in until(seconds):
            if found := re.search(pattern, self.log(number)):
                return found
        raise AssertionError(f"xl2tpd did not say {pattern!r} in {seconds} s\n{self._tail(number)}")


class KernelLac(Lac):
    """The small LAC over the guest's kernel l2tp_ppp: several sessions in a tunnel."""

    program = "kernel_lac.py"

    def dial(self, lns: str, secret: str = "", *, tunnels: int = 1, options: Sequence[str] = ()) -> None:
        """Dial all sessions, spread evenly over the tunnels."""
        self.guest.start(
            self._name("kernel_lac"),
            *(str(Path(sys.executable).resolve()), "-I", str(_AGENT_FOLDER / self.program), lns),
            *("--tunnels", str(tunnels), "--calls", str(len(self.clients) // tunnels), "--secret", secret),
            *("--options", f"{_RUN}/options.{{}}", *options),
        )

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it: SIGTERM sends StopCCN, SIGKILL nothing."""
        self.guest.kill(self._name("kernel_lac"), number=number)

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return what it told, all or one kind."""
        log = self.logs / "kernel_lac.log"
        told = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return [event for event in told if kind in (None, event["event"])]

    def wait_event(self, kind: str, count: int = 1, seconds: float = 30.0) -> list[dict[str, Any]]:
        """Wait until it has told ``count`` events of a kind."""
        for _ in until(seconds):
            if len(found := self.events(kind)) >= count:
                return found
        raise AssertionError(f"{len(found)} of {count} events {kind!r} in {seconds} s\n{self._tail(1)}")


class ProxyLac(KernelLac):
    """The same without the kernel, after LCP and authentication of its own with each pppd: see ``--method``."""

    program = "proxy_lac.py"


def _session(number: int, told: str) -> Session:
    interface, address, peer, *dns = told.split()
    return Session(number, interface, address, peer, tuple(server for server in dns if server != "-"))
