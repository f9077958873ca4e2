"""Lines of LACs that go on from another port."""

from __future__ import annotations

import structlog
from structlog.testing import capture_logs

from bras.l2tp import events as l2tp
from bras.l2tp.events import Path
from bras.telemetry.port_lines import PortLines

PATH = Path(0, "198.18.0.1", 1701, "198.18.0.2", 40000)


def test_a_tunnel_that_moved_is_told_with_both_ports() -> None:
    with capture_logs() as lines:
        handlers = PortLines(structlog.get_logger()).handlers(debug=True)
        handlers[l2tp.TunnelMoved](l2tp.TunnelMoved(5, "g", "lac1", PATH, 1701))
        handlers[l2tp.TunnelProbed](l2tp.TunnelProbed(5, "g", PATH))
    moved, probed = lines
    assert moved == {
        "event": "tunnel_moved",
        "log_level": "info",
        "tunnel": 5,
        "lac": "g",
        "lac_hostname": "lac1",
        "lac_address": "198.18.0.2",
        "lac_port": 40000,
        "former_port": 1701,
        "local_address": "198.18.0.1",
    }
    assert (probed["event"], probed["log_level"], probed["lac_port"]) == ("tunnel_probed", "debug", 40000)


def test_what_a_stranger_can_feign_is_for_debug() -> None:
    assert set(PortLines(structlog.get_logger()).handlers(debug=False)) == {l2tp.TunnelMoved}
