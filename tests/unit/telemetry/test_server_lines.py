"""Lines of servers, and of connections towards them."""

from __future__ import annotations

import structlog
from structlog.testing import capture_logs

from bras.radius import events as radius
from bras.radius.events import Kind
from bras.telemetry.server_lines import ServerLines


def test_one_line_says_that_it_is_up_or_why_it_is_down() -> None:
    with capture_logs() as lines:
        handlers = ServerLines(structlog.get_logger()).handlers()
        handlers[radius.ConnectionDown](radius.ConnectionDown("r1", Kind.ACCT, "certificate expired on 2026-01-01"))
        handlers[radius.ConnectionUp](radius.ConnectionUp("r1", Kind.AUTH))
        handlers[radius.ServerDead](radius.ServerDead("r1", Kind.AUTH))
        handlers[radius.ServerAlive](radius.ServerAlive("r1", Kind.AUTH))
    assert lines == [
        {
            "event": "radius_connection_down",
            "log_level": "error",
            "server": "r1",
            "kind": "acct",
            "reason": "certificate expired on 2026-01-01",
        },
        {"event": "radius_connection_up", "log_level": "info", "server": "r1", "kind": "auth"},
        {"event": "radius_server_dead", "log_level": "error", "server": "r1", "kind": "auth"},
        {"event": "radius_server_alive", "log_level": "info", "server": "r1", "kind": "auth"},
    ]
