"""What passed on the wire: tcpdump writes it down, tshark judges it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.guest import until
from tests.support.namespaces import Namespace

# Beside what cannot be dissected: what tshark holds against a packet's meaning.
_COMPLAINTS = "_ws.malformed || _ws.expert.severity == error || _ws.expert.severity == warning"

# Without a delay each packet has room for the largest there is: of the usual 2 MB thirty would fit in.
_ROOM = ("--immediate-mode", "-B", str(32 << 10))


class Capture:
    """tcpdump on an interface of a namespace; a context manager."""

    def __init__(self, namespace: Namespace | None, interface: str, path: Path, what: str = "udp") -> None:
        """Prepare to write packets that match ``what`` (a pcap filter) to ``path``.

        Without a namespace ``path`` is there already, and is only read.
        """
        self._namespace, self._interface, self.path, self._what = namespace, interface, path, what
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Capture:
        assert self._namespace is not None
        command = ("tcpdump", "-n", "-U", *_ROOM, "-Z", "root", "-i", self._interface, "-w", str(self.path))
        with self._told.open("wb") as output:
            self._process = self._namespace.start(*command, self._what, stdout=output, stderr=output)
        for _ in until(30):
            if "listening on" in self._told.read_text():
                return self
        raise RuntimeError(f"tcpdump: {self._told.read_text()}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the capture; all that passed is in the file then."""
        if self._process is not None and self._process.poll() is None:
            end = time.monotonic() + 10
            while not self._is_through():
                assert time.monotonic() < end, self._told.read_text()
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            assert "\n0 packets dropped by kernel" in self._told.read_text(), self._told.read_text()

    def _is_through(self) -> bool:
        """Tell whether all is written that had been seen when it was asked: what it has not read at its end is lost."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)
        time.sleep(0.01)
        told = re.findall(r"(\d+) packets? captured, (\d+) packets? received", self._told.read_text())
        times = 2 if self._interface == "lo" else 1  # it sees what it sends and what it gets
        return bool(told) and int(told[-1][0]) * times == int(told[-1][1])

    @property
    def _told(self) -> Path:
        return self.path.with_suffix(".tcpdump")

    def packets(self, which: str, *fields: str, options: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        """Return fields of the packets that match a display filter; of a field that repeats, the first (outermost)."""
        chosen = [word for name in fields for word in ("-e", name)]
        text = self._tshark(
            "-Y", which, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=f", *chosen, *_words(options)
        )
        return [tuple(line.split("\t")) for line in text.splitlines()]

    def trees(self, which: str, protocol: str, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """Return a protocol's dissection of the packets that match, repeated fields as lists."""
        text = self._tshark("-Y", which, "-T", "json", "--no-duplicate-keys", *_words(options))
        return [packet["_source"]["layers"][protocol] for packet in json.loads(text or "[]")]

    def complaints(self, which: str = "", options: tuple[str, ...] = ()) -> list[str]:
        """Return what tshark finds malformed or wrong, a line for each packet."""
        condition = f"({_COMPLAINTS}) && ({which})" if which else _COMPLAINTS
        columns = ("-T", "fields", *_words(("frame.number", "ip.src", "_ws.col.Info", "_ws.expert.message"), "-e"))
        return self._tshark("-Y", condition, *columns, *_words(options)).splitlines()

    def _tshark(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tshark", "-n", "-r", str(self.path), *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"tshark: {done.stderr}")
        return done.stdout


def _words(values: tuple[str, ...], flag: str = "-o") -> list[str]:
    return [word for value in values for word in (flag, value)]
