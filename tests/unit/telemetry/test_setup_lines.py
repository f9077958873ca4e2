from __future__ import annotations

import structlog
from structlog.testing import capture_logs

from bras.lns.stages import SetupTimed
from bras.telemetry.setup_lines import SetupLines


def test_the_phases_of_a_set_up_in_milliseconds() -> None:
    with capture_logs() as lines:
        handlers = SetupLines(structlog.get_logger()).handlers()
        handlers[SetupTimed](SetupTimed("s1", (0.12345, -1.0, -1.0, 2.0, -1.0)))
    assert lines == [
        {"event": "setup_timed", "log_level": "debug", "session": "s1", "link_ms": 123.5, "network_ms": 2000.0}
    ]
