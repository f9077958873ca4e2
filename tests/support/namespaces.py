"""Networks of namespaces for tests and benchmarks: unique names, and nothing left behind.

Every name carries a token of this process, which holds a lock on a file of that name for
as long as it lives.  A run that was killed leaves namespaces whose lock nobody holds: the
next run deletes them, and never those of a run that is still going on.

    with Network() as network:
        lac, lns = network.namespace("lac"), network.namespace("lns")
        network.link(lac, "eth0", ["198.18.0.2/24"], lns, "eth0", ["198.18.0.1/24"])
        lac.run("ping", "-c1", "198.18.0.1")
        with lns.entered():
            server = socket.socket(...)   # stays in the namespace for good
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import ipaddress
import itertools
import json
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

PREFIX = "bras-"
LOCKS = Path("/tmp/bras-test-namespaces")
RUN = Path("/run/netns")
CLONE_NEWNET = 0x40000000
_LOCAL = 0x80000000
"""RTF_LOCAL of ``linux/ipv6_route.h``."""
_libc = ctypes.CDLL(None, use_errno=True)
_count = itertools.count()
_lock_holder: list[tuple[str, int]] = []
_guard = threading.Lock()


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _token() -> str:
    """Return this process's token; its lock is held until the process ends."""
    with _guard:
        if not _lock_holder or _lock_holder[0][1] != os.getpid():
            LOCKS.mkdir(mode=0o1777, exist_ok=True)
            token = secrets.token_hex(4)
            descriptor = os.open(LOCKS / token, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _lock_holder[:] = [(token, os.getpid())]
            atexit.register(_forget, token, os.getpid())
            sweep()
        return _lock_holder[0][0]


def _forget(token: str, pid: int) -> None:
    left = any(name.startswith(f"{PREFIX}{token}-") for name in _names())
    if os.getpid() == pid and not left:  # not in a forked child; what is left is for the next run's sweep
        (LOCKS / token).unlink(missing_ok=True)


def sweep() -> None:
    """Delete what killed runs have left: namespaces whose run holds its lock no more."""
    for lock in LOCKS.iterdir() if LOCKS.exists() else ():
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        for name in _names():
            if name.startswith(f"{PREFIX}{lock.name}-"):
                _delete(name)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _names() -> list[str]:
    return [entry.name for entry in RUN.iterdir()] if RUN.exists() else []


def _delete(name: str) -> None:
    """End what still runs in a namespace of ours, then delete it."""
    for pid in _ip("netns", "pids", name, check=False).split():
        if int(pid) != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    _ip("netns", "delete", name, check=False)


class Namespace:
    """A network namespace with its loopback up."""

    def __init__(self, name: str) -> None:
        """Create it; ``name`` is the full one, as ``ip netns`` shows it."""
        self.name = name
        _ip("netns", "add", name)
        self.ip("link", "set", "lo", "up")
        for scope in ("all", "default"):  # else the first second belongs to duplicate address detection
            self.sysctl(f"net.ipv6.conf.{scope}.accept_dad", 0)

    def ip(self, *arguments: str) -> str:
        """Run ``ip`` in it; raises RuntimeError with its words when it fails."""
        return _ip("-n", self.name, *arguments)

    def ip_all(self, *commands: str) -> None:
        """Run several ``ip`` commands in it, one after the other, in one process; raises RuntimeError."""
        self.given("\n".join(commands), "ip", "-n", self.name, "-batch", "-")

    def hold(self, *addresses: str) -> None:
        """Wait until IPv6 addresses that were added are in use: the kernel sees to new ones a little later."""
        wanted = {ipaddress.IPv6Address(address.partition("/")[0]).packed.hex() for address in addresses}
        end = time.monotonic() + 20
        while wanted - self._local():
            if time.monotonic() > end:
                raise RuntimeError(f"{self.name} does not take {', '.join(addresses)}")
            time.sleep(0.002)

    def _local(self) -> set[str]:
        with self.entered():
            routes = Path("/proc/thread-self/net/ipv6_route").read_text()
        return {line.split()[0] for line in routes.splitlines() if int(line.split()[8], 16) & _LOCAL}

    @staticmethod
    def given(text: str, *arguments: str) -> None:
        """Run a program that reads ``text``; raises RuntimeError with its words when it fails."""
        done = subprocess.run(arguments, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.strip()}\n{text}")

    def json(self, *arguments: str) -> Any:
        """Run ``ip -json`` in it."""
        return json.loads(self.ip("-json", *arguments) or "[]")

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs ``arguments`` in it."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def run(self, *arguments: str, check: bool = True, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a program in it to its end."""
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[Any]:
        """Start a program in it; the network ends it if it still runs."""
        return subprocess.Popen(self.command(*arguments), **options)

    def sysctl(self, key: str, value: str | int) -> None:
        """Set a ``net.`` key of it, dots or slashes."""
        with self.entered():
            Path("/proc/sys", key.replace(".", "/")).write_text(str(value))

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Put the calling thread into it for a while; sockets and devices made there stay there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(RUN / self.name, os.O_RDONLY)
        try:
            _setns(there)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(there)
            os.close(home)


class Network:
    """Namespaces and the links between them; a context manager that leaves nothing behind."""

    def __init__(self) -> None:
        """Begin without namespaces."""
        self._stem = f"{PREFIX}{_token()}-{next(_count)}-"
        self._namespaces: list[Namespace] = []

    def __enter__(self) -> Network:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def namespace(self, role: str, *, forwarding: bool = False) -> Namespace:
        """Create a namespace; ``role`` ends its name."""
        name = self._stem + role
        try:
            namespace = Namespace(name)
        except BaseException:
            _delete(name)
            raise
        self._namespaces.append(namespace)
        if forwarding:
            namespace.sysctl("net.ipv4.ip_forward", 1)
            namespace.sysctl("net.ipv6.conf.all.forwarding", 1)
        return namespace

    def link(
        self,
        left: Namespace,
        left_name: str,
        left_addresses: Iterable[str],
        right: Namespace,
        right_name: str,
        right_addresses: Iterable[str],
        *,
        mtu: int = 1500,
    ) -> None:
        """Lay a veth pair between two namespaces, addresses as "198.18.0.1/24", both ends up."""
        left.ip(
            *("link", "add", left_name, "mtu", str(mtu), "type", "veth"),
            *("peer", "name", right_name, "mtu", str(mtu), "netns", right.name),
        )
        for end, name, addresses in ((left, left_name, left_addresses), (right, right_name, right_addresses)):
            added = [f"address add {address} dev {name} {'nodad' if ':' in address else ''}" for address in addresses]
            end.ip_all(*added, f"link set {name} up")
        for end, addresses in ((left, left_addresses), (right, right_addresses)):
            end.hold(*(address for address in addresses if ":" in address))

    def close(self) -> None:
        """Delete all namespaces and end what runs in them."""
        while self._namespaces:
            _delete(self._namespaces.pop().name)
