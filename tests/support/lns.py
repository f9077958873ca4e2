"""The daemon under test as an operator runs it: its configuration file, its process, its commands."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from typer.testing import CliRunner

from bras.cli.main import app
from tests.support.guest import until
from tests.support.namespaces import Namespace

BRAS = Path(sys.executable).parent / "bras"
Table = Mapping[str, Any]

# The configuration of the manual's first page; tests change what they are about.
CONFIG: dict[str, Any] = {
    "lns": {"listen": ["198.18.0.1"], "hostname": "lns1"},
    "lac": [
        {"name": "any", "address": ["198.18.0.0/24"], "hostname": "*", "secret": "tunsecret", "pool": "default"},
    ],
    "auth": {"methods": ["mschapv2", "chap", "pap"], "source": "radius"},
    "radius": {"nas_identifier": "lns1", "server": [{"address": "198.18.1.2", "secret": "radsecret"}]},
    "ppp": {"mru": 1460, "dns": ["198.18.1.2"]},
    "pool": [{"name": "default", "ranges": ["10.64.0.0/16"]}],
    "dataplane": {"backend": "tun", "interface": "bras0", "local_address": "10.255.255.1"},
    "metrics": {"listen": "127.0.0.1:9617"},
    "log": {"format": "json"},
}


def changed(base: Table, changes: Table) -> dict[str, Any]:
    """Return a configuration with changes laid over it, table by table; lists are replaced whole."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = changed(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def toml(tree: Table, path: str = "") -> str:
    """Write a configuration as TOML."""
    lines, tables = [], []
    for key, value in tree.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            tables.append(f"[{name}]\n{toml(value, name)}")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            tables.extend(f"[[{name}]]\n{toml(item, name)}" for item in value)
        else:
            bare = key.replace("-", "_").isidentifier()
            lines.append(f"{key if bare else json.dumps(key)} = {json.dumps(value)}\n")
    return "".join([*lines, *tables])


class Lns:
    """A running bras; a context manager that ends it as an operator would, and keeps what that showed."""

    def __init__(self, namespace: Namespace, directory: Path, config: Table, through: Sequence[str] = ()) -> None:
        """Write the configuration to ``directory``; its log will be there too.

        ``through`` is a command that runs it, such as ``setpriv`` with its options.
        """
        directory.mkdir(parents=True)
        self.directory, self._namespace = directory, namespace
        # Unix sockets have short names, and directories of tests long ones.
        self._short = tempfile.TemporaryDirectory(prefix="bras-", dir="/tmp")
        self.admin = str(Path(self._short.name) / "admin.sock")
        self.config = changed(config, {"admin": {"socket": self.admin}})
        self.ended_in_s: float | None = None
        self.file = directory / "bras.toml"
        self.rewrite({})
        self._through = tuple(through)
        self._process: subprocess.Popen[bytes] | None = None

    def rewrite(self, changes: Table) -> None:
        """Lay changes over the configuration's file; a running daemon goes on with what it has read."""
        self.config = changed(self.config, changes)
        whole = self.directory / "bras.toml.new"
        whole.touch(0o600)
        whole.write_text(toml(self.config))
        whole.rename(self.file)  # nobody reads half of it

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def __enter__(self) -> Lns:
        self.start()
        return self

    def start(self) -> None:
        """Start it, for the first time or once more; returns when it answers."""
        words = (*self._through, str(BRAS), "run", "--config", str(self.directory / "bras.toml"))
        command = self._namespace.command(*words)
        with (self.directory / "stdout").open("ab") as stdout, (self.directory / "log").open("ab") as stderr:
            self._process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
        for _ in until(60):
            if self._answers():
                return
            if self._process.poll() is not None:
                break
        self._process.kill()
        raise AssertionError(f"bras does not run (status {self._process.wait()}):\n{self.log_text()}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        self._short.cleanup()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(self.admin)
            return True
        return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit status."""
        assert self._process is not None
        if self._process.poll() is None:
            began_at = time.monotonic()
            self._process.send_signal(number)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self.ended_in_s = time.monotonic() - began_at
        return self._process.returncode

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``bras WORDS`` against this daemon."""
        command = [str(BRAS), *words, "--socket", self.admin]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def show(self, what: str, *selector: str) -> Any:
        """Return what ``bras show WHAT --json`` prints: the command itself, but not in a process of its own.

        Tests ask until something is so, and a process costs fifty times what the question does.
        """
        words = ["show", what, *selector, "--json", "--socket", self.admin]
        done = CliRunner().invoke(app, words, prog_name="bras")
        assert done.exit_code == 0, f"bras show {what}: {done.stderr}"
        return json.loads(done.stdout)

    def sessions(self) -> list[dict[str, Any]]:
        """Return the sessions as ``bras show sessions`` has them."""
        rows: list[dict[str, Any]] = self.show("sessions")["sessions"]
        return rows

    def wait_sessions(self, count: int, seconds: float = 30.0) -> list[dict[str, Any]]:
        """Wait until there are so many sessions."""
        for _ in until(seconds):
            if len(rows := self.sessions()) == count:
                return rows
        raise AssertionError(f"{len(rows)} sessions, not {count}, after {seconds} s: {rows}")

    def log_text(self) -> str:
        """Return its log as written."""
        return (self.directory / "log").read_text(errors="replace")

    def log(self) -> list[dict[str, Any]]:
        """Return its log, a dictionary for each line."""
        return list(_objects(self.log_text().splitlines()))

    def wait_logged(self, event: str, seconds: float = 30.0) -> dict[str, Any]:
        """Wait for a line of the log by its event, and return the first."""
        for _ in until(seconds):
            for line in self.log():
                if line.get("event") == event:
                    return line
        raise AssertionError(f"no line {event!r} in {seconds} s:\n{self.log_text()[-3000:]}")


def _objects(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        if line.startswith("{"):
            yield json.loads(line)
