"""The log lines of records that are owed."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from bras.accounting.events import Forgotten, SpoolAlert
from bras.telemetry.limit import RepeatLimit, repeated
from bras.telemetry.tally import Handlers


class SpoolLines:
    """Writes a line when a threshold is passed, and when records are given up."""

    __slots__ = ("_limit", "_log")

    def __init__(self, log: FilteringBoundLogger, limit: RepeatLimit) -> None:
        """Write to ``log``, as far as ``limit`` allows."""
        self._log = log
        self._limit = limit

    def handlers(self) -> Handlers:
        """Return what to call for which fact."""
        return {Forgotten: self.accounting_forgotten, SpoolAlert: self.spool_alert}

    def accounting_forgotten(self, fact: Forgotten) -> None:
        """Write ``accounting_forgotten``."""
        held_back = self._limit.allow("accounting_forgotten")
        if held_back is not None:
            self._log.error(
                "accounting_forgotten",
                group=fact.group,
                session=fact.session,
                status=fact.status,
                **repeated(held_back),
            )

    def spool_alert(self, fact: SpoolAlert) -> None:
        """Write ``spool_alert`` or ``spool_alert_ended``."""
        about = {"kind": fact.kind, "group": fact.group, "figure": fact.figure}
        if fact.begun:
            self._log.warning("spool_alert", **about)
        else:
            self._log.info("spool_alert_ended", **about)
