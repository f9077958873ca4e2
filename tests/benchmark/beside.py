"""A good LAC beside a flood: holds sessions whose echoes it watches, and sets up calls at its best rate.

Driven by flood.py over stdin and stdout: it says what it has done, line by line, and waits to be told.
"""

from __future__ import annotations

import argparse
import json
import sys

from generator import A_RESULT, A_SESSION, CDN, HELLO, Generator, Session, avp, cpu_s, message, percentile, u16, u32

ROUND_S = 1.0
"""Each session that is held is asked once in this time, and each tunnel."""
SHARES = 10


class Beside(Generator):
    """Counts what it asks and what is answered."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self.held: list[Session] = []
        self.asked = self.answered = self.echoes = self.hellos = 0
        self._step = 0
        self.asking = False

    def _lcp_echo(self, session: Session, frame: bytes) -> None:
        self.echoes += 1
        super()._lcp_echo(session, frame)

    def _other(self, session: Session, frame: bytes) -> None:
        if frame[:3] == b"\xc0\x21\x0a":
            self.answered += 1
        else:
            super()._other(session, frame)

    def tick(self) -> None:
        """Ask a share of the sessions, ten times a second; each tunnel once a second."""
        super().tick()
        if not self.asking:
            return
        self._step += 1
        share = self._step % SHARES
        for session in self.held[share::SHARES]:
            self.asked += 1
            body = b"\xc0\x21\x09" + bytes((self._step & 255,)) + u16(8) + u32(0x5A000000 + session.number)
            self._reply(session, body)
        if share == 0:
            for tunnel in self.tunnels:
                self.hellos += 1
                tunnel.queue.append((0, message(HELLO), None))
                self._fill(tunnel)

    def hold(self) -> None:
        """Bring up the sessions that are held."""
        self.open_tunnels()
        self.set_up()
        self.held = [session for tunnel in self.tunnels for session in tunnel.sessions if session is not None]
        self.asking = True

    def phase(self, calls: int, pid: int) -> dict[str, object]:
        """Set up so many calls more; return how it went, also with the sessions that are held.

        They are hung up after it: each phase begins with those that are held alone.
        """
        self.asking = False
        self.run_until(lambda: False, 0.3)  # what came while nobody was asked to look
        self.asking = True
        before = (self.asked, self.answered, self.echoes, self.hellos, self.up, self.gone, dict(self.count))
        self.setup_times.clear()
        cpu = cpu_s(pid)
        for tunnel in self.tunnels:
            tunnel.calls_left += calls // len(self.tunnels)
        self.options.sessions += calls
        wall = self.set_up()
        spent = cpu_s(pid) - cpu
        self.asking = False
        self.run_until(lambda: self.answered >= self.asked and self._idle(), 5)
        self.asking = True
        asked, answered, echoes, hellos, up, gone, count = before
        result = {
            "asked_echoes": self.asked - asked,
            "answered_echoes": self.answered - answered,
            "echoes_of_lns": self.echoes - echoes,
            "hellos": self.hellos - hellos,
            "hellos_unanswered": sum(len(tunnel.unacked) + len(tunnel.queue) for tunnel in self.tunnels),
            "resent_control": self.count["resent_control"] - count["resent_control"],
            "resent_ppp": self.count["resent_ppp"] - count["resent_ppp"],
            "up": self.up - up,
            "ended": self.gone - gone,
            "wall_s": wall,
            "setups_per_s": (self.up - up) / wall,
            "setup_p50_ms": percentile(sorted(self.setup_times), 0.5) * 1e3,
            "setup_p99_ms": percentile(sorted(self.setup_times), 0.99) * 1e3,
            "daemon_cpu_share": spent / wall,
        }
        self._hang_up()
        return result

    def _hang_up(self) -> None:
        """End all sessions but those that are held."""
        held = set(self.held)
        for tunnel in self.tunnels:
            for index, session in enumerate(tunnel.sessions):
                if session is not None and session not in held:
                    body = message(CDN, avp(A_RESULT, u16(3)), avp(A_SESSION, u16(session.id)))
                    tunnel.queue.append((session.peer, body, None))
                    tunnel.sessions[index] = None
            self._fill(tunnel)
        self.run_until(self._idle, 30)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--held", type=int, required=True)
    parser.add_argument("--calls", type=int, required=True)
    options = parser.parse_args()
    options.__dict__ |= {
        "lns": "198.18.0.1", "lac": "198.18.0.2", "lacs": 10, "radius": "198.18.1.2", "radius_secret": "radsecret",
        "secret": "tunsecret", "password": "pass", "sessions": options.held, "tunnels": 10, "window": 4,
        "concurrency": 400, "method": "chap", "limit": 60.0, "signals": False,
    }  # fmt: skip
    lac = Beside(options)
    lac.hold()
    print(json.dumps({"held": len(lac.held)}), flush=True)
    while sys.stdin.readline():
        print(json.dumps(lac.phase(options.calls, options.pid) | {"complaints": lac.complaints[:5]}), flush=True)
        lac.complaints.clear()
    return 0


if __name__ == "__main__":
    sys.exit(main())
