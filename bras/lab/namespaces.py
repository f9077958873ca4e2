"""Network namespaces of our own, for the demo and the benchmark (needs root).

``Testbed`` names its namespaces after its process, so that several can run at once, and
leaves nothing behind: what it started ends with it (PR_SET_PDEATHSIG, by ``setpriv``), and
the namespaces of one that was killed are removed by the next.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from bras.errors import BrasError

CLONE_NEWNET = 0x40000000


class LabError(BrasError):
    """The lab could not do what it was asked; the words say what and why."""


def run_ip(*arguments: str) -> None:
    """Run ``ip`` of iproute2; raises ``LabError`` with what it said."""
    try:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LabError("ip not found: install iproute2") from None
    if done.returncode:
        raise LabError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def remove_abandoned() -> None:
    """Remove the namespaces of test beds whose process was killed."""
    for path in Path("/run/netns").glob("braslab*-*"):
        owner = path.name.removeprefix("braslab").partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            subprocess.run(["ip", "netns", "delete", path.name], capture_output=True, check=False)


class Testbed:
    """Namespaces, the links between them, and the processes inside; a context manager."""

    def __init__(self, *roles: str) -> None:
        """Give each role (``lns``, ``lac``…) a namespace of its own."""
        self._names = {role: f"braslab{os.getpid()}-{role}" for role in roles}
        self._made: list[str] = []
        self._processes: list[subprocess.Popen[str]] = []
        self._links = 0

    def __enter__(self) -> Testbed:
        """Make the namespaces."""
        if os.geteuid():
            raise LabError("network namespaces need root: run it with sudo")
        remove_abandoned()
        try:
            for name in self._names.values():
                run_ip("netns", "add", name)
                self._made.append(name)
                run_ip("-n", name, "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what runs inside and remove the namespaces."""
        self.close()

    def name_of(self, role: str) -> str:
        """Return the name of a role's namespace."""
        return self._names[role]

    def link(self, first: str, first_addresses: Sequence[str], second: str, second_addresses: Sequence[str]) -> None:
        """Join two roles by a veth pair; addresses are with prefix length."""
        self._links += 1
        ends = (f"to-{second}{self._links}", f"to-{first}{self._links}")
        here, there = self._names[first], self._names[second]
        run_ip("-n", here, "link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", there)
        for name, end, addresses in ((here, ends[0], first_addresses), (there, ends[1], second_addresses)):
            for address in addresses:
                family = ("-6",) if ":" in address else ()
                nodad = ("nodad",) if ":" in address else ()
                run_ip("-n", name, *family, "address", "add", address, "dev", end, *nodad)
            run_ip("-n", name, "link", "set", end, "up")

    def route(self, role: str, prefix: str, via: str) -> None:
        """Add a route in a role's namespace."""
        run_ip("-n", self._names[role], "route", "add", prefix, "via", via)

    def sysctl(self, role: str, key: str, value: str) -> None:
        """Set a network sysctl (``net.…``) in a role's namespace."""
        path = "/proc/sys/" + key.replace(".", "/")
        script = f"echo {value} >{path}"
        done = subprocess.run(
            ["ip", "netns", "exec", self._names[role], "sh", "-c", script], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LabError(f"{key}: {done.stderr.strip()}")

    def start(
        self,
        role: str,
        command: Sequence[str],
        *,
        stdout: int | None = None,
        stderr: int | None = None,
        directory: Path | None = None,
    ) -> subprocess.Popen[str]:
        """Start a command in a role's namespace; it is ended with the test bed."""
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "ip", "netns", "exec", self._names[role], *command],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            cwd=directory,
            start_new_session=True,  # some daemons signal their whole process group when they end
        )
        self._processes.append(process)
        return process

    def socket_in(self, role: str, family: int, kind: int) -> socket.socket:
        """Open a socket in a role's namespace; it stays there, this thread comes back."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{self._names[role]}", "rb") as there:
            if libc.setns(there.fileno(), CLONE_NEWNET):
                raise LabError(f"namespace of {role}: {os.strerror(ctypes.get_errno())}")
            try:
                return socket.socket(family, kind)
            finally:
                libc.setns(home.fileno(), CLONE_NEWNET)

    def has_interface(self, role: str, name: str) -> bool:
        """Return whether a role's namespace has an interface of that name."""
        command = ["ip", "-n", self._names[role], "link", "show", "dev", name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def close(self) -> None:
        """Terminate the processes (killed after 8 s), then remove the namespaces."""
        try:
            self._end_processes()
        finally:
            while self._made:
                subprocess.run(["ip", "netns", "delete", self._made.pop()], capture_output=True, check=False)

    def _end_processes(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        self._processes.clear()
