"""The log line of a set-up's phases."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from bras.lns.stages import SetupTimed
from bras.telemetry.tally import Handlers


class SetupLines:
    """Writes how long a set-up stood in each phase; for debug."""

    __slots__ = ("_log",)

    def __init__(self, log: FilteringBoundLogger) -> None:
        """Write to ``log``."""
        self._log = log

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {SetupTimed: self.setup_timed}

    def setup_timed(self, fact: SetupTimed) -> None:
        """Write ``setup_timed`` (debug): milliseconds by phase."""
        spent = {f"{phase.value}_ms": round(seconds * 1000.0, 1) for phase, seconds in fact.by_phase}
        self._log.debug("setup_timed", session=fact.session, **spent)
