"""What the demo shows: a table on a terminal, a line a second elsewhere, and a closing summary."""

from __future__ import annotations

import time
from typing import Any

from rich.table import Table

from bras.lab.ledger import Ledger
from bras.lab.watch import Glance


class Board:
    """The numbers of the demo, from the daemon (``Glance``) and from the LAC (its progress)."""

    def __init__(self, sessions: int, tunnels: int) -> None:
        """Begin with nothing known."""
        self.summary: dict[str, Any] = {}
        """The LAC's own summary, in the end."""
        self.dataplane: dict[str, Any] = {}
        """What the LNS said last of its data plane ("show dataplane")."""
        self.stop_s = 0.0
        """Seconds that the LNS took to stop."""
        self._asked = (sessions, tunnels)
        self._glance = Glance()
        self._progress: dict[str, Any] = {}
        self._began_at = time.monotonic()
        self._most_up = 0

    def update(self, glance: Glance, progress: dict[str, Any]) -> None:
        """Take what was just seen."""
        if glance.samples:
            self._glance = glance
        self._progress = progress
        self._most_up = max(self._most_up, int(glance.total("bras_sessions", state="up")))

    def _rows(self) -> list[tuple[str, str]]:
        """Return what is shown, in words."""
        glance, progress = self._glance, self._progress
        sessions, tunnels = self._asked
        authentication = glance.total("bras_authentications_total", outcome="accepted")
        setups = glance.total("bras_session_setup_seconds_count")
        mean_ms = glance.total("bras_session_setup_seconds_sum") / setups * 1e3 if setups else 0.0
        calls = sum(row["calls"] for row in glance.tunnels)
        forwarded = [_octets(glance.total("bras_forwarded_bytes_total", direction=way)) for way in ("up", "down")]
        requests = sum(row["requests"] for row in glance.radius)
        answered = sum(row["answered"] for row in glance.radius)
        return [
            ("tunnels", f"{len(glance.tunnels)} of {tunnels}, {calls} calls"),
            ("sessions up", f"{glance.total('bras_sessions', state='up'):.0f} of {sessions}"),
            ("set-ups", f"{setups:.0f}, {mean_ms:.0f} ms each"),
            ("authenticated", f"{authentication:.0f}"),
            ("RADIUS", f"{requests} requests, {answered} answers"),
            ("octets", f"{forwarded[0]} up, {forwarded[1]} down"),
            ("dropped", f"{glance.total('bras_dropped_total'):.0f}"),
            ("echoes", f"{progress.get('pings_received', 0)} of {progress.get('pings_sent', 0)} answered"),
        ]

    def line(self) -> str:
        """Return everything in a line."""
        at = time.monotonic() - self._began_at
        return f"{at:5.1f} s  " + "; ".join(f"{name}: {value}" for name, value in self._rows())

    def table(self) -> Table:
        """Return everything as a table."""
        laid = Table(title="bras: one LNS, its LAC, its subscribers (Ctrl-C ends it)", show_header=False)
        laid.add_column(min_width=14)
        laid.add_column(min_width=40)
        for name, value in self._rows():
            laid.add_row(name, value)
        for row in self._glance.tunnels[:8]:
            laid.add_row(f"tunnel {row['tunnel']}", f"{row['hostname']} {row['remote']}, {row['calls']} calls")
        return laid

    def _forwarded(self) -> str:
        """Return by what packets were forwarded, and why not by something better."""
        backend, instead = self.dataplane.get("backend", "unknown"), self.dataplane.get("instead")
        where = "by programs in the kernel" if backend == "ebpf" else "by the daemon"
        return f"{backend}, {where}" + (f"; not in the kernel: {instead}" if instead else "")

    def closing(self, ledger: Ledger) -> Table:
        """Return what it came to."""
        summary = self.summary
        ping = summary.get("ping") or {}
        laid = Table(title="demo", show_header=False, title_justify="left")
        laid.add_column()
        laid.add_column()
        sessions = f"{summary.get('sessions_up', 0)} of {self._asked[0]} over {summary.get('tunnels_up', 0)} tunnels"
        laid.add_row("subscribers came up", f"{sessions}; {self._most_up} at once seen in /metrics")
        laid.add_row("set-up, median", f"{summary.get('setup_median_ms', 0):.0f} ms")
        laid.add_row("RADIUS", f"{ledger.accepted} accepted, {ledger.rejected} rejected")
        laid.add_row("echoes", f"{ping.get('sent', 0)} sent, {ping.get('received', 0)} answered")
        laid.add_row("accounting", f"{len(ledger.started)} Starts, {len(ledger.stopped)} Stops")
        laid.add_row("billed", f"{ledger.up_octets} octets up, {ledger.down_octets} octets down")
        laid.add_row("data plane", self._forwarded())
        laid.add_row("LNS stopped within", f"{self.stop_s:.2f} s")
        return laid


def _octets(number: float) -> str:
    for unit in ("", "k", "M"):
        if number < 10_000:
            return f"{number:.0f} {unit}B".replace("  ", " ")
        number /= 1000
    return f"{number:.0f} GB"
