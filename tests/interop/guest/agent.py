"""Does in a guest what a test asks for: runs programs, starts and signals them, shows and writes files.

    agent.py HOST:PORT

It connects to the test, reads one request a line (JSON) and answers each with one line.
When the connection ends, so does the guest.  Standard library only.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_started: dict[str, subprocess.Popen[bytes]] = {}


def run(programs: list[list[str]], timeout: float) -> list[dict[str, Any]]:
    """Run programs beside each other to their ends; 124 is the status of one that took too long."""
    running = [
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for argv in programs
    ]
    end = time.monotonic() + timeout
    results = []
    for process in running:
        try:
            output, _ = process.communicate(timeout=max(0.0, end - time.monotonic()))
            status = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            status = 124
        results.append({"status": status, "output": output.decode(errors="replace")})
    return results


def start(name: str, argv: list[str], log: str) -> int:
    """Start a program that goes on; its output goes to the file ``log``."""
    with Path(log).open("ab") as output:
        _started[name] = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    return _started[name].pid


def kill(names: list[str], number: int) -> None:
    """Send a signal to programs that were started."""
    for name in names:
        if _started[name].poll() is None:
            _started[name].send_signal(number)


def statuses(names: list[str]) -> dict[str, int | None]:
    """Return the exit status of each started program, null while it runs."""
    return {name: _started[name].poll() for name in names}


def files(directory: str) -> dict[str, str]:
    """Return the files of a directory, by name."""
    return {entry.name: entry.read_text(errors="replace") for entry in Path(directory).iterdir() if entry.is_file()}


def write(path: str, text: str, mode: int) -> None:
    """Write a file."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    Path(path).chmod(mode)


def reset() -> None:
    """End everything that was started, and every pppd, and forget what the hook told."""
    for process in _started.values():
        if process.poll() is None:
            process.kill()
            process.wait()
    _started.clear()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _is_pppd(entry):
            os.kill(int(entry.name), signal.SIGKILL)
    end = time.monotonic() + 5
    while any(name.startswith("ppp") for _, name in socket.if_nameindex()) and time.monotonic() < end:
        time.sleep(0.02)
    for told in Path("/run/lac/up").iterdir():
        told.unlink()


def _is_pppd(process: Path) -> bool:
    try:
        return (process / "comm").read_text() == "pppd\n"
    except OSError:
        return False


_OPERATIONS = {f.__name__: f for f in (run, start, kill, statuses, files, write, reset)}


def main() -> None:
    """Serve the test until it hangs up."""
    host, _, port = sys.argv[1].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.settimeout(None)
        stream = connection.makefile("rw", encoding="utf-8")
        for line in stream:
            request = json.loads(line)
            try:
                answer = {"value": _OPERATIONS[request.pop("do")](**request)}
            except (OSError, KeyError, TypeError, subprocess.SubprocessError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            stream.write(json.dumps(answer) + "\n")
            stream.flush()


if __name__ == "__main__":
    main()
