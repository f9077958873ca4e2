"""A user-mode Linux guest on the host's own file system (read-only), for peers that need a kernel.

The guest's interface is a tap in a namespace of the test; an agent in it (interop/guest/agent.py)
does what the test asks for.  Booting takes two or three seconds; one guest serves many tests.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.namespaces import Namespace

_HERE = Path(__file__).resolve().parent.parent / "interop" / "guest"
_CACHE = Path(__file__).resolve().parents[2] / "build" / "uml"
_MODULES = Path("/usr/lib/uml/modules")
_BOOT_S = 120.0  # a busy machine boots a guest forty times slower than an idle one


class GuestFailed(RuntimeError):
    """The guest did not boot, or its agent could not do what was asked."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a program in the guest ended: 124 is "took too long"."""

    status: int
    output: str


def _modules() -> Path:
    """Return a directory of depmod'ed modules for the guest; the package ships them for a root of their own."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for version in _MODULES.iterdir():
            copy = _CACHE / "lib" / "modules" / version.name
            if not (copy / "complete").exists():
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(version, copy)
                subprocess.run(["/sbin/depmod", "-b", str(_CACHE), version.name], check=True)
                (copy / "complete").touch()
    return _CACHE


class Guest:
    """A booted guest; a context manager that leaves no process behind."""

    def __init__(self, namespace: Namespace, tap: str, address: str, gateway: str, directory: Path) -> None:
        """Prepare a guest at ``address`` ("198.18.0.2/24") whose agent calls back to ``gateway``.

        ``tap`` is an interface of ``namespace``; ``directory`` gets the guest's logs and is the
        one place of the host that it can write.
        """
        self.directory = directory
        self._namespace = namespace
        self._tap = tap
        self._address = address
        self._gateway = gateway
        self._machine: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket
        self._stream: Any

    def __enter__(self) -> Guest:
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._namespace.entered():
            listener = socket.create_server((self._gateway, 0))
        with listener, contextlib.ExitStack() as undo:
            undo.callback(self._end)
            self._boot(listener.getsockname()[1])
            self._connection = self._agent(listener)
            self._stream = self._connection.makefile("rw", encoding="utf-8")
            undo.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()
        self._connection.close()  # the agent ends, and with it the guest
        self._end()

    def _boot(self, port: int) -> None:
        parameters = {
            "bras_work": self.directory,
            "bras_modules": _modules(),
            "bras_python": Path(sys.executable).resolve(),
            "bras_agent": _HERE / "agent.py",
            "bras_address": self._address,
            "bras_host": f"{self._gateway}:{port}",
        }
        # A process namespace of its own: a guest has a host process for each of its processes, and
        # would leave them behind.  Without --kill-child a killed test would leave the guest.
        command = self._namespace.command(
            *("unshare", "--pid", "--fork", "--kill-child=KILL"),
            *("linux.uml", "mem=384M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "quiet"),
            *(f"init={_HERE / 'init.sh'}", "con=null", "con0=null,fd:1", "ssl=null"),
            *(f"uml_dir={self.directory}/", "umid=uml", f"vec0:transport=tap,ifname={self._tap},depth=64,gro=0"),
            *(f"{name}={value}" for name, value in parameters.items()),
        )
        with (self.directory / "console.log").open("wb") as console:
            self._machine = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )

    def _agent(self, listener: socket.socket) -> socket.socket:
        listener.settimeout(0.5)
        end = time.monotonic() + _BOOT_S
        while time.monotonic() < end:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                if self._machine is not None and self._machine.poll() is not None:
                    break
            else:
                connection.settimeout(300)
                return connection
        raise GuestFailed(f"the guest did not boot; see {self.directory}/console.log and agent.log")

    def _end(self) -> None:
        if self._machine is None:
            return
        try:
            self._machine.wait(3)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._machine.pid, signal.SIGKILL)
            self._machine.wait()
        shutil.rmtree(self.directory / "uml", ignore_errors=True)

    def _ask(self, what: str, **request: Any) -> Any:
        self._stream.write(json.dumps({"do": what, **request}) + "\n")
        self._stream.flush()
        line = self._stream.readline()
        if not line:
            raise GuestFailed(f"the guest is gone; see {self.directory}/console.log and agent.log")
        answer = json.loads(line)
        if "error" in answer:
            raise GuestFailed(f"{what}: {answer['error']}")
        return answer["value"]

    def run(self, *argv: str, timeout: float = 30.0) -> Done:
        """Run a program in the guest to its end."""
        return self.run_all([argv], timeout)[0]

    def run_all(self, programs: Sequence[Sequence[str]], timeout: float = 60.0) -> list[Done]:
        """Run programs in the guest beside each other."""
        return [Done(**done) for done in self._ask("run", programs=[list(p) for p in programs], timeout=timeout)]

    def start(self, name: str, *argv: str) -> None:
        """Start a program under a name; its output is ``name``.log in the guest's directory."""
        self._ask("start", name=name, argv=list(argv), log=str(self.directory / f"{name}.log"))

    def kill(self, *names: str, number: int = signal.SIGTERM) -> None:
        """Send a signal to started programs."""
        self._ask("kill", names=list(names), number=int(number))

    def statuses(self, *names: str) -> dict[str, int | None]:
        """Return the exit status of each started program, None while it runs."""
        statuses: dict[str, int | None] = self._ask("statuses", names=list(names))
        return statuses

    def files(self, directory: str) -> dict[str, str]:
        """Return the files of a directory of the guest, by name."""
        found: dict[str, str] = self._ask("files", directory=directory)
        return found

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file in the guest (below /run or in its directory)."""
        self._ask("write", path=path, text=text, mode=mode)

    def reset(self) -> None:
        """End all that tests have started in the guest."""
        self._ask("reset")


def until(seconds: float) -> Iterator[None]:
    """Yield every tenth of a second, for as long as ``seconds``: ``for _ in until(5): if ...: break``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.1)
