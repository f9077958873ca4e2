"""Looking at a running daemon from outside: /metrics, and the API of ``bras show``."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_S = 5.0
Sample = tuple[dict[str, str], float]


@dataclass(frozen=True, slots=True)
class Glance:
    """What the daemon told at one instant."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    """Name of each metric, and its samples: labels and value."""
    tunnels: list[dict[str, Any]] = field(default_factory=list)
    """Rows of ``bras show tunnels``."""
    radius: list[dict[str, Any]] = field(default_factory=list)
    """Rows of ``bras show radius``."""

    def total(self, name: str, **labels: str) -> float:
        """Sum the samples of a metric that carry these labels."""
        wanted = labels.items()
        return sum(value for found, value in self.samples.get(name, ()) if wanted <= found.items())


def scrape(open_socket: Callable[[], socket.socket], port: int) -> dict[str, list[Sample]]:
    """Read ``/metrics`` on the loopback address of the daemon's namespace; raises ``OSError``."""
    with open_socket() as sock:
        sock.settimeout(TIMEOUT_S)
        sock.connect(("127.0.0.1", port))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        connection.sock = sock
        connection.request("GET", "/metrics", headers={"Connection": "close"})
        text = connection.getresponse().read().decode()
    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def ask(path: str, command: str, **arguments: Any) -> dict[str, Any]:
    """Ask the daemon's admin socket; raises ``OSError`` when it does not answer or refuses."""
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rb") as answers:
        sock.settimeout(TIMEOUT_S)
        sock.connect(path)
        sock.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        answer = json.loads(answers.readline() or b'{"ok": false, "body": {"error": "no answer"}}')
    if not answer["ok"]:
        raise OSError(f"{command}: {answer['body']['error']}")
    body: dict[str, Any] = answer["body"]
    return body
